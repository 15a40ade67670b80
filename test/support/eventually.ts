// Waiting for a condition in tests, with a deadline, instead of sleeping for a guessed time.

import { millis } from "../../src/core/time.ts";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";

/**
 * Resolves as soon as `condition` gives something other than false, undefined or null; asks every few milliseconds.
 * @param what completes the sentence "waited in vain until ..."
 */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  withinMs = 5000,
): Promise<NonNullable<T>> {
  const giveUp = systemClock.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined && value !== null) {
      return value;
    }
    if (systemClock.now() >= giveUp) {
      throw new Error(`waited in vain for ${withinMs} ms until ${what}`);
    }
    await systemClock.sleep(millis(5));
  }
}
