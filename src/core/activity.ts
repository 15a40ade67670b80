// What a resource does next, as a machine: from each activity, given what is wanted and what is seen, which one follows.
// It is the power policy of protocol section 5 in one place. Relays are not moved here, only whose doing their position is.

import { announce } from "./announce.ts";
import { isAvailable } from "./availability.ts";
import type { Activity, Outlet, Resource, Seen, Turn } from "./book.ts";
import { noteBoot } from "./boots.ts";
import { expiryGate, offGate } from "./gates.ts";
import { setOwn } from "./outlet.ts";
import { ask } from "./switcher.ts";
import { after, type Instant, later } from "./time.ts";

type Named<Name extends Activity["name"]> = Extract<Activity, { name: Name }>;
type Sight = Seen["name"];

/** What was seen before the last (re)connection is of the past: nothing follows from it. */
const seenNow = ({ stale, seen }: Outlet): Seen => (stale ? { name: "unknown" } : seen);

/** The activity that follows from what is true now; `undefined`: the present one goes on. */
export function nextActivity(turn: Turn, resource: Resource, outlet: Outlet): Activity | undefined {
  const wanted = resource.tokens.size > 0;
  const seen = seenNow(outlet).name;
  const { activity } = resource;
  switch (activity.name) {
    case "resting":
      return wanted ? wantedAgain(resource, seen, turn.at) : restOn(turn, resource, outlet, seen);
    case "starting":
      return wanted ? startOn(turn, resource, outlet, activity) : unwanted(turn, resource, outlet);
    case "using":
      return wanted ? useOn(turn, outlet, seen) : unwanted(turn, resource, outlet);
    case "lingering":
      return wanted ? wantedAgain(resource, seen, turn.at) : lingerOn(turn, resource, outlet, activity, seen);
    case "stopping":
      return stopOn(turn, resource, outlet, activity, wanted, seen);
    case "cycling":
      return cycleOn(turn, resource, outlet, activity, wanted, seen);
    case "held":
      return wanted ? wantedAgain(resource, seen, turn.at) : holdOn(turn, resource, outlet, seen);
  }
}

/** A new want lifts a hand's OFF: what was confirmed on and is not seen on now may be switched on again (rule 9). */
export function handIsLifted(turn: Turn, resource: Resource, outlet: Outlet): void {
  if (outlet.own === "confirmed" && (outlet.seen.name !== "on" || outlet.stale)) {
    setOwn(turn, outlet, "commanded");
  }
  if (resource.activity.name === "starting" && resource.activity.handOff) {
    resource.activity = start(turn.at);
  }
}

/**
 * A batch was taken back: what a resource does must fit those who hold it again. What it was before is not known any more, but
 * nobody's machine is in doubt left as it is.
 */
export function fitToTokens(turn: Turn, resource: Resource, outlet: Outlet): void {
  const { activity } = resource;
  const wanted = resource.tokens.size > 0;
  switch (activity.name) {
    case "resting":
    case "lingering":
    case "held":
      if (wanted) {
        resource.activity = wantedAgain(resource, outlet.seen.name, turn.at);
      } else if (activity.name === "held" && outlet.own === "none") {
        resource.activity = { name: "resting" }; // found on anew when it can be written
      }
      return;
    case "starting":
    case "using":
      if (!wanted) {
        resource.activity = unusedAgain(turn, resource, outlet);
      }
      return;
    case "cycling":
      if (outlet.own !== "leaving") {
        // Decided in that batch, and told to nobody: the machine is given its time once more.
        resource.activity = { ...start(turn.at), retries: activity.retries - 1 };
      }
      return;
    case "stopping":
      return; // it looks for itself whether OFF was sent
  }
}

function unusedAgain(turn: Turn, resource: Resource, { seen, own }: Outlet): Activity {
  if (own === "outside") {
    return { name: "held", why: "outside" };
  }
  return seen.name === "on" ? linger(turn, resource) : { name: "resting" };
}

const start = (at: Instant): Named<"starting"> => ({
  name: "starting",
  since: at,
  bootBy: undefined,
  retries: 0,
  tooLateAt: undefined,
  handOff: false,
});

const linger = (turn: Turn, resource: Resource): Activity => ({
  name: "lingering",
  offAt: after(turn.at, resource.settings.offDelay),
});

/** Wanted (again): in use if it was available since power-on, else to be started. */
export function wantedAgain(resource: Resource, seen: Sight, at: Instant): Activity {
  return resource.record.wasAvailable && seen !== "off" ? { name: "using" } : start(at);
}

/** Nobody wants it, and nothing is under way. */
function restOn(turn: Turn, resource: Resource, outlet: Outlet, seen: Sight): Activity | undefined {
  switch (seen) {
    case "unknown":
      return undefined;
    case "off":
      // An ON that was sent may still arrive; when the switcher has answered a later question with "off", it will not.
      if (outlet.own !== "commanded" || outlet.switcher.asking === undefined) {
        setOwn(turn, outlet, "none");
      }
      return undefined;
    case "on":
      return foundOn(turn, resource, outlet);
  }
}

/** On, and nobody wants it: ours, put right after a reboot, or a hand's (rule 8, and section 10 on who was away). */
function foundOn(turn: Turn, resource: Resource, outlet: Outlet): Activity {
  if (outlet.own === "outside") {
    return { name: "held", why: "outside" };
  }
  if (outlet.own !== "none" || outlet.rebooted) {
    setOwn(turn, outlet, "confirmed"); // durable, because the evidence is not
    return linger(turn, resource);
  }
  const { name, onExternalOn } = resource.settings;
  announce(turn, name, "external-on", { outlet: outlet.settings.id, policy: onExternalOn });
  switch (onExternalOn) {
    case "adopt":
    case "ignore":
      setOwn(turn, outlet, "outside");
      return { name: "held", why: "outside" };
    case "reclaim":
      setOwn(turn, outlet, "confirmed");
      return linger(turn, resource);
  }
}

function startOn(
  turn: Turn,
  resource: Resource,
  outlet: Outlet,
  activity: Named<"starting">,
): Activity | undefined {
  const seen = seenNow(outlet);
  switch (seen.name) {
    case "unknown":
      return undefined;
    case "off":
      return whileOff(turn, resource, outlet, activity);
    case "on":
      return whileBooting(turn, resource, outlet, activity, seen.since);
  }
}

/** Wanted and off: on its way, rebooted into the wrong position, or switched off by a hand (rule 9). */
function whileOff(
  turn: Turn,
  resource: Resource,
  outlet: Outlet,
  activity: Named<"starting">,
): Activity | undefined {
  if (activity.handOff || outlet.own !== "confirmed") {
    return undefined;
  }
  if (outlet.rebooted) {
    setOwn(turn, outlet, "none");
    return start(turn.at);
  }
  const { name, onExternalOff } = resource.settings;
  announce(turn, name, "external-off", { outlet: outlet.settings.id, policy: onExternalOff });
  if (onExternalOff === "restore") {
    setOwn(turn, outlet, "none");
    return start(turn.at);
  }
  return { ...start(turn.at), handOff: true };
}

/** Wanted, on, and not available yet (rule 6). */
function whileBooting(
  turn: Turn,
  resource: Resource,
  outlet: Outlet,
  activity: Named<"starting">,
  onSince: Instant,
): Activity | undefined {
  const { settings, power } = resource;
  setOwn(turn, outlet, "confirmed");
  if (isAvailable(resource) || resource.record.wasAvailable || power?.available === true) {
    noteBoot(turn, resource);
    return { name: "using" };
  }
  if (activity.handOff) {
    return start(turn.at); // the hand has switched it on again
  }
  if (activity.bootBy === undefined) {
    return { ...activity, bootBy: after(later(onSince, activity.since), settings.bootTimeout) };
  }
  const anew = after(turn.at, settings.bootTimeout);
  if (outlet.rebooted && activity.tooLateAt === undefined && activity.bootBy < anew) {
    return { ...activity, bootBy: anew }; // its socket lost power, or may have: so did the machine
  }
  if (activity.tooLateAt !== undefined || activity.bootBy > turn.at) {
    return undefined;
  }
  if (activity.retries < settings.bootRetries && power?.ours === true && !somebodyWasTold(resource)) {
    announce(turn, settings.name, "cycle", { retry: activity.retries + 1, of: settings.bootRetries });
    return { name: "cycling", retries: activity.retries + 1 };
  }
  resource.bootFailed = true;
  return { ...activity, tooLateAt: turn.at };
}

/** Wanted, and it was available: an outage of the machine changes nothing, one of its power does. */
function useOn(turn: Turn, outlet: Outlet, seen: Sight): Activity | undefined {
  if (seen === "on") {
    setOwn(turn, outlet, "confirmed");
  }
  return seen === "off" ? start(turn.at) : undefined;
}

/** The last token is gone. */
function unwanted(turn: Turn, resource: Resource, outlet: Outlet): Activity {
  if (outlet.seen.name === "on" || (outlet.seen.name === "unknown" && outlet.own === "confirmed")) {
    return linger(turn, resource); // for all that is known it is on
  }
  if (outlet.own === "commanded") {
    ask(turn, outlet.switcher, 0); // has the ON arrived?
  }
  return { name: "resting" };
}

/** Off only when nothing speaks against it; while a gate is shut it goes on lingering. */
function lingerOn(
  turn: Turn,
  resource: Resource,
  outlet: Outlet,
  activity: Named<"lingering">,
  seen: Sight,
): Activity | undefined {
  if (seen === "off") {
    if (outlet.own !== "leaving") {
      announce(turn, resource.settings.name, "external-off", { outlet: outlet.settings.id });
    }
    return { name: "resting" };
  }
  const open =
    activity.offAt <= turn.at &&
    offGate(turn.book, outlet, resource, turn.at).name === "open" &&
    expiryGate(turn.book, resource.expiredAt).name === "open";
  if (!open) {
    return undefined;
  }
  if (turn.book.settings.observe) {
    announce(turn, resource.settings.name, "switch-off", { outlet: outlet.settings.id, observe: true });
    return { name: "held", why: "observed" };
  }
  return { name: "stopping", usedSince: false };
}

/** OFF is decided. A token that comes now is granted; an OFF that was sent is seen through, and never repeated (rule 3). */
function stopOn(
  turn: Turn,
  resource: Resource,
  outlet: Outlet,
  activity: Named<"stopping">,
  wanted: boolean,
  seen: Sight,
): Activity | undefined {
  if (seen === "off") {
    setOwn(turn, outlet, "none");
    return { name: "resting" };
  }
  if (!wanted) {
    return activity.usedSince ? linger(turn, resource) : undefined;
  }
  const stillOn = outlet.own !== "leaving" || offWasIgnored(outlet);
  return stillOn
    ? stayOn(turn, resource, outlet, seen)
    : activity.usedSince
      ? undefined
      : { name: "stopping", usedSince: true };
}

/** A power cycle of a machine that did not boot. It ends at once when the machine answers, or when somebody was told `ok`. */
function cycleOn(
  turn: Turn,
  resource: Resource,
  outlet: Outlet,
  activity: Named<"cycling">,
  wanted: boolean,
  seen: Sight,
): Activity | undefined {
  if (seen === "off") {
    setOwn(turn, outlet, "none");
    return { ...start(turn.at), retries: activity.retries }; // which rests at once if nobody is left
  }
  if (outlet.own === "leaving") {
    return !wanted || isAvailable(resource) || somebodyWasTold(resource)
      ? { name: "stopping", usedSince: true } // it was wanted until now: no OFF again without a delay
      : undefined;
  }
  if (!wanted) {
    return unwanted(turn, resource, outlet);
  }
  return isAvailable(resource) || somebodyWasTold(resource)
    ? stayOn(turn, resource, outlet, seen)
    : undefined;
}

function stayOn(turn: Turn, resource: Resource, outlet: Outlet, seen: Sight): Activity {
  setOwn(turn, outlet, "confirmed");
  return wantedAgain(resource, seen, turn.at);
}

/** On without a token, and left alone. */
function holdOn(turn: Turn, resource: Resource, outlet: Outlet, seen: Sight): Activity | undefined {
  if (seen !== "off") {
    return undefined;
  }
  announce(turn, resource.settings.name, "external-off", { outlet: outlet.settings.id });
  return { name: "resting" };
}

/** It was told OFF, asked later, and answered that it is on. */
function offWasIgnored({ command, heardAt, seen, stale }: Outlet): boolean {
  const askedAt = command?.askedAt;
  return !stale && seen.name === "on" && askedAt !== undefined && heardAt !== undefined && heardAt > askedAt;
}

const somebodyWasTold = (resource: Resource): boolean =>
  [...resource.tokens.values()].some((token) => token.record.told);
