// The problems of a resource: which stand, since when, and the events that tell of their coming and going.
// Whether one stands is decided in the rooms; here it is only kept.

import { announce, publish } from "./announce.ts";
import type { Resource, Turn } from "./book.ts";
import type { ProblemCode } from "./pictures.ts";

/** @param message why, for a person; `undefined`: it does not stand (any more) */
export function setProblem(
  turn: Turn,
  resource: Resource,
  code: ProblemCode,
  message: string | undefined,
): void {
  const standing = resource.problems.get(code);
  if (message === undefined) {
    if (resource.problems.delete(code)) {
      announce(turn, resource.settings.name, "recovered", { code });
      publish(turn, resource);
    }
  } else if (standing === undefined) {
    resource.problems.set(code, { message, since: turn.at });
    announce(turn, resource.settings.name, "problem", { code, message });
    publish(turn, resource);
  }
}
