// Retained requests are cleared from the broker, once each, and not faster than every 5 s for a topic, so that a publisher in a loop
// makes no ping-pong. Knows its own clearings when they come back (MQTT 3.1.1 has no No Local).

import { type Instant, between } from "../../core/time.ts";
import type { Clock } from "../../ports/clock.ts";

export interface Clearings {
  request(topic: string): void;
  /**
   * An empty message on this topic is our own clearing, coming back; true once for each, however late: taken for a request, it would
   * be a power cycle on `cycle`.
   */
  isEcho(topic: string): boolean;
  /** A new connection: what had not come back over the last one (QoS 0) will not come any more. */
  connected(): void;
  /** Once a second: clear what had to wait. */
  tend(): void;
}

const pauseMs = 5000;
/** Topics that are remembered; the oldest is forgotten beyond. */
const mostTopics = 10_000;

interface Cleared {
  readonly at: Instant;
  due: boolean;
  /** So many of our empty messages have not come back yet. */
  echoes: number;
}

export function createClearings(parts: {
  readonly clock: Clock;
  /** Publish the empty retained message; where it echoes with QoS 0, so that no echo is kept for a later connection, or a later run. */
  readonly clear: (topic: string) => void;
  /** The broker sends our own messages back: MQTT 3.1.1. */
  readonly echoes: () => boolean;
}): Clearings {
  const { clock } = parts;
  /** In the order of clearing. */
  const cleared = new Map<string, Cleared>();

  function clear(topic: string): void {
    const echoes = (cleared.get(topic)?.echoes ?? 0) + (parts.echoes() ? 1 : 0);
    cleared.delete(topic);
    cleared.set(topic, { at: clock.now(), due: false, echoes });
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
      if (last === undefined || last.echoes === 0) {
        return false;
      }
      last.echoes -= 1;
      return true;
    },
    connected() {
      for (const each of cleared.values()) {
        each.echoes = 0;
      }
    },
    tend() {
      const now = clock.now();
      for (const [topic, { at, due, echoes }] of cleared) {
        if (between(at, now) < pauseMs) {
          return; // The rest were cleared later.
        }
        if (due) {
          clear(topic);
        } else if (echoes === 0) {
          cleared.delete(topic);
        }
      }
    },
  };
}
