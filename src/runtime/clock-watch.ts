// Notices what clocks do that they should not: a wall clock that was set, a process that stood still, a machine that slept.
// It only tells; a moved wall clock moves what is shown, and standing still is like a reconnection.

import { between, millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Happening } from "./loop.ts";

/** The loop turns at least once a second: longer than this between two turns, and the process stood still (protocol section 10). */
const stoodStillMs = 5000;

/** Smaller differences are the wall clock being slewed; they are taken over without a word about them. */
const noticeMs = 500;

export function watchClocks(clock: Clock, wallOffset: number, log: Log): { look(): Happening[] } {
  let offset = wallOffset;
  let seenAt = clock.now();
  let uptime = clock.uptime();
  return {
    look() {
      const now = clock.now();
      const up = clock.uptime();
      // Suspend stops the monotonic clock, but not the uptime; SIGSTOP stops neither.
      const still = Math.max(between(seenAt, now), up - uptime);
      seenAt = now;
      uptime = up;
      const noticed: Happening[] = [];
      const offsetNow = clock.wall() - now;
      if (Math.abs(offsetNow - offset) > noticeMs) {
        offset = offsetNow;
        noticed.push({ kind: "wallClockMoved", offset: millis(offsetNow) });
      }
      if (still > stoodStillMs) {
        log.warn({ durationMs: still }, "The process stood still; this is taken for a lost connection");
        noticed.push({ kind: "stoodStill" });
      }
      return noticed;
    },
  };
}
