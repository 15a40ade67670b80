// The store's tables: which columns show a record to people, and the schema that its JSON has to fit when it is read back. Not the SQL
// that made the tables, which is history and stands in migrations.ts.

import { z } from "zod";
import type {
  EndedRecord,
  OutboxRecord,
  OutletRecord,
  PublishedRecord,
  ResourceRecord,
  Timestamp,
  TokenRecord,
} from "../../core/changes.ts";
import type { ErrorCode } from "../../core/requests.ts";
import { type Instant, instant, millis, wallTime } from "../../core/time.ts";

export interface RecordTable<Kept> {
  readonly name: string;
  readonly key: readonly string[];
  readonly keyOf: (record: Kept) => readonly (string | number)[];
  /** Columns for people: nothing reads them back. */
  readonly shown: readonly string[];
  readonly show: (
    record: Kept,
    iso: (at: Instant | undefined) => string | null,
  ) => readonly (string | number | null)[];
  readonly schema: z.ZodType<Kept>;
}

// `undefined` does not exist in JSON: it is written as null (`toJson`) and becomes `undefined` again here.
const orAbsent = <Schema extends z.ZodType>(schema: Schema) =>
  z.nullable(schema).transform((value): z.output<Schema> | undefined => value ?? undefined);

const moment = z.int().transform(instant);
const length = z.number().transform(millis);
const text = z.string();
const state = z.enum(["off", "powered", "available", "unknown"]);

// An object, not a list, so that the compiler sees when a code of the core is missing here.
const errorCode = z.enum({
  "invalid-request": "invalid-request",
  "unknown-resource": "unknown-resource",
  "unknown-token": "unknown-token",
  "token-taken": "token-taken",
  "not-owner": "not-owner",
  "ttl-too-long": "ttl-too-long",
  timeout: "timeout",
  "power-failed": "power-failed",
  released: "released",
  forbidden: "forbidden",
  "retained-request": "retained-request",
  "too-large": "too-large",
  "limit-reached": "limit-reached",
  unavailable: "unavailable",
} satisfies { [Code in ErrorCode]: Code });

const replyTo = z.strictObject({
  topic: text,
  correlation: orAbsent(text),
  id: orAbsent(text),
  format: z.enum(["json", "plain"]),
});

const reply = z.union([
  z.strictObject({
    ok: z.literal(true),
    resource: text,
    token: text,
    owner: text,
    state,
    users: z.number(),
    ttl: z.number(),
    expires: text,
  }),
  z.strictObject({ ok: z.literal(true), resource: text, token: text, state, users: z.number() }),
  z.strictObject({
    ok: z.literal(true),
    resource: text,
    state,
    total: z.number(),
    holders: z.array(
      z.strictObject({
        token: text,
        owner: text,
        purpose: z.nullable(text),
        mode: z.literal("shared"),
        since: text,
        expires: z.nullable(text),
      }),
    ),
    queue: z.array(z.never()),
  }),
  z.strictObject({
    ok: z.literal(false),
    resource: orAbsent(text),
    token: orAbsent(text),
    error: errorCode,
    message: text,
  }),
]);

export const tokens: RecordTable<TokenRecord> = {
  name: "tokens",
  key: ["resource", "token"],
  keyOf: (record) => [record.resource, record.token],
  shown: ["owner", "since", "expires"],
  show: (record, iso) => [record.owner, iso(record.since), iso(record.expires)],
  schema: z.strictObject({
    resource: text,
    token: text,
    owner: text,
    purpose: orAbsent(text),
    since: moment,
    ttl: length,
    expires: orAbsent(moment),
    lostAt: orAbsent(moment),
    told: z.boolean(),
    kwhAtStart: orAbsent(z.number()),
    waiters: z.array(
      z.strictObject({
        replyTo: orAbsent(replyTo),
        wait: z.enum(["granted", "powered", "available"]),
        ttl: orAbsent(length),
        since: moment,
      }),
    ),
    deadline: orAbsent(moment),
  }),
};

export const ended: RecordTable<EndedRecord> = {
  name: "ended",
  key: ["resource", "token"],
  keyOf: (record) => [record.resource, record.token],
  shown: ["reason", "at"],
  show: (record, iso) => [record.reason, iso(record.at)],
  schema: z.strictObject({
    resource: text,
    token: text,
    at: moment,
    reason: z.enum(["released", "expired", "lost", "rejected", "removed"]),
  }),
};

export const outlets: RecordTable<OutletRecord> = {
  name: "outlets",
  key: ["outlet"],
  keyOf: (record) => [record.outlet],
  shown: ["own", "moved"],
  show: (record, iso) => [record.own, iso(record.movedAt)],
  schema: z.strictObject({
    outlet: text,
    own: z.enum(["none", "commanded", "confirmed", "leaving", "outside"]),
    movedAt: orAbsent(moment),
    bootedAt: orAbsent(moment),
  }),
};

export const resources: RecordTable<ResourceRecord> = {
  name: "resources",
  key: ["resource"],
  keyOf: (record) => [record.resource],
  shown: ["was_available"],
  show: (record) => [record.wasAvailable ? "yes" : "no"],
  schema: z.strictObject({ resource: text, boots: z.array(length), wasAvailable: z.boolean() }),
};

export const outbox: RecordTable<OutboxRecord> = {
  name: "outbox",
  key: ["id"],
  keyOf: (record) => [record.id],
  shown: ["topic"],
  show: (record) => [record.replyTo.topic],
  schema: z.strictObject({ id: z.int(), replyTo, reply }),
};

export const published: RecordTable<PublishedRecord> = {
  name: "published",
  key: ["kind", "name"],
  keyOf: (record) => [record.kind, record.name],
  shown: [],
  show: () => [],
  schema: z.strictObject({ kind: z.enum(["resource", "switcher"]), name: text }),
};

/** The last commit's time, kept as the row `written` of the table `meta`. */
export const timestamp: z.ZodType<Timestamp> = z.strictObject({
  at: moment,
  wall: z.number().transform(wallTime),
  boot: orAbsent(text),
});

export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => (part === undefined ? null : part));
