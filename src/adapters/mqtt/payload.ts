// The fields of each request, protocol section 4.1: what they may be, and the sentence that says what is wrong with them.
// Not for bytes and JSON (body.ts), nor for topics and replies.

import { z } from "zod";
import { parseDuration } from "../../core/duration.ts";
import { parseIso } from "../../core/iso-time.ts";
import { isName, isOwner, isPurpose, isTokenId, nearestName } from "../../core/names.ts";
import type { OverrideRequest } from "../../core/requests.ts";
import type { Millis } from "../../core/time.ts";
import { type Body, type Read, refused } from "./body.ts";
import { shown } from "./shown.ts";
import type { Verb } from "./topics.ts";

/** What decides about the fields: the verb, and for an acquire whether it is about several resources. */
export type Form = Verb | "controller/acquire";

const required = <T>(read: (value: unknown) => T | undefined, says: string): z.ZodType<T> =>
  z.unknown().transform((value, context): T => {
    const good = read(value);
    if (good === undefined) {
      context.addIssue({ code: "custom", message: `must be ${says}, not ${shown(value)}` });
      return z.NEVER;
    }
    return good;
  });

const field = <T>(read: (value: unknown) => T | undefined, says: string): z.ZodOptional<z.ZodType<T>> =>
  required(read, says).optional();

/** Its default is null, in the documents and in what is published: null says nothing else than leaving it out. */
const orNull = <T>(schema: z.ZodType<T>) =>
  z.preprocess((value) => (value === null ? undefined : value), schema).optional();

const text =
  (fits: (text: string) => boolean) =>
  (value: unknown): string | undefined =>
    typeof value === "string" && fits(value) ? value : undefined;

const oneOf =
  <T extends string>(...words: readonly T[]) =>
  (value: unknown): T | undefined =>
    words.find((word) => word === value);

const whole =
  (least: number, most: number) =>
  (value: unknown): number | undefined =>
    typeof value === "number" && Number.isInteger(value) && value >= least && value <= most
      ? value + 0 // JSON has a -0, and nobody else wants one.
      : undefined;

const flag = field((value) => (typeof value === "boolean" ? value : undefined), "true or false");

/** As many as one request may name; a token over more would not fit into a log line, a reply, or anybody's head. */
const mostResources = 64;

const tokenIdRule = "a token id: 1 to 128 of A-Z a-z 0-9 . _ : @ = % ~ -";
const shortTextRule = "a text of 1 to 128 characters without control characters";
const longTextRule = "a text of up to 256 characters without control characters";

const ttl = field((value): Millis | undefined => {
  const length = wholeMilliseconds(value);
  return length !== undefined && length > 0 ? length : undefined;
}, 'a duration of at least 1 ms, such as 90 (seconds), "15m" or "1h30m"');

const common = {
  owner: field(text(isOwner), "1 to 128 characters without control characters and / + #"),
  replyTo: field(
    text(() => true),
    "a topic",
  ),
  id: field(text(isShortText), shortTextRule),
  format: field(oneOf("json", "plain"), '"json" or "plain"'),
};

const token = { token: field(text(isTokenId), tokenIdRule), ...common };
const heldToken = { token: required(text(isTokenId), tokenIdRule), ...common };

const acquire = {
  ...token,
  purpose: orNull(field(text(isPurpose), longTextRule)),
  ttl,
  mode: field(oneOf("shared", "exclusive"), '"shared" or "exclusive"'),
  wait: field(oneOf("granted", "powered", "available"), '"granted", "powered" or "available"'),
  timeout: field(wholeMilliseconds, 'a duration, such as 300 (seconds) or "5m"; 0 never waits'),
  priority: field(whole(-100, 100), "a whole number from -100 to 100; higher is served first"),
};

/** The fields of each request; everything else is refused by name. */
export const requestSchemas = {
  acquire: z.strictObject(acquire),
  "controller/acquire": z
    .strictObject({
      ...acquire,
      resources: required(
        namesOf,
        `a list of 1 to ${mostResources} names of resources or pools, each 1 to 64 of A-Z a-z 0-9 _ . - with a letter or digit first`,
      ),
    })
    .check(({ value, issues }) => {
      const twice = value.resources.find((name, index) => value.resources.indexOf(name) < index);
      if (twice !== undefined) {
        issues.push({ code: "custom", input: value, message: `resources names ${shown(twice)} twice` });
      }
    }),
  renew: z.strictObject({ ...heldToken, ttl }),
  release: z.strictObject({ ...heldToken, lost: flag }),
  override: z
    .strictObject({
      ...token,
      mode: required(oneOf("auto", "on", "off"), '"auto", "on" or "off"'),
      by: field(text(isShortText), shortTextRule),
      reason: field(text(isPurpose), longTextRule),
      until: field(
        readUntil,
        'a duration of at least 1 ms, such as 90 (seconds) or "2h", or a time with its zone, such as "2026-11-22T08:00:00Z"',
      ),
      force: flag,
    })
    .check(({ value, issues }) => {
      const message =
        value.until !== undefined && value.mode === "auto"
          ? 'until goes only with "on" and "off"'
          : value.force === true && value.mode !== "off"
            ? 'force goes only with "off": it cuts the power without a shutdown'
            : undefined;
      if (message !== undefined) {
        issues.push({ code: "custom", input: value, message });
      }
    }),
  cycle: z.strictObject({ ...token, force: flag }),
  tokens: z.strictObject({
    ...token,
    offset: field(whole(0, Number.MAX_SAFE_INTEGER), "a whole number, 0 or more"),
    limit: field(whole(1, 1000), "a whole number from 1 to 1000"),
  }),
} as const satisfies Record<Form, z.ZodType>;

export type Fields<F extends Form> = z.output<(typeof requestSchemas)[F]>;

const neededField: Readonly<Record<Form, string | undefined>> = {
  acquire: undefined,
  "controller/acquire": "resources",
  renew: "token",
  release: "token",
  override: "mode",
  cycle: undefined,
  tokens: undefined,
};

/** Of `id` and `by`: 1 to 128 characters, none of them a control character. */
export function isShortText(value: string): boolean {
  return value !== "" && isPurpose(value) && Array.from(value).length <= 128;
}

function namesOf(value: unknown): readonly string[] | undefined {
  const given: readonly unknown[] = Array.isArray(value) ? value : [];
  const names = given.filter((name): name is string => typeof name === "string" && isName(name));
  return names.length === given.length && names.length > 0 && names.length <= mostResources
    ? names
    : undefined;
}

function readUntil(value: unknown): OverrideRequest["until"] {
  const length = wholeMilliseconds(value);
  if (length !== undefined) {
    return length > 0 ? { kind: "after", length } : undefined;
  }
  const wall = typeof value === "string" ? parseIso(value) : undefined;
  return wall === undefined ? undefined : { kind: "at", wall };
}

/** A fraction of a millisecond is a mistake and not to be rounded away. */
function wholeMilliseconds(value: unknown): Millis | undefined {
  const length = parseDuration(value);
  if (length === undefined || (typeof value === "number" && !isWhole(value * 1000))) {
    return undefined;
  }
  // In text: digits after the point of milliseconds, or more than three after that of seconds.
  if (typeof value === "string" && /\.\d*[1-9]\d*ms$|\.\d{3}\d*[1-9]\d*s?$/.test(value)) {
    return undefined;
  }
  return length;
}

/** 0.1 s times 1000 need not be exactly 100 in binary. */
const isWhole = (ms: number): boolean => Math.abs(ms - Math.round(ms)) < 1e-6;

/**
 * Checks a body against the fields of its request.
 * @param called how the request is called in messages: `renew`, or `controller/renew`
 */
export function readFields<F extends Form>(form: F, body: Body, called: string): Read<Fields<F>> {
  const fields = body.kind === "json" ? body.fields : plainFields(form, body.text);
  if (typeof fields === "string") {
    return refused(fields);
  }
  const schema = requestSchemas[form];
  const known = Object.keys(schema.shape);
  const unknown = [...fields.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) {
    return refused(`${called} has no field ${shown(unknown)}; ${adviceAbout(unknown, form, known)}`);
  }
  const needed = neededField[form];
  if (needed !== undefined && !fields.has(needed)) {
    return refused(`${called} needs the field ${needed}`);
  }
  const result = schema.safeParse(Object.fromEntries(fields));
  if (!result.success) {
    const issue = result.error.issues[0];
    const name = issue?.path[0];
    const message = issue?.message ?? "the payload is not right";
    return refused(name === undefined ? message : `${String(name)} ${message}`);
  }
  // The schema was looked up by the form, which the compiler cannot follow through the union of all.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the line above
  return { ok: true, value: result.data as Fields<F> };
}

function adviceAbout(unknown: string, form: Form, known: readonly string[]): string {
  if (unknown === "resources" && form === "acquire") {
    return "one token over several resources is acquired over controller/acquire";
  }
  const near = nearestName(unknown, known);
  return near === undefined ? `it has ${known.join(", ")}` : `did you mean '${near}'?`;
}

/** The forms whose plain payload is a token id. */
export const takesPlainToken = (form: Form): boolean =>
  form === "acquire" || form === "renew" || form === "release";

/** The plain form: one word or nothing. A sentence says what is wrong with it. */
function plainFields(form: Form, plain: string): ReadonlyMap<string, unknown> | string {
  const hint = /^[\s["]/.test(plain) ? "; a JSON payload is an object and begins with {" : "";
  switch (form) {
    case "cycle":
    case "tokens":
      return plain === ""
        ? new Map()
        : `${form} takes an empty payload or a JSON object, not ${shown(plain)}${hint}`;
    case "controller/acquire":
      return `${form} takes a JSON object with the field resources, not ${plain === "" ? "an empty payload" : shown(plain)}${hint}`;
    case "override":
      return plain === ""
        ? "the payload is empty: give auto, on or off"
        : ["auto", "on", "off"].includes(plain)
          ? new Map([["mode", plain]])
          : `the payload must be auto, on or off, or a JSON object, not ${shown(plain)}${hint}`;
    case "acquire":
    case "renew":
    case "release":
      if (plain === "") {
        return form === "acquire"
          ? "the payload is empty: give a token id, or {} to have one made up"
          : "the payload is empty: give a token id";
      }
      return isTokenId(plain)
        ? new Map([["token", plain]])
        : `the payload must be ${tokenIdRule}, not ${shown(plain)}${hint}`;
  }
}
