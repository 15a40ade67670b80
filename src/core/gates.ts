// What must be true before any relay is commanded, in one place. OFF is the only destructive command, so every doubt
// closes its gate: no link, no fresh report, a store that refuses, a second controller, too soon after a reconnection.

import type { Book, Outlet, Resource } from "./book.ts";
import { lockoutOn } from "./lockout.ts";
import { after, type Instant, later, millis } from "./time.ts";
import { isUrgent } from "./wants.ts";

/** `open`; `until` a time; or `shut` until something happens (which is reviewed then). */
export type Gate =
  | { readonly name: "open" }
  | { readonly name: "until"; readonly at: Instant }
  | { readonly name: "shut" };

const open: Gate = { name: "open" };
const shut: Gate = { name: "shut" };

/** ON: also, nobody has locked it out, it has rested for `minOff`, and no other outlet of its group was switched on just now. */
export function onGate(book: Book, outlet: Outlet, at: Instant): Gate {
  if (!takesCommands(book, outlet) || lockoutOn(book, outlet) !== undefined) {
    return shut;
  }
  const { lastOnAt, settings } = outlet.switcher;
  const apart = lastOnAt === undefined ? at : after(lastOnAt, settings.stagger);
  return notBefore(at, later(apart, rested(outlet, "minOff", at)));
}

/**
 * OFF: also, the grace after a reconnection is over, and it has been on for `minOn`.
 * @param urgent an operator's OFF does not wait for `minOn`
 */
export function offGate(book: Book, outlet: Outlet, at: Instant, urgent: boolean): Gate {
  const { link } = book;
  if (link.name !== "up" || !takesCommands(book, outlet)) {
    return shut;
  }
  return notBefore(at, later(link.graceUntil, urgent ? at : rested(outlet, "minOn", at)));
}

/** When the last of a resource's outlets may be switched off, as far as that is a matter of time. */
export function offGateOpens(book: Book, resource: Resource, at: Instant): Instant | undefined {
  let latest: Instant | undefined;
  for (const outlet of resource.outlets) {
    const gate = offGate(book, outlet, at, isUrgent(book, resource));
    if (gate.name === "until" && (latest === undefined || gate.at > latest)) {
      latest = gate.at;
    }
  }
  return latest;
}

/** Of several resources on one outlet, the longest pause counts. */
const rested = ({ movedAt, resources }: Outlet, which: "minOn" | "minOff", at: Instant): Instant =>
  movedAt === undefined
    ? at
    : after(movedAt, millis(Math.max(0, ...resources.map(({ settings }) => settings[which]))));

/** OFF after an expiry: also, a round trip begun after it has shown that a renewal would have come through. */
export function expiryGate(book: Book, proofAfter: Instant | undefined): Gate {
  const proved =
    proofAfter === undefined ||
    (book.link.name === "up" && book.link.provedAt !== undefined && book.link.provedAt >= proofAfter);
  return proved ? open : shut;
}

const notBefore = (at: Instant, earliest: Instant): Gate =>
  earliest <= at ? open : { name: "until", at: earliest };

/**
 * Whether commands may be sent to this outlet at all: there is a connection to the broker, all outlets have said where they stand or were
 * waited for, this one has said so, the store writes, and no other controller was heard.
 */
const takesCommands = ({ link, store, rival }: Book, { stale, seen }: Outlet): boolean =>
  link.name === "up" &&
  link.learned &&
  !stale &&
  seen.name !== "unknown" &&
  store === "writing" &&
  rival === undefined;
