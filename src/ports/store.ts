// Where the durable part of the book lives. Whole batches in, whole snapshots out, and a store may say no.

import type { Change, Snapshot, Timestamp } from "../core/changes.ts";

export interface Store {
  /** Everything durable and when it was last written; an empty snapshot and `undefined` for a new store. @throws StoreError */
  load(): Promise<{ readonly snapshot: Snapshot; readonly written: Timestamp | undefined }>;
  /**
   * Write all changes in one transaction, in order. Resolves when they are on stable storage (synced), all of them; rejects when none of
   * them is. One commit at a time: the caller waits for the last one.
   * @throws StoreError; afterwards the store may be used again (`commit` with no changes probes it)
   */
  commit(changes: readonly Change[], written: Timestamp): Promise<void>;
  close(): Promise<void>;
}

export class StoreError extends Error {
  /** `in-use`: another process has it; `newer`: written by a newer lastout; `damaged`; `refused`: it cannot be read or written now. */
  readonly code: "in-use" | "newer" | "damaged" | "refused";

  constructor(code: StoreError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreError";
    this.code = code;
  }
}
