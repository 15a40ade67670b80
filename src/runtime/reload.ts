// One reload, from the reading of the file to its outcome in the log: nothing at all is changed, or everything that can be without a
// restart. How the file is read and what differs is the caller's; what follows from new settings is the core's.

import type { Book } from "../core/book.ts";
import { orphanedOutlets, reasonsAgainst } from "../core/reconfigure.ts";
import type { Settings } from "../core/settings.ts";
import type { Front, FrontSettings } from "../ports/front.ts";
import type { Log } from "../ports/log.ts";
import type { Devices, Kit } from "./devices.ts";
import type { Loop } from "./loop.ts";

/** What was read. */
export type Reading =
  | { readonly ok: false /** Each with its place and its cure. */; readonly mistakes: readonly string[] }
  | {
      readonly ok: true;
      readonly warnings: readonly string[];
      /** A sentence each; none: the configuration is as it was. */
      readonly changes: readonly string[];
      /** Top-level keys that differ from those that the process was started with. */
      readonly needRestart: readonly string[];
      readonly settings: Settings;
      readonly kit: Kit;
      readonly front: FrontSettings;
      /** Called when it is the configuration in use. */
      readonly adopt: () => void;
    };

type GoodReading = Extract<Reading, { ok: true }>;

export interface Outcome {
  /** `refused`: a resource is in use that would change under its users. `failed`: of our own doing. After all but `applied` everything is as it was. */
  readonly result: "applied" | "unchanged" | "mistakes" | "refused" | "failed";
  /** What changed, or what is in the way. */
  readonly lines: readonly string[];
  readonly needRestart: readonly string[];
}

export interface ReloadParts {
  readonly book: Book;
  readonly loop: Pick<Loop, "betweenBatches">;
  readonly front: Pick<Front, "reconfigure">;
  readonly devices: Pick<Devices, "compare" | "replace">;
  readonly log: Log;
}

/** Never rejects. */
export async function reload(read: () => Reading, parts: ReloadParts): Promise<Outcome> {
  const { log } = parts;
  try {
    const reading = read();
    if (!reading.ok) {
      const { mistakes } = reading;
      log.error(
        { mistakes },
        "The configuration was read again and has mistakes: nothing was changed, all goes on as before",
      );
      return { result: "mistakes", lines: mistakes, needRestart: [] };
    }
    for (const warning of reading.warnings) {
      log.warn({ warning }, "A warning about the configuration");
    }
    const outcome = await apply(reading, parts);
    tell(outcome, log);
    return outcome;
  } catch (error) {
    log.error(
      { err: error },
      "The configuration could not be read again: nothing was changed, all goes on as before",
    );
    return {
      result: "failed",
      lines: [error instanceof Error ? error.message : String(error)],
      needRestart: [],
    };
  }
}

/** The look whether it may be done, the change of the devices and that of the book belong together: no request comes in between. */
async function apply(reading: GoodReading, { book, loop, front, devices }: ReloadParts): Promise<Outcome> {
  const { settings, kit, changes, needRestart, adopt } = reading;
  if (changes.length === 0) {
    adopt();
    return { result: "unchanged", lines: [], needRestart };
  }
  let reasons: readonly string[] = [];
  let orphans: readonly string[] = [];
  const done = await loop.betweenBatches(async () => {
    const { changed, rechecked } = devices.compare(kit);
    reasons = reasonsAgainst(book, settings, changed);
    if (reasons.length > 0) {
      return undefined;
    }
    orphans = orphanedOutlets(book, settings);
    await devices.replace(kit);
    front.reconfigure(reading.front);
    adopt();
    return { kind: "reconfigured", settings, changed, rechecked };
  });
  if (!done) {
    return { result: "failed", lines: ["the controller stops"], needRestart: [] };
  }
  return reasons.length > 0
    ? { result: "refused", lines: reasons, needRestart: [] }
    : {
        result: "applied",
        lines: [
          ...changes,
          ...orphans.map((id) => `outlet ${id} is on and belongs to no resource now: it is left on`),
        ],
        needRestart,
      };
}

function tell({ result, lines, needRestart }: Outcome, log: Log): void {
  if (result === "refused") {
    log.error(
      { reasons: lines },
      "The configuration was read again and cannot be used now: nothing was changed, all goes on as before",
    );
  }
  if (result === "applied") {
    for (const change of lines) {
      log.info({ change }, "The configuration changed");
    }
  }
  if (needRestart.length > 0) {
    log.warn(
      { keys: needRestart },
      "Some of the configuration takes effect only when lastout is started again; until then it goes on with what it has",
    );
  }
  if (result === "applied" || result === "unchanged") {
    log.info({ changes: lines.length }, "The configuration was read again");
  }
}
