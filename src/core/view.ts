// The retained picture, made from the book when the batch that changed it is on the disk: never inside a step.

import { wireTime } from "./announce.ts";
import type { Book, Pool, Resource, SwitcherBook } from "./book.ts";
import { usualBoot } from "./boots.ts";
import { offGateOpens } from "./gates.ts";
import { holdersOf, isExclusivelyHeld } from "./holders.ts";
import { lockoutOf, overrideOf } from "./lockout.ts";
import { phaseOf } from "./phase.ts";
import {
  type PoolPicture,
  problemCodes,
  type Problem,
  type ResourcePicture,
  type StateObject,
  type SwitcherPicture,
} from "./pictures.ts";
import { stateOfPool } from "./pools.ts";
import type { State } from "./requests.ts";
import { meterOf } from "./supply.ts";
import { after, type Instant, later } from "./time.ts";
import { activeDependents } from "./wants.ts";
import { isHandOff } from "./wishes.ts";

/** The published list of holders is bounded (protocol section 2). */
const holdersShown = 20;

const levels: Readonly<Record<State, StateObject["level"]>> = {
  unknown: -1,
  off: 0,
  powered: 1,
  available: 2,
};

export function resourcePicture(book: Book, resource: Resource, at: Instant): ResourcePicture {
  const users = resource.tokens.size;
  return {
    name: resource.settings.name,
    object: stateObject(book, resource, at),
    holders: {
      users,
      holders: holdersOf(book, resource, 0, holdersShown),
      more: Math.max(0, users - holdersShown),
    },
  };
}

function stateObject(book: Book, resource: Resource, at: Instant): StateObject {
  const shown = (when: Instant | undefined): string | null =>
    when === undefined ? null : wireTime(book, when);
  const { watts, kwh } = meterOf(resource);
  return {
    state: resource.state,
    level: levels[resource.state],
    since: wireTime(book, resource.stateSince),
    phase: phaseOf(book, resource),
    users: resource.tokens.size,
    dependents: activeDependents(book, resource).length,
    queue: resource.queue.length,
    exclusive: isExclusivelyHeld(resource),
    override: overrideOf(book, resource),
    offAt: shown(offAt(book, resource, at)),
    readyAt: shown(readyAt(resource)),
    problem: problemOf(book, resource),
    watts: watts ?? null,
    kwh: kwh ?? null,
    time: wireTime(book, at),
  };
}

/** When the power will go: the off delay, or later where a reconnection or `minOn` asks for it. */
function offAt(book: Book, resource: Resource, at: Instant): Instant | undefined {
  if (resource.activity.name !== "lingering" || phaseOf(book, resource) !== "lingering") {
    return undefined;
  }
  const due = resource.activity.offAt;
  return later(due, offGateOpens(book, resource, at) ?? due);
}

function readyAt(resource: Resource): Instant | undefined {
  const usual = usualBoot(resource);
  const { activity } = resource;
  return activity.name !== "starting" || isHandOff(resource) || usual === undefined
    ? undefined
    : after(resource.power?.at ?? activity.since, usual);
}

function problemOf(book: Book, resource: Resource): Problem | null {
  for (const code of problemCodes) {
    const standing = resource.problems.get(code);
    if (standing !== undefined) {
      return { code, message: standing.message, since: wireTime(book, standing.since) };
    }
  }
  return null;
}

export function poolPicture(book: Book, pool: Pool, at: Instant): PoolPicture {
  const { members } = pool;
  const state = stateOfPool(pool);
  return {
    name: pool.settings.name,
    object: {
      state,
      level: levels[state],
      users: members.reduce((users, { tokens }) => users + tokens.size, 0),
      queue: pool.queue.length,
      free: members.filter(({ tokens }) => tokens.size === 0).length,
      members: members.length,
      time: wireTime(book, at),
    },
    ready: members.some((member) => member.state === "available" && isFreeToShare(book, member)),
  };
}

/** One more could hold it now, together with those who do. */
const isFreeToShare = (book: Book, member: Resource): boolean =>
  !isExclusivelyHeld(member) &&
  member.queue.length === 0 &&
  (member.settings.capacity === 0 || member.tokens.size < member.settings.capacity) &&
  lockoutOf(book, member) === undefined;

export function switcherPicture({ settings, outlets, reach }: SwitcherBook): SwitcherPicture {
  return {
    name: settings.name,
    object: {
      online: reach === "answering",
      type: settings.type,
      outlets: Object.fromEntries(outlets.map((outlet) => [outlet.settings.outlet, outlet.seen.name])),
      problem: reach === "silent" ? "does not answer" : null,
    },
  };
}
