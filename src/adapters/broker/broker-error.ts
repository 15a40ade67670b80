// Why the embedded broker could not be started, with a cure in the message. Nothing that happens later.

export class BrokerError extends Error {
  /** `open`: others could connect without a password; `bad-users`: the password file; `cannot-listen`: the address or the port. */
  readonly code: "open" | "bad-users" | "cannot-listen";

  constructor(code: BrokerError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "BrokerError";
    this.code = code;
  }
}
