// An operator's hand on a resource (protocol section 6): kept on, locked out, given back to the controller, or power-cycled. What
// these mean for power is in wants.ts, lockout.ts and going-off.ts; who may ask for them is decided in claims.ts.

import { liftHand } from "./hands.ts";
import { endCycle, lingerAnew, linger } from "./activities.ts";
import { announce, publish, wireTime } from "./announce.ts";
import { type Book, need, type Resource, touch, type Turn } from "./book.ts";
import { keepRecord } from "./boots.ts";
import type { OverrideRecord } from "./changes.ts";
import { setDeadline } from "./deadlines.ts";
import { dependentsOf, lockoutOf, lockoutSentence, overrideOf } from "./lockout.ts";
import { setOwn } from "./outlet.ts";
import { endAllClaims } from "./elsewhere.ts";
import { refuse } from "./refusals.ts";
import type { CycleRequest, OverrideRequest } from "./requests.ts";
import { neighboursOf, sightOf } from "./supply.ts";
import { after, before, type Instant, instant, later } from "./time.ts";
import { answerNow } from "./waits.ts";
import { activeDependents, isWanted } from "./wants.ts";

export function takeOverride(turn: Turn, request: OverrideRequest): void {
  const resource = need(turn.book.resources, request.resource);
  const about = { ...request, token: undefined };
  const until = untilOf(turn, request);
  if (until !== undefined && until <= turn.at) {
    refuse(turn, about, "invalid-request", "'until' lies in the past");
    return;
  }
  const lockout = forbidding(turn.book, resource, request.mode);
  if (lockout !== undefined) {
    const sentence = lockoutSentence(lockout, request.resource);
    refuse(turn, about, "locked-out", `${sentence}; lift that with 'auto' on ${lockout.resource}`);
    return;
  }
  switch (request.mode) {
    case "auto":
      lift(turn, resource);
      break;
    case "on":
      put(turn, recordOf(turn, resource, request, until));
      liftHand(turn, resource);
      break;
    case "off":
      lockOut(
        turn,
        besides(turn.book.overrides.get(request.resource), recordOf(turn, resource, request, until)),
      );
      break;
  }
  begunAnew(turn, resource);
  const stands = turn.book.overrides.get(request.resource)?.until;
  announce(turn, request.resource, "override", {
    mode: request.mode,
    ...(request.by === undefined ? {} : { by: request.by }),
    ...(request.reason === undefined ? {} : { reason: request.reason }),
    ...(stands === undefined ? {} : { until: wireTime(turn.book, stands) }),
    ...(request.force ? { force: true } : {}),
  });
  reply(turn, resource, request);
}

/** An override whose time has come is over, as if somebody had said `auto`. While the store refuses it stands. */
export function wakeOverride(turn: Turn, name: string): void {
  const { book } = turn;
  const record = book.overrides.get(name);
  if (record === undefined || book.store === "refusing") {
    return;
  }
  remove(turn, record);
  announce(turn, name, "override", { mode: "auto", because: "until has passed" });
}

/** Shutdown as configured, off, `minOff`, on again (protocol section 4). */
export function takeCycle(turn: Turn, request: CycleRequest): void {
  const { book } = turn;
  const resource = need(book.resources, request.resource);
  const about = { ...request, token: undefined };
  const lockout = lockoutOf(book, resource);
  if (lockout !== undefined) {
    refuse(turn, about, "locked-out", lockoutSentence(lockout, request.resource));
    return;
  }
  if (sightOf(resource) === "unknown") {
    const message = `where ${request.resource} stands is not known, so it is not cycled; try again when its outlets answer`;
    refuse(turn, about, "power-failed", message);
    return;
  }
  const inTheWay = request.force ? undefined : whoIsInTheWay(book, resource, request.owner);
  if (inTheWay !== undefined) {
    refuse(turn, about, "busy", `${inTheWay}; 'force' cycles it nevertheless`);
    return;
  }
  const adopted = resource.activity.name === "held" && resource.activity.why === "outside";
  liftHand(turn, resource);
  ours(turn, resource);
  keepRecord(turn, resource, {
    ...resource.record,
    cycle: { stage: "off", force: request.force, adopted },
  });
  begunAnew(turn, resource);
  touch(turn, resource);
  announce(turn, request.resource, "cycle", {
    stage: "begun",
    ...(request.owner === undefined ? {} : { by: request.owner }),
    ...(request.force ? { force: true } : {}),
  });
  reply(turn, resource, request);
}

function whoIsInTheWay(book: Book, resource: Resource, owner: string | undefined): string | undefined {
  const { name } = resource.settings;
  const others = [...resource.tokens.values()].filter(({ record }) => record.owner !== owner);
  if (others.length > 0) {
    const owners = [...new Set(others.map(({ record }) => record.owner))].slice(0, 3).join(", ");
    return `${name} is held by others: ${owners}`;
  }
  const [dependent] = activeDependents(book, resource);
  if (dependent !== undefined) {
    return `${dependent.settings.name} needs ${name} and is not off`;
  }
  const neighbour = neighboursOf(resource).find((one) => isWanted(book, one));
  return neighbour && `${neighbour.settings.name} is in use on the same outlet`;
}

function reply(turn: Turn, resource: Resource, { replyTo }: OverrideRequest | CycleRequest): void {
  if (replyTo !== undefined) {
    answerNow(turn, replyTo, {
      ok: true,
      resource: resource.settings.name,
      override: overrideOf(turn.book, resource),
      state: resource.state,
      users: resource.tokens.size,
    });
  }
}

function untilOf({ at, book }: Turn, { until }: OverrideRequest): Instant | undefined {
  switch (until?.kind) {
    case undefined:
      return undefined;
    case "after":
      return after(at, until.length);
    case "at":
      return before(instant(until.wall), book.wallOffset);
  }
}

function recordOf(
  turn: Turn,
  resource: Resource,
  { mode, by, reason, force }: OverrideRequest,
  until: Instant | undefined,
): OverrideRecord {
  const off = mode === "off";
  return {
    resource: resource.settings.name,
    mode: off ? "off" : "on",
    outlets: off ? resource.settings.outlets : [],
    by,
    reason,
    since: turn.at,
    until,
    force,
  };
}

function put(turn: Turn, record: OverrideRecord): void {
  const { book, effects } = turn;
  const { resource } = record;
  book.overrides.set(resource, record);
  setDeadline(book.deadlines, { kind: "override", resource }, record.until);
  effects.push({ kind: "persist", change: { kind: "override", resource, record } });
  touchCovered(turn, record);
}

function remove(turn: Turn, record: OverrideRecord): void {
  const { book, effects } = turn;
  const { resource } = record;
  book.overrides.delete(resource);
  setDeadline(book.deadlines, { kind: "override", resource }, undefined);
  effects.push({ kind: "persist", change: { kind: "override", resource, record: undefined } });
  for (const one of coveredBy(book, record)) {
    lingerAnew(turn, one);
  }
  touchCovered(turn, record);
}

/** Everything that the override has to do with is looked at again, and shown. */
function touchCovered(turn: Turn, record: OverrideRecord): void {
  for (const resource of coveredBy(turn.book, record)) {
    touch(turn, resource);
    publish(turn, resource);
  }
}

/** The resource, those on its locked outlets, and all that need one of them. */
function coveredBy(book: Book, { resource, outlets }: OverrideRecord): Set<Resource> {
  return dependentsOf(
    [...book.resources.values()].filter(
      ({ settings }) => settings.name === resource || settings.outlets.some((one) => outlets.includes(one)),
    ),
  );
}

function lockOut(turn: Turn, record: OverrideRecord): void {
  put(turn, record);
  const covered = coveredBy(turn.book, record);
  for (const one of covered) {
    notCycled(turn, one);
    ours(turn, one);
    begunAnew(turn, one);
  }
  for (const one of covered) {
    endAllClaims(turn, one, lockoutSentence(record, one.settings.name));
  }
}

/** A power cycle does not come back from under a lockout, not even when that is lifted; nor does what it was to bring back stay needed. */
function notCycled(turn: Turn, resource: Resource): void {
  if (resource.record.cycle !== undefined) {
    endCycle(turn, resource);
    announce(turn, resource.settings.name, "cycle", { stage: "called off" });
  }
}

/**
 * A second lockout of the same resource never shortens the first: both may have their hands in it, and what was cut at once for the first is not waited for. Only `auto` lifts it sooner.
 */
function besides(standing: OverrideRecord | undefined, record: OverrideRecord): OverrideRecord {
  if (standing?.mode !== "off") {
    return record;
  }
  const endless = standing.until === undefined || record.until === undefined;
  const until = endless ? undefined : later(standing.until, record.until);
  return { ...record, outlets: allOf(standing, record), until, force: standing.force || record.force };
}

const allOf = (a: OverrideRecord, b: OverrideRecord): readonly string[] => [
  ...new Set([...a.outlets, ...b.outlets]),
];

/** What is on, or may be, goes off by us from here on, whoever switched it on before. What is known to be off stays nobody's. */
function ours(turn: Turn, resource: Resource): void {
  for (const outlet of resource.outlets) {
    const mayBeOn = outlet.seen.name === "on" || (outlet.own !== "none" && outlet.seen.name === "unknown");
    if (mayBeOn && outlet.own !== "leaving") {
      setOwn(turn, outlet, "confirmed");
    }
  }
}

/** A machine that did not shut down in time is told once more. */
function begunAnew(turn: Turn, resource: Resource): void {
  if (resource.activity.name === "leaving" && resource.activity.overdue) {
    keepRecord(turn, resource, { ...resource.record, shutdownAt: undefined });
    resource.activity = linger(turn, resource);
  }
}

/** Give it back: its own override, and lockouts of resources that are gone, which nobody else could lift. A hand's OFF, too. */
function lift(turn: Turn, resource: Resource): void {
  const { book } = turn;
  const { name } = resource.settings;
  for (const record of book.overrides.values()) {
    const orphaned = !book.resources.has(record.resource) && sharesOutlets(record, resource);
    if (record.resource === name || orphaned) {
      remove(turn, record);
    }
  }
  if (resource.record.cycle?.stage === "off") {
    endCycle(turn, resource);
    lingerAnew(turn, resource);
    publish(turn, resource);
  }
  liftHand(turn, resource);
  touch(turn, resource);
}

const sharesOutlets = ({ outlets }: OverrideRecord, resource: Resource): boolean =>
  resource.settings.outlets.some((one) => outlets.includes(one));

/**
 * `auto` lifts what was made through the resource and nothing else, also under a lockout made through another one: or two lockouts of
 * one outlet would stand in each other's way for ever. `on` lifts no lockout at all, nor one of outlets that the resource had once.
 */
function forbidding(
  book: Book,
  resource: Resource,
  mode: OverrideRequest["mode"],
): OverrideRecord | undefined {
  switch (mode) {
    case "auto":
      return book.overrides.has(resource.settings.name) ? undefined : lockoutElsewhere(book, resource);
    case "on":
      return lockoutThrough(book, resource) ?? lockoutOf(book, resource);
    case "off":
      return undefined;
  }
}

function lockoutThrough(book: Book, { settings }: Resource): OverrideRecord | undefined {
  const own = book.overrides.get(settings.name);
  return own?.mode === "off" ? own : undefined;
}

/** A lockout that this resource cannot lift: made through another one that is still there. */
function lockoutElsewhere(book: Book, resource: Resource): OverrideRecord | undefined {
  for (const record of book.overrides.values()) {
    const elsewhere = record.resource !== resource.settings.name && book.resources.has(record.resource);
    if (record.mode === "off" && elsewhere && sharesOutlets(record, resource)) {
      return record;
    }
  }
  return undefined;
}
