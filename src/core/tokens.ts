// Tokens as things that are held: put, ended, remembered, restored, and when each of these is due. Who may do so is decided in
// claims.ts and grant.ts; what it means for power in resource.ts.

import { announce, publish } from "./announce.ts";
import { type Book, endedKey, need, type Resource, type Token, touch, type Turn } from "./book.ts";
import type { EndReason, TokenRecord } from "./changes.ts";
import { setDeadline } from "./deadlines.ts";
import { meterOf } from "./supply.ts";
import { after, before, type Instant, millis, soonerOf } from "./time.ts";

/** An ended token is remembered for a day (protocol 4.3 rule 4). */
const rememberedFor = millis(86_400_000);

/** The resource under which it stands in the store and among the deadlines: the first of its resources. */
export const homeOf = (record: TokenRecord): string => String(record.resources[0]);

/** Put a token, or what changed of it, into the book and on the disk. */
export function putToken(turn: Turn, record: TokenRecord): Token {
  const { book } = turn;
  const known = need(book.resources, homeOf(record)).tokens.get(record.token);
  const token = known ?? enter(book, record);
  token.expiringSaid = token.expiringSaid && token.record.expires === record.expires;
  token.record = record;
  noteWaiting(token);
  persist(turn, record, record);
  setTokenDeadline(book, token);
  look(turn, token);
  return token;
}

/** Its owner was heard, and be it with a request that is refused: it is not lost (protocol 4.3 rule 8). */
export function notLost(turn: Turn, { record }: Token): void {
  if (record.lostAt !== undefined) {
    putToken(turn, { ...record, lostAt: undefined });
  }
}

/** From the store into the book; all its resources are in the configuration. */
export function restoreToken(book: Book, record: TokenRecord): void {
  const token = enter(book, record);
  noteWaiting(token);
  setTokenDeadline(book, token);
}

function enter(book: Book, record: TokenRecord): Token {
  const resources = record.resources.map((name) => need(book.resources, name));
  const token = { record, resources, expiringSaid: false };
  for (const { tokens } of resources) {
    tokens.set(record.token, token);
  }
  if (record.several) {
    book.several.set(record.token, token);
  }
  const poolKey = poolKeyOf(record);
  if (poolKey !== undefined) {
    book.fromPools.set(poolKey, token);
  }
  book.tokenCount += 1;
  book.nextNumber = Math.max(book.nextNumber, record.number + 1);
  return token;
}

/** Under which it stands in `fromPools`; `undefined`: it is over several, or was asked for by the name of its resource. */
export const poolKeyOf = ({ asked, resources, several, token }: TokenRecord): string | undefined =>
  several || asked[0] === resources[0] ? undefined : endedKey(String(asked[0]), token);

/** End a token: it is off the book, and remembered for a day with its reason. The event says how it ended. */
export function endToken(
  turn: Turn,
  token: Token,
  reason: EndReason,
  fields: Readonly<Record<string, string>>,
): void {
  takeOff(turn, token);
  remember(turn, token.record, reason);
  for (const resource of token.resources) {
    tellEnd(turn, token, resource, reason, fields);
  }
}

/** Off the book and off the disk, and nobody told. */
export function takeOff(turn: Turn, token: Token): void {
  const { book } = turn;
  const { record } = token;
  for (const { tokens, waiting } of token.resources) {
    tokens.delete(record.token);
    waiting.delete(token);
  }
  if (record.several) {
    book.several.delete(record.token);
  }
  const poolKey = poolKeyOf(record);
  if (poolKey !== undefined) {
    book.fromPools.delete(poolKey);
  }
  book.tokenCount -= 1;
  book.overdue.delete(token);
  setDeadline(book.deadlines, subjectOf(record), undefined);
  persist(turn, record, undefined);
  for (const { record: whole, kept } of book.gone.tokens) {
    const isPart = kept?.token === record.token && homeOf(kept) === homeOf(record);
    if (isPart && homeOf(whole) !== homeOf(kept)) {
      persist(turn, whole, undefined); // the whole of it is still on the disk, and would bring it back
    }
  }
  look(turn, token);
}

/** The event of its end on one of its resources: how long it was held, and what the resource drew meanwhile. */
export function tellEnd(
  turn: Turn,
  { record, resources }: Token,
  resource: Resource,
  event: EndReason,
  fields: Readonly<Record<string, string>>,
): void {
  const kwhAtStart = record.kwhAtStart[resources.indexOf(resource)];
  const kwhNow = meterOf(resource).kwh;
  const kwh =
    kwhAtStart === undefined || kwhNow === undefined
      ? undefined
      : Math.max(0, Math.round((kwhNow - kwhAtStart) * 1e6) / 1e6);
  announce(turn, resource.settings.name, event, {
    token: record.token,
    owner: record.owner,
    users: resource.tokens.size,
    heldSeconds: Math.round((turn.at - record.since) / 100) / 10,
    ...(kwh === undefined ? {} : { kwh }),
    ...fields,
  });
}

/** Under every name over which somebody may still ask for it. */
export function remember(
  turn: Turn,
  { resources, asked, several, token }: Pick<TokenRecord, "resources" | "asked" | "several" | "token">,
  reason: EndReason,
): void {
  const { book, at } = turn;
  for (const resource of new Set([...resources, ...asked, ...(several ? ["controller"] : [])])) {
    const ended = { resource, token, at, reason };
    const key = endedKey(resource, token);
    book.ended.delete(key); // so that the newest stands last
    book.ended.set(key, ended);
    turn.effects.push({ kind: "persist", change: { kind: "ended", resource, token, record: ended } });
  }
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
    : before(record.expires, millis(Math.floor((record.expires - record.extendedAt) / 10)));

export function setTokenDeadline(book: Book, token: Token): void {
  const { record } = token;
  const next = soonerOf(
    soonerOf(endsAt(record), token.expiringSaid ? undefined : expiringAt(record)),
    record.waiters.length > 0 ? record.deadline : undefined,
  );
  book.overdue.delete(token);
  setDeadline(book.deadlines, subjectOf(record), next);
}

export const subjectOf = (record: TokenRecord) =>
  ({ kind: "token", resource: homeOf(record), token: record.token }) as const;

/** Still waiting for its first `ok`, and chosen from a pool here: another member would do as well. */
export const mayMove = ({ record }: Token, resource: Resource): boolean =>
  record.expires === undefined && !record.asked.includes(resource.settings.name);

function noteWaiting(token: Token): void {
  for (const { waiting } of token.resources) {
    if (token.record.waiters.length > 0) {
      waiting.add(token);
    } else {
      waiting.delete(token);
    }
  }
}

function persist(turn: Turn, key: TokenRecord, record: TokenRecord | undefined): void {
  turn.effects.push({
    kind: "persist",
    change: { kind: "token", resource: homeOf(key), token: key.token, record },
  });
}

function look(turn: Turn, token: Token): void {
  for (const resource of token.resources) {
    publish(turn, resource);
    touch(turn, resource);
  }
}
