// Reads a text file of this machine for the configuration: bounded, as UTF-8, and with a reason in words when it cannot.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";

export type FileRead =
  | {
      readonly ok: true;
      readonly text: string;
      /** Its group or everybody may read it. False where the system has no such modes. */
      readonly open: boolean;
    }
  | {
      readonly ok: false;
      /** Half a sentence: `no such file`. */
      readonly why: string;
    };

/** @param atMost bytes; a longer file is not read */
export type ReadFile = (path: string, atMost: number) => FileRead;

export const readLocalFile: ReadFile = (path, atMost) => {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    const { mode } = fstatSync(descriptor);
    // Not by its size: a pipe (`--config <(...)`) has none.
    const bytes = new Uint8Array(atMost + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < bytes.length; length += count) {
      count = readSync(descriptor, bytes, length, bytes.length - length, null);
    }
    if (length > atMost) {
      return { ok: false, why: `it is larger than ${atMost / 1024} KiB` };
    }
    const text = decode(bytes.subarray(0, length));
    return typeof text === "string"
      ? { ok: true, text, open: process.platform !== "win32" && (mode & 0o044) !== 0 }
      : { ok: false, why: text.why };
  } catch (error) {
    return { ok: false, why: sayWhy(error) };
  } finally {
    if (descriptor !== undefined) {
      closeSync(descriptor);
    }
  }
};

function decode(bytes: Uint8Array): string | { readonly why: string } {
  const [a, b] = bytes;
  if (
    (a === 0xff && b === 0xfe) ||
    (a === 0xfe && b === 0xff) ||
    (bytes.length > 1 && (a === 0) !== (b === 0))
  ) {
    return { why: "it is UTF-16; save it as UTF-8" };
  }
  const nul = bytes.indexOf(0);
  if (nul !== -1) {
    return { why: `it holds a NUL byte (line ${lineOf(bytes, nul)}), so it is no text file` };
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { why: `it is not UTF-8 (line ${lineOf(bytes, firstInvalid(bytes))}); save it as UTF-8` };
  }
}

/** The length of the longest beginning that is UTF-8, but for a character cut off at its end. */
function firstInvalid(bytes: Uint8Array): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  return good;
}

const lineOf = (bytes: Uint8Array, offset: number): number =>
  bytes.subarray(0, offset).filter((byte) => byte === 10).length + 1;

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "this user may not read it",
  EPERM: "this user may not read it",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is no folder",
  ELOOP: "its links go in a circle",
  ENAMETOOLONG: "its name is too long",
};

function sayWhy(error: unknown): string {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  return reasons[code] ?? (error instanceof Error ? error.message : String(error));
}
