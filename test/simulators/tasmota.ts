// A simulated Tasmota socket on the wire, made after the firmware's behaviour (15.2) and not after the controller's expectations: it
// shares no code with the program. Faults are switched on and off while it runs. The files beside it hold its parts.

import { type Commands, createCommands } from "./tasmota-commands.ts";
import { createLink } from "./tasmota-link.ts";
import { createMeter } from "./tasmota-meter.ts";
import { type Change, createRelays, type Load } from "./tasmota-relays.ts";
import {
  createTimers,
  fallbackBase,
  identityOf,
  type Position,
  type Settings,
  topicBase,
} from "./tasmota-settings.ts";
import { type DeviceView, powerName } from "./tasmota-telemetry.ts";
import { createVoice } from "./tasmota-voice.ts";

export interface TasmotaOptions {
  readonly port: number;
  readonly host?: string;
  readonly topic: string;
  readonly fullTopic?: string;
  readonly prefixes?: readonly [string, string, string];
  readonly groupTopics?: readonly string[];
  /** Twelve hex digits; made from the topic by default. */
  readonly mac?: string;
  /** 1 to 32. */
  readonly relays?: number;
  /** Channels of the meter; 0, the default, is a socket without one. */
  readonly meter?: number;
  /** Console commands that were typed before, for example `SetOption4 1`. */
  readonly setup?: readonly string[];
  /** Relay positions at the start, saved in flash; the last one goes for those beyond. */
  readonly initial?: readonly Position[];
  /** How much faster than the real one the device's clock runs: all its delays, periods and its uptime. */
  readonly speed?: number;
  /** Real milliseconds between two received packets; 50 in the firmware. */
  readonly serviceMs?: number;
  /** Real seconds, as sent in CONNECT. */
  readonly keepalive?: number;
  readonly username?: string;
  readonly password?: string;
  /** Device milliseconds from power to MQTT. */
  readonly bootMs?: number;
  /** How many seconds it has run already when the simulation starts. */
  readonly age?: number;
  /** False: do not wait for the first connection (there may be no broker yet). */
  readonly awaitConnection?: boolean;
  readonly onRelay?: (relay: number, position: Position) => void;
  readonly loads?: readonly Load[];
}

interface Received {
  readonly at: number;
  readonly topic: string;
  /** The topic's last level in upper case. */
  readonly command: string;
  readonly payload: string;
  readonly retain: boolean;
}

interface Sent {
  readonly at: number;
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

interface RelayHandle {
  /** Whether there is voltage at the outlet, whatever the device says. */
  readonly position: Position;
  /** What the device believes and says. */
  readonly said: Position;
  /** Every change of `position` since the start. */
  readonly history: readonly Change[];
  plug(load: Load): void;
  /** The relay does not leave that position any more; answers tell the truth. */
  stick(position: Position): void;
  /** The relay does not move any more; answers tell what was commanded. */
  lie(): void;
  heal(): void;
}

export interface Tasmota {
  readonly topic: string;
  readonly clientId: string;
  readonly mac: string;
  readonly connected: boolean;
  /** Seconds on the device's clock since its last boot, as it would say them. */
  readonly uptime: number;
  /** Everything that arrived on its subscriptions, heeded or not; never shortened. */
  readonly received: readonly Received[];
  readonly sent: readonly Sent[];
  relay(number: number): RelayHandle;
  /** Resolves when the subscriptions of a connection made from now on (or the present one) are acknowledged. */
  untilConnected(): Promise<void>;
  /** A command from its web page: done and published like one over MQTT. */
  console(line: string): void;
  /** `deaf`: heeds no command or query. `mute`: does what it is told and publishes nothing at all. */
  fault(fault: "none" | "deaf" | "mute"): void;
  /** Serve every packet that many real milliseconds late, in order; 0 for as usual. */
  slow(ms: number): void;
  /** A warm restart; `into` overrides what it had saved. `crash`: without saving, and without closing TCP. */
  restart(options?: { readonly into?: readonly Position[]; readonly crash?: boolean }): void;
  /** The mains goes. `silent` (default): nobody tells the broker. False: the connection is reset, as some routers do. */
  powerCut(options?: { readonly silent?: boolean }): void;
  powerUp(options?: { readonly into?: readonly Position[] }): void;
  /** WiFi goes without a FIN; relays, button and clock go on. */
  loseLink(): void;
  regainLink(): void;
  /** The connection is reset and made again at once. */
  dropConnection(): void;
  /** A half-open connection is left behind and a new one with the same client id made. */
  takeOver(): void;
  press(button?: number, times?: number): void;
  overheat(): void;
  /** Let it have run that many seconds longer. */
  grow(seconds: number): void;
  stop(): Promise<void>;
}

export async function startTasmota(options: TasmotaOptions): Promise<Tasmota> {
  const { host = "127.0.0.1", bootMs = 8000, keepalive = 30 } = options;
  const count = options.relays ?? 1;
  if (!Number.isInteger(count) || count < 1 || count > 32) {
    throw new RangeError("a Tasmota device has 1 to 32 relays");
  }
  const username = options.username ?? "DVES_USER";
  const identity = identityOf(options.mac ?? macFrom(options.topic), options.topic);
  const settings = initialSettings(options, count);
  const timers = createTimers(options.speed ?? 1);
  const received: Received[] = [];
  const sent: Sent[] = [];

  /** False until the first connection of this boot has been made. */
  let announced = false;
  let hearing: "none" | "deaf" | "mute" = "none";
  let teleInS = 0;
  let restartReason = "Software/System restart";
  let running = true;
  let mains = true;
  let bootedAt = performance.now();
  let age = options.age ?? bootMs / 1000;
  let stopped = false;

  const voice = createVoice(view, send);
  const relays = createRelays(count, settings, timers, voice, (relay, position) =>
    options.onRelay?.(relay, position),
  );
  const meter = createMeter(options.meter ?? 0, (channel) =>
    channel < count ? relays.watts(channel + 1) : 0,
  );
  const link = createLink(
    {
      host,
      port: options.port,
      username,
      password: options.password ?? "DVES_PASS",
      keepalive,
      serviceMs: options.serviceMs ?? 50,
    },
    settings,
    identity,
    timers,
    { connected: introduce, message: hear },
  );
  let commands = makeCommands();

  // It is up already when the simulation begins: what was typed before is in its flash, and the relays stand as saved.
  relays.mains(true);
  options.setup?.forEach(runLine);
  timers.clear();
  commands = makeCommands();
  settings.saved = positionsOf(options.initial ?? ["off"], count).map((position) => position === "on");
  relays.restore(true);
  options.loads?.forEach((load, index) => relays.plug(index + 1, load));
  startFirmware();
  if (options.awaitConnection !== false) {
    await link.untilSubscribed();
  }

  return {
    topic: options.topic,
    clientId: identity.clientId,
    mac: identity.mac,
    get connected() {
      return link.connected;
    },
    get uptime() {
      return uptime();
    },
    received,
    sent,
    relay: (number) => ({
      get position() {
        return relays.live(number) ? "on" : "off";
      },
      get said() {
        return relays.power(number) ? "on" : "off";
      },
      history: relays.history(number),
      plug: (load) => relays.plug(number, load),
      stick: (position) => relays.setFault(number, position === "on" ? "stuck-on" : "stuck-off"),
      lie: () => relays.setFault(number, "lying"),
      heal: () => relays.setFault(number, "none"),
    }),
    untilConnected: () => link.untilSubscribed(),
    console: runLine,
    fault: (fault) => {
      hearing = fault;
    },
    slow: (ms) => link.lag(ms),
    restart: (how) => {
      if (how?.crash !== true) {
        relays.save();
      }
      reboot(how?.crash === true ? "freeze" : "finish", how?.into);
    },
    powerCut: (how) => {
      link.end(how?.silent === false ? "reset" : "freeze");
      timers.clear();
      running = false;
      mains = false;
      relays.mains(false);
    },
    powerUp: (how) => {
      if (!mains) {
        mains = true;
        relays.mains(true);
        boot("Power On", false, how?.into);
      }
    },
    loseLink: () => link.end("freeze"),
    regainLink: () => {
      if (running) {
        link.begin();
      }
    },
    dropConnection: () => link.drop(),
    takeOver: () => {
      link.end("freeze");
      link.begin();
    },
    press,
    overheat: () => relays.overheat(),
    grow: (seconds) => {
      age += seconds;
    },
    stop: async () => {
      stopped = true;
      timers.clear();
      link.end("reset");
      link.close();
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    },
  };

  // --- running, restarting ---

  function startFirmware(): void {
    running = true;
    announced = false;
    timers.every(1000, everySecond);
    link.begin();
  }

  function everySecond(): void {
    meter.sample();
    const change = meter.delta(settings.powerDelta);
    if (change !== undefined) {
      voice.say("tele", "MARGINS", JSON.stringify({ MARGINS: { PowerDelta: change } }), false);
      voice.sensor(false);
      timers.after(2500, () => voice.sensor(false));
    }
    if (teleInS > 0) {
      teleInS -= 1;
      if (teleInS === 0) {
        periodicTelemetry();
      }
    }
  }

  /** A warm restart: relays keep their position until the firmware sets what was saved. */
  function reboot(how: "finish" | "freeze", into: readonly Position[] | undefined): void {
    if (running) {
      link.end(how);
      timers.clear();
      boot("Software/System restart", true, into);
    }
  }

  function boot(reason: string, warm: boolean, into: readonly Position[] | undefined): void {
    running = false;
    restartReason = reason;
    settings.bootCount += 1;
    settings.options.delete(19); // Forced at boot.
    bootedAt = performance.now();
    age = 0;
    teleInS = 0;
    commands = makeCommands();
    // Relays are set within 0.1 s of power-up, long before there is a network.
    timers.after(100, () => {
      relays.restore(warm);
      if (into !== undefined) {
        relays.force(positionsOf(into, count));
      }
    });
    timers.after(bootMs, startFirmware);
  }

  function restartWhenIdle(): void {
    if (commands.backlogEmpty) {
      relays.save();
      reboot("finish", undefined);
    } else {
      timers.after(1000, restartWhenIdle);
    }
  }

  /** Clears (or, with SetOption10, sets to Offline) the retained LWT of the old name, then restarts. */
  function rename(topic: string): void {
    voice.say("tele", "LWT", settings.options.has(10) ? "Offline" : "", true);
    settings.topic = topic;
    timers.after(1500, restartWhenIdle);
  }

  function uptime(): number {
    return Math.floor(age + ((performance.now() - bootedAt) * timers.speed) / 1000);
  }

  function makeCommands(): Commands {
    return createCommands({
      settings,
      relays,
      timers,
      view,
      stat: (suffix, payload, retain) => voice.say("stat", suffix, payload, retain),
      telemetry: () => {
        teleInS = settings.telePeriod;
        voice.state();
        voice.sensor(false);
      },
      discovery: voice.discovery,
      restart: restartWhenIdle,
      rename,
    });
  }

  function view(): DeviceView {
    return {
      settings,
      identity,
      relays,
      sampledWatts: meter.watts,
      periodWh: meter.periodWh,
      totalKwh: meter.totalKwh,
      uptimeS: uptime(),
      mqttCount: link.count,
      restartReason,
      broker: { host, port: options.port, user: username, keepalive },
    };
  }

  // --- hearing ---

  function hear(topic: string, payload: string, retain: boolean): void {
    const command = topic.slice(topic.lastIndexOf("/") + 1);
    received.push({ at: performance.now(), topic, command: command.toUpperCase(), payload, retain });
    if (hearing !== "deaf") {
      voice.during(topic.startsWith(fallbackBase(identity, "cmnd")), () => commands.run(command, payload));
    }
  }

  function runLine(line: string): void {
    const [command = "", ...rest] = line.split(" ");
    commands.run(command, rest.join(" "));
  }

  /** After about half a second, in which the firmware waits for further presses. */
  function press(button = 1, times = 1): void {
    if (!running || uptime() < 4) {
      return; // Ignored during the first 4 s after boot.
    }
    timers.after(settings.options.has(13) ? 0 : 500, () => pressed(button, times));
  }

  function pressed(button: number, times: number): void {
    if (settings.options.has(73)) {
      const action = ["SINGLE", "DOUBLE", "TRIPLE", "QUAD", "PENTA"][times - 1] ?? "CLEAR";
      voice.say("stat", "RESULT", JSON.stringify({ [`Button${button}`]: { Action: action } }), false);
      return;
    }
    const relay = times > 1 ? times : button;
    if (relay > count) {
      return;
    }
    const to = settings.buttonTopic;
    if (to !== "0" && link.connected) {
      const own = to === settings.topic || to === settings.groupTopics[0];
      const payload = own ? (relays.power(relay) ? "OFF" : "ON") : "TOGGLE";
      const topic = `${topicBase(settings, identity, "cmnd", to)}${powerName({ settings, relays }, relay)}`;
      send(topic, payload, settings.retain.has("BUTTON"));
      if (!settings.options.has(61)) {
        return;
      }
    }
    relays.execute(relay, "toggle");
  }

  function send(topic: string, payload: string, retain: boolean): void {
    const retained = retain && !settings.options.has(104);
    if (!stopped && hearing !== "mute" && link.publish(topic, payload, retained)) {
      sent.push({ at: performance.now(), topic, payload, retain: retained });
    }
  }

  /** What is said at a connection: all of it only at the first after a boot. */
  function introduce(): void {
    voice.greet();
    link.subscribeAll();
    if (announced) {
      timers.after(1000, () => voice.discovery(!settings.options.has(19)));
      return;
    }
    announced = true;
    voice.present();
    teleInS = settings.telePeriod === 0 ? 0 : 5;
    timers.after(10_000, () => voice.discovery(!settings.options.has(19)));
  }

  function periodicTelemetry(): void {
    voice.state();
    voice.sensor(true);
    meter.endPeriod();
    teleInS = settings.telePeriod;
  }
}

const positionsOf = (given: readonly Position[], count: number): Position[] =>
  Array.from({ length: count }, (_, index) => given[index] ?? given.at(-1) ?? "off");

/** A made-up address that is the same for the same topic. The first half is a vendor's whose chips run Tasmota. */
function macFrom(topic: string): string {
  let hash = 0;
  for (const letter of topic) {
    hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 0xff_ff_ff;
  }
  return `C4DD57${hash.toString(16).toUpperCase().padStart(6, "0")}`;
}

function initialSettings(options: TasmotaOptions, count: number): Settings {
  return {
    topic: options.topic,
    fullTopic: options.fullTopic ?? "%prefix%/%topic%/",
    prefixes: [...(options.prefixes ?? (["cmnd", "stat", "tele"] as const))],
    groupTopics: [...(options.groupTopics ?? ["tasmotas"])],
    options: new Set([0]), // SetOption0, saving the relays' state, is on from the factory.
    numbers: new Map([[34, 200]]),
    stateText: ["OFF", "ON", "TOGGLE", "HOLD"],
    telePeriod: 300,
    powerOnState: 3,
    pulseTime: Array.from({ length: count }, () => 0),
    powerLock: Array.from({ length: count }, () => false),
    interlock: false,
    interlockGroups: [Array.from({ length: count }, (_, index) => index + 1)],
    saveData: 1,
    buttonTopic: "0",
    powerDelta: 0,
    retain: new Set(),
    saved: [],
    bootCount: 1,
  };
}
