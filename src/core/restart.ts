// From what the store kept to a running book, at a start and when the store has refused a batch. Nothing is commanded by it:
// what was seen is unknown until the outlets have reported.

import { wantedAgain } from "./activities.ts";
import { type Book, endedKey, isKnown, nothingGone } from "./book.ts";
import type { PublishedRecord, QueuedRecord, Snapshot, TokenRecord } from "./changes.ts";
import { noDeadlines, setDeadline } from "./deadlines.ts";
import type { Effect } from "./effects.ts";
import { watching } from "./leaving.ts";
import { linkUp, noRecord, restoreOutlet } from "./links.ts";
import { scheduleOverrides } from "./overrides-due.ts";
import { forgetClaims, restoreQueued } from "./queue.ts";
import type { Settings } from "./settings.ts";
import { homeOf, restoreToken } from "./tokens.ts";
import { after, type Instant, later, type Millis } from "./time.ts";
import { staysOn } from "./wants.ts";

/** The book at a start. @param wallOffset wall time minus instant, for showing */
export function openBook(settings: Settings, snapshot: Snapshot, at: Instant, wallOffset: Millis): Book {
  const book: Book = {
    settings,
    wallOffset,
    link: { name: "down" },
    proofs: 0,
    store: "writing",
    rival: undefined,
    resources: new Map(),
    outlets: new Map(),
    switchers: new Map(),
    pools: new Map(),
    tokenCount: 0,
    several: new Map(),
    fromPools: new Map(),
    queued: new Map(),
    queuedIds: new Map(),
    nextNumber: 1,
    overrides: new Map(),
    booting: new Set(),
    awaitingPlace: new Set(),
    overdue: new Set(),
    awaitingProof: new Set(),
    ended: new Map(),
    outbox: new Map(),
    nextOutbox: 1,
    deadlines: noDeadlines(),
    gone: nothingGone(),
    untold: [],
    former: { resources: new Map(), outlets: new Map() },
    published: { resource: new Set(), switcher: new Set() },
    greeted: false,
  };
  linkUp(book, settings, at);
  loadDurable(book, snapshot);
  letGoOf(book, snapshot);
  spaceOut(book, at);
  for (const resource of book.resources.values()) {
    const { shutdown } = resource.settings;
    if (resource.record.shutdownAt !== undefined && shutdown !== undefined) {
      resource.activity = watching(at, shutdown); // it goes on with the shutdown, and does not cut
    } else if (staysOn(book, resource)) {
      resource.activity = wantedAgain(resource, "unknown", at);
    }
  }
  return book;
}

/** `stagger` holds over a restart, too. An ON that was never seen to be followed may have been told just before it. */
function spaceOut(book: Book, at: Instant): void {
  for (const { switcher, own, movedAt } of book.outlets.values()) {
    const toldOnAt = own === "commanded" ? at : own === "confirmed" ? movedAt : undefined;
    if (toldOnAt !== undefined) {
      switcher.lastOnAt = later(switcher.lastOnAt ?? toldOnAt, toldOnAt);
    }
  }
}

/**
 * A resource left the configuration while it was held: a job may still be running behind an outlet that now belongs to names that never
 * had it on, perhaps the same machine under another one. It is left as it is, as after a reload.
 */
function letGoOf(book: Book, { resources }: Snapshot): void {
  if (book.gone.tokens.length === 0) {
    return;
  }
  const known = new Set(resources.map(({ resource }) => resource));
  for (const outlet of book.outlets.values()) {
    outlet.letGo =
      (outlet.own === "commanded" || outlet.own === "confirmed") &&
      outlet.resources.length > 0 &&
      outlet.resources.every(({ settings: { name }, tokens }) => !known.has(name) && tokens.size === 0);
  }
}

/**
 * Load the durable part again, because a batch could not be written: the book must never be ahead of the disk. What was seen
 * stays, and attempts never go back.
 * @param refused what followed from the batch, and was not carried out
 */
export function reloadDurable(book: Book, snapshot: Snapshot, refused: readonly Effect[]): void {
  forgetClaims(book);
  for (const resource of book.resources.values()) {
    resource.record = noRecord(resource.settings.name);
  }
  for (const outlet of book.outlets.values()) {
    outlet.own = "none";
  }
  book.ended.clear();
  for (const resource of book.overrides.keys()) {
    setDeadline(book.deadlines, { kind: "override", resource }, undefined);
  }
  book.overrides.clear();
  const handed = new Set([...book.outbox].flatMap(([id, kept]) => (kept.handed ? [id] : [])));
  book.outbox.clear();
  loadDurable(book, snapshot);
  for (const [id, kept] of book.outbox) {
    kept.handed = handed.has(id);
  }
  const unsent = new Set(refused.flatMap((effect) => (effect.kind === "command" ? [effect.outlet] : [])));
  for (const outlet of book.outlets.values()) {
    // A command whose record never reached the disk was never sent; nor was one of this batch that needed no new record.
    if (
      outlet.command !== undefined &&
      (unsent.has(outlet.settings.id) ||
        outlet.own !== (outlet.command.position === "on" ? "commanded" : "leaving"))
    ) {
      outlet.command = undefined;
    }
  }
}

function loadDurable(book: Book, snapshot: Snapshot): void {
  book.gone = nothingGone();
  for (const names of Object.values(book.published)) {
    names.clear();
  }
  for (const { kind, name } of snapshot.published) {
    book.published[kind].add(name);
  }
  takeClaimsBack(book, snapshot);
  for (const record of snapshot.overrides) {
    book.overrides.set(record.resource, record);
  }
  scheduleOverrides(book);
  for (const ended of snapshot.ended.toSorted((a, b) => a.at - b.at)) {
    book.ended.set(endedKey(ended.resource, ended.token), ended);
  }
  for (const [, ended] of book.ended) {
    setDeadline(book.deadlines, { kind: "ended" }, ended.at);
    break;
  }
  const { former } = book;
  former.outlets.clear();
  for (const record of snapshot.outlets) {
    const outlet = book.outlets.get(record.outlet);
    if (outlet === undefined) {
      former.outlets.set(record.outlet, record);
    } else {
      restoreOutlet(outlet, record);
    }
  }
  former.resources.clear();
  for (const record of snapshot.resources) {
    const resource = book.resources.get(record.resource);
    if (resource === undefined) {
      former.resources.set(record.resource, record);
    } else {
      resource.record = record;
    }
  }
  for (const record of snapshot.outbox) {
    book.outbox.set(record.id, { record, taken: false, handed: false });
    book.nextOutbox = Math.max(book.nextOutbox, record.id + 1);
  }
}

/** Tokens and queued requests into a book that has none; what belongs to names that left the configuration is kept apart, to be told. */
export function takeClaimsBack(book: Book, { tokens, queued }: Pick<Snapshot, "tokens" | "queued">): void {
  const goneTokens: { record: TokenRecord; kept: TokenRecord | undefined }[] = [];
  // The oldest first, as they are shown; a store gives them in any order.
  for (const record of tokens.toSorted((a, b) => a.since - b.since || a.number - b.number)) {
    const kept = whatIsLeft(book, record);
    if (kept === record) {
      restoreToken(book, record);
    } else {
      goneTokens.push({ record, kept });
    }
  }
  for (const { kept } of goneTokens) {
    // A crash may have left the whole token beside the part that was renewed since: the part is what counts.
    if (kept !== undefined && book.resources.get(homeOf(kept))?.tokens.has(kept.token) === false) {
      restoreToken(book, kept);
    }
  }
  const goneQueued: QueuedRecord[] = queued.filter((record) => !restoreQueued(book, record));
  const published: PublishedRecord[] = [];
  for (const name of book.published.resource) {
    if (!isKnown(book, name)) {
      book.published.resource.delete(name);
      published.push({ kind: "resource", name });
    }
  }
  for (const name of book.published.switcher) {
    if (!book.switchers.has(name)) {
      book.published.switcher.delete(name);
      published.push({ kind: "switcher", name });
    }
  }
  book.gone = {
    tokens: [...book.gone.tokens, ...goneTokens],
    queued: [...book.gone.queued, ...goneQueued],
    published: [...book.gone.published, ...published],
  };
}

/** The record without the resources that have left the configuration; the same one if none has, `undefined` if all have. */
function whatIsLeft(book: Book, record: TokenRecord): TokenRecord | undefined {
  const stay = record.resources.map((name) => book.resources.has(name));
  if (!stay.includes(false)) {
    return record;
  }
  const of = <One>(list: readonly One[]): One[] => list.filter((_, place) => stay[place] === true);
  return stay.includes(true)
    ? {
        ...record,
        resources: of(record.resources),
        asked: of(record.asked),
        kwhAtStart: of(record.kwhAtStart),
      }
    : undefined;
}

/**
 * A snapshot of another boot of the machine in this boot's instants.
 * @param by how much later this boot's instants are than those in the snapshot, for the same moment
 */
export function shiftSnapshot(snapshot: Snapshot, by: Millis): Snapshot {
  const moved = (when: Instant): Instant => after(when, by);
  const movedOr = (when: Instant | undefined): Instant | undefined =>
    when === undefined ? undefined : moved(when);
  return {
    tokens: snapshot.tokens.map((record) => ({
      ...record,
      since: moved(record.since),
      validFrom: moved(record.validFrom),
      expires: movedOr(record.expires),
      extendedAt: moved(record.extendedAt),
      lostAt: movedOr(record.lostAt),
      deadline: movedOr(record.deadline),
      waiters: record.waiters.map((waiter) => ({ ...waiter, since: moved(waiter.since) })),
    })),
    queued: snapshot.queued.map((record) => ({
      ...record,
      since: moved(record.since),
      lostAt: movedOr(record.lostAt),
      deadline: moved(record.deadline),
      waiters: record.waiters.map((waiter) => ({ ...waiter, since: moved(waiter.since) })),
    })),
    overrides: snapshot.overrides.map((record) => ({
      ...record,
      since: moved(record.since),
      until: movedOr(record.until),
    })),
    ended: snapshot.ended.map((record) => ({ ...record, at: moved(record.at) })),
    outlets: snapshot.outlets.map((record) => ({
      ...record,
      movedAt: movedOr(record.movedAt),
      bootedAt: movedOr(record.bootedAt),
    })),
    resources: snapshot.resources.map((record) => ({ ...record, shutdownAt: movedOr(record.shutdownAt) })),
    outbox: snapshot.outbox,
    published: snapshot.published,
  };
}
