// The exit status of every outcome, in one table: scripts branch on these, so they change only on purpose
// (docs/command-line.md, "Exit codes"). Here is also the one error class of the command line. Not the wording of what went wrong: that stands where it is found.

import type { ErrorCode } from "../core/requests.ts";

export const exits = {
  done: 0,
  /** The command line itself is wrong: sysexits.h EX_USAGE, as the others here follow that list where it fits. */
  usage: 64,
  /** Any refused request that has no code of its own below. */
  invalid: 65,
  /** Broker or controller cannot be reached. */
  unreachable: 69,
  internal: 70,
  /** Not to be had now; later it may be. */
  notToBeHad: 75,
  refused: 77,
  configuration: 78,
  /** As shells say it: found but not to be started, and not found. */
  cannotExecute: 126,
  notFound: 127,
} as const;

/** What each means for any command, for `--help` and the manual. */
export const exitMeanings: Readonly<Record<string, string>> = {
  [exits.done]: "done",
  [exits.usage]: "the command line is wrong",
  [exits.invalid]: "a refused request: unknown names, invalid values, unknown-token, ttl-too-long",
  [exits.unreachable]: "broker or controller cannot be reached",
  [exits.internal]: "an internal error, a standard output that cannot be written, or a Node that is too old",
  [exits.notToBeHad]: "not to be had now: busy, timeout, power-failed, locked-out",
  [exits.refused]: "refused: token-taken, not-owner, forbidden, or the broker does not let this user in",
  [exits.configuration]: "a configuration file is wrong",
  "128+n": "ended by signal n (130 by ^C)",
};

/** Protocol section 8.1, every code. One that is not here yet came from a newer controller: it is "any other refused request". */
const exitOfError: Readonly<Record<string, number>> = {
  "invalid-request": exits.invalid,
  "unknown-resource": exits.invalid,
  "unknown-token": exits.invalid,
  "token-taken": exits.refused,
  "not-owner": exits.refused,
  "ttl-too-long": exits.invalid,
  busy: exits.notToBeHad,
  timeout: exits.notToBeHad,
  "locked-out": exits.notToBeHad,
  "power-failed": exits.notToBeHad,
  released: exits.invalid,
  forbidden: exits.refused,
  "retained-request": exits.invalid,
  "too-large": exits.invalid,
  "limit-reached": exits.invalid,
  unavailable: exits.invalid,
} satisfies Record<ErrorCode, number>;

export const exitOfReply = (error: string): number =>
  Object.hasOwn(exitOfError, error) ? (exitOfError[error] ?? exits.invalid) : exits.invalid;

/** Signals that end a program by request, with their numbers (the same on Linux, the BSDs and macOS). */
export const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;

export type EndingSignal = keyof typeof signalNumbers;

export const exitOfSignal = (number: number): number => 128 + number;

export type FailureCode =
  | "usage"
  | "invalid-request"
  | "unknown-resource"
  | "unreachable"
  | "no-controller"
  | "no-answer"
  | "not-authorised"
  | "configuration"
  | "timeout"
  | "process-ended"
  | "unknown-outlet"
  | "controller-runs"
  | "not-switched"
  | "not-written"
  | "interrupted";

const exitOfFailure: Readonly<Record<Exclude<FailureCode, "interrupted">, number>> = {
  usage: exits.usage,
  "invalid-request": exits.invalid,
  "unknown-resource": exits.invalid,
  unreachable: exits.unreachable,
  "no-controller": exits.unreachable,
  "no-answer": exits.unreachable,
  "not-authorised": exits.refused,
  configuration: exits.configuration,
  timeout: exits.notToBeHad,
  "process-ended": exits.notToBeHad,
  "unknown-outlet": exits.invalid,
  "controller-runs": exits.notToBeHad,
  "not-switched": exits.notToBeHad,
  "not-written": exits.internal,
};

/** What a command could not do, as one sentence for a person with its cause and its cure. */
export class CommandError extends Error {
  readonly code: FailureCode;
  readonly exit: number;

  constructor(code: Exclude<FailureCode, "interrupted">, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
    this.code = code;
    this.exit = exitOfFailure[code];
  }
}

/** Words that the command needs are missing, or there are more: the dispatcher adds how the command is called. */
export class WrongWords extends CommandError {
  constructor(message: string) {
    super("usage", message);
  }
}

/** Somebody's signal ended the command before it was done. */
export class Interrupted extends Error {
  readonly code: FailureCode = "interrupted";
  readonly exit: number;

  constructor(signal: EndingSignal) {
    super(`interrupted by ${signal}`);
    this.name = "Interrupted";
    this.exit = exitOfSignal(signalNumbers[signal]);
  }
}
