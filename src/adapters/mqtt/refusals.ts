// What cannot be sent, and what a broker refuses of what was asked or sent, in sentences. Not why a connection failed: failures.ts.

import { ConnectionError, type Outgoing, type Subscription } from "./connection-port.ts";
import { reasonText } from "./failures.ts";

/** What a broker would answer by cutting the connection is refused here. @throws ConnectionError `refused` */
export function checkOutgoing(topic: string, payload: Buffer, outgoing: Outgoing, largest: number): void {
  const topicBytes = Buffer.byteLength(topic);
  if (topicBytes === 0 || topicBytes > 65_535 || /[+#\0]/.test(topic)) {
    throw new ConnectionError("refused", "a message needs a topic of 1 to 65,535 bytes without wildcards");
  }
  // 64 bytes are more than all headers and lengths of a PUBLISH that are not counted here.
  const bytes =
    64 +
    topicBytes +
    payload.length +
    (outgoing.correlation?.length ?? 0) +
    Buffer.byteLength(outgoing.responseTopic ?? "") +
    Buffer.byteLength(outgoing.contentType ?? "");
  if (bytes > largest) {
    throw new ConnectionError(
      "refused",
      `a message of ${payload.length} bytes is more than the broker takes (${largest})`,
    );
  }
}

export function refusedFilter(
  error: Error,
  subscriptions: readonly Subscription[],
  granted: readonly unknown[] | undefined,
): ConnectionError {
  const index = granted?.findIndex((code) => typeof code === "number" && code >= 128) ?? -1;
  const filter = subscriptions[index]?.filter;
  if (filter === undefined) {
    return new ConnectionError("closed", `subscribing failed: ${error.message}`, { cause: error });
  }
  const code = Number(granted?.[index]);
  return new ConnectionError(
    "refused",
    `the broker refuses the subscription to '${filter}': ${reasonText(code)}`,
    {
      cause: error,
    },
  );
}

export function refusedMessage(topic: string, error: Error): ConnectionError {
  const code: unknown = "code" in error ? error.code : undefined;
  if (typeof code !== "number") {
    return new ConnectionError("closed", error.message, { cause: error });
  }
  const denied = code === 135;
  return new ConnectionError(
    denied ? "not-authorised" : "refused",
    `the broker refuses a message to '${topic}': ${reasonText(code)}`,
    { cause: error },
  );
}
