// The way in: one event, routed to the room that it concerns, and what is to be done because of it. The book is changed in
// place and deterministically: the same events give the same effects. What happens to effects is the caller's business.

import { fitToTokens } from "./fitting.ts";
import { announce, ignore, publish } from "./announce.ts";
import { takeCheck } from "./availability.ts";
import { type Book, BrokenInvariant, need, type Outlet, type Pool, touch, type Turn } from "./book.ts";
import { takeRequest } from "./claims.ts";
import { nextDeadline, setDeadline, type Subject, takeDue } from "./deadlines.ts";
import type { Effect } from "./effects.ts";
import type { Event } from "./events.ts";
import { wakeQueued, wakeToken } from "./expiry.ts";
import { doubtThatItIsGone, takeOutcome } from "./leaving.ts";
import {
  drainLink,
  learnIfKnown,
  loseLink,
  reviewAll,
  scheduleOverdue,
  settleAccounts,
  takeProof,
  wakeLink,
} from "./link.ts";
import { hear } from "./outlet.ts";
import { wakeOverride } from "./override.ts";
import { scheduleOverrides } from "./overrides-due.ts";
import { serveQueue } from "./queue.ts";
import { reconfigure } from "./reconfigure.ts";
import { review } from "./resource.ts";
import { ask, askAfresh, lose, tellRetainedCommands, wakeSwitcher } from "./switcher.ts";
import { forgetEnded } from "./tokens.ts";
import { after, type Instant, millis } from "./time.ts";
import { noteReplyTaken } from "./waits.ts";
import { keepWarm, reviewPool } from "./warm.ts";

/** A meter alone changes the published object at most so often (protocol section 2). */
const meterPause = millis(30_000);

/** Take one event in. @returns what is to be done, in order; everything to persist before everything else */
export function step(book: Book, event: Event): Effect[] {
  const turn: Turn = {
    book,
    at: event.at,
    effects: [],
    touched: new Set(),
    unserved: new Set(),
    touchedPools: new Set(),
  };
  route(turn, event);
  lookAround(turn);
  return turn.effects;
}

/** Each look may lead to another one: what others need, share or queue for has changed. Far more than any change can take is a mistake. */
const mostLooks = 1000;

/** Look at everything that was touched, until nothing is: first who may be served, so that a token handed on makes no gap. */
function lookAround(turn: Turn): void {
  const { book, touched, touchedPools } = turn;
  const limit = mostLooks * (1 + book.resources.size + book.pools.size);
  let looks = 0;
  // Sets go on over what is added while they are walked.
  const lookAtResources = (): void => {
    for (const resource of touched) {
      looks += 1;
      if (looks > limit) {
        throw new BrokenInvariant("what follows from an event does not come to an end");
      }
      serve(turn);
      touched.delete(resource);
      review(turn, resource);
    }
  };
  lookAtResources();
  for (const pool of touchedPools) {
    touchedPools.delete(pool);
    reviewPool(turn, pool);
    lookAtResources();
  }
}

/**
 * Whoever was touched may have a token to give to the next in its queue, and its pools another member to keep warm: what is wanted is
 * known before any resource is looked at, because one that comes first may need, or share, what another lets go.
 */
function serve(turn: Turn): void {
  const { book, unserved } = turn;
  const pools = new Set<Pool>();
  for (const resource of unserved) {
    unserved.delete(resource);
    if (book.store === "writing") {
      serveQueue(turn, resource); // a set goes on over what is added while it is walked
    }
    for (const pool of resource.pools) {
      pools.add(pool);
    }
  }
  for (const pool of pools) {
    keepWarm(turn, pool);
  }
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
      noteReplyTaken(turn, event.outbox);
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
        fitToTokens(turn, resource);
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
    case "shutdownEnded":
      routeShutdown(turn, event);
      return;
    case "reconfigured":
      reconfigure(turn, event);
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
      ask(turn, switcher);
      return;
    case "switcherRebooted":
      for (const outlet of switcher.outlets) {
        outlet.rebooted = true;
        outlet.stale = true; // until it has said where it stands since
        for (const resource of outlet.resources) {
          doubtThatItIsGone(turn, resource);
        }
      }
      ask(turn, switcher);
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
  switch (event.kind) {
    case "outletReported":
      hear(turn, outlet, event.position, event.uptime);
      learnIfKnown(turn);
      break;
    case "metered":
      takeReading(turn, outlet, event);
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
  touchOwners(turn, outlet);
}

function takeReading(turn: Turn, outlet: Outlet, { watts, kwh }: OfKind<"metered">): void {
  outlet.watts = watts ?? outlet.watts;
  outlet.kwh = kwh ?? outlet.kwh;
  outlet.meteredAt = watts === undefined ? outlet.meteredAt : turn.at;
  for (const resource of outlet.resources) {
    if (resource.activity.name === "leaving") {
      touch(turn, resource); // whether its machine is gone is read from it
    }
    const due = after(resource.publishedAt ?? turn.at, meterPause);
    setDeadline(turn.book.deadlines, { kind: "meter", name: resource.settings.name }, due);
  }
}

function touchOwners(turn: Turn, { resources }: Outlet): void {
  for (const resource of resources) {
    touch(turn, resource);
  }
}

function routeCheck(turn: Turn, event: OfKind<"checked">): void {
  const resource = turn.book.resources.get(event.resource);
  const ofMachine = event.of === "availability";
  const check = ofMachine ? resource?.settings.check : resource?.settings.keepWhile;
  if (resource === undefined || check === undefined) {
    ignore(turn, event.kind, event.resource, "no resource of this name has such a checker");
    return;
  }
  const availability = ofMachine ? resource.availability : resource.guard;
  const known = {
    changing: ofMachine && resource.activity.name === "leaving",
    wasAvailable: ofMachine && resource.record.wasAvailable,
  };
  if (takeCheck(turn, availability, check, known, event)) {
    touch(turn, resource);
  } else {
    ignore(turn, event.kind, event.resource, "it belongs to an older attempt or to a power-on that is over");
  }
}

function routeShutdown(turn: Turn, event: OfKind<"shutdownEnded">): void {
  const resource = turn.book.resources.get(event.resource);
  const next = resource && takeOutcome(turn, resource, event);
  if (resource === undefined || next === undefined) {
    ignore(turn, event.kind, event.resource, "nobody waits for this shutdown any more");
    return;
  }
  resource.activity = next;
  touch(turn, resource);
}

/** First who has fallen silent, so that nothing that is due at the same moment is decided on what was seen of him before. */
function wakeUp(turn: Turn, due: readonly Subject[]): void {
  const { book } = turn;
  const mute = due.flatMap((subject) =>
    subject.kind === "switcher" ? wakeSwitcher(turn, need(book.switchers, subject.name)) : [],
  );
  for (const outlet of mute) {
    touchOwners(turn, outlet);
  }
  lookAround(turn);
  // Then what tokens, queued requests and overrides come to: what is wanted is known before anything is switched for it.
  const [ofClaims, others] = [due.filter(isOfClaims), due.filter((subject) => !isOfClaims(subject))];
  for (const subject of ofClaims) {
    wake(turn, subject);
  }
  lookAround(turn);
  for (const subject of others) {
    wake(turn, subject);
    lookAround(turn);
  }
}

const isOfClaims = ({ kind }: Subject): boolean =>
  kind === "token" || kind === "queued" || kind === "override";

function wake(turn: Turn, subject: Subject): void {
  const { book } = turn;
  switch (subject.kind) {
    case "token": {
      const token = need(book.resources, subject.resource).tokens.get(subject.token);
      if (token !== undefined) {
        wakeToken(turn, token); // else it ended by what was due at the same moment
      }
      return;
    }
    case "queued": {
      const queued = book.queued.get(subject.number);
      if (queued !== undefined) {
        wakeQueued(turn, queued); // else it was granted, or left, by what was due at the same moment
      }
      return;
    }
    case "override":
      wakeOverride(turn, subject.resource);
      return;
    case "resource":
    case "check":
    case "guard":
      touch(turn, need(book.resources, subject.name));
      return;
    case "meter":
      publish(turn, need(book.resources, subject.name));
      return;
    case "outlet":
      touchOwners(turn, need(book.outlets, subject.name));
      return;
    case "switcher":
      learnIfKnown(turn); // whether it is silent was noted before anything else
      return;
    case "link":
      wakeLink(turn);
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
  scheduleOverrides(book);
  for (const [id, { taken }] of book.outbox) {
    if (taken) {
      noteReplyTaken(turn, id);
    }
  }
  forgetEnded(turn);
  if (book.link.name === "up") {
    settleAccounts(turn);
  }
  reviewAll(turn);
}
