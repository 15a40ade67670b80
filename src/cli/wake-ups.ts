// Waiting until something has changed, or a moment has come: what a loop sleeps on between two looks at the state of things.

import { type Instant, instant, type Millis, millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";

export interface WakeUps {
  /** Wakes all that wait, to look again. */
  readonly changed: () => void;
  /** Until `changed`, and no longer than to the earliest of these moments. */
  readonly wake: (moments: readonly (Instant | undefined)[]) => Promise<void>;
  /** @returns false when it is not met in time, or `signal` aborts (its owner calls `changed`) */
  readonly waitFor: (
    met: () => boolean,
    patience: Millis,
    signal: AbortSignal | undefined,
  ) => Promise<boolean>;
}

/** Any length would do; this one bounds what a forgotten `changed` could cost. */
const longestMs = 3_600_000;

export function createWakeUps(clock: Clock): WakeUps {
  const sleepers = new Set<AbortController>();

  async function wake(moments: readonly (Instant | undefined)[]): Promise<void> {
    const next = Math.min(
      ...moments.map((moment) => moment ?? Number.POSITIVE_INFINITY),
      clock.now() + longestMs,
    );
    const sleeper = new AbortController();
    sleepers.add(sleeper);
    await clock.sleep(millis(Math.max(0, next - clock.now())), sleeper.signal);
    sleepers.delete(sleeper);
  }
  return {
    changed: () => {
      for (const sleeper of sleepers) {
        sleeper.abort();
      }
    },
    wake,
    waitFor: async (met, patience, signal) => {
      const end = instant(clock.now() + patience);
      while (!met()) {
        if (clock.now() >= end || signal?.aborted === true) {
          return false;
        }
        await wake([end]);
      }
      return true;
    },
  };
}
