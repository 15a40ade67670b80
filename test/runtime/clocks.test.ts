// Clocks that do what they should not: what is stored in one boot is read in another, the wall clock is set, the process stands still.
// Method: a clock whose hands are moved one by one, because real clocks cannot be made to disagree.

import { describe, expect, it } from "vitest";
import type { Snapshot, Timestamp, TokenRecord } from "../../src/core/changes.ts";
import { instant, millis, wallTime } from "../../src/core/time.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { watchClocks } from "../../src/runtime/clock-watch.ts";
import { adoptSnapshot } from "../../src/runtime/time-base.ts";
import { keepingLog, type Line } from "../support/silent-log.ts";

interface Hands {
  now: number;
  wall: number;
  uptime: number;
  boot: string | undefined;
}

const clockOf = (hands: Hands): Clock => ({
  now: () => instant(hands.now),
  wall: () => wallTime(hands.wall),
  uptime: () => millis(hands.uptime),
  boot: hands.boot,
  sleep: async () => undefined,
  deadline: () => ({ signal: new AbortController().signal, dispose: () => undefined }),
});

const token: TokenRecord = {
  resources: ["build1"],
  asked: ["build1"],
  several: false,
  token: "a",
  owner: "ci",
  purpose: undefined,
  mode: "shared",
  priority: 0,
  number: 1,
  tried: [],
  since: instant(1000),
  ttl: millis(60_000),
  validFrom: instant(1000),
  expires: instant(61_000),
  extendedAt: instant(1000),
  lostAt: undefined,
  told: true,
  kwhAtStart: [undefined],
  waiters: [
    { replyTo: undefined, wait: "available", ttl: undefined, since: instant(2000), asked: undefined },
  ],
  deadline: instant(9000),
};

const snapshot: Snapshot = {
  tokens: [token],
  queued: [
    {
      number: 2,
      asked: ["build1"],
      several: false,
      token: "b",
      owner: "ci",
      purpose: undefined,
      mode: "exclusive",
      priority: 0,
      tried: [],
      since: instant(3000),
      ttl: undefined,
      lostAt: instant(4000),
      waiters: [
        { replyTo: undefined, wait: "granted", ttl: undefined, since: instant(3000), asked: undefined },
      ],
      deadline: instant(90_000),
    },
  ],
  overrides: [
    {
      resource: "build2",
      mode: "off",
      outlets: ["plug2"],
      by: "laforge",
      reason: undefined,
      since: instant(5000),
      until: instant(80_000),
      force: false,
    },
  ],
  ended: [{ resource: "build1", token: "old", at: instant(500), reason: "expired" }],
  outlets: [{ outlet: "plug1", own: "confirmed", movedAt: instant(400), bootedAt: undefined }],
  resources: [
    { resource: "build1", boots: [], wasAvailable: true, shutdownAt: instant(6000), cycle: undefined },
  ],
  outbox: [],
  published: [],
};

const written: Timestamp = { at: instant(10_000), wall: wallTime(1_000_000), boot: "boot-a" };

describe("instants that were stored", () => {
  it("are good as they are on the same boot, whatever the wall clock says", () => {
    for (const wall of [0, 1_000_000, 9_000_000_000]) {
      const clock = clockOf({ now: 12_000, wall, uptime: 12_000, boot: "boot-a" });
      expect(adoptSnapshot(snapshot, written, clock)).toEqual({ snapshot, clock: "same boot" });
    }
  });

  it("of another boot are moved by what the wall clock says has passed", () => {
    const clock = clockOf({ now: 500, wall: 1_030_000, uptime: 500, boot: "boot-b" });
    const adopted = adoptSnapshot(snapshot, written, clock);
    expect(adopted.clock).toBe("wall clock");
    // Written at 10,000; 30 s later it is 500 on this boot's clock: what was due 51 s after the write is due 21 s from now.
    expect(adopted.snapshot.tokens[0]).toMatchObject({
      expires: 21_500,
      since: 1000 - 39_500,
      deadline: 9000 - 39_500,
      lostAt: undefined,
      waiters: [{ since: 2000 - 39_500 }],
    });
    expect(adopted.snapshot.ended[0]?.at).toBe(500 - 39_500);
    expect(adopted.snapshot.outlets[0]).toMatchObject({ movedAt: 400 - 39_500, bootedAt: undefined });
    expect(adopted.snapshot.queued[0]).toMatchObject({
      since: 3000 - 39_500,
      lostAt: 4000 - 39_500,
      deadline: 90_000 - 39_500,
      waiters: [{ since: 3000 - 39_500 }],
    });
    expect(adopted.snapshot.overrides[0]).toMatchObject({ since: 5000 - 39_500, until: 80_000 - 39_500 });
    expect(adopted.snapshot.resources[0]).toMatchObject({ shutdownAt: 6000 - 39_500 });
  });

  it("of a boot without a name are moved by the wall clock, too", () => {
    const clock = clockOf({ now: 12_000, wall: 1_002_000, uptime: 12_000, boot: undefined });
    const adopted = adoptSnapshot(snapshot, { ...written, boot: undefined }, clock);
    expect(adopted.clock).toBe("wall clock");
    expect(adopted.snapshot.tokens[0]?.expires).toBe(61_000);
  });

  it("of a boot with the same name, but a later clock, are of another boot", () => {
    const clock = clockOf({ now: 500, wall: 1_030_000, uptime: 500, boot: "boot-a" });
    expect(adoptSnapshot(snapshot, written, clock).clock).toBe("wall clock");
  });

  it("keep the time that was left when the wall clock went backwards by more than 5 s", () => {
    const clock = clockOf({ now: 500, wall: 994_999, uptime: 500, boot: "boot-b" });
    const adopted = adoptSnapshot(snapshot, written, clock);
    expect(adopted.clock).toBe("wall clock went backwards");
    expect(adopted.snapshot.tokens[0]?.expires).toBe(500 + 51_000);
    const trusted = clockOf({ now: 500, wall: 995_000, uptime: 500, boot: "boot-b" });
    expect(adoptSnapshot(snapshot, written, trusted).clock).toBe("wall clock");
  });

  it("of a new store need nothing", () => {
    const clock = clockOf({ now: 500, wall: 0, uptime: 500, boot: "boot-b" });
    expect(adoptSnapshot(snapshot, undefined, clock).snapshot).toBe(snapshot);
  });
});

const started = (): { hands: Hands; look: () => unknown[]; lines: readonly Line[] } => {
  const hands: Hands = { now: 1000, wall: 101_000, uptime: 1000, boot: "boot-a" };
  const { log, lines } = keepingLog();
  const watch = watchClocks(clockOf(hands), 100_000, log);
  return { hands, look: () => watch.look(), lines };
};
const pass = (hands: Hands, ms: number): void => {
  hands.now += ms;
  hands.wall += ms;
  hands.uptime += ms;
};

describe("the watch on the clocks", () => {
  it("says nothing while all clocks go alike and the process looks at them", () => {
    const { hands, look } = started();
    pass(hands, 5000);
    expect(look()).toEqual([]);
  });

  it("notices a wall clock that was set, once, and only what is shown moves", () => {
    const { hands, look } = started();
    hands.wall += 3_600_000;
    expect(look()).toEqual([{ kind: "wallClockMoved", offset: 3_700_000 }]);
    expect(look()).toEqual([]);
    hands.wall += 500;
    expect(look()).toEqual([]);
  });

  it("notices that the process stood still for more than 5 s, and logs for how long", () => {
    const { hands, look, lines } = started();
    pass(hands, 5001);
    expect(look()).toEqual([{ kind: "stoodStill" }]);
    expect(lines).toMatchObject([{ level: "warn", fields: { durationMs: 5001 } }]);
  });

  it("notices a suspend, which stops the monotonic clock but not the uptime", () => {
    const { hands, look, lines } = started();
    hands.uptime += 60_000;
    hands.wall += 60_000;
    expect(look()).toEqual([{ kind: "wallClockMoved", offset: 160_000 }, { kind: "stoodStill" }]);
    expect(lines).toMatchObject([{ fields: { durationMs: 60_000 } }]);
  });
});
