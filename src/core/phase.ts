// What the controller is doing about a resource, in the one word that is shown (protocol section 3). The activity behind it is finer, and
// is decided in activity.ts.

import type { Book, Resource } from "./book.ts";
import { lockoutOf } from "./lockout.ts";
import type { Phase } from "./pictures.ts";
import { neighboursOf } from "./supply.ts";
import { isUsed, isWanted } from "./wants.ts";

export function phaseOf(book: Book, resource: Resource): Phase {
  const { activity } = resource;
  if (lockoutOf(book, resource) !== undefined) {
    // Switched on by hand while locked: it stays locked, and the problem says so.
    const isDone = activity.name === "resting" || (activity.name === "held" && activity.why === "outside");
    return isDone ? "locked" : "stopping";
  }
  switch (activity.name) {
    case "resting":
      return "idle";
    case "starting":
    case "cycling":
      return "starting";
    case "using":
      return isUsed(book, resource) ? "in-use" : "held";
    case "leaving":
      return activity.overdue ? "held" : "stopping";
    case "lingering":
      return isKeptByAnother(book, resource) ? "held" : "lingering";
    case "stopping":
    case "held":
      return activity.name;
  }
}

/** Whatever its off delay says, the power stays while another resource on the outlet is wanted. */
const isKeptByAnother = (book: Book, resource: Resource): boolean =>
  neighboursOf(resource).some((one) => isWanted(book, one));
