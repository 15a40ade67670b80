// A simulated Tasmota socket: relays, a button, a plug in the wall, and firmware that speaks as Tasmota does (its order of messages
// at a boot and at a reconnection, an answer to every command and question). Its faults are switches on it.

import type { Position } from "../../src/core/settings.ts";
import type { Broker } from "./broker.ts";
import type { Random } from "./random.ts";
import { keepConnected, type Line } from "./redial.ts";
import type { Scheduler, Task } from "./scheduler.ts";
import type { Trace } from "./trace.ts";

export interface Socket {
  readonly topic: string;
  readonly relays: number;
  readonly powered: boolean;
  /** Commands do not reach it. */
  deaf: boolean;
  /** Its meter does not answer. */
  blind: boolean;
  /** What it says does not arrive. */
  mute: boolean;
  /** Its relays do not follow commands, and it says so. */
  stuck: boolean;
  /** It takes so long for each command, ms. */
  slow: number;
  position(relay: number): Position;
  press(relay: number): void;
  /** Its firmware starts anew; mains stays. */
  reboot(): void;
  /** Pulled from the wall, without a goodbye; everything behind it is dark. */
  cutMains(): void;
  restoreMains(): void;
}

export interface SocketOptions {
  readonly topic: string;
  readonly relays: number;
  /** As the device's command PowerOnState: 0 off, 1 on, 3 as before. */
  readonly powerOnState: 0 | 1 | 3;
  readonly telePeriod: number;
  /** Some hardware drops its relays while the firmware restarts. */
  readonly dropsOnReboot: boolean;
  readonly meters: boolean;
}

interface Parts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly broker: Broker;
  readonly trace: Trace;
  /** What hangs on a relay draws so many watts now. */
  readonly draws: (socket: string, relay: number) => number;
  readonly moved: (
    socket: string,
    relay: number,
    position: Position,
    why: "command" | "hand" | "power",
  ) => void;
}

export function createSocket(
  options: SocketOptions,
  { scheduler, random, broker, trace, draws, moved }: Parts,
): Socket {
  const { topic, relays } = options;
  const contacts: Position[] = Array.from({ length: relays }, () => "off");
  /** What the firmware had saved when the power went. */
  let saved = [...contacts];
  let powered = false;
  let bootedAt = 0;
  /** Rises with every start of the firmware, so that what an older one had in hand is known to be over. */
  let firmware = 0;
  let line: Line | undefined;
  let first = true;
  let telemetry: Task | undefined;
  /** Commands are worked off one after the other. */
  let freeAt = 0;

  const nameOf = (relay: number): string => (relays === 1 ? "POWER" : `POWER${relay}`);

  function move(relay: number, position: Position, why: "command" | "hand" | "power"): void {
    if (contacts[relay - 1] !== position) {
      contacts[relay - 1] = position;
      trace.note(`${topic}: relay ${relay} ${position} (${why})`);
      moved(topic, relay, position, why);
    }
  }

  function say(suffix: string, payload: string, retain = false): void {
    if (!socket.mute) {
      line?.connection?.publish({ topic: suffix, payload, qos: 0, retain }, () => undefined);
    }
  }

  const word = (relay: number): string => (contacts[relay - 1] === "on" ? "ON" : "OFF");

  function tell(relay: number): void {
    say(`stat/${topic}/RESULT`, JSON.stringify({ [nameOf(relay)]: word(relay) }));
    say(`stat/${topic}/${nameOf(relay)}`, word(relay));
  }

  function state(): string {
    const seconds = Math.floor((scheduler.now - bootedAt) / 1000);
    const power = Object.fromEntries(contacts.map((_, index) => [nameOf(index + 1), word(index + 1)]));
    return JSON.stringify({ UptimeSec: seconds, ...power });
  }

  function boot(): void {
    firmware += 1;
    const mine = firmware;
    bootedAt = scheduler.now;
    first = true;
    for (let relay = 1; relay <= relays; relay += 1) {
      const before = saved[relay - 1] ?? "off";
      move(relay, options.powerOnState === 3 ? before : options.powerOnState === 1 ? "on" : "off", "power");
    }
    scheduler.after(random.int(1500, 6000), () => {
      if (mine === firmware) {
        connect(mine);
      }
    });
  }

  function connect(mine: number): void {
    line = keepConnected({
      scheduler,
      random,
      broker,
      options: {
        clientId: `DVES_${topic}`,
        clean: true,
        will: { topic: `tele/${topic}/LWT`, payload: "Offline", qos: 1, retain: true },
        delay: 8,
        shuffled: false,
      },
      pause: [2000, 12_000],
      enter: (run) => {
        if (mine === firmware) {
          run();
        }
      },
      connected(connection) {
        say(`tele/${topic}/LWT`, "Online", true);
        say(`cmnd/${topic}/POWER`, "");
        connection.subscribe([{ filter: `cmnd/${topic}/#`, qos: 0, noLocal: true }], () => undefined);
        if (first) {
          first = false;
          say(`tele/${topic}/INFO1`, JSON.stringify({ Info1: { Version: "15.2.0.2(simulated)" } }));
          say(
            `tele/${topic}/INFO3`,
            JSON.stringify({ Info3: { RestartReason: "Power On", BootCount: firmware } }),
          );
          for (let relay = 1; relay <= relays; relay += 1) {
            tell(relay);
          }
          telemeter(mine, 5000);
        }
      },
      message: ({ topic: to, payload }) => take(mine, to.slice(`cmnd/${topic}/`.length), payload),
      lost: () => undefined,
    });
  }

  function telemeter(mine: number, inMs: number): void {
    telemetry?.cancel();
    telemetry = scheduler.after(inMs, () => {
      if (mine === firmware) {
        say(`tele/${topic}/STATE`, state());
        telemeter(mine, options.telePeriod);
      }
    });
  }

  function take(mine: number, command: string, payload: string): void {
    if (socket.deaf) {
      return;
    }
    freeAt = Math.max(freeAt, scheduler.now) + random.int(10, 60) + socket.slow;
    scheduler.after(freeAt - scheduler.now, () => {
      if (mine === firmware) {
        obey(command, payload);
      }
    });
  }

  function obey(command: string, payload: string): void {
    if (command === "STATE") {
      say(`stat/${topic}/RESULT`, state());
      return;
    }
    if (command === "STATUS" && payload === "10" && options.meters && !socket.blind) {
      const watts = contacts.map((_, index) => draws(topic, index + 1));
      const Power = relays === 1 ? watts[0] : watts;
      say(`stat/${topic}/STATUS10`, JSON.stringify({ StatusSNS: { ENERGY: { Power } } }));
      return;
    }
    const number = /^POWER(\d*)$/.exec(command)?.[1];
    if (number === undefined) {
      return;
    }
    const all = number === "0";
    const from = all ? 1 : Number(number === "" ? "1" : number);
    for (let relay = from; relay <= (all ? relays : from); relay += 1) {
      if ((payload === "ON" || payload === "OFF") && !socket.stuck) {
        move(relay, payload === "ON" ? "on" : "off", "command");
        saved = [...contacts];
      }
      tell(relay);
    }
  }

  function goDark(): void {
    firmware += 1;
    telemetry?.cancel();
    line?.end(true);
    line = undefined;
  }

  const socket: Socket = {
    topic,
    relays,
    deaf: false,
    blind: false,
    mute: false,
    stuck: false,
    slow: 0,
    get powered() {
      return powered;
    },
    position: (relay) => contacts[relay - 1] ?? "off",
    press(relay) {
      if (powered) {
        move(relay, contacts[relay - 1] === "on" ? "off" : "on", "hand");
        saved = [...contacts];
        tell(relay);
      }
    },
    reboot() {
      if (powered) {
        goDark();
        if (options.dropsOnReboot) {
          for (let relay = 1; relay <= relays; relay += 1) {
            move(relay, "off", "power");
          }
        } else {
          saved = [...contacts];
        }
        boot();
      }
    },
    cutMains() {
      if (powered) {
        powered = false;
        goDark();
        for (let relay = 1; relay <= relays; relay += 1) {
          move(relay, "off", "power");
        }
      }
    },
    restoreMains() {
      if (!powered) {
        powered = true;
        boot();
      }
    },
  };
  return socket;
}
