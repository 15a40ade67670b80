// What the program needs to tell a machine to shut down. One attempt, one outcome; when to tell it, how long to wait until it
// is gone, and whether its power may be cut then is the core's.

export interface Shutdown {
  /**
   * Tell it once. Never rejects: what goes wrong is an outcome, with a message for a person.
   * @param signal aborts at the deadline; the adapter starts no timer of its own
   */
  run(signal: AbortSignal): Promise<ShutdownResult>;
}

export interface ShutdownResult {
  /**
   * `done`: the command ended with success. `accepted`: the machine took it, and that is all that is known; often it breaks the
   * connection. `failed`: it did not take it (no login, refused, the command failed, time was up). `unsure`: it could not be
   * reached, and is perhaps off already. None of them proves that the machine is down.
   */
  readonly outcome: "done" | "accepted" | "failed" | "unsure";
  /** One line for a person: `the command ended with 0`, `ssh: permission denied`. */
  readonly message: string;
}
