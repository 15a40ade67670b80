// Which resources should be on now, and which must not go off yet: derived from tokens, needs, overrides, pools and lockouts at every
// look, never stored. How a resource gets there is in activity.ts.

import type { Book, Resource } from "./book.ts";
import { dependentsOf, isLockedByForce, lockoutOf } from "./lockout.ts";
import { sightOf } from "./supply.ts";

/** Somebody wants it, or something that needs it (protocol 4.3 rule 1). A lockout takes every want away. */
export function isWanted(book: Book, resource: Resource): boolean {
  for (const one of dependentsOf([resource])) {
    if (hasOwnWant(book, one) && lockoutOf(book, one) === undefined) {
      return true;
    }
  }
  return false;
}

/** Tokens, an override, a pool that keeps it warm, or a power cycle that is to bring it back. */
const hasOwnWant = (book: Book, resource: Resource): boolean =>
  resource.tokens.size > 0 ||
  resource.warm ||
  resource.record.cycle?.stage === "on" ||
  book.overrides.get(resource.settings.name)?.mode === "on";

/** Wanted, and not about to be switched off for an operator's power cycle. */
export const staysOn = (book: Book, resource: Resource): boolean =>
  resource.record.cycle?.stage !== "off" && isWanted(book, resource);

/** Used by somebody: not only kept on by an operator or kept warm. */
export const isUsed = (book: Book, resource: Resource): boolean =>
  [...dependentsOf([resource])].some((one) => one.tokens.size > 0 && lockoutOf(book, one) === undefined);

/** What needs it directly and is wanted, about to come back from a power cycle, or not known to be off: it may not lose what it needs. */
export const activeDependents = (book: Book, resource: Resource): Resource[] =>
  resource.dependents.filter(
    (one) => isWanted(book, one) || one.record.cycle !== undefined || !isSurelyOff(one),
  );

/** Seen off, and no ON is on its way. */
const isSurelyOff = (resource: Resource): boolean =>
  sightOf(resource) === "off" && resource.outlets.every(({ own }) => own !== "commanded");

/** An operator cuts it without a shutdown, whoever stands in the way. */
export const isForced = (book: Book, resource: Resource): boolean =>
  (resource.record.cycle?.stage === "off" && resource.record.cycle.force) || isLockedByForce(book, resource);

/** An operator wants it off now: no off delay, no `minOn`. */
export const isUrgent = (book: Book, resource: Resource): boolean =>
  resource.record.cycle?.stage === "off" || lockoutOf(book, resource) !== undefined;
