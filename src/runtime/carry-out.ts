// Effects become deeds, in the order of the contract: replies, then commands and questions to devices, then events and the
// retained picture. Every outside call has a deadline, and its outcome comes back to the loop as an event.

import type { Book } from "../core/book.ts";
import type { Announcement, Effect } from "../core/effects.ts";
import { isStillDecided } from "../core/outlet.ts";
import type { Instant, Millis } from "../core/time.ts";
import { resourcePicture, switcherPicture } from "../core/view.ts";
import type { Checker } from "../ports/checker.ts";
import type { Clock } from "../ports/clock.ts";
import type { Front } from "../ports/front.ts";
import type { Log } from "../ports/log.ts";
import type { Switcher } from "../ports/switcher.ts";
import type { Happening } from "./loop.ts";

export interface Hands {
  readonly book: Book;
  readonly front: Front;
  /** By switcher. */
  readonly switchers: ReadonlyMap<string, { readonly switcher: Switcher; readonly timeout: Millis }>;
  /** By resource. */
  readonly checkers: ReadonlyMap<string, { readonly checker: Checker; readonly timeout: Millis }>;
  readonly clock: Clock;
  readonly log: Log;
  readonly submit: (happening: Happening) => void;
}

type OfKind<Kind extends Effect["kind"]> = Extract<Effect, { kind: Kind }>;

/** First replies, because the jobs wait; then relays; then what is only told. Persisting is done before any of it. */
const order: Readonly<Record<Effect["kind"], number>> = {
  persist: 0,
  reply: 1,
  command: 2,
  ask: 3,
  check: 3,
  prove: 3,
  announce: 4,
  ignored: 4,
  forget: 5,
  publishController: 6,
  publish: 7,
};

export function createHands(hands: Hands): (effects: readonly Effect[], at: Instant) => void {
  return (effects, at) => {
    const published = new Set<string>();
    for (const effect of effects.toSorted((a, b) => order[a.kind] - order[b.kind])) {
      if (effect.kind === "publish") {
        const key = `${effect.what} ${effect.name}`;
        if (published.has(key)) {
          continue; // once per batch: the picture is that of its end
        }
        published.add(key);
      }
      carryOut(hands, effect, at);
    }
  };
}

function carryOut(hands: Hands, effect: Effect, at: Instant): void {
  const { front, log } = hands;
  switch (effect.kind) {
    case "persist":
      return;
    case "reply":
      front.reply(effect.to, effect.reply, effect.outbox);
      return;
    case "command":
      void command(hands, effect);
      return;
    case "ask":
      void ask(hands, effect);
      return;
    case "check":
      void check(hands, effect);
      return;
    case "prove":
      front.prove(effect.attempt);
      return;
    case "publish":
      publish(hands, effect, at);
      return;
    case "publishController":
      front.publishController({ resources: hands.book.resources.size, pools: 0 });
      return;
    case "forget":
      front.forget(effect.what, effect.name);
      return;
    case "announce":
      logAnnouncement(log, effect.announcement);
      front.announce(effect.announcement);
      return;
    case "ignored":
      log.debug({ event: effect.event, about: effect.about, because: effect.because }, "Ignored an event");
      return;
  }
}

async function command(hands: Hands, { outlet, position, attempt }: OfKind<"command">): Promise<void> {
  const told = hands.book.outlets.get(outlet);
  if (told === undefined || told.attempt !== attempt || !isStillDecided(told, position)) {
    hands.log.debug({ outlet, position, attempt }, "A command is not sent: the same batch decided otherwise");
    return;
  }
  const found = hands.switchers.get(told.settings.switcher);
  hands.log.debug({ outlet, position, attempt }, "Sending a command");
  const reason = await outcome(hands, found, (switcher, signal) => switcher.set(outlet, position, signal));
  if (reason !== undefined) {
    hands.log.warn({ outlet, position, attempt, reason }, "A command could not be sent");
    hands.submit({ kind: "commandFailed", outlet, attempt, reason });
  }
}

/** A question that cannot be asked is one that is not answered: the core has its own deadline for the answer. */
async function ask(hands: Hands, { switcher: name }: OfKind<"ask">): Promise<void> {
  const reason = await outcome(hands, hands.switchers.get(name), (switcher, signal) => switcher.ask(signal));
  if (reason !== undefined) {
    hands.log.debug({ switcher: name, reason }, "A switcher could not be asked");
  }
}

/** @returns why it failed, or `undefined` */
async function outcome(
  hands: Hands,
  found: { readonly switcher: Switcher; readonly timeout: Millis } | undefined,
  call: (switcher: Switcher, signal: AbortSignal) => Promise<void>,
): Promise<string | undefined> {
  if (found === undefined) {
    return "there is no such switcher";
  }
  const deadline = hands.clock.deadline(found.timeout);
  try {
    await call(found.switcher, deadline.signal);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    deadline.dispose();
  }
}

async function check(hands: Hands, { resource, attempt }: OfKind<"check">): Promise<void> {
  const found = hands.checkers.get(resource);
  if (found === undefined) {
    return;
  }
  const deadline = hands.clock.deadline(found.timeout);
  const result = await found.checker.check(deadline.signal);
  deadline.dispose();
  hands.submit({ kind: "checked", resource, attempt, ...result });
}

function publish({ book, front }: Hands, { what, name }: OfKind<"publish">, at: Instant): void {
  const resource = what === "resource" ? book.resources.get(name) : undefined;
  const switcher = what === "switcher" ? book.switchers.get(name) : undefined;
  if (resource !== undefined) {
    front.publishResource(resourcePicture(book, resource, at));
  }
  if (switcher !== undefined) {
    front.publishSwitcher(switcherPicture(switcher));
  }
}

/** Every state change once, every refusal with its reason; what somebody should look at as a warning. */
function logAnnouncement(log: Log, { event, resource, fields }: Announcement): void {
  const facts = { event, ...(resource === undefined ? {} : { resource }), ...fields };
  switch (event) {
    case "problem":
    case "retained-command":
    case "rival":
    case "external-off":
    case "external-on":
    case "cycle":
      log.warn(facts, sentences[event]);
      return;
    case "granted":
    case "renewed":
    case "released":
    case "expiring":
    case "expired":
    case "rejected":
    case "lost":
    case "state":
    case "switch-on":
    case "switch-off":
    case "recovered":
    case "removed":
    case "overwritten":
    case "pong":
      log.info(facts, sentences[event]);
      return;
  }
}

const sentences: Readonly<Record<Announcement["event"], string>> = {
  granted: "A token was granted",
  renewed: "A token was renewed",
  released: "A token was released",
  expiring: "A token will expire soon",
  expired: "A token expired",
  rejected: "A request was refused",
  lost: "A token ended because its client was lost",
  state: "A resource changed its state",
  "switch-on": "An outlet is being switched on",
  "switch-off": "An outlet is being switched off",
  "external-on": "An outlet was switched on from outside",
  "external-off": "An outlet was switched off from outside",
  problem: "A resource has a problem",
  recovered: "A problem is over",
  cycle: "A resource did not boot and is power-cycled",
  removed: "A token ended because its resource left the configuration",
  "retained-command":
    "A retained command stands on a device's topic and will be obeyed at every connect; clear it",
  rival: "Another controller on this base was heard, or is gone",
  overwritten: "A retained topic of ours was overwritten by somebody else, and was put right",
  pong: "Another controller asked whether this one lives",
};
