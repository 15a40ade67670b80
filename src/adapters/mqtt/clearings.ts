// Retained requests are cleared from the broker, once each, and not faster than every 5 s for a topic, so that a publisher in a loop
// makes no ping-pong. Knows its own clearings when they come back (MQTT 3.1.1 has no No Local).

import { type Instant, between } from "../../core/time.ts";
import type { Clock } from "../../ports/clock.ts";

export interface Clearings {
  request(topic: string): void;
  /** An empty message on this topic is our own clearing, coming back; true once for each. */
  isEcho(topic: string): boolean;
  /** Once a second: clear what had to wait. */
  tend(): void;
}

const pauseMs = 5000;
/** Topics that are remembered; the oldest is forgotten beyond. */
const mostTopics = 10_000;

interface Cleared {
  readonly at: Instant;
  due: boolean;
  /** Our empty message has not come back yet. */
  echo: boolean;
}

export function createClearings(parts: {
  readonly clock: Clock;
  readonly clear: (topic: string) => void;
  /** The broker sends our own messages back: MQTT 3.1.1. */
  readonly echoes: () => boolean;
}): Clearings {
  const { clock } = parts;
  /** In the order of clearing. */
  const cleared = new Map<string, Cleared>();

  function clear(topic: string): void {
    cleared.delete(topic);
    cleared.set(topic, { at: clock.now(), due: false, echo: parts.echoes() });
    const oldest = cleared.size > mostTopics ? cleared.keys().next().value : undefined;
    if (oldest !== undefined) {
      cleared.delete(oldest);
    }
    parts.clear(topic);
  }

  return {
    request(topic) {
      const last = cleared.get(topic);
      if (last !== undefined && between(last.at, clock.now()) < pauseMs) {
        last.due = true;
      } else {
        clear(topic);
      }
    },
    isEcho(topic) {
      const last = cleared.get(topic);
      if (last?.echo !== true) {
        return false;
      }
      last.echo = false;
      return true;
    },
    tend() {
      const now = clock.now();
      for (const [topic, { at, due }] of cleared) {
        if (between(at, now) < pauseMs) {
          return; // The rest were cleared later.
        }
        if (due) {
          clear(topic);
        } else {
          cleared.delete(topic);
        }
      }
    },
  };
}
