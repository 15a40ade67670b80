// Effects become deeds, in the order of the contract: replies, then commands and questions to devices, then events and the
// retained picture. Every outside call has a deadline, and its outcome comes back to the loop as an event.

import type { Book, Resource } from "../core/book.ts";
import type { Announcement, Effect } from "../core/effects.ts";
import { isStillDecided } from "../core/outlet.ts";
import { type Instant, type Millis, millis } from "../core/time.ts";
import { poolPicture, resourcePicture, switcherPicture } from "../core/view.ts";
import { staysOn } from "../core/wants.ts";
import type { Checker } from "../ports/checker.ts";
import type { Clock } from "../ports/clock.ts";
import type { Front } from "../ports/front.ts";
import type { Log } from "../ports/log.ts";
import type { Shutdown } from "../ports/shutdown.ts";
import type { Switcher } from "../ports/switcher.ts";
import type { InUse } from "./devices.ts";
import type { Happening } from "./loop.ts";

export interface Hands {
  readonly book: Book;
  readonly front: Front;
  /** By switcher. */
  readonly switchers: InUse<Switcher>;
  /** By resource: whether it answers. */
  readonly checkers: InUse<Checker>;
  /** By resource: whether it must stay on (`keepWhile`). */
  readonly guards: InUse<Checker>;
  /** By resource. */
  readonly shutdowns: InUse<Shutdown>;
  /** Aborts when the controller stops: shutdown commands under way, which may take minutes, must not hold it up. */
  readonly stopping: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
  readonly submit: (happening: Happening) => void;
}

type OfKind<Kind extends Effect["kind"]> = Extract<Effect, { kind: Kind }>;

/** A login over SSH alone may take 5 s to connect and some more on a busy machine: a shorter `timeout` must not stop it half-way. */
const leastShutdownMs = 10_000;

/** First replies, because the jobs wait; then relays and machines; then what is only told. Persisting is done before any of it. */
const order: Readonly<Record<Effect["kind"], number>> = {
  persist: 0,
  reply: 1,
  command: 2,
  shutdown: 2,
  ask: 3,
  measure: 3,
  check: 3,
  prove: 3,
  announce: 4,
  ignored: 4,
  forget: 5,
  publishController: 6,
  publish: 7,
};

/** Shutdown commands under way, by resource. */
type Running = Map<string, { readonly attempt: number; readonly ending: AbortController }>;

export function createHands(hands: Hands): (effects: readonly Effect[], at: Instant) => void {
  const running: Running = new Map();
  return (effects, at) => {
    endOverdue(hands.book, running); // before an ON that may follow: it must not reach a machine that is started anew
    const published = new Set<string>();
    for (const effect of effects.toSorted((a, b) => order[a.kind] - order[b.kind])) {
      if (effect.kind === "publish") {
        const key = `${effect.what} ${effect.name}`;
        if (published.has(key)) {
          continue; // once per batch: the picture is that of its end
        }
        published.add(key);
      }
      carryOut(hands, running, effect, at);
    }
  };
}

/** A shutdown that is over, because the power is cut, or somebody else has switched, or the time is up: what still runs of it ends. */
function endOverdue(book: Book, running: Running): void {
  for (const [resource, { attempt, ending }] of running) {
    if (!isAsked(book.resources.get(resource), attempt)) {
      ending.abort(new Error("the shutdown is over"));
    }
  }
}

const isAsked = (resource: Resource | undefined, attempt: number): boolean =>
  resource?.activity.name === "leaving" && resource.activity.asking === attempt;

function carryOut(hands: Hands, running: Running, effect: Effect, at: Instant): void {
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
    case "measure":
      void measure(hands, effect);
      return;
    case "check":
      void check(hands, effect);
      return;
    case "shutdown":
      void shutDown(hands, running, effect);
      return;
    case "prove":
      front.prove(effect.attempt);
      return;
    case "publish":
      publish(hands, effect, at);
      return;
    case "publishController":
      front.publishController({ resources: hands.book.resources.size, pools: hands.book.pools.size });
      return;
    case "forget":
      front.forget(effect.what, effect.name);
      return;
    case "announce":
      logAnnouncement(log, effect.announcement);
      if (effect.to === "users") {
        front.announce(effect.announcement);
      }
      return;
    case "ignored":
      log.debug({ event: effect.event, about: effect.about, because: effect.because }, "Ignored an event");
      return;
  }
}

async function command(hands: Hands, { outlet, position, attempt }: OfKind<"command">): Promise<void> {
  const told = hands.book.outlets.get(outlet);
  if (told === undefined || told.attempt !== attempt || !isStillDecided(hands.book, told, position)) {
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

/** Likewise: a reading that does not come is one that the core does not count on. */
async function measure(hands: Hands, { switcher: name }: OfKind<"measure">): Promise<void> {
  const found = hands.switchers.get(name);
  const reason = await outcome(hands, found, (switcher, signal) => switcher.measure(signal));
  if (reason !== undefined) {
    hands.log.debug({ switcher: name, reason }, "A switcher could not be asked for its meter");
  }
}

/** @returns why it failed, or `undefined` */
async function outcome(
  hands: Hands,
  found: { readonly device: Switcher; readonly timeout: Millis } | undefined,
  call: (switcher: Switcher, signal: AbortSignal) => Promise<void>,
): Promise<string | undefined> {
  if (found === undefined) {
    return "there is no such switcher";
  }
  const deadline = hands.clock.deadline(found.timeout);
  try {
    await call(found.device, deadline.signal);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    deadline.dispose();
  }
}

async function check(hands: Hands, { resource, of, attempt }: OfKind<"check">): Promise<void> {
  const found = (of === "availability" ? hands.checkers : hands.guards).get(resource);
  if (found === undefined) {
    const message = "there is no such checker"; // said, because the core waits for an outcome before it asks again
    hands.submit({ kind: "checked", resource, of, attempt, outcome: "error", message });
    return;
  }
  const deadline = hands.clock.deadline(found.timeout);
  const result = await found.device.check(deadline.signal);
  deadline.dispose();
  hands.submit({ kind: "checked", resource, of, attempt, ...result });
}

async function shutDown(
  hands: Hands,
  running: Running,
  { resource, attempt }: OfKind<"shutdown">,
): Promise<void> {
  const told = hands.book.resources.get(resource);
  if (told === undefined || !isAsked(told, attempt)) {
    hands.log.debug({ resource, attempt }, "A shutdown is not sent: the same batch decided otherwise");
    return;
  }
  const found = hands.shutdowns.get(resource);
  if (found === undefined || staysOn(hands.book, told)) {
    // A token may have come in the same batch: the machine need not go down for it.
    const message =
      found === undefined ? "there is no shutdown for this resource" : "called off: somebody wants it again";
    hands.submit({ kind: "shutdownEnded", resource, attempt, outcome: "failed", message });
    return;
  }
  hands.log.debug({ resource, attempt }, "Sending a shutdown");
  const length = millis(Math.max(found.timeout, leastShutdownMs));
  const ending = new AbortController();
  running.set(resource, { attempt, ending });
  const deadline = hands.clock.deadline(length, AbortSignal.any([hands.stopping, ending.signal]));
  const result = await found.device.run(deadline.signal);
  deadline.dispose();
  if (running.get(resource)?.attempt === attempt) {
    running.delete(resource);
  }
  // Cut off by our own end it has neither failed nor succeeded: the next run of the controller sees it through.
  if (!hands.stopping.aborted) {
    hands.submit({ kind: "shutdownEnded", resource, attempt, ...result });
  }
}

function publish({ book, front }: Hands, { what, name }: OfKind<"publish">, at: Instant): void {
  const resource = what === "resource" ? book.resources.get(name) : undefined;
  const pool = what === "pool" ? book.pools.get(name) : undefined;
  const switcher = what === "switcher" ? book.switchers.get(name) : undefined;
  if (resource !== undefined) {
    front.publishResource(resourcePicture(book, resource, at));
  }
  if (pool !== undefined) {
    front.publishPool(poolPicture(book, pool, at));
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
    case "locked-out":
      log.warn(facts, sentences[event]);
      return;
    case "cycle":
      if ("stage" in fields) {
        log.info(
          facts,
          fields["stage"] === "begun"
            ? "An operator's power cycle has begun"
            : "An operator's power cycle was called off",
        );
      } else {
        log.warn(facts, sentences[event]);
      }
      return;
    case "shutdown":
      log[["failed", "timeout"].includes(String(fields["stage"])) ? "warn" : "info"](facts, sentences[event]);
      return;
    case "granted":
    case "renewed":
    case "released":
    case "expiring":
    case "expired":
    case "queued":
    case "override":
    case "rejected":
    case "lost":
    case "state":
    case "switch-on":
    case "switch-off":
    case "recovered":
    case "removed":
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
  queued: "A request waits in a queue",
  rejected: "A request was refused",
  lost: "A token ended because its client was lost",
  "locked-out": "A token or a waiting request ended because its resource was locked out",
  state: "A resource changed its state",
  "switch-on": "An outlet is being switched on",
  "switch-off": "An outlet is being switched off",
  "external-on": "An outlet was switched on from outside",
  "external-off": "An outlet was switched off from outside",
  shutdown: "A machine is being shut down",
  override: "A resource was overridden, or is no longer",
  problem: "A resource has a problem",
  recovered: "A problem is over",
  cycle: "A resource did not boot and is power-cycled",
  removed: "A token ended because its resource left the configuration",
  "retained-command":
    "A retained command stands on a device's topic and will be obeyed at every connect; clear it",
  rival: "Another controller on this base was heard, or is gone",
};
