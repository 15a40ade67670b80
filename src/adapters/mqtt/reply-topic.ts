// Where the reply to a request may go. Decided before anything else about it, so that nobody can make the controller publish to a socket,
// or into another user's ear. Not for what the reply says.

import type { ErrorCode, ReplyTo } from "../../core/requests.ts";
import type { Incoming } from "./connection-port.ts";
import { isShortText } from "./payload.ts";
import { shown } from "./shown.ts";
import type { Topics } from "./topics.ts";

export interface ReplyRules {
  readonly topics: Pick<Topics, "base" | "replyPrefix">;
  /** Topics below these may be replied to, beside the base's own. */
  readonly replyPrefixes: readonly string[];
  /** `users`: replies to a user go to topics below `<prefix>/<user>/` and nowhere else. */
  readonly access: "open" | "users";
}

/** Of MQTT 5 Correlation Data, in bytes: it is kept in the store while a request waits. */
const longestCorrelation = 256;
const longestReplyTopic = 256;

export type ReadReplyTo =
  | { readonly ok: true; readonly replyTo: ReplyTo | undefined }
  | {
      readonly ok: false;
      readonly error: ErrorCode;
      readonly because: string;
      readonly replyTo: ReplyTo | undefined;
    };

/**
 * MQTT 5's Response Topic before the field `replyTo`. Read leniently, before the fields are checked, so that a request with a mistake
 * elsewhere hears of it. A topic outside the reply space is `forbidden` and gets no reply at all.
 * @param user of the request's topic; with `access: users` there is one
 */
export function readReplyTo(
  message: Incoming,
  fields: ReadonlyMap<string, unknown>,
  rules: ReplyRules,
  user: string | undefined,
): ReadReplyTo {
  const field = fields.get("replyTo");
  const topic = message.responseTopic ?? (typeof field === "string" ? field : undefined);
  if (topic === undefined) {
    return { ok: true, replyTo: undefined };
  }
  const problem = replyTopicProblem(topic, rules, user);
  if (problem !== undefined) {
    return { ok: false, error: "forbidden", because: problem, replyTo: undefined };
  }
  const id = fields.get("id");
  const replyTo: ReplyTo = {
    topic,
    correlation: undefined,
    id: typeof id === "string" && isShortText(id) ? id : undefined,
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
  { topics: { base, replyPrefix }, replyPrefixes, access }: ReplyRules,
  user: string | undefined,
): string | undefined {
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
  if (access === "users" && user === undefined) {
    return "the request names no user, so that there is no topic for its reply";
  }
  const own = access === "users" ? `/${user}` : "";
  const below = (prefix: string): boolean => topic.startsWith(`${prefix}/`);
  // Below the base everything but the reply space is the controller's own: requests to itself, and its retained picture.
  const foreign = below(base) ? [] : replyPrefixes;
  if ([replyPrefix, ...foreign].some((prefix) => below(`${prefix}${own}`))) {
    return undefined;
  }
  return `replies do not go to ${shown(topic)}; use a topic below ${replyPrefix}${own}/`;
}
