// The room of resources: what each one needs next to get where it is wanted, or to leave. `review` is level-triggered: it looks
// at what is true now and may be called at any time, so no event can be missed by it. What follows from seen power, availability
// and tokens is in activity.ts; relays are moved by outlet.ts.

import { nextActivity } from "./activity.ts";
import { announce, publish } from "./announce.ts";
import { isAvailable, keepChecking } from "./availability.ts";
import { need, type Outlet, type Resource, type Turn } from "./book.ts";
import { setDeadline } from "./deadlines.ts";
import { expiryGate, offGate } from "./gates.ts";
import { proveLink } from "./link-proof.ts";
import { seeThrough, settle } from "./outlet.ts";
import { patienceEnds, waitsInVain } from "./patience.ts";
import { setProblem } from "./problems.ts";
import type { State } from "./requests.ts";
import { keepRecord } from "./boots.ts";
import { type Instant, soonerOf } from "./time.ts";
import { answerWaiters, failWaiters } from "./waits.ts";

/** Look at a resource and do what follows: move its activity on, its relay, its checker; tell who waits; publish. */
export function review(turn: Turn, resource: Resource): void {
  const outlet = need(turn.book.outlets, resource.settings.outlet);
  notePower(turn, resource, outlet);
  if (turn.book.store === "writing") {
    moveOn(turn, resource, outlet);
    // Evidence of a reboot stands until the relay is where it should be, so that a batch taken back does not lose it.
    outlet.rebooted =
      outlet.rebooted && (outlet.stale || (outlet.seen.name === "on") !== resource.tokens.size > 0);
  }
  keepChecking(turn, resource, outlet.seen.name);
  noteState(turn, resource, outlet);
  noteProblems(turn, resource, outlet);
  showOnceKnown(turn, resource, outlet);
  if (turn.book.store === "writing") {
    answerWaiters(turn, resource);
    const { tokens } = resource;
    const held = tokens.size;
    failThoseInVain(turn, resource, outlet);
    if (tokens.size < held) {
      moveOn(turn, resource, outlet);
      noteProblems(turn, resource, outlet);
    }
  }
  const next = nextLook(turn, resource, outlet);
  setDeadline(turn.book.deadlines, { kind: "resource", name: resource.settings.name }, next);
}

/** Power-on and power-off as seen, whoever did it. */
function notePower(turn: Turn, resource: Resource, outlet: Outlet): void {
  const { seen } = outlet;
  if (seen.name === "on" && resource.power?.at !== seen.since) {
    resource.power = { at: seen.since, ours: outlet.onByCommand, available: false };
  } else if (seen.name === "off") {
    resource.power = undefined;
    resource.bootFailed = false;
    if (resource.record.wasAvailable && turn.book.store === "writing") {
      keepRecord(turn, resource, { ...resource.record, wasAvailable: false });
    }
  }
}

/** Each activity leads to another until one goes on; then the relay follows. */
function moveOn(turn: Turn, resource: Resource, outlet: Outlet): void {
  for (
    let next = nextActivity(turn, resource, outlet);
    next !== undefined;
    next = nextActivity(turn, resource, outlet)
  ) {
    resource.activity = next;
    publish(turn, resource);
  }
  moveRelay(turn, resource, outlet);
}

function moveRelay(turn: Turn, resource: Resource, outlet: Outlet): void {
  const { activity } = resource;
  switch (activity.name) {
    case "resting":
    case "held":
      settle(turn, outlet, resource, "leave");
      return;
    case "starting":
      settle(turn, outlet, resource, activity.handOff ? "leave" : "on");
      return;
    case "using":
      settle(turn, outlet, resource, "on");
      return;
    case "lingering":
      settle(turn, outlet, resource, "leave");
      if (resource.expiredAt !== undefined && expiryGate(turn.book, resource.expiredAt).name === "shut") {
        proveLink(turn, resource, resource.expiredAt);
      }
      return;
    case "stopping":
      if (resource.tokens.size > 0) {
        seeThrough(turn, outlet);
      } else {
        settle(turn, outlet, resource, "off");
      }
      return;
    case "cycling":
      settle(turn, outlet, resource, "off");
      return;
  }
}

function noteState(turn: Turn, resource: Resource, outlet: Outlet): void {
  const state = stateOf(resource, outlet);
  if (state !== resource.state) {
    announce(turn, resource.settings.name, "state", { from: resource.state, to: state });
    resource.state = state;
    resource.stateSince = turn.at;
    publish(turn, resource);
  }
  if (state === "available") {
    resource.bootFailed = false;
    resource.power = resource.power && { ...resource.power, available: true };
  }
}

function stateOf(resource: Resource, outlet: Outlet): State {
  switch (outlet.seen.name) {
    case "unknown":
      return "unknown";
    case "off":
      return "off";
    case "on":
      return isAvailable(resource) ? "available" : "powered";
  }
}

function noteProblems(turn: Turn, resource: Resource, outlet: Outlet): void {
  const { activity, availability, settings } = resource;
  const id = outlet.settings.id;
  const told = outlet.command?.position.toUpperCase();
  const ofAvailability = outlet.seen.name === "on" ? availability : undefined;
  const silentInUse = activity.name === "using" && ofAvailability?.verdict === "down";
  setProblem(
    turn,
    resource,
    "switch-unreachable",
    outlet.silent ? `outlet ${id} does not answer` : undefined,
  );
  setProblem(
    turn,
    resource,
    "switch-mismatch",
    outlet.mismatch ? `outlet ${id} was told ${told} and does not follow` : undefined,
  );
  setProblem(
    turn,
    resource,
    "external-off",
    activity.name === "starting" && activity.handOff
      ? `outlet ${id} was switched off from outside; a new acquire switches it on`
      : undefined,
  );
  setProblem(
    turn,
    resource,
    "boot-timeout",
    resource.bootFailed ? `${settings.name} is on and did not become available in time` : undefined,
  );
  setProblem(
    turn,
    resource,
    "not-answering",
    silentInUse ? `${settings.name} is in use and does not answer: ${availability.message}` : undefined,
  );
  setProblem(turn, resource, "check-error", ofAvailability?.error);
}

/** After a (re)connection nothing is published about it before its outlet has said where it stands, or was waited for. */
function showOnceKnown(turn: Turn, resource: Resource, outlet: Outlet): void {
  const { link } = turn.book;
  if (!resource.shown && link.name === "up" && (link.learned || !outlet.stale)) {
    resource.shown = true;
    publish(turn, resource);
  }
}

/** Requests for which nothing more is tried hear so (protocol 5 rule 6). */
function failThoseInVain(turn: Turn, resource: Resource, outlet: Outlet): void {
  const vain = waitsInVain(turn, resource, outlet);
  if (vain !== undefined) {
    failWaiters(turn, resource, vain.who, vain.message);
  }
}

/** When it must be looked at again, if nothing happens before. */
function nextLook(turn: Turn, resource: Resource, outlet: Outlet): Instant | undefined {
  const { activity, settings } = resource;
  const { at } = turn;
  switch (activity.name) {
    case "resting":
    case "held":
    case "stopping":
    case "cycling":
      return undefined;
    case "using":
      return future(at, patienceEnds(turn.book, resource, settings.bootTimeout));
    case "starting":
      return soonerOf(
        activity.tooLateAt !== undefined ? undefined : future(at, activity.bootBy),
        future(at, patienceEnds(turn.book, resource, settings.switchTimeout)),
      );
    case "lingering": {
      if (activity.offAt > at) {
        return activity.offAt;
      }
      const gate = offGate(turn.book, outlet, resource, at);
      return gate.name === "until" ? gate.at : undefined;
    }
  }
}

const future = (at: Instant, when: Instant | undefined): Instant | undefined =>
  when !== undefined && when > at ? when : undefined;
