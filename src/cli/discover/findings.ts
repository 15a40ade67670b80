// What a survey of a broker comes to: switches that a configuration can name, what is wrong with them, and what was left out and why.

/** A value of an option in the configuration. */
export type OptionValue =
  | string
  | number
  | boolean
  | readonly OptionValue[]
  | { readonly [key: string]: OptionValue };

export type Options = Readonly<Record<string, OptionValue>>;

export type Family = "tasmota" | "zigbee2mqtt" | "shelly-gen1" | "shelly-gen2" | "esphome" | "mqtt";

/** Something that matters before the device is let switch a machine. */
export interface Caution {
  readonly code: CautionCode;
  /** What is so, what comes of it, and the cure. */
  readonly message: string;
}

export type CautionCode =
  | "SetOption21"
  | "PowerOnState"
  | "TelePeriod"
  | "retained-command"
  | "retains"
  | "no-answer"
  | "offline"
  | "named-twice"
  | "optimistic";

/** One entry below `switchers`. */
export interface Found {
  readonly family: Family;
  /** What it is called where it comes from; made into a name of the configuration later. */
  readonly wish: string;
  /** What people call the device; `undefined` for a name that the factory gave. */
  readonly label: string | undefined;
  /** Model, firmware, address: for a person to recognise it. */
  readonly facts: readonly string[];
  readonly options: Options;
  /** For each outlet what people call it. One without `options.outlets` is the switcher itself. */
  readonly outlets: readonly (string | undefined)[];
  /** Topics, with what stands for the relay there: no two entries may command the same. */
  readonly relays: readonly string[];
  /** Topics at or below which the device takes commands. */
  readonly commandTopics: readonly string[];
  readonly cautions: readonly Caution[];
  /** Commands for the device's own console that cure what is cautioned. */
  readonly cures: readonly string[];
}

export interface LeftOut {
  readonly family: Family;
  readonly called: string;
  readonly reason: string;
  /** As far as they are known. */
  readonly commandTopics: readonly string[];
}

/** What one source tells. */
export interface Told {
  readonly found: readonly Found[];
  readonly leftOut: readonly LeftOut[];
}

export interface Named extends Found {
  readonly name: string;
}

export interface RetainedCommand {
  readonly topic: string;
  /** Only of commands to relays; others may hold a password. */
  readonly payload: string | undefined;
}

export interface Findings {
  readonly switchers: readonly Named[];
  readonly leftOut: readonly LeftOut[];
  readonly retained: readonly RetainedCommand[];
  /** Those of them that no device found takes. */
  readonly strays: readonly RetainedCommand[];
  /** What concerns no one device. */
  readonly notes: readonly string[];
}
