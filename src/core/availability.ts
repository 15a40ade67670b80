// Whether a powered resource answers, and whether its `keepWhile` says to leave it alone: when these checkers run, and how many answers
// in a row are believed (`rise`, `fall`). What follows from it is decided in activity.ts and resource.ts.

import type { Availability, Resource, Turn } from "./book.ts";
import { setDeadline } from "./deadlines.ts";
import type { CheckSettings } from "./settings.ts";
import { after, type Instant, millis } from "./time.ts";

/** In transition a checker runs at least this often (protocol, CONFIG: "at least every 2s, or every interval when that is shorter"). */
export const inTransition = millis(2000);

export const unchecked = (): Availability => ({
  verdict: "unchecked",
  ups: 0,
  downs: 0,
  error: undefined,
  message: "",
  attempt: 0,
  running: false,
  nextAt: undefined,
});

/** What it said is of the past; an answer that is still to come is not waited for. */
export const forget = (availability: Availability): void => {
  Object.assign(availability, unchecked(), { attempt: availability.attempt });
};

/** Check while it is powered; forget the verdict when it is off. An unknown relay changes nothing: the machine may well be on. */
export function keepChecking(turn: Turn, resource: Resource, power: "on" | "off" | "unknown"): void {
  const { availability } = resource;
  const { check } = resource.settings;
  if (check === undefined) {
    return;
  }
  if (power === "off") {
    forget(availability);
  } else if (!availability.running && isDue(availability, power, turn.at)) {
    run(turn, resource, "availability", availability);
  }
  setDeadline(turn.book.deadlines, { kind: "check", name: resource.settings.name }, availability.nextAt);
}

/** Ask `keepWhile` while its answer may hold back a shutdown or a cut; else forget what it said. */
export function keepGuard(turn: Turn, resource: Resource, asked: boolean): void {
  const { guard } = resource;
  if (resource.settings.keepWhile === undefined) {
    return;
  }
  if (!asked) {
    forget(guard);
  } else if (!guard.running && (guard.nextAt === undefined || guard.nextAt <= turn.at)) {
    run(turn, resource, "keepWhile", guard);
  }
  setDeadline(turn.book.deadlines, { kind: "guard", name: resource.settings.name }, guard.nextAt);
}

function run(
  turn: Turn,
  resource: Resource,
  of: "availability" | "keepWhile",
  availability: Availability,
): void {
  availability.attempt += 1;
  availability.running = true;
  availability.nextAt = undefined;
  const { name } = resource.settings;
  turn.effects.push({ kind: "check", resource: name, of, attempt: availability.attempt });
}

/** An earlier run left it available, and this one does not know yet whether it still is: as many attempts as could show that it is not. */
export function awaitsFirstVerdict({ settings: { check }, record, availability }: Resource): boolean {
  const { attempt, running, verdict } = availability;
  return (
    check !== undefined &&
    record.wasAvailable &&
    verdict === "unchecked" &&
    (attempt < check.fall || (attempt === check.fall && running))
  );
}

/** From now on only new answers count for going up or down; what is believed stays. */
export function countAnew({ availability }: Resource, at: Instant): void {
  availability.ups = 0;
  availability.downs = 0;
  availability.nextAt = availability.running ? undefined : at;
}

/** A first check waits for power; once begun they go on, also while the relay's position is unknown. */
const isDue = ({ nextAt }: Availability, power: "on" | "unknown", at: Instant): boolean =>
  nextAt === undefined ? power === "on" : nextAt <= at;

/**
 * Take a check's outcome in. Errors count neither way: they say nothing about the resource.
 * @param known how it stands: `changing`, something waits for a change, so that it is asked more often; `was available` since its
 *   power-on, in an earlier run: then one answer is enough, `rise` is for machines that come up, and `fall` counts as for one that is up
 * @returns false if it belongs to an older attempt, or to a power-on that is over
 */
export function takeCheck(
  turn: Turn,
  availability: Availability,
  check: CheckSettings,
  known: { readonly changing: boolean; readonly wasAvailable: boolean },
  result: { readonly attempt: number; readonly outcome: "up" | "down" | "error"; readonly message: string },
): boolean {
  if (!availability.running || result.attempt !== availability.attempt) {
    return false;
  }
  availability.running = false;
  availability.message = result.message;
  availability.error = result.outcome === "error" ? result.message : undefined;
  if (result.outcome === "up") {
    availability.ups += 1;
    availability.downs = 0;
  } else if (result.outcome === "down") {
    availability.downs += 1;
    availability.ups = 0;
  }
  const leftUp = known.wasAvailable && availability.verdict === "unchecked";
  const rise = leftUp ? 1 : check.rise;
  const fall = leftUp || availability.verdict === "up" ? check.fall : 1;
  if (availability.ups >= rise) {
    availability.verdict = "up";
  } else if (availability.downs >= fall) {
    availability.verdict = "down";
  }
  const often = known.changing || availability.verdict !== "up";
  availability.nextAt = after(
    turn.at,
    often ? millis(Math.min(check.interval, inTransition)) : check.interval,
  );
  return true;
}

export const isAvailable = (resource: Resource): boolean =>
  resource.settings.check === undefined || resource.availability.verdict === "up";
