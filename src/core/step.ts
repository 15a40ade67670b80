// The way in: one event, routed to the room that it concerns, and what is to be done because of it. The book is changed in
// place and deterministically: the same events give the same effects. What happens to effects is the caller's business.

import { fitToTokens } from "./activity.ts";
import { announce, ignore, publish } from "./announce.ts";
import { takeCheck } from "./availability.ts";
import { type Book, need, type Outlet, type Turn } from "./book.ts";
import { takeRequest } from "./claims.ts";
import { nextDeadline, setDeadline, type Subject, takeDue } from "./deadlines.ts";
import type { Effect } from "./effects.ts";
import type { Event } from "./events.ts";
import { tokenIsDue } from "./expiry.ts";
import {
  drainLink,
  learnIfKnown,
  linkIsDue,
  loseLink,
  reviewAll,
  scheduleOverdue,
  settleAccounts,
  takeProof,
} from "./link.ts";
import { hear } from "./outlet.ts";
import { review } from "./resource.ts";
import { ask, askAfresh, askIsDue, lose, tellRetainedCommands } from "./switcher.ts";
import { forgetEnded } from "./tokens.ts";
import { after, type Instant, millis } from "./time.ts";
import { replyWasTaken } from "./waits.ts";

/** A meter alone changes the published object at most so often (protocol section 2). */
const meterPause = millis(30_000);

/** Take one event in. @returns what is to be done, in order; everything to persist before everything else */
export function step(book: Book, event: Event): Effect[] {
  const turn: Turn = { book, at: event.at, effects: [] };
  route(turn, event);
  return turn.effects;
}

/** The earliest moment at which `wokeUp` is due; `undefined`: nothing is waited for. */
export const nextWakeUp = (book: Book): Instant | undefined => nextDeadline(book.deadlines);

function route(turn: Turn, event: Event): void {
  const { book } = turn;
  switch (event.kind) {
    case "requested":
      takeRequest(turn, event.request);
      return;
    case "wokeUp":
      wakeUp(turn, takeDue(book.deadlines, turn.at));
      return;
    case "wallClockMoved":
      book.wallOffset = event.offset;
      return;
    case "stoodStill":
      if (book.link.name !== "down") {
        drainLink(turn);
      }
      return;
    case "linkConnected":
      drainLink(turn);
      return;
    case "linkLost":
      loseLink(turn);
      return;
    case "linkProved":
      if (!takeProof(turn, event.attempt)) {
        ignore(turn, event.kind, String(event.attempt), "this marker is not waited for");
      }
      return;
    case "replied":
      replyWasTaken(turn, event.outbox);
      return;
    case "rivalHeard":
      meetRival(turn, event.instance);
      return;
    case "rivalGone":
      partRival(turn);
      return;
    case "storeRefused":
      book.store = "refusing";
      for (const resource of book.resources.values()) {
        fitToTokens(turn, resource, need(book.outlets, resource.settings.outlet));
      }
      reviewAll(turn);
      return;
    case "storeRecovered":
      recover(turn);
      return;
    case "switcherConnected":
    case "switcherLost":
    case "switcherHinted":
    case "switcherRebooted":
    case "retainedCommandFound":
      routeSwitcher(turn, event);
      return;
    case "outletReported":
    case "metered":
    case "commandFailed":
      routeOutlet(turn, event);
      return;
    case "checked":
      routeCheck(turn, event);
      return;
  }
}

type OfKind<Kind extends Event["kind"]> = Extract<Event, { kind: Kind }>;

function routeSwitcher(
  turn: Turn,
  event: OfKind<
    "switcherConnected" | "switcherLost" | "switcherHinted" | "switcherRebooted" | "retainedCommandFound"
  >,
): void {
  const switcher = turn.book.switchers.get(event.switcher);
  if (switcher === undefined) {
    ignore(turn, event.kind, event.switcher, "no switcher has this name");
    return;
  }
  switch (event.kind) {
    case "switcherConnected":
      askAfresh(turn, switcher);
      return;
    case "switcherLost":
      lose(turn, switcher);
      return;
    case "switcherHinted":
      ask(turn, switcher, 0);
      return;
    case "switcherRebooted":
      for (const outlet of switcher.outlets) {
        outlet.rebooted = true;
        outlet.stale = true; // until it has said where it stands since
      }
      ask(turn, switcher, 0);
      return;
    case "retainedCommandFound":
      if (!switcher.retainedCommands.has(event.topic)) {
        switcher.retainedCommands.set(event.topic, "untold");
        tellRetainedCommands(turn, switcher);
      }
      return;
  }
}

function routeOutlet(turn: Turn, event: OfKind<"outletReported" | "metered" | "commandFailed">): void {
  const outlet = turn.book.outlets.get(event.outlet);
  if (outlet === undefined) {
    ignore(turn, event.kind, event.outlet, "no outlet has this name");
    return;
  }
  const { resource } = outlet;
  switch (event.kind) {
    case "outletReported":
      hear(turn, outlet, event.position, event.uptime);
      learnIfKnown(turn);
      break;
    case "metered":
      if (resource !== undefined) {
        resource.watts = event.watts ?? resource.watts;
        resource.kwh = event.kwh ?? resource.kwh;
        const due = after(resource.publishedAt ?? turn.at, meterPause);
        setDeadline(turn.book.deadlines, { kind: "meter", name: resource.settings.name }, due);
      }
      return;
    case "commandFailed":
      // The next repeat comes by itself; a report that belongs to an older attempt says nothing about this one.
      ignore(
        turn,
        event.kind,
        event.outlet,
        event.attempt === outlet.attempt ? event.reason : "an older attempt",
      );
      return;
  }
  reviewOwner(turn, outlet);
}

function reviewOwner(turn: Turn, { resource }: Outlet): void {
  if (resource !== undefined) {
    review(turn, resource);
  }
}

function routeCheck(turn: Turn, event: OfKind<"checked">): void {
  const resource = turn.book.resources.get(event.resource);
  const check = resource?.settings.check;
  if (resource === undefined || check === undefined) {
    ignore(turn, event.kind, event.resource, "no resource of this name has a checker");
  } else if (takeCheck(turn, resource, check, event)) {
    review(turn, resource);
  } else {
    ignore(turn, event.kind, event.resource, "it belongs to an older attempt or to a power-on that is over");
  }
}

/** First who has fallen silent, so that nothing that is due at the same moment is decided on what was seen of him before. */
function wakeUp(turn: Turn, due: readonly Subject[]): void {
  const { book } = turn;
  const mute = due.flatMap((subject) =>
    subject.kind === "switcher" ? askIsDue(turn, need(book.switchers, subject.name)) : [],
  );
  for (const outlet of mute) {
    reviewOwner(turn, outlet);
  }
  for (const subject of due) {
    isDue(turn, subject);
  }
}

function isDue(turn: Turn, subject: Subject): void {
  const { book } = turn;
  switch (subject.kind) {
    case "token": {
      const resource = need(book.resources, subject.resource);
      const token = resource.tokens.get(subject.token);
      if (token !== undefined) {
        tokenIsDue(turn, resource, token); // else it ended by what was due at the same moment
      }
      return;
    }
    case "resource":
    case "check":
      review(turn, need(book.resources, subject.name));
      return;
    case "meter":
      publish(turn, need(book.resources, subject.name));
      return;
    case "outlet":
      reviewOwner(turn, need(book.outlets, subject.name));
      return;
    case "switcher":
      learnIfKnown(turn); // whether it is silent was noted before anything else
      return;
    case "link":
      linkIsDue(turn);
      return;
    case "ended":
      if (book.store === "writing") {
        forgetEnded(turn);
      }
      return;
  }
}

function meetRival(turn: Turn, instance: string): void {
  if (turn.book.rival === undefined) {
    announce(turn, undefined, "rival", { instance, settled: false });
  }
  turn.book.rival = instance;
}

function partRival(turn: Turn): void {
  const { rival } = turn.book;
  if (rival !== undefined) {
    turn.book.rival = undefined;
    announce(turn, undefined, "rival", { instance: rival, settled: true });
    reviewAll(turn);
  }
}

/** The disk takes writes again: what was held back goes on. */
function recover(turn: Turn): void {
  const { book } = turn;
  book.store = "writing";
  scheduleOverdue(book, turn.at);
  for (const [id, { taken }] of book.outbox) {
    if (taken) {
      replyWasTaken(turn, id);
    }
  }
  forgetEnded(turn);
  if (book.link.name === "up") {
    settleAccounts(turn);
  }
  reviewAll(turn);
}
