// The room of claims: who may hold a token, and what each request is answered. Requests that must wait for a state are
// kept with their token and answered by waits.ts; what tokens mean for power is for resource.ts.

import { handIsLifted } from "./activity.ts";
import { announce, wireTime } from "./announce.ts";
import { type Book, endedKey, need, type Resource, type Token, type Turn } from "./book.ts";
import type { TokenRecord, Waiter } from "./changes.ts";
import { formatDuration } from "./duration.ts";
import { announceToken, holdersOf, tokenReply } from "./holders.ts";
import { nearestName } from "./names.ts";
import type {
  AcquireRequest,
  ErrorCode,
  ReleaseRequest,
  RenewRequest,
  Request,
  RequestBase,
  TokensRequest,
} from "./requests.ts";
import { review } from "./resource.ts";
import { after, type Instant, later, type Millis } from "./time.ts";
import { endToken, expiryOf, extended, putToken } from "./tokens.ts";
import { answerNow, refuseWaiters, satisfies, tellWaiters } from "./waits.ts";

/** Carry out one request, or refuse it and change nothing. */
export function takeRequest(turn: Turn, request: Request): void {
  if (request.kind === "refused") {
    refuse(turn, request, request.error, request.message);
    return;
  }
  const resource = turn.book.resources.get(request.resource);
  const token = request.kind === "tokens" ? undefined : request.token;
  if (resource === undefined) {
    refuse(turn, { ...request, token }, "unknown-resource", unknownResource(turn.book, request.resource));
    return;
  }
  if (turn.book.store === "refusing") {
    refuse(turn, { ...request, token }, "unavailable", "the store cannot write now; nothing was changed");
    return;
  }
  switch (request.kind) {
    case "acquire":
      acquire(turn, resource, request);
      return;
    case "renew":
      renew(turn, resource, request);
      return;
    case "release":
      release(turn, resource, request);
      return;
    case "tokens":
      listTokens(turn, resource, request);
      return;
  }
}

function acquire(turn: Turn, resource: Resource, request: AcquireRequest): void {
  const id = request.token ?? request.madeUpToken;
  const held = resource.tokens.get(id);
  const about = { resource: request.resource, token: id, replyTo: request.replyTo };
  if (held !== undefined && request.owner !== undefined && request.owner !== held.record.owner) {
    refuse(turn, about, "token-taken", `token '${id}' is held by another owner, '${held.record.owner}'`);
    return;
  }
  if (refusesTtl(turn, resource, about, request.ttl)) {
    return;
  }
  if (request.timeout === 0 && !satisfies(turn, resource, request.wait)) {
    const message = `${resource.settings.name} is ${resource.state} and timeout is 0; nothing was switched`;
    refuse(turn, about, "timeout", message);
    return;
  }
  if (held !== undefined) {
    acquireAgain(turn, resource, held, request);
    return;
  }
  const { limits } = turn.book.settings;
  if (turn.book.tokenCount >= limits.tokens) {
    refuse(turn, about, "limit-reached", `all ${limits.tokens} tokens of limits.tokens are in use`);
    return;
  }
  grant(turn, resource, id, request);
}

function grant(turn: Turn, resource: Resource, id: string, request: AcquireRequest): void {
  const { at } = turn;
  const ttl = request.ttl ?? resource.settings.ttl.default;
  // A new token is a new want: what a hand had switched off may be switched on again (protocol 5 rule 9).
  handIsLifted(turn, resource, need(turn.book.outlets, resource.settings.outlet));
  const there = satisfies(turn, resource, request.wait);
  const record: TokenRecord = {
    resource: request.resource,
    token: id,
    owner: request.owner ?? "anonymous",
    purpose: request.purpose,
    since: at,
    ttl,
    expires: there ? expiryOf(resource, at, at, ttl) : undefined,
    lostAt: undefined,
    told: there && request.replyTo !== undefined,
    kwhAtStart: resource.kwh,
    waiters: there ? [] : [waiterOf(request, at)],
    deadline: there ? undefined : deadlineOf(at, request.timeout),
  };
  const token = putToken(turn, resource, record);
  announceToken(turn, resource, token, "granted");
  if (there && request.replyTo !== undefined) {
    answerNow(turn, request.replyTo, tokenReply(turn, resource, token));
  }
  review(turn, resource);
}

/** The same id again: a renewal that keeps owner and mode (protocol 4.3 rule 2). */
function acquireAgain(turn: Turn, resource: Resource, token: Token, request: AcquireRequest): void {
  const { at } = turn;
  const { record } = token;
  const about = { resource: request.resource, token: record.token, replyTo: request.replyTo };
  if (!satisfies(turn, resource, request.wait)) {
    const deadline = deadlineOf(at, request.timeout);
    const alone = record.waiters.length === 0;
    const latest = laterDeadline(record.deadline, deadline);
    const dropped = record.waiters.slice(0, -(mostWaiters - 1));
    tellWaiters(
      turn,
      record,
      dropped,
      "limit-reached",
      `${mostWaiters} later requests wait for token '${record.token}'`,
    );
    putToken(turn, resource, {
      ...record,
      lostAt: undefined,
      waiters: [...record.waiters.slice(dropped.length), waiterOf(request, at)],
      deadline: alone ? deadline : latest,
    });
    review(turn, resource);
    return;
  }
  if (refusesExtension(turn, resource, token, about, request.ttl)) {
    return;
  }
  // A first request that still waits is not answered by a second one that does not: it goes on waiting for its own state.
  putToken(turn, resource, {
    ...extended(resource, record, at, request.ttl),
    told: record.told || request.replyTo !== undefined,
  });
  announceToken(turn, resource, token, "renewed");
  if (request.replyTo !== undefined) {
    answerNow(turn, request.replyTo, tokenReply(turn, resource, token));
  }
  review(turn, resource);
}

function renew(turn: Turn, resource: Resource, request: RenewRequest): void {
  const token = resource.tokens.get(request.token);
  if (token === undefined) {
    refuse(turn, request, "unknown-token", unknownToken(turn, request));
    return;
  }
  if (
    refusesOwner(turn, token, request) ||
    refusesTtl(turn, resource, request, request.ttl) ||
    refusesExtension(turn, resource, token, request, request.ttl)
  ) {
    return;
  }
  const { record } = token;
  putToken(
    turn,
    resource,
    record.expires === undefined
      ? {
          ...record,
          lostAt: undefined,
          ttl: request.ttl ?? record.ttl,
          waiters: withTtl(record.waiters, request.ttl),
        }
      : {
          ...extended(resource, record, turn.at, request.ttl),
          told: record.told || request.replyTo !== undefined,
        },
  );
  announceToken(turn, resource, token, "renewed");
  if (request.replyTo !== undefined) {
    answerNow(turn, request.replyTo, tokenReply(turn, resource, token));
  }
}

/** A renewal that names a ttl means it for the requests that still wait, too. */
const withTtl = (waiters: readonly Waiter[], ttl: Millis | undefined): readonly Waiter[] =>
  ttl === undefined ? waiters : waiters.map(({ replyTo, wait, since }) => ({ replyTo, wait, since, ttl }));

function release(turn: Turn, resource: Resource, request: ReleaseRequest): void {
  const token = resource.tokens.get(request.token);
  if (token === undefined) {
    refuse(turn, request, "unknown-token", unknownToken(turn, request));
    return;
  }
  if (refusesOwner(turn, token, request)) {
    return;
  }
  const { lostGrace } = turn.book.settings;
  if (request.lost && lostGrace > 0) {
    putToken(turn, resource, { ...token.record, lostAt: after(turn.at, lostGrace) });
  } else {
    refuseWaiters(turn, token, "released", `token '${request.token}' was released while it waited`);
    endToken(turn, resource, token, request.lost ? "lost" : "released", {});
    review(turn, resource);
  }
  if (request.replyTo !== undefined) {
    answerNow(turn, request.replyTo, {
      ok: true,
      resource: request.resource,
      token: request.token,
      state: resource.state,
      users: resource.tokens.size,
    });
  }
}

function listTokens(turn: Turn, resource: Resource, request: TokensRequest): void {
  if (request.replyTo !== undefined) {
    answerNow(turn, request.replyTo, {
      ok: true,
      resource: request.resource,
      state: resource.state,
      total: resource.tokens.size,
      holders: holdersOf(turn.book, resource, request.offset, request.limit),
      queue: [],
    });
  }
}

/** One token keeps at most so many waiting requests; a further one ends the oldest, because a client that asks that often is not listening. */
const mostWaiters = 16;

const waiterOf = (request: AcquireRequest, at: Instant): Waiter => ({
  replyTo: request.replyTo,
  wait: request.wait,
  ttl: request.ttl,
  since: at,
});

const deadlineOf = (at: Instant, timeout: Millis | undefined): Instant | undefined =>
  timeout === undefined ? undefined : after(at, timeout);

/** The later deadline rules; none is later than any. */
const laterDeadline = (a: Instant | undefined, b: Instant | undefined): Instant | undefined =>
  a === undefined || b === undefined ? undefined : later(a, b);

type About = Pick<RequestBase, "replyTo"> & {
  readonly resource: string | undefined;
  readonly token: string | undefined;
};

function refusesOwner(turn: Turn, token: Token, request: RenewRequest | ReleaseRequest): boolean {
  if (request.owner === undefined || request.owner === token.record.owner) {
    return false;
  }
  refuse(
    turn,
    request,
    "not-owner",
    `token '${request.token}' belongs to '${token.record.owner}', not to '${request.owner}'`,
  );
  return true;
}

function refusesTtl(turn: Turn, resource: Resource, about: About, ttl: Millis | undefined): boolean {
  const { max } = resource.settings.ttl;
  if (ttl === undefined || ttl <= max) {
    return false;
  }
  const message = `ttl ${formatDuration(ttl)} is longer than ${resource.settings.name} allows, ${formatDuration(max)} (ttl.max)`;
  refuse(turn, about, "ttl-too-long", message);
  return true;
}

/** With `ttl.total`: nothing is left to extend by. */
function refusesExtension(
  turn: Turn,
  resource: Resource,
  { record }: Token,
  about: About,
  ttl: Millis | undefined,
): boolean {
  const { total } = resource.settings.ttl;
  const wished = after(turn.at, ttl ?? record.ttl);
  if (
    total === 0 ||
    record.expires === undefined ||
    wished <= record.expires ||
    record.expires < after(record.since, total)
  ) {
    return false;
  }
  const message = `token '${record.token}' has used up the ${formatDuration(total)} that ${resource.settings.name} allows in all (ttl.total)`;
  refuse(turn, about, "ttl-too-long", message);
  return true;
}

function refuse(turn: Turn, about: About, error: ErrorCode, message: string): void {
  const { resource, token } = about;
  if (about.replyTo !== undefined) {
    answerNow(turn, about.replyTo, { ok: false, resource, token, error, message });
  }
  announceRefusal(turn, resource, token, error, message);
}

/** What belongs to no resource of ours is told on the controller's event topic, with the name as a field. */
function announceRefusal(
  turn: Turn,
  resource: string | undefined,
  token: string | undefined,
  error: ErrorCode,
  message: string,
): void {
  const known = resource !== undefined && turn.book.resources.has(resource);
  announce(turn, known ? resource : undefined, "rejected", {
    ...(resource === undefined || known ? {} : { resource }),
    ...(token === undefined ? {} : { token }),
    error,
    message,
  });
}

function unknownResource(book: Book, name: string): string {
  const near = nearestName(name, book.resources.keys());
  return `no resource or pool is named '${name}'${near === undefined ? "" : `; did you mean '${near}'?`}`;
}

function unknownToken(
  turn: Turn,
  { resource, token }: { readonly resource: string; readonly token: string },
): string {
  const ended = turn.book.ended.get(endedKey(resource, token));
  return ended === undefined
    ? `${resource} has no token '${token}'`
    : `token '${token}' is no longer held: ${ended.reason} at ${wireTime(turn.book, ended.at)}`;
}
