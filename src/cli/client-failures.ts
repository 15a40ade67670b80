// Why a client could not do its work, in sentences that name the cause and the cure. Not when that is: client.ts, client-requests.ts.

import type { LostCode } from "../adapters/mqtt/connection-port.ts";
import type { Millis } from "../core/time.ts";
import { CommandError } from "./exit-codes.ts";

/** The first attempt to connect failed. */
export const notConnected = (sentence: string, code: LostCode): CommandError =>
  code === "not-authorised"
    ? new CommandError(
        "not-authorised",
        `${sentence}; see --username, --password-file, LASTOUT_USERNAME, LASTOUT_PASSWORD`,
      )
    : new CommandError("unreachable", `${sentence}; is the broker running, and --url or LASTOUT_URL right?`);

export const stillAway = (url: string): CommandError =>
  new CommandError("unreachable", `the connection to ${url} broke and is not back; is the broker running?`);

export const noController = (url: string, base: string, status: string | undefined): CommandError =>
  new CommandError(
    "no-controller",
    `no controller answers at ${url} (status: ${status ?? "none"} at ${base}/controller/status); ` +
      "is 'lastout serve' running there, and --base right?",
  );

/** Brokers drop what their access list denies without a word, most of them. */
export const noAnswer = (
  url: string,
  topics: { readonly asked: string; readonly replies: string; readonly hint: string },
  patience: Millis | undefined,
): CommandError =>
  new CommandError(
    "no-answer",
    `the controller at ${url} did not answer${patience === undefined ? "" : ` within ${Math.round(patience / 1000)} s`}; ` +
      `does the broker let this user write to ${topics.asked} and read ${topics.replies}/#?${topics.hint}`,
  );

/**
 * The broker said no to a subscription or a message; `undefined` when the error is another: the connection broke.
 * @param hint what to add to its sentence
 */
export function refusal(url: string, error: unknown, hint = ""): CommandError | undefined {
  if (!(error instanceof Error) || !("code" in error)) {
    return undefined;
  }
  return error.code === "refused" || error.code === "not-authorised"
    ? new CommandError("not-authorised", `${url}: ${error.message}${hint}`, { cause: error })
    : undefined;
}
