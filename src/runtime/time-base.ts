// Instants that were stored in an earlier run, in terms of this one. On the same boot of the machine they are good as they are,
// whatever the wall clock did; after another boot the wall clock says how much time has passed, unless it went backwards.

import type { Snapshot, Timestamp } from "../core/changes.ts";
import { shiftSnapshot } from "../core/restart.ts";
import { millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";

export interface Adopted {
  readonly snapshot: Snapshot;
  /** What said how much time had passed; after a wall clock that went backwards, no time has passed for the tokens. */
  readonly clock: "same boot" | "wall clock" | "wall clock went backwards";
}

/** A wall clock that reads earlier than the last write by more than this is not to be trusted (it was 1970 until NTP came). */
const backwardsMs = 5000;

export function adoptSnapshot(snapshot: Snapshot, written: Timestamp | undefined, clock: Clock): Adopted {
  if (
    written === undefined ||
    (written.boot !== undefined && written.boot === clock.boot && clock.now() >= written.at)
  ) {
    return { snapshot, clock: "same boot" };
  }
  const passed = clock.wall() - written.wall;
  const trusted = passed >= -backwardsMs;
  const by = clock.now() - written.at - (trusted ? passed : 0);
  return {
    snapshot: shiftSnapshot(snapshot, millis(Math.round(by))),
    clock: trusted ? "wall clock" : "wall clock went backwards",
  };
}
