// The promises as code. `checkEffects` costs little and runs live after every step; `checkBook` looks at everything and runs in
// tests and in the simulator. A broken one stops the process: better to start again from the store than to go on wrong.

import { type Book, BrokenInvariant, need, type Outlet, type Resource } from "./book.ts";
import type { Effect } from "./effects.ts";
import type { Reply } from "./requests.ts";
import type { Instant } from "./time.ts";
import { endsAt } from "./tokens.ts";

/** What a step may never ask for. Called right after it, with the book as it left it. @throws BrokenInvariant */
export function checkEffects(book: Book, at: Instant, effects: readonly Effect[]): void {
  /** Held-back replies of this step. Those that go out once more after a restart tell of a grant of then, released since perhaps. */
  const decidedNow = new Set<number>();
  for (const effect of effects) {
    if (effect.kind === "command") {
      checkCommand(book, at, need(book.outlets, effect.outlet), effect.position);
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

function checkReply(book: Book, reply: Reply): void {
  if (reply.ok && "expires" in reply) {
    const { resource, token } = reply;
    must(need(book.resources, resource).tokens.has(token), `the reply says that '${token}' is held`);
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
  if (position === "off" && link.name === "up") {
    must(at >= link.graceUntil, `${id} is switched off within the grace after a reconnection`);
    checkOff(outlet);
  }
}

function checkOff({ settings, resource }: Outlet): void {
  must(resource !== undefined, `${settings.id} is switched off and is nobody's`);
  const told = [...resource.tokens.values()].some((token) => token.record.told);
  must(
    resource.tokens.size === 0 || (resource.activity.name === "cycling" && !told),
    `${settings.id} is switched off while ${resource.settings.name} is wanted`,
  );
}

/** Everything that must be true between two steps. @throws BrokenInvariant */
export function checkBook(book: Book): void {
  let tokens = 0;
  for (const resource of book.resources.values()) {
    tokens += resource.tokens.size;
    checkTokens(book, resource);
    if (book.store === "writing") {
      checkActivity(book, resource);
    }
  }
  must(tokens === book.tokenCount, `the book counts ${book.tokenCount} tokens and has ${tokens}`);
  must(book.ended.size <= book.settings.limits.tokens, "more ended tokens are remembered than allowed");
  checkHeap(book);
}

function checkTokens(book: Book, resource: Resource): void {
  for (const token of resource.tokens.values()) {
    const { record } = token;
    const waits = record.waiters.length > 0;
    must(
      resource.waiting.has(token) === waits,
      `'${record.token}' is among those that wait exactly while it waits`,
    );
    must(
      waits || record.expires !== undefined,
      `'${record.token}' has neither an expiry nor a request that waits`,
    );
    const scheduled = book.deadlines.byKey.has(`token ${record.resource} ${record.token}`);
    must(
      scheduled || endsAt(record) === undefined || book.overdue.has(token),
      `'${record.token}' would never end`,
    );
  }
}

function checkActivity(book: Book, resource: Resource): void {
  const { activity, settings } = resource;
  const wanted = resource.tokens.size > 0;
  const name = `${settings.name} is ${activity.name}`;
  const outlet = need(book.outlets, settings.outlet);
  switch (activity.name) {
    case "resting":
    case "lingering":
    case "held":
      must(!wanted, `${name} while it is wanted`);
      must(outlet.command === undefined, `${name} and ${outlet.settings.id} is being commanded`);
      return;
    case "starting":
    case "using":
      must(wanted, `${name} and nobody wants it`);
      must(outlet.command?.position !== "off", `${name} and ${outlet.settings.id} is being switched off`);
      return;
    case "stopping":
      must(outlet.command?.position !== "on", `${name} and ${outlet.settings.id} is being switched on`);
      return;
    case "cycling":
      must(activity.retries <= settings.bootRetries, `${name} more often than bootRetries allows`);
      return;
  }
}

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
