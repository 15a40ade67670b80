// Refused requests of which nobody will hear, because they name no reply topic or none that is allowed: counted, and logged, at most
// once a minute, so that a job in a loop does not fill the disk. Each is an event, too; that is the core's.

import { type Instant, between } from "../../core/time.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { shown } from "./shown.ts";

export interface Strays {
  refused(topic: string, reason: string): void;
}

const pauseMs = 60_000;

export function createStrays({ clock, log }: { readonly clock: Clock; readonly log: Log }): Strays {
  let count = 0;
  let loggedAt: Instant | undefined;
  return {
    refused(topic, reason) {
      count += 1;
      const now = clock.now();
      if (loggedAt === undefined || between(loggedAt, now) >= pauseMs) {
        log.warn(
          { topic: shown(topic), reason, count },
          "Requests were refused whose senders cannot be told: they name no reply topic, or none that is allowed",
        );
        loggedAt = now;
        count = 0;
      }
    },
  };
}
