// From a message on a request topic to a Request for the core: acquire, renew, release, tokens, or one that is refused for its form.
// Decides where the reply may go before anything else, so that nobody can make the controller publish to a socket. Does nothing itself.

import { randomBytes } from "node:crypto";
import { isTokenId } from "../../core/names.ts";
import type { ErrorCode, RefusedRequest, ReplyTo, Request } from "../../core/requests.ts";
import type { Incoming } from "./connection-port.ts";
import { type Body, type Fields, isRequestId, readBody, readFields } from "./payload.ts";
import { type RequestTopic, shown } from "./topics.ts";

export interface RequestRules {
  readonly base: string;
  /** Topics below these may be replied to, beside those below `<base>/reply`. */
  readonly replyPrefixes: readonly string[];
  /** Bytes. */
  readonly payloadLimit: number;
}

/** Of MQTT 5 Correlation Data, in bytes: it is kept in the store while a request waits. */
const longestCorrelation = 256;
const longestReplyTopic = 256;

/** @param target what the message's topic says, not `none` */
export function readRequest(
  message: Incoming,
  target: Exclude<RequestTopic, { kind: "none" }>,
  rules: RequestRules,
): Request {
  const { resource } = target;
  const body = readBody(message.payload, rules.payloadLimit);
  const fields = body.ok && body.value.kind === "json" ? body.value.fields : new Map<string, unknown>();
  const refuse = (error: ErrorCode, because: string, replyTo: ReplyTo | undefined): RefusedRequest => ({
    kind: "refused",
    resource,
    token: namedToken(body.ok ? body.value : undefined),
    error,
    message: because,
    replyTo,
  });

  const reply = readReplyTo(message, fields, rules);
  if (!reply.ok) {
    return refuse(reply.error, reply.because, reply.replyTo);
  }
  const { replyTo } = reply;
  if (message.retain) {
    return refuse("retained-request", "a request must not be published with the retain flag", replyTo);
  }
  if (target.kind === "refused") {
    return refuse("invalid-request", target.because, replyTo);
  }
  if (!body.ok) {
    return refuse(body.refusal.error, body.refusal.message, replyTo);
  }
  const { verb, user } = target;
  const base = { resource: target.resource, replyTo };
  switch (verb) {
    case "acquire": {
      const read = readFields(verb, body.value);
      return read.ok
        ? {
            ...base,
            kind: "acquire",
            owner: user ?? read.value.owner,
            token: read.value.token,
            madeUpToken: randomBytes(16).toString("hex"),
            purpose: read.value.purpose,
            ttl: read.value.ttl,
            wait: read.value.wait ?? "granted",
            timeout: read.value.timeout,
          }
        : refuse(read.refusal.error, read.refusal.message, replyTo);
    }
    case "renew": {
      const read = readFields(verb, body.value);
      return read.ok
        ? {
            ...base,
            kind: "renew",
            owner: user ?? read.value.owner,
            token: tokenOf(read.value),
            ttl: read.value.ttl,
          }
        : refuse(read.refusal.error, read.refusal.message, replyTo);
    }
    case "release": {
      const read = readFields(verb, body.value);
      return read.ok
        ? {
            ...base,
            kind: "release",
            owner: user ?? read.value.owner,
            token: tokenOf(read.value),
            lost: read.value.lost ?? false,
          }
        : refuse(read.refusal.error, read.refusal.message, replyTo);
    }
    case "tokens": {
      const read = readFields(verb, body.value);
      return read.ok
        ? {
            ...base,
            kind: "tokens",
            owner: user ?? read.value.owner,
            offset: read.value.offset ?? 0,
            limit: read.value.limit ?? 100,
          }
        : refuse(read.refusal.error, read.refusal.message, replyTo);
    }
  }
}

/** `readFields` refuses renew and release without a token. */
const tokenOf = (fields: Fields<"renew" | "release">): string => fields.token ?? "";

/** For the reply and the event of a refusal; only what is a token id is repeated. */
function namedToken(body: Body | undefined): string | undefined {
  const token = body?.kind === "json" ? body.fields.get("token") : body?.text;
  return typeof token === "string" && isTokenId(token) ? token : undefined;
}

type ReadReplyTo =
  | { readonly ok: true; readonly replyTo: ReplyTo | undefined }
  | {
      readonly ok: false;
      readonly error: ErrorCode;
      readonly because: string;
      readonly replyTo: ReplyTo | undefined;
    };

/**
 * Where the reply goes: MQTT 5's Response Topic before the field `replyTo`. Read leniently, before the fields are checked, so that a
 * request with a mistake elsewhere hears of it. A topic outside the reply space is `forbidden` and gets no reply at all.
 */
function readReplyTo(
  message: Incoming,
  fields: ReadonlyMap<string, unknown>,
  rules: RequestRules,
): ReadReplyTo {
  const field = fields.get("replyTo");
  const topic = message.responseTopic ?? (typeof field === "string" ? field : undefined);
  if (topic === undefined) {
    return { ok: true, replyTo: undefined };
  }
  const problem = replyTopicProblem(topic, rules);
  if (problem !== undefined) {
    return { ok: false, error: "forbidden", because: problem, replyTo: undefined };
  }
  const id = fields.get("id");
  const replyTo: ReplyTo = {
    topic,
    correlation: undefined,
    id: typeof id === "string" && isRequestId(id) ? id : undefined,
    format: fields.get("format") === "plain" ? "plain" : "json",
  };
  const { correlation } = message;
  if (correlation === undefined) {
    return { ok: true, replyTo };
  }
  if (correlation.length > longestCorrelation) {
    return {
      ok: false,
      error: "invalid-request",
      because: `the correlation data has ${correlation.length} bytes, the limit is ${longestCorrelation}`,
      replyTo,
    };
  }
  return { ok: true, replyTo: { ...replyTo, correlation: Buffer.from(correlation).toString("base64") } };
}

/** A sentence, or `undefined` when replies may go there (protocol section 4.2). */
export function replyTopicProblem(
  topic: string,
  rules: Pick<RequestRules, "base" | "replyPrefixes">,
): string | undefined {
  const ours = `${rules.base}/reply`;
  if (topic === "") {
    return "the reply topic is empty";
  }
  if (Buffer.byteLength(topic) > longestReplyTopic) {
    return `the reply topic has ${Buffer.byteLength(topic)} bytes, the limit is ${longestReplyTopic}`;
  }
  if (/[+#]/.test(topic)) {
    return `the reply topic ${shown(topic)} has wildcards`;
  }
  if (/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u.test(topic)) {
    return `the reply topic ${shown(topic)} has control characters`;
  }
  if (topic.split("/").includes("")) {
    return `the reply topic ${shown(topic)} has an empty level`;
  }
  const below = (prefix: string): boolean => topic.startsWith(`${prefix}/`);
  // Below the base everything but the reply space is the controller's own: requests to itself, and its retained picture.
  if (!below(ours) && (below(rules.base) || !rules.replyPrefixes.some(below))) {
    return `replies do not go to ${shown(topic)}; use a topic below ${ours}/`;
  }
  return undefined;
}
