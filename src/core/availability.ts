// Whether a powered resource answers: when its checker runs, and how many answers in a row are believed (`rise`, `fall`).
// What availability means for waiting requests and for boot time-outs is decided in resource.ts.

import type { Availability, Resource, Turn } from "./book.ts";
import { setDeadline } from "./deadlines.ts";
import type { CheckSettings } from "./settings.ts";
import { after, type Instant, type Millis, millis } from "./time.ts";

/** In transition a checker runs at least this often (protocol, CONFIG: "at least every 2s, or every interval when that is shorter"). */
const inTransition = millis(2000);

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

/** Check while it is powered; forget the verdict when it is off. An unknown relay changes nothing: the machine may well be on. */
export function keepChecking(turn: Turn, resource: Resource, power: "on" | "off" | "unknown"): void {
  const { availability } = resource;
  const { check } = resource.settings;
  if (check === undefined) {
    return;
  }
  if (power === "off") {
    const { attempt } = availability;
    Object.assign(availability, unchecked(), { attempt });
  } else if (!availability.running && isDue(availability, power, turn.at)) {
    availability.attempt += 1;
    availability.running = true;
    availability.nextAt = undefined;
    turn.effects.push({ kind: "check", resource: resource.settings.name, attempt: availability.attempt });
  }
  setDeadline(turn.book.deadlines, { kind: "check", name: resource.settings.name }, availability.nextAt);
}

/** A first check waits for power; once begun they go on, also while the relay's position is unknown. */
const isDue = ({ nextAt }: Availability, power: "on" | "unknown", at: Instant): boolean =>
  nextAt === undefined ? power === "on" : nextAt <= at;

/**
 * Take a check's outcome in. Errors count neither way: they say nothing about the resource.
 * @returns false if it belongs to an older attempt, or to a power-on that is over
 */
export function takeCheck(
  turn: Turn,
  resource: Resource,
  check: CheckSettings,
  result: { readonly attempt: number; readonly outcome: "up" | "down" | "error"; readonly message: string },
): boolean {
  const { availability } = resource;
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
  if (availability.ups >= check.rise) {
    availability.verdict = "up";
  } else if (availability.downs >= check.fall || (availability.downs > 0 && availability.verdict !== "up")) {
    availability.verdict = "down";
  }
  availability.nextAt = after(turn.at, pause(availability, check));
  return true;
}

const pause = (availability: Availability, check: CheckSettings): Millis =>
  availability.verdict === "up" ? check.interval : millis(Math.min(check.interval, inTransition));

export const isAvailable = (resource: Resource): boolean =>
  resource.settings.check === undefined || resource.availability.verdict === "up";
