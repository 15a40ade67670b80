// Where the resources on one outlet want it, put together: on while any of them is wanted, off only when all are done with it
// (protocol 5 rule 7). Pure: it may be asked at any time, also just before a command goes out.

import type { Book, Outlet, Resource } from "./book.ts";
import { lockoutOn } from "./lockout.ts";
import { sightOf } from "./supply.ts";
import { isForced, isUrgent, staysOn } from "./wants.ts";

/** `keep`: it must not go off now; `leave`: nobody cares; `seeThrough`: an OFF is on its way, and is not repeated. */
export type Wish = "on" | "off" | "keep" | "leave" | "seeThrough";

export function wishFor(book: Book, outlet: Outlet): Wish {
  const wishes = new Set(outlet.resources.map((resource) => wishOf(book, resource, outlet)));
  if (outlet.resources.some((resource) => isCutByForce(book, resource, outlet))) {
    return "off";
  }
  for (const wish of ["seeThrough", "on", "keep", "off"] as const) {
    if (wishes.has(wish)) {
      return wish;
    }
  }
  return "leave";
}

/** Whoever else is on it: a forced lockout of this outlet, or a forced cycle. Not one of something that is needed, made elsewhere. */
const isCutByForce = (book: Book, resource: Resource, outlet: Outlet): boolean =>
  resource.activity.name === "stopping" &&
  resource.activity.cleared === "forced" &&
  (resource.record.cycle?.stage === "off"
    ? resource.record.cycle.force
    : isForced(book, resource) && lockoutOn(book, outlet) !== undefined);

function wishOf(book: Book, resource: Resource, outlet: Outlet): Wish {
  const { activity } = resource;
  switch (activity.name) {
    case "resting":
      return "leave";
    case "starting":
      return mayStart(book, resource, outlet) ? "on" : "keep";
    case "using":
      // Its other supply may be off, too, and not yet heard of: then it begins with what it needs.
      return !outlet.handOff && isPowered(resource) ? "on" : "keep";
    case "lingering":
    case "leaving":
    case "held":
      return "keep";
    case "stopping":
      if (activity.cleared !== "no" || !staysOn(book, resource)) {
        return "off";
      }
      return outlet.own === "leaving" ? "seeThrough" : "keep"; // of several outlets, some were told nothing
    case "cycling":
      return "off";
  }
}

/** On, as far as is known. What is off is about to be started, and takes its place among those that boot first. */
function isPowered(resource: Resource): boolean {
  const sight = sightOf(resource);
  return sight === "on" || (sight === "unknown" && needsAreThere(resource));
}

/** What it needs is there and it has its place among those that boot; or it is on already, with another supply. */
const mayStart = (book: Book, resource: Resource, outlet: Outlet): boolean =>
  !outlet.handOff &&
  !isHandOff(resource) &&
  (sightOf(resource) === "on" || (needsAreThere(resource) && hasPlace(book, resource)));

/** A hand has switched it off, and none of its outlets is on. */
export const isHandOff = (resource: Resource): boolean =>
  resource.outlets.some(({ handOff }) => handOff) && resource.outlets.every(({ seen }) => seen.name !== "on");

export const needsAreThere = (resource: Resource): boolean => resource.needs.every(isThere);

/** Available, freshly so, and not about to go off. */
const isThere = (need: Resource): boolean =>
  need.state === "available" &&
  sightOf(need) === "on" &&
  (need.activity.name === "using" || need.activity.name === "starting");

/** A relay that was told ON and does not follow lets others go first, and is told again nevertheless. */
const hasPlace = (book: Book, resource: Resource): boolean =>
  book.settings.limits.starting === 0 ||
  book.booting.has(resource) ||
  resource.outlets.some(({ command }) => command?.position === "on");

/** An operator wants it off now, so that it does not wait for `minOn`. */
export const offIsUrgent = (book: Book, outlet: Outlet): boolean =>
  outlet.resources.some((resource) => isUrgent(book, resource));
