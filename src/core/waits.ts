// Requests whose reply is held back until what they hold is powered or available: answered, failed, told why not.
// A request that fails takes back what it created and nothing else: a token that was once answered `ok` stays.

import { announce } from "./announce.ts";
import type { Resource, Token, Turn } from "./book.ts";
import type { QueuedRecord, TokenRecord, Waiter } from "./changes.ts";
import { tokenReply } from "./holders.ts";
import { isGoingOff, weakest } from "./pools.ts";
import type { ErrorCode, Reply, ReplyTo } from "./requests.ts";
import type { CheckLevel } from "./settings.ts";
import { isFresh } from "./supply.ts";
import { instant, type Instant, later, soonerOf } from "./time.ts";
import { endToken, mayMove, putToken } from "./tokens.ts";
import { extendedForAll, outOfTime } from "./ttl.ts";

/** Whether a request that waits for this level may be answered now. What is not known afresh does not count. */
export function satisfies(resource: Resource, level: CheckLevel): boolean {
  if (level === "granted") {
    return true;
  }
  // While it is being switched off, what is still seen is about to end.
  const holds = isFresh(resource) && !isGoingOff(resource.activity.name);
  return holds && (resource.state === "available" || (resource.state === "powered" && level === "powered"));
}

/** Of what a request waits for, the one that is furthest from it: what is being switched off must go all the way, and come back. */
export function hindranceAmong(resources: readonly Resource[]): {
  readonly resource: Resource;
  readonly isGoing: boolean;
} {
  const going = resources.find(({ activity, state }) => isGoingOff(activity.name) && state !== "off");
  return { resource: going ?? weakest(resources), isGoing: going !== undefined };
}

/** Answer a request in the turn in which it came; if the program dies in between, the request comes again. */
export function answerNow(turn: Turn, to: ReplyTo | undefined, reply: Reply): void {
  if (to !== undefined) {
    turn.effects.push({ kind: "reply", to, reply, outbox: undefined });
  }
}

/** A held-back reply is durable until the broker has taken it: its request was acknowledged long ago. */
export function answerLater(turn: Turn, replyTo: ReplyTo | undefined, reply: Reply): void {
  if (replyTo === undefined) {
    return;
  }
  const { book } = turn;
  const id = book.nextOutbox;
  book.nextOutbox += 1;
  const record = { id, replyTo, reply };
  book.outbox.set(id, { record, taken: false, handed: true });
  turn.effects.push({ kind: "persist", change: { kind: "outbox", id, record } });
  turn.effects.push({ kind: "reply", to: replyTo, reply, outbox: id });
}

/** The broker has taken a held-back reply. While the store refuses, that is kept in mind. */
export function noteReplyTaken(turn: Turn, id: number): void {
  const kept = turn.book.outbox.get(id);
  if (kept === undefined) {
    return;
  }
  kept.taken = true;
  if (turn.book.store === "writing") {
    turn.book.outbox.delete(id);
    turn.effects.push({ kind: "persist", change: { kind: "outbox", id, record: undefined } });
  }
}

/** Answer every waiting request that the present state satisfies. Their tokens are valid from now on. */
export function answerWaiters(turn: Turn, resource: Resource): void {
  for (const token of resource.waiting) {
    const answered = token.record.waiters.filter(({ wait }) =>
      token.resources.every((one) => satisfies(one, wait)),
    );
    const over = answered.length > 0 ? outOfTime(token, turn.at) : undefined;
    if (over !== undefined) {
      failToken(turn, token, "ttl-too-long", over);
    } else if (answered.length > 0) {
      answer(turn, token, answered);
    }
  }
}

function answer(turn: Turn, token: Token, answered: readonly Waiter[]): void {
  const record = extendedForAll(token.resources, token.record, turn.at, answered);
  const waiters = record.waiters.filter((waiter) => !answered.includes(waiter));
  putToken(turn, {
    ...record,
    told: record.told || answered.some((waiter) => waiter.replyTo !== undefined),
    waiters,
    deadline: waiters.length === 0 ? undefined : record.deadline,
  });
  for (const { replyTo, asked } of answered) {
    answerLater(turn, replyTo, tokenReply(turn, token, asked));
  }
}

/** What waits on it fails: it ends, unless a request about it was answered before. */
export function failToken(turn: Turn, token: Token, error: ErrorCode, message: string): void {
  const { record, resources } = token;
  tellWaiters(turn, record, record.waiters, error, message);
  if (record.expires === undefined) {
    endToken(turn, token, "rejected", { error, message });
    return;
  }
  putToken(turn, { ...record, waiters: [], deadline: undefined });
  for (const { settings, tokens } of resources) {
    announce(turn, settings.name, "rejected", {
      token: record.token,
      owner: record.owner,
      users: tokens.size,
      error,
      message,
    });
  }
}

/**
 * Since when the oldest request waits here that is not bound to wait: it named no timeout, or another member of its pool could be tried.
 */
export function oldestPatience(resource: Resource): Instant | undefined {
  let oldest: Instant | undefined;
  for (const token of resource.waiting) {
    const { record } = token;
    if (record.deadline === undefined || mayMove(token, resource)) {
      oldest = soonerOf(oldest, later(record.since, firstSince(record.waiters)));
    }
  }
  return oldest;
}

export const firstSince = (waiters: readonly Waiter[]): Instant =>
  instant(Math.min(...waiters.map(({ since }) => since)));

/** One request keeps at most so many replies; a further one ends the oldest, because a client that asks that often is not listening. */
const mostWaiters = 16;

/** Those that wait with one more. */
export function withWaiter(
  turn: Turn,
  record: TokenRecord | QueuedRecord,
  waiter: Waiter,
): readonly Waiter[] {
  const dropped = record.waiters.slice(0, -(mostWaiters - 1));
  const message = `${mostWaiters} later requests wait for token '${record.token}'`;
  tellWaiters(turn, record, dropped, "limit-reached", message);
  return [...record.waiters.slice(dropped.length), waiter];
}

/** Tell some that wait on a token, or in a queue, that it is not to be. */
export function tellWaiters(
  turn: Turn,
  { asked, several, token }: Pick<TokenRecord, "asked" | "several" | "token">,
  waiters: readonly Waiter[],
  error: ErrorCode,
  message: string,
): void {
  const resource = several ? undefined : asked.join();
  for (const { replyTo } of waiters) {
    answerLater(turn, replyTo, { ok: false, resource, token, error, message });
  }
}
