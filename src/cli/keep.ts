// Keeps a token while it is used: renews it at a third of its time, and acquires the same id again after every reconnection and
// whenever the controller no longer knows it. Nothing here ends the use: a broker that is away only gets a warning.

import { instant, type Millis, millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import { messageOf } from "../ports/message-of.ts";
import type { Client } from "./client.ts";
import { promptly } from "./client-requests.ts";
import type { Reply } from "./wire.ts";
import { acquireFields, topicOf, type Wish } from "./wish.ts";

export interface Keeper {
  /** The connection is back: the will may have been sent, so the token is acquired again. */
  reconnected(): void;
  /** A lockout has ended the token, as `why` says; it is asked for again after a while. */
  ended(why: string): void;
  /** Somebody gave it back on purpose, as `why` says: it is neither renewed nor acquired again. */
  releasedBySomebody(why: string): void;
  stop(): Promise<void>;
}

/** A failed renewal is tried again this soon, or at a third of the token's time when that is sooner. */
const retryAfterMs = 10_000;
/** A lockout may last for days. */
const retryLockedMs = 60_000;
/** Not more often than this, however short a token is. */
const shortestMs = 100;
/** For a controller that does not say how long a token is valid. */
const unknownTtlSeconds = 60;

export function keepToken(
  client: Client,
  wish: Wish,
  granted: Reply,
  parts: {
    readonly clock: Clock;
    readonly say: (text: string) => void;
    /** What the token was asked for, where that is not `wish.names`: pools. */
    readonly asked: readonly string[];
    /** What becomes of whatever the token is for, at the end of a warning. */
    readonly meanwhile: string;
  },
): Keeper {
  const { clock, say, meanwhile } = parts;
  const { names, token, owner } = wish;
  const resource = names.join(",");
  // A token over several that was asked for by pools is known by their names: asking for their members would be for another token.
  const renewsFirst = names.length > 1 && names.join() !== parts.asked.join();
  const stopped = new AbortController();
  /** Ends a request that is on its way. */
  const turning = new AbortController();
  let wakeUp = new AbortController();
  let third = thirdOf(granted);
  let due = instant(clock.now() + third);
  let acquireNext = false;
  let reconnections = 0;
  let isReleased = false;
  /** Each trouble is told once, and its end. */
  let trouble: string | undefined;

  async function loop(): Promise<void> {
    while (!stopped.signal.aborted) {
      if (clock.now() >= due && !isReleased) {
        await turn();
      } else {
        wakeUp = new AbortController();
        await clock.sleep(millis(isReleased ? Number.POSITIVE_INFINITY : due - clock.now()), wakeUp.signal);
      }
    }
  }

  async function turn(): Promise<void> {
    const acquiring = acquireNext;
    const before = reconnections;
    const outcome = await ask(acquiring);
    if (stopped.signal.aborted || isReleased) {
      return;
    }
    due = instant(clock.now() + judge(outcome, acquiring));
    if (before !== reconnections) {
      // The link broke meanwhile, and with it went the will.
      acquireNext ||= !renewsFirst;
      due = clock.now();
    }
  }

  /** @returns how long until the next turn */
  function judge(outcome: Reply | string, acquiring: boolean): number {
    if (typeof outcome !== "string" && outcome.ok) {
      if (trouble !== undefined || acquiring) {
        say(`${resource}: the token is held${acquiring ? " again" : ""}`);
      }
      trouble = undefined;
      acquireNext = false;
      third = thirdOf(outcome);
      return third;
    }
    if (typeof outcome !== "string" && outcome.error === "unknown-token" && !acquiring) {
      tell(`the token is lost: ${outcome.message}; acquiring it again`);
      acquireNext = true;
      return 0;
    }
    const why = typeof outcome === "string" ? outcome : `${outcome.message} (${outcome.error})`;
    tell(`the token could not be ${acquiring ? "acquired again" : "renewed"}: ${why}; ${meanwhile}`);
    const isLocked = typeof outcome !== "string" && outcome.error === "locked-out";
    return Math.min(third, isLocked ? retryLockedMs : retryAfterMs);
  }

  async function ask(acquiring: boolean): Promise<Reply | string> {
    try {
      return await client.request({
        topic: topicOf(names, acquiring ? "acquire" : "renew"),
        fields: () =>
          acquiring
            ? acquireFields({ ...wish, wait: "granted", timeout: undefined }, millis(0))
            : { token, owner, ttl: wish.ttl === undefined ? undefined : wish.ttl / 1000 },
        patience: promptly,
        signal: AbortSignal.any([stopped.signal, turning.signal]),
      });
    } catch (error) {
      return messageOf(error);
    }
  }

  function tell(text: string): void {
    if (text !== trouble) {
      say(`${resource}: ${text}`);
    }
    trouble = text;
  }

  const done = loop();
  return {
    reconnected: () => {
      reconnections += 1;
      acquireNext ||= !renewsFirst;
      due = clock.now();
      wakeUp.abort();
    },
    ended: (why) => {
      if (stopped.signal.aborted || isReleased) {
        return;
      }
      tell(`the token has ended: ${why}; ${meanwhile}`);
      acquireNext = true;
      due = instant(clock.now() + retryLockedMs);
      wakeUp.abort();
    },
    releasedBySomebody: (why) => {
      if (stopped.signal.aborted || isReleased) {
        return;
      }
      isReleased = true;
      turning.abort();
      tell(why);
    },
    stop: async () => {
      stopped.abort();
      wakeUp.abort();
      await done;
    },
  };
}

function thirdOf(reply: Reply): Millis {
  const seconds = reply.ok ? (reply.ttl ?? unknownTtlSeconds) : unknownTtlSeconds;
  return millis(Math.max(shortestMs, (seconds * 1000) / 3));
}
