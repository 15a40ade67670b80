// The retained picture, made from the book. It is looked at only when the batch it belongs to is on disk.

import { wireTime } from "./announce.ts";
import type { Book, Resource, SwitcherBook } from "./book.ts";
import { usualBoot } from "./boots.ts";
import { offGate } from "./gates.ts";
import { holdersOf } from "./holders.ts";
import {
  type Phase,
  problemCodes,
  type Problem,
  type ResourcePicture,
  type StateObject,
  type SwitcherPicture,
} from "./pictures.ts";
import type { State } from "./requests.ts";
import { after, type Instant, later } from "./time.ts";

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
  return {
    state: resource.state,
    level: levels[resource.state],
    since: wireTime(book, resource.stateSince),
    phase: phaseOf(resource),
    users: resource.tokens.size,
    dependents: 0,
    queue: 0,
    exclusive: false,
    override: "auto",
    offAt: shown(offAt(book, resource, at)),
    readyAt: shown(readyAt(resource)),
    problem: problemOf(book, resource),
    watts: resource.watts ?? null,
    kwh: resource.kwh ?? null,
    time: wireTime(book, at),
  };
}

function phaseOf({ activity }: Resource): Phase {
  switch (activity.name) {
    case "resting":
      return "idle";
    case "starting":
    case "cycling":
      return "starting";
    case "using":
      return "in-use";
    case "lingering":
    case "stopping":
    case "held":
      return activity.name;
  }
}

/** When the power will go: the off delay, or later where a reconnection or `minOn` asks for it. */
function offAt(book: Book, resource: Resource, at: Instant): Instant | undefined {
  const outlet = book.outlets.get(resource.settings.outlet);
  if (resource.activity.name !== "lingering" || outlet === undefined) {
    return undefined;
  }
  const gate = offGate(book, outlet, resource, at);
  return gate.name === "until" ? later(resource.activity.offAt, gate.at) : resource.activity.offAt;
}

function readyAt(resource: Resource): Instant | undefined {
  const usual = usualBoot(resource);
  const { activity } = resource;
  return activity.name !== "starting" || activity.handOff || usual === undefined
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
