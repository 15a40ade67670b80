// The activities that others lead to, and what is on record with them: start, linger, be used again, stay on. Which one follows when is in
// activity.ts and going-off.ts.

import { announce, publish } from "./announce.ts";
import type { Activity, Outlet, Resource, Turn } from "./book.ts";
import { keepRecord } from "./boots.ts";
import { setOwn } from "./outlet.ts";
import type { Sight } from "./supply.ts";
import { after, type Instant } from "./time.ts";
import { isUrgent } from "./wants.ts";

export type Named<Name extends Activity["name"]> = Extract<Activity, { name: Name }>;

export const start = (at: Instant): Named<"starting"> => ({
  name: "starting",
  since: at,
  bootBy: undefined,
  retries: 0,
  tooLateAt: undefined,
});

/** The off delay begins now, unless an operator wants it off. */
export const linger = (turn: Turn, resource: Resource): Named<"lingering"> => ({
  name: "lingering",
  offAt: isUrgent(turn.book, resource) ? turn.at : after(turn.at, resource.settings.offDelay),
});

/**
 * Wanted (again): in use if it was available since power-on, else to be started. Where another resource's OFF is on its way to one of its
 * outlets, that is seen through first.
 */
export function wantedAgain(resource: Resource, sight: Sight, at: Instant): Activity {
  if (sight !== "off" && resource.outlets.some(offIsOnItsWay)) {
    return { name: "stopping", usedSince: true, cleared: "no" };
  }
  return resource.record.wasAvailable && sight !== "off" ? { name: "using" } : start(at);
}

/** An operator does not wait for the off delay; when that is called off, it does again: also an OFF that was sent is not repeated. */
export function lingerAnew(turn: Turn, resource: Resource): void {
  const { activity } = resource;
  const waits = activity.name === "held" && (activity.why === "shared" || activity.why === "guarded");
  const stops = activity.name === "stopping" && activity.cleared === "no";
  if (activity.name === "lingering" || waits || stops) {
    resource.activity = linger(turn, resource);
    publish(turn, resource);
  }
}

/** An operator's power cycle is not to be, because somebody came who holds it. */
export function callOffCycle(turn: Turn, resource: Resource): void {
  endCycle(turn, resource);
  lingerAnew(turn, resource);
  announce(turn, resource.settings.name, "cycle", { stage: "called off" });
}

/** An operator's power cycle is over, or is not to be. */
export const endCycle = (turn: Turn, resource: Resource): void =>
  keepRecord(turn, resource, { ...resource.record, cycle: undefined });

/** It is off: an operator's power cycle goes on with bringing it back. */
export function advanceCycle(turn: Turn, resource: Resource): void {
  const { record } = resource;
  if (record.cycle?.stage === "off") {
    keepRecord(turn, resource, { ...record, cycle: { ...record.cycle, stage: "on" } });
  }
}

/** It was to go off, and stays. */
export function stayOn(turn: Turn, resource: Resource, sight: Sight): Activity {
  for (const outlet of resource.outlets) {
    if (outlet.seen.name === "on") {
      setOwn(turn, outlet, "confirmed");
    } else if (outlet.own === "leaving" && outlet.seen.name === "off") {
      setOwn(turn, outlet, "none"); // one of several: switched on again
    }
  }
  return wantedAgain(resource, sight, turn.at);
}

/** An OFF was sent to it, and it has neither followed nor said later that it did not. */
export const offIsOnItsWay = (outlet: Outlet): boolean =>
  outlet.own === "leaving" && (outlet.stale || outlet.seen.name !== "off") && !offWasIgnored(outlet);

/** It was told OFF, asked later, and answered that it is on. */
export function offWasIgnored({ command, heardAt, seen, stale }: Outlet): boolean {
  const askedAt = command?.askedAt;
  return !stale && seen.name === "on" && askedAt !== undefined && heardAt !== undefined && heardAt > askedAt;
}
