// Families of devices that speak MQTT by themselves: their topics, words and quirks as ready wirings. What is unusual in one family is
// said at it, with its source. A device that fits none is described by plain options (mqtt-options.ts).

import type { Capabilities } from "../../ports/switcher.ts";
import type { JsonPath } from "../json-path.ts";
import type { Availability, Meter, Place, Wiring } from "./mqtt-wiring.ts";

export const presetNames = ["shelly-gen1", "shelly-gen2", "zigbee2mqtt", "esphome"] as const;
export type PresetName = (typeof presetNames)[number];

/** What a preset is told. */
export interface PresetOptions {
  readonly device: string;
  readonly base: string | undefined;
  /** True for one outlet that is named by the switcher alone. */
  readonly alone: boolean;
}

export interface Preset {
  readonly wiring: (options: PresetOptions) => Wiring;
  readonly readback: Capabilities["readback"];
  /** What stands for a channel where the configuration does not say; `undefined`: it has to. */
  readonly channel: (alone: boolean) => string | undefined;
  /** The form of a channel's name, and the form in words. */
  readonly channelForm: readonly [RegExp, string];
  /** Whether `base` means anything. */
  readonly based: boolean;
}

const at = (topic: string, ...path: JsonPath): Place => ({
  topic,
  path: path.length === 0 ? undefined : path,
});
const metered = (place: Place, scale = 1): Meter => ({ ...place, scale });
const tells = (place: Place, online: string, offline: string): Availability => ({
  ...place,
  online,
  offline,
});

const number: Preset["channelForm"] = [/^\d{1,2}$/, "a number from 0 to 99"];

/**
 * Shelly of the first generation. Its states may or may not be retained (a setting), its will is not; `update` makes it tell all its
 * states at once. Source: Shelly API reference for Gen1, "MQTT".
 */
const shellyGen1: Preset = {
  readback: "hardware",
  based: true,
  channel: () => "{{index}}",
  channelForm: number,
  wiring({ device, base = "shellies" }) {
    const root = `${base}/${device}`;
    const relay = `${root}/relay/{{channel}}`;
    const update = { topic: `${root}/command`, payload: "update" };
    return {
      command: { topic: `${relay}/command`, on: "on", off: "off" },
      state: [at(relay)],
      stateOn: "on",
      stateOff: "off",
      query: { ...update, answer: undefined },
      measure: update,
      availability: [tells(at(`${root}/online`), "true", "false")],
      bridged: false,
      power: [metered(at(`${relay}/power`))],
      energy: [metered(at(`${relay}/energy`), 1 / 60_000)], // watt-minutes
    };
  },
};

/**
 * Shelly of the second generation and later. Every call is answered on the topic that it names as `src`, with `/rpc` behind it, here one
 * below the device's own prefix for each outlet; but the answer to Switch.Set does not tell the position, and a notification comes only
 * when something has changed. Source: Shelly API documentation, Gen2, "RPC Protocol", "Notifications", "Mqtt", "Switch".
 */
const shellyGen2: Preset = {
  readback: "hardware",
  based: false,
  channel: () => "{{index}}",
  channelForm: number,
  wiring({ device }) {
    const own = `${device}/lastout/{{name}}/{{channel}}`;
    const call = (method: string, params: string): string =>
      `{"id":{{id}},"src":"${own}","method":"${method}","params":{"id":{{channel}}${params}}}`;
    const status = { topic: `${device}/rpc`, payload: call("Switch.GetStatus", "") };
    const places = (...path: JsonPath): readonly Place[] => [
      at(`${own}/rpc`, "result", ...path),
      at(`${device}/events/rpc`, "params", "switch:{{channel}}", ...path),
      at(`${device}/status/switch:{{channel}}`, ...path),
    ];
    return {
      command: {
        topic: `${device}/rpc`,
        on: call("Switch.Set", ',"on":true'),
        off: call("Switch.Set", ',"on":false'),
      },
      state: places("output"),
      stateOn: "true",
      stateOff: "false",
      query: { ...status, answer: undefined },
      measure: status,
      availability: [tells(at(`${device}/online`), "true", "false")],
      bridged: false,
      power: places("apower").map((place) => metered(place)),
      energy: places("aenergy", "total").map((place) => metered(place, 0.001)), // watt-hours
    };
  },
};

/**
 * A plug behind Zigbee2MQTT. What it publishes is what it holds for true: a switch is confirmed when the radio has acknowledged it, and at
 * its start the bridge publishes what it remembers. Source: Zigbee2MQTT 1.x and 2.x, lib/controller.ts, lib/extension/publish.ts,
 * lib/extension/availability.ts.
 */
const zigbee2mqtt: Preset = {
  readback: "inferred",
  based: true,
  channel: (alone) => (alone ? "" : "l{{outlet}}"),
  channelForm: [/^[A-Za-z0-9_]{0,32}$/, "letters, digits and `_`, such as l1 or left"],
  wiring({ device, base = "zigbee2mqtt" }) {
    const root = `${base}/${device}`;
    const get = (key: string) => ({ topic: `${root}/get`, payload: `{"${key}{{_channel}}":""}` });
    const online = (topic: string): readonly Availability[] => [
      tells(at(topic, "state"), "online", "offline"),
      tells(at(topic), "online", "offline"), // plain in old versions
    ];
    return {
      command: { topic: `${root}/set`, on: '{"state{{_channel}}":"ON"}', off: '{"state{{_channel}}":"OFF"}' },
      state: [at(root, "state{{_channel}}")],
      stateOn: "ON",
      stateOff: "OFF",
      query: { ...get("state"), answer: undefined },
      measure: get("power"),
      availability: [...online(`${root}/availability`), ...online(`${base}/bridge/state`)],
      bridged: true,
      power: [metered(at(root, "power{{_channel}}"))],
      energy: [metered(at(root, "energy{{_channel}}"))],
    };
  },
};

/**
 * A node with ESPHome. It tells its position only when that changes and when it connects, retained; a command for the present position is
 * not answered, and nothing asks for it. But with `discover_ip` (on by default) it answers a ping, which shows that it lives and that what
 * is retained is its last word. Source: ESPHome, components/mqtt/mqtt_client.cpp, mqtt_component.cpp, mqtt_switch.cpp.
 */
const esphome: Preset = {
  readback: "inferred",
  based: true,
  channel: () => undefined,
  channelForm: [/^[a-z0-9_-]{1,64}$/, "the switch's object id: its name in lower case, with `_` for blanks"],
  wiring({ device, base = device }) {
    const root = `${base}/switch/{{channel}}`;
    return {
      command: { topic: `${root}/command`, on: "ON", off: "OFF" },
      state: [at(`${root}/state`)],
      stateOn: "ON",
      stateOff: "OFF",
      query: { topic: `esphome/ping/${device}`, payload: "", answer: `esphome/discover/${device}` },
      measure: undefined,
      availability: [tells(at(`${base}/status`), "online", "offline")],
      bridged: false,
      power: [],
      energy: [],
    };
  },
};

export const presets: Readonly<Record<PresetName, Preset>> = {
  "shelly-gen1": shellyGen1,
  "shelly-gen2": shellyGen2,
  zigbee2mqtt,
  esphome,
};
