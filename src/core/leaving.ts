// Shutting a machine down before its power is cut (protocol 5 rule 2): the command, watching it go, and what counts as gone. Nothing
// but a machine seen to be gone, for `settle`, leads to a cut; a machine that stays is left on and told of.

import { announce } from "./announce.ts";
import { countAnew } from "./availability.ts";
import type { Leaving, Resource, Turn } from "./book.ts";
import { keepRecord } from "./boots.ts";
import type { ShutdownSettings } from "./settings.ts";
import { lastSight, meterOf, sightOf } from "./supply.ts";
import { after, before, type Instant, later, type Millis, millis, sooner, soonerOf } from "./time.ts";

/** The meter is asked every 2 s while a machine shuts down; while one that did not is left on, twice a minute until it seems to be gone. */
const measureEvery = ({ goneSince, overdue }: Leaving): Millis =>
  millis(overdue && goneSince === undefined ? 30_000 : 2000);

/** A reading that is older than three such pauses says nothing any more. Of one that is left on, a meter that tells by itself is enough. */
const readingHolds = ({ overdue }: Leaving): Millis => millis(overdue ? 90_000 : 6000);

/** Begin: durable before the command, so that a controller that dies goes on with it and does not cut. */
export function beginShutdown(turn: Turn, resource: Resource, shutdown: ShutdownSettings): Leaving {
  keepRecord(turn, resource, { ...resource.record, shutdownAt: turn.at });
  countAnew(resource, turn.at);
  for (const outlet of resource.outlets) {
    outlet.rebooted = false; // that was before; from now on a reboot is news
  }
  const asking = sendShutdown(turn, resource);
  return { ...watching(turn.at, shutdown), asking, sends: 1 };
}

/** A shutdown that an earlier run of the controller began: whether its command went out is not known. */
export const watching = (at: Instant, shutdown: ShutdownSettings): Leaving => ({
  name: "leaving",
  asking: undefined,
  outcome: undefined,
  refusal: undefined,
  until: after(at, shutdown.timeout),
  overdue: false,
  sends: 0,
  missed: false,
  answered: false,
  goneSince: undefined,
  since: at,
  measureAt: shutdown.idleBelow === undefined ? undefined : at,
});

function sendShutdown(turn: Turn, resource: Resource): number {
  resource.shutdowns += 1;
  const { name } = resource.settings;
  turn.effects.push({ kind: "shutdown", resource: name, attempt: resource.shutdowns });
  announce(turn, name, "shutdown", { stage: "sent" });
  return resource.shutdowns;
}

/** The command has ended. @returns the activity with its outcome; `undefined`: nobody waits for that */
export function takeOutcome(
  turn: Turn,
  resource: Resource,
  event: {
    readonly attempt: number;
    readonly outcome: NonNullable<Leaving["outcome"]>;
    readonly message: string;
  },
): Leaving | undefined {
  const { activity } = resource;
  if (activity.name !== "leaving" || activity.asking !== event.attempt) {
    return undefined;
  }
  announce(turn, resource.settings.name, "shutdown", { stage: event.outcome, message: event.message });
  const refused = event.outcome === "failed" || event.outcome === "unsure";
  return {
    ...activity,
    asking: undefined,
    outcome: event.outcome,
    refusal: refused ? event.message : undefined,
  };
}

/** Its socket has rebooted: perhaps it lost its power, got it back and boots. Only what is seen from now on counts for its being gone. */
export function doubtThatItIsGone(turn: Turn, resource: Resource): void {
  if (resource.activity.name === "leaving") {
    countAnew(resource, turn.at);
    resource.activity = { ...resource.activity, goneSince: undefined };
  }
}

/**
 * Look at a machine that was told to go.
 * @param missed somebody wants it again, or it would go down for nothing
 * @returns the same activity with what was noticed; `undefined`: nothing new
 */
export function watch(
  turn: Turn,
  resource: Resource,
  shutdown: ShutdownSettings,
  activity: Leaving,
  missed: boolean,
): Leaving | undefined {
  let next = missed && !activity.missed ? { ...activity, missed } : activity;
  if (!next.missed && isForgotten(turn, resource, activity)) {
    next = toldAgain(turn, resource, shutdown, next);
  } else if (!next.missed && isToBeToldAgain(turn, resource, activity)) {
    countAnew(resource, after(turn.at, tellAgainAfter));
    next = toldAgain(turn, resource, shutdown, next);
  }
  if (!next.answered && resource.availability.ups > 0) {
    next = { ...next, answered: true };
  }
  const gone = isGone(turn, resource, shutdown, next);
  if (gone !== (next.goneSince !== undefined)) {
    next = { ...next, goneSince: gone ? turn.at : undefined };
    if (gone && next.measureAt !== undefined) {
      next = { ...next, measureAt: sooner(next.measureAt, after(turn.at, measureEvery(next))) };
    }
  }
  if (next.measureAt !== undefined && next.measureAt <= turn.at) {
    for (const name of new Set(resource.outlets.map(({ settings }) => settings.switcher))) {
      turn.effects.push({ kind: "measure", switcher: name });
    }
    next = { ...next, measureAt: after(turn.at, measureEvery(next)) };
  }
  return next === activity ? undefined : next;
}

/** It has the whole time for it again: perhaps it hears of it for the first time. */
function toldAgain(turn: Turn, resource: Resource, shutdown: ShutdownSettings, earlier: Leaving): Leaving {
  // Written again: it may have been seen off for a moment, which strikes the record of its shutdown off.
  keepRecord(turn, resource, { ...resource.record, shutdownAt: turn.at });
  return {
    ...earlier,
    asking: sendShutdown(turn, resource),
    outcome: undefined,
    overdue: false,
    sends: earlier.sends + 1,
    until: after(turn.at, shutdown.timeout),
  };
}

/** Whether the command of an earlier run arrived is not known, and the machine answers: it is told again, which does no harm. */
const isForgotten = (turn: Turn, resource: Resource, activity: Leaving): boolean =>
  activity.asking === undefined &&
  activity.outcome === undefined &&
  mayBeTold(turn, resource) &&
  (resource.settings.check === undefined || resource.availability.ups > 0);

/** It could not be reached, and answers by now. */
const isToBeToldAgain = (turn: Turn, resource: Resource, activity: Leaving): boolean =>
  wasNeverReached(resource, activity) && mayBeTold(turn, resource) && activity.sends < mostSends;

/** It would be told (again) now, had nobody come in between: so it begins anew, with its off delay. */
export const beginsAnew = (turn: Turn, resource: Resource, activity: Leaving): boolean =>
  activity.missed && (isForgotten(turn, resource, activity) || isToBeToldAgain(turn, resource, activity));

const mayBeTold = ({ book, at }: Turn, resource: Resource): boolean =>
  book.link.name === "up" &&
  book.rival === undefined &&
  at >= book.link.graceUntil &&
  sightOf(resource) === "on";

/** A machine that could not be reached is told again when it answers, but not for ever: perhaps nothing there takes commands. */
const mostSends = 3;

/** A machine that boots answers a ping long before it takes logins: it is asked again whether it answers after so long. */
const tellAgainAfter = millis(10_000);

/** The command could not be delivered, and the machine has answered since: it was still booting, and is not going down. */
export const wasNeverReached = (
  { settings: { check }, availability }: Resource,
  { outcome }: Leaving,
): boolean => outcome === "unsure" && check !== undefined && availability.ups >= check.rise;

function isGone(turn: Turn, resource: Resource, shutdown: ShutdownSettings, activity: Leaving): boolean {
  return (
    lastSight(resource) === "on" &&
    isSilent(resource, activity) &&
    (shutdown.idleBelow === undefined || drawsLess(turn, resource, shutdown.idleBelow, activity))
  );
}

/**
 * Its checker says down, on answers since the command; without a checker the command's exit 0 counts. A machine that did not take the
 * command and has not answered since either is in doubt: perhaps only its network is away.
 */
function isSilent({ settings: { check }, availability }: Resource, activity: Leaving): boolean {
  if (check === undefined) {
    return activity.outcome === "done";
  }
  return (
    (activity.asking === undefined || activity.overdue) && // a command that hangs is not waited for any longer than the machine
    availability.downs >= check.fall &&
    (activity.outcome !== "failed" || activity.answered)
  );
}

/** Every meter has said so since the command, and just now. */
const drawsLess = (turn: Turn, resource: Resource, watts: number, activity: Leaving): boolean =>
  resource.outlets.every(
    ({ meteredAt }) =>
      meteredAt !== undefined &&
      meteredAt > activity.since &&
      meteredAt > before(turn.at, readingHolds(activity)),
  ) && Number(meterOf(resource).watts) < watts; // what is not known is less than nothing

/** It has been gone for `settle`. Of one that was left on a reading holds for long, so that the last one must be of after that. */
export function hasSettled(
  { at }: Turn,
  { outlets }: Resource,
  { idleBelow, settle }: ShutdownSettings,
  { goneSince, overdue }: Leaving,
): boolean {
  if (goneSince === undefined || after(goneSince, settle) > at) {
    return false;
  }
  const settled = after(goneSince, settle);
  return (
    idleBelow === undefined ||
    !overdue ||
    outlets.every(({ meteredAt }) => meteredAt !== undefined && meteredAt >= settled)
  );
}

/** When it must be looked at again, if nothing happens before. */
export function nextLookAtLeaving(
  turn: Turn,
  resource: Resource,
  shutdown: ShutdownSettings,
  activity: Leaving,
): Instant | undefined {
  const settled = activity.goneSince && after(activity.goneSince, shutdown.settle);
  const late = activity.overdue || activity.until <= turn.at ? undefined : activity.until;
  const next = soonerOf(soonerOf(settled, late), soonerOf(activity.measureAt, staleAt(resource, activity)));
  return next === undefined ? undefined : later(next, after(turn.at, millis(1)));
}

/** When the oldest reading that it is gone by will be too old. */
function staleAt(resource: Resource, activity: Leaving): Instant | undefined {
  if (activity.goneSince === undefined || activity.measureAt === undefined) {
    return undefined;
  }
  let stale: Instant | undefined;
  for (const { meteredAt } of resource.outlets) {
    stale = soonerOf(stale, meteredAt && after(meteredAt, readingHolds(activity)));
  }
  return stale;
}
