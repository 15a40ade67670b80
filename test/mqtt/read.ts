// Reads a message as the front does, for the table tests: topic and payload in, Request out. No broker is needed for that.

import type { Incoming } from "../../src/adapters/mqtt/connection-port.ts";
import { readRequest, type RequestRules } from "../../src/adapters/mqtt/requests.ts";
import { parseRequestTopic, topicsOf } from "../../src/adapters/mqtt/topics.ts";
import type { Request } from "../../src/core/requests.ts";

export const rules: RequestRules = {
  topics: topicsOf("lastout"),
  replyPrefixes: ["lastout/reply", "ci/answers"],
  payloadLimit: 16_384,
  access: "open",
};

export function read(
  topic: string,
  payload: string | Uint8Array,
  { under = rules, ...more }: Partial<Incoming> & { readonly under?: RequestRules } = {},
): Request {
  const target = parseRequestTopic(under.topics.base, topic);
  if (target.kind === "none") {
    throw new Error(`${topic} is no request`);
  }
  const message: Incoming = {
    topic,
    payload: Buffer.from(payload),
    qos: 1,
    retain: false,
    responseTopic: undefined,
    correlation: undefined,
    ...more,
  };
  return readRequest(message, target, under);
}

export const acquire = (payload: string | Uint8Array, more: Parameters<typeof read>[2] = {}): Request =>
  read("lastout/build1/acquire", payload, more);
