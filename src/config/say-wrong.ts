// The sentence about a value that cannot stand where it stands: what it must be, what it is, and what would be right. Not where that is,
// and not about keys.

import type { z } from "zod";
import { parseDuration } from "../core/duration.ts";
import { nearestName } from "../core/names.ts";
import { quote } from "./mistakes.ts";
import { listOf } from "./suggest.ts";

/** The value as written, with `${...}`, and what the schema knows of its place. */
export interface Place {
  readonly value: unknown;
  /** It is never shown. */
  readonly secret: boolean;
  /** The values of `type`, where the place has one of several kinds. */
  readonly kinds: readonly string[];
  /** The keys, where the place has a section. */
  readonly keys: readonly string[];
  /** The sorts of values, as JSON Schema calls them. */
  readonly forms: readonly string[];
}

export function sayWrong(issue: z.core.$ZodIssue, place: Place): string {
  const { value, secret } = place;
  const shown = secret ? sortOf(value) : describe(value);
  if (issue.message !== "") {
    // The sentences of the schemas say what is wrong; the value is there for who reads the log and not the file.
    return isScalar(value) && !secret && /^(is|has|begins|makes) /.test(issue.message)
      ? `${shown} ${issue.message}${orDuration(issue.message, value)}`
      : issue.message;
  }
  // What the library tells beyond these, no schema here uses without its own sentence.
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the default is meant
  switch (issue.code) {
    case "invalid_type":
      return `must be ${nounOf(issue.expected)}, not ${shown}${cureOf(issue.expected, place)}`;
    case "invalid_value":
      return sayOneOf(issue.values.map(String), secret ? undefined : value);
    case "too_small":
    case "too_big":
      return saySize(issue, shown);
    default:
      return place.forms.length === 0
        ? `cannot be ${shown}`
        : `must be ${place.forms.map(nounOf).join(" or ")}, not ${shown}${bracketsFor(place)}`;
  }
}

/** @param value `undefined`: it is not shown */
export function sayOneOf(options: readonly string[], value: unknown): string {
  const meant = typeof value === "string" ? wordsMeant(value, options) : [];
  const shown = value === undefined ? "" : `, not ${describe(value)}`;
  return `must be ${options.length === 1 ? "" : "one of "}${options.join(", ")}${shown}${
    meant.length === 0 ? "" : `; did you mean ${meant.map((word) => `'${word}'`).join(" or ")}?`
  }`;
}

/** What people call things that have another name here. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ["ping", "icmp"],
  ["port", "tcp"],
  ["command", "exec"],
  ["script", "exec"],
  ["program", "exec"],
  ["demo", "simulated"],
  ["virtual", "simulated"],
  ["shelly", "mqtt"],
  ["zigbee", "mqtt"],
  ["zigbee2mqtt", "mqtt"],
  ["esphome", "mqtt"],
  ["rest", "http"],
  ["https", "http"],
  ["verbose", "debug"],
]);

function wordsMeant(value: string, options: readonly string[]): readonly string[] {
  const word = value.toLowerCase();
  const near = nearestName(value, options);
  if (near !== undefined) {
    return [near];
  }
  // A word of less than three letters begins too many others.
  const alike = options.filter(
    (option) =>
      (option.length > 2 && word.startsWith(option)) || (word.length > 2 && option.startsWith(word)),
  );
  const known = otherNames.get(word);
  return alike.length > 0 ? alike : options.filter((option) => option === known);
}

/** What would be right, where that can be said. */
function cureOf(expected: string, { value, secret, kinds, keys }: Place): string {
  if (typeof value === "string" && /\$\{/.test(value) && expected !== "object" && expected !== "array") {
    return ": what is put in for ${...} is always text";
  }
  switch (expected) {
    case "boolean":
      return typeof value === "string" && /^(yes|on|no|off|true|false)$/i.test(value)
        ? `; write ${/^(yes|on|true)$/i.test(value) ? "true" : "false"}`
        : "";
    case "string":
      return typeof value === "number" || typeof value === "boolean" ? "; put it in quotes" : "";
    case "number":
    case "int":
      return cureOfNumber(value);
    case "array":
    case "tuple":
      return secret ? "" : asList(value);
    case "record":
      return "; write each with its name before it: 'name: ...'";
    case "object":
      return cureOfSection(value, kinds, keys);
    default:
      return "";
  }
}

function cureOfNumber(value: unknown): string {
  if (typeof value !== "string") {
    return "";
  }
  if (/^-?\d+(\.\d+)?$/.test(value)) {
    return "; write it without quotes";
  }
  if (parseDuration(value) !== undefined) {
    return "; a duration has no place here";
  }
  if (/^\d+(\.\d+)? ?[kMG]i?B?$/i.test(value)) {
    return "; write all its digits";
  }
  const [, number] = /^(\d+(?:\.\d+)?) ?(?:W|watts?|V|A|%)$/i.exec(value) ?? [];
  return number === undefined ? "" : `; write ${number}, without the unit`;
}

function cureOfSection(value: unknown, kinds: readonly string[], keys: readonly string[]): string {
  if (typeof value === "string" && /^[A-Za-z]\w*:[^\s/]/.test(value)) {
    return "; write a blank after the colon";
  }
  if (kinds.length > 0) {
    const [meant] = typeof value === "string" ? wordsMeant(value, kinds) : [];
    return meant === undefined
      ? `; it begins with 'type:' and one of ${kinds.join(", ")}`
      : `; write { type: ${meant}, ... }`;
  }
  return keys.length === 0 ? "" : `; its ${keys.length === 1 ? "key is" : "keys are"} ${listOf(keys)}`;
}

/** Texts with nothing in them that would have to be in quotes. */
function asList(value: unknown): string {
  const text = typeof value === "string" || typeof value === "number" ? String(value) : "";
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  return words.length > 0 &&
    words.every((word) => /^[A-Za-z0-9/][\w./@=+-]*$/.test(word)) &&
    text.length <= 80
    ? `; write [${words.join(", ")}]`
    : "; write its entries in brackets: [..., ...]";
}

const bracketsFor = ({ value, forms }: Place): string =>
  forms.includes("array") && describe(value) === "a mapping" ? "; write it in brackets: [{ ... }]" : "";

function saySize(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig, shown: string): string {
  const small = issue.code === "too_small";
  const limit = small ? issue.minimum : issue.maximum;
  const bound = small ? "at least" : "at most";
  if (issue.origin === "array") {
    return small && Number(limit) === 1
      ? "is an empty list; write at least one entry"
      : `must have ${bound} ${limit} ${Number(limit) === 1 ? "entry" : "entries"}`;
  }
  return issue.origin === "string"
    ? `must have ${bound} ${limit} character${Number(limit) === 1 ? "" : "s"}`
    : `must be ${bound} ${limit}, not ${shown}`;
}

/** `10 min` and the like. */
function orDuration(message: string, value: unknown): string {
  const [, number, unit] =
    message.startsWith("is no duration") && typeof value === "string"
      ? (/^(\d+(?:\.\d+)?) *(s|m|h|d)(?:ecs?|econds?|ins?|inutes?|rs?|ours?|ays?)?$/i.exec(value) ?? [])
      : [];
  return number === undefined || unit === undefined ? "" : `; did you mean ${number}${unit.toLowerCase()}?`;
}

const nouns: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  integer: "a whole number",
  int: "a whole number",
  boolean: "true or false",
  object: "a mapping (keys with values)",
  record: "a mapping (names with values)",
  array: "a list",
  tuple: "a list",
};

const nounOf = (expected: string): string => nouns[expected] ?? expected;

const isScalar = (value: unknown): boolean => typeof value !== "object" || value === null;

function describe(value: unknown): string {
  if (typeof value === "string") {
    return quote(value);
  }
  return typeof value === "number" || typeof value === "boolean" ? String(value) : sortOf(value);
}

/** What sort of value it is, of one that is not shown. */
function sortOf(value: unknown): string {
  if (Array.isArray(value)) {
    return "a list";
  }
  const sorts: Readonly<Record<string, string>> = {
    string: "this text",
    number: "a number",
    boolean: "true or false",
  };
  return sorts[typeof value] ?? "a mapping";
}
