// What happened in a run, line by line: the last lines for whoever looks for a fault, a hash of all to compare two runs.

import { hash } from "./random.ts";

export interface Trace {
  note(line: string): void;
  last(count: number): readonly string[];
  /** Of every line since the beginning. */
  readonly hash: string;
}

export function createTrace(now: () => number, kept: number): Trace {
  let lines: string[] = [];
  let digest = 0;
  return {
    note(text) {
      const line = `${(now() / 1000).toFixed(3).padStart(10)} ${text}`;
      digest = hash(line, digest ^ 0x811c9dc5);
      lines.push(line);
      if (lines.length > kept * 2) {
        lines = lines.slice(-kept);
      }
    },
    last: (count) => lines.slice(-count),
    get hash() {
      return (digest >>> 0).toString(16).padStart(8, "0");
    },
  };
}
