// Tokens whose time has come: they expire, are lost, have their waiting requests timed out, or are announced to expire soon.
// While holders cannot renew, or nothing can be written, no token ends: it is held back, and scheduled when that is over.

import type { Resource, Token, Turn } from "./book.ts";
import { setDeadline } from "./deadlines.ts";
import { announceToken } from "./holders.ts";
import { review } from "./resource.ts";
import { endsAt, endToken, setTokenDeadline } from "./tokens.ts";
import { refuseWaiters, timeOut } from "./waits.ts";

/** A deadline of this token has come. */
export function tokenIsDue(turn: Turn, resource: Resource, token: Token): void {
  const { book, at } = turn;
  const { deadline, waiters } = token.record;
  const ends = endsAt(token.record);
  if (book.store === "refusing") {
    book.overdue.add(token);
    return;
  }
  if (waiters.length > 0 && deadline !== undefined && deadline <= at) {
    timeOut(turn, resource, token);
    review(turn, resource);
  } else if (ends !== undefined && ends <= at) {
    expire(turn, resource, token);
  } else {
    token.expiringSaid = true; // what else it could be due for
    announceToken(turn, resource, token, "expiring");
    setTokenDeadline(book, token);
  }
}

function expire(turn: Turn, resource: Resource, token: Token): void {
  const { book, at } = turn;
  const { link } = book;
  if (link.name !== "up") {
    book.overdue.add(token);
    return;
  }
  if (at < link.graceUntil) {
    const { resource: name, token: id } = token.record;
    setDeadline(book.deadlines, { kind: "token", resource: name, token: id }, link.graceUntil);
    return;
  }
  const lost = token.record.lostAt !== undefined && token.record.lostAt <= at;
  resource.expiredAt = at;
  refuseWaiters(turn, token, "released", "the client was lost while it waited");
  endToken(turn, resource, token, lost ? "lost" : "expired", {});
  review(turn, resource);
}
