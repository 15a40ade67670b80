// The schemas of what is kept of requests that wait and of replies that are not yet taken by the broker. Not how they are sent.

import { z } from "zod";
import type { Waiter } from "../../core/changes.ts";
import type { Reply, ReplyTo } from "../../core/requests.ts";
import { exactly, length, mode, moment, orAbsent, text, texts } from "./schemas.ts";

export const replyTo = exactly<ReplyTo>()(
  z.strictObject({
    topic: text,
    correlation: orAbsent(text),
    id: orAbsent(text),
    format: z.enum(["json", "plain"]),
  }),
);

export const waiter = exactly<Waiter>()(
  z.strictObject({
    replyTo: orAbsent(replyTo),
    wait: z.enum(["granted", "powered", "available"]),
    ttl: orAbsent(length),
    since: moment,
    asked: orAbsent(texts),
  }),
);

const state = z.enum(["off", "powered", "available", "unknown"]);

const errorCode = z.enum([
  "invalid-request",
  "unknown-resource",
  "unknown-token",
  "token-taken",
  "not-owner",
  "ttl-too-long",
  "busy",
  "timeout",
  "locked-out",
  "power-failed",
  "released",
  "forbidden",
  "retained-request",
  "too-large",
  "limit-reached",
  "unavailable",
]);

const holder = z.strictObject({
  resource: orAbsent(text),
  token: text,
  owner: text,
  purpose: z.nullable(text),
  mode,
  since: text,
  expires: z.nullable(text),
});

const queueEntry = z.strictObject({
  token: text,
  owner: text,
  purpose: z.nullable(text),
  mode,
  priority: z.number(),
  since: text,
  deadline: text,
});

/** Which kind of reply it is, is told by its fields: no two kinds have the same. */
export const reply = exactly<Reply>()(
  z.union([
    z.strictObject({
      ok: z.literal(true),
      resource: orAbsent(text),
      resources: orAbsent(texts),
      token: text,
      owner: text,
      state,
      users: z.number(),
      ttl: z.number(),
      expires: z.nullable(text),
    }),
    z.strictObject({
      ok: z.literal(true),
      resource: orAbsent(text),
      resources: orAbsent(texts),
      token: text,
      state,
      users: z.number(),
    }),
    z.strictObject({
      ok: z.literal(true),
      resource: text,
      override: z.enum(["auto", "on", "off"]),
      state,
      users: z.number(),
    }),
    z.strictObject({
      ok: z.literal(true),
      resource: text,
      state,
      total: z.number(),
      holders: z.array(holder),
      queue: z.array(queueEntry),
    }),
    z.strictObject({
      ok: z.literal(false),
      resource: orAbsent(text),
      token: orAbsent(text),
      error: errorCode,
      message: text,
    }),
  ]),
);
