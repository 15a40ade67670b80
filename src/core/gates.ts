// What must be true before any relay is commanded, in one place. OFF is the only destructive command, so every doubt
// closes its gate: no link, no fresh report, a store that refuses, a second controller, too soon after a reconnection.

import type { Book, Link, Outlet } from "./book.ts";
import { lockoutOn } from "./lockout.ts";
import { after, type Instant, later, millis } from "./time.ts";

/** `open`; `until` a time; or `shut` until something happens (which is reviewed then). */
export type Gate =
  | { readonly name: "open" }
  | { readonly name: "until"; readonly at: Instant }
  | { readonly name: "shut"; readonly because: string };

const open: Gate = { name: "open" };
const shut = (because: string): Gate => ({ name: "shut", because });

const noLink = shut("there is no proved connection to the broker");

/** ON: also, nobody has locked it out, it has rested for `minOff`, and no other outlet of its group was switched on just now. */
export function onGate(book: Book, outlet: Outlet, at: Instant): Gate {
  const gate = book.link.name === "up" ? commandGate(book, book.link, outlet) : noLink;
  if (gate.name !== "open") {
    return gate;
  }
  if (lockoutOn(book, outlet) !== undefined) {
    return shut("it is locked out");
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
  if (book.link.name !== "up") {
    return noLink;
  }
  const gate = commandGate(book, book.link, outlet);
  if (gate.name !== "open") {
    return gate;
  }
  return notBefore(at, later(book.link.graceUntil, urgent ? at : rested(outlet, "minOn", at)));
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
  return proved ? open : shut("the link is not proved since the expiry");
}

const notBefore = (at: Instant, earliest: Instant): Gate =>
  earliest <= at ? open : { name: "until", at: earliest };

/** Whether commands may be sent to this outlet at all. */
function commandGate(book: Book, link: Extract<Link, { name: "up" }>, outlet: Outlet): Gate {
  if (book.store === "refusing") {
    return shut("the store refuses");
  }
  if (book.rival !== undefined) {
    return shut("another controller was heard");
  }
  if (!link.learned) {
    return shut("not every outlet has said where it stands, and 2 s have not passed");
  }
  return outlet.stale || outlet.seen.name === "unknown"
    ? shut("the outlet has not said where it stands")
    : open;
}
