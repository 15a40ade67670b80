// The history of the store's form, and the way from any older form to the newest. Steps that a store may have been through are
// never edited: a change of the form, a new value that an older lastout could not read included, is a new step at the end.

import { closeSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { StoreError } from "../../ports/store.ts";
import { toVersion2 } from "./version-2.ts";
import { toVersion3 } from "./version-3.ts";

/** `PRAGMA application_id`: marks the file as ours for `file` and for us. The letters "LOut"; see https://www.sqlite.org/pragma.html */
export const applicationId = 0x4c_4f_75_74;

/**
 * Brings the form from one version (`PRAGMA user_version`) to the next; the first begins with an empty database. All have a `meta`.
 * @param path for its errors
 */
export type Migration = (database: DatabaseSync, path: string) => void;

export const migrations: readonly Migration[] = [
  // Version 1. Each record is JSON with its checksum; the other columns name it and show it to people. The keys are the tables
  // themselves (WITHOUT ROWID), so that there is no index beside them that could contradict them.
  (database) =>
    database.exec(`
      CREATE TABLE meta (name TEXT PRIMARY KEY, record TEXT NOT NULL, crc32 INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE tokens (resource TEXT, token TEXT, owner TEXT, since TEXT, expires TEXT,
        record TEXT NOT NULL, crc32 INTEGER NOT NULL, PRIMARY KEY (resource, token)) WITHOUT ROWID;
      CREATE TABLE ended (resource TEXT, token TEXT, reason TEXT, at TEXT,
        record TEXT NOT NULL, crc32 INTEGER NOT NULL, PRIMARY KEY (resource, token)) WITHOUT ROWID;
      CREATE TABLE outlets (outlet TEXT PRIMARY KEY, own TEXT, moved TEXT,
        record TEXT NOT NULL, crc32 INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE resources (resource TEXT PRIMARY KEY, was_available TEXT,
        record TEXT NOT NULL, crc32 INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE outbox (id INTEGER, topic TEXT,
        record TEXT NOT NULL, crc32 INTEGER NOT NULL, PRIMARY KEY (id)) WITHOUT ROWID;
      CREATE TABLE published (kind TEXT, name TEXT,
        record TEXT NOT NULL, crc32 INTEGER NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;
    `),
  toVersion2,
  toVersion3,
];

/** Take the steps that are missing, all in one transaction: after a crash the form is the old or the new one. */
export function migrate(
  database: DatabaseSync,
  path: string,
  from: number,
  steps: readonly Migration[],
): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    for (const step of steps.slice(from)) {
      step(database, path);
    }
    const format = `lastout store, version ${steps.length}`;
    database
      .prepare("INSERT OR REPLACE INTO meta (name, record, crc32) VALUES ('format', ?, ?)")
      .run(format, crc32(format));
    database.exec(`PRAGMA user_version = ${steps.length}`);
    database.exec(`PRAGMA application_id = ${applicationId}`);
    database.exec("COMMIT");
  } catch (error) {
    try {
      database.exec("ROLLBACK");
    } catch {
      // SQLite has rolled back by itself; and the caller closes the handle, which does the same.
    }
    throw error;
  }
}

export const newerError = (path: string, version: number, known: number): StoreError =>
  new StoreError(
    "newer",
    `the store ${path} has version ${version} and this lastout knows versions up to ${known}: ` +
      `start the newer lastout again, or put back the copy that it made beside the file (${backupPath(path, known)})`,
  );

/**
 * Copy the store beside itself before its form is changed. Whole or not there at all, also after a crash.
 * SQLite does not sync what VACUUM INTO writes (https://www.sqlite.org/lang_vacuum.html), so this does.
 */
export function backUp(database: DatabaseSync, path: string, version: number): string {
  const backup = backupPath(path, version);
  const unfinished = `${backup}.new`;
  rmSync(unfinished, { force: true });
  closeSync(openSync(unfinished, "wx", 0o600)); // VACUUM INTO takes an empty file as it is, with its mode.
  database.prepare("VACUUM INTO ?").run(unfinished);
  syncFile(unfinished);
  renameSync(unfinished, backup);
  syncFile(dirname(path));
  return backup;
}

const backupPath = (path: string, version: number): string => `${path}.v${version}.bak`;

/** Works for directories, too, where the system can open them. */
export function syncFile(path: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    if (process.platform === "win32") {
      return; // Directories cannot be opened there, and need not be.
    }
    throw error;
  }
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
