// To wait for something, but not longer: for whoever closes what may hang. Not for calls that can be told to stop, which have a
// deadline (clock.ts).

import { type Millis, millis } from "../core/time.ts";
import type { Clock } from "./clock.ts";

/** For closing one part: that takes milliseconds, and one that hangs must not hold up the others. A service manager waits 90 s before it kills. */
export const closeMs = millis(5000);

/**
 * @returns whether it was done within `length`; what comes later is not waited for
 * @throws what `done` rejects with in that time
 */
export async function inTime(clock: Clock, done: Promise<unknown>, length: Millis): Promise<boolean> {
  const enough = new AbortController();
  try {
    return await Promise.race([done.then(() => true), clock.sleep(length, enough.signal).then(() => false)]);
  } finally {
    enough.abort();
  }
}
