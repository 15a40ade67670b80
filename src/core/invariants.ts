// The promises as code. `checkEffects` costs little and runs live after every step; `checkBook` looks at everything and runs in
// tests and in the simulator. A broken one stops the process: better to start again from the store than to go on wrong.

import { type Book, BrokenInvariant, need, type Outlet, type Resource } from "./book.ts";
import type { QueuedRecord } from "./changes.ts";
import type { Effect } from "./effects.ts";
import { lockoutOf, lockoutOn } from "./lockout.ts";
import type { Reply } from "./requests.ts";
import { sightOf } from "./supply.ts";
import type { Instant } from "./time.ts";
import { endsAt, homeOf, poolKeyOf } from "./tokens.ts";
import { isForced, isWanted, staysOn } from "./wants.ts";
import { wishFor } from "./wishes.ts";

/** What a step may never ask for. Called right after it, with the book as it left it. @throws BrokenInvariant */
export function checkEffects(book: Book, at: Instant, effects: readonly Effect[]): void {
  /** Held-back replies of this step. Those that go out once more after a restart tell of a grant of then, released since perhaps. */
  const decidedNow = new Set<number>();
  for (const effect of effects) {
    if (effect.kind === "command") {
      const outlet = need(book.outlets, effect.outlet);
      // What the same step has called off again is not sent.
      const withdrawn = effect.position === "off" && wishFor(book, outlet) === "seeThrough";
      const stands = effect.attempt === outlet.attempt && outlet.command?.position === effect.position;
      if (stands && !withdrawn) {
        checkCommand(book, at, outlet, effect.position);
      }
    } else if (effect.kind === "persist") {
      must(book.store === "writing", "nothing is written while the store refuses");
      if (effect.change.kind === "outbox") {
        decidedNow.add(effect.change.id);
      }
    } else if (effect.kind === "reply" && (effect.outbox === undefined || decidedNow.has(effect.outbox))) {
      checkReply(book, effect.reply);
    }
  }
}

/** A renewal of what still waits promises nothing: its wait may have ended in the same step. */
function checkReply(book: Book, reply: Reply): void {
  if (reply.ok && "expires" in reply && reply.expires !== null) {
    const { resource, resources, token } = reply;
    for (const name of resources ?? [String(resource)]) {
      must(need(book.resources, name).tokens.has(token), `the reply says that '${token}' is held`);
    }
  }
}

function checkCommand(book: Book, at: Instant, outlet: Outlet, position: "on" | "off"): void {
  const id = outlet.settings.id;
  const { link } = book;
  must(!book.settings.observe, `${id} is commanded, but the controller only observes`);
  must(link.name === "up" && link.learned, `${id} is commanded before the link and the outlets are known`);
  must(book.rival === undefined, `${id} is commanded while another controller may be live`);
  must(!outlet.stale && outlet.seen.name !== position, `${id} is commanded on missing information`);
  must(
    outlet.own === (position === "on" ? "commanded" : "leaving"),
    `${id} is commanded without a record of it`,
  );
  if (position === "on") {
    checkOn(book, outlet);
  } else {
    must(at >= link.graceUntil, `${id} is switched off within the grace after a reconnection`);
    checkOff(book, outlet);
  }
}

function checkOn(book: Book, outlet: Outlet): void {
  const { id } = outlet.settings;
  must(lockoutOn(book, outlet) === undefined, `${id} is switched on and is locked out`);
  must(
    outlet.resources.some((resource) => isWanted(book, resource)),
    `${id} is switched on and nobody wants it`,
  );
}

function checkOff(book: Book, outlet: Outlet): void {
  const { settings, resources } = outlet;
  must(resources.length > 0, `${settings.id} is switched off and is nobody's`);
  const forced = resources.filter((resource) => isForced(book, resource));
  const cycled = forced.some(({ record }) => record.cycle?.stage === "off");
  if (cycled || (forced.length > 0 && lockoutOn(book, outlet) !== undefined)) {
    return; // an operator said so, knowing who is on it
  }
  for (const resource of resources) {
    if (!forced.includes(resource)) {
      checkReleased(book, resource, settings.id);
    }
  }
}

/** What must be true of every resource on an outlet that is switched off. */
function checkReleased(book: Book, resource: Resource, outlet: string): void {
  const { activity, settings, dependents, tokens } = resource;
  const { name } = settings;
  if (activity.name === "cycling") {
    const told = [...tokens.values()].some((token) => token.record.told);
    must(!told, `${outlet} is cycled under somebody who was told that ${name} is theirs`);
    return;
  }
  must(activity.name === "stopping", `${outlet} is switched off while ${name} is ${activity.name}`);
  const gone = activity.cleared === "gone";
  must(gone || !staysOn(book, resource), `${outlet} is switched off while ${name} is wanted`);
  must(
    gone || settings.shutdown === undefined || settings.shutdown.onTimeout === "cut",
    `${outlet} is switched off before ${name} was seen to be down`,
  );
  must(
    gone || dependents.every((one) => sightOf(one) !== "on"),
    `${outlet} is switched off before what needs ${name}`,
  );
}

/** Everything that must be true between two steps. @throws BrokenInvariant */
export function checkBook(book: Book): void {
  let tokens = 0;
  let fromPools = 0;
  for (const resource of book.resources.values()) {
    for (const token of resource.tokens.values()) {
      tokens += token.resources[0] === resource ? 1 : 0;
      fromPools += poolKeyOf(token.record) === undefined ? 0 : 1;
    }
    checkTokens(book, resource);
    if (book.store === "writing") {
      checkActivity(book, resource);
      checkSharing(book, resource);
    }
  }
  must(tokens === book.tokenCount, `the book counts ${book.tokenCount} tokens and has ${tokens}`);
  must(fromPools === book.fromPools.size, "none but tokens that are held are found over their pool");
  must(book.ended.size <= book.settings.limits.tokens, "more ended tokens are remembered than allowed");
  checkHeap(book);
}

function checkTokens(book: Book, resource: Resource): void {
  for (const token of resource.tokens.values()) {
    const { record } = token;
    const poolKey = poolKeyOf(record);
    must(
      poolKey === undefined || book.fromPools.get(poolKey) === token,
      `'${record.token}' is found over its pool`,
    );
    const waits = record.waiters.length > 0;
    must(
      resource.waiting.has(token) === waits,
      `'${record.token}' is among those that wait exactly while it waits`,
    );
    must(
      waits || record.expires !== undefined,
      `'${record.token}' has neither an expiry nor a request that waits`,
    );
    const scheduled = book.deadlines.byKey.has(`token ${homeOf(record)} ${record.token}`);
    must(
      scheduled || endsAt(record) === undefined || book.overdue.has(token),
      `'${record.token}' would never end`,
    );
  }
}

function checkActivity(book: Book, resource: Resource): void {
  const { activity, settings, outlets } = resource;
  const wanted = staysOn(book, resource);
  const name = `${settings.name} is ${activity.name}`;
  const told = new Set(outlets.map(({ command }) => command?.position));
  const alone = outlets.every(({ resources }) => resources.length === 1);
  switch (activity.name) {
    case "resting":
    case "lingering":
    case "held":
      must(!wanted, `${name} while it is wanted`);
      must(!alone || (!told.has("on") && !told.has("off")), `${name} and is being commanded`);
      return;
    case "starting":
    case "using":
      must(wanted, `${name} and nobody wants it`);
      must(!alone || !told.has("off"), `${name} and is being switched off`);
      return;
    case "leaving":
      must(settings.shutdown !== undefined, `${name} without a shutdown`);
      must(resource.record.shutdownAt !== undefined, `${name} without a record of it`);
      must(!alone || (!told.has("on") && !told.has("off")), `${name} and is being commanded`);
      return;
    case "stopping":
      must(!alone || !told.has("on"), `${name} and is being switched on`);
      return;
    case "cycling":
      must(activity.retries <= settings.bootRetries, `${name} more often than bootRetries allows`);
      return;
  }
}

/** Who holds what, as far as sharing goes (protocol 4.3 rule 5). */
function checkSharing(book: Book, resource: Resource): void {
  const { tokens, queue, settings } = resource;
  const exclusive = [...tokens.values()].some(({ record }) => record.mode === "exclusive");
  must(!exclusive || tokens.size === 1, `${settings.name} is held exclusively and by somebody else, too`);
  for (const [place, queued] of queue.entries()) {
    const next = queue[place + 1];
    must(
      book.queued.get(queued.record.number) === queued,
      `a request in the queue of ${settings.name} is known`,
    );
    must(
      next === undefined || goesBefore(queued.record, next.record),
      `the queue of ${settings.name} is in order`,
    );
  }
  // A configuration that was changed while the controller was away may have brought it under one: that ends with the first look.
  const looked = book.link.name === "up";
  must(
    !looked || lockoutOf(book, resource) === undefined || tokens.size === 0,
    `${settings.name} is held and locked out`,
  );
}

const goesBefore = (a: QueuedRecord, b: QueuedRecord): boolean =>
  a.priority > b.priority || (a.priority === b.priority && a.number < b.number);

function checkHeap({ deadlines: { heap, byKey } }: Book): void {
  must(heap.length === byKey.size, "every deadline has one key");
  for (const [index, entry] of heap.entries()) {
    const parent = heap[(index - 1) >> 1];
    must(
      entry.index === index && byKey.get(entry.key) === entry,
      `the deadline '${entry.key}' knows its place`,
    );
    must(
      parent === undefined || parent.at <= entry.at,
      `the deadline '${entry.key}' is not before its parent`,
    );
  }
}

function must(holds: boolean, promise: string): asserts holds {
  if (!holds) {
    throw new BrokenInvariant(promise);
  }
}
