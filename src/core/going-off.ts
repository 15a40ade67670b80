// The way off: lingering, who may still stand in the way, the machine's own shutdown, and the cut (protocol 5 rules 1 to 3 and 7).
// Every doubt leaves a resource on. What a shutdown is and when a machine is gone is in leaving.ts.

import { callOffCycle, cycleIsOff, linger, type Named, offIsOnItsWay, stayOn } from "./activities.ts";
import { announce } from "./announce.ts";
import { isAvailable } from "./availability.ts";
import type { Activity, Book, Leaving, Resource, Turn } from "./book.ts";
import { keepRecord } from "./boots.ts";
import { expiryGate, offGate } from "./gates.ts";
import { beginsAnew, beginShutdown, hasSettled, wasNeverReached, watch } from "./leaving.ts";
import { setOwn } from "./outlet.ts";
import { neighboursOf, type Sight, sightOf } from "./supply.ts";
import { activeDependents, isForced, isUrgent, isWanted } from "./wants.ts";

/** Off only when nothing speaks against it; while a gate is shut it goes on lingering. */
export function lingerOn(
  turn: Turn,
  resource: Resource,
  activity: Named<"lingering">,
  sight: Sight,
): Activity | undefined {
  if (sight === "off") {
    for (const outlet of resource.outlets) {
      if (outlet.own !== "leaving") {
        announce(turn, resource.settings.name, "external-off", { outlet: outlet.settings.id });
      }
    }
    return { name: "resting" };
  }
  if (isNeeded(turn.book, resource)) {
    return { name: "held", why: "needed" }; // its off delay begins when the last of those that need it is off
  }
  if (!isDue(turn, resource, activity)) {
    return undefined;
  }
  return toGoOff(turn, resource, activity);
}

/** The off delay is over. An operator does not wait for it. */
const isDue = (turn: Turn, resource: Resource, activity: Named<"lingering">): boolean =>
  activity.offAt <= turn.at || isUrgent(turn.book, resource);

/** A resource that needs it is not off. An operator who forces it waits for nobody who cannot be seen, or whose outlet others use. */
export function isNeeded(book: Book, resource: Resource): boolean {
  if (!isForced(book, resource)) {
    return activeDependents(book, resource).length > 0;
  }
  const cycled = resource.record.cycle?.stage === "off";
  return (
    !cycled &&
    resource.dependents.some(
      (one) => sightOf(one) === "on" && !neighboursOf(one).some((other) => isWanted(book, other)),
    )
  );
}

/**
 * Nobody wants it and its time has come: what is in the way, else the next step towards off.
 * @returns `undefined`: it waits where it is
 */
export function toGoOff(
  turn: Turn,
  resource: Resource,
  activity: Named<"lingering" | "held">,
): Activity | undefined {
  const { book } = turn;
  const forced = isForced(book, resource);
  if (isNeeded(book, resource)) {
    return { name: "held", why: "needed" };
  }
  if (!forced && !neighboursAreReady(turn, resource)) {
    return { name: "held", why: "shared" };
  }
  if (!forced && !guardLetsGo(resource)) {
    // An answer that cannot be had is no answer: it stays on, and the problem says so.
    return isVetoed(resource) ? { name: "held", why: "guarded" } : undefined;
  }
  if (!mayGoNow(turn, resource)) {
    return activity.name === "held" ? waitAgain(turn) : undefined;
  }
  if (book.settings.observe) {
    for (const { settings } of resource.outlets) {
      announce(turn, resource.settings.name, "switch-off", { outlet: settings.id, observe: true });
    }
    return { name: "held", why: "observed" };
  }
  const { shutdown } = resource.settings;
  if (forced || shutdown === undefined) {
    return { name: "stopping", usedSince: false, cleared: forced ? "forced" : "no" };
  }
  return beginShutdown(turn, resource, shutdown);
}

/** It was held back for another reason, and waits for a gate now. */
const waitAgain = (turn: Turn): Activity => ({ name: "lingering", offAt: turn.at });

/** There is no `keepWhile`, or it says down, and said so the last time that it was asked: one doubt is enough. */
const guardLetsGo = ({ guard, settings }: Resource): boolean =>
  settings.keepWhile === undefined ||
  (guard.verdict === "down" && guard.downs > 0 && guard.error === undefined);

/** Whether a `keepWhile` keeps it on: it says up, or cannot say. */
const isVetoed = ({ guard }: Resource): boolean => guard.verdict === "up" || guard.error !== undefined;

/** The gates of all its outlets that are on, and the proof after an expiry. */
function mayGoNow(turn: Turn, resource: Resource): boolean {
  const { book, at } = turn;
  const urgent = isUrgent(book, resource);
  return (
    sightOf(resource) === "on" &&
    resource.outlets.every(
      (outlet) => outlet.seen.name === "off" || offGate(book, outlet, at, urgent).name === "open",
    ) &&
    (urgent || expiryGate(book, resource.expiredAt).name === "open")
  );
}

/** Whoever shares an outlet with it is done with it, too: nobody's machine is shut down for nothing, and none is cut. */
const neighboursAreReady = (turn: Turn, resource: Resource): boolean =>
  neighboursOf(resource).every((one) => isReadyToGo(turn, one));

function isReadyToGo(turn: Turn, resource: Resource): boolean {
  const { book } = turn;
  const { activity } = resource;
  if (!isSeenThrough(activity) && (isWanted(book, resource) || isNeeded(book, resource))) {
    return false;
  }
  const free = guardLetsGo(resource) || isForced(book, resource);
  switch (activity.name) {
    case "lingering":
      return free && isDue(turn, resource, activity);
    case "held":
      return activity.why === "observed" || (free && activity.why === "shared");
    case "leaving":
      return !activity.overdue;
    case "stopping":
      return true;
    case "resting":
      return sightOf(resource) === "off"; // it is done: of several outlets, only another one is still on
    case "starting":
    case "using":
    case "cycling":
      return false;
  }
}

/** It goes off whoever wants it since, and comes back afterwards (rule 3). */
const isSeenThrough = (activity: Activity): boolean =>
  (activity.name === "leaving" && !activity.overdue) ||
  (activity.name === "stopping" && activity.cleared === "gone");

/** The machine was told to shut down. A token that comes now is granted; the shutdown is seen through (rule 3). */
export function leaveOn(
  turn: Turn,
  resource: Resource,
  activity: Leaving,
  wanted: boolean,
  sight: Sight,
): Activity | undefined {
  const { shutdown } = resource.settings;
  if (sight === "off") {
    return isOff(turn, resource);
  }
  if (hasLostPower(resource)) {
    return staysForThem(turn, resource, wanted, sight);
  }
  if (shutdown === undefined) {
    return stays(turn, resource, wanted, sight); // it was taken out of the configuration meanwhile
  }
  if (isForced(turn.book, resource)) {
    return { name: "stopping", usedSince: wanted, cleared: "forced" };
  }
  const staysUp = activity.overdue || activity.outcome === "failed" || wasNeverReached(resource, activity);
  if (wanted && staysUp) {
    return stays(turn, resource, wanted, sight); // it is not going down
  }
  // Also under an operator's cycle: whoever came since it began was told that the machine is theirs.
  const held = wanted || isWanted(turn.book, resource);
  const missed = held || isNeeded(turn.book, resource) || !neighboursAreReady(turn, resource);
  if (!missed && beginsAnew(turn, resource, activity)) {
    return stays(turn, resource, wanted, sight);
  }
  const seen = watch(turn, resource, shutdown, activity, missed);
  if (seen !== undefined) {
    return seen;
  }
  if (hasSettled(turn, resource, shutdown, activity)) {
    return neighboursAreReady(turn, resource)
      ? { name: "stopping", usedSince: wanted, cleared: "gone" }
      : stays(turn, resource, wanted, sight);
  }
  // What is gone in time has its `settle` after it.
  if (activity.overdue || activity.until > turn.at || activity.goneSince !== undefined) {
    return undefined;
  }
  if (isWanted(turn.book, resource)) {
    return staysForThem(turn, resource, wanted, sight); // it does not go down, and is not cut under somebody who holds it
  }
  // What an earlier run has told it, if it came to that, is not known: it is not cut before this run has told it, too.
  const policy = activity.sends > 0 ? shutdown.onTimeout : "keep";
  announce(turn, resource.settings.name, "shutdown", { stage: "timeout", policy });
  return policy === "cut"
    ? { name: "stopping", usedSince: false, cleared: "no" }
    : { ...activity, overdue: true };
}

/** One of its sockets has rebooted, and so has its machine, perhaps: what is silent now may be booting. Noticed once. */
function hasLostPower({ outlets }: Resource): boolean {
  const rebooted = outlets.filter((outlet) => outlet.rebooted);
  for (const outlet of rebooted) {
    outlet.rebooted = false;
  }
  return rebooted.length > 0;
}

/** As below. An operator's cycle has not taken it down, and would take it from those who wait for it or were given it since. */
function staysForThem(turn: Turn, resource: Resource, wanted: boolean, sight: Sight): Activity {
  const calledOff = !wanted && isWanted(turn.book, resource);
  if (calledOff) {
    callOffCycle(turn, resource);
  }
  return stays(turn, resource, wanted || calledOff, sight);
}

/** It is not shut down after all: used again, or left for another off delay. */
function stays(turn: Turn, resource: Resource, wanted: boolean, sight: Sight): Activity {
  if (resource.record.shutdownAt !== undefined) {
    keepRecord(turn, resource, { ...resource.record, shutdownAt: undefined });
  }
  return wanted ? stayOn(turn, resource, sight) : linger(turn, resource);
}

/**
 * OFF is decided. A token that comes now is granted; an OFF that was sent is seen through, and never repeated (rule 3), unless the
 * machine is known to be down or an operator cuts it.
 */
export function stopOn(
  turn: Turn,
  resource: Resource,
  activity: Named<"stopping">,
  wanted: boolean,
  sight: Sight,
): Activity | undefined {
  if (sight === "off") {
    return isOff(turn, resource);
  }
  if (activity.cleared === "forced" && isForced(turn.book, resource)) {
    return undefined;
  }
  const sent = resource.outlets.some(offIsOnItsWay);
  if (activity.cleared === "forced") {
    // Lifted, or never on the disk: only what was sent is seen through, and a machine is not cut any more.
    return sent ? { ...activity, usedSince: true, cleared: "no" } : stays(turn, resource, wanted, sight);
  }
  if (!sent && !wanted && !neighboursAreReady(turn, resource)) {
    return stays(turn, resource, wanted, sight);
  }
  if (activity.cleared === "gone") {
    const answersAgain =
      hasLostPower(resource) || (resource.settings.check !== undefined && isAvailable(resource));
    if (sent) {
      // It may have lost its power and got it back while nobody could see it: what was sent is seen through, and not repeated.
      return answersAgain ? { ...activity, usedSince: true, cleared: "no" } : undefined;
    }
    return answersAgain || !neighboursAreReady(turn, resource)
      ? stays(turn, resource, wanted, sight)
      : undefined;
  }
  if (!wanted) {
    // Switched on by hand meanwhile, what needs it is not to lose it: no OFF again without a new delay.
    // And what was given a shutdown meanwhile is not cut without it.
    const anew = activity.usedSince || resource.settings.shutdown?.onTimeout === "keep";
    return anew || isNeeded(turn.book, resource) ? linger(turn, resource) : undefined;
  }
  if (!sent) {
    return stays(turn, resource, wanted, sight);
  }
  return activity.usedSince ? undefined : { ...activity, usedSince: true, cleared: "no" };
}

/** Done. An operator's power cycle goes on with bringing it back. */
function isOff(turn: Turn, resource: Resource): Activity {
  for (const outlet of resource.outlets) {
    if (outlet.own === "leaving" || !outlet.resources.some((one) => isWanted(turn.book, one))) {
      setOwn(turn, outlet, "none");
    }
  }
  cycleIsOff(turn, resource);
  return { name: "resting" };
}
