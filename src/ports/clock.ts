// The clocks, and the only way to wait. One implementation reads real ones (adapters/clock); tests have one that is cranked by hand.

import type { Instant, Millis, WallTime } from "../core/time.ts";

export interface Clock {
  /** Whole milliseconds on the monotonic clock since the machine booted; it does not move with the wall clock. */
  now(): Instant;
  wall(): WallTime;
  /** Milliseconds since the machine booted, with the time that it was suspended, which `now` leaves out. */
  uptime(): Millis;
  /** Names this boot of the machine, or `undefined` where the system has no such name. */
  readonly boot: string | undefined;
  /** Resolves after `length`, or at once when the signal aborts (never rejects). Any length: longer ones than a timer can take are cut up. */
  sleep(length: Millis, signal?: AbortSignal): Promise<void>;
  /** A signal that aborts after `length` or when `also` aborts; `dispose` frees its timer. */
  deadline(length: Millis, also?: AbortSignal): { readonly signal: AbortSignal; dispose(): void };
}
