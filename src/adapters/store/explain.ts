// What went wrong with the store's file, as an error that names the file and a cure. Not the decision what to do about it.

import { StoreError } from "../../ports/store.ts";

/** Primary result codes of SQLite: https://www.sqlite.org/rescode.html */
const sqlite = {
  error: 1,
  busy: 5,
  readonly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
};

/** @returns `error` itself if it is a StoreError already */
export function explain(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) {
    return error;
  }
  const detail = error instanceof Error ? error.message : String(error);
  const code = primaryCode(error);
  const options = { cause: error };
  if (code === sqlite.corrupt || code === sqlite.notADatabase) {
    return damaged(path, detail, options);
  }
  if (code === sqlite.error) {
    return damaged(path, `its tables are not those of a store (${detail})`, options);
  }
  const sentences: Readonly<Record<number, string>> = {
    [sqlite.full]: `the disk of the store ${path} is full (ENOSPC): make room`,
    [sqlite.readonly]: `the store ${path} cannot be written (${detail}): mount its disk and make its file and directory writable`,
    [sqlite.busy]: `another program holds the store ${path} locked: end its transaction, for example a sqlite3 shell's`,
    [sqlite.ioError]: `the disk failed under the store ${path} (${detail}): see the kernel's log and the limits on file size`,
    [sqlite.cannotOpen]: `the store ${path} cannot be opened (${detail}): check that the file and its directory are readable and writable`,
  };
  const sentence = code === undefined ? undefined : sentences[code];
  return sentence === undefined
    ? explainErrno(error, path, detail)
    : new StoreError("refused", sentence, options);
}

export function damaged(path: string, what: string, options?: ErrorOptions): StoreError {
  return new StoreError(
    "damaged",
    `the store ${path} is damaged: ${what}. Nothing was changed. Put back a copy of the file, or move it away to begin with no tokens`,
    options,
  );
}

/**
 * True when the handle may be used again: nothing was written, and nothing failed to be synced. After a failed fsync the kernel may
 * have dropped the dirty pages and marked them clean, so that a second fsync would lie: https://lwn.net/Articles/752063/
 */
export function handleIsSound(error: unknown): boolean {
  const code = primaryCode(error);
  return error instanceof StoreError || code === sqlite.full || code === sqlite.busy;
}

export const isBusy = (error: unknown): boolean => primaryCode(error) === sqlite.busy;

function primaryCode(error: unknown): number | undefined {
  // node:sqlite puts SQLite's extended result code into `errcode`; its lowest byte is the primary code.
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number"
    ? error.errcode & 0xff
    : undefined;
}

function explainErrno(error: unknown, path: string, detail: string): StoreError {
  const errno = error instanceof Error && "code" in error ? String(error.code) : "";
  const cures: Readonly<Record<string, string>> = {
    ENOENT: "make its directory (mkdir -p), or correct store.path",
    ENOTDIR: "a part of the path is a file: correct store.path",
    EACCES: "give the user that lastout runs as the right to read and write the file and its directory",
    EPERM: "make the file and its directory writable (lsattr shows whether they are immutable)",
    EROFS: "its file system is mounted read-only: mount it writable, or correct store.path",
    ENOSPC: "the disk is full: make room",
    EISDIR: "store.path has to name a file in it, for example lastout.db",
    EMFILE: "raise the limit of open files",
  };
  const cure = cures[errno];
  return new StoreError(
    "refused",
    `the store ${path} cannot be used (${detail})${cure === undefined ? "" : `: ${cure}`}`,
    {
      cause: error,
    },
  );
}
