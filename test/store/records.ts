// Records of every kind, made up by fast-check; and small ones by hand. For the tests of the store.

import * as fc from "fast-check";
import type { Change, Snapshot, Timestamp, TokenRecord } from "../../src/core/changes.ts";
import type { ErrorCode, ReplyTo } from "../../src/core/requests.ts";
import { instant, millis, wallTime } from "../../src/core/time.ts";

const orAbsent = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const moment = fc.maxSafeInteger().map(instant);
const length = fc.nat().map(millis);
const text = fc.string({ unit: "grapheme", maxLength: 20 });
const name = fc.constantFrom("build1", "build2", "__proto__", "constructor", "a.b-c_d", "Ω🦊", "it's");
const state = fc.constantFrom("off", "powered", "available", "unknown");
const errors: readonly ErrorCode[] = [
  "invalid-request",
  "unknown-resource",
  "unknown-token",
  "token-taken",
  "not-owner",
  "ttl-too-long",
  "timeout",
  "power-failed",
  "released",
  "forbidden",
  "retained-request",
  "too-large",
  "limit-reached",
  "unavailable",
];

const replyTo: fc.Arbitrary<ReplyTo> = fc.record({
  topic: text,
  correlation: orAbsent(text),
  id: orAbsent(text),
  format: fc.constantFrom("json", "plain"),
});

const yes = fc.constant(true as const); // oxlint-disable-line typescript/no-unsafe-type-assertion -- `as const` only narrows
const no = fc.constant(false as const); // oxlint-disable-line typescript/no-unsafe-type-assertion -- `as const` only narrows
const holder = fc.record({
  token: text,
  owner: text,
  purpose: fc.option(text),
  mode: fc.constant("shared" as const), // oxlint-disable-line typescript/no-unsafe-type-assertion -- `as const` only narrows
  since: text,
  expires: fc.option(text),
});
const reply = fc.oneof(
  fc.record({
    ok: yes,
    resource: name,
    token: text,
    owner: text,
    state,
    users: fc.nat(),
    ttl: fc.double({ noNaN: true, noDefaultInfinity: true }).map((ttl) => ttl + 0),
    expires: text,
  }),
  fc.record({ ok: yes, resource: name, token: text, state, users: fc.nat() }),
  fc.record({
    ok: yes,
    resource: name,
    state,
    total: fc.nat(),
    holders: fc.array(holder, { maxLength: 3 }),
    queue: fc.constant([]),
  }),
  fc.record({
    ok: no,
    resource: orAbsent(name),
    token: orAbsent(text),
    error: fc.constantFrom(...errors),
    message: text,
  }),
);

const token: fc.Arbitrary<TokenRecord> = fc.record({
  resource: name,
  token: name,
  owner: text,
  purpose: orAbsent(text),
  since: moment,
  ttl: length,
  expires: orAbsent(moment),
  lostAt: orAbsent(moment),
  told: fc.boolean(),
  kwhAtStart: orAbsent(fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 })),
  waiters: fc.array(
    fc.record({
      replyTo: orAbsent(replyTo),
      wait: fc.constantFrom("granted", "powered", "available"),
      ttl: orAbsent(length),
      since: moment,
    }),
    { maxLength: 2 },
  ),
  deadline: orAbsent(moment),
});

export const change: fc.Arbitrary<Change> = fc.oneof(
  token.map((record): Change => ({ kind: "token", resource: record.resource, token: record.token, record })),
  fc.record({ kind: fc.constant("token"), resource: name, token: name, record: fc.constant(undefined) }),
  fc
    .record({
      resource: name,
      token: name,
      at: moment,
      reason: fc.constantFrom("released", "expired", "lost", "rejected", "removed"),
    })
    .map((record): Change => ({ kind: "ended", resource: record.resource, token: record.token, record })),
  fc.record({ kind: fc.constant("ended"), resource: name, token: name, record: fc.constant(undefined) }),
  fc.record({
    kind: fc.constant("outlet"),
    record: fc.record({
      outlet: name,
      own: fc.constantFrom("none", "commanded", "confirmed", "leaving", "outside"),
      movedAt: orAbsent(moment),
      bootedAt: orAbsent(moment),
    }),
  }),
  fc.record({
    kind: fc.constant("resource"),
    record: fc.record({
      resource: name,
      boots: fc.array(length, { maxLength: 5 }),
      wasAvailable: fc.boolean(),
    }),
  }),
  fc
    .record({ id: fc.nat({ max: 20 }), replyTo, reply })
    .map((record): Change => ({ kind: "outbox", id: record.id, record })),
  fc.record({ kind: fc.constant("outbox"), id: fc.nat({ max: 20 }), record: fc.constant(undefined) }),
  fc.record({
    kind: fc.constant("published"),
    record: fc.record({ kind: fc.constantFrom("resource", "switcher"), name }),
    gone: fc.boolean(),
  }),
);

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
  const all = [...kept.values()];
  return {
    tokens: all.flatMap((each) => (each.kind === "token" && each.record !== undefined ? [each.record] : [])),
    ended: all.flatMap((each) => (each.kind === "ended" && each.record !== undefined ? [each.record] : [])),
    outlets: all.flatMap((each) => (each.kind === "outlet" ? [each.record] : [])),
    resources: all.flatMap((each) => (each.kind === "resource" ? [each.record] : [])),
    outbox: all.flatMap((each) => (each.kind === "outbox" && each.record !== undefined ? [each.record] : [])),
    published: all.flatMap((each) => (each.kind === "published" ? [each.record] : [])),
  };
}

function keyOf(each: Change): string {
  switch (each.kind) {
    case "token":
    case "ended":
      return JSON.stringify([each.kind, each.resource, each.token]);
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
export const sorted = (snapshot: Snapshot): unknown => ({
  tokens: inOrder(snapshot.tokens),
  ended: inOrder(snapshot.ended),
  outlets: inOrder(snapshot.outlets),
  resources: inOrder(snapshot.resources),
  outbox: inOrder(snapshot.outbox),
  published: inOrder(snapshot.published),
});

const inOrder = (records: readonly unknown[]): unknown[] =>
  records.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

export const someTime: Timestamp = {
  at: instant(5_000_000),
  wall: wallTime(1_795_000_000_000),
  boot: "boot-1",
};

export function someToken(id: string, resource = "build1"): Change {
  const record: TokenRecord = {
    resource,
    token: id,
    owner: "ci",
    purpose: "nightly build",
    since: instant(4_000_000),
    ttl: millis(3_600_000),
    expires: instant(7_600_000),
    lostAt: undefined,
    told: true,
    kwhAtStart: undefined,
    waiters: [],
    deadline: undefined,
  };
  return { kind: "token", resource, token: id, record };
}
