// A clock that stands still until it is turned by hand; who sleeps is woken in the order of their deadlines.

import { type Instant, instant, type Millis, millis, wallTime } from "../../src/core/time.ts";
import type { Clock } from "../../src/ports/clock.ts";

export interface HandClock extends Clock {
  /** Lets this many milliseconds pass; resolves when those who were woken had their turn. */
  turn(ms: number): Promise<void>;
  readonly sleeping: number;
}

export function handClock(): HandClock {
  let now: Instant = instant(1000);
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  const sleep = (length: Millis, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const sleeper = {
        at: now + length,
        wake: () => {
          sleepers.delete(sleeper);
          resolve();
        },
      };
      sleepers.add(sleeper);
      if (signal?.aborted === true) {
        sleeper.wake();
      }
      signal?.addEventListener("abort", sleeper.wake, { once: true });
    });
  return {
    boot: "test",
    now: () => now,
    uptime: () => millis(now),
    wall: () => wallTime(1_800_000_000_000 + now),
    sleep,
    deadline(length, also) {
      const ends = new AbortController();
      void sleep(length, also).then(() => ends.abort());
      return { signal: ends.signal, dispose: () => undefined };
    },
    get sleeping() {
      return sleepers.size;
    },
    async turn(ms) {
      const until = now + ms;
      for (;;) {
        const next = [...sleepers].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)[0];
        now = instant(next?.at ?? until);
        next?.wake();
        // Those woken go on in microtasks; a macrotask later they all have.
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
        if (next === undefined) {
          return;
        }
      }
    },
  };
}
