// From version 1 of the store's form to version 2: tokens over several resources and exclusive ones, the queue, overrides, shutdowns.
// Written once and never edited, because stores of that form are about. It uses nothing that may change later, today's schemas least of all.

import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { crc32 } from "node:zlib";
import { z } from "zod";
import { damaged } from "./explain.ts";

/** @throws StoreError `damaged` when a record does not fit its checksum: with a new one it would be taken for whole */
export function toVersion2(database: DatabaseSync, path: string): void {
  database.exec(`
    ALTER TABLE tokens RENAME TO tokens_1;
    CREATE TABLE tokens (resource TEXT, token TEXT, resources TEXT, owner TEXT, mode TEXT, since TEXT, expires TEXT,
      record TEXT NOT NULL, crc32 INTEGER NOT NULL, PRIMARY KEY (resource, token)) WITHOUT ROWID;
    INSERT INTO tokens SELECT resource, token, resource, owner, 'shared', since, expires, record, crc32 FROM tokens_1;
    DROP TABLE tokens_1;

    ALTER TABLE resources RENAME TO resources_1;
    CREATE TABLE resources (resource TEXT PRIMARY KEY, was_available TEXT, shutdown TEXT, cycle TEXT,
      record TEXT NOT NULL, crc32 INTEGER NOT NULL) WITHOUT ROWID;
    INSERT INTO resources SELECT resource, was_available, NULL, NULL, record, crc32 FROM resources_1;
    DROP TABLE resources_1;

    CREATE TABLE queued (number INTEGER, asked TEXT, token TEXT, owner TEXT, mode TEXT, priority INTEGER, since TEXT, deadline TEXT,
      record TEXT NOT NULL, crc32 INTEGER NOT NULL, PRIMARY KEY (number)) WITHOUT ROWID;
    CREATE TABLE overrides (resource TEXT PRIMARY KEY, mode TEXT, set_by TEXT, reason TEXT, since TEXT, until TEXT,
      record TEXT NOT NULL, crc32 INTEGER NOT NULL) WITHOUT ROWID;
  `);
  const oldest = readAll(database, path, "tokens", ["resource", "token"], token1);
  // Stable: tokens of one moment are numbered in the order of their keys, in which version 1 gave them back.
  oldest.sort((a, b) => a.record.since - b.record.since);
  replaceAll(
    database,
    "tokens",
    ["resource", "token"],
    oldest.map(({ key, record }, i) => ({ key, record: tokenOf(record, i + 1) })),
  );
  replaceAll(
    database,
    "resources",
    ["resource"],
    readAll(database, path, "resources", ["resource"], resource1).map(({ key, record }) => ({
      key,
      record: { ...record, shutdownAt: null, cycle: null },
    })),
  );
  replaceAll(
    database,
    "outbox",
    ["id"],
    readAll(database, path, "outbox", ["id"], outbox1).map(({ key, record }) => ({
      key,
      record: { ...record, reply: replyOf(record.reply) },
    })),
  );
}

const moment = z.int();

/** Each with its keys complete, so that what comes out is complete; values that are taken over as they are need not be understood. */
const token1 = z.strictObject({
  resource: z.string(),
  token: z.string(),
  owner: z.string(),
  purpose: z.nullable(z.string()),
  since: moment,
  ttl: z.number(),
  expires: z.nullable(moment),
  lostAt: z.nullable(moment),
  told: z.boolean(),
  kwhAtStart: z.nullable(z.number()),
  waiters: z.array(z.json()),
  deadline: z.nullable(moment),
});

const resource1 = z.strictObject({
  resource: z.string(),
  boots: z.array(z.number()),
  wasAvailable: z.boolean(),
});

const reply1 = z.union([
  z.strictObject({
    ok: z.literal(true),
    resource: z.string(),
    state: z.string(),
    total: z.number(),
    holders: z.array(
      z.strictObject({
        token: z.string(),
        owner: z.string(),
        purpose: z.nullable(z.string()),
        mode: z.literal("shared"),
        since: z.string(),
        expires: z.nullable(z.string()),
      }),
    ),
    queue: z.array(z.never()),
  }),
  // About a token: granted or renewed, and released.
  z.looseObject({ ok: z.literal(true), resource: z.string(), token: z.string() }),
  z.looseObject({ ok: z.literal(false) }),
]);

const outbox1 = z.strictObject({ id: z.int(), replyTo: z.json(), reply: reply1 });

function tokenOf({ resource, kwhAtStart, ...same }: z.output<typeof token1>, number: number): object {
  return {
    resources: [resource],
    asked: [resource],
    several: false,
    ...same,
    mode: "shared",
    priority: 0,
    number,
    tried: [],
    kwhAtStart: [kwhAtStart],
  };
}

function replyOf(old: z.output<typeof reply1>): object {
  if ("holders" in old && Array.isArray(old.holders)) {
    return { ...old, holders: old.holders.map((holder: object) => ({ resource: null, ...holder })) };
  }
  return old.ok ? { ...old, resources: null } : old;
}

type Key = readonly SQLOutputValue[];

interface Keyed<Kept> {
  readonly key: Key;
  readonly record: Kept;
}

export function readAll<Kept>(
  database: DatabaseSync,
  path: string,
  table: string,
  keys: readonly string[],
  schema: z.ZodType<Kept>,
): Keyed<Kept>[] {
  return database
    .prepare(`SELECT * FROM ${table} ORDER BY ${keys.join(", ")}`)
    .all()
    .map((row) => {
      const key = keys.map((column) => row[column] ?? null);
      const where = `table ${table}, ${keys.map((column, i) => `${column} ${JSON.stringify(key[i])}`).join(", ")}`;
      const json = row["record"];
      if (typeof json !== "string" || crc32(json) !== row["crc32"]) {
        throw damaged(path, `${where}: the record does not fit its checksum`);
      }
      const parsed = fromJson.pipe(schema).safeParse(json);
      if (!parsed.success) {
        throw damaged(path, `${where}: ${z.prettifyError(parsed.error).replaceAll(/\s+/g, " ")}`);
      }
      return { key, record: parsed.data };
    });
}

const fromJson = z.string().transform((json, context): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    context.addIssue("the record is not JSON");
    return z.NEVER;
  }
});

export function replaceAll(
  database: DatabaseSync,
  table: string,
  keys: readonly string[],
  records: readonly Keyed<object>[],
): void {
  const update = database.prepare(
    `UPDATE ${table} SET record = ?, crc32 = ? WHERE ${keys.map((column) => `${column} = ?`).join(" AND ")}`,
  );
  for (const { key, record } of records) {
    const json = JSON.stringify(record);
    update.run(json, crc32(json), ...key);
  }
}
