// Tokens and queued requests whose time has come: they expire, are lost, time out, or are announced to expire soon.
// While holders cannot renew, or nothing can be written, nothing ends: it is held back, and looked at again when that is over.

import type { Queued, Token, Turn } from "./book.ts";
import { setDeadline } from "./deadlines.ts";
import { formatDuration } from "./duration.ts";
import { announceToken } from "./holders.ts";
import { endQueued, failQueued } from "./queue.ts";
import { notNow } from "./refusals.ts";
import { after, between, type Instant, later, millis, sooner } from "./time.ts";
import { endsAt, endToken, setTokenDeadline, subjectOf } from "./tokens.ts";
import { failToken, firstSince, hindranceAmong, tellWaiters } from "./waits.ts";

/** A deadline of this token has come. */
export function wakeToken(turn: Turn, token: Token): void {
  const { book, at } = turn;
  const { deadline, waiters } = token.record;
  const ends = endsAt(token.record);
  if (book.store === "refusing") {
    book.overdue.add(token);
    return;
  }
  if (waiters.length > 0 && deadline !== undefined && deadline <= at) {
    timeOut(turn, token);
  } else if (ends !== undefined && ends <= at) {
    expire(turn, token);
  } else {
    token.expiringSaid = true; // what else it could be due for
    announceToken(turn, token, "expiring");
    setTokenDeadline(book, token);
  }
}

function timeOut(turn: Turn, token: Token): void {
  const { resource, isGoing } = hindranceAmong(token.resources);
  const { settings, state, problems } = resource;
  const [code] = problems.keys();
  const why = code === undefined ? "" : ` (${code})`;
  const first = isGoing ? ": it is being switched off first" : "";
  const waited = waitedFor(turn, firstSince(token.record.waiters));
  failToken(turn, token, "timeout", `${settings.name} is still ${state} after ${waited}${why}${first}`);
}

/** In tenths of a second: the timer's few milliseconds of lateness are nobody's business. */
const waitedFor = ({ at }: Turn, since: Instant): string =>
  formatDuration(millis(Math.floor(between(since, at) / 100) * 100));

function expire(turn: Turn, token: Token): void {
  const { book, at } = turn;
  const { link } = book;
  const { record } = token;
  if (link.name !== "up") {
    book.overdue.add(token);
    return;
  }
  if (at < link.graceUntil) {
    setDeadline(book.deadlines, subjectOf(record), link.graceUntil);
    return;
  }
  const lost = record.lostAt !== undefined && record.lostAt <= at;
  for (const resource of token.resources) {
    resource.expiredAt = at;
  }
  tellWaiters(turn, record, record.waiters, "released", "the client was lost while it waited");
  endToken(turn, token, lost ? "lost" : "expired", {});
}

/** Held back without a link, it is looked at again so late: the grace after a reconnection is not shorter than that, or is very short. */
const shortest = millis(1000);

/** A deadline of this queued request has come. */
export function wakeQueued(turn: Turn, queued: Queued): void {
  const { book, at } = turn;
  const { record } = queued;
  const { deadline } = record;
  if (book.store === "refusing") {
    lookAgain(turn, queued, after(at, shortest));
  } else if (deadline <= at) {
    const why = notNow(book, record, queued.resources);
    failQueued(turn, queued, "timeout", `not granted within ${waitedFor(turn, record.since)}: ${why}`);
  } else if (book.link.name !== "up") {
    const pause = later(after(at, shortest), after(at, book.settings.restartGrace));
    lookAgain(turn, queued, sooner(deadline, pause));
  } else if (at < book.link.graceUntil) {
    lookAgain(turn, queued, sooner(deadline, book.link.graceUntil));
  } else {
    tellWaiters(turn, record, record.waiters, "released", "the client was lost while it waited");
    endQueued(turn, queued, "lost", {});
  }
}

const lookAgain = ({ book }: Turn, { record }: Queued, at: Instant): void =>
  setDeadline(book.deadlines, { kind: "queued", number: record.number }, at);
