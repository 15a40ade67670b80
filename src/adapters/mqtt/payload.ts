// From the bytes of a request to a checked object, or to a sentence that says what is wrong with them. Size, encoding and nesting
// are checked before anything is parsed, because anybody may send anything. Not for topics and replies.

import { z } from "zod";
import { parseDuration } from "../../core/duration.ts";
import { isOwner, isPurpose, isTokenId, nearestName } from "../../core/names.ts";
import type { ErrorCode } from "../../core/requests.ts";
import type { Millis } from "../../core/time.ts";
import { shown, type Verb } from "./topics.ts";

export interface Refusal {
  readonly error: Extract<ErrorCode, "invalid-request" | "too-large">;
  readonly message: string;
}

/** A payload that could be read; its fields are not yet checked. */
export type Body =
  | { readonly kind: "plain"; readonly text: string }
  | { readonly kind: "json"; readonly fields: ReadonlyMap<string, unknown> };

export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal };

/** JSON of a request is one flat object; this leaves room, and keeps the stack of everything that walks it small. */
const deepestNesting = 8;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @param limit bytes; a payload of exactly that many is read */
export function readBody(payload: Uint8Array, limit: number): Read<Body> {
  if (payload.length > limit) {
    return refused(`the payload has ${payload.length} bytes, the limit is ${limit}`, "too-large");
  }
  let text: string;
  try {
    text = utf8.decode(payload);
  } catch {
    return refused("the payload is not valid UTF-8");
  }
  if (text.startsWith("\uFEFF")) {
    return refused("the payload begins with a byte order mark; leave it out");
  }
  if (!text.startsWith("{")) {
    return { ok: true, value: { kind: "plain", text: text.replace(/\r?\n$/, "") } };
  }
  const problem = scan(text);
  if (problem !== undefined) {
    return refused(problem);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const place = /at position (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
    return refused(
      place === undefined
        ? "the payload is not valid JSON"
        : `the payload is not valid JSON at character ${Number(place) + 1}`,
    );
  }
  if (typeof parsed !== "object" || parsed === null) {
    return refused("the payload is not a JSON object");
  }
  return { ok: true, value: { kind: "json", fields: new Map(Object.entries(parsed)) } };
}

/** Nesting and repeated keys: JSON.parse takes a million brackets, and the last of two equal keys without a word. */
function scan(text: string): string | undefined {
  const open: { keys: Set<string> | undefined; keyNext: boolean }[] = [];
  for (let i = 0; i < text.length; i += 1) {
    const top = open.at(-1);
    const character = text[i] ?? "";
    switch (character) {
      case "{":
      case "[":
        if (open.length === deepestNesting) {
          return `the JSON is nested deeper than ${deepestNesting} levels`;
        }
        open.push(
          character === "{" ? { keys: new Set(), keyNext: true } : { keys: undefined, keyNext: false },
        );
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case ",":
        if (top !== undefined) {
          top.keyNext = true;
        }
        break;
      case ":":
        if (top !== undefined) {
          top.keyNext = false;
        }
        break;
      case '"': {
        const end = endOfString(text, i);
        if (top?.keys !== undefined && top.keyNext) {
          const key = unquoted(text.slice(i, end + 1));
          if (key !== undefined && top.keys.has(key)) {
            return `the field ${shown(key)} stands there twice`;
          }
          if (key !== undefined) {
            top.keys.add(key);
          }
        }
        i = end;
        break;
      }
      default:
        break;
    }
  }
  return undefined;
}

/** Index of the closing quote, or the end of the text. */
function endOfString(text: string, from: number): number {
  for (let i = from + 1; i < text.length; i += 1) {
    if (text[i] === "\\") {
      i += 1;
    } else if (text[i] === '"') {
      return i;
    }
  }
  return text.length;
}

/** Escapes resolved, so that `"t\u0074l"` is seen to be the same key as `"ttl"`. */
function unquoted(quoted: string): string | undefined {
  try {
    const key: unknown = JSON.parse(quoted);
    return typeof key === "string" ? key : undefined;
  } catch {
    return undefined; // JSON.parse of the whole will say where.
  }
}

const field = <T>(read: (value: unknown) => T | undefined, says: string): z.ZodOptional<z.ZodType<T>> =>
  z
    .unknown()
    .transform((value, context): T => {
      const good = read(value);
      if (good === undefined) {
        context.addIssue({ code: "custom", message: `must be ${says}, not ${shown(value)}` });
        return z.NEVER;
      }
      return good;
    })
    .optional();

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
      ? value
      : undefined;

const tokenIdRule = "a token id: 1 to 128 of A-Z a-z 0-9 . _ : @ = % ~ -";

const token = field(text(isTokenId), tokenIdRule);
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
  id: field(text(isRequestId), "a text of 1 to 128 characters without control characters"),
  format: field(oneOf("json", "plain"), '"json" or "plain"'),
};

/** The fields of each request, protocol section 4.1; everything else is refused by name. */
export const requestSchemas = {
  acquire: z.strictObject({
    token,
    ...common,
    purpose: field(text(isPurpose), "a text of up to 256 characters without control characters"),
    ttl,
    mode: field(oneOf("shared"), '"shared": this version knows no other mode'),
    wait: field(oneOf("granted", "powered", "available"), '"granted", "powered" or "available"'),
    timeout: field(wholeMilliseconds, 'a duration, such as 300 (seconds) or "5m"; 0 never waits'),
  }),
  renew: z.strictObject({ token, ...common, ttl }),
  release: z.strictObject({
    token,
    ...common,
    lost: field((value) => (typeof value === "boolean" ? value : undefined), "true or false"),
  }),
  tokens: z.strictObject({
    token,
    ...common,
    offset: field(whole(0, Number.MAX_SAFE_INTEGER), "a whole number, 0 or more"),
    limit: field(whole(1, 1000), "a whole number from 1 to 1000"),
  }),
} as const;

export type Fields<V extends Verb> = z.output<(typeof requestSchemas)[V]>;

export function isRequestId(value: string): boolean {
  return value !== "" && isPurpose(value) && Array.from(value).length <= 128;
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

/** Checks a body against the fields of its request. */
export function readFields<V extends Verb>(verb: V, body: Body): Read<Fields<V>> {
  const fields = body.kind === "json" ? body.fields : plainFields(verb, body.text);
  if (typeof fields === "string") {
    return refused(fields);
  }
  const schema = requestSchemas[verb];
  const known = Object.keys(schema.shape);
  for (const name of fields.keys()) {
    if (!known.includes(name)) {
      const near = nearestName(name, known);
      return refused(
        `${verb} has no field ${shown(name)}${near === undefined ? `; it has ${known.join(", ")}` : `; did you mean '${near}'?`}`,
      );
    }
  }
  const result = schema.safeParse(Object.fromEntries(fields));
  if (!result.success) {
    const issue = result.error.issues[0];
    return refused(`${String(issue?.path[0] ?? "the payload")} ${issue?.message ?? "is not right"}`);
  }
  if ((verb === "renew" || verb === "release") && result.data.token === undefined) {
    return refused(`${verb} needs the field token`);
  }
  // The schema was looked up by the verb, which the compiler cannot follow through the union of all four.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see the line above
  return { ok: true, value: result.data as Fields<V> };
}

/** The plain form: a token id alone. A sentence says what is wrong with it. */
function plainFields(verb: Verb, plain: string): ReadonlyMap<string, unknown> | string {
  if (verb === "tokens") {
    return plain === "" ? new Map() : `tokens takes an empty payload or a JSON object, not ${shown(plain)}`;
  }
  if (plain === "") {
    return verb === "acquire"
      ? "the payload is empty: give a token id, or {} to have one made up"
      : "the payload is empty: give a token id";
  }
  if (!isTokenId(plain)) {
    const hint = /^[\s["]/.test(plain) ? "; a JSON payload is an object and begins with {" : "";
    return `the payload must be ${tokenIdRule}, not ${shown(plain)}${hint}`;
  }
  return new Map([["token", plain]]);
}

function refused(
  message: string,
  error: Refusal["error"] = "invalid-request",
): { ok: false; refusal: Refusal } {
  return { ok: false, refusal: { error, message } };
}
