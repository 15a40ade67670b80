// What simulated clients write and the simulated front reads: requests as JSON, without the many forms that the real adapter knows.
// Those have their own tests.

import type { ReplyTo, Request } from "../../src/core/requests.ts";
import type { CheckLevel } from "../../src/core/settings.ts";
import { millis } from "../../src/core/time.ts";
import type { Message } from "./broker.ts";

export interface Asked {
  readonly id: string;
  readonly verb: "acquire" | "renew" | "release" | "tokens" | "nonsense";
  readonly resource: string;
  readonly token: string | null;
  readonly owner: string | null;
  readonly ttl: number | null;
  readonly wait: CheckLevel;
  readonly timeout: number | null;
  readonly lost: boolean;
  readonly reply: boolean;
  readonly replyTo: string;
}

export const topicOf = (base: string, { resource, verb }: Asked): string =>
  `${base}/${resource}/${verb === "nonsense" ? "acquire" : verb}`;

export const clearing = ({ payload }: Message): boolean => payload === "";

export function parseAsked(payload: string): Asked {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only simulated clients write here, and they write Asked
  return JSON.parse(payload) as Asked;
}

export function readRequest(_base: string, { payload }: Message, madeUpToken: string): Request {
  const asked = parseAsked(payload);
  const replyTo: ReplyTo | undefined = asked.reply
    ? { topic: asked.replyTo, correlation: undefined, id: asked.id, format: "json" }
    : undefined;
  const { resource } = asked;
  const owner = asked.owner ?? undefined;
  const ttl = asked.ttl === null ? undefined : millis(asked.ttl);
  const token = asked.token ?? madeUpToken;
  switch (asked.verb) {
    case "acquire":
      return {
        kind: "acquire",
        resource,
        owner,
        replyTo,
        token: asked.token ?? undefined,
        madeUpToken,
        purpose: undefined,
        ttl,
        wait: asked.wait,
        timeout: asked.timeout === null ? undefined : millis(asked.timeout),
      };
    case "renew":
      return { kind: "renew", resource, owner, replyTo, token, ttl };
    case "release":
      return { kind: "release", resource, owner, replyTo, token, lost: asked.lost };
    case "tokens":
      return { kind: "tokens", resource, owner, replyTo, offset: 0, limit: 100 };
    case "nonsense":
      return { kind: "refused", resource, token, error: "invalid-request", message: "nonsense", replyTo };
  }
}
