// Reloads, one after the other, for as long as SIGHUP is listened to: the file is read as at a start, compared with what is in use, applied,
// and the outcome noted for who asked. How a reload is applied is runtime/reload.ts's.

import { resolve } from "node:path";
import type { LevelledLog } from "./adapters/log/log.ts";
import { type ReloadNote, removeReloadNote, writeReloadNote } from "./adapters/store/reload-note.ts";
import type { Config } from "./config/config.ts";
import { differences, needingRestart } from "./config/differences.ts";
import type { Loaded } from "./config/load.ts";
import { mistakeLine } from "./config/print.ts";
import { frontSettingsOf, kitOf } from "./kit.ts";
import type { Bus } from "./ports/bus.ts";
import type { Clock } from "./ports/clock.ts";
import { type Reading, reload, type ReloadParts } from "./runtime/reload.ts";
import type { ReloadSignal } from "./runtime/reload-signal.ts";
import type { Service } from "./runtime/service.ts";

export interface ReloadsParts extends ReloadParts {
  /** As the process was started with. */
  readonly config: Config;
  readonly bus: Bus;
  readonly service: Service;
  readonly clock: Clock;
  readonly log: LevelledLog;
}

/** Resolves after `signal.end()`. Never rejects. */
export async function reloadWhenAsked(
  signal: ReloadSignal,
  readAgain: () => Loaded,
  parts: ReloadsParts,
): Promise<void> {
  const { config, service, clock, log } = parts;
  const file = resolve(config.file);
  let current = config;

  function read(): Reading {
    const loaded = readAgain();
    if (!loaded.ok) {
      return { ok: false, mistakes: loaded.mistakes.map(mistakeLine) };
    }
    const next = loaded.config;
    return {
      ok: true,
      warnings: loaded.warnings.map(mistakeLine),
      changes: differences(current, next),
      needRestart: needingRestart(config, next),
      settings: next.settings,
      kit: kitOf(next, parts),
      front: frontSettingsOf(next),
      adopt() {
        current = next;
        log.setLevel(next.log.level);
      },
    };
  }

  function note(write: () => void): void {
    try {
      write();
    } catch (error) {
      log.warn({ err: error }, "What became of a reload could not be noted for `lastout reload`");
    }
  }
  const noteLast = (last: ReloadNote["last"]): void =>
    note(() => writeReloadNote(config.store.path, { pid: process.pid, file, last }));

  noteLast(undefined);
  while (await signal.next()) {
    const began = clock.now();
    service.reloading();
    const outcome = await reload(read, parts);
    service.reloaded();
    noteLast({ began, ...outcome });
  }
  note(() => removeReloadNote(config.store.path));
}
