// Random ids of a command. Not secrets of the broker's passwords or of TLS: those are their libraries'.

import { closeSync, openSync, readSync } from "node:fs";

/**
 * Straight from the system, whose generator `node:crypto` is seeded from, too: to load that takes a command longer than to be answered
 * by a broker. Where there is no such file (Windows), by `node:crypto`.
 * Source: random(4), https://man7.org/linux/man-pages/man4/random.4.html: it never blocks once the system is up.
 * @param bytes how many; two digits each
 */
export function randomHex(bytes: number): string {
  const into = Buffer.alloc(bytes);
  try {
    const file = openSync("/dev/urandom", "r");
    try {
      if (readSync(file, into, 0, bytes, null) === bytes) {
        return into.toString("hex");
      }
    } finally {
      closeSync(file);
    }
  } catch {
    // As below.
  }
  return process.getBuiltinModule("node:crypto").randomBytes(bytes).toString("hex");
}
