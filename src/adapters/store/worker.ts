// The store's worker thread: it waits for the disk so that the program does not. Messages are worked off one at a time, in order.
// Not for use from elsewhere: store.ts starts it.

import { parentPort, workerData } from "node:worker_threads";
import type { Change, Snapshot, Timestamp } from "../../core/changes.ts";
import type { StoreError } from "../../ports/store.ts";
import { type Database, type Opened, openDatabase } from "./database.ts";
import { explain, handleIsSound } from "./explain.ts";

export interface Task {
  readonly path: string;
  /** Of the file as it was opened before by this process; `undefined` at the first time. */
  readonly identity: string | undefined;
}

export type Call =
  | { readonly kind: "open" }
  | { readonly kind: "load" }
  | { readonly kind: "commit"; readonly changes: readonly Change[]; readonly written: Timestamp }
  | { readonly kind: "close" };

export interface Result {
  readonly open: { readonly identity: string; readonly opened: Opened };
  readonly load: { readonly snapshot: Snapshot; readonly written: Timestamp | undefined };
  readonly commit: undefined;
  readonly close: undefined;
}

/** An Error loses its class on the way between threads, so it goes as data. */
export type Answer =
  | { readonly number: number; readonly ok: true; readonly result: Result[Call["kind"]] }
  | {
      readonly number: number;
      readonly ok: false;
      readonly code: StoreError["code"];
      readonly message: string;
    };

const task: Task = workerData; // oxlint-disable-line typescript/no-unsafe-assignment -- store.ts gives exactly this
let identity = task.identity;
let database: Database | undefined;

parentPort?.on("message", ({ number, call }: { readonly number: number; readonly call: Call }) => {
  parentPort?.postMessage(answer(number, call)); // oxlint-disable-line unicorn/require-post-message-target-origin -- threads have no origin
  if (call.kind === "close") {
    parentPort?.close();
  }
});

function answer(number: number, call: Call): Answer {
  try {
    return { number, ok: true, result: carryOut(call) };
  } catch (error) {
    if (!handleIsSound(error)) {
      closeDatabase();
    }
    const { code, message } = explain(error, task.path);
    return { number, ok: false, code, message };
  }
}

function carryOut(call: Call): Result[Call["kind"]] {
  switch (call.kind) {
    case "open": {
      const { opened } = handle();
      return { identity: handle().identity, opened };
    }
    case "load":
      return handle().load();
    case "commit":
      handle().commit(call.changes, call.written);
      return undefined;
    case "close":
      closeDatabase();
      return undefined;
  }
}

/** The open database; opened, and checked, anew after an error that left doubts about the old handle. */
function handle(): Database {
  database ??= openDatabase(task.path, identity);
  identity = database.identity;
  return database;
}

function closeDatabase(): void {
  const old = database;
  database = undefined;
  try {
    old?.close();
  } catch {
    // It is not used again, whatever it says.
  }
}
