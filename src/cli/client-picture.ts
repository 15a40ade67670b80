// Whether a client has heard all that is retained for its filters, of which no broker says when it is all. Not what was heard: picture.ts.

import type { Connection } from "../adapters/mqtt/connection-port.ts";
import { type Instant, instant } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import { refusal } from "./client-failures.ts";
import { promptly, type Standing } from "./client-requests.ts";
import type { CommandError } from "./exit-codes.ts";
import { randomHex } from "./random.ts";
import type { WakeUps } from "./wake-ups.ts";

export interface PictureEnd {
  /** Resolves when everything has arrived, or nothing more comes. @throws CommandError `not-authorised` */
  complete(seen: () => number, signal: AbortSignal | undefined): Promise<void>;
  /** A message has come, whatever it is. */
  heard(): void;
  /** The controller says how many resources there are. */
  counted(resources: number | undefined): void;
  /** A marker of ours has come back. */
  marked(marker: string): void;
}

export function createPictureEnd(parts: {
  readonly url: string;
  readonly clock: Clock;
  readonly connection: Pick<Connection, "publish">;
  readonly replyTopic: string;
  readonly standing: Standing;
  readonly wakeUps: WakeUps;
}): PictureEnd {
  const { url, clock, connection, replyTopic, standing } = parts;
  const { changed, wake, waitFor } = parts.wakeUps;
  const markers = new Set<string>();
  let resources: number | undefined;
  let lastHeard: Instant = clock.now();

  return {
    complete: async (seen, signal) => {
      const marker = randomHex(8);
      markers.add(marker);
      let sentIn = 0;
      let refused: CommandError | undefined;
      // Published after the broker had taken the subscriptions, so it comes back after what was retained for them; again after a reconnection.
      const isBack = (): boolean => {
        if (standing.ready && sentIn !== standing.session) {
          sentIn = standing.session;
          connection
            .publish(replyTopic, JSON.stringify({ marker }), { qos: 1, retain: false })
            .catch((error: unknown) => {
              refused = refusal(url, error);
              changed();
            });
        }
        return refused !== undefined || !markers.has(marker);
      };
      await waitFor(isBack, promptly, signal);
      if (refused !== undefined) {
        throw refused;
      }
      // Some brokers read retained messages from their store meanwhile: the controller says how many there are.
      while (seen() < (resources ?? 0) && clock.now() < lastHeard + 300) {
        await wake([instant(lastHeard + 300)]);
      }
    },
    heard: () => {
      lastHeard = clock.now();
    },
    counted: (count) => {
      resources = count;
    },
    marked: (marker) => {
      markers.delete(marker);
    },
  };
}
