// What a device's message says at one place: a path into JSON such as `params."switch:0".output`, and whether what stands there
// is what the configuration names. Pure, and never throws on a message; what a message does not say is `undefined`, not "off".

import { z } from "zod";

/** Keys of objects and indexes of lists, from the outside in. */
export type JsonPath = readonly (string | number)[];

/** Ordinary messages stay below 4 KiB; one with dozens of sensors may take some more. What is longer is not read. */
const longestMessage = 65_536;
const longestPath = 256;

const step = /(?:^|(?<=[^])\.)(?:"((?:[^"\\]|\\["\\])*)"|([^."[\]\\\s]+))|\[(\d{1,9})\]/y;

/**
 * A path into JSON in the configuration: keys with dots between them, one with other characters in double quotes (`\"` and `\\` stand for
 * `"` and `\` there), and indexes of lists from 0: `relays[0].state`. A key of digits picks from a list, too: `relays.0.state`.
 */
export const jsonPath = z.string().transform((text, context): JsonPath => {
  const path = parseJsonPath(text);
  if (path === undefined) {
    context.addIssue({
      code: "custom",
      message: `is no path into JSON: write keys with dots between them, such as state, relays[0].state or params."switch:0".output`,
      input: text,
    });
    return z.NEVER;
  }
  return path;
});

/** A value to be compared with, in the configuration: a text, a number or a boolean, kept as a text for `isSame`. */
export const jsonValue = z.union([z.string(), z.number(), z.boolean()]).transform(String);

/** @returns `undefined` for what is no path */
export function parseJsonPath(text: string): JsonPath | undefined {
  if (text === "" || text.length > longestPath) {
    return undefined;
  }
  const path: (string | number)[] = [];
  step.lastIndex = 0;
  while (step.lastIndex < text.length) {
    const found = step.exec(text);
    if (found === null) {
      return undefined;
    }
    const [, quoted, plain, index] = found;
    path.push(index === undefined ? (plain ?? unquoted(quoted ?? "")) : Number(index));
  }
  return path;
}

const unquoted = (text: string): string => text.replaceAll(/\\(["\\])/g, "$1");

/** As `parseJsonPath` reads it, for people. */
export const printJsonPath = (path: JsonPath): string =>
  path
    .map((part, place) => {
      if (typeof part === "number") {
        return `[${part}]`;
      }
      const key = /^[^."[\]\\\s]+$/.test(part) ? part : `"${part.replaceAll(/["\\]/g, "\\$&")}"`;
      return place === 0 ? key : `.${key}`;
    })
    .join("");

/**
 * What a message says: its text, or with a path what its JSON has there.
 * @returns `undefined` when it says nothing: too long, no UTF-8, no JSON, nothing at that path
 */
export function valueIn(payload: Uint8Array, path: JsonPath | undefined): unknown {
  const text = textOf(payload);
  return text === undefined || path === undefined ? text : valueAt(parsed(text), path);
}

/** @returns `undefined` for what is too long, or no UTF-8 */
export function textOf(payload: Uint8Array): string | undefined {
  if (payload.byteLength > longestMessage) {
    return undefined;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(payload);
  } catch {
    return undefined; // A TypeError: no UTF-8.
  }
}

/** @returns `undefined` for what is no JSON */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // A SyntaxError, or a RangeError for what is nested too deep to be read.
  }
}

/** @returns `undefined` when there is nothing at that path */
export function valueAt(value: unknown, path: JsonPath): unknown {
  let at = value;
  for (const part of path) {
    at = partOf(at, part);
  }
  return at;
}

function partOf(value: unknown, part: string | number): unknown {
  if (Array.isArray(value)) {
    const list: readonly unknown[] = value;
    return typeof part === "number" || /^\d{1,9}$/.test(part) ? list[Number(part)] : undefined;
  }
  return typeof part === "string" && isObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
}

/**
 * Is the value the one that the configuration names? Texts are compared exactly, nothing is stripped and case counts; numbers by
 * their value (`1.0` is 1); booleans as `true` and `false`. Nothing else is the same as any text: no list, no object, no null.
 */
export function isSame(value: unknown, wanted: string): boolean {
  if (typeof value === "number") {
    return isNumber(wanted) && value === Number(wanted);
  }
  return typeof value === "boolean" ? String(value) === wanted : value === wanted;
}

/** As JSON and YAML write them; `Number` would take an empty text for 0. */
const isNumber = (text: string): boolean => /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text);

/** What has fields: no list. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
