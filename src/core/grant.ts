// Granting: what is free, whose turn it is, which resources a request gets, and the token that comes of it. Who must wait for its
// turn stands in queue.ts.

import { liftHand } from "./hands.ts";
import { type Book, endedKey, need, type Resource, type Turn } from "./book.ts";
import type { QueuedRecord, TokenRecord } from "./changes.ts";
import { announceToken, isExclusivelyHeld, tokenReply } from "./holders.ts";
import { assign, byRank, placesOf } from "./pools.ts";
import type { Reply, ReplyTo } from "./requests.ts";
import type { Mode } from "./settings.ts";
import { meterOf } from "./supply.ts";
import { type Instant, millis } from "./time.ts";
import { putToken } from "./tokens.ts";
import { extendedForAll, ttlOf } from "./ttl.ts";
import { satisfies } from "./waits.ts";

/** What is asked for, by a request that came just now or by one that stands in a queue. */
export type Claim = Omit<QueuedRecord, "deadline"> & { readonly deadline: Instant | undefined };

type Order = Pick<QueuedRecord, "priority" | "number">;

/** The order of service (protocol 4.3 rule 6): priority, then arrival over the whole controller. */
export const comesBefore = (a: Order, b: Order): boolean =>
  a.priority > b.priority || (a.priority === b.priority && a.number < b.number);

/** Nobody else stands ahead of it there. */
export function isAhead({ queue: [head] }: Resource, claim: Order): boolean {
  return head === undefined || !comesBefore(head.record, claim);
}

/** Its tokens leave room for one more (protocol 4.3 rule 5). A lockout is not looked at. */
export function isFree(resource: Resource, mode: Mode): boolean {
  const { tokens, settings } = resource;
  const room = settings.capacity === 0 || tokens.size < settings.capacity;
  return mode === "exclusive" ? tokens.size === 0 : room && !isExclusivelyHeld(resource);
}

/** Nobody holds or queues there under this id. */
export const isUnused = (book: Book, { settings, tokens }: Resource, id: string): boolean =>
  !tokens.has(id) && !book.queuedIds.has(endedKey(settings.name, id));

/** Where a request may be granted: what it names, and the members of its pools but those tried in vain and those that have its id already. */
export function standingOf(book: Book, { asked, tried, token }: Claim): Resource[] {
  const all = asked.flatMap((name) => {
    const pool = book.pools.get(name);
    return pool === undefined
      ? [need(book.resources, name)]
      : pool.members.filter((one) => !tried.includes(one.settings.name) && isUnused(book, one, token));
  });
  return [...new Set(all)];
}

/** Whether it can be had at all, once all others have gone: enough of what it asks for is not locked out. */
export const canEver = (book: Book, claim: Claim, standing: readonly Resource[]): boolean =>
  seats(book, claim, (resource) => standing.includes(resource)) !== undefined;

/**
 * The resources on which it is granted now, in the order asked for: free, and nobody stands ahead of it. `undefined`: not now.
 * @param suits what else is asked of them
 */
export const choose = (
  book: Book,
  claim: Claim,
  standing: readonly Resource[],
  suits: (resource: Resource) => boolean,
): Resource[] | undefined =>
  seats(
    book,
    claim,
    (one) => standing.includes(one) && isFree(one, claim.mode) && isAhead(one, claim) && suits(one),
  );

const seats = (book: Book, { asked }: Claim, may: (resource: Resource) => boolean): Resource[] | undefined =>
  assign(
    placesOf(book, asked).map(({ name, options }) => ({ name, options: byRank(book, options.filter(may)) })),
  );

/** Make the token; the requests that are satisfied are answered, the others wait on it. */
export function grant(
  turn: Turn,
  claim: Claim,
  resources: readonly Resource[],
  answer: (turn: Turn, to: ReplyTo | undefined, reply: Reply) => void,
): void {
  const { at } = turn;
  for (const resource of resources) {
    liftHand(turn, resource); // a new token is a new want (protocol 5 rule 9)
  }
  const answered = claim.waiters.filter(({ wait }) =>
    resources.every((resource) => satisfies(resource, wait)),
  );
  const waiters = claim.waiters.filter((waiter) => !answered.includes(waiter));
  const ttl = ttlOf(resources);
  const record: TokenRecord = {
    resources: resources.map(({ settings }) => settings.name),
    asked: claim.asked,
    several: claim.several,
    token: claim.token,
    owner: claim.owner,
    purpose: claim.purpose,
    mode: claim.mode,
    priority: claim.priority,
    number: claim.number,
    tried: claim.tried,
    since: at,
    ttl: millis(Math.min(claim.ttl ?? ttl.default, ttl.max)),
    validFrom: at,
    expires: undefined,
    extendedAt: at,
    lostAt: claim.lostAt,
    told: answered.some(({ replyTo }) => replyTo !== undefined),
    kwhAtStart: resources.map((resource) => meterOf(resource).kwh),
    waiters,
    deadline: waiters.length === 0 ? undefined : claim.deadline,
  };
  const token = putToken(turn, extendedForAll(resources, record, at, answered));
  announceToken(turn, token, "granted");
  for (const { replyTo, asked } of answered) {
    answer(turn, replyTo, tokenReply(turn, token, asked));
  }
}
