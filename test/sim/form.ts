// What simulated clients write and the simulated front reads: requests as JSON, without the many forms that the real adapter knows.
// Those have their own tests.

import type { ReplyTo, Request } from "../../src/core/requests.ts";
import type { CheckLevel, Mode } from "../../src/core/settings.ts";
import { millis } from "../../src/core/time.ts";
import type { Message } from "./broker.ts";

export interface Asked {
  readonly id: string;
  readonly verb: "acquire" | "renew" | "release" | "tokens" | "override" | "cycle" | "nonsense";
  /** A resource or a pool; null: over `controller/...`, about a token over several. */
  readonly resource: string | null;
  /** Of an acquire over `controller/acquire`. */
  readonly names: readonly string[];
  readonly token: string | null;
  readonly owner: string | null;
  /** As the topic's last level would name it. */
  readonly user: string | null;
  readonly ttl: number | null;
  readonly mode: Mode;
  readonly priority: number;
  readonly wait: CheckLevel;
  readonly timeout: number | null;
  readonly lost: boolean;
  readonly override: "auto" | "on" | "off";
  readonly until: number | null;
  readonly force: boolean;
  readonly reply: boolean;
  readonly replyTo: string;
}

export const verbs = ["acquire", "renew", "release", "tokens", "override", "cycle"] as const;

/** Where a token is asked for again: its resource, its pool, or `controller`. */
export const scopeOf = ({ resource }: Pick<Asked, "resource">): string => resource ?? "controller";

export const topicOf = (base: string, asked: Asked): string =>
  `${base}/${scopeOf(asked)}/${asked.verb === "nonsense" ? "acquire" : asked.verb}`;

export const clearing = ({ payload }: Message): boolean => payload === "";

export function parseAsked(payload: string): Asked {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only simulated clients write here, and they write Asked
  return JSON.parse(payload) as Asked;
}

const orUndefined = <Value>(value: Value | null): Value | undefined => value ?? undefined;

export function readRequest(_base: string, { payload }: Message, madeUpToken: string): Request {
  const asked = parseAsked(payload);
  const replyTo: ReplyTo | undefined = asked.reply
    ? { topic: asked.replyTo, correlation: undefined, id: asked.id, format: "json" }
    : undefined;
  const user = orUndefined(asked.user);
  const owner = user ?? orUndefined(asked.owner);
  const resource = orUndefined(asked.resource);
  const ttl = asked.ttl === null ? undefined : millis(asked.ttl);
  const token = asked.token ?? madeUpToken;
  const base = { resource, user, owner, replyTo };
  const named = { ...base, resource: resource ?? "" };
  switch (asked.verb) {
    case "acquire":
      return {
        ...base,
        kind: "acquire",
        names: resource === undefined ? asked.names : [resource],
        token: orUndefined(asked.token),
        madeUpToken,
        purpose: undefined,
        ttl,
        mode: asked.mode,
        priority: asked.priority,
        wait: asked.wait,
        timeout: asked.timeout === null ? undefined : millis(asked.timeout),
      };
    case "renew":
      return { ...base, kind: "renew", token, ttl };
    case "release":
      return { ...base, kind: "release", token, lost: asked.lost };
    case "tokens":
      return { ...named, kind: "tokens", offset: 0, limit: 100 };
    case "override":
      return {
        ...named,
        kind: "override",
        mode: asked.override,
        by: owner,
        reason: undefined,
        until: asked.until === null ? undefined : { kind: "after", length: millis(asked.until) },
        force: asked.force,
      };
    case "cycle":
      return { ...named, kind: "cycle", force: asked.force };
    case "nonsense":
      return {
        kind: "refused",
        resource,
        token,
        owner,
        error: "invalid-request",
        message: "nonsense",
        replyTo,
      };
  }
}
