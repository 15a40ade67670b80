// What a simulated Tasmota socket says: topics, retain flags and the order of messages that belong together. When it says it is decided
// in tasmota.ts, what the objects hold in tasmota-telemetry.ts.

import { fallbackBase, topicBase } from "./tasmota-settings.ts";
import {
  type DeviceView,
  discoveryObjects,
  infoObjects,
  powerName,
  powerWord,
  sensorObject,
  stateObject,
} from "./tasmota-telemetry.ts";

type Prefix = "cmnd" | "stat" | "tele";

export interface DeviceVoice {
  say(prefix: Prefix, suffix: string, payload: string, retain: boolean): void;
  /** What is said meanwhile goes below the fallback topic, if `fallback`: the answers to a command that came on it. */
  during(fallback: boolean, run: () => void): void;
  /** At every connection, before the subscriptions. */
  greet(): void;
  /** At the first connection of a boot, after the subscriptions. */
  present(): void;
  powerState: (relay: number) => void;
  blinkState: (relay: number, on: boolean) => void;
  state: () => void;
  /** Nothing from a device without sensors. */
  sensor(periodic: boolean): void;
  discovery: (present: boolean) => void;
}

export function createVoice(
  view: () => DeviceView,
  send: (topic: string, payload: string, retain: boolean) => void,
): DeviceVoice {
  let viaFallback = false;

  function say(prefix: Prefix, suffix: string, payload: string, retain: boolean): void {
    const { settings, identity } = view();
    const base = viaFallback ? fallbackBase(identity, prefix) : topicBase(settings, identity, prefix);
    send(base + suffix, payload, retain);
  }

  /** JSON on RESULT, or with SetOption4 on the relay's own topic. */
  function tellResult(relay: number, value: string): void {
    const device = view();
    const name = powerName(device, relay);
    say("stat", device.settings.options.has(4) ? name : "RESULT", JSON.stringify({ [name]: value }), false);
  }

  function powerState(relay: number): void {
    const device = view();
    const word = powerWord(device, relay);
    tellResult(relay, word);
    if (!device.settings.options.has(90)) {
      say("stat", powerName(device, relay), word, device.settings.retain.has("POWER"));
    }
  }

  return {
    say,
    during: (fallback, run) => {
      viaFallback = fallback;
      run();
      viaFallback = false;
    },
    greet: () => {
      say("tele", "LWT", "Online", true);
      if (!view().settings.options.has(90)) {
        say("cmnd", "POWER", "", false);
      }
    },
    present: () => {
      const { settings, relays } = view();
      infoObjects(view()).forEach((info, index) => {
        const retain = index === 2 && settings.retain.has("INFO"); // INFO3 only
        say("tele", `INFO${index + 1}`, JSON.stringify(info), retain);
      });
      for (let relay = 1; relay <= relays.count; relay += 1) {
        powerState(relay);
      }
    },
    powerState,
    blinkState: (relay, on) => tellResult(relay, `Blink ${view().settings.stateText[on ? 1 : 0]}`),
    state: () => {
      say("tele", "STATE", JSON.stringify(stateObject(view())), view().settings.retain.has("STATE"));
    },
    sensor: (periodic) => {
      const sensors = sensorObject(view(), periodic);
      if (sensors !== undefined) {
        say("tele", "SENSOR", JSON.stringify(sensors), view().settings.retain.has("SENSOR"));
      }
    },
    discovery: (present) => {
      const { config, sensors } = discoveryObjects(view());
      const base = `tasmota/discovery/${view().identity.mac}`; // This prefix is fixed.
      send(`${base}/config`, present ? JSON.stringify(config) : "", true);
      send(`${base}/sensors`, present ? JSON.stringify(sensors) : "", true);
    },
  };
}
