// What a Tasmota device says: bytes to positions, readings and evidence of a reboot. Pure, and never throws, whatever the bytes are.
// What a message does not say is absent; nothing in here takes silence or an unknown word for "off".

import type { Position } from "../../core/settings.ts";
import { type Millis, millis } from "../../core/time.ts";
import { isObject, parsed, textOf } from "../json-path.ts";
import { deviceTopics } from "./tasmota-topics.ts";

export type Json = Readonly<Record<string, unknown>>;
export type Said =
  | { readonly kind: "json"; readonly object: Json }
  | { readonly kind: "text"; readonly text: string };

/** The words a device uses, in upper case. A word that stands for both positions stands for none. */
export interface Words {
  readonly on: ReadonlySet<string>;
  readonly off: ReadonlySet<string>;
  readonly online: ReadonlySet<string>;
  readonly offline: ReadonlySet<string>;
}

/** The firmware's own words (my_user_config.h: MQTT_STATUS_ON, MQTT_STATUS_OFF, MQTT_LWT_ONLINE, MQTT_LWT_OFFLINE). */
export const defaultWords: Words = {
  on: new Set(["ON"]),
  off: new Set(["OFF"]),
  online: new Set(["ONLINE"]),
  offline: new Set(["OFFLINE"]),
};

/**
 * Which channel of the meter belongs to which relay. `whole`: one outlet is the whole device. `channels`: relay n is channel n
 * of a meter that has one for each; `count` is how many relays the device has, `undefined` where the configuration does not tell.
 */
export type MeterLayout =
  | { readonly kind: "whole" }
  | { readonly kind: "channels"; readonly count: number | undefined };

export interface Reading {
  readonly watts: number | undefined;
  readonly kwh: number | undefined;
}

const longestWord = 32;
const mostWords = 16;
/** A century: an uptime beyond it is a broken number. */
const longestUptimeSeconds = 3_155_760_000;

/** @returns `undefined` for what is neither text nor a JSON object: too long, no UTF-8, broken JSON, a list */
export function decode(payload: Uint8Array): Said | undefined {
  const text = textOf(payload);
  if (text === undefined || !text.startsWith("{")) {
    return text === undefined ? undefined : { kind: "text", text };
  }
  const object = parsed(text);
  return isObject(object) ? { kind: "json", object } : undefined;
}

export function positionOf(word: unknown, words: Words): Position | undefined {
  const on = isAmong(word, words.on);
  return on === isAmong(word, words.off) ? undefined : on ? "on" : "off";
}

export function onlineOf(word: unknown, words: Words): boolean | undefined {
  const online = isAmong(word, words.online);
  return online === isAmong(word, words.offline) ? undefined : online;
}

/**
 * The position of one relay in a command's reply, in STATE (as telemetry or as a reply) or in STATUS11.
 * The first relay is `POWER` on a device with one, `POWER1` on others and with SetOption26.
 */
export function positionIn(object: Json, relay: number, words: Words): Position | undefined {
  const state = field(object, "StatusSTS") ?? object;
  const numbered = positionOf(field(state, `POWER${relay}`), words);
  return numbered === undefined && relay === 1 ? positionOf(field(state, "POWER"), words) : numbered;
}

/** How long the device runs, from STATE or STATUS11. */
export function uptimeIn(object: Json): Millis | undefined {
  const state = field(object, "StatusSTS") ?? object;
  const seconds = field(state, "UptimeSec");
  if (typeof seconds === "number") {
    return uptimeOf(seconds);
  }
  // Firmware before 6.6 has only the text: days, then the time of day.
  const text = field(state, "Uptime");
  const parts = typeof text === "string" ? /^(\d{1,6})T(\d\d):(\d\d):(\d\d)$/.exec(text) : null;
  if (parts === null) {
    return undefined;
  }
  const [days = 0, hours = 0, minutes = 0, rest = 0] = parts.slice(1).map(Number);
  return uptimeOf(((days * 24 + hours) * 60 + minutes) * 60 + rest);
}

const uptimeOf = (seconds: number): Millis | undefined =>
  seconds >= 0 && seconds <= longestUptimeSeconds ? millis(Math.floor(seconds * 1000)) : undefined;

/** INFO3, which is sent only after a boot: wrapped since firmware 9.5, flat before. */
export function tellsOfBoot(object: Json): boolean {
  const reason = field(field(object, "Info3") ?? object, "RestartReason");
  return reason !== undefined && reason !== null; // A text; after a crash an object that describes it.
}

/**
 * What the meter says of one relay, from SENSOR, STATUS8 or STATUS10. Several channels come as lists, or as their sum (Total
 * without SetOption129). A value that cannot be laid at the door of this relay is absent: a single meter over several relays
 * says nothing of any of them.
 */
export function readingIn(object: Json, relay: number, layout: MeterLayout): Reading | undefined {
  const sensors = field(object, "StatusSNS") ?? object;
  const energy = field(sensors, "ENERGY");
  const watts = shareOf(field(energy, "Power"), relay, layout);
  const kwh = shareOf(field(energy, "Total"), relay, layout);
  return watts === undefined && kwh === undefined ? undefined : { watts, kwh };
}

function shareOf(value: unknown, relay: number, layout: MeterLayout): number | undefined {
  if (!Array.isArray(value)) {
    return layout.kind === "whole" ? finite(value) : undefined;
  }
  if (layout.kind === "channels") {
    return value.length > 1 && (layout.count === undefined || layout.count === value.length)
      ? finite(value[relay - 1])
      : undefined;
  }
  // One relay, several channels: the phases of one load.
  let sum = 0;
  for (const channel of value) {
    sum += finite(channel) ?? Number.NaN;
  }
  return value.length > 0 ? finite(sum) : undefined;
}

const finite = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;

/**
 * The words that a discovery message (`tasmota/discovery/<MAC>/config`) teaches, added to those known: what StateText1 and
 * StateText2 are set to, and what the last will says.
 * @param statBase the topic of the device's replies, by which the message is known to be about this device
 */
export function wordsLearned(known: Words, config: Json, statBase: string): Words {
  if (statBaseOf(config) !== statBase) {
    return known;
  }
  const [off, on] = list(field(config, "state"));
  return {
    on: withWord(known.on, on),
    off: withWord(known.off, off),
    online: withWord(known.online, field(config, "onln")),
    offline: withWord(known.offline, field(config, "ofln")),
  };
}

function statBaseOf(config: Json): string | undefined {
  const [topic, fullTopic, hostName, mac] = ["t", "ft", "hn", "mac"].map((key) => field(config, key));
  const [, stat] = list(field(config, "tp"));
  if (typeof topic !== "string" || typeof fullTopic !== "string" || typeof stat !== "string") {
    return undefined;
  }
  const known = fullTopic
    .replaceAll("%hostname%", () => (typeof hostName === "string" ? hostName : "%hostname%"))
    .replaceAll("%id%", () => (typeof mac === "string" ? mac : "%id%"));
  return deviceTopics({ topic, fullTopic: known, prefixes: ["", stat, ""] }).stat("");
}

function withWord(known: ReadonlySet<string>, word: unknown): ReadonlySet<string> {
  const usable =
    typeof word === "string" && word.length > 0 && word.length <= longestWord && known.size < mostWords;
  return usable ? new Set([...known, word.toUpperCase()]) : known;
}

const isAmong = (word: unknown, words: ReadonlySet<string>): boolean =>
  typeof word === "string" && word.length <= longestWord && words.has(word.toUpperCase());

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const field = (value: unknown, key: string): unknown =>
  isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
