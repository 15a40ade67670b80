// One controller per base (protocol section 8.3), while we serve it: hears another one, asks with a ping whether it lives, and answers the
// pings of others. Decides nothing: the core stops commanding while a rival is unsettled. Before we serve: rival-check.ts.

import { type Instant, between, isoOf } from "../../core/time.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Incoming } from "./connection-port.ts";
import type { OwnAnnouncement } from "./encode.ts";
import { answerMs, instanceIn, pongIn, textOf } from "./rival-messages.ts";
import type { Topics } from "./topics.ts";

/** A rival that lives is asked again after this. */
const againMs = 10_000;
/** Answers to pings in one second: a flood of pings must not become a flood of events. */
const mostPongs = 10;

export interface RivalWatch {
  /** Our retained `info`, or an event of a controller. @returns true when it speaks of another controller than us */
  heard(message: Incoming): boolean;
  /** Somebody asks whether we live. */
  pinged(message: Incoming): void;
  /** Once a second. */
  tend(): void;
}

export interface RivalParts {
  readonly topics: Topics;
  readonly instance: string;
  readonly clock: Clock;
  /** An instance that was found dead at the start: its retained `info` is a left-over. */
  readonly stale: () => string | undefined;
  ping(): void;
  announce(announcement: OwnAnnouncement): void;
  rivalHeard(instance: string): void;
  rivalGone(): void;
}

export function createRivalWatch(parts: RivalParts): RivalWatch {
  const { topics, instance, clock } = parts;
  let rival: { readonly instance: string; askedAt: Instant | undefined; answered: boolean } | undefined;
  let pongs = 0;

  return {
    heard(message) {
      const isInfo = message.topic === topics.info;
      const other = isInfo ? instanceIn(message) : pongIn(message, undefined);
      if (
        other === undefined ||
        other === instance ||
        (isInfo && message.retain && other === parts.stale())
      ) {
        return false;
      }
      if (rival?.instance !== other) {
        rival = { instance: other, askedAt: undefined, answered: false };
        parts.rivalHeard(other);
      }
      if (!isInfo && pongIn(message, instance) !== undefined) {
        rival.answered = true;
      }
      return true;
    },
    pinged(message) {
      const from = textOf(message);
      // A retained ping is not from somebody who waits.
      if (message.retain || from === instance || !/^[\w.:-]{1,128}$/.test(from) || pongs >= mostPongs) {
        return;
      }
      pongs += 1;
      parts.announce({
        event: "pong",
        resource: undefined,
        time: isoOf(clock.wall()),
        fields: { instance, to: from },
      });
    },
    tend() {
      pongs = 0;
      if (rival === undefined) {
        return;
      }
      const now = clock.now();
      if (rival.askedAt === undefined || (rival.answered && between(rival.askedAt, now) >= againMs)) {
        rival.askedAt = now;
        rival.answered = false;
        parts.ping();
      } else if (!rival.answered && between(rival.askedAt, now) >= answerMs) {
        rival = undefined;
        parts.rivalGone();
      }
    },
  };
}
