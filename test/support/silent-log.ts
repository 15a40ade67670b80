// A log that keeps what it was told, for tests that look at it or want silence.

import type { Log } from "../../src/ports/log.ts";

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };

export interface Line {
  readonly level: keyof Log;
  readonly sentence: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function keepingLog(): { readonly log: Log; readonly lines: Line[] } {
  const lines: Line[] = [];
  const at =
    (level: keyof Log): Log["info"] =>
    (fields, sentence) => {
      lines.push({ level, sentence, fields });
    };
  return {
    log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), fatal: at("fatal") },
    lines,
  };
}
