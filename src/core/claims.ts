// The room of claims: each request is carried out, or refused and nothing changed. Granting is done in grant.ts, waiting for one's
// turn in queue.ts, for a state in waits.ts; what tokens mean for power is for resource.ts.

import { acquire } from "./acquire.ts";
import { isAnothers, isOperator, whyForbidden } from "./access.ts";
import { isKnown, need, type Queued, type Token, type Turn } from "./book.ts";
import type { Waiter } from "./changes.ts";
import { announceToken, holdersOf, queueOf, releasedReply, tokenReply } from "./holders.ts";
import { lookUp } from "./look-up.ts";
import { takeCycle, takeOverride } from "./override.ts";
import { stateOf, usersOf } from "./pools.ts";
import { endQueued, putQueued } from "./queue.ts";
import { refuse, unknownResource, unknownToken } from "./refusals.ts";
import type { ReleaseRequest, RenewRequest, Request, TokensRequest } from "./requests.ts";
import { after, type Millis } from "./time.ts";
import { endToken, notLost, putToken } from "./tokens.ts";
import { extended, tooLong, usedUp } from "./ttl.ts";
import { answerNow, tellWaiters } from "./waits.ts";

type Asked = Exclude<Request, { kind: "refused" }>;

/** Carry out one request, or refuse it and change nothing. */
export function takeRequest(turn: Turn, request: Request): void {
  if (request.kind === "refused") {
    refuse(turn, request, request.error, request.message);
    return;
  }
  const { book } = turn;
  const about = { ...request, token: "token" in request ? request.token : undefined };
  const unknown = namesIn(request).find((name) => !isKnown(book, name));
  const forbidden = whyForbidden(book.settings, request);
  if (unknown !== undefined) {
    refuse(turn, about, "unknown-resource", unknownResource(book, unknown));
  } else if (book.store === "refusing") {
    refuse(turn, about, "unavailable", "the store cannot write now; nothing was changed");
  } else if (forbidden !== undefined) {
    refuse(turn, about, "forbidden", forbidden);
  } else {
    carryOut(turn, request);
  }
}

function namesIn(request: Asked): readonly string[] {
  if (request.kind === "acquire") {
    return request.names;
  }
  return request.resource === undefined ? [] : [request.resource];
}

function carryOut(turn: Turn, request: Asked): void {
  switch (request.kind) {
    case "acquire":
      acquire(turn, request);
      return;
    case "renew":
      renew(turn, request);
      return;
    case "release":
      release(turn, request);
      return;
    case "tokens":
      listTokens(turn, request);
      return;
    case "override":
    case "cycle":
      if (turn.book.pools.has(request.resource)) {
        const message = `${request.resource} is a pool, and pools take no ${request.kind}; its members do`;
        refuse(turn, { ...request, token: undefined }, "invalid-request", message);
      } else if (request.kind === "override") {
        takeOverride(turn, request);
      } else {
        takeCycle(turn, request);
      }
      return;
  }
}

function renew(turn: Turn, request: RenewRequest): void {
  const meaning = lookUp(turn.book, request.resource, request.token, request.owner);
  switch (meaning.kind) {
    case "nothing":
      refuse(turn, request, "unknown-token", unknownToken(turn, request.resource, request.token));
      return;
    case "foreign":
      refuse(turn, request, "invalid-request", meaning.message);
      return;
    case "queued": {
      const message = `token '${request.token}' is not held: its request still queues`;
      const owner = request.owner ?? meaning.queued.record.owner;
      refuse(turn, { ...request, owner }, "unknown-token", message);
      return;
    }
    case "token":
      if (!refusesOwner(turn, meaning.token, request)) {
        renewToken(turn, meaning.token, request);
      }
      return;
  }
}

function renewToken(turn: Turn, token: Token, request: RenewRequest): void {
  const { record, resources } = token;
  const wrong = tooLong(resources, request.ttl) ?? usedUp(token, turn.at, request.ttl);
  if (wrong !== undefined) {
    notLost(turn, token);
    refuse(turn, { ...request, owner: request.owner ?? record.owner }, "ttl-too-long", wrong);
    return;
  }
  putToken(turn, {
    ...(record.expires === undefined
      ? { ...record, ttl: request.ttl ?? record.ttl, waiters: withTtl(record.waiters, request.ttl) }
      : {
          ...extended(resources, record, turn.at, request.ttl),
          told: record.told || request.replyTo !== undefined,
        }),
    lostAt: undefined,
  });
  announceToken(turn, token, "renewed");
  answerNow(turn, request.replyTo, tokenReply(turn, token));
}

/** A renewal that names a ttl means it for the requests that still wait, too. */
const withTtl = (waiters: readonly Waiter[], ttl: Millis | undefined): readonly Waiter[] =>
  ttl === undefined ? waiters : waiters.map((waiter) => ({ ...waiter, ttl }));

function release(turn: Turn, request: ReleaseRequest): void {
  const meaning = lookUp(turn.book, request.resource, request.token, request.owner);
  switch (meaning.kind) {
    case "nothing":
      refuse(turn, request, "unknown-token", unknownToken(turn, request.resource, request.token));
      return;
    case "foreign":
      refuse(turn, request, "invalid-request", meaning.message);
      return;
    case "queued":
      if (!refusesOwner(turn, meaning.queued, request)) {
        leave(turn, meaning.queued, request);
      }
      return;
    case "token":
      if (!refusesOwner(turn, meaning.token, request)) {
        releaseToken(turn, meaning.token, request);
      }
      return;
  }
}

function releaseToken(turn: Turn, token: Token, request: ReleaseRequest): void {
  const { record } = token;
  const { lostGrace } = turn.book.settings;
  if (request.lost && lostGrace > 0) {
    putToken(turn, { ...record, lostAt: after(turn.at, lostGrace) });
  } else {
    const message = `token '${request.token}' was released while it waited`;
    tellWaiters(turn, record, record.waiters, "released", message);
    endToken(turn, token, request.lost ? "lost" : "released", byWhom(request, record.owner));
  }
  answerNow(turn, request.replyTo, releasedReply(token));
}

/** The same for a request that still queues. */
function leave(turn: Turn, queued: Queued, request: ReleaseRequest): void {
  const { book, at } = turn;
  const { record } = queued;
  const { lostGrace } = book.settings;
  if (request.lost && lostGrace > 0) {
    putQueued(turn, queued, { ...record, lostAt: after(at, lostGrace) });
  } else {
    const message = `token '${request.token}' was released while it queued`;
    tellWaiters(turn, record, record.waiters, "released", message);
    endQueued(turn, queued, request.lost ? "lost" : "released", byWhom(request, record.owner));
  }
  const { asked, several } = record;
  answerNow(turn, request.replyTo, {
    ok: true,
    resource: several ? undefined : request.resource,
    resources: several ? asked : undefined,
    token: request.token,
    state: stateOf(book, asked),
    users: Math.max(...asked.map((name) => usersOf(book, name))),
  });
}

/** An operator who ends what is another's is named in the event. */
const byWhom = ({ user }: ReleaseRequest, owner: string): Readonly<Record<string, string>> =>
  user === undefined || user === owner ? {} : { by: user };

function listTokens(turn: Turn, { resource: name, offset, limit, replyTo }: TokensRequest): void {
  const { book } = turn;
  const of = book.pools.get(name) ?? need(book.resources, name);
  answerNow(turn, replyTo, {
    ok: true,
    resource: name,
    state: stateOf(book, [name]),
    total: usersOf(book, name),
    holders: holdersOf(book, of, offset, limit),
    queue: queueOf(book, of, limit),
  });
}

function refusesOwner(
  turn: Turn,
  { record }: Token | Queued,
  request: RenewRequest | ReleaseRequest,
): boolean {
  if (!isAnothers(request, record) || isOperator(turn.book.settings, request)) {
    return false;
  }
  const message = `token '${request.token}' belongs to '${record.owner}', not to '${request.owner}'`;
  refuse(turn, request, "not-owner", message);
  return true;
}
