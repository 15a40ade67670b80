// When a resource fails those who wait for it, or is locked out: a request for a pool is tried on another member, or queues again,
// before it fails. Whether a resource has failed is for patience.ts and lockout.ts.

import type { Book, Pool, Resource, Token, Turn } from "./book.ts";
import type { QueuedRecord, TokenRecord } from "./changes.ts";
import { canEver, isAhead, isFree, isUnused, standingOf } from "./grant.ts";
import { liftHand } from "./hands.ts";
import { announceOn } from "./holders.ts";
import { byRank } from "./pools.ts";
import { enqueue, failQueued } from "./queue.ts";
import type { ErrorCode } from "./requests.ts";
import { type Instant, millis } from "./time.ts";
import { endToken, mayMove, putToken, takeOff, tellEnd } from "./tokens.ts";
import { meterOf } from "./supply.ts";
import { ttlOf } from "./ttl.ts";
import { failToken, firstSince, tellWaiters } from "./waits.ts";

interface Why {
  readonly error: ErrorCode;
  readonly message: string;
  /** It was tried there in vain, and is not tried there again. */
  readonly inVain: boolean;
}

/**
 * Fail every waiting request of a resource, or only those that are patient: that did not say how long they would wait. Those for a pool
 * go elsewhere in both cases, as long as there is another member.
 */
export function failWaiters(
  turn: Turn,
  resource: Resource,
  who: "all" | "patient",
  error: ErrorCode,
  message: string,
): void {
  for (const token of resource.waiting) {
    const bound = who === "patient" && token.record.deadline !== undefined;
    if (!goElsewhere(turn, token, resource, { error, message, inVain: true }) && !bound) {
      failToken(turn, token, error, message);
    }
  }
}

/** A lockout: everything that holds it or waits for it ends; requests for a pool leave only this member, unless it was the last. */
export function endAllClaims(turn: Turn, resource: Resource, message: string): void {
  const { book } = turn;
  for (const token of resource.tokens.values()) {
    if (!goElsewhere(turn, token, resource, { error: "locked-out", message, inVain: false })) {
      const { record } = token;
      if (othersFor(book, token, resource, record.tried).length > 0) {
        const cure = "no other member of the pool is free; give a timeout to queue for one";
        tellWaiters(turn, record, record.waiters, "busy", `${message}; ${cure}`);
      } else {
        tellWaiters(turn, record, record.waiters, "locked-out", message);
      }
      endToken(turn, token, "locked-out", { message });
    }
  }
  const hopeless = resource.queue.filter(({ record, resources }) => !canEver(book, record, resources));
  for (const queued of hopeless) {
    failQueued(turn, queued, "locked-out", message);
  }
}

/** A token that still waits for its first `ok` on a member of a pool moves to another one, or queues again. @returns false if it cannot */
function goElsewhere(turn: Turn, token: Token, from: Resource, why: Why): boolean {
  const { book } = turn;
  const { record } = token;
  const tried = why.inVain ? [...record.tried, from.settings.name] : record.tried;
  const others = othersFor(book, token, from, tried);
  const best = others.find((other) => isFree(other, record.mode) && isAhead(other, record));
  if (best !== undefined) {
    move(turn, token, from, best, tried, why);
    return true;
  }
  if (others.length === 0 || record.deadline === undefined) {
    return false;
  }
  takeOff(turn, token);
  for (const resource of token.resources) {
    tellEnd(turn, token, resource, "rejected", { error: why.error, message: why.message });
  }
  const again = queuedAgain(record, tried, record.deadline);
  enqueue(turn, again, standingOf(book, again));
  return true;
}

/** With its number and its deadline: it has not lost its turn. */
const queuedAgain = (record: TokenRecord, tried: readonly string[], deadline: Instant): QueuedRecord => ({
  number: record.number,
  asked: record.asked,
  several: record.several,
  token: record.token,
  owner: record.owner,
  purpose: record.purpose,
  mode: record.mode,
  priority: record.priority,
  tried,
  since: firstSince(record.waiters),
  ttl: record.ttl,
  lostAt: record.lostAt,
  waiters: record.waiters,
  deadline,
});

/** Other members of its pool on which it may be granted some time, the best first. */
function othersFor(book: Book, token: Token, from: Resource, tried: readonly string[]): Resource[] {
  const pool = mayMove(token, from) ? poolOf(book, token, from) : undefined;
  const members = pool?.members ?? [];
  return byRank(
    book,
    members.filter((one) => !tried.includes(one.settings.name) && isUnused(book, one, token.record.token)),
  );
}

/** The pool from which this resource was chosen for it; `undefined`: it has left the configuration. */
const poolOf = (book: Book, { record, resources }: Token, resource: Resource): Pool | undefined =>
  book.pools.get(String(record.asked[resources.indexOf(resource)]));

function move(
  turn: Turn,
  token: Token,
  from: Resource,
  to: Resource,
  tried: readonly string[],
  { error, message }: Why,
): void {
  const { record } = token;
  takeOff(turn, token);
  tellEnd(turn, token, from, "rejected", { error, message, moved: to.settings.name });
  liftHand(turn, to);
  const resources = token.resources.map((resource) => (resource === from ? to : resource));
  const moved = putToken(turn, {
    ...record,
    resources: resources.map(({ settings }) => settings.name),
    tried,
    since: turn.at,
    ttl: millis(Math.min(record.ttl, ttlOf(resources).max)),
    kwhAtStart: resources.map((resource) => meterOf(resource).kwh),
  });
  announceOn(turn, moved, to, "granted");
}
