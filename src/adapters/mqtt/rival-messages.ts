// What controllers say to each other on one base: who is there, who answers. Read from bytes that anybody may have sent; what follows
// from it is not decided here.

import type { Incoming } from "./connection-port.ts";

/** Milliseconds. A live controller answers a ping within this. */
export const answerMs = 3000;

/** What stands in a short message. */
export const textOf = (message: Incoming): string =>
  message.payload.length > 4096 ? "" : Buffer.from(message.payload).toString("utf8");

/** The instance that an `info` object names. */
export function instanceIn(message: Incoming): string | undefined {
  return textField(message, "instance");
}

/** Who sent the `pong` in an event message; with `to`, only one that answers that instance. */
export function pongIn(message: Incoming, to: string | undefined): string | undefined {
  if (message.retain || textField(message, "event") !== "pong") {
    return undefined;
  }
  return to === undefined || textField(message, "to") === to ? textField(message, "instance") : undefined;
}

function textField(message: Incoming, name: string): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(textOf(message));
  } catch {
    return undefined; // Not ours to judge: anybody may write anything there.
  }
  if (typeof parsed !== "object" || parsed === null) {
    return undefined;
  }
  const value: unknown = Object.entries(parsed).find(([key]) => key === name)?.[1];
  return typeof value === "string" && value.length <= 128 ? value : undefined;
}
