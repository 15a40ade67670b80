// One simulated connection to the broker: two directions, each in order, with delays. A cut loses what is under way; a stall holds it up;
// each end may notice the cut later than the other. No MQTT in here: broker.ts.

import type { Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";

export interface Wire {
  readonly open: boolean;
  /** Runs at the broker, in order, unless the wire is cut before. */
  toBroker(run: () => void): void;
  /** Runs at the client, in order, unless the wire is cut before. */
  toClient(run: () => void): void;
  /** Nothing arrives at either end for so long; then everything does. */
  stall(ms: number): void;
  /** @param late which end notices only after so many milliseconds */
  cut(late?: { readonly end: "client" | "broker"; readonly ms: number }): void;
}

export interface WireParts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Mean delay of a message, ms. */
  readonly delay: number;
  readonly lostAtBroker: () => void;
  readonly lostAtClient: () => void;
}

export function createWire({ scheduler, random, delay, lostAtBroker, lostAtClient }: WireParts): Wire {
  let open = true;
  let stalledUntil = 0;
  const last = { up: 0, down: 0 };

  function send(direction: "up" | "down", run: () => void): void {
    if (!open) {
      return;
    }
    const arrives = Math.max(last[direction], stalledUntil, scheduler.now) + random.wait(delay);
    last[direction] = arrives;
    scheduler.after(arrives - scheduler.now, () => {
      if (open) {
        run();
      }
    });
  }

  return {
    get open() {
      return open;
    },
    toBroker: (run) => send("up", run),
    toClient: (run) => send("down", run),
    stall(ms) {
      stalledUntil = Math.max(stalledUntil, scheduler.now + ms);
    },
    cut(late) {
      if (!open) {
        return;
      }
      open = false;
      scheduler.after(late?.end === "broker" ? late.ms : 0, lostAtBroker);
      scheduler.after(late?.end === "client" ? late.ms : 0, lostAtClient);
    },
  };
}
