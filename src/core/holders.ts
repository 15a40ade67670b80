// Tokens and queued requests as they are shown: in replies, in lists, in events. Nothing is changed here.

import { announce, wireTime } from "./announce.ts";
import type { Book, Pool, Resource, Token, Turn } from "./book.ts";
import type { TokenRecord } from "./changes.ts";
import { weakest } from "./pools.ts";
import type { Holder, QueueEntry, ReleasedReply, TokenReply } from "./requests.ts";
import { between } from "./time.ts";
import { homeOf } from "./tokens.ts";

/**
 * Holders in the order of their grants; of a pool, member by member, each with its member. The walk to `offset` costs O(offset); that is
 * what a page costs.
 */
export function holdersOf(book: Book, of: Resource | Pool, offset: number, limit: number): Holder[] {
  const isPool = "members" in of;
  const holders: Holder[] = [];
  let index = 0;
  for (const { tokens, settings } of isPool ? of.members : [of]) {
    for (const token of tokens.values()) {
      if (index >= offset + limit) {
        return holders;
      }
      if (index >= offset) {
        holders.push(holderOf(book, token, isPool ? settings.name : undefined));
      }
      index += 1;
    }
  }
  return holders;
}

const holderOf = (book: Book, { record }: Token, resource: string | undefined): Holder => ({
  resource,
  token: record.token,
  owner: record.owner,
  purpose: record.purpose ?? null,
  mode: record.mode,
  since: wireTime(book, record.since),
  expires: record.expires === undefined ? null : wireTime(book, record.expires),
});

/** The first of those that wait for a token of it, in the order of service. */
export const queueOf = (book: Book, { queue }: Resource | Pool, limit: number): QueueEntry[] =>
  queue.slice(0, limit).map(({ record }) => ({
    token: record.token,
    owner: record.owner,
    purpose: record.purpose ?? null,
    mode: record.mode,
    priority: record.priority,
    since: wireTime(book, record.since),
    deadline: wireTime(book, record.deadline),
  }));

/** An exclusive token stands alone (protocol 4.3 rule 5). */
export function isExclusivelyHeld({ tokens }: Resource): boolean {
  const [first] = tokens.values();
  return first?.record.mode === "exclusive";
}

/** @param asked the order in which the request names what the token is over; a renewal names nothing, and hears the token's own */
export function tokenReply(
  turn: Turn,
  token: Token,
  asked: readonly string[] = token.record.asked,
): TokenReply {
  const { record } = token;
  const { ok, resource, state, users } = releasedReply(token);
  return {
    ok,
    resource,
    resources: record.several ? inOrder(record, asked) : undefined,
    token: record.token,
    owner: record.owner,
    state,
    users,
    ttl: validSeconds(turn, record),
    expires: record.expires === undefined ? null : wireTime(turn.book, record.expires),
  };
}

/** The time that it really got: where `ttl.total` clips, less than was asked for, and then in whole seconds as long as it has one. */
function validSeconds({ at }: Turn, { ttl, expires }: TokenRecord): number {
  const left = expires === undefined ? ttl : between(at, expires);
  if (left >= ttl) {
    return ttl / 1000;
  }
  return left < 1000 ? left / 1000 : Math.floor(left / 1000);
}

/** What has left the configuration meanwhile is left out. */
const inOrder = (record: TokenRecord, asked: readonly string[]): readonly string[] =>
  asked.flatMap((name) => record.resources[record.asked.indexOf(name)] ?? []);

export const releasedReply = ({ record, resources }: Token): ReleasedReply => ({
  ok: true,
  resource: record.several ? undefined : homeOf(record),
  resources: record.several ? record.resources : undefined,
  token: record.token,
  state: weakest(resources).state,
  users: Math.max(...resources.map(({ tokens }) => tokens.size)),
});

export function announceToken(turn: Turn, token: Token, event: "granted" | "renewed" | "expiring"): void {
  for (const resource of token.resources) {
    announceOn(turn, token, resource, event);
  }
}

export function announceOn(
  turn: Turn,
  { record }: Token,
  resource: Resource,
  event: "granted" | "renewed" | "expiring",
): void {
  announce(turn, resource.settings.name, event, {
    token: record.token,
    owner: record.owner,
    users: resource.tokens.size,
    expires: record.expires === undefined ? null : wireTime(turn.book, record.expires),
  });
}
