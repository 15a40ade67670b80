// Records of every kind, made up by fast-check; and small ones by hand. For the tests of the store.

import * as fc from "fast-check";
import type { Takes } from "../../src/adapters/store/schemas.ts";
import type {
  Change,
  CycleRecord,
  EndedRecord,
  OutletRecord,
  OverrideRecord,
  PublishedRecord,
  QueuedRecord,
  Snapshot,
  Timestamp,
  TokenRecord,
  Waiter,
} from "../../src/core/changes.ts";
import type { ErrorCode, Reply, ReplyTo } from "../../src/core/requests.ts";
import { instant, millis, wallTime } from "../../src/core/time.ts";

/** Made up are values of every kind that the type knows: the compiler refuses what leaves one out. */
const all =
  <Kept>() =>
  <Given extends Kept>(arbitrary: fc.Arbitrary<Given> & Takes<Given, Kept>): fc.Arbitrary<Kept> =>
    arbitrary;

const orAbsent = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const moment = fc.maxSafeInteger().map(instant);
const length = fc.nat().map(millis);
const text = fc.string({ unit: "grapheme", maxLength: 20 });
const name: fc.Arbitrary<string> = fc.constantFrom(
  "build1",
  "build2",
  "__proto__",
  "constructor",
  "a.b-c_d",
  "Ω🦊",
  "it's",
);
const names = fc.array(name, { maxLength: 3 });
const state = fc.constantFrom("off", "powered", "available", "unknown");
const mode = fc.constantFrom("shared", "exclusive");
const priority = fc.integer({ min: -100, max: 100 });
const smallNumber = fc.nat({ max: 20 });
// A negative zero is zero in JSON.
const amount = fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }).map((value) => value + 0);
const error = all<ErrorCode>()(
  fc.constantFrom(
    "invalid-request",
    "unknown-resource",
    "unknown-token",
    "token-taken",
    "not-owner",
    "ttl-too-long",
    "busy",
    "timeout",
    "locked-out",
    "power-failed",
    "released",
    "forbidden",
    "retained-request",
    "too-large",
    "limit-reached",
    "unavailable",
  ),
);

const replyTo = all<ReplyTo>()(
  fc.record({
    topic: text,
    correlation: orAbsent(text),
    id: orAbsent(text),
    format: fc.constantFrom("json", "plain"),
  }),
);

const waiters = fc.array(
  all<Waiter>()(
    fc.record({
      replyTo: orAbsent(replyTo),
      wait: fc.constantFrom("granted", "powered", "available"),
      ttl: orAbsent(length),
      since: moment,
      asked: orAbsent(fc.array(name, { maxLength: 3 })),
    }),
  ),
  { maxLength: 2 },
);

const yes = fc.constant(true as const);
const no = fc.constant(false as const);
const holder = fc.record({
  resource: orAbsent(name),
  token: text,
  owner: text,
  purpose: fc.option(text),
  mode,
  since: text,
  expires: fc.option(text),
});
const entry = fc.record({
  token: text,
  owner: text,
  purpose: fc.option(text),
  mode,
  priority,
  since: text,
  deadline: text,
});
const named = { resource: orAbsent(name), resources: orAbsent(names) };
const reply = all<Reply>()(
  fc.oneof(
    fc.record({
      ok: yes,
      ...named,
      token: text,
      owner: text,
      state,
      users: fc.nat(),
      ttl: amount,
      expires: fc.option(text),
    }),
    fc.record({ ok: yes, ...named, token: text, state, users: fc.nat() }),
    fc.record({
      ok: yes,
      resource: name,
      override: fc.constantFrom("auto", "on", "off"),
      state,
      users: fc.nat(),
    }),
    fc.record({
      ok: yes,
      resource: name,
      state,
      total: fc.nat(),
      holders: fc.array(holder, { maxLength: 3 }),
      queue: fc.array(entry, { maxLength: 3 }),
    }),
    fc.record({ ok: no, resource: orAbsent(name), token: orAbsent(text), error, message: text }),
  ),
);

const token = all<TokenRecord>()(
  fc.record({
    resources: fc.array(name, { minLength: 1, maxLength: 3 }),
    asked: names,
    several: fc.boolean(),
    token: name,
    owner: text,
    purpose: orAbsent(text),
    mode,
    priority,
    number: smallNumber,
    tried: names,
    since: moment,
    ttl: length,
    validFrom: moment,
    expires: orAbsent(moment),
    extendedAt: moment,
    lostAt: orAbsent(moment),
    told: fc.boolean(),
    kwhAtStart: fc.array(orAbsent(amount), { maxLength: 3 }),
    waiters,
    deadline: orAbsent(moment),
  }),
);

const queued = all<QueuedRecord>()(
  fc.record({
    number: smallNumber,
    asked: names,
    several: fc.boolean(),
    token: name,
    owner: text,
    purpose: orAbsent(text),
    mode,
    priority,
    tried: names,
    since: moment,
    ttl: orAbsent(length),
    lostAt: orAbsent(moment),
    waiters,
    deadline: moment,
  }),
);

const override = all<OverrideRecord>()(
  fc.record({
    resource: name,
    mode: fc.constantFrom("on", "off"),
    outlets: names,
    by: orAbsent(text),
    reason: orAbsent(text),
    since: moment,
    until: orAbsent(moment),
    force: fc.boolean(),
  }),
);

const ended = all<EndedRecord>()(
  fc.record({
    resource: name,
    token: name,
    at: moment,
    reason: fc.constantFrom("released", "expired", "lost", "rejected", "removed", "locked-out"),
  }),
);

const outlet = all<OutletRecord>()(
  fc.record({
    outlet: name,
    own: fc.constantFrom("none", "commanded", "confirmed", "leaving", "outside"),
    movedAt: orAbsent(moment),
    bootedAt: orAbsent(moment),
  }),
);

const cycle = all<CycleRecord>()(
  fc.record({ stage: fc.constantFrom("off", "on"), force: fc.boolean(), adopted: fc.boolean() }),
);

const published = all<PublishedRecord>()(fc.record({ kind: fc.constantFrom("resource", "switcher"), name }));

const nothing = fc.constant(undefined);

/** Those of each kind; an object, so that the compiler sees when a kind is missing. */
const ofEachKind: { readonly [Kind in Change["kind"]]: fc.Arbitrary<Extract<Change, { kind: Kind }>> } = {
  token: fc.oneof(
    token.map((record) => ({
      kind: "token" as const,
      resource: record.resources[0] ?? "",
      token: record.token,
      record,
    })),
    fc.record({ kind: fc.constant("token"), resource: name, token: name, record: nothing }),
  ),
  queued: fc.oneof(
    queued.map((record) => ({
      kind: "queued" as const,
      number: record.number,
      record,
    })),
    fc.record({ kind: fc.constant("queued"), number: smallNumber, record: nothing }),
  ),
  override: fc.oneof(
    override.map((record) => ({
      kind: "override" as const,
      resource: record.resource,
      record,
    })),
    fc.record({ kind: fc.constant("override"), resource: name, record: nothing }),
  ),
  ended: fc.oneof(
    ended.map((record) => ({
      kind: "ended" as const,
      resource: record.resource,
      token: record.token,
      record,
    })),
    fc.record({ kind: fc.constant("ended"), resource: name, token: name, record: nothing }),
  ),
  outlet: fc.record({ kind: fc.constant("outlet"), record: outlet }),
  resource: fc.record({
    kind: fc.constant("resource"),
    record: fc.record({
      resource: name,
      boots: fc.array(length, { maxLength: 5 }),
      wasAvailable: fc.boolean(),
      shutdownAt: orAbsent(moment),
      cycle: orAbsent(cycle),
    }),
  }),
  outbox: fc.oneof(
    fc.record({ id: smallNumber, replyTo, reply }).map((record) => ({
      kind: "outbox" as const,
      id: record.id,
      record,
    })),
    fc.record({ kind: fc.constant("outbox"), id: smallNumber, record: nothing }),
  ),
  published: fc.record({ kind: fc.constant("published"), record: published, gone: fc.boolean() }),
};

export const change: fc.Arbitrary<Change> = fc.oneof(...Object.values(ofEachKind));

export const timestamp: fc.Arbitrary<Timestamp> = fc.record({
  at: moment,
  wall: fc.maxSafeNat().map(wallTime),
  boot: orAbsent(fc.uuid()),
});

/** What a store has to give back after these changes: the plainest model there is. */
export function model(changes: readonly Change[]): Snapshot {
  const kept = new Map<string, Change>();
  for (const each of changes) {
    const gone = each.kind === "published" ? each.gone : each.record === undefined;
    if (gone) {
      kept.delete(keyOf(each));
    } else {
      kept.set(keyOf(each), each);
    }
  }
  const left = [...kept.values()];
  return {
    tokens: left.flatMap((each) => (each.kind === "token" && each.record !== undefined ? [each.record] : [])),
    queued: left.flatMap((each) =>
      each.kind === "queued" && each.record !== undefined ? [each.record] : [],
    ),
    overrides: left.flatMap((each) =>
      each.kind === "override" && each.record !== undefined ? [each.record] : [],
    ),
    ended: left.flatMap((each) => (each.kind === "ended" && each.record !== undefined ? [each.record] : [])),
    outlets: left.flatMap((each) => (each.kind === "outlet" ? [each.record] : [])),
    resources: left.flatMap((each) => (each.kind === "resource" ? [each.record] : [])),
    outbox: left.flatMap((each) =>
      each.kind === "outbox" && each.record !== undefined ? [each.record] : [],
    ),
    published: left.flatMap((each) => (each.kind === "published" ? [each.record] : [])),
  };
}

function keyOf(each: Change): string {
  switch (each.kind) {
    case "token":
    case "ended":
      return JSON.stringify([each.kind, each.resource, each.token]);
    case "queued":
      return JSON.stringify([each.kind, each.number]);
    case "override":
      return JSON.stringify([each.kind, each.resource]);
    case "outlet":
      return JSON.stringify([each.kind, each.record.outlet]);
    case "resource":
      return JSON.stringify([each.kind, each.record.resource]);
    case "outbox":
      return JSON.stringify([each.kind, each.id]);
    case "published":
      return JSON.stringify([each.kind, each.record.kind, each.record.name]);
  }
}

/** The same snapshot in an order that two can be compared in. */
export const sorted = (snapshot: Snapshot): unknown =>
  Object.fromEntries(
    Object.entries(snapshot).map(([table, records]: [string, readonly unknown[]]) => [
      table,
      inOrder(records),
    ]),
  );

const inOrder = (records: readonly unknown[]): unknown[] =>
  records.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

export const someTime: Timestamp = {
  at: instant(5_000_000),
  wall: wallTime(1_795_000_000_000),
  boot: "boot-1",
};

export function someToken(id: string, resource = "build1", differing: Partial<TokenRecord> = {}): Change {
  const record: TokenRecord = {
    resources: [resource],
    asked: [resource],
    several: false,
    token: id,
    owner: "ci",
    purpose: "nightly build",
    mode: "shared",
    priority: 0,
    number: 1,
    tried: [],
    since: instant(4_000_000),
    ttl: millis(3_600_000),
    validFrom: instant(4_000_000),
    expires: instant(7_600_000),
    extendedAt: instant(4_000_000),
    lostAt: undefined,
    told: true,
    kwhAtStart: [undefined],
    waiters: [],
    deadline: undefined,
    ...differing,
  };
  return { kind: "token", resource, token: id, record };
}

export function someQueued(number: number, differing: Partial<QueuedRecord> = {}): Change {
  const replyTopic = { topic: `lastout/reply/job-${number}`, correlation: undefined, id: undefined };
  const record: QueuedRecord = {
    number,
    asked: ["builders"],
    several: false,
    token: `job-${number}`,
    owner: "ci",
    purpose: undefined,
    mode: "exclusive",
    priority: 0,
    tried: [],
    since: instant(4_500_000),
    ttl: undefined,
    lostAt: undefined,
    waiters: [
      {
        replyTo: { ...replyTopic, format: "json" },
        wait: "available",
        ttl: undefined,
        since: instant(4_500_000),
        asked: undefined,
      },
    ],
    deadline: instant(5_100_000),
    ...differing,
  };
  return { kind: "queued", number, record };
}
