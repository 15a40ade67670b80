// What must be true of tokens, queues, overrides and replies, seen from the disk before and after one event and from what the core
// says. The table of all promises is in watch.ts.

import { deepStrictEqual, ok } from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type {
  Change,
  OverrideRecord,
  QueuedRecord,
  Snapshot,
  TokenRecord,
} from "../../../src/core/changes.ts";
import type { Effect } from "../../../src/core/effects.ts";
import type { Reply, Request } from "../../../src/core/requests.ts";
import type { Settings } from "../../../src/core/settings.ts";
import type { Instant } from "../../../src/core/time.ts";
import type { Happening } from "../../../src/runtime/loop.ts";
import { type Facts, lockoutOf, must } from "./facts.ts";

export interface Asked {
  readonly happening: Extract<Happening, { kind: "requested" }>;
  readonly replies: Reply[];
}

/** One event, and what came of it. */
export interface Turned {
  readonly at: Instant;
  readonly happening: Happening;
  readonly effects: readonly Effect[];
  readonly before: Snapshot;
  readonly after: Snapshot;
}

/** What holds of every disk. */
export function checkDisk(settings: Settings, { after, before }: Turned): void {
  const { tokens, queued } = after;
  ok(
    tokens.length + queued.length <=
      Math.max(settings.limits.tokens, before.tokens.length + before.queued.length),
    "I23: never more tokens and queued requests than limits.tokens",
  );
  for (const { resources, asked, token, several } of tokens) {
    ok(
      resources.length === asked.length && new Set(resources).size === resources.length,
      `I22: '${token}' holds all that it asked for, each once`,
    );
    ok(several || resources.length === 1, `'${token}' is over one resource`);
  }
  for (const { name, capacity } of settings.resources.values()) {
    const held = tokens.filter(({ resources }) => resources.includes(name));
    const exclusive = held.some(({ mode }) => mode === "exclusive");
    ok(!exclusive || held.length === 1, `I21: ${name} has an exclusive token and no other`);
    ok(capacity === 0 || held.length <= capacity, `I23: ${name} has no more tokens than its capacity`);
  }
}

/** What was granted and what ended by this event. */
export function checkTokens(facts: Facts, turned: Turned): void {
  const { before, after } = turned;
  const kept = new Map(after.tokens.map((record) => [keyOf(record), record]));
  const known = new Set(before.tokens.map(keyOf));
  for (const record of after.tokens) {
    if (!known.has(keyOf(record))) {
      checkGrant(facts, record, turned);
    }
  }
  for (const record of before.tokens) {
    if (!kept.has(keyOf(record))) {
      checkEnd(facts, record, turned);
    }
  }
  const numbers = new Set([...after.queued, ...after.tokens].map(({ number }) => number));
  for (const record of before.queued) {
    ok(
      numbers.has(record.number) || isAnnounced(turned, record.token, endings) || isTold(facts, record),
      `I29: '${record.token}' leaves the queue with a token or with an event`,
    );
  }
  for (const token of facts.untold) {
    if (isAnnounced(turned, token, endings)) {
      facts.untold.delete(token);
    }
  }
  ok(
    facts.untold.size === 0 || !Number.isFinite(facts.upAt) || facts.storeRefuses,
    "I16: what ended without a link is told with the next one",
  );
}

/** With the next link, as what leaves the configuration without one is. */
function isTold(
  facts: Facts,
  { asked, resources, token }: { asked: readonly string[]; resources?: readonly string[]; token: string },
): boolean {
  const { settings } = facts;
  const gone = [...asked, ...(resources ?? [])].some(
    (name) => !settings.resources.has(name) && !settings.pools.has(name),
  );
  const later = gone && !Number.isFinite(facts.upAt);
  if (later) {
    facts.untold.add(token);
  }
  return later;
}

/** I21: nobody is served before those who wait ahead, by priority and then by arrival. */
function checkGrant(facts: Facts, record: TokenRecord, { after }: Turned): void {
  for (const waiting of after.queued) {
    const common = record.resources.filter((name) => standsAt(facts.settings, waiting, name));
    ok(
      common.length === 0 || !isAhead(waiting, record),
      `I21: '${record.token}' is granted on ${common.join(" ")} while '${waiting.token}' waits there ahead of it`,
    );
  }
  for (const name of record.resources) {
    const locked = facts.settings.resources.has(name) && lockoutOf(facts.settings, after, name) !== undefined;
    ok(!locked, `nothing is granted on ${name}, which is locked out`);
  }
}

interface Standing {
  readonly priority: number;
  readonly number: number;
}

const isAhead = (one: Standing, other: Standing): boolean =>
  one.priority > other.priority || (one.priority === other.priority && one.number < other.number);

/** In the queues of what it asked for, and of all members of its pools but those named beside them and those tried in vain. */
export const standsAt = (settings: Settings, { asked, tried }: QueuedRecord, name: string): boolean =>
  asked.includes(name) ||
  (!tried.includes(name) && asked.some((pool) => settings.pools.get(pool)?.members.includes(name) === true));

const endings = ["released", "expired", "lost", "rejected", "locked-out", "removed"];

/** I16. */
function checkEnd(facts: Facts, record: TokenRecord, turned: Turned): void {
  const requeued = turned.after.queued.some(({ number }) => number === record.number);
  const gone = record.resources.some((name) => !facts.settings.resources.has(name));
  ok(
    requeued || isAnnounced(turned, record.token, endings) || isTold(facts, record),
    `I16: '${record.token}' ends with an event that says why`,
  );
  ok(!requeued || !record.told, `I16: '${record.token}' was answered ok, and is not sent back to the queue`);
  ok(
    !gone || isAnnounced(turned, record.token, ["removed", ...endings]) || facts.untold.has(record.token),
    `I16: '${record.token}' is removed with its resource, and that is told`,
  );
}

const isAnnounced = ({ effects }: Turned, token: string, events: readonly string[]): boolean =>
  effects.some(
    (effect) =>
      effect.kind === "announce" &&
      events.includes(effect.announcement.event) &&
      effect.announcement.fields["token"] === token,
  );

/** I16: by time only when the time has come. */
export function checkAnnounced(
  facts: Facts,
  at: Instant,
  { event, fields }: { readonly event: string; readonly fields: Readonly<Record<string, unknown>> },
  before: Snapshot,
): void {
  const held = before.tokens.filter(({ token }) => token === fields["token"]);
  if (event === "expired") {
    const over = held.filter(
      ({ expires, waiters }) => expires !== undefined && expires <= at && waiters.length === 0,
    );
    ok(over.length > 0, "I16: no token expires before its time, nor while its request waits");
  } else if (event === "lost" && facts.settings.lostGrace > 0) {
    const over = [...held, ...before.queued.filter(({ token }) => token === fields["token"])].filter(
      ({ lostAt }) => lostAt !== undefined && lostAt <= at,
    );
    ok(over.length > 0, "I16: no token is lost before lostGrace is over");
  }
}

/** The resource has left the configuration, and nobody but another one on its outlets could lift what it left behind. */
const isOrphanOf = ({ settings }: Facts, { resource, outlets }: OverrideRecord, other: string): boolean =>
  !settings.resources.has(resource) &&
  settings.resources.get(other)?.outlets.some((one) => outlets.includes(one)) === true;

/** I32, and I15 of lockouts. */
export function checkRights(facts: Facts, turned: Turned): void {
  const { happening, before, after, at } = turned;
  const request = happening.kind === "requested" ? happening.request : undefined;
  for (const record of before.overrides) {
    const same = after.overrides.find(({ resource }) => resource === record.resource);
    if (same === undefined || same.mode !== record.mode) {
      const over = record.until !== undefined && record.until <= at;
      const asked = request?.kind === "override" && request.resource === record.resource;
      const orphaned = request?.kind === "override" && isOrphanOf(facts, record, request.resource);
      ok(
        over || asked || orphaned,
        `I15: the override of ${record.resource} is lifted by nothing but an operator, or its time`,
      );
    }
  }
  if (facts.settings.access === "open" || request === undefined || request.kind === "refused") {
    return;
  }
  const mayAll = request.user !== undefined && facts.settings.operators.has(request.user);
  if (!mayAll) {
    deepStrictEqual(after.overrides, before.overrides, "I32: only operators override");
    ok(request.kind !== "cycle" || cyclesOf(after) <= cyclesOf(before), "I32: only operators cycle");
  }
  const own = mayAll ? [] : before.tokens.filter(({ owner }) => owner !== request.user);
  for (const record of own) {
    const kept = after.tokens.find((token) => keyOf(token) === keyOf(record));
    ok(kept !== undefined && kept.expires === record.expires, "I32: nobody changes the token of another");
  }
}

const cyclesOf = ({ resources }: Snapshot): number =>
  resources.filter(({ cycle }) => cycle !== undefined).length;

/** I24: what is refused at once changes nothing, but that an owner who was heard is not lost. */
export function checkRefusal({ effects, before }: Turned): void {
  const refused = effects.some(
    (effect) => effect.kind === "reply" && effect.outbox === undefined && !effect.reply.ok,
  );
  const changes = effects.flatMap((effect) => (effect.kind === "persist" ? [effect.change] : []));
  ok(
    !refused || changes.every((change) => isNotLost(change, before)),
    "I24: a refused request changes nothing",
  );
}

function isNotLost(change: Change, { tokens, queued }: Snapshot): boolean {
  if ((change.kind !== "token" && change.kind !== "queued") || change.record?.lostAt !== undefined) {
    return false;
  }
  const { record } = change;
  const known =
    change.kind === "queued"
      ? queued.find(({ number }) => number === change.number)
      : tokens.find(({ token, resources }) => token === change.token && resources[0] === change.resource);
  return known?.lostAt !== undefined && isDeepStrictEqual({ ...known, lostAt: undefined }, record);
}

export function checkReply(
  facts: Facts,
  about: Asked,
  { to, reply, outbox }: Extract<Effect, { kind: "reply" }>,
  disk: Snapshot,
): void {
  about.replies.push(reply);
  const { request } = about.happening;
  if (!reply.ok) {
    const waiting = [...disk.tokens, ...disk.queued].flatMap(({ waiters }) => waiters);
    ok(
      outbox === undefined || !waiting.some(({ replyTo }) => replyTo?.topic === to.topic),
      "I26: a failed request does not wait any more",
    );
    return;
  }
  ok("total" in reply || !facts.storeRefuses, "I37: no ok while the store refuses");
  if ("total" in reply) {
    return;
  }
  if ("override" in reply) {
    const { outlets } = must(facts.settings.resources.get(reply.resource));
    const locked = disk.overrides.some(
      (record) => record.mode === "off" && record.outlets.some((id) => outlets.includes(id)),
    );
    const mode = disk.overrides.find(({ resource }) => resource === reply.resource)?.mode ?? "auto";
    deepStrictEqual(
      reply.override,
      locked ? "off" : mode,
      "I15: an override that is answered ok is on the disk",
    );
    return;
  }
  const names = reply.resources ?? [must(reply.resource)];
  const record = disk.tokens.find(
    ({ token, resources }) => token === reply.token && resources.join() === names.join(),
  );
  if ("expires" in reply && outbox === undefined) {
    ok(record !== undefined, "I25: who hears ok holds a token that is on the disk");
  }
  if (request.kind === "acquire") {
    ok(
      request.wait !== "available" || reply.state === "available",
      "I25: who waits for available hears ok when it is",
    );
    // Of a token over several, some of which have left the configuration, the rest goes on.
    if (names.length === request.names.length || facts.left.size === 0) {
      checkGranted(facts.settings, request, names);
    }
  }
  if (request.kind === "release" && !request.lost) {
    ok(record === undefined, "I15: who hears that it is released finds it gone from the disk");
  }
}

/** I22: what was asked for, in that order; of a pool, a member. */
function checkGranted(
  settings: Settings,
  { names }: Extract<Request, { kind: "acquire" }>,
  granted: readonly string[],
): void {
  deepStrictEqual(granted.length, names.length, "I22: as many as asked for");
  for (const [index, name] of names.entries()) {
    const found = must(granted[index]);
    const pool = settings.pools.get(name);
    // A reply that is sent once more after a restart tells of a pool as it was.
    ok(pool === undefined ? found === name : found.startsWith("r"), `I22: ${found} for ${name}`);
  }
}

const keyOf = ({ resources, token }: TokenRecord): string => `${resources[0]} ${token}`;
