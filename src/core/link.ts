// The request link's life: connected, drained of what the broker kept for us, proved, lost. Nothing expires and nothing is
// switched off before `restartGrace` has passed since it came back, because holders could not renew meanwhile.

import { announce, announceOnceUp } from "./announce.ts";
import { type Book, isKnown, type Link, need, nothingGone, touch, type Turn } from "./book.ts";
import { setDeadline } from "./deadlines.ts";
import { proofWithin, sendProof, setLinkDeadline } from "./link-proof.ts";
import { allOutletsKnown, askAfresh, publishSwitcher, tellRetainedCommands } from "./switcher.ts";
import { homeOf, remember, subjectOf } from "./tokens.ts";
import { after, type Instant, millis } from "./time.ts";
import { tellWaiters } from "./waits.ts";

/** Outlets that say nothing after a (re)connection are waited for so long (protocol 5 rule 10). */
const learnWithin = millis(2000);

/** Connected: first the backlog, until the marker is back. The same after the process stood still. */
export function drainLink(turn: Turn): void {
  const { book, at } = turn;
  book.proofs += 1;
  book.link = { name: "draining", attempt: book.proofs, sentAt: at, until: after(at, proofWithin) };
  hideAll(book);
  turn.effects.push({ kind: "prove", attempt: book.proofs });
  setLinkDeadline(book);
  for (const switcher of book.switchers.values()) {
    tellRetainedCommands(turn, switcher);
  }
}

export function loseLink(turn: Turn): void {
  const { book } = turn;
  book.link = { name: "down" };
  hideAll(book);
  setLinkDeadline(book);
}

/** The picture is made anew when it can be published again. */
function hideAll(book: Book): void {
  for (const resource of book.resources.values()) {
    resource.shown = false;
    resource.face = "";
  }
  for (const pool of book.pools.values()) {
    pool.face = "";
  }
}

/** A marker came back. @returns false if it is not the one that is waited for */
export function takeProof(turn: Turn, attempt: number): boolean {
  const { book } = turn;
  const { link } = book;
  if (link.name === "draining" && link.attempt === attempt) {
    bringUp(turn, link.sentAt);
    return true;
  }
  if (link.name === "up" && link.proving?.attempt === attempt) {
    link.provedAt = link.proving.sentAt;
    link.proving = undefined;
    setLinkDeadline(book);
    const waiting = [...book.awaitingProof];
    book.awaitingProof.clear();
    for (const name of waiting) {
      touch(turn, need(book.resources, name));
    }
    return true;
  }
  return false;
}

/** A deadline of the link has come. */
export function wakeLink(turn: Turn): void {
  const { book, at } = turn;
  const { link } = book;
  if (link.name === "draining") {
    bringUp(turn, undefined);
  }
  if (link.name === "up" && link.proving !== undefined && after(link.proving.sentAt, proofWithin) <= at) {
    sendProof(turn, link);
  }
  if (link.name === "up" && !link.learned && link.learnUntil <= at) {
    learn(turn, link);
  }
  setLinkDeadline(book);
}

/** After any report: are all outlets known, so that commands may flow? */
export function learnIfKnown(turn: Turn): void {
  const { link } = turn.book;
  if (link.name === "up" && !link.learned && allOutletsKnown(turn.book)) {
    learn(turn, link);
    setLinkDeadline(turn.book);
  }
}

/** Look at everything again, because a gate has opened or closed for all. */
export function reviewAll(turn: Turn): void {
  for (const resource of turn.book.resources.values()) {
    touch(turn, resource);
  }
}

/** Tokens whose end was held back end at `at`, unless somebody renews them before. */
export function scheduleOverdue(book: Book, at: Turn["at"]): void {
  for (const { record } of book.overdue) {
    setDeadline(book.deadlines, subjectOf(record), at);
  }
  book.overdue.clear();
}

/** @param provedAt when the marker that came back was sent; `undefined`: the time to wait for it is over */
function bringUp(turn: Turn, provedAt: Instant | undefined): void {
  const { book, at } = turn;
  book.link = {
    name: "up",
    graceUntil: after(at, book.settings.restartGrace),
    learnUntil: after(at, learnWithin),
    learned: false,
    provedAt,
    proving: undefined,
  };
  scheduleOverdue(book, book.link.graceUntil);
  turn.effects.push({ kind: "publishController" });
  if (book.store === "writing") {
    settleAccounts(turn);
  }
  for (const switcher of book.switchers.values()) {
    askAfresh(turn, switcher);
    publishSwitcher(turn, switcher);
  }
  setLinkDeadline(book);
  learnIfKnown(turn);
  reviewAll(turn);
}

function learn(turn: Turn, link: Extract<Link, { name: "up" }>): void {
  link.learned = true;
  for (const outlet of turn.book.outlets.values()) {
    if (outlet.stale) {
      outlet.seen = { name: "unknown" };
    }
  }
  reviewAll(turn);
}

/** What is owed to the past at every connection, and after a reload over one; put off while the store refuses. */
export function settleAccounts(turn: Turn): void {
  sayGoodbye(turn);
  notePublished(turn);
}

/** What left the configuration is told and cleared. At the first connection after a start, decided replies go out once more. */
function sayGoodbye(turn: Turn): void {
  const { book } = turn;
  const { published } = book.gone;
  endWhatIsGone(turn);
  book.gone = nothingGone();
  for (const announcement of book.untold.splice(0)) {
    turn.effects.push({ kind: "announce", announcement, to: "users" });
  }
  for (const record of published) {
    if (record.kind === "resource" && !isKnown(book, record.name)) {
      announce(turn, record.name, "removed", {});
    }
    turn.effects.push({ kind: "persist", change: { kind: "published", record, gone: true } });
    turn.effects.push({ kind: "forget", what: record.kind, name: record.name });
  }
  if (!book.greeted) {
    book.greeted = true;
    for (const kept of book.outbox.values()) {
      if (!kept.handed) {
        kept.handed = true;
        const { id, replyTo, reply } = kept.record;
        turn.effects.push({ kind: "reply", to: replyTo, reply, outbox: id });
      }
    }
  }
}

/** Tokens and queued requests of names that left the configuration end, on the disk too; of a token over several, that part. */
export function endWhatIsGone(turn: Turn): void {
  const { book, at } = turn;
  const { gone } = book;
  book.gone = { ...nothingGone(), published: gone.published };
  for (const { record, kept } of gone.tokens) {
    if (kept === undefined || homeOf(kept) !== homeOf(record)) {
      const change = {
        kind: "token",
        resource: homeOf(record),
        token: record.token,
        record: undefined,
      } as const;
      turn.effects.push({ kind: "persist", change });
    }
    if (kept === undefined) {
      tellWaiters(turn, record, record.waiters, "unknown-resource", hasLeft(record.asked[0]));
      remember(turn, record, "removed");
    } else {
      // A job may still be running on the others: it keeps them, with what has become of the token since.
      const resource = homeOf(kept);
      const now = book.resources.get(resource)?.tokens.get(kept.token)?.record;
      const change = { kind: "token", resource, token: kept.token, record: now } as const;
      turn.effects.push({ kind: "persist", change });
    }
    for (const name of record.resources.filter((one) => !book.resources.has(one))) {
      announceOnceUp(turn, name, "removed", {
        token: record.token,
        owner: record.owner,
        users: 0,
        heldSeconds: Math.round((at - record.since) / 100) / 10,
      });
    }
  }
  for (const record of gone.queued) {
    turn.effects.push({
      kind: "persist",
      change: { kind: "queued", number: record.number, record: undefined },
    });
    const message = hasLeft(record.asked.find((one) => !isKnown(book, one)));
    tellWaiters(turn, record, record.waiters, "unknown-resource", message);
    announceOnceUp(turn, undefined, "rejected", {
      token: record.token,
      owner: record.owner,
      error: "unknown-resource",
      message,
    });
  }
}

const hasLeft = (name: string | undefined): string => `'${name}' has left the configuration`;

function notePublished(turn: Turn): void {
  const { book } = turn;
  const names = [
    ...[...book.resources.keys(), ...book.pools.keys()].map((name) => ({ kind: "resource", name }) as const),
    ...[...book.switchers.keys()].map((name) => ({ kind: "switcher", name }) as const),
  ];
  for (const record of names) {
    const published = book.published[record.kind];
    if (!published.has(record.name)) {
      published.add(record.name);
      turn.effects.push({ kind: "persist", change: { kind: "published", record, gone: false } });
    }
  }
}
