// The store's file, opened and checked, and read and written synchronously: what the worker thread does. Not threads or locks.

import { closeSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { Change, Snapshot, Timestamp } from "../../core/changes.ts";
import { StoreError } from "../../ports/store.ts";
import { damaged } from "./explain.ts";
import {
  applicationId,
  backUp,
  type Migration,
  migrate,
  migrations as released,
  newerError,
  syncFile,
} from "./migrations.ts";
import { prepareRows } from "./rows.ts";

export interface Database {
  /** Which file this is, as far as the system can tell: one put in its place is another. */
  readonly identity: string;
  /** What happened while it was opened, for the log. */
  readonly opened: Opened;
  load(): { readonly snapshot: Snapshot; readonly written: Timestamp | undefined };
  commit(changes: readonly Change[], written: Timestamp): void;
  close(): void;
}

export type Opened =
  | { readonly kind: "created" }
  | { readonly kind: "found" }
  | { readonly kind: "migrated"; readonly from: number; readonly to: number; readonly backup: string };

/** Long enough for a look with the sqlite3 tool, short enough that a forgotten transaction is told soon. */
const busyTimeoutMs = 500;

/** After a large batch the write-ahead log is cut back to this. */
const logSizeLimitBytes = 16 * 1024 * 1024;

/**
 * @param path absolute, and without links
 * @param expected the identity that the file had when it was opened before; `undefined` to open it for the first time, and to make it if need be
 * @param steps other than the released ones only in tests
 * @throws StoreError, or what node:sqlite and node:fs throw: see explain.ts
 */
export function openDatabase(
  path: string,
  expected?: string,
  steps: readonly Migration[] = released,
): Database {
  const created = expected === undefined && create(path, steps);
  identify(path, expected);
  const version = inspect(path, steps.length);
  const database = new DatabaseSync(path);
  try {
    configure(database, path);
    // Only now: a file in a container's image gets another number when it is first opened for writing.
    const identity = identify(path, undefined);
    let opened: Opened = { kind: created ? "created" : "found" };
    if (version < steps.length) {
      const backup = backUp(database, path, version);
      migrate(database, path, version, steps);
      opened = { kind: "migrated", from: version, to: steps.length, backup };
    }
    const rows = prepareRows(database, path);
    return {
      identity,
      opened,
      load: () => inTransaction(database, "BEGIN", () => rows.load()),
      commit: (changes, written) => {
        identify(path, identity);
        inTransaction(database, "BEGIN IMMEDIATE", () => rows.write(changes, written));
      },
      close: () => close(database),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Make a new store under another name and move it into place when it is whole, so that an empty file is never one of ours that is
 * just being made, but one that lost its content.
 */
function create(path: string, steps: readonly Migration[]): boolean {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) {
    return false;
  }
  const unfinished = `${path}.new`;
  for (const suffix of ["", "-wal", "-shm"]) {
    // A log of a store that is gone would be taken for the new one's.
    rmSync(unfinished + suffix, { force: true });
    rmSync(path + suffix, { force: true });
  }
  closeSync(openSync(unfinished, "wx", 0o600)); // SQLite gives its other files the same mode.
  const database = new DatabaseSync(unfinished);
  try {
    configure(database, path);
    migrate(database, path, 0, steps);
  } finally {
    close(database);
  }
  syncFile(unfinished);
  renameSync(unfinished, path);
  syncFile(dirname(path));
  return true;
}

function identify(path: string, expected: string | undefined): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  const identity = stats === undefined ? "gone" : `${stats.dev}:${stats.ino}`;
  if (expected !== undefined && identity !== expected) {
    const what = stats === undefined ? "was moved away or deleted" : "was replaced by another file";
    throw new StoreError(
      "refused",
      `the store ${path} ${what} while in use: put it back, or start lastout again to go on with what is there`,
    );
  }
  return identity;
}

/**
 * Look before anything is touched: is it ours, can we read it, is it whole?
 * @returns its version
 */
function inspect(path: string, known: number): number {
  const stats = statSync(path);
  if (stats.isDirectory()) {
    throw new StoreError(
      "refused",
      `the store ${path} is a directory (EISDIR): store.path has to name a file, for example ${path}/lastout.db`,
    );
  }
  if (stats.size === 0) {
    throw damaged(path, "the file is empty, which a store never is");
  }
  // Read-only, so that not even the log of a newer lastout is moved into the file.
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    if (readPragma(database, "application_id") !== applicationId) {
      throw new StoreError(
        "refused",
        `${path} is a database of another program, not a store: correct store.path`,
      );
    }
    const version = z.int().parse(readPragma(database, "user_version"));
    if (version > known) {
      throw newerError(path, version, known);
    }
    const found = readPragma(database, "quick_check(1)");
    if (found !== "ok" || version < 1) {
      throw damaged(path, found === "ok" ? `it says that it has version ${version}` : String(found));
    }
    return version;
  } finally {
    database.close();
  }
}

const readPragma = (database: DatabaseSync, pragma: string): unknown =>
  Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0];

/** A commit is on the disk when it returns: https://www.sqlite.org/pragma.html#pragma_synchronous, FULL with a write-ahead log. */
function configure(database: DatabaseSync, path: string): void {
  database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  const mode = readPragma(database, "journal_mode = WAL");
  if (mode !== "wal") {
    throw new StoreError(
      "refused",
      `the file system of the store ${path} cannot do write-ahead logging: put it on a local disk`,
    );
  }
  database.exec("PRAGMA synchronous = FULL");
  database.exec(`PRAGMA journal_size_limit = ${logSizeLimitBytes}`);
}

function inTransaction<Result>(database: DatabaseSync, begin: string, work: () => Result): Result {
  database.exec(begin);
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    try {
      database.exec("ROLLBACK");
    } catch {
      // SQLite has rolled back by itself, as it does when the disk is full; and a handle that failed otherwise is not used again.
    }
    throw error;
  }
}

function close(database: DatabaseSync): void {
  try {
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // What is committed stands in the log and is found there at the next start.
  }
  database.close();
}
