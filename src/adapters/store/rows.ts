// Records in and out of the tables of an open database, each with its checksum, each checked when it is read. Not transactions or files.

import type { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { z } from "zod";
import type { Change, Snapshot, Timestamp } from "../../core/changes.ts";
import { type Instant, isoOf, wallTime } from "../../core/time.ts";
import { StoreError } from "../../ports/store.ts";
import { damaged } from "./explain.ts";
import {
  ended,
  outbox,
  outlets,
  overrides,
  published,
  queued,
  type RecordTable,
  resources,
  timestamp,
  tokens,
} from "./records.ts";
import { toJson } from "./schemas.ts";

export interface AllRows {
  load(): { readonly snapshot: Snapshot; readonly written: Timestamp | undefined };
  write(changes: readonly Change[], written: Timestamp): void;
}

export function prepareRows(database: DatabaseSync, path: string): AllRows {
  const rows = {
    tokens: tableRows(database, path, tokens),
    queued: tableRows(database, path, queued),
    overrides: tableRows(database, path, overrides),
    ended: tableRows(database, path, ended),
    outlets: tableRows(database, path, outlets),
    resources: tableRows(database, path, resources),
    outbox: tableRows(database, path, outbox),
    published: tableRows(database, path, published),
  };
  const meta = metaRows(database, path);
  return {
    load: () => {
      const snapshot: Snapshot = {
        tokens: rows.tokens.all().toSorted((a, b) => a.since - b.since || a.number - b.number),
        queued: rows.queued.all(), // By number, which is their key.
        overrides: rows.overrides.all(),
        ended: rows.ended.all().toSorted((a, b) => a.at - b.at),
        outlets: rows.outlets.all(),
        resources: rows.resources.all(),
        outbox: rows.outbox.all(),
        published: rows.published.all(),
      };
      const written = meta.read();
      const all: readonly (readonly unknown[])[] = Object.values(snapshot);
      if (written === undefined && all.some((records) => records.length > 0)) {
        throw damaged(path, 'table meta, name "written": the row is missing');
      }
      return { snapshot, written };
    },
    write: (changes: readonly Change[], written: Timestamp): void => {
      for (const change of changes) {
        writeOne(change, written);
      }
      meta.write(written);
    },
  };

  function writeOne(change: Change, written: Timestamp): void {
    switch (change.kind) {
      case "token":
        return put(rows.tokens, change.record, [change.resource, change.token], written);
      case "queued":
        return put(rows.queued, change.record, [change.number], written);
      case "override":
        return put(rows.overrides, change.record, [change.resource], written);
      case "ended":
        return put(rows.ended, change.record, [change.resource, change.token], written);
      case "outlet":
        return rows.outlets.put(change.record, written);
      case "resource":
        return rows.resources.put(change.record, written);
      case "outbox":
        return put(rows.outbox, change.record, [change.id], written);
      case "published":
        return put(
          rows.published,
          change.gone ? undefined : change.record,
          [change.record.kind, change.record.name],
          written,
        );
    }
  }
}

interface Rows<Kept> {
  all(): Kept[];
  put(record: Kept, written: Timestamp): void;
  remove(key: readonly (string | number)[]): void;
}

function put<Kept>(
  rows: Rows<Kept>,
  record: Kept | undefined,
  key: readonly (string | number)[],
  written: Timestamp,
): void {
  if (record === undefined) {
    rows.remove(key);
  } else {
    rows.put(record, written);
  }
}

function tableRows<Kept>(database: DatabaseSync, path: string, table: RecordTable<Kept>): Rows<Kept> {
  const columns = [...table.key, ...table.shown, "record", "crc32"];
  const insert = database.prepare(
    `INSERT OR REPLACE INTO ${table.name} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
  );
  const remove = database.prepare(
    `DELETE FROM ${table.name} WHERE ${table.key.map((column) => `${column} = ?`).join(" AND ")}`,
  );
  const select = database.prepare(`SELECT * FROM ${table.name} ORDER BY ${table.key.join(", ")}`);
  return {
    all: () =>
      select.all().map((row) => {
        const key = table.key.map((column) => row[column]);
        const where = `table ${table.name}, ${table.key.map((column, i) => `${column} ${JSON.stringify(key[i])}`).join(", ")}`;
        const record = readRecord(row, table.schema, path, where);
        if (table.keyOf(record).some((part, i) => part !== key[i])) {
          throw damaged(path, `${where}: the record is one of another key`);
        }
        return record;
      }),
    put: (record, written) => {
      const json = toJson(record);
      // What could not be read back must not be written: it would be found at the next start, when it is too late.
      if (!table.schema.safeParse(JSON.parse(json)).success) {
        throw new StoreError(
          "refused",
          `a record for the table ${table.name} of ${path} is not whole, which is a mistake in lastout: ${json.slice(0, 500)}`,
        );
      }
      insert.run(...table.keyOf(record), ...table.show(record, isoAt(written)), json, crc32(json));
    },
    remove: (key) => {
      remove.run(...key);
    },
  };
}

function metaRows(database: DatabaseSync, path: string) {
  const insert = database.prepare("INSERT OR REPLACE INTO meta (name, record, crc32) VALUES (?, ?, ?)");
  const select = database.prepare("SELECT * FROM meta WHERE name = 'written'");
  return {
    read: (): Timestamp | undefined => {
      const row = select.get();
      return row === undefined ? undefined : readRecord(row, timestamp, path, 'table meta, name "written"');
    },
    write: (written: Timestamp): void => {
      const json = toJson(written);
      insert.run("written", json, crc32(json));
      const shown = isoOf(written.wall);
      insert.run("written (UTC)", shown, crc32(shown));
    },
  };
}

const storedRow = z.object({ record: z.string(), crc32: z.int() });

function readRecord<Kept>(row: unknown, schema: z.ZodType<Kept>, path: string, where: string): Kept {
  const stored = storedRow.safeParse(row);
  if (!stored.success || crc32(stored.data.record) !== stored.data.crc32) {
    throw damaged(path, `${where}: the record does not fit its checksum`);
  }
  let json: unknown;
  try {
    json = JSON.parse(stored.data.record);
  } catch {
    throw damaged(path, `${where}: the record is not JSON`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    throw damaged(path, `${where}: ${z.prettifyError(parsed.error).replaceAll(/\s+/g, " ")}`);
  }
  return parsed.data;
}

const isoAt =
  (written: Timestamp) =>
  (at: Instant | undefined): string | null =>
    at === undefined ? null : isoOf(wallTime(written.wall + (at - written.at)));
