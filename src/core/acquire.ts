// Acquire: a new token, a place in the queue, or the same id again. What is granted how is in grant.ts; renew and release in claims.ts.

import { isAnothers } from "./access.ts";
import type { Queued, Resource, Token, Turn } from "./book.ts";
import type { QueuedRecord, TokenRecord, Waiter } from "./changes.ts";
import { canEver, choose, type Claim, grant, isUnused, standingOf } from "./grant.ts";
import { announceToken, tokenReply } from "./holders.ts";
import { lookUp } from "./look-up.ts";
import { assign, placesOf } from "./pools.ts";
import { enqueue, putQueued } from "./queue.ts";
import { type About, lockedOut, notNow, notThere, refuse } from "./refusals.ts";
import type { AcquireRequest } from "./requests.ts";
import { after, type Instant, later, type Millis } from "./time.ts";
import { notLost, putToken } from "./tokens.ts";
import { extended, outOfTime, tooLong } from "./ttl.ts";
import { answerNow, satisfies, withWaiter } from "./waits.ts";

export function acquire(turn: Turn, request: AcquireRequest): void {
  const id = request.token ?? request.madeUpToken;
  const { resource, owner, replyTo } = request;
  const about: About = { resource, token: id, owner: owner ?? nobodyNamed, replyTo };
  const meaning = lookUp(turn.book, resource, id, owner);
  switch (meaning.kind) {
    case "nothing":
      acquireNew(turn, request, id, about);
      return;
    case "foreign":
      refuse(turn, about, "token-taken", meaning.message);
      return;
    case "queued":
      if (!refusesTaken(turn, meaning.queued.record, request, about)) {
        join(turn, meaning.queued, request, aboutIts(meaning.queued, about));
      }
      return;
    case "token":
      if (!refusesTaken(turn, meaning.token.record, request, about)) {
        acquireAgain(turn, meaning.token, request, aboutIts(meaning.token, about));
      }
      return;
  }
}

/** Who asks without naming an owner (protocol 4.1). */
const nobodyNamed = "anonymous";

/** One that names no owner is taken for the owner's own. */
const aboutIts = ({ record }: Token | Queued, about: About): About => ({ ...about, owner: record.owner });

/** The id is another owner's, or over other resources. */
function refusesTaken(
  turn: Turn,
  record: TokenRecord | QueuedRecord,
  request: AcquireRequest,
  about: About,
): boolean {
  const { asked, owner, several, token } = record;
  const same = asked.length === request.names.length && request.names.every((name) => asked.includes(name));
  if (isAnothers(request, record)) {
    refuse(turn, about, "token-taken", `token '${token}' is held by another owner, '${owner}'`);
    return true;
  }
  if (several && !same) {
    const message = `token '${token}' is over ${asked.join(", ")}; for other resources take another id`;
    refuse(turn, { ...about, owner }, "token-taken", message);
    return true;
  }
  return false;
}

function acquireNew(turn: Turn, request: AcquireRequest, id: string, about: About): void {
  const { book, at } = turn;
  const claim: Claim = {
    number: book.nextNumber,
    asked: request.names,
    several: request.resource === undefined,
    token: id,
    owner: request.owner ?? nobodyNamed,
    purpose: request.purpose,
    mode: request.mode,
    priority: request.priority,
    tried: [],
    since: at,
    ttl: request.ttl,
    lostAt: undefined,
    waiters: [waiterOf(request, at, undefined)],
    deadline: deadlineOf(at, request.timeout),
  };
  const standing = standingOf(book, claim);
  if (refusesClaim(turn, claim, standing, about)) {
    return;
  }
  const noWaiting = request.timeout === 0;
  const chosen = choose(book, claim, standing, (one) => !noWaiting || satisfies(one, request.wait));
  if (chosen !== undefined) {
    if (!refusesMore(turn, about)) {
      grant(turn, claim, chosen, answerNow);
    }
  } else if (claim.deadline !== undefined && !noWaiting) {
    if (!refusesMore(turn, about)) {
      enqueue(turn, { ...claim, deadline: claim.deadline }, standing);
    }
  } else {
    refuseNow(turn, claim, standing, about);
  }
}

/** What no waiting would cure. */
function refusesClaim(turn: Turn, claim: Claim, standing: readonly Resource[], about: About): boolean {
  const { book } = turn;
  const { asked, token } = claim;
  const places = placesOf(book, asked);
  const taken = places.flatMap(({ options }) => options).find((one) => !isUnused(book, one, token));
  const ttlIsWrong = tooLong(standing, claim.ttl);
  if (assign(places) === undefined) {
    const message = `${asked.join(", ")}: the pools have too few members beside what else is named`;
    refuse(turn, about, "invalid-request", message);
  } else if (taken !== undefined) {
    const message = `the id '${token}' is in use on ${taken.settings.name}; for several resources take another one`;
    refuse(turn, about, "token-taken", message);
  } else if (ttlIsWrong !== undefined) {
    refuse(turn, about, "ttl-too-long", ttlIsWrong);
  } else if (canEver(book, claim, standing)) {
    return false;
  } else {
    refuse(turn, about, "locked-out", lockedOut(book, standing));
  }
  return true;
}

/** It names no timeout, or 0: not free is `busy`, free but not in the state waited for is `timeout`. */
function refuseNow(turn: Turn, claim: Claim, standing: readonly Resource[], about: About): void {
  const { book } = turn;
  const free = choose(book, claim, standing, () => true);
  if (free === undefined) {
    refuse(turn, about, "busy", `${notNow(book, claim, standing)}; with a timeout it would queue`);
  } else {
    refuse(turn, about, "timeout", notThere(free));
  }
}

function refusesMore(turn: Turn, about: About): boolean {
  const { tokenCount, queued, settings } = turn.book;
  const { tokens } = settings.limits;
  if (tokenCount + queued.size < tokens) {
    return false;
  }
  refuse(turn, about, "limit-reached", `all ${tokens} tokens of limits.tokens are in use`);
  return true;
}

/**
 * The same id again: a renewal that keeps owner and mode (protocol 4.3 rule 2). With `ttl.total` used up it leaves the expiry as it
 * is: its owner, who may have come back, hears that the token is held.
 */
function acquireAgain(turn: Turn, token: Token, request: AcquireRequest, about: About): void {
  const { at } = turn;
  const { record, resources } = token;
  const there = resources.every((one) => satisfies(one, request.wait));
  const wrong = tooLong(resources, request.ttl) ?? outOfTime(token, at);
  if (wrong !== undefined) {
    notLost(turn, token);
    refuse(turn, about, "ttl-too-long", wrong);
    return;
  }
  if (there) {
    // A first request that still waits is not answered by a second one that does not: it goes on waiting for its own state.
    putToken(turn, {
      ...extended(resources, record, at, request.ttl),
      lostAt: undefined,
      told: record.told || request.replyTo !== undefined,
    });
    announceToken(turn, token, "renewed");
    answerNow(turn, request.replyTo, tokenReply(turn, token, orderOf(request, record)));
  } else if (request.timeout === 0) {
    notLost(turn, token);
    refuse(turn, about, "timeout", notThere(resources));
  } else {
    const deadline = deadlineOf(at, request.timeout);
    putToken(turn, {
      ...record,
      lostAt: undefined,
      waiters: withWaiter(turn, record, waiterOf(request, at, orderOf(request, record))),
      deadline: record.waiters.length === 0 ? deadline : laterDeadline(record.deadline, deadline),
    });
  }
}

/**
 * The same id again while its request queues: the later deadline rules, and one that names none adds none. It hears what becomes of the
 * request: were it told `busy`, it would take the id for free, and what queues would be granted to nobody.
 */
function join(turn: Turn, queued: Queued, request: AcquireRequest, about: About): void {
  const { at } = turn;
  const { record, resources } = queued;
  const wrong = tooLong(resources, request.ttl);
  if (wrong !== undefined) {
    queuedNotLost(turn, queued);
    refuse(turn, about, "ttl-too-long", wrong);
  } else if (request.timeout === 0) {
    const message = `${notNow(turn.book, record, resources)}; the request that queues under this id goes on`;
    queuedNotLost(turn, queued);
    refuse(turn, about, "busy", message);
  } else {
    putQueued(turn, queued, {
      ...record,
      lostAt: undefined,
      waiters: withWaiter(turn, record, waiterOf(request, at, orderOf(request, record))),
      deadline: later(record.deadline, deadlineOf(at, request.timeout) ?? record.deadline),
    });
  }
}

/** Its owner was heard, as of a token. */
function queuedNotLost(turn: Turn, queued: Queued): void {
  if (queued.record.lostAt !== undefined) {
    putQueued(turn, queued, { ...queued.record, lostAt: undefined });
  }
}

const waiterOf = (request: AcquireRequest, at: Instant, asked: Waiter["asked"]): Waiter => ({
  replyTo: request.replyTo,
  wait: request.wait,
  ttl: request.ttl,
  since: at,
  asked,
});

/** The same names may come in another order, and each reply is in that of its own request; `undefined`: it is the same. */
const orderOf = (
  { names }: AcquireRequest,
  { asked, several }: TokenRecord | QueuedRecord,
): Waiter["asked"] => (several && names.some((name, place) => asked[place] !== name) ? names : undefined);

const deadlineOf = (at: Instant, timeout: Millis | undefined): Instant | undefined =>
  timeout === undefined ? undefined : after(at, timeout);

/** The later deadline rules; none is later than any. */
const laterDeadline = (a: Instant | undefined, b: Instant | undefined): Instant | undefined =>
  a === undefined || b === undefined ? undefined : later(a, b);
