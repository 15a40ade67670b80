// What the relays did, as the simulated sockets themselves tell it: a controller that is killed and started again switches nothing
// that it should not. Only looks.

import type { Place } from "./lab.ts";
import { type Tracked, Violation } from "./model.ts";

/** An acknowledged token, from its reply to the moment in which its release was sent. As `performance.now` counts. */
export interface Hold {
  readonly token: Tracked;
  readonly from: number;
  to: number;
}

export interface Power {
  /** @throws Violation */
  check(): void;
  /** How often churning resources were switched off: without any, nothing was proved. */
  readonly offs: number;
  /** The longest time from a grant to an OFF that had been commanded before it, in milliseconds. */
  readonly latestOffMs: number;
}

/**
 * An OFF may be under way when a token is granted (it is seen through, and the resource started again): from the controller to the
 * simulated socket it takes a few milliseconds, on a busy machine more. Later it is a violation.
 */
const underWayMs = 300;

const allowed = { anchored: ["on"], idle: [], "found-on": ["on"] } as const;

export function watchPower(places: readonly Place[], holds: ReadonlyMap<string, readonly Hold[]>): Power {
  const looked = new Map<Place, number>();
  let offs = 0;
  let latestOffMs = 0;

  function checkChurning(place: Place): void {
    const { history } = place.socket.relay(place.relay);
    for (const { at, position } of history.slice(looked.get(place) ?? 0)) {
      if (position === "on") {
        continue;
      }
      offs += 1;
      for (const hold of holds.get(place.resource) ?? []) {
        const since = at - hold.from;
        if (since > 0 && at < hold.to) {
          latestOffMs = Math.max(latestOffMs, since);
          if (since > underWayMs) {
            const when = `${(at / 1000).toFixed(3)} s, ${Math.round(since)} ms after the grant`;
            throw new Violation(
              `${place.resource} was switched off at ${when} of ${hold.token.id}`,
              hold.token,
            );
          }
        }
      }
    }
    looked.set(place, history.length);
  }

  return {
    get offs() {
      return offs;
    },
    get latestOffMs() {
      return latestOffMs;
    },
    check() {
      for (const place of places) {
        if (place.kind === "churning") {
          checkChurning(place);
          continue;
        }
        const moves = place.socket.relay(place.relay).history.map(({ position }) => position);
        if (moves.join() !== allowed[place.kind].join()) {
          throw new Violation(
            `the relay of ${place.resource} (${place.kind}) moved: ${moves.join(", ") || "never"}; allowed: ${allowed[place.kind].join(", ") || "never"}`,
          );
        }
      }
    },
  };
}
