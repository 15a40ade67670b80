// The lines of a transcript that are requests: `acquire build1 id=a exclusive timeout=1m`, `acquire build1,builders several id=b`,
// `renew controller id=b`, `override build1 off by=laforge until=2h`. A `user` stands for the last level of the topic.

import type {
  AcquireRequest,
  CycleRequest,
  ErrorCode,
  OverrideRequest,
  RefusedRequest,
  ReleaseRequest,
  RenewRequest,
  ReplyTo,
  Request,
  TokensRequest,
} from "../../../src/core/requests.ts";
import type { CheckLevel } from "../../../src/core/settings.ts";
import { wallTime } from "../../../src/core/time.ts";
import { duration } from "./lab.ts";
import { lengthOf, type Line, listOf, numberOf, oneOf, type Options, word } from "./line.ts";
import { happen, type Stage } from "./stage.ts";
import { beginWall } from "./world.ts";

export const asked = (stage: Stage, request: Request): string[] =>
  happen(stage, { kind: "requested", request });

export function acquireOf({ words, options }: Line): AcquireRequest {
  const several = words.includes("several");
  const names = listOf(word(words, 0));
  return {
    kind: "acquire",
    ...whoOf(options),
    resource: several ? undefined : names[0],
    names,
    token: options.get("id"),
    madeUpToken: "made-up",
    purpose: options.get("purpose"),
    ttl: lengthOf(options, "ttl"),
    mode: words.includes("exclusive") ? "exclusive" : "shared",
    priority: numberOf(options, "priority") ?? 0,
    wait: levelOf(options),
    timeout: lengthOf(options, "timeout"),
  };
}

export const renewOf = ({ words, options }: Line): RenewRequest => ({
  kind: "renew",
  ...whoOf(options),
  resource: namedOf(words),
  token: options.get("id") ?? "",
  ttl: lengthOf(options, "ttl"),
});

export const releaseOf = ({ words, options }: Line): ReleaseRequest => ({
  kind: "release",
  ...whoOf(options),
  resource: namedOf(words),
  token: options.get("id") ?? "",
  lost: words.includes("lost"),
});

export function overrideOf({ words, options }: Line): OverrideRequest {
  const who = whoOf(options);
  const mode = words[1];
  if (mode !== "auto" && mode !== "on" && mode !== "off") {
    throw new Error(`'${mode}' is no override`);
  }
  return {
    kind: "override",
    ...who,
    resource: word(words, 0),
    mode,
    by: who.user ?? options.get("by") ?? who.owner,
    reason: options.get("reason"),
    until: untilOf(options.get("until")),
    force: words.includes("force"),
  };
}

/** `2h`: so long; `+2h`: that time of the scenario. */
function untilOf(text: string | undefined): OverrideRequest["until"] {
  if (text === undefined) {
    return undefined;
  }
  return text.startsWith("+")
    ? { kind: "at", wall: wallTime(beginWall + duration(text.slice(1))) }
    : { kind: "after", length: duration(text) };
}

export const cycleOf = ({ words, options }: Line): CycleRequest => ({
  kind: "cycle",
  ...whoOf(options),
  resource: word(words, 0),
  force: words.includes("force"),
});

export const tokensOf = ({ words, options }: Line): TokensRequest => ({
  kind: "tokens",
  ...whoOf(options),
  resource: word(words, 0),
  offset: numberOf(options, "offset") ?? 0,
  limit: numberOf(options, "limit") ?? 100,
});

export const refusedOf = ({ words, options }: Line): RefusedRequest => ({
  kind: "refused",
  resource: words[0],
  token: options.get("id"),
  owner: whoOf(options).owner,
  error: errorOf(options.get("error")),
  message: "the adapter says why",
  replyTo: replyToOf(options),
});

const namedOf = (words: readonly string[]): string | undefined =>
  words[0] === "controller" ? undefined : word(words, 0);

interface Who {
  readonly user: string | undefined;
  readonly owner: string | undefined;
  readonly replyTo: ReplyTo | undefined;
}

const whoOf = (options: Options): Who => ({
  user: options.get("user"),
  owner: options.get("user") ?? options.get("owner"),
  replyTo: replyToOf(options),
});

function replyToOf(options: Options): ReplyTo | undefined {
  const topic = options.get("reply");
  return topic === undefined
    ? undefined
    : { topic, correlation: options.get("correlation"), id: options.get("echo"), format: "json" };
}

const levelOf = (options: Options): CheckLevel => oneOf(options, "wait", ["granted", "powered", "available"]);

function errorOf(text: string | undefined): ErrorCode {
  return text === "too-large" || text === "retained-request" || text === "forbidden"
    ? text
    : "invalid-request";
}
