// A small file beside the store in which a controller says that it hears SIGHUP, and what became of the last one, for `lastout reload`.
// Nothing depends on it: without it a reload works, and its outcome is in the log alone.

import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { type Instant, instant } from "../../core/time.ts";
import { realPath } from "./store-path.ts";

const noteSchema = z.object({
  pid: z.int().positive(),
  /** The configuration file that it reads, absolute. */
  file: z.string(),
  last: z
    .object({
      /** When its reading began, on the machine's monotonic clock: what was asked for before that is in it. */
      began: z.number().transform((ms): Instant => instant(ms)),
      result: z.enum(["applied", "unchanged", "mistakes", "refused", "failed"]),
      lines: z.array(z.string()).readonly(),
      needRestart: z.array(z.string()).readonly(),
    })
    .optional(),
});

export type ReloadNote = z.output<typeof noteSchema>;

/** Links to one store meet in one note. */
const notePath = (storePath: string): string => `${realPath(storePath)}.reload`;

/** @throws StoreError or what the file system says */
export function writeReloadNote(storePath: string, note: ReloadNote): void {
  const path = notePath(storePath);
  // In one step, so that a reader sees the one or the other.
  writeFileSync(`${path}.new`, JSON.stringify(note), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** @returns undefined when there is none, or none that can be read */
export function readReloadNote(storePath: string): ReloadNote | undefined {
  try {
    return noteSchema.safeParse(JSON.parse(readFileSync(notePath(storePath), "utf8"))).data;
  } catch {
    return undefined;
  }
}

export const removeReloadNote = (storePath: string): void => rmSync(notePath(storePath), { force: true });
