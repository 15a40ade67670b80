// What the service manager is told: when the program serves, what it is doing, and as long as the loop turns, that it lives. The loop's
// own tick drives this, so a loop that hangs falls silent and is started again; that moves no outlet. How it is told: adapters/service.

import { type Instant, between } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import type { ServiceManager } from "../ports/service-manager.ts";

export interface Service {
  /** Once a second, from the loop. */
  tend(): void;
  /** It serves its base. */
  serving(): void;
  /** The configuration is being read again; `reloaded` follows, whatever comes of it. */
  reloading(): void;
  reloaded(): void;
  stopping(): void;
}

/**
 * A program that still waits for its broker is started all the same: systemd kills one that never is (`TimeoutStartSec`, 90 s), and
 * holds up those that wait for it, the end of the machine's boot among them.
 */
const startedAnywayMs = 20_000;
/** Between two calls of `tend`. */
const tickMs = 1000;

export function createService(
  manager: ServiceManager,
  clock: Clock,
  sentences: { /** Shown by `systemctl status`. */ readonly waiting: string; readonly serving: string },
): Service {
  const startedAt = clock.now();
  let ready = false;
  let status = sentences.waiting;
  let stopped = false;
  let aliveAt: Instant | undefined;
  manager.tell({ STATUS: status });

  function tellReady(): void {
    ready = true;
    manager.tell({ READY: "1", STATUS: status });
  }

  return {
    tend() {
      const now = clock.now();
      if (!ready && !stopped && between(startedAt, now) >= startedAnywayMs) {
        tellReady();
      }
      // Every half of what is allowed, as sd_watchdog_enabled(3) recommends; the next call may come a tick later.
      const { watchdog } = manager;
      if (
        watchdog !== undefined &&
        (aliveAt === undefined || between(aliveAt, now) + tickMs >= watchdog / 2)
      ) {
        aliveAt = now;
        manager.tell({ WATCHDOG: "1" });
      }
    },
    serving() {
      status = sentences.serving;
      if (!stopped) {
        tellReady();
      }
    },
    reloading() {
      if (!ready || stopped) {
        return; // it is being started, or stopped, which the next message ends
      }
      // The time is CLOCK_MONOTONIC in microseconds, as systemd.service(5) wants it for Type=notify-reload; so is the clock's.
      manager.tell({
        RELOADING: "1",
        MONOTONIC_USEC: String(clock.now() * 1000),
        STATUS: "Reading the configuration again",
      });
    },
    reloaded() {
      if (ready && !stopped) {
        tellReady();
      }
    },
    stopping() {
      stopped = true;
      manager.tell({ STOPPING: "1", STATUS: "Stopping; every outlet stays as it is" });
    },
  };
}
