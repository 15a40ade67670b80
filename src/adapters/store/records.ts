// The store's tables: which columns show a record to people, and the schema that its JSON has to fit when it is read back. Not the SQL
// that made the tables, which is history and stands in migrations.ts.

import { z } from "zod";
import type {
  EndedRecord,
  OutboxRecord,
  OutletRecord,
  OverrideRecord,
  PublishedRecord,
  QueuedRecord,
  ResourceRecord,
  Timestamp,
  TokenRecord,
} from "../../core/changes.ts";
import { type Instant, wallTime } from "../../core/time.ts";
import { reply, replyTo, waiter } from "./replies.ts";
import { exactly, length, mode, moment, orAbsent, text, texts } from "./schemas.ts";

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

export const tokens: RecordTable<TokenRecord> = {
  name: "tokens",
  key: ["resource", "token"],
  keyOf: (record) => [record.resources[0] ?? "", record.token],
  shown: ["resources", "owner", "mode", "since", "expires"],
  show: (record, iso) => [
    list(record.resources),
    record.owner,
    record.mode,
    iso(record.since),
    iso(record.expires),
  ],
  schema: exactly<TokenRecord>()(
    z.strictObject({
      resources: texts.min(1), // The first one is the record's key.
      asked: texts,
      several: z.boolean(),
      token: text,
      owner: text,
      purpose: orAbsent(text),
      mode,
      priority: z.number(),
      number: z.int(),
      tried: texts,
      since: moment,
      ttl: length,
      validFrom: moment,
      expires: orAbsent(moment),
      extendedAt: moment,
      lostAt: orAbsent(moment),
      told: z.boolean(),
      kwhAtStart: z.array(orAbsent(z.number())),
      waiters: z.array(waiter),
      deadline: orAbsent(moment),
    }),
  ),
};

export const queued: RecordTable<QueuedRecord> = {
  name: "queued",
  key: ["number"],
  keyOf: (record) => [record.number],
  shown: ["asked", "token", "owner", "mode", "priority", "since", "deadline"],
  show: (record, iso) => [
    list(record.asked),
    record.token,
    record.owner,
    record.mode,
    record.priority,
    iso(record.since),
    iso(record.deadline),
  ],
  schema: exactly<QueuedRecord>()(
    z.strictObject({
      number: z.int(),
      asked: texts,
      several: z.boolean(),
      token: text,
      owner: text,
      purpose: orAbsent(text),
      mode,
      priority: z.number(),
      tried: texts,
      since: moment,
      ttl: orAbsent(length),
      lostAt: orAbsent(moment),
      waiters: z.array(waiter),
      deadline: moment,
    }),
  ),
};

export const overrides: RecordTable<OverrideRecord> = {
  name: "overrides",
  key: ["resource"],
  keyOf: (record) => [record.resource],
  // Not `by`: that is a word of SQL, and would have to be quoted by whoever asks for it.
  shown: ["mode", "set_by", "reason", "since", "until"],
  show: (record, iso) => [
    record.mode,
    record.by ?? null,
    record.reason ?? null,
    iso(record.since),
    iso(record.until),
  ],
  schema: exactly<OverrideRecord>()(
    z.strictObject({
      resource: text,
      mode: z.enum(["on", "off"]),
      outlets: texts,
      by: orAbsent(text),
      reason: orAbsent(text),
      since: moment,
      until: orAbsent(moment),
      force: z.boolean(),
    }),
  ),
};

export const ended: RecordTable<EndedRecord> = {
  name: "ended",
  key: ["resource", "token"],
  keyOf: (record) => [record.resource, record.token],
  shown: ["reason", "at"],
  show: (record, iso) => [record.reason, iso(record.at)],
  schema: exactly<EndedRecord>()(
    z.strictObject({
      resource: text,
      token: text,
      at: moment,
      reason: z.enum(["released", "expired", "lost", "rejected", "removed", "locked-out"]),
    }),
  ),
};

export const outlets: RecordTable<OutletRecord> = {
  name: "outlets",
  key: ["outlet"],
  keyOf: (record) => [record.outlet],
  shown: ["own", "moved"],
  show: (record, iso) => [record.own, iso(record.movedAt)],
  schema: exactly<OutletRecord>()(
    z.strictObject({
      outlet: text,
      own: z.enum(["none", "commanded", "confirmed", "leaving", "outside"]),
      movedAt: orAbsent(moment),
      bootedAt: orAbsent(moment),
    }),
  ),
};

export const resources: RecordTable<ResourceRecord> = {
  name: "resources",
  key: ["resource"],
  keyOf: (record) => [record.resource],
  shown: ["was_available", "shutdown", "cycle"],
  show: (record, iso) => [
    record.wasAvailable ? "yes" : "no",
    iso(record.shutdownAt),
    record.cycle?.stage ?? null,
  ],
  schema: exactly<ResourceRecord>()(
    z.strictObject({
      resource: text,
      boots: z.array(length),
      wasAvailable: z.boolean(),
      shutdownAt: orAbsent(moment),
      cycle: orAbsent(
        z.strictObject({ stage: z.enum(["off", "on"]), force: z.boolean(), adopted: z.boolean() }),
      ),
    }),
  ),
};

export const outbox: RecordTable<OutboxRecord> = {
  name: "outbox",
  key: ["id"],
  keyOf: (record) => [record.id],
  shown: ["topic"],
  show: (record) => [record.replyTo.topic],
  schema: exactly<OutboxRecord>()(z.strictObject({ id: z.int(), replyTo, reply })),
};

export const published: RecordTable<PublishedRecord> = {
  name: "published",
  key: ["kind", "name"],
  keyOf: (record) => [record.kind, record.name],
  shown: [],
  show: () => [],
  schema: exactly<PublishedRecord>()(z.strictObject({ kind: z.enum(["resource", "switcher"]), name: text })),
};

/** The last commit's time, kept as the row `written` of the table `meta`. */
export const timestamp = exactly<Timestamp>()(
  z.strictObject({
    at: moment,
    wall: z.number().transform(wallTime),
    boot: orAbsent(text),
  }),
);

const list = (names: readonly string[]): string => names.join(", ");
