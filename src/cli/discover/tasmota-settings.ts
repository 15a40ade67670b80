// Settings of a Tasmota device that matter when it switches machines: the questions by which they are learned, what its answers say, and
// what to advise. Every question has a form that reads and changes nothing. Source: Tasmota documentation "Commands"; firmware 15.2.0.2,
// support_command.ino.

import type { Caution, CautionCode } from "./findings.ts";
import { field, isJson, numberOf } from "./json.ts";

/** What is known so far; `undefined`: not told. */
export interface DeviceSettings {
  /** It was asked and has said nothing yet. */
  readonly silent: boolean;
  /** What its last will says. */
  readonly online: boolean | undefined;
  readonly meterWhileOff: boolean | undefined;
  readonly powerOnState: number | undefined;
  readonly telePeriod: number | undefined;
  /** Commands that publish retained and are on: PowerRetain and so on. */
  readonly retains: readonly string[];
}

export const unknownSettings: DeviceSettings = {
  silent: false,
  online: undefined,
  meterWhileOff: undefined,
  powerOnState: undefined,
  telePeriod: undefined,
  retains: [],
};

/** Everything that is asked for has been told. */
export const fullyKnown = (known: DeviceSettings, meter: boolean): boolean =>
  known.powerOnState !== undefined &&
  known.telePeriod !== undefined &&
  (!meter || known.meterWhileOff !== undefined);

export interface Question {
  /** Last level of the command topic. */
  readonly command: string;
  readonly payload: string;
}

/**
 * `Status` without a number and with 3 only report. `SetOption21` without a value reports, too; it is of interest only with a meter.
 * `TelePeriod` without a value would set off telemetry, and `Backlog` stop what waits in the device, so neither is sent.
 */
export const questionsFor = (meter: boolean): readonly Question[] => [
  { command: "STATUS", payload: "" },
  { command: "STATUS", payload: "3" },
  ...(meter ? [{ command: "SETOPTION21", payload: "" }] : []),
];

const retainCommands = ["PowerRetain", "ButtonRetain", "SwitchRetain"] as const;

/** Any answer shows that the device lives, also one to somebody else's question. */
export function answered(known: DeviceSettings, answer: unknown): DeviceSettings {
  if (!isJson(answer)) {
    return known;
  }
  const status = field(answer, "Status");
  const retains = isJson(status)
    ? retainCommands.filter((command) => field(status, command) === 1)
    : known.retains;
  return {
    ...known,
    silent: false,
    meterWhileOff: switched(field(answer, "SetOption21")) ?? known.meterWhileOff,
    powerOnState: numberOf(field(status, "PowerOnState")) ?? known.powerOnState,
    telePeriod: numberOf(field(field(answer, "StatusLOG"), "TelePeriod")) ?? known.telePeriod,
    retains,
  };
}

/** Its words may be others (StateText); a word that is not known says nothing. */
function switched(value: unknown): boolean | undefined {
  return value === "ON" || value === 1 ? true : value === "OFF" || value === 0 ? false : undefined;
}

interface Advice {
  readonly cautions: readonly Caution[];
  /** For the device's console. */
  readonly cures: readonly string[];
}

/** Above it the position and the meter are old news for a controller (docs/tasmota.md, "Settings of the device"). */
const longTelePeriod = 60;

export function settingsAdvice(known: DeviceSettings, meter: boolean): Advice {
  const cautions: Caution[] = [];
  const cures: string[] = [];
  const say = (code: CautionCode, message: string, cure?: string): void => {
    cautions.push({ code, message });
    if (cure !== undefined) {
      cures.push(cure);
    }
  };
  if (known.silent) {
    say(
      "no-answer",
      `it did not answer${known.online === false ? ", and its last will says that it is offline" : ""}: discovery messages are retained and ` +
        "may be those of a device that is gone, and its settings are not known",
    );
  } else if (known.online === false) {
    say("offline", "its last will says that it is offline");
  }
  if (known.powerOnState !== undefined && known.powerOnState !== 0 && known.powerOnState !== 3) {
    say("PowerOnState", powerOnText(known.powerOnState), "PowerOnState 3");
  }
  if (meter && known.meterWhileOff === false) {
    say(
      "SetOption21",
      "SetOption21 is off: while the relay is off the meter reads 0, and a contact that is welded is not seen",
      "SetOption21 1",
    );
  }
  if (known.telePeriod === 0) {
    say("TelePeriod", "TelePeriod is 0: it never tells position and meter by itself", "TelePeriod 60");
  } else if (known.telePeriod !== undefined && known.telePeriod > longTelePeriod) {
    say(
      "TelePeriod",
      `TelePeriod is ${known.telePeriod}: it tells position and meter only every ${known.telePeriod} s by itself`,
      "TelePeriod 60",
    );
  }
  for (const command of known.retains) {
    say("retains", `${command} is on: ${retainText(command)}`, `${command} 0`);
  }
  return { cautions, cures };
}

function powerOnText(state: number): string {
  switch (state) {
    case 1:
      return "PowerOnState is 1: after every power cut it switches on, wanted or not";
    case 2:
      return "PowerOnState is 2: after every power cut it is the opposite of what it was";
    case 4:
      return "PowerOnState is 4: it cannot be switched off at all";
    case 5:
      return "PowerOnState is 5: after every power cut it is off and goes on by itself";
    default:
      return `PowerOnState is ${state}, which is not known here`;
  }
}

const retainText = (command: string): string =>
  command === "PowerRetain"
    ? "positions of the past look like those of now"
    : "a press stays at the broker as a command, and is carried out at every connection";
