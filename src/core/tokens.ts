// Tokens as things that are held: put, extended, ended, and when each of these is due. Who may do so is decided in claims.ts;
// what it means for power in resource.ts.

import { announce, publish } from "./announce.ts";
import { type Book, endedKey, type Resource, type Token, type Turn } from "./book.ts";
import type { EndReason, TokenRecord } from "./changes.ts";
import { setDeadline } from "./deadlines.ts";
import { after, before, type Instant, later, type Millis, millis, sooner, soonerOf } from "./time.ts";

/** An ended token is remembered for a day (protocol 4.3 rule 4). */
const rememberedFor = millis(86_400_000);

/** Put a token, or what changed of it, into the book and on the disk. */
export function putToken(turn: Turn, resource: Resource, record: TokenRecord): Token {
  let token = resource.tokens.get(record.token);
  if (token === undefined) {
    token = { record, expiringSaid: false };
    resource.tokens.set(record.token, token);
    turn.book.tokenCount += 1;
  } else {
    token.expiringSaid = token.expiringSaid && token.record.expires === record.expires;
    token.record = record;
  }
  noteWaiting(resource, token);
  turn.effects.push({
    kind: "persist",
    change: { kind: "token", resource: record.resource, token: record.token, record },
  });
  setTokenDeadline(turn.book, token);
  publish(turn, resource);
  return token;
}

/** End a token: it is off the book, and remembered for a day with its reason. The event says how it ended. */
export function endToken(
  turn: Turn,
  resource: Resource,
  token: Token,
  reason: EndReason,
  fields: Readonly<Record<string, string>>,
): void {
  const { record } = token;
  resource.tokens.delete(record.token);
  resource.waiting.delete(token);
  turn.book.tokenCount -= 1;
  turn.book.overdue.delete(token);
  setDeadline(
    turn.book.deadlines,
    { kind: "token", resource: record.resource, token: record.token },
    undefined,
  );
  turn.effects.push({
    kind: "persist",
    change: { kind: "token", resource: record.resource, token: record.token, record: undefined },
  });
  remember(turn, record, reason);
  const kwh =
    record.kwhAtStart === undefined || resource.kwh === undefined
      ? undefined
      : Math.max(0, Math.round((resource.kwh - record.kwhAtStart) * 1e6) / 1e6);
  announce(turn, record.resource, reason, {
    token: record.token,
    owner: record.owner,
    users: resource.tokens.size,
    heldSeconds: Math.round((turn.at - record.since) / 100) / 10,
    ...(kwh === undefined ? {} : { kwh }),
    ...fields,
  });
  publish(turn, resource);
}

export function remember(turn: Turn, record: TokenRecord, reason: EndReason): void {
  const { book, at } = turn;
  const ended = { resource: record.resource, token: record.token, at, reason };
  const key = endedKey(record.resource, record.token);
  book.ended.delete(key); // so that the newest stands last
  book.ended.set(key, ended);
  turn.effects.push({
    kind: "persist",
    change: { kind: "ended", resource: ended.resource, token: ended.token, record: ended },
  });
  forgetEnded(turn);
}

/** Forget ended tokens older than a day, and the oldest beyond `limits.tokens`, so that the memory is bounded. */
export function forgetEnded(turn: Turn): void {
  const { book, at } = turn;
  for (const [key, ended] of book.ended) {
    if (after(ended.at, rememberedFor) > at && book.ended.size <= book.settings.limits.tokens) {
      setDeadline(book.deadlines, { kind: "ended" }, after(ended.at, rememberedFor));
      return;
    }
    book.ended.delete(key);
    turn.effects.push({
      kind: "persist",
      change: { kind: "ended", resource: ended.resource, token: ended.token, record: undefined },
    });
  }
  setDeadline(book.deadlines, { kind: "ended" }, undefined);
}

/** When a token ends by itself: its expiry, unless a request still waits on it, or the end of `lostGrace`. */
export const endsAt = (record: TokenRecord): Instant | undefined =>
  soonerOf(record.waiters.length > 0 ? undefined : record.expires, record.lostAt);

/** When to announce that a tenth of its time is left (protocol 4.3 rule 4). */
const expiringAt = (record: TokenRecord): Instant | undefined =>
  record.expires === undefined || record.waiters.length > 0
    ? undefined
    : before(record.expires, millis(Math.floor(record.ttl / 10)));

export function setTokenDeadline(book: Book, token: Token): void {
  const { record } = token;
  const next = soonerOf(
    soonerOf(endsAt(record), token.expiringSaid ? undefined : expiringAt(record)),
    record.waiters.length > 0 ? record.deadline : undefined,
  );
  book.overdue.delete(token);
  setDeadline(book.deadlines, { kind: "token", resource: record.resource, token: record.token }, next);
}

/** The expiry that a time to live gives now, clipped by `ttl.total` from the token's first grant. */
export function expiryOf(resource: Resource, since: Instant, at: Instant, ttl: Millis): Instant {
  const { total } = resource.settings.ttl;
  return total === 0 ? after(at, ttl) : sooner(after(at, ttl), after(since, total));
}

/** The record with a new expiry: now + ttl, earlier than before only when the request gave a ttl. */
export function extended(
  resource: Resource,
  record: TokenRecord,
  at: Instant,
  ttl: Millis | undefined,
): TokenRecord {
  const next = expiryOf(resource, record.since, at, ttl ?? record.ttl);
  const expires = record.expires === undefined || ttl !== undefined ? next : later(record.expires, next);
  return { ...record, ttl: ttl ?? record.ttl, expires, lostAt: undefined };
}

export function noteWaiting(resource: Resource, token: Token): void {
  if (token.record.waiters.length > 0) {
    resource.waiting.add(token);
  } else {
    resource.waiting.delete(token);
  }
}
