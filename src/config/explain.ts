// Turns what zod found wrong into sentences for the person who wrote the file: what is wrong, what would be right, what was
// probably meant. Values are quoted as they stand in the file, before secrets were put in.

import type { z } from "zod";
import { parseDuration } from "../core/duration.ts";
import { nearestName } from "../core/names.ts";
import { configJsonSchema, describedAt, knownKeys, knownTypes, valueAt } from "./json-schema.ts";
import { isSecretKey, type Path, quote } from "./mistakes.ts";
import { laterSections } from "./schema.ts";

export interface Finding {
  readonly path: Path;
  /** Whether the key or the value is to be looked at. */
  readonly at: "key" | "value";
  readonly message: string;
}

export const atKey = (path: Path, message: string): Finding => ({ path, at: "key", message });
export const atValue = (path: Path, message: string): Finding => ({ path, at: "value", message });

/** To be given to zod's `safeParse`: what has no sentence of its own gets none, and is worded here. */
export const unworded = { error: () => "" };

/** Far more than are shown: in a file of a megabyte that is wrong throughout, wording them all would take seconds. */
const mostWorded = 1000;

/**
 * @param raw the file's values as written, with `${...}`
 * @param redact for the sentences of the schemas, which saw what was put in
 */
export function explain(
  issues: readonly z.core.$ZodIssue[],
  raw: unknown,
  redact: (text: string) => string,
): readonly Finding[] {
  const schema = configJsonSchema();
  return issues
    .slice(0, mostWorded)
    .flatMap(likeliest)
    .slice(0, mostWorded)
    .flatMap((issue): readonly Finding[] => {
      const path = issue.path.filter((part) => typeof part !== "symbol");
      if (issue.code === "unrecognized_keys") {
        const known = knownKeys(schema, path, raw);
        return issue.keys.slice(0, mostWorded).map((key) => ({
          path: [...path, key],
          at: "key",
          message:
            sayElsewhere(key, path, schema, raw) ?? sayUnknownKey(key, valueAt(raw, [...path, key]), known),
        }));
      }
      const value = valueAt(raw, path);
      if (value === undefined) {
        const types = knownTypes(schema, path.slice(0, -1), raw);
        return [{ path, at: "key", message: sayMissing(issue, types, describedAt(schema, path, raw)) }];
      }
      if (value === null) {
        return [{ path, at: "key", message: "has no value; give it one, or take the line out" }];
      }
      const types = path.at(-1) === "type" ? knownTypes(schema, path.slice(0, -1), raw) : [];
      if (issue.code === "invalid_union" && types.length > 0) {
        return [{ path, at: "value", message: sayOneOf(types, describe(value), value) }];
      }
      return [
        {
          path,
          at: "value",
          message: sayWrong(
            issue.message === "" ? issue : { ...issue, message: redact(issue.message) },
            value,
            path,
          ),
        },
      ];
    });
}

/**
 * Where a value may have one of several forms: what is wrong with the one that was meant, which is the only one whose issues are
 * not about the value as a whole. Where none is, or several are, all that can be said is that none fits.
 */
function likeliest(issue: z.core.$ZodIssue): readonly z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union") {
    return [issue];
  }
  const near = issue.errors.filter((issues) =>
    issues.every(
      ({ code, path }) => path.length > 0 || (code !== "invalid_type" && code !== "invalid_value"),
    ),
  );
  const [only] = near;
  return only === undefined || near.length > 1
    ? [issue]
    : only.flatMap((one) => likeliest({ ...one, path: [...issue.path, ...one.path] }));
}

/** Keys that are known, but not here, or not yet. */
function sayElsewhere(
  key: string,
  path: Path,
  schema: ReturnType<typeof configJsonSchema>,
  raw: unknown,
): string | undefined {
  const later = path.length === 0 ? laterSections.get(key) : undefined;
  if (later !== undefined) {
    return `${later} is not in this release yet; leave it out`;
  }
  return path.length === 1 &&
    path[0] === "defaults" &&
    knownKeys(schema, ["resources", ""], raw).includes(key)
    ? "is not known here: each resource has its own"
    : undefined;
}

function sayUnknownKey(key: string, value: unknown, known: readonly string[]): string {
  const [before, after] = key.split(":");
  if (value === null && before !== undefined && after !== undefined && known.includes(before)) {
    return `is not known here; write a blank after the colon: '${before}: ${after}'`;
  }
  return `is not known here${orNearest(key, known)}`;
}

/** `; did you mean 'x'?`, or all there are. */
function orNearest(wrong: string, known: readonly string[]): string {
  const near = nearestName(wrong, known);
  return near === undefined ? `; known are ${known.join(", ")}` : `; did you mean '${near}'?`;
}

function sayMissing(issue: z.core.$ZodIssue, types: readonly string[], described: string): string {
  if (issue.code === "invalid_union" && types.length > 0) {
    return `is missing: one of ${types.join(", ")}`;
  }
  return described === "" ? "is missing" : `is missing. ${described}`;
}

function sayOneOf(options: readonly string[], shown: string, value: unknown): string {
  const near = typeof value === "string" ? nearestName(value, options) : undefined;
  const meant = near === undefined ? "" : `; did you mean '${near}'?`;
  return `must be ${options.length === 1 ? "" : "one of "}${options.join(", ")}, not ${shown}${meant}`;
}

function sayWrong(issue: z.core.$ZodIssue, value: unknown, path: Path): string {
  const shown = isSecretKey(path.at(-1)) ? "something else" : describe(value);
  if (issue.message !== "") {
    // The sentences of the schemas say what is wrong; the value is there for who reads the log and not the file.
    return isScalar(value) && !isSecretKey(path.at(-1)) && /^(is|has|begins|makes) /.test(issue.message)
      ? `${shown} ${issue.message}`
      : issue.message;
  }
  // What the library tells beyond these, no schema here uses without its own sentence.
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the default is meant
  switch (issue.code) {
    case "invalid_type":
      return sayType(issue.expected, value, shown);
    case "invalid_value":
      return sayOneOf(issue.values.map(String), shown, value);
    case "too_small":
    case "too_big": {
      const small = issue.code === "too_small";
      const limit = small ? issue.minimum : issue.maximum;
      const bound = small ? "at least" : "at most";
      const unit = unitOf(issue.origin, limit);
      return unit === "" ? `must be ${bound} ${limit}, not ${shown}` : `must have ${bound} ${limit}${unit}`;
    }
    default:
      return `cannot be ${shown}`;
  }
}

function sayType(expected: string, value: unknown, shown: string): string {
  const wanted = `must be ${nounOf(expected)}, not ${shown}`;
  if (typeof value === "string" && /\$\{/.test(value) && expected !== "object" && expected !== "array") {
    return `${wanted}: what is put in for \${...} is always text`;
  }
  if (expected === "boolean" && typeof value === "string" && /^(yes|on|no|off|true|false)$/i.test(value)) {
    return `${wanted}; write ${/^(yes|on|true)$/i.test(value) ? "true" : "false"}`;
  }
  if (expected === "string" && (typeof value === "number" || typeof value === "boolean")) {
    return `${wanted}; put it in quotes`;
  }
  if ((expected === "number" || expected === "int") && typeof value === "string") {
    if (/^-?\d+(\.\d+)?$/.test(value)) {
      return `${wanted}; write it without quotes`;
    }
    const length = parseDuration(value);
    return length === undefined ? wanted : `${wanted}; this is no duration`;
  }
  if (expected === "object" && typeof value === "string" && /^[A-Za-z]\w*:\S/.test(value)) {
    return `${wanted}; write a blank after the colon`;
  }
  return wanted;
}

function unitOf(origin: string, limit: number | bigint): string {
  const noun = { string: "character", array: "entr" }[origin];
  if (noun === undefined) {
    return "";
  }
  const one = Number(limit) === 1;
  return ` ${noun}${origin === "array" ? (one ? "y" : "ies") : one ? "" : "s"}`;
}

const nouns: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
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
  if (Array.isArray(value)) {
    return "a list";
  }
  return typeof value === "number" || typeof value === "boolean" ? String(value) : "a mapping";
}
