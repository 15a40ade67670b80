// The room of resources: what each one needs next to get where it is wanted, or to leave. `review` is level-triggered: it looks
// at what is true now and may be called at any time, so no event can be missed by it. What follows from seen power, availability
// and wants is in activity.ts; relays are moved by outlet.ts; problems are named in troubles.ts.

import { nextActivity } from "./activity.ts";
import { announce, publish } from "./announce.ts";
import { awaitsFirstVerdict, isAvailable, keepChecking, keepGuard } from "./availability.ts";
import { type Activity, BrokenInvariant, type Resource, touch, type Turn } from "./book.ts";
import { keepRecord } from "./boots.ts";
import { setDeadline } from "./deadlines.ts";
import { expiryGate, offGateOpens } from "./gates.ts";
import { nextLookAtLeaving } from "./leaving.ts";
import { proveLink } from "./link-proof.ts";
import { settle } from "./outlet.ts";
import { patienceEnds, waitsInVain } from "./patience.ts";
import { givePlace, takePlace } from "./places.ts";
import type { State } from "./requests.ts";
import { differs, isFresh, lastSight, neighboursOf, onSince, sightOf } from "./supply.ts";
import { after, future, type Instant, soonerOf } from "./time.ts";
import { failingNeed, noteProblems } from "./troubles.ts";
import { endAllClaims, failWaiters } from "./elsewhere.ts";
import { lockoutOf, lockoutSentence } from "./lockout.ts";
import { answerWaiters } from "./waits.ts";
import { activeDependents, isUrgent, isUsed, isWanted } from "./wants.ts";

/** Look at a resource and do what follows: move its activity on, its relays, its checkers; tell who waits; publish. */
export function review(turn: Turn, resource: Resource): void {
  const { book } = turn;
  notePower(turn, resource);
  if (book.store === "writing") {
    endWhatIsLocked(turn, resource);
    moveOn(turn, resource);
    forgetReboots(turn, resource);
  }
  keepChecking(turn, resource, lastSight(resource));
  keepGuard(turn, resource, asksGuard(turn, resource));
  noteState(turn, resource);
  noteProblems(turn, resource);
  showOnceKnown(turn, resource);
  if (book.store === "writing") {
    answerWaiters(turn, resource);
    failThoseInVain(turn, resource); // it is looked at again if a token ended, when those who queue for it had their turn
  }
  setDeadline(book.deadlines, { kind: "resource", name: resource.settings.name }, nextLook(turn, resource));
  showFace(turn, resource);
}

/** A configuration that was changed while the controller was away may have brought it under a lockout: its holders hear so. */
function endWhatIsLocked(turn: Turn, resource: Resource): void {
  const lockout = resource.tokens.size === 0 ? undefined : lockoutOf(turn.book, resource);
  if (lockout !== undefined) {
    endAllClaims(turn, resource, lockoutSentence(lockout, resource.settings.name));
  }
}

/** Power-on and power-off as seen, whoever did it. */
function notePower(turn: Turn, resource: Resource): void {
  const { at } = turn;
  const since = onSince(resource);
  if (since !== undefined && lastSight(resource) === "on") {
    if (resource.power?.at !== since) {
      const ours = resource.outlets.every(({ seen, onByCommand }) => seen.name !== "on" || onByCommand);
      resource.power = { at: since, ours, available: false };
    }
  } else if (lastSight(resource) === "off") {
    resource.power = undefined;
    resource.bootFailed = false;
    const { record } = resource;
    const told = record.wasAvailable || record.shutdownAt !== undefined;
    if (told && sightOf(resource) === "off" && turn.book.store === "writing") {
      keepRecord(turn, resource, { ...record, wasAvailable: false, shutdownAt: undefined });
    }
  }
  resource.differsSince = differs(resource) ? (resource.differsSince ?? at) : undefined;
}

/** Far more activities than can follow each other at one moment: they go in a circle. */
const mostMoves = 100;

/** Each activity leads to another until one goes on; then the relays follow. */
function moveOn(turn: Turn, resource: Resource): void {
  let moves = 0;
  for (let next = nextActivity(turn, resource); next !== undefined; next = nextActivity(turn, resource)) {
    moves += 1;
    if (moves > mostMoves) {
      const { activity, settings } = resource;
      throw new BrokenInvariant(
        `${settings.name} goes from ${activity.name} to ${next.name} and back without an end`,
      );
    }
    const shown = isShown(resource.activity, next);
    resource.activity = next;
    if (shown) {
      publish(turn, resource);
    }
  }
  if (resource.activity.name === "starting") {
    takePlace(turn, resource);
  }
  givePlace(turn, resource);
  const { expiredAt } = resource;
  if (
    resource.activity.name === "lingering" &&
    expiredAt !== undefined &&
    expiryGate(turn.book, expiredAt).name === "shut"
  ) {
    proveLink(turn, resource, expiredAt);
  }
  for (const outlet of resource.outlets) {
    settle(turn, outlet);
  }
}

/** A shutdown is watched in small steps that do not show. */
const isShown = (from: Activity, to: Activity): boolean =>
  from.name !== "leaving" || to.name !== "leaving" || from.overdue !== to.overdue;

/** Evidence of a reboot stands until the relay is where it should be, so that a batch taken back does not lose it. */
function forgetReboots(turn: Turn, resource: Resource): void {
  for (const outlet of resource.outlets) {
    const wanted = outlet.resources.some((one) => isWanted(turn.book, one));
    outlet.rebooted = outlet.rebooted && (outlet.stale || (outlet.seen.name === "on") !== wanted);
  }
}

/** Only what its answer may hold back: a way off that is due, or was held back by it. */
function asksGuard(turn: Turn, resource: Resource): boolean {
  const { activity } = resource;
  return (
    (activity.name === "lingering" && (activity.offAt <= turn.at || isUrgent(turn.book, resource))) ||
    (activity.name === "held" && (activity.why === "shared" || activity.why === "guarded"))
  );
}

function noteState(turn: Turn, resource: Resource): void {
  const state = stateOf(resource);
  if (state !== resource.state) {
    const to = resource.introduced ? "users" : "log"; // what is learned at the start is no change of what they were shown
    announce(turn, resource.settings.name, "state", { from: resource.state, to: state }, to);
    resource.state = state;
    resource.stateSince = turn.at;
    publish(turn, resource);
  }
  if (state === "available") {
    resource.bootFailed = false;
    resource.unfitToBeWarm = false;
    resource.power = resource.power && { ...resource.power, available: true };
  }
}

function stateOf(resource: Resource): State {
  switch (lastSight(resource)) {
    case "unknown":
      return "unknown";
    case "off":
      return "off";
    case "on":
      return isAvailable(resource) ? "available" : "powered";
  }
}

/**
 * After a (re)connection nothing is published about it before its outlets have said where they stand, or were waited for; after a restart
 * also not before what was available was checked: what is retained of it may well be true, and `ready` is not cleared for a while.
 */
function showOnceKnown(turn: Turn, resource: Resource): void {
  const { link } = turn.book;
  const known = link.name === "up" && (link.learned || isFresh(resource));
  const mayChange = lastSight(resource) === "on" && awaitsFirstVerdict(resource);
  if (!resource.shown && known && !mayChange) {
    resource.shown = true;
    resource.introduced = true;
    publish(turn, resource);
  }
}

/** Requests for which nothing more is tried hear so (protocol 5 rule 6). */
function failThoseInVain(turn: Turn, resource: Resource): void {
  const vain = waitsInVain(turn, resource);
  if (vain !== undefined) {
    failWaiters(turn, resource, vain.who, "power-failed", vain.message);
  }
}

/** When it must be looked at again, if nothing happens before. */
function nextLook(turn: Turn, resource: Resource): Instant | undefined {
  const { activity, settings, differsSince } = resource;
  const { at } = turn;
  const uneven = future(at, differsSince && after(differsSince, settings.switchTimeout));
  switch (activity.name) {
    case "resting":
    case "stopping":
    case "cycling":
      return uneven;
    case "using":
      return soonerOf(uneven, future(at, patienceEnds(turn.book, resource, settings.bootTimeout)));
    case "starting":
      return soonerOf(
        soonerOf(uneven, future(at, failingNeed(resource)?.from)),
        soonerOf(
          activity.tooLateAt !== undefined ? undefined : future(at, activity.bootBy),
          future(at, patienceEnds(turn.book, resource, settings.switchTimeout)),
        ),
      );
    case "lingering":
      return soonerOf(uneven, activity.offAt > at ? activity.offAt : offGateOpens(turn.book, resource, at));
    case "held":
      return soonerOf(uneven, offGateOpens(turn.book, resource, at));
    case "leaving":
      return soonerOf(
        uneven,
        settings.shutdown && nextLookAtLeaving(turn, resource, settings.shutdown, activity),
      );
  }
}

/** When what others depend on has changed, they are looked at, too. */
function showFace(turn: Turn, resource: Resource): void {
  const { book } = turn;
  const { activity, guard, state, problems, tokens, queue, warm } = resource;
  const detail = activity.name === "held" ? activity.why : "";
  const asNeed = `${isUsed(book, resource)} ${activeDependents(book, resource).length} `;
  const face = [
    asNeed,
    state,
    resource.shown,
    isFresh(resource),
    sightOf(resource),
    isWanted(book, resource),
    isUrgent(book, resource),
    activity.name,
    detail,
    activity.name === "lingering" && activity.offAt <= turn.at,
    guard.verdict,
    tokens.size,
    queue.length,
    warm,
    [...problems.keys()].join(),
    resource.outlets.map(({ own, handOff }) => `${own} ${handOff}`).join(),
  ].join(" ");
  if (face === resource.face) {
    return;
  }
  if (resource.dependents.length > 0 && resource.face !== "" && !resource.face.startsWith(asNeed)) {
    publish(turn, resource); // what depends on it shows in its picture, and nothing else of it need have changed
  }
  resource.face = face;
  for (const other of [...resource.needs, ...resource.dependents, ...neighboursOf(resource)]) {
    touch(turn, other);
  }
  for (const pool of resource.pools) {
    turn.touchedPools.add(pool);
  }
}
