// Which resources may stand for what was asked, and which of them is the best (protocol 4.3 rule 7): the resource itself, or one
// member of a pool. Whether one is free, and whose turn it is, is for grant.ts.

import { type Book, need, type Pool, type Resource } from "./book.ts";
import { lockoutOf } from "./lockout.ts";
import type { State } from "./requests.ts";

/** One of the names that were asked for, with the resources that may stand for it. */
export interface Place {
  readonly name: string;
  readonly options: readonly Resource[];
}

export const placesOf = (book: Book, asked: readonly string[]): Place[] =>
  asked.map((name) => ({ name, options: membersOf(book, name) }));

/** The members of a pool; of a resource, itself. */
export const membersOf = (book: Book, name: string): readonly Resource[] =>
  book.pools.get(name)?.members ?? [need(book.resources, name)];

/**
 * One resource for each place, and none for two of them, or `undefined`. Options that stand first are preferred, but a place gives
 * way to another one that has no choice (the augmenting paths of bipartite matching): what can be had at once is had.
 */
export function assign(places: readonly Place[]): Resource[] | undefined {
  const taken = new Map<Resource, Place>();
  const seat = (place: Place, asked: Set<Resource>): boolean =>
    place.options.some((option) => {
      if (asked.has(option)) {
        return false;
      }
      asked.add(option);
      const other = taken.get(option);
      if (other !== undefined && !seat(other, asked)) {
        return false;
      }
      taken.set(option, place);
      return true;
    });
  if (!places.every((place) => seat(place, new Set()))) {
    return undefined;
  }
  const seats = new Map([...taken].map(([resource, place]) => [place, resource]));
  return places.map((place) => need(seats, place));
}

/** Those that are not locked out, the best first. */
export const byRank = (book: Book, resources: readonly Resource[]): Resource[] =>
  resources
    .flatMap((resource) => {
      const rank = rankOf(book, resource);
      return rank === undefined ? [] : [{ resource, rank }];
    })
    .toSorted((a, b) => compare(a.rank, b.rank))
    .map(({ resource }) => resource);

/**
 * The order in which members are chosen, the least first: available, powered, off; then the one with the fewest users; those with a
 * problem last. `undefined`: locked out, and never chosen.
 */
export const rankOf = (book: Book, resource: Resource): Rank | undefined =>
  lockoutOf(book, resource) === undefined
    ? [resource.problems.size > 0 ? 1 : 0, stepsToGo(resource), resource.tokens.size]
    : undefined;

/** Whether it has a problem, how far it is from available, how many users it has: the first that differs counts. */
export type Rank = readonly [trouble: number, steps: number, users: number];

/** For lists of equal length, in the order of their first numbers that differ. */
export function compare([a, ...others]: readonly number[], [b, ...otherwise]: readonly number[]): number {
  if (a === undefined || b === undefined) {
    return 0;
  }
  return a === b ? compare(others, otherwise) : a - b;
}

/** One that is going off must go all the way, and come back. Before a position is known after a start, it is taken to be as it was left. */
const stepsToGo = (resource: Resource): number =>
  isGoingOff(resource.activity.name)
    ? 3
    : nearness.indexOf(resource.state === "unknown" && !resource.shown ? leftAs(resource) : resource.state);

const leftAs = (resource: Resource): State =>
  !wasLeftOn(resource) ? "unknown" : resource.record.wasAvailable ? "available" : "powered";

/** When an earlier run ended, and not on its way off. */
const wasLeftOn = ({ outlets }: Resource): boolean =>
  outlets.some(({ own }) => own === "commanded" || own === "confirmed");

const nearness: readonly State[] = ["available", "powered", "off", "unknown"];

export const isGoingOff = (activity: Resource["activity"]["name"]): boolean =>
  activity === "stopping" || activity === "cycling" || activity === "leaving";

/** The best of its members: available, powered, unknown, off (protocol section 3). */
export const stateOfPool = ({ members }: Pool): State => {
  const states = new Set(members.map(({ state }) => state));
  return (["available", "powered", "unknown"] as const).find((state) => states.has(state)) ?? "off";
};

/** Tokens held on a resource, or on all members of a pool. */
export const usersOf = (book: Book, name: string): number =>
  membersOf(book, name).reduce((users, { tokens }) => users + tokens.size, 0);

const ascending: readonly State[] = ["unknown", "off", "powered", "available"];

/** The one that is furthest from available. */
export const weakest = (resources: readonly Resource[]): Resource =>
  resources.reduce((a, b) => (ascending.indexOf(b.state) < ascending.indexOf(a.state) ? b : a));

/** What can be said of all that was asked for: of a pool, by its best member. */
export const stateOf = (book: Book, asked: readonly string[]): State => {
  const states = asked.map((name) => {
    const pool = book.pools.get(name);
    return pool === undefined ? need(book.resources, name).state : stateOfPool(pool);
  });
  return states.reduce((a, b) => (ascending.indexOf(b) < ascending.indexOf(a) ? b : a));
};
