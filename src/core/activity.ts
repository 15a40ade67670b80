// What a resource does next, as a machine: from each activity, given what is wanted and what is seen, which one follows.
// It is the power policy of protocol section 5 in one place; how one goes off is in going-off.ts. Relays are not moved here, only
// whose doing their position is.

import { announce } from "./announce.ts";
import { isAvailable } from "./availability.ts";
import type { Activity, Resource, Turn } from "./book.ts";
import {
  advanceCycle,
  endCycle,
  linger,
  type Named,
  offWasIgnored,
  start,
  stayOn,
  wantedAgain,
} from "./activities.ts";
import { noteBoot } from "./boots.ts";
import { adoptTheRest, backFromReboot, foundOn, noteHands, ownAll } from "./hands.ts";
import { isNeeded, leaveOn, lingerOn, stopOn, toGoOff } from "./going-off.ts";
import { dependentsOf } from "./lockout.ts";
import { setOwn } from "./outlet.ts";
import { onSince, type Sight, sightOf } from "./supply.ts";
import { ask } from "./switcher.ts";
import { after, later, soonerOf } from "./time.ts";
import { isWanted, staysOn } from "./wants.ts";

/** The activity that follows from what is true now; `undefined`: the present one goes on. */
export function nextActivity(turn: Turn, resource: Resource): Activity | undefined {
  const wanted = staysOn(turn.book, resource);
  const sight = sightOf(resource);
  const { activity } = resource;
  switch (activity.name) {
    case "resting":
      return wanted ? wantedAgain(resource, sight, turn.at) : restOn(turn, resource, sight);
    case "starting":
      return wanted ? startOn(turn, resource, activity, sight) : unwanted(turn, resource);
    case "using":
      return wanted ? useOn(turn, resource, sight) : unwanted(turn, resource);
    case "lingering":
      return wanted ? wantedAgain(resource, sight, turn.at) : lingerOn(turn, resource, activity, sight);
    case "leaving":
      return leaveOn(turn, resource, activity, wanted, sight);
    case "stopping":
      return stopOn(turn, resource, activity, wanted, sight);
    case "cycling":
      return cycleOn(turn, resource, activity, wanted, sight);
    case "held":
      return wanted ? wantedAgain(resource, sight, turn.at) : holdOn(turn, resource, activity, sight);
  }
}

/** Nobody wants it, and nothing is under way. */
function restOn(turn: Turn, resource: Resource, sight: Sight): Activity | undefined {
  switch (sight) {
    case "unknown":
      return undefined;
    case "off":
      for (const outlet of resource.outlets) {
        // An ON that was sent may still arrive; when the switcher has answered a later question with "off", it will not.
        const mayArrive = outlet.own === "commanded" && outlet.switcher.asking !== undefined;
        if (!mayArrive && !outlet.resources.some((one) => isWanted(turn.book, one))) {
          setOwn(turn, outlet, "none");
        }
      }
      advanceCycle(turn, resource);
      return staysOn(turn.book, resource) ? start(turn.at) : undefined;
    case "on":
      return foundOn(turn, resource);
  }
}

function startOn(
  turn: Turn,
  resource: Resource,
  activity: Named<"starting">,
  sight: Sight,
): Activity | undefined {
  switch (sight) {
    case "unknown":
      return undefined;
    case "off":
      if (noteHands(turn, resource)) {
        return start(turn.at);
      }
      // It went off while it booted, or after it had taken too long: the next power-on has its own time.
      return activity.bootBy === undefined ? undefined : { ...start(turn.at), retries: activity.retries };
    case "on":
      noteHands(turn, resource);
      return finishCycle(turn, resource) ?? whileBooting(turn, resource, activity);
  }
}

/** Wanted, on, and not available yet (rule 6). */
function whileBooting(turn: Turn, resource: Resource, activity: Named<"starting">): Activity | undefined {
  const { settings, power } = resource;
  confirm(turn, resource);
  if (isAvailable(resource) || resource.record.wasAvailable || power?.available === true) {
    noteBoot(turn, resource);
    return { name: "using" };
  }
  if (activity.bootBy === undefined) {
    const since = later(soonerOf(onSince(resource), turn.at), activity.since);
    return { ...activity, bootBy: after(since, settings.bootTimeout) };
  }
  const anew = after(turn.at, settings.bootTimeout);
  const rebooted = resource.outlets.some((outlet) => outlet.rebooted);
  if (rebooted && activity.tooLateAt === undefined && activity.bootBy < anew) {
    return { ...activity, bootBy: anew }; // its socket lost power, or may have: so did the machine
  }
  if (activity.tooLateAt !== undefined || activity.bootBy > turn.at) {
    return undefined;
  }
  if (activity.retries < settings.bootRetries && mayBeCycled(resource)) {
    announce(turn, settings.name, "cycle", { retry: activity.retries + 1, of: settings.bootRetries });
    return { name: "cycling", retries: activity.retries + 1 };
  }
  resource.bootFailed = true;
  resource.unfitToBeWarm = true;
  return { ...activity, tooLateAt: turn.at };
}

/**
 * The nevers of rule 6 (that it was not available is known here), and two that follow from sharing power: not under another machine on
 * the same outlet, nor under one that needs it.
 */
const mayBeCycled = (resource: Resource): boolean =>
  resource.power?.ours === true &&
  !somebodyWasTold(resource) &&
  resource.outlets.every(({ resources }) => resources.length === 1) &&
  !isUnderAnother(resource);

/** Something that needs it is on, or may be. */
const isUnderAnother = (resource: Resource): boolean =>
  [...dependentsOf(resource.dependents)].some((one) => sightOf(one) !== "off");

/** What is seen on while it is wanted is ours; an OFF that is on its way to it is still to be seen through. */
function confirm(turn: Turn, resource: Resource): void {
  for (const outlet of resource.outlets) {
    if (outlet.seen.name === "on" && (outlet.own !== "leaving" || offWasIgnored(outlet))) {
      setOwn(turn, outlet, "confirmed");
    }
  }
}

/** Wanted, and it was available: an outage of the machine changes nothing, one of its power does. */
function useOn(turn: Turn, resource: Resource, sight: Sight): Activity | undefined {
  noteHands(turn, resource);
  if (sight === "on") {
    confirm(turn, resource);
    return finishCycle(turn, resource);
  }
  return sight === "off" ? start(turn.at) : undefined;
}

/** An operator's power cycle has brought it back: what nobody wants goes off again, unless it stood on by a hand before. */
function finishCycle(turn: Turn, resource: Resource): Activity | undefined {
  const { cycle } = resource.record;
  if (cycle === undefined) {
    return undefined;
  }
  endCycle(turn, resource);
  if (!cycle.adopted || isWanted(turn.book, resource)) {
    return undefined;
  }
  ownAll(turn, resource.outlets, "outside");
  return { name: "held", why: "outside" };
}

/** Nobody wants it any more. */
function unwanted(turn: Turn, resource: Resource): Activity {
  for (const outlet of resource.outlets) {
    outlet.handOff = outlet.handOff && outlet.resources.some((one) => isWanted(turn.book, one));
  }
  const mayBeOn = resource.outlets.some(
    (outlet) => outlet.seen.name === "on" || (outlet.seen.name === "unknown" && outlet.own === "confirmed"),
  );
  if (mayBeOn) {
    return linger(turn, resource);
  }
  for (const outlet of resource.outlets) {
    if (outlet.own === "commanded") {
      ask(turn, outlet.switcher); // has the ON arrived?
    }
  }
  return { name: "resting" };
}

/**
 * A power cycle of a machine that did not boot. It ends at once when the machine answers, when somebody was told `ok`, or when something
 * that needs it is on: a neighbour may have had its outlet switched on.
 */
function cycleOn(
  turn: Turn,
  resource: Resource,
  activity: Named<"cycling">,
  wanted: boolean,
  sight: Sight,
): Activity | undefined {
  if (sight === "off") {
    for (const outlet of resource.outlets) {
      setOwn(turn, outlet, "none");
    }
    return { ...start(turn.at), retries: activity.retries }; // which rests at once if nobody is left
  }
  const tooMany = activity.retries > resource.settings.bootRetries; // they were made fewer meanwhile
  const calledOff = tooMany || isAvailable(resource) || somebodyWasTold(resource) || isUnderAnother(resource);
  if (resource.outlets.some((outlet) => outlet.own === "leaving")) {
    return !wanted || calledOff
      ? { name: "stopping", usedSince: true, cleared: "no" } // it was wanted until now: no OFF again without a delay
      : undefined;
  }
  if (!wanted) {
    return unwanted(turn, resource);
  }
  return calledOff ? stayOn(turn, resource, sight) : undefined;
}

/** On without being wanted, and left alone for now. */
function holdOn(turn: Turn, resource: Resource, activity: Named<"held">, sight: Sight): Activity | undefined {
  if (sight === "off") {
    const byHand = resource.outlets.filter(({ own: whose }) => whose !== "leaving");
    if (byHand.length > 0) {
      announce(turn, resource.settings.name, "external-off", {
        outlet: byHand.map(({ settings }) => settings.id).join(","),
      });
    }
    return { name: "resting" };
  }
  switch (activity.why) {
    case "observed":
      return undefined;
    case "outside":
      backFromReboot(turn, resource);
      adoptTheRest(turn, resource);
      // Used since by another resource on its outlets: it goes off with that one.
      return resource.outlets.some((outlet) => outlet.own === "outside") ? undefined : linger(turn, resource);
    case "needed":
      return isNeeded(turn.book, resource) ? undefined : linger(turn, resource);
    case "shared":
    case "guarded": {
      const next = toGoOff(turn, resource, activity);
      return next?.name === "held" && next.why === activity.why ? undefined : next;
    }
  }
}

const somebodyWasTold = (resource: Resource): boolean =>
  [...resource.tokens.values()].some((token) => token.record.told);
