// Which problems of protocol section 8.2 stand for a resource now, and in which words. Keeping and telling them is problems.ts's.

import type { Resource, Turn } from "./book.ts";
import { isGivenUp } from "./hands.ts";
import { lockoutOf } from "./lockout.ts";
import { patienceOf } from "./outlet.ts";
import type { ProblemCode } from "./pictures.ts";
import { setProblem } from "./problems.ts";
import { lastSight } from "./supply.ts";
import { after, type Instant } from "./time.ts";
import { isHandOff } from "./wishes.ts";

export function noteProblems(turn: Turn, resource: Resource): void {
  setProblem(turn, resource, "switch-unreachable", unreachable(resource));
  setProblem(turn, resource, "switch-mismatch", mismatch(turn, resource));
  setProblem(turn, resource, "external-on", externalOn(turn, resource));
  setProblem(turn, resource, "external-off", externalOff(resource));
  setProblem(turn, resource, "boot-timeout", bootTimeout(resource));
  setProblem(turn, resource, "needs-failed", needsFailed(turn, resource));
  setProblem(turn, resource, "shutdown-timeout", shutdownTimeout(turn, resource));
  setProblem(turn, resource, "not-answering", notAnswering(resource));
  setProblem(turn, resource, "check-error", checkError(resource));
}

function unreachable({ outlets }: Resource): string | undefined {
  const silent = outlets.find((outlet) => outlet.silent);
  return silent && `outlet ${silent.settings.id} does not answer`;
}

function mismatch(turn: Turn, { outlets, differsSince }: Resource): string | undefined {
  const deaf = outlets.find((outlet) => outlet.mismatch);
  if (deaf !== undefined) {
    return `outlet ${deaf.settings.id} was told ${deaf.command?.position.toUpperCase()} and does not follow`;
  }
  const patience = outlets.map(patienceOf).toSorted((a, b) => b - a)[0];
  if (differsSince === undefined || patience === undefined || after(differsSince, patience) > turn.at) {
    return undefined;
  }
  return `its outlets do not stand alike: ${outlets.map(({ settings, seen }) => `${settings.id} is ${seen.name}`).join(", ")}`;
}

function externalOn(turn: Turn, resource: Resource): string | undefined {
  const { activity, settings } = resource;
  const locked = lockoutOf(turn.book, resource) !== undefined;
  return locked && activity.name === "held" && activity.why === "outside"
    ? `${settings.name} is locked out and was switched on from outside; it is left alone, because somebody is there`
    : undefined;
}

function externalOff(resource: Resource): string | undefined {
  if (resource.activity.name !== "starting" || !isHandOff(resource)) {
    return undefined;
  }
  const touched = resource.outlets.filter(({ handOff }) => handOff);
  const names = touched.map(({ settings }) => settings.id).join(", ");
  const often = touched.some(isGivenUp) ? " again and again, and is not restored any more" : "";
  return `outlet ${names} was switched off from outside${often}; a new acquire switches it on`;
}

const bootTimeout = ({ bootFailed, settings }: Resource): string | undefined =>
  bootFailed ? `${settings.name} is on and did not become available in time` : undefined;

/** Problems of a need that keep it from becoming available, as long as it is not. */
const fatal: readonly ProblemCode[] = [
  "switch-unreachable",
  "switch-mismatch",
  "external-off",
  "boot-timeout",
  "needs-failed",
];

/** Wanted, not on, and waiting for something that will not come by itself. */
function needsFailed(turn: Turn, resource: Resource): string | undefined {
  const failing = failingNeed(resource);
  return failing === undefined || failing.from > turn.at
    ? undefined
    : `${resource.settings.name} needs ${failing.name}, which has the problem ${failing.code}`;
}

/** The first of its needs that does not come, and from when on that is taken for a failure: a switch has time to be heard again. */
export function failingNeed(
  resource: Resource,
): { readonly name: string; readonly code: ProblemCode; readonly from: Instant } | undefined {
  if (resource.activity.name !== "starting" || lastSight(resource) === "on") {
    return undefined;
  }
  for (const { problems, settings, state } of resource.needs) {
    const code = fatal.find((one) => problems.has(one));
    const since = code && problems.get(code)?.since;
    if (state !== "available" && code !== undefined && since !== undefined) {
      const from = code === "switch-unreachable" ? after(since, settings.switchTimeout) : since;
      return { name: settings.name, code, from };
    }
  }
  return undefined;
}

function shutdownTimeout(turn: Turn, resource: Resource): string | undefined {
  const { activity, guard, settings } = resource;
  if (
    activity.name === "held" &&
    activity.why === "guarded" &&
    lockoutOf(turn.book, resource) !== undefined
  ) {
    // Whoever locked it out is about to put their hands in.
    return `${settings.name} is locked out and still on because of its keepWhile (${guard.message}); an override with force cuts it`;
  }
  if (activity.name !== "leaving" || !activity.overdue) {
    return undefined;
  }
  const { refusal } = activity;
  return refusal === undefined
    ? `${settings.name} was told to shut down and is still on; it is left on`
    : `${settings.name} could not be shut down and is left on: ${refusal}`;
}

function notAnswering(resource: Resource): string | undefined {
  const { activity, availability, settings } = resource;
  const silent = lastSight(resource) === "on" && availability.verdict === "down";
  return silent && activity.name === "using"
    ? `${settings.name} is in use and does not answer: ${availability.message}`
    : undefined;
}

function checkError(resource: Resource): string | undefined {
  const ofChecker = lastSight(resource) === "on" ? resource.availability.error : undefined;
  const ofGuard = resource.guard.error;
  return ofChecker ?? (ofGuard === undefined ? undefined : `keepWhile: ${ofGuard}`);
}
