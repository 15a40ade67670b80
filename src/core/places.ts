// Places among those that may boot at once (`limits.starting`): first come, first served, given back when a boot is over, failed, or
// called off. Spacing within a group (`stagger`) is a gate of each outlet, in gates.ts.

import { type Resource, touch, type Turn } from "./book.ts";
import { onSince } from "./supply.ts";
import { staysOn } from "./wants.ts";
import { isHandOff, needsAreThere } from "./wishes.ts";

/** A resource that could be switched on now takes a place, or waits for one. What is on already counts in any case. */
export function takePlace(turn: Turn, resource: Resource): void {
  const { booting, awaitingPlace, settings } = turn.book;
  const { starting: limit } = settings.limits;
  if (limit === 0 || !isBooting(resource)) {
    return;
  }
  if (booting.has(resource)) {
    if (booting.size <= limit || hasBegun(resource)) {
      return;
    }
    booting.delete(resource); // it was on, one too many, and went off again
  }
  if (!hasBegun(resource) && [...turn.touched].some((one) => comesBack(turn, one))) {
    touch(turn, resource); // its turn is after theirs
    return;
  }
  const [first = resource] = awaitingPlace;
  if (hasBegun(resource) || (booting.size < limit && first === resource)) {
    booting.add(resource);
    awaitingPlace.delete(resource);
  } else {
    awaitingPlace.add(resource);
  }
}

/** It is on, in the middle of a boot that nobody waited for any more, and is about to take its place again. */
const comesBack = ({ book }: Turn, resource: Resource): boolean =>
  onSince(resource) !== undefined &&
  !resource.record.wasAvailable &&
  !book.booting.has(resource) &&
  staysOn(book, resource);

/** Its boot is over, or goes nowhere: the next one may begin. */
export function givePlace(turn: Turn, resource: Resource): void {
  const { booting, awaitingPlace } = turn.book;
  if (isBooting(resource)) {
    return;
  }
  const waited = awaitingPlace.delete(resource);
  if (booting.delete(resource) || waited) {
    const [next] = awaitingPlace;
    if (next !== undefined) {
      touch(turn, next);
    }
  }
}

/** It is on, or an ON is on its way. */
const hasBegun = (resource: Resource): boolean =>
  onSince(resource) !== undefined || resource.outlets.some(({ command }) => command?.position === "on");

/** On its way up, with a chance to arrive: one supply is enough. */
const isBooting = (resource: Resource): boolean =>
  resource.activity.name === "starting" &&
  resource.activity.tooLateAt === undefined &&
  !isHandOff(resource) &&
  (onSince(resource) !== undefined || mayComeUp(resource));

const mayComeUp = (resource: Resource): boolean =>
  needsAreThere(resource) && resource.outlets.every(({ mismatch, silent }) => !mismatch && !silent);
