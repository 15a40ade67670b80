// From the bytes of a request to a plain text or an object with unchecked fields. Size, encoding and nesting are checked before anything
// is parsed, because anybody may send anything. Not for what the fields mean: payload.ts.

import type { ErrorCode } from "../../core/requests.ts";
import { largestPayloadBytes } from "../request-size.ts";
import { shown } from "./shown.ts";

export interface Refusal {
  readonly error: Extract<ErrorCode, "invalid-request" | "too-large">;
  readonly message: string;
}

/** A payload that could be read; its fields are not yet checked. */
export type Body =
  | { readonly kind: "plain"; readonly text: string }
  | { readonly kind: "json"; readonly fields: ReadonlyMap<string, unknown> };

/** `salvaged`: fields of what is refused all the same, for whom to tell and of what. */
export type ReadBody =
  | { readonly ok: true; readonly value: Body }
  | { readonly ok: false; readonly refusal: Refusal; readonly salvaged: Body };

export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: Refusal };

/** JSON of a request is one flat object; this leaves room, and keeps the stack of everything that walks it small. */
const deepestNesting = 8;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @param limit bytes; a payload of exactly that many is read */
export function readBody(payload: Uint8Array, limit: number): ReadBody {
  const body = readAny(payload.subarray(0, largestPayloadBytes));
  if (payload.length <= limit) {
    return body;
  }
  const { refusal } = refused(`the payload has ${payload.length} bytes, the limit is ${limit}`, "too-large");
  return { ok: false, refusal, salvaged: body.ok ? body.value : body.salvaged };
}

function readAny(payload: Uint8Array): ReadBody {
  let text: string;
  try {
    text = utf8.decode(payload);
  } catch {
    return unread("the payload is not valid UTF-8");
  }
  if (text.startsWith("\uFEFF")) {
    return unread("the payload begins with a byte order mark; leave it out");
  }
  if (!text.startsWith("{")) {
    return { ok: true, value: { kind: "plain", text: text.replace(/\r?\n$/, "") } };
  }
  const flaw = scan(text);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const place = /at position (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
    return unread(
      flaw?.problem ??
        (place === undefined
          ? "the payload is not valid JSON"
          : `the payload is not valid JSON at character ${Number(place) + 1}`),
    );
  }
  if (typeof parsed !== "object" || parsed === null) {
    return unread("the payload is not a JSON object");
  }
  const fields = new Map<string, unknown>(Object.entries(parsed));
  if (flaw === undefined) {
    return { ok: true, value: { kind: "json", fields } };
  }
  if (flaw.twice !== undefined) {
    fields.delete(flaw.twice);
  }
  return unread(flaw.problem, fields);
}

interface Flaw {
  readonly problem: string;
  /** The key that has two values, of which none is meant more than the other. */
  readonly twice?: string;
}

/** Nesting and repeated keys: JSON.parse takes a million brackets, and the last of two equal keys without a word. */
function scan(text: string): Flaw | undefined {
  const open: { keys: Set<string> | undefined; keyNext: boolean }[] = [];
  for (let i = 0; i < text.length; i += 1) {
    const top = open.at(-1);
    const character = text[i] ?? "";
    switch (character) {
      case "{":
      case "[":
        if (open.length === deepestNesting) {
          return { problem: `the JSON is nested deeper than ${deepestNesting} levels` };
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
            return { problem: `the field ${shown(key)} stands there twice`, twice: key };
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

const unread = (message: string, fields: ReadonlyMap<string, unknown> = new Map()): ReadBody => ({
  ...refused(message),
  salvaged: { kind: "json", fields },
});

export function refused(
  message: string,
  error: Refusal["error"] = "invalid-request",
): { ok: false; refusal: Refusal } {
  return { ok: false, refusal: { error, message } };
}
