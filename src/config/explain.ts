// Turns what zod found wrong into sentences for the person who wrote the file: what is wrong, what would be right, what was
// probably meant. Values are quoted as they stand in the file, before secrets were put in.

import type { z } from "zod";
import { nearestName } from "../core/names.ts";
import { configJsonSchema, describedAt, knownForms, knownKeys, knownTypes, valueAt } from "./json-schema.ts";
import { isSecretKey, type Path, pathText, quote } from "./mistakes.ts";
import { sayOneOf, sayWrong } from "./say-wrong.ts";
import { laterKinds, laterSections } from "./schema.ts";

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
  const worded = issues.slice(0, mostWorded).flatMap(likeliest).slice(0, mostWorded);
  const misspelt = new Set(worded.flatMap((issue) => meantBy(issue, schema, raw)));
  return worded.flatMap((issue): readonly Finding[] => {
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
    if (value === undefined && misspelt.has(pathText(path))) {
      return [];
    }
    if (value === undefined) {
      const types = knownTypes(schema, path.slice(0, -1), raw);
      return [{ path, at: "key", message: sayMissing(issue, types, describedAt(schema, path, raw)) }];
    }
    if (value === null) {
      return [{ path, at: "key", message: "has no value; give it one, or take the line out" }];
    }
    const types = path.at(-1) === "type" ? knownTypes(schema, path.slice(0, -1), raw) : [];
    if (issue.code === "invalid_union" && types.length > 0) {
      return [{ path, at: "value", message: sayLater(path, types, value) ?? sayOneOf(types, value) }];
    }
    return [
      {
        path,
        at: "value",
        message: sayWrong(issue.message === "" ? issue : { ...issue, message: redact(issue.message) }, {
          value,
          secret: isSecretKey(path.at(-1)),
          kinds: knownTypes(schema, path, raw),
          keys: knownKeys(schema, path, raw),
          forms: knownForms(schema, path, raw),
        }),
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

/** Of keys that are not known: the places of those that were probably meant, which are not missing then. */
function meantBy(
  issue: z.core.$ZodIssue,
  schema: ReturnType<typeof configJsonSchema>,
  raw: unknown,
): readonly string[] {
  if (issue.code !== "unrecognized_keys") {
    return [];
  }
  const path = issue.path.filter((part) => typeof part !== "symbol");
  const known = knownKeys(schema, path, raw);
  return issue.keys.slice(0, mostWorded).flatMap((key) => {
    const meant = nearestName(key, known);
    return meant === undefined ? [] : [pathText([...path, meant])];
  });
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

/** A kind that is known, but not yet. */
function sayLater(path: Path, types: readonly string[], value: unknown): string | undefined {
  const later = laterKinds.get(path[0] === "switchers" ? "switcher" : String(path.at(-2))) ?? [];
  return typeof value === "string" && later.includes(value)
    ? `${quote(value)} is not in this release yet; there are ${types.join(", ")}`
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
  if (issue.code === "custom" && issue.message.startsWith("is missing: ")) {
    return issue.message; // the schema knows why it is needed here
  }
  if (issue.code === "invalid_union" && types.length > 0) {
    return `is missing: one of ${types.join(", ")}`;
  }
  // What a key is, is the first sentence about it; the others are for who reads the reference.
  const [what = ""] = /^.*?\.(?= |$)/.exec(described) ?? [];
  return what === "" ? "is missing" : `is missing. ${what}`;
}
