// Tokens as they are shown: in replies, in the list of holders, in events. Nothing is changed here.

import { announce, wireTime } from "./announce.ts";
import type { Book, Resource, Token, Turn } from "./book.ts";
import type { Holder, TokenReply } from "./requests.ts";

/** Holders in the order of their grants. The walk to `offset` costs O(offset); that is what a page costs. */
export function holdersOf(book: Book, resource: Resource, offset: number, limit: number): Holder[] {
  const holders: Holder[] = [];
  let index = 0;
  for (const { record } of resource.tokens.values()) {
    if (index >= offset + limit) {
      break;
    }
    if (index >= offset) {
      holders.push({
        token: record.token,
        owner: record.owner,
        purpose: record.purpose ?? null,
        mode: "shared",
        since: wireTime(book, record.since),
        expires: record.expires === undefined ? null : wireTime(book, record.expires),
      });
    }
    index += 1;
  }
  return holders;
}

export function tokenReply(turn: Turn, resource: Resource, { record }: Token): TokenReply {
  return {
    ok: true,
    resource: record.resource,
    token: record.token,
    owner: record.owner,
    state: resource.state,
    users: resource.tokens.size,
    ttl: record.ttl / 1000,
    expires: record.expires === undefined ? null : wireTime(turn.book, record.expires),
  };
}

export function announceToken(
  turn: Turn,
  resource: Resource,
  { record }: Token,
  event: "granted" | "renewed" | "expiring",
): void {
  announce(turn, record.resource, event, {
    token: record.token,
    owner: record.owner,
    users: resource.tokens.size,
    expires: record.expires === undefined ? null : wireTime(turn.book, record.expires),
  });
}
