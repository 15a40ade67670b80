// Lockouts: which outlets an operator holds off, and which resources cannot be used because of it. A lockout is bound to outlets
// and outlives the resource through which it was made. Making and lifting one is in override.ts.

import type { Book, Outlet, Resource } from "./book.ts";
import type { OverrideRecord } from "./changes.ts";

/** The lockout that holds this outlet off. */
export function lockoutOn(book: Book, outlet: Outlet): OverrideRecord | undefined {
  for (const record of book.overrides.values()) {
    if (record.outlets.includes(outlet.settings.id)) {
      return record;
    }
  }
  return undefined;
}

/** The lockout that keeps a resource from being used: on its outlets, or on those of something that it needs. */
export function lockoutOf(book: Book, resource: Resource): OverrideRecord | undefined {
  if (book.overrides.size === 0) {
    return undefined;
  }
  for (const one of needsOf(resource)) {
    for (const outlet of one.outlets) {
      const found = lockoutOn(book, outlet);
      if (found !== undefined) {
        return found;
      }
    }
  }
  return undefined;
}

/** Whether one of the lockouts that keep it from being used was made with force: another one without it takes nothing of that away. */
export function isLockedByForce(book: Book, resource: Resource): boolean {
  const forced = [...book.overrides.values()].filter(({ force }) => force).flatMap(({ outlets }) => outlets);
  return (
    forced.length > 0 &&
    [...needsOf(resource)].some(({ outlets }) => outlets.some(({ settings }) => forced.includes(settings.id)))
  );
}

/** The resource and everything that it needs, directly or not. */
export function needsOf(resource: Resource): Set<Resource> {
  const all = new Set([resource]);
  for (const one of all) {
    for (const need of one.needs) {
      all.add(need); // a set goes on over what is added while it is walked
    }
  }
  return all;
}

/** The resources and everything that needs them, directly or not. */
export function dependentsOf(resources: Iterable<Resource>): Set<Resource> {
  const all = new Set(resources);
  for (const one of all) {
    for (const dependent of one.dependents) {
      all.add(dependent);
    }
  }
  return all;
}

/** What an operator has said of it; a lockout of its outlets counts, whichever resource it was made through. */
export function overrideOf(book: Book, resource: Resource): "auto" | "on" | "off" {
  if (resource.outlets.some((outlet) => lockoutOn(book, outlet) !== undefined)) {
    return "off";
  }
  return book.overrides.get(resource.settings.name)?.mode === "on" ? "on" : "auto";
}

/** For a refusal, and for the tokens that it ends. */
export function lockoutSentence({ resource, by, reason }: OverrideRecord, name: string): string {
  const through = resource === name ? "" : ` through ${resource}`;
  return `${name} is locked out${through}${by === undefined ? "" : ` by ${by}`}${reason === undefined ? "" : `: ${reason}`}`;
}
