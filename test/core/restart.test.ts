// What a store kept, brought into another boot of the machine or written anew, loses nothing.

import { describe, expect, test } from "vitest";
import { BrokenInvariant, need } from "../../src/core/book.ts";
import { everything, type Snapshot } from "../../src/core/changes.ts";
import { openBook, shiftSnapshot } from "../../src/core/restart.ts";
import { instant, millis } from "../../src/core/time.ts";
import { createDisk } from "./support/disk.ts";
import { settingsOf, usualResource } from "./support/lab.ts";

const replyTo = { topic: "lastout/reply/1", correlation: undefined, id: undefined, format: "json" } as const;

const snapshot: Snapshot = {
  tokens: [
    {
      resources: ["build1", "build2"],
      asked: ["builders", "build2"],
      several: true,
      token: "a",
      owner: "ci",
      purpose: "https://ci/job/12",
      mode: "exclusive",
      priority: 7,
      number: 11,
      tried: ["build3"],
      since: instant(1000),
      ttl: millis(500),
      validFrom: instant(1000),
      expires: instant(1500),
      extendedAt: instant(1000),
      lostAt: instant(1400),
      told: true,
      kwhAtStart: [1.5, undefined],
      waiters: [{ replyTo, wait: "available", ttl: millis(7), since: instant(1100), asked: ["b", "a"] }],
      deadline: instant(1200),
    },
    {
      resources: ["build1"],
      asked: ["build1"],
      several: false,
      token: "b",
      owner: "anonymous",
      purpose: undefined,
      mode: "shared",
      priority: 0,
      number: 12,
      tried: [],
      since: instant(2000),
      ttl: millis(500),
      validFrom: instant(2000),
      expires: undefined,
      extendedAt: instant(2000),
      lostAt: undefined,
      told: false,
      kwhAtStart: [undefined],
      waiters: [],
      deadline: undefined,
    },
  ],
  queued: [
    {
      number: 13,
      asked: ["builders"],
      several: false,
      token: "q",
      owner: "ci",
      purpose: undefined,
      mode: "shared",
      priority: -3,
      tried: [],
      since: instant(1200),
      ttl: millis(60),
      lostAt: instant(1250),
      waiters: [{ replyTo, wait: "powered", ttl: undefined, since: instant(1210), asked: undefined }],
      deadline: instant(1300),
    },
  ],
  overrides: [
    {
      resource: "build1",
      mode: "off",
      outlets: ["plug1"],
      by: "laforge",
      reason: "PSU swap",
      since: instant(1000),
      until: instant(9000),
      force: false,
    },
    {
      resource: "build2",
      mode: "on",
      outlets: [],
      by: undefined,
      reason: undefined,
      since: instant(1000),
      until: undefined,
      force: false,
    },
  ],
  ended: [{ resource: "build1", token: "c", at: instant(900), reason: "expired" }],
  outlets: [
    { outlet: "plug1", own: "confirmed", movedAt: instant(1001), bootedAt: instant(-5000) },
    { outlet: "plug2", own: "none", movedAt: undefined, bootedAt: undefined },
  ],
  resources: [
    {
      resource: "build1",
      boots: [millis(40)],
      wasAvailable: true,
      shutdownAt: instant(1500),
      cycle: { stage: "off", force: true, adopted: false },
    },
    { resource: "build2", boots: [], wasAvailable: false, shutdownAt: undefined, cycle: undefined },
  ],
  outbox: [
    {
      id: 4,
      replyTo,
      reply: { ok: false, resource: "build1", token: "d", error: "timeout", message: "late" },
    },
  ],
  published: [{ kind: "resource", name: "build1" }],
};

describe("A snapshot", () => {
  test("of another boot is moved in every instant, and in nothing else", () => {
    const moved = shiftSnapshot(snapshot, millis(10_000));
    expect(moved.tokens[0]).toMatchObject({
      since: 11_000,
      validFrom: 11_000,
      expires: 11_500,
      extendedAt: 11_000,
      lostAt: 11_400,
      deadline: 11_200,
      ttl: 500,
      waiters: [{ since: 11_100, ttl: 7 }],
    });
    expect(moved.tokens[1]).toEqual({
      ...snapshot.tokens[1],
      since: 12_000,
      validFrom: 12_000,
      extendedAt: 12_000,
    });
    expect(moved.queued).toEqual([
      {
        ...snapshot.queued[0],
        since: 11_200,
        lostAt: 11_250,
        deadline: 11_300,
        waiters: [{ ...snapshot.queued[0]?.waiters[0], since: 11_210 }],
      },
    ]);
    expect(moved.overrides).toEqual([
      { ...snapshot.overrides[0], since: 11_000, until: 19_000 },
      { ...snapshot.overrides[1], since: 11_000 },
    ]);
    expect(moved.ended).toEqual([{ ...snapshot.ended[0], at: 10_900 }]);
    expect(moved.outlets).toEqual([
      { outlet: "plug1", own: "confirmed", movedAt: 11_001, bootedAt: 5000 },
      snapshot.outlets[1],
    ]);
    expect(moved.resources).toEqual([
      { ...snapshot.resources[0], shutdownAt: 11_500 },
      snapshot.resources[1],
    ]);
    expect([moved.outbox, moved.published]).toEqual([snapshot.outbox, snapshot.published]);
    expect(shiftSnapshot(moved, millis(-10_000))).toEqual(snapshot);
  });

  test("written anew as changes is the same snapshot", () => {
    const disk = createDisk();
    disk.apply(everything(snapshot));
    expect(disk.snapshot()).toEqual(snapshot);
  });

  test("of outlets and resources that are gone is left where it is", () => {
    const book = openBook(settingsOf([usualResource("other", "plug9")]), snapshot, instant(5000), millis(0));
    expect(book.tokenCount).toBe(0);
    expect(book.gone.tokens).toEqual(snapshot.tokens.map((record) => ({ record, kept: undefined })));
    expect(book.gone.queued).toEqual(snapshot.queued);
    expect(book.overrides.size).toBe(2); // a lockout is bound to outlets, whatever becomes of the resource
    expect(book.gone.published).toEqual(snapshot.published);
    expect([...book.outlets.keys()]).toEqual(["plug9"]);
  });
});

test("A token over several, some of which have left the configuration, goes on with the rest", () => {
  const book = openBook(settingsOf([usualResource("build2", "plug2")]), snapshot, instant(5000), millis(0));
  expect([...need(book.resources, "build2").tokens.values()].map(({ record }) => record)).toMatchObject([
    { resources: ["build2"], asked: ["build2"], several: true, token: "a", kwhAtStart: [undefined] },
  ]);
  expect(book.tokenCount).toBe(1);
});

test("A member of the book that must be there and is not breaks an invariant", () => {
  expect(need(new Map([["a", 1]]), "a")).toBe(1);
  expect(() => need(new Map([["a", 1]]), "b")).toThrow(new BrokenInvariant("the book has no 'b'"));
});
