// From what the store kept to a running book, at a start and when the store has refused a batch. Nothing is commanded by it:
// what was seen is unknown until the outlets have reported.

import { wantedAgain } from "./activity.ts";
import { unchecked } from "./availability.ts";
import type { Book, Outlet, Resource, SwitcherBook, Token } from "./book.ts";
import type { OutletRecord, ResourceRecord, Snapshot, TokenRecord } from "./changes.ts";
import { endedKey, need } from "./book.ts";
import { noDeadlines, setDeadline } from "./deadlines.ts";
import type { ResourceSettings, Settings } from "./settings.ts";
import { noteWaiting, setTokenDeadline } from "./tokens.ts";
import { after, type Instant, type Millis } from "./time.ts";

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
    tokenCount: 0,
    overdue: new Set(),
    awaitingProof: new Set(),
    ended: new Map(),
    outbox: new Map(),
    nextOutbox: 1,
    deadlines: noDeadlines(),
    gone: { tokens: [], published: [] },
    published: new Set(),
    greeted: false,
  };
  for (const switcher of settings.switchers.values()) {
    book.switchers.set(switcher.name, {
      settings: switcher,
      outlets: [],
      reach: "unheard",
      asking: undefined,
      retainedCommands: new Map(),
    });
  }
  for (const resource of settings.resources.values()) {
    book.resources.set(resource.name, newResource(resource, at));
  }
  const resourceOf = new Map(
    [...book.resources.values()].map((resource) => [resource.settings.outlet, resource]),
  );
  for (const outlet of settings.outlets.values()) {
    const switcher = need(book.switchers, outlet.switcher);
    const added = newOutlet(outlet, switcher, resourceOf.get(outlet.id));
    book.outlets.set(outlet.id, added);
    switcher.outlets.push(added);
  }
  loadDurable(book, snapshot);
  for (const resource of book.resources.values()) {
    if (resource.tokens.size > 0) {
      resource.activity = wantedAgain(resource, "unknown", at);
    }
  }
  return book;
}

/**
 * Load the durable part again, because a batch could not be written: the book must never be ahead of the disk. What was seen
 * stays, and attempts never go back.
 */
export function reloadDurable(book: Book, snapshot: Snapshot): void {
  for (const resource of book.resources.values()) {
    for (const { record } of resource.tokens.values()) {
      setDeadline(
        book.deadlines,
        { kind: "token", resource: record.resource, token: record.token },
        undefined,
      );
    }
    resource.tokens.clear();
    resource.waiting.clear();
    resource.record = noRecord(resource.settings.name);
  }
  for (const outlet of book.outlets.values()) {
    outlet.own = "none";
  }
  book.tokenCount = 0;
  book.overdue.clear();
  book.ended.clear();
  const handed = new Set([...book.outbox].flatMap(([id, kept]) => (kept.handed ? [id] : [])));
  book.outbox.clear();
  loadDurable(book, snapshot);
  for (const [id, kept] of book.outbox) {
    kept.handed = handed.has(id);
  }
  for (const outlet of book.outlets.values()) {
    // A command whose record never reached the disk was never sent.
    if (
      outlet.command !== undefined &&
      outlet.own !== (outlet.command.position === "on" ? "commanded" : "leaving")
    ) {
      outlet.command = undefined;
    }
  }
}

function loadDurable(book: Book, snapshot: Snapshot): void {
  const goneTokens: TokenRecord[] = [];
  for (const record of snapshot.tokens) {
    const resource = book.resources.get(record.resource);
    if (resource === undefined) {
      goneTokens.push(record);
    } else {
      const token: Token = { record, expiringSaid: false };
      resource.tokens.set(record.token, token);
      noteWaiting(resource, token);
      book.tokenCount += 1;
      setTokenDeadline(book, token);
    }
  }
  for (const ended of snapshot.ended.toSorted((a, b) => a.at - b.at)) {
    book.ended.set(endedKey(ended.resource, ended.token), ended);
  }
  for (const [, ended] of book.ended) {
    setDeadline(book.deadlines, { kind: "ended" }, ended.at);
    break;
  }
  for (const record of snapshot.outlets) {
    const outlet = book.outlets.get(record.outlet);
    if (outlet !== undefined) {
      restoreOutlet(outlet, record);
    }
  }
  for (const record of snapshot.resources) {
    const resource = book.resources.get(record.resource);
    if (resource !== undefined) {
      resource.record = record;
    }
  }
  for (const record of snapshot.outbox) {
    book.outbox.set(record.id, { record, taken: false, handed: false });
    book.nextOutbox = Math.max(book.nextOutbox, record.id + 1);
  }
  const known = snapshot.published.filter(({ kind, name }) =>
    kind === "resource" ? book.resources.has(name) : book.switchers.has(name),
  );
  book.published.clear();
  for (const { kind, name } of known) {
    book.published.add(`${kind} ${name}`);
  }
  book.gone = {
    tokens: goneTokens,
    published: snapshot.published.filter((record) => !known.includes(record)),
  };
}

function restoreOutlet(outlet: Outlet, record: OutletRecord): void {
  outlet.own = record.own;
  if (outlet.heardAt === undefined) {
    outlet.lastKnown = record.own === "none" ? "off" : undefined;
  }
  outlet.movedAt ??= record.movedAt;
  outlet.bootedAt = record.bootedAt;
  outlet.bootedAtStored = record.bootedAt;
}

function newResource(settings: ResourceSettings, at: Instant): Resource {
  return {
    settings,
    tokens: new Map(),
    waiting: new Set(),
    activity: { name: "resting" },
    power: undefined,
    bootFailed: false,
    expiredAt: undefined,
    record: noRecord(settings.name),
    availability: unchecked(),
    problems: new Map(),
    state: "unknown",
    stateSince: at,
    shown: false,
    watts: undefined,
    kwh: undefined,
    publishedAt: undefined,
  };
}

const noRecord = (resource: string): ResourceRecord => ({ resource, boots: [], wasAvailable: false });

function newOutlet(
  settings: Outlet["settings"],
  switcher: SwitcherBook,
  resource: Resource | undefined,
): Outlet {
  return {
    settings,
    switcher,
    resource,
    seen: { name: "unknown" },
    stale: true,
    lastKnown: "off",
    silent: false,
    heardAt: undefined,
    rebooted: false,
    own: "none",
    movedAt: undefined,
    bootedAt: undefined,
    bootedAtStored: undefined,
    command: undefined,
    lastSent: undefined,
    attempt: 0,
    onByCommand: false,
    mismatch: false,
  };
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
      expires: movedOr(record.expires),
      lostAt: movedOr(record.lostAt),
      deadline: movedOr(record.deadline),
      waiters: record.waiters.map((waiter) => ({ ...waiter, since: moved(waiter.since) })),
    })),
    ended: snapshot.ended.map((record) => ({ ...record, at: moved(record.at) })),
    outlets: snapshot.outlets.map((record) => ({
      ...record,
      movedAt: movedOr(record.movedAt),
      bootedAt: movedOr(record.bootedAt),
    })),
    resources: snapshot.resources,
    outbox: snapshot.outbox,
    published: snapshot.published,
  };
}
