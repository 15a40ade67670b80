// What a token id means in a request: the token, the request that still queues, or something that is to be asked for over another topic.
// Ids are unique within a resource, its queue included.

import { type Book, endedKey, type Queued, type Token } from "./book.ts";
import type { QueuedRecord, TokenRecord } from "./changes.ts";
import { membersOf } from "./pools.ts";

export type Meaning =
  | { readonly kind: "nothing" }
  | { readonly kind: "token"; readonly token: Token }
  | { readonly kind: "queued"; readonly queued: Queued }
  /** It belongs to a request of another topic; `message` says which. */
  | { readonly kind: "foreign"; readonly message: string };

/**
 * @param over the resource or pool over which the request came; `undefined`: `controller/...`
 * @param owner who asks, if that was named: of several members' tokens with the id, which are of different owners, theirs is meant
 */
export function lookUp(book: Book, over: string | undefined, id: string, owner: string | undefined): Meaning {
  const queued = book.queuedIds.get(endedKey(over ?? "controller", id));
  if (over === undefined) {
    const token = book.several.get(id);
    return token === undefined ? meaningOf(queued) : { kind: "token", token };
  }
  const members = membersOf(book, over);
  const tokens = members.flatMap((member) => member.tokens.get(id) ?? []);
  const singles = tokens.filter(({ record }) => !record.several);
  // Also on a resource that has left the pool since: its holder goes on asking over the pool.
  const granted = book.pools.has(over) ? book.fromPools.get(endedKey(over, id)) : undefined;
  const all = granted === undefined ? singles : [granted, ...singles];
  const token = all.find(({ record }) => record.owner === owner) ?? all[0];
  if (token !== undefined) {
    return { kind: "token", token };
  }
  if (queued !== undefined && !queued.record.several && queued.record.asked.includes(over)) {
    return { kind: "queued", queued };
  }
  const there = members.flatMap(({ settings }) => book.queuedIds.get(endedKey(settings.name, id)) ?? []);
  const [foreign] = [...tokens, ...there];
  return foreign === undefined
    ? { kind: "nothing" }
    : { kind: "foreign", message: whereToAsk(foreign.record) };
}

const meaningOf = (queued: Queued | undefined): Meaning =>
  queued === undefined ? { kind: "nothing" } : { kind: "queued", queued };

function whereToAsk({ asked, several, token }: TokenRecord | QueuedRecord): string {
  const names = asked.join(", ");
  return several
    ? `token '${token}' is one over several resources (${names}), asked for over controller/acquire, controller/renew and controller/release`
    : `a request for ${names} queues under the id '${token}' here; it is asked for and released over ${names}`;
}
