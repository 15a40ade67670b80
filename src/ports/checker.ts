// What the program needs to learn whether a resource answers. One question, one answer; when to ask and how often to
// believe it is the core's.

export interface Checker {
  /**
   * Ask once. Never rejects: what goes wrong is `error`, with a message for a person.
   * @param signal aborts at the check's `timeout`; an aborted check is `down`, or `error` where silence says nothing
   */
  check(signal: AbortSignal): Promise<CheckResult>;
  /** Listen no more, of a checker that listens between its checks; others have nothing to close. Never throws. A check under way may end in any way. */
  readonly close?: () => void;
}

export interface CheckResult {
  /** `error`: the check itself could not be made (no such command, bad host name), which says nothing about the resource. */
  readonly outcome: "up" | "down" | "error";
  /** One line for a person: `answered in 3 ms`, `connection refused`. */
  readonly message: string;
}
