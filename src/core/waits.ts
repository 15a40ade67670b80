// Requests whose reply is held back until the resource is powered or available: answered, failed, timed out.
// A request that fails takes back what it created and nothing else: a token that was once answered `ok` stays.

import { announce } from "./announce.ts";
import type { Resource, Token, Turn } from "./book.ts";
import type { TokenRecord, Waiter } from "./changes.ts";
import { formatDuration } from "./duration.ts";
import { tokenReply } from "./holders.ts";
import type { ErrorCode, Reply, ReplyTo } from "./requests.ts";
import type { CheckLevel } from "./settings.ts";
import { between, instant, type Instant, millis, soonerOf } from "./time.ts";
import { endToken, extended, putToken } from "./tokens.ts";

/** Whether a request that waits for this level may be answered now. What is not known afresh does not count. */
export function satisfies(turn: Turn, resource: Resource, level: CheckLevel): boolean {
  if (level === "granted") {
    return true;
  }
  const { name } = resource.activity;
  // While it is being switched off, what is still seen is about to end.
  const fresh =
    turn.book.outlets.get(resource.settings.outlet)?.stale === false &&
    name !== "stopping" &&
    name !== "cycling";
  return fresh && (resource.state === "available" || (resource.state === "powered" && level === "powered"));
}

/** Answer a request in the turn in which it came; if the program dies in between, the request comes again. */
export function answerNow(turn: Turn, to: ReplyTo, reply: Reply): void {
  turn.effects.push({ kind: "reply", to, reply, outbox: undefined });
}

/** Answer every waiting request that the present state satisfies. Their tokens are valid from now on. */
export function answerWaiters(turn: Turn, resource: Resource): void {
  for (const token of resource.waiting) {
    const answered = token.record.waiters.filter((waiter) => satisfies(turn, resource, waiter.wait));
    if (answered.length > 0) {
      answer(turn, resource, token, answered);
    }
  }
}

function answer(turn: Turn, resource: Resource, token: Token, answered: readonly Waiter[]): void {
  let { record } = token;
  for (const waiter of answered) {
    record = extended(resource, record, turn.at, waiter.ttl);
  }
  const waiters = record.waiters.filter((waiter) => !answered.includes(waiter));
  putToken(turn, resource, {
    ...record,
    told: record.told || answered.some((waiter) => waiter.replyTo !== undefined),
    waiters,
    deadline: waiters.length === 0 ? undefined : record.deadline,
  });
  for (const { replyTo } of answered) {
    answerLater(turn, replyTo, tokenReply(turn, resource, token));
  }
}

/** The deadline of a token's requests has come. */
export function timeOut(turn: Turn, resource: Resource, token: Token): void {
  const { name } = resource.settings;
  const first = instant(Math.min(...token.record.waiters.map(({ since }) => since)));
  // In tenths of a second: the timer's few milliseconds of lateness are nobody's business.
  const waited = formatDuration(millis(Math.floor(between(first, turn.at) / 100) * 100));
  const message = `${name} is still ${resource.state} after ${waited}${whyNot(resource)}`;
  failToken(turn, resource, token, "timeout", message);
}

/** Fail every waiting request of a resource, or only those that did not say how long they would wait. */
export function failWaiters(turn: Turn, resource: Resource, who: "all" | "patient", message: string): void {
  for (const token of resource.waiting) {
    if (who === "all" || token.record.deadline === undefined) {
      failToken(turn, resource, token, "power-failed", message);
    }
  }
}

function failToken(turn: Turn, resource: Resource, token: Token, error: ErrorCode, message: string): void {
  refuseWaiters(turn, token, error, message);
  const { record } = token;
  if (record.expires === undefined) {
    endToken(turn, resource, token, "rejected", { error, message });
  } else {
    putToken(turn, resource, { ...record, waiters: [], deadline: undefined });
    announce(turn, record.resource, "rejected", {
      token: record.token,
      owner: record.owner,
      users: resource.tokens.size,
      error,
      message,
    });
  }
}

/** Since when the oldest request waits that named no timeout. */
export function oldestPatience(resource: Resource): Instant | undefined {
  let oldest: Instant | undefined;
  for (const { record } of resource.waiting) {
    if (record.deadline === undefined) {
      oldest = soonerOf(oldest, record.waiters[0]?.since);
    }
  }
  return oldest;
}

/** Tell all that wait on a token that it is not to be. */
export function refuseWaiters(turn: Turn, { record }: Token, error: ErrorCode, message: string): void {
  tellWaiters(turn, record, record.waiters, error, message);
}

export function tellWaiters(
  turn: Turn,
  record: TokenRecord,
  waiters: readonly Waiter[],
  error: ErrorCode,
  message: string,
): void {
  for (const { replyTo } of waiters) {
    answerLater(turn, replyTo, { ok: false, resource: record.resource, token: record.token, error, message });
  }
}

/** A held-back reply is durable until the broker has taken it: its request was acknowledged long ago. */
function answerLater(turn: Turn, replyTo: ReplyTo | undefined, reply: Reply): void {
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
export function replyWasTaken(turn: Turn, id: number): void {
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

const whyNot = (resource: Resource): string => {
  const [code] = resource.problems.keys();
  return code === undefined ? "" : ` (${code})`;
};
