// Refusals: what a client hears whose request is not carried out, and why, with the cure where there is one. Nothing is changed.

import { announce, wireTime } from "./announce.ts";
import { type Book, endedKey, isKnown, type Resource, type Turn } from "./book.ts";
import { type Claim, comesBefore, isAhead, isFree } from "./grant.ts";
import { isExclusivelyHeld } from "./holders.ts";
import { lockoutOf, lockoutSentence } from "./lockout.ts";
import { nearestName } from "./names.ts";
import { placesOf, usersOf } from "./pools.ts";
import type { ErrorCode, ReplyTo } from "./requests.ts";
import { answerNow, hindranceAmong } from "./waits.ts";

export interface About {
  /** As it was named; `undefined`: it came over `controller/...`. */
  readonly resource: string | undefined;
  readonly token: string | undefined;
  /** Whom the request names, or is taken for. */
  readonly owner: string | undefined;
  readonly replyTo: ReplyTo | undefined;
}

export function refuse(turn: Turn, about: About, error: ErrorCode, message: string): void {
  const { resource, token } = about;
  answerNow(turn, about.replyTo, { ok: false, resource, token, error, message });
  announceRefusal(turn, about, error, message);
}

/** What belongs to no resource of ours is told on the controller's event topic, with the name as a field. */
function announceRefusal(
  turn: Turn,
  { resource, token, owner }: About,
  error: ErrorCode,
  message: string,
): void {
  const { book } = turn;
  const known = resource !== undefined && isKnown(book, resource);
  const isOurs = known || (resource === undefined && error !== "unknown-resource");
  announce(turn, known ? resource : undefined, "rejected", {
    ...(resource === undefined || known ? {} : { resource }),
    ...(token === undefined ? {} : { token }),
    ...(isOurs && owner !== undefined ? { owner } : {}),
    ...(isOurs ? { users: known ? usersOf(book, resource) : 0 } : {}),
    error,
    message,
  });
}

export function unknownResource(book: Book, name: string): string {
  const near = nearestName(name, [...book.resources.keys(), ...book.pools.keys()]);
  return `no resource or pool is named '${name}'${near === undefined ? "" : `; did you mean '${near}'?`}`;
}

/** @param over the resource or pool over which it was asked for; `undefined`: `controller/...` */
export function unknownToken({ book }: Turn, over: string | undefined, token: string): string {
  const ended = book.ended.get(endedKey(over ?? "controller", token));
  if (ended !== undefined) {
    return `token '${token}' is no longer held: ${ended.reason} at ${wireTime(book, ended.at)}`;
  }
  return over === undefined
    ? `no token over several resources is named '${token}'`
    : `${over} has no token '${token}'`;
}

/** The lockouts that leave nothing of what is asked for. */
export const lockedOut = (book: Book, standing: readonly Resource[]): string =>
  standing
    .flatMap((resource) => {
      const lockout = lockoutOf(book, resource);
      return lockout === undefined ? [] : [lockoutSentence(lockout, resource.settings.name)];
    })
    .join("; ");

/** It could be granted now, but what it waits for is not so at once. */
export function notThere(resources: readonly Resource[]): string {
  const { resource, isGoing } = hindranceAmong(resources);
  const first = isGoing ? ", is being switched off first," : "";
  return `${resource.settings.name} is ${resource.state}${first} and timeout is 0; nothing was switched`;
}

/** Why it cannot be granted now: the first of what it asks for that is not free for it. */
export function notNow(book: Book, claim: Claim, standing: readonly Resource[]): string {
  for (const { name, options } of placesOf(book, claim.asked)) {
    const open = options.filter((one) => standing.includes(one) && lockoutOf(book, one) === undefined);
    const [first] = open;
    if (first !== undefined && !open.some((one) => isFree(one, claim.mode) && isAhead(one, claim))) {
      return book.pools.has(name)
        ? `no member of ${name} is free: ${occupied(first, claim)}`
        : occupied(first, claim);
    }
  }
  return "what it asks for is not free at once";
}

function occupied(resource: Resource, claim: Claim): string {
  const { settings, tokens, queue } = resource;
  const { name, capacity } = settings;
  if (isExclusivelyHeld(resource)) {
    const [owner] = [...tokens.values()].map(({ record }) => record.owner);
    return `${name} is held exclusively by '${owner}'`;
  }
  if (isFree(resource, claim.mode)) {
    const ahead = queue.filter(({ record }) => comesBefore(record, claim)).length;
    return `${ahead} ${ahead === 1 ? "request waits" : "requests wait"} ahead for ${name}`;
  }
  return claim.mode === "exclusive"
    ? `${name} is held by ${tokens.size}, and an exclusive token needs it alone`
    : `the capacity of ${name} is used up: ${tokens.size} of ${capacity} held`;
}
