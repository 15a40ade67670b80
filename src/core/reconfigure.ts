// The configuration was read again: what did not change goes on undisturbed, what is gone ends, and no outlet is moved by the change
// as such. Whether it may be used at all is asked before, with `reasonAgainst`.

import { wantedAgain } from "./activities.ts";
import { publish } from "./announce.ts";
import { countAnew, forget } from "./availability.ts";
import { type Book, need, type Outlet, type Resource, type Token, touch, type Turn } from "./book.ts";
import { keepRecord } from "./boots.ts";
import type { OverrideRecord, Snapshot, TokenRecord } from "./changes.ts";
import { setDeadline } from "./deadlines.ts";
import type { Event } from "./events.ts";
import { linkUp } from "./links.ts";
import { endWhatIsGone, settleAccounts } from "./link.ts";
import { setOwn } from "./outlet.ts";
import { phaseOf } from "./phase.ts";
import { forgetClaims } from "./queue.ts";
import { takeClaimsBack } from "./restart.ts";
import type { ResourceSettings, Settings } from "./settings.ts";
import { askAfresh } from "./switcher.ts";
import { after, type Instant, type Millis, millis, sooner } from "./time.ts";
import { homeOf, setTokenDeadline } from "./tokens.ts";
import { isWanted, staysOn } from "./wants.ts";

/**
 * Why these settings cannot be used now: a resource that somebody wants, or that is on its way off, would get another outlet under its feet.
 * @param changed switchers that are no longer reached in the same way
 * @returns a sentence for each such resource; none: they may be used
 */
export function reasonsAgainst(book: Book, settings: Settings, changed: ReadonlySet<string>): string[] {
  return [...book.resources.values()].flatMap((resource) => {
    const next = settings.resources.get(resource.settings.name);
    const moved = next !== undefined && isRewired(resource, next, settings, changed);
    if (moved && isBusy(book, resource)) {
      return [
        `${next.name} is ${phaseOf(book, resource).replace("-", " ")}, and its switcher would change under it; try again when it is off`,
      ];
    }
    const proof = next && proofThatGoes(resource, next);
    if (proof !== undefined) {
      return [
        `${resource.settings.name} is being shut down, and its '${proof}' would be taken out meanwhile: then nothing shows when it is down; try again when it is off`,
      ];
    }
    const lockout = next && resource.tokens.size > 0 ? lockoutAmong(book, settings, next) : undefined;
    return lockout === undefined
      ? []
      : [
          `${resource.settings.name} is in use, and would come to need what is locked out through ${lockout.resource}; try again when one of the two is over`,
        ];
  });
}

/** Which outlets are on and will be nobody's with these settings: they are left so, and that is told. */
export const orphanedOutlets = (book: Book, settings: Settings): string[] => {
  const used = new Set([...settings.resources.values()].flatMap(({ outlets }) => outlets));
  return [...book.outlets.values()]
    .filter(
      ({ settings: { id }, resources, seen }) => resources.length > 0 && seen.name === "on" && !used.has(id),
    )
    .map(({ settings: { id } }) => id);
};

/** What a shutdown that runs is seen by, and would not be any more. One that took too long is left on, and its settings may be mended. */
function proofThatGoes(
  { activity, settings }: Resource,
  next: ResourceSettings,
): "shutdown" | "check" | undefined {
  if (activity.name !== "leaving") {
    return undefined;
  }
  if (settings.shutdown !== undefined && next.shutdown === undefined) {
    return activity.overdue ? undefined : "shutdown";
  }
  return settings.check !== undefined && next.check === undefined ? "check" : undefined;
}

/** The lockout under which a resource would come with these settings: on its outlets, or on those of something that it needs. */
function lockoutAmong(book: Book, settings: Settings, next: ResourceSettings): OverrideRecord | undefined {
  const all = new Set([next]);
  for (const { needs } of all) {
    for (const name of needs) {
      all.add(need(settings.resources, name)); // a set goes on over what is added while it is walked
    }
  }
  const outlets = new Set([...all].flatMap((one) => one.outlets));
  return [...book.overrides.values()].find((record) => record.outlets.some((outlet) => outlets.has(outlet)));
}

const isBusy = (book: Book, resource: Resource): boolean =>
  isWanted(book, resource) || ["leaving", "stopping", "cycling"].includes(resource.activity.name);

function isRewired(
  { settings: { outlets } }: Resource,
  next: ResourceSettings,
  settings: Settings,
  changed: ReadonlySet<string>,
): boolean {
  const switchers = next.outlets.map((id) => need(settings.outlets, id).switcher);
  return !isSameList(outlets, next.outlets) || switchers.some((name) => changed.has(name));
}

const isSameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one, place) => one === b[place]);

export function reconfigure(
  turn: Turn,
  { settings, changed, rechecked }: Extract<Event, { kind: "reconfigured" }>,
): void {
  const { book } = turn;
  const rewired = [...book.resources.values()].filter((resource) => {
    const next = settings.resources.get(resource.settings.name);
    return next !== undefined && isRewired(resource, next, settings, changed);
  });
  const claims = claimsOf(book);
  const before = new Map([...book.resources].map(([name, one]) => [name, one.settings]));
  const nowActs = book.settings.observe && !settings.observe;
  const removed = [...book.resources.values()].filter(
    ({ settings: { name } }) => !settings.resources.has(name),
  );
  const outlets = [...book.outlets.values()].filter(({ settings: { id } }) => !settings.outlets.has(id));
  const known = new Set(book.resources.values());
  const leftOn = removed.filter((resource) => isLeftOn(book, resource));
  const said = new Set(
    [...tokensOf(book)].filter((token) => token.expiringSaid).map(({ record }) => record.number),
  );
  forgetClaims(book);
  forgetWhatIsGone(book, settings);
  linkUp(book, settings, turn.at);
  takeClaimsBack(book, claims);
  sayOnce(book, said);
  if (book.store === "refusing") {
    takeUpAgain(turn, known);
  }
  for (const resource of leftOn) {
    letOutletsGo(turn, resource);
  }
  keepFormer(turn, removed, outlets);
  for (const resource of rewired) {
    beginAgain(turn, resource);
  }
  if (nowActs) {
    beginToAct(book);
  }
  for (const resource of book.resources.values()) {
    fitTimes(turn, resource, before.get(resource.settings.name));
    forgetChecksOf(resource);
    if (rechecked.has(resource.settings.name)) {
      checkAnew(turn, resource);
    }
    touch(turn, resource);
    publish(turn, resource);
  }
  for (const pool of book.pools.values()) {
    pool.face = "";
    turn.touchedPools.add(pool);
  }
  for (const switcher of book.switchers.values()) {
    if (
      changed.has(switcher.settings.name) ||
      switcher.outlets.some(({ heardAt }) => heardAt === undefined)
    ) {
      askAfresh(turn, switcher);
    }
  }
  if (book.link.name === "up") {
    turn.effects.push({ kind: "publishController" }); // else it follows when the link is up
  }
  if (book.store === "writing") {
    endWhatIsGone(turn);
    if (book.link.name === "up") {
      settleAccounts(turn);
    }
  }
}

/**
 * All of them, also what an earlier reload took away and could not be ended yet, because the store refused or the link was down: what it
 * is on may be back.
 */
function claimsOf(book: Book): Pick<Snapshot, "tokens" | "queued"> {
  const { gone } = book;
  const parts = new Set<TokenRecord>();
  const back = gone.tokens.flatMap(({ record, kept }): TokenRecord[] => {
    if (kept === undefined) {
      return [record];
    }
    const part = book.resources.get(homeOf(kept))?.tokens.get(kept.token)?.record;
    if (part === undefined) {
      return []; // given back since
    }
    parts.add(part);
    const { resources, asked, kwhAtStart } = record;
    return [{ ...part, resources, asked, kwhAtStart }];
  });
  book.gone = { ...gone, tokens: [], queued: [] };
  return {
    tokens: [
      ...[...tokensOf(book)].map(({ record }) => record).filter((record) => !parts.has(record)),
      ...back,
    ],
    queued: [...[...book.queued.values()].map(({ record }) => record), ...gone.queued],
  };
}

/** Each once, however many resources it is held on. */
function tokensOf(book: Book): ReadonlySet<Token> {
  const all = new Set<Token>();
  for (const { tokens } of book.resources.values()) {
    for (const token of tokens.values()) {
      all.add(token);
    }
  }
  return all;
}

/** That they expire soon was announced before the reload. */
function sayOnce(book: Book, said: ReadonlySet<number>): void {
  for (const token of tokensOf(book)) {
    if (said.has(token.record.number)) {
      token.expiringSaid = true;
      setTokenDeadline(book, token);
    }
  }
}

function forgetWhatIsGone(book: Book, settings: Settings): void {
  const { deadlines } = book;
  for (const [name, resource] of book.resources) {
    if (!settings.resources.has(name)) {
      for (const kind of ["resource", "check", "guard", "meter"] as const) {
        setDeadline(deadlines, { kind, name }, undefined);
      }
      book.booting.delete(resource);
      book.awaitingPlace.delete(resource);
      book.awaitingProof.delete(name);
    }
  }
  for (const [name, outlet] of book.outlets) {
    const used = [...settings.resources.values()].some(({ outlets }) => outlets.includes(name));
    if (!used) {
      outlet.command = undefined; // it is nobody's now, and left as it is
      setDeadline(deadlines, { kind: "outlet", name }, undefined);
    }
  }
  for (const name of book.switchers.keys()) {
    if (!settings.switchers.has(name)) {
      setDeadline(deadlines, { kind: "switcher", name }, undefined);
    }
  }
}

/** What is back before its tokens could be ended is held, as after a restart, though nothing new is begun while the store refuses. */
function takeUpAgain(turn: Turn, known: ReadonlySet<Resource>): void {
  for (const resource of turn.book.resources.values()) {
    if (!known.has(resource) && staysOn(turn.book, resource)) {
      resource.activity = wantedAgain(resource, "unknown", turn.at);
    }
  }
}

/** In use, or on for a reason of its own, and not on its way off. */
const isLeftOn = (book: Book, resource: Resource): boolean =>
  (isWanted(book, resource) && resource.activity.name !== "stopping") || resource.activity.name === "held";

/**
 * A job may still be running behind the outlets of a resource that is gone. Whoever else is on them, perhaps the same machine under
 * another name, finds them on without having switched them on, and goes by its `onExternalOn`.
 */
function letOutletsGo(turn: Turn, { outlets }: Resource): void {
  const { book } = turn;
  for (const outlet of outlets) {
    const others = book.outlets.get(outlet.settings.id) === outlet ? outlet.resources : [];
    if (others.some((one) => isWanted(book, one)) || outlet.own === "leaving") {
      continue;
    }
    for (const other of others) {
      if (other.activity.name === "held" || other.activity.name === "lingering") {
        other.activity = { name: "resting" };
      }
    }
    outlet.letGo = true;
    if (book.store === "writing") {
      setOwn(turn, outlet, "none");
    }
  }
}

/** As a restart would find them, should they come back; but what was going on then is over. */
function keepFormer(turn: Turn, removed: readonly Resource[], outlets: readonly Outlet[]): void {
  const { book } = turn;
  for (const resource of removed) {
    const { record } = resource;
    if (
      book.store === "writing" &&
      (record.wasAvailable || record.shutdownAt !== undefined || record.cycle !== undefined)
    ) {
      keepRecord(turn, resource, { ...record, wasAvailable: false, shutdownAt: undefined, cycle: undefined });
    }
    book.former.resources.set(record.resource, resource.record);
  }
  for (const { settings, own, movedAt, bootedAtStored } of outlets) {
    const record = { outlet: settings.id, own, movedAt, bootedAt: bootedAtStored };
    book.former.outlets.set(settings.id, record);
  }
}

/** What was known of it belongs to the outlets that it had. */
function beginAgain(turn: Turn, resource: Resource): void {
  resource.activity = { name: "resting" };
  resource.power = undefined;
  resource.bootFailed = false;
  forget(resource.availability);
  if (turn.book.store === "writing") {
    keepRecord(turn, resource, {
      ...resource.record,
      wasAvailable: false,
      shutdownAt: undefined,
      cycle: undefined,
    });
  }
}

/** While it only observed nothing was sent, and what was to go off stayed on: both are decided anew, as after a restart. */
function beginToAct(book: Book): void {
  for (const outlet of book.outlets.values()) {
    outlet.command = undefined;
    outlet.lastSent = undefined;
  }
  for (const resource of book.resources.values()) {
    const { activity } = resource;
    if (activity.name === "held" && activity.why === "observed") {
      resource.activity = { name: "resting" };
    }
  }
}

/** Of an off delay and a boot that are under way. */
function fitTimes({ at }: Turn, resource: Resource, before: ResourceSettings | undefined): void {
  const { activity, settings } = resource;
  if (before === undefined) {
    return;
  }
  if (activity.name === "lingering" && activity.offAt > at) {
    const offAt = fitted(at, activity.offAt, before.offDelay, settings.offDelay);
    resource.activity = { name: "lingering", offAt };
  } else if (activity.name === "starting" && activity.bootBy !== undefined && activity.bootBy > at) {
    const bootBy = fitted(at, activity.bootBy, before.bootTimeout, settings.bootTimeout);
    resource.activity = { ...activity, bootBy };
  }
}

/** A time that runs becomes that much longer, or ends sooner, but not before the shorter one has passed from now on. */
const fitted = (at: Instant, ends: Instant, before: Millis, length: Millis): Instant =>
  length < before ? sooner(ends, after(at, length)) : after(ends, millis(length - before));

/** A checker that is gone will not answer any more. */
function forgetChecksOf({ settings, availability, guard }: Resource): void {
  if (settings.check === undefined) {
    forget(availability);
  }
  if (settings.keepWhile === undefined) {
    forget(guard);
  }
}

/** What the old checker is about to say is not waited for; what it made believe stays until the new one has spoken, but leads to no cut. */
function checkAnew(turn: Turn, resource: Resource): void {
  const { availability, guard } = resource;
  availability.running = false;
  countAnew(resource, turn.at);
  forget(guard);
}
