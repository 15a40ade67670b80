// A simulated Tasmota socket of the demo lab: one relay and a meter, speaking over MQTT as firmware 15 does, so that the demo goes the
// same way as a real lab. Commands that a demo has no use for are answered as unknown, as a firmware built without them does.

import { openConnection } from "../adapters/mqtt/connection.ts";
import { type Instant, isoOf, millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";

export interface DemoSocket {
  readonly topic: string;
  readonly on: boolean;
  /** What a press of its button does. */
  press(): void;
  close(): Promise<void>;
}

/** What is plugged in. */
export interface DemoLoad {
  power(live: boolean): void;
  watts(): number;
}

export interface DemoSocketOptions {
  readonly brokerUrl: string;
  readonly topic: string;
  /** Six hex digits: the end of its made-up hardware address, of which its client id is made. */
  readonly serial: string;
  readonly load: DemoLoad;
  readonly log: Log;
  readonly clock: Clock;
}

/** A real socket sends its telemetry every 300 s until told otherwise; 10 s is the shortest it takes, and livelier. */
const defaultTelePeriod = 10;
const version = "15.2.0.2(tasmota)";

const stateWords: Readonly<Record<string, boolean | "toggle">> = {
  "0": false,
  OFF: false,
  FALSE: false,
  "1": true,
  ON: true,
  TRUE: true,
  "2": "toggle",
  TOGGLE: "toggle",
};

export function startDemoSocket(options: DemoSocketOptions): DemoSocket {
  const { topic, clock, log, load } = options;
  const clientId = `DVES_${options.serial}`;
  const commands = `cmnd/${topic}/`;
  const fallback = `${clientId}_fb`;
  const closing = new AbortController();
  const booted = clock.now();
  let on = false;
  /** A command on the fallback topic is answered below it, anything else below the own topic. */
  let answersTo = topic;
  let connections = 0;
  let telePeriod = defaultTelePeriod;
  let meteredTo = booted;
  let wattHours = 0;
  /** Ends the present pause between two telemetry messages. */
  let hurry = new AbortController();

  const connection = openConnection(
    {
      url: options.brokerUrl,
      clientId,
      clean: true,
      keepalive: 30,
      protocol: 4,
      reconnect: true,
      will: { topic: `tele/${topic}/LWT`, payload: "Offline", qos: 1, retain: true },
    },
    {
      connected: () => {
        void introduce();
      },
      message: (message, done) => {
        const text = new TextDecoder().decode(message.payload);
        answersTo = message.topic.startsWith(`cmnd/${fallback}/`) ? fallback : topic;
        obey(message.topic.slice(message.topic.lastIndexOf("/") + 1), text.trimStart());
        answersTo = topic;
        done();
      },
      lost: ({ sentence }) => log.debug({ socket: topic, reason: sentence }, "A demo socket lost its broker"),
    },
    { clock, log },
  );
  const telemetry = sendTelemetry();

  /** A real socket tells its power state only at the first connection after it booted, so this one does likewise. */
  async function introduce(): Promise<void> {
    connections += 1;
    const first = connections === 1;
    send(`tele/${topic}/LWT`, "Online", true);
    send(`${commands}POWER`, "");
    try {
      await connection.subscribe(
        [`${commands}#`, "cmnd/tasmotas/#", `cmnd/${fallback}/#`].map((filter) => ({ filter, qos: 0 })),
      );
    } catch (error) {
      log.debug({ socket: topic, error }, "A demo socket could not subscribe");
      return;
    }
    if (first) {
      const GroupTopic = "cmnd/tasmotas/";
      const FallbackTopic = `cmnd/${fallback}/`;
      tele("INFO1", { Info1: { Module: "Lastout demo", Version: version, FallbackTopic, GroupTopic } });
      tele("INFO2", { Info2: { WebServerMode: "Admin", Hostname: topic, IPAddress: "127.0.0.1" } });
      tele("INFO3", { Info3: { RestartReason: "Power On", BootCount: 1 } });
      tellPower();
    }
  }

  function obey(command: string, payload: string): void {
    const name = command.toUpperCase();
    switch (name) {
      case "POWER":
      case "POWER0":
      case "POWER1":
        switchTo(stateWords[payload.toUpperCase()]);
        tellPower();
        break;
      case "STATE":
        result(state());
        break;
      case "STATUS":
        tellStatus(payload);
        break;
      case "TELEPERIOD":
        telePeriod = newTelePeriod(payload) ?? telePeriod;
        result({ TelePeriod: telePeriod });
        hurry.abort();
        break;
      default:
        result({ Command: "Unknown", Input: payload === "" ? name : `${name} ${payload}` });
    }
  }

  /** What is no word for a state is a question. */
  function switchTo(wanted: boolean | "toggle" | undefined): void {
    const next = wanted === "toggle" ? !on : wanted;
    if (next !== undefined && next !== on) {
      meter();
      on = next;
      load.power(on);
    }
  }

  function tellStatus(number: string): void {
    switch (number) {
      case "":
        stat("STATUS", {
          Status: { Module: 0, DeviceName: topic, Topic: topic, Power: on ? "1" : "0", PowerOnState: 3 },
        });
        break;
      case "2":
        stat("STATUS2", { StatusFWR: { Version: version, Hardware: "lastout demo" } });
        break;
      case "8":
      case "10":
        stat(`STATUS${number}`, { StatusSNS: sensors() });
        break;
      case "11":
        stat("STATUS11", { StatusSTS: state() });
        break;
      default:
        result({ Command: "Error", Input: `STATUS ${number}` });
    }
  }

  /** The first one about 5 s after the start, then every TelePeriod; at once after the command TelePeriod. */
  async function sendTelemetry(): Promise<void> {
    let pause = 5;
    while (!closing.signal.aborted) {
      hurry = new AbortController();
      await clock.sleep(millis(pause * 1000), AbortSignal.any([closing.signal, hurry.signal]));
      const asked = hurry.signal.aborted;
      if (!closing.signal.aborted && (asked || telePeriod > 0)) {
        tele("STATE", state());
        tele("SENSOR", sensors());
      }
      pause = telePeriod > 0 ? telePeriod : 3600;
    }
  }

  function state(): object {
    const seconds = Math.floor((clock.now() - booted) / 1000);
    return {
      Time: localTime(),
      Uptime: uptimeText(seconds),
      UptimeSec: seconds,
      MqttCount: connections,
      POWER: on ? "ON" : "OFF",
      Wifi: { AP: 1, SSId: "demo", Channel: 6, RSSI: 80, Signal: -60, LinkCount: 1, Downtime: "0T00:00:03" },
      Hostname: topic,
      IPAddress: "127.0.0.1",
    };
  }

  function sensors(): object {
    meter();
    const watts = on ? load.watts() : 0;
    const volts = on ? 230 : 0;
    const kWh = Number((wattHours / 1000).toFixed(3));
    return {
      Time: localTime(),
      ENERGY: {
        TotalStartTime: localTime(),
        Total: kWh,
        Yesterday: 0,
        Today: kWh,
        Power: watts,
        ApparentPower: watts,
        ReactivePower: 0,
        Factor: on ? 1 : 0,
        Voltage: volts,
        Current: on ? Number((watts / volts).toFixed(3)) : 0,
      },
    };
  }

  function meter(): void {
    const now: Instant = clock.now();
    wattHours += ((on ? load.watts() : 0) * (now - meteredTo)) / 3_600_000;
    meteredTo = now;
  }

  /** Local time would need a time zone; a real socket without a clock of its own has just as little of one. */
  const localTime = (): string => isoOf(clock.wall()).slice(0, 19);

  function tellPower(): void {
    const word = on ? "ON" : "OFF";
    result({ POWER: word });
    send(`stat/${answersTo}/POWER`, word);
  }

  const stat = (suffix: string, object: object): void =>
    send(`stat/${answersTo}/${suffix}`, JSON.stringify(object));
  const result = (object: object): void => stat("RESULT", object);
  const tele = (suffix: string, object: object): void =>
    send(`tele/${topic}/${suffix}`, JSON.stringify(object));

  /** All with QoS 0: what cannot be sent now is gone, as on a real socket. */
  function send(to: string, payload: string, retain = false): void {
    if (connection.connected) {
      connection.publish(to, payload, { qos: 0, retain }).catch((error: unknown) => {
        log.debug({ socket: topic, error }, "A demo socket could not publish");
      });
    }
  }

  return {
    topic,
    get on() {
      return on;
    },
    press: () => {
      switchTo("toggle");
      tellPower();
    },
    close: async () => {
      closing.abort();
      await connection.abort();
      await telemetry;
    },
  };
}

/** As the firmware takes it: 0 is off, 1 its default, anything else 10 to 3600 s. */
function newTelePeriod(payload: string): number | undefined {
  const seconds = /^\d{1,5}$/.test(payload) ? Number(payload) : undefined;
  if (seconds === undefined || seconds > 3600) {
    return undefined;
  }
  return seconds === 0 ? 0 : seconds === 1 ? 300 : Math.max(10, seconds);
}

/** `0T00:01:30`: days, then the time of day. */
const uptimeText = (seconds: number): string =>
  `${Math.floor(seconds / 86_400)}T${two(seconds / 3600, 24)}:${two(seconds / 60, 60)}:${two(seconds, 60)}`;

const two = (value: number, modulus: number): string => String(Math.floor(value) % modulus).padStart(2, "0");
