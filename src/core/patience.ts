// When a waiting request waits for something that nobody tries any more, and hears so (protocol 5 rule 6, and 4.1 `timeout`).
// Requests that named a timeout wait for that long in any case but one: a boot that took too long. Answering is done in waits.ts.

import type { Book, Resource, Turn } from "./book.ts";
import { formatDuration } from "./duration.ts";
import { sightOf } from "./supply.ts";
import { after, type Instant, later, type Millis } from "./time.ts";
import { oldestPatience } from "./waits.ts";
import { isHandOff } from "./wishes.ts";

/** Which waiting requests wait for something that nobody tries any more; `patient` are those that named no timeout. */
export function waitsInVain(
  turn: Turn,
  resource: Resource,
): { readonly who: "all" | "patient"; readonly message: string } | undefined {
  const { activity, settings, outlets, problems } = resource;
  if (activity.name === "starting") {
    if (activity.tooLateAt !== undefined) {
      const message = `${settings.name} did not become available within ${formatDuration(settings.bootTimeout)}`;
      return { who: activity.tooLateAt === turn.at ? "all" : "patient", message };
    }
    if (isHandOff(resource)) {
      return { who: "patient", message: `${settings.name} was switched off from outside` };
    }
    const needs = problems.get("needs-failed");
    if (needs !== undefined) {
      return { who: needs.since === turn.at ? "all" : "patient", message: needs.message };
    }
    const late = isOver(turn, resource, settings.switchTimeout) && sightOf(resource) !== "on";
    const deaf = outlets.find(({ mismatch, silent }) => mismatch || silent);
    if (late && deaf !== undefined) {
      return {
        who: "patient",
        message: `outlet ${deaf.settings.id} does not ${deaf.silent ? "answer" : "follow"}`,
      };
    }
    if (late && turn.book.settings.observe) {
      return { who: "patient", message: "with observe: true nothing is switched" };
    }
  }
  if (activity.name === "using" && isOver(turn, resource, settings.bootTimeout)) {
    return { who: "patient", message: `${settings.name} is on and does not answer` };
  }
  return undefined;
}

function isOver(turn: Turn, resource: Resource, patience: Millis): boolean {
  const ends = patienceEnds(turn.book, resource, patience);
  return ends !== undefined && ends <= turn.at;
}

/**
 * When the oldest request that named no timeout has waited for `patience`, and devices have had the grace after a (re)connection to come
 * back. `undefined`: there is none, or no link over which it could be told.
 */
export function patienceEnds({ link }: Book, resource: Resource, patience: Millis): Instant | undefined {
  const since = oldestPatience(resource);
  return since === undefined || link.name !== "up"
    ? undefined
    : later(after(since, patience), link.graceUntil);
}
