// Counts how often somebody connects with our client id, which ends our connection: once may be a controller that is being replaced,
// again and again is a stranger with the same id, and no end to it (protocol section 10). What follows is for the front to say.

import { type Instant, between } from "../../core/time.ts";
import type { Clock } from "../../ports/clock.ts";

/** Protocol section 10: after three take-overs in 10 s the controller stops. */
export const takeOversToFail = 3;
const windowMs = 10_000;

/** @returns what to call at each take-over: `true` when they are too many */
export function countTakeOvers(clock: Clock): () => boolean {
  let takeOvers: Instant[] = [];
  return () => {
    const now = clock.now();
    takeOvers = [...takeOvers.filter((at) => between(at, now) < windowMs), now];
    return takeOvers.length >= takeOversToFail;
  };
}
