// One controller on one store: a lock beside the store's file, held as long as the process lives. The kernel frees it at any end of
// the process, kill -9 included. Not the locks of SQLite on the store itself, which others may read while it is in use.

import { accessSync, closeSync, constants, existsSync, openSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { StoreError } from "../../ports/store.ts";
import { explain, isBusy } from "./explain.ts";
import { realPath } from "./store-path.ts";

export interface StoreLock {
  release(): void;
}

/**
 * The lock is an open write transaction on a small database of its own, thus the file locks that SQLite takes on this system.
 * They hold between containers that share a directory, which a socket in Linux's abstract name space would not: that name space is
 * one per network namespace (https://man7.org/linux/man-pages/man7/network_namespaces.7.html). A transaction that has begun and written nothing
 * lets others read (https://www.sqlite.org/lockingv3.html, RESERVED), so who is refused can say who holds it.
 *
 * @param path the store's real path, so that links to one file meet
 * @throws StoreError `in-use` naming the holder; `refused` when the lock file cannot be made
 */
export function lockStore(path: string): StoreLock {
  const lockPath = `${path}.lock`;
  let database: DatabaseSync | undefined;
  try {
    closeSync(openSync(lockPath, "a", 0o600));
    database = new DatabaseSync(lockPath);
    database.exec("PRAGMA busy_timeout = 100");
    database.exec("BEGIN IMMEDIATE");
    database.exec("CREATE TABLE IF NOT EXISTS holder (pid INTEGER NOT NULL, host TEXT NOT NULL)");
    database.exec("DELETE FROM holder");
    database.prepare("INSERT INTO holder (pid, host) VALUES (?, ?)").run(process.pid, hostname());
    database.exec("COMMIT");
    // Somebody may step in between, and then has it.
    database.exec("BEGIN IMMEDIATE");
  } catch (error) {
    const refusal =
      isBusy(error) && database !== undefined ? inUse(path, database) : explainLock(error, lockPath);
    database?.close();
    throw refusal;
  }
  const held = database;
  return { release: () => held.close() };
}

export interface Holder {
  readonly pid: number;
  readonly host: string;
}

/**
 * Who holds the lock now. Taking part in nothing: the lock is tried for a moment, as a second lastout would.
 * @param path the store's, by any link
 * @returns undefined: nobody; `unnamed`: somebody who is just writing its name
 * @throws StoreError when the lock file cannot be opened, for want of rights above all
 */
export function lockHolder(path: string): Holder | "unnamed" | undefined {
  if (isMissing(dirname(path))) {
    return undefined; // Before the first start its folder need not be there.
  }
  const lockPath = `${realPath(path)}.lock`;
  if (!existsSync(lockPath)) {
    return undefined;
  }
  let database: DatabaseSync | undefined;
  try {
    accessSync(lockPath, constants.R_OK | constants.W_OK);
    database = new DatabaseSync(lockPath);
    database.exec("BEGIN IMMEDIATE");
    database.exec("ROLLBACK");
    return undefined;
  } catch (error) {
    if (!isBusy(error) || database === undefined) {
      throw explainLock(error, lockPath);
    }
    return nameIn(database) ?? "unnamed";
  } finally {
    database?.close();
  }
}

/** False where one may not look. */
function isMissing(folder: string): boolean {
  try {
    return statSync(folder, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

function nameIn(database: DatabaseSync): Holder | undefined {
  try {
    return holderRow.parse(database.prepare("SELECT pid, host FROM holder").get());
  } catch {
    return undefined; // It is just writing its name; that it is there is enough.
  }
}

function explainLock(error: unknown, lockPath: string): StoreError {
  const explained = explain(error, lockPath);
  return explained.code === "damaged"
    ? new StoreError(
        "refused",
        `the lock file ${lockPath} is not one: delete it, it holds nothing of value`,
        { cause: error },
      )
    : explained;
}

const holderRow = z.object({ pid: z.int(), host: z.string() });

function inUse(path: string, database: DatabaseSync): StoreError {
  const holder = nameIn(database);
  const who = holder === undefined ? "another process" : `process ${holder.pid} on ${holder.host}`;
  return new StoreError(
    "in-use",
    `the store ${path} is in use by ${who}: end that lastout, or give this one its own store.path and mqtt.base`,
  );
}
