// What powers a resource, seen together: one outlet, or several that are switched as one (two power supplies). Only looks; what
// follows is decided in activity.ts, and relays are moved by outlet.ts.

import type { Outlet, Resource, Seen } from "./book.ts";
import type { Instant } from "./time.ts";

/** Any unknown: unknown; else any on: on (protocol section 10). */
export type Sight = Seen["name"];

/** What was seen before the last (re)connection is of the past: nothing follows from it. */
const seenNow = ({ stale, seen }: Outlet): Sight => (stale ? "unknown" : seen.name);

export const sightOf = (resource: Resource): Sight => together(resource.outlets.map(seenNow));

/** The same with what was seen before the last (re)connection, for showing it until something else is known. */
export const lastSight = (resource: Resource): Sight =>
  together(resource.outlets.map(({ seen }) => seen.name));

/** Every outlet was heard since the last (re)connection. */
export const isFresh = (resource: Resource): boolean => resource.outlets.every(({ stale }) => !stale);

/** Since when it has power; `undefined` when none of its outlets is on. */
export function onSince(resource: Resource): Instant | undefined {
  let earliest: Instant | undefined;
  for (const { seen } of resource.outlets) {
    if (seen.name === "on" && (earliest === undefined || seen.since < earliest)) {
      earliest = seen.since;
    }
  }
  return earliest;
}

/** Its outlets are known and do not stand alike. */
export function differs(resource: Resource): boolean {
  const [first, ...others] = resource.outlets.map(seenNow);
  return sightOf(resource) !== "unknown" && others.some((sight) => sight !== first);
}

/** What all its outlets draw and have metered together; `undefined` where none of them meters. */
export function meterOf(resource: Resource): {
  readonly watts: number | undefined;
  readonly kwh: number | undefined;
} {
  return {
    watts: sum(resource.outlets.map(({ watts }) => watts)),
    kwh: sum(resource.outlets.map(({ kwh }) => kwh)),
  };
}

/** Other resources on its outlets, and on theirs: what has several outlets ties them together. */
export function neighboursOf(resource: Resource): Resource[] {
  const all = new Set([resource]);
  for (const one of all) {
    for (const other of one.outlets.flatMap(({ resources }) => resources)) {
      all.add(other); // a set goes on over what is added while it is walked
    }
  }
  all.delete(resource);
  return [...all];
}

function together(sights: readonly Sight[]): Sight {
  if (sights.includes("unknown")) {
    return "unknown";
  }
  return sights.includes("on") ? "on" : "off";
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}
