// The command interpreter of a simulated Tasmota socket: from a topic's last level and a payload to a reply. The parts that matter to a
// controller, with the odd ones of its grammar; everything else is answered as unknown, as a firmware without that driver does.

import type { PowerAction, Relays } from "./tasmota-relays.ts";
import type { DeviceTimers, Settings } from "./tasmota-settings.ts";
import { type DeviceView, stateObject, statusObject, statusSummary } from "./tasmota-telemetry.ts";

/** What the interpreter may do with the device. */
export interface Firmware {
  readonly settings: Settings;
  readonly relays: Relays;
  readonly timers: DeviceTimers;
  view(): DeviceView;
  /** Publish below the device's `stat` topic (or its fallback's). */
  stat(suffix: string, payload: string, retain: boolean): void;
  telemetry(): void;
  discovery(present: boolean): void;
  restart(): void;
  rename(topic: string): void;
}

interface Input {
  /** Upper case, without number and underscore. */
  readonly name: string;
  /** The number at the end of the command, if any. */
  readonly index: number | undefined;
  readonly payload: string;
  /** The payload's leading number. */
  readonly number: number | undefined;
}

/** An object to reply with, `error` for a known command in wrong use, or nothing to say (said already). */
type Outcome = Record<string, unknown> | "error" | undefined;

export interface Commands {
  /** @param command the topic's last level, for example `POWER2`, `power`, `_TelePeriod` */
  run(command: string, payload: string): void;
  readonly backlogEmpty: boolean;
}

/** A number as C's strtol with base 0 reads the beginning of a text: decimal, 0 octal, 0x hexadecimal. */
export function leadingNumber(text: string): number | undefined {
  const match = /^\s*([+-]?)(0x[0-9a-f]+|0[0-7]*|[1-9]\d*)/i.exec(text);
  const digits = match?.[2];
  if (match === null || digits === undefined) {
    return undefined;
  }
  const hexOrDecimal = /^0x/i.test(digits) || !digits.startsWith("0");
  const value = hexOrDecimal ? Number(digits) : Number.parseInt(digits, 8);
  return match[1] === "-" ? -value : value;
}

const words: Readonly<Record<string, number>> = {
  OFF: 0,
  FALSE: 0,
  STOP: 0,
  DOWN: 0,
  CLOSE: 0,
  ON: 1,
  TRUE: 1,
  START: 1,
  TOGGLE: 2,
  BLINK: 3,
  BLINKOFF: 4,
};

const stateNumber = (input: Input): number | undefined => words[input.payload.toUpperCase()] ?? input.number;

const powerActions: readonly PowerAction[] = ["off", "on", "toggle", "blink", "blinkoff"];

const within = (input: Input, least: number, most: number): number | undefined =>
  input.number !== undefined && input.number >= least && input.number <= most ? input.number : undefined;

const inputText = (input: Input): string =>
  `${input.name}${input.index ?? ""}${input.payload === "" ? "" : ` ${input.payload}`}`;

export function createCommands(firmware: Firmware): Commands {
  const { settings, relays, timers } = firmware;
  const queue: { readonly line: string; readonly quiet: boolean; readonly pauseMs: number }[] = [];
  let queueRuns = false;
  let pauseMs = 0;

  const flagWord = (on: boolean): string => settings.stateText[on ? 1 : 0];

  const flag = (name: string, has: () => boolean, write: (on: boolean) => void) => (input: Input) => {
    const value = stateNumber(input);
    if (value === 0 || value === 1 || value === 2) {
      write(value === 2 ? !has() : value === 1);
    }
    return { [name]: flagWord(has()) };
  };

  const retainFlag = (name: string, key: string) =>
    flag(
      name,
      () => settings.retain.has(key),
      (on) => (on ? settings.retain.add(key) : settings.retain.delete(key)),
    );

  const relayIndex = (input: Input): number | undefined => {
    const index = input.index ?? 1;
    return index >= 1 && index <= relays.count ? index : undefined;
  };

  const table: Readonly<Record<string, (input: Input) => Outcome>> = {
    POWER: (input) => {
      const action = powerActions[stateNumber(input) ?? -1] ?? "query";
      const index = input.index ?? 1;
      if (index > relays.count) {
        return "error";
      }
      if (index === 0) {
        relays.executeAll(action);
      } else {
        relays.execute(index, action);
      }
      return undefined;
    },
    STATE: () => stateObject(firmware.view()),
    STATUS: (input) => status(input),
    TELEPERIOD: (input) => {
      const wanted = within(input, 0, 3600);
      if (wanted !== undefined) {
        settings.telePeriod = wanted === 0 ? 0 : wanted === 1 ? 300 : Math.max(10, wanted);
      }
      timers.after(500, () => firmware.telemetry());
      return { TelePeriod: settings.telePeriod };
    },
    SETOPTION: (input) => setOption(input),
    POWERRETAIN: (input) => {
      const reply = retainFlag("PowerRetain", "POWER")(input);
      if (settings.retain.has("POWER")) {
        settings.options.delete(90);
      }
      return reply;
    },
    STATERETAIN: retainFlag("StateRetain", "STATE"),
    SENSORRETAIN: retainFlag("SensorRetain", "SENSOR"),
    INFORETAIN: retainFlag("InfoRetain", "INFO"),
    STATUSRETAIN: retainFlag("StatusRetain", "STATUS"),
    BUTTONRETAIN: retainFlag("ButtonRetain", "BUTTON"),
    STATETEXT: (input) => {
      const index = input.index ?? 1;
      if (index < 1 || index > 4) {
        return "error";
      }
      if (input.payload !== "") {
        settings.stateText[index - 1] = input.payload;
      }
      return { [`StateText${index}`]: settings.stateText[index - 1] };
    },
    INTERLOCK: (input) => {
      if (/[,\s]/.test(input.payload)) {
        settings.interlockGroups = input.payload
          .split(/\s+/)
          .map((group) => group.split(",").map((member) => Number(member)));
      } else if (stateNumber(input) !== undefined) {
        settings.interlock = stateNumber(input) === 1;
      }
      const groups = settings.interlockGroups.map((group) => group.join(",")).join(" ");
      return { Interlock: flagWord(settings.interlock), Groups: groups };
    },
    POWERONSTATE: (input) => {
      settings.powerOnState = within(input, 0, 5) ?? settings.powerOnState;
      return { PowerOnState: settings.powerOnState };
    },
    POWERLOCK: (input) => {
      const index = relayIndex(input);
      if (index === undefined) {
        return "error";
      }
      return flag(
        `PowerLock${index}`,
        () => settings.powerLock[index - 1] ?? false,
        (on) => {
          settings.powerLock[index - 1] = on;
        },
      )(input);
    },
    PULSETIME: (input) => {
      const index = relayIndex(input);
      if (index === undefined) {
        return "error";
      }
      settings.pulseTime[index - 1] = within(input, 0, 65_535) ?? settings.pulseTime[index - 1] ?? 0;
      return {
        [`PulseTime${index}`]: {
          Set: settings.pulseTime[index - 1],
          Remaining: relays.pulseRemaining(index),
        },
      };
    },
    SAVEDATA: (input) => {
      settings.saveData = within(input, 0, 3600) ?? settings.saveData;
      return { SaveData: settings.saveData === 0 ? flagWord(false) : settings.saveData };
    },
    BUTTONTOPIC: (input) => {
      settings.buttonTopic = input.payload === "" ? settings.buttonTopic : input.payload;
      return { ButtonTopic: settings.buttonTopic };
    },
    TOPIC: (input) => {
      if (input.payload !== "" && input.payload !== settings.topic) {
        firmware.rename(input.payload);
      }
      return { Topic: settings.topic };
    },
    POWERDELTA: (input) => {
      if (firmware.view().sampledWatts.length === 0) {
        return unknown(input);
      }
      settings.powerDelta = within(input, 0, 32_000) ?? settings.powerDelta;
      return { PowerDelta: settings.powerDelta };
    },
    RESTART: (input) => {
      if (input.number !== 1) {
        return { Restart: "1 to restart" };
      }
      timers.after(1500, () => firmware.restart());
      return { Restart: "Restarting" };
    },
    BACKLOG: (input) => {
      backlog(input);
      return undefined;
    },
    DELAY: (input) => {
      pauseMs = (within(input, 0, 65_535) ?? 0) * 100;
      return { Delay: input.number ?? 0 };
    },
  };

  function setOption(input: Input): Outcome {
    const { index } = input;
    if (index === undefined || index > 161) {
      return "error";
    }
    if (index >= 32 && index <= 49) {
      settings.numbers.set(index, within(input, 0, 65_535) ?? settings.numbers.get(index) ?? 0);
      return { [`SetOption${index}`]: settings.numbers.get(index) };
    }
    const before = settings.options.has(index);
    const reply = flag(
      `SetOption${index}`,
      () => settings.options.has(index),
      (on) => (on ? settings.options.add(index) : settings.options.delete(index)),
    )(input);
    if (index === 19 && before !== settings.options.has(19)) {
      firmware.discovery(!settings.options.has(19));
    }
    return reply;
  }

  function status(input: Input): Outcome {
    const view = firmware.view();
    const meter = view.sampledWatts.length > 0;
    const all = [1, 2, 3, 4, 5, 6, 7, ...(meter ? [9] : []), 10, 11];
    const tell = (suffix: string, object: unknown): void =>
      firmware.stat(suffix, JSON.stringify(object), settings.retain.has("STATUS"));
    if (input.index === 0) {
      tell("STATUS0", Object.assign({}, statusSummary(view), ...all.map((n) => statusObject(view, n))));
    } else if (input.number === undefined) {
      tell("STATUS", statusSummary(view));
    } else if (input.number === 0) {
      tell("STATUS", statusSummary(view));
      all.forEach((n) => tell(`STATUS${n}`, statusObject(view, n)));
    } else {
      const object = statusObject(view, input.number);
      if (object === undefined) {
        return "error";
      }
      tell(`STATUS${input.number}`, object);
    }
    return undefined;
  }

  function backlog(input: Input): void {
    if (input.payload.trim() === "") {
      queue.length = 0;
      return;
    }
    const delayed = input.index === undefined || input.index === 2;
    const quiet = input.index === 2 || input.index === 3;
    for (const line of input.payload.split(";").map((part) => part.trim())) {
      if (line !== "" && !/^reset\b/i.test(line)) {
        queue.push({ line, quiet, pauseMs: delayed ? (settings.numbers.get(34) ?? 200) : 0 });
      }
    }
    if (!queueRuns) {
      runQueue();
    }
  }

  function runQueue(): void {
    const next = queue.shift();
    queueRuns = next !== undefined;
    if (next === undefined) {
      return;
    }
    const [command = "", ...rest] = next.line.split(" ");
    pauseMs = 0;
    interpret(command, rest.join(" "), next.quiet);
    timers.after(Math.max(pauseMs, next.pauseMs), runQueue);
  }

  function unknown(input: Input): undefined {
    answer("COMMAND", { Command: "Unknown", Input: inputText(input) });
  }

  /** With SetOption4 the reply's topic is the command's name instead of RESULT. */
  function answer(command: string, object: Record<string, unknown>): void {
    firmware.stat(settings.options.has(4) ? command : "RESULT", JSON.stringify(object), false);
  }

  function interpret(command: string, payload: string, quiet: boolean): void {
    const [, underscore = "", letters = command, digits = ""] = /^(_?)(.*?)(\d*)$/s.exec(command) ?? [];
    const text = payload.trimStart();
    const input: Input = {
      name: letters.toUpperCase(),
      index: digits === "" ? undefined : Number(digits),
      payload: text,
      number: leadingNumber(text),
    };
    const run = table[input.name];
    if (run === undefined) {
      unknown(input);
      return;
    }
    const outcome = run(input);
    if (outcome === "error") {
      answer(input.name, { Command: "Error", Input: inputText(input) });
    } else if (outcome !== undefined && underscore === "" && !quiet) {
      answer(`${input.name}${input.index ?? ""}`, outcome);
    }
  }

  return {
    run: (command, payload) => interpret(command, payload, false),
    get backlogEmpty() {
      return !queueRuns && queue.length === 0;
    },
  };
}
