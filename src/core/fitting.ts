// The store has refused a batch: what resources do must fit those who hold them again.

import { linger, start, wantedAgain } from "./activities.ts";
import type { Activity, Resource, Turn } from "./book.ts";
import { onSince, type Sight } from "./supply.ts";
import { isWanted } from "./wants.ts";

/**
 * A batch was taken back: what a resource does must fit those who hold it again. What it was before is not known any more, but
 * nobody's machine is in doubt left as it is.
 */
export function fitToTokens(turn: Turn, resource: Resource): void {
  const { activity } = resource;
  const wanted = isWanted(turn.book, resource);
  switch (activity.name) {
    case "resting":
    case "lingering":
    case "held":
      if (wanted) {
        resource.activity = wantedAgain(resource, lastSeen(resource), turn.at);
      } else if (activity.name === "held" && resource.outlets.every(({ own }) => own === "none")) {
        resource.activity = { name: "resting" }; // found on anew when it can be written
      }
      return;
    case "starting":
    case "using":
      if (!wanted) {
        resource.activity = unusedAgain(turn, resource);
      }
      return;
    case "leaving":
      if (resource.record.shutdownAt === undefined) {
        resource.activity = wanted
          ? wantedAgain(resource, lastSeen(resource), turn.at)
          : unusedAgain(turn, resource); // decided in that batch: the machine was told nothing
      }
      return;
    case "cycling":
      if (resource.outlets.every(({ own }) => own !== "leaving")) {
        // Decided in that batch, and told to nobody: the machine is given its time once more.
        resource.activity = { ...start(turn.at), retries: activity.retries - 1 };
      }
      return;
    case "stopping":
      if (activity.cleared === "no" && resource.outlets.every(({ own }) => own !== "leaving")) {
        // Decided in that batch, perhaps for an operator whose lockout is not on the disk: it has its off delay once more.
        resource.activity = wanted
          ? wantedAgain(resource, lastSeen(resource), turn.at)
          : unusedAgain(turn, resource);
      }
      return;
  }
}

const lastSeen = (resource: Resource): Sight => (onSince(resource) === undefined ? "off" : "on");

function unusedAgain(turn: Turn, resource: Resource): Activity {
  if (resource.outlets.some(({ own }) => own === "outside")) {
    return { name: "held", why: "outside" };
  }
  return onSince(resource) === undefined ? { name: "resting" } : linger(turn, resource);
}
