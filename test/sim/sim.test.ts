// Goal: the promises of the protocol hold in a world where everything breaks. Method: seeded runs of the real core and the real shell over
// a simulated one, those that failed once and some more. The long search for new seeds is `npm run sim -- --minutes N`.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createRandom } from "./random.ts";
import { createScheduler } from "./scheduler.ts";
import { simulate } from "./simulate.ts";

const regressions = readFileSync(new URL("regressions.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => /^\d/.test(line))
  .map((line) => {
    const [, seed, share = "1", found = ""] = /^(\d+)(?:\/([\d.]+))?\s+(.*)$/.exec(line) ?? [];
    return { seed: Number(seed), share: Number(share), found };
  });

describe("the simulator repeats itself", () => {
  it("The same seed gives the same run, to the last message.", async () => {
    const once = await simulate(7);
    const again = await simulate(7);
    expect(again).toEqual(once);
    expect(once.requests).toBeGreaterThan(0);
  });

  it("Another seed gives another run.", async () => {
    const [one, other] = [await simulate(7), await simulate(8)];
    expect(other.hash).not.toBe(one.hash);
  });

  it("Forked random streams depend on their names, and on nothing that was drawn elsewhere.", () => {
    const quiet = createRandom("1");
    const busy = createRandom("1");
    busy.next();
    expect(busy.fork("disk").next()).toBe(quiet.fork("disk").next());
    expect(busy.fork("disk").next()).not.toBe(busy.fork("broker").next());
  });

  it("Promises that follow from an action are done before the next action begins.", async () => {
    const scheduler = createScheduler();
    const seen: string[] = [];
    const follow = async (): Promise<void> => {
      for (let turn = 0; turn < 100; turn += 1) {
        await Promise.resolve();
      }
      seen.push("followed");
    };
    scheduler.after(1, () => void follow());
    scheduler.after(1, () => seen.push("next"));
    await scheduler.runUntil(1);
    expect(seen).toEqual(["followed", "next"]);
  });
});

describe("every promise is kept", () => {
  it.each(regressions)("Seed $seed stays mended: $found", { timeout: 60_000 }, async ({ seed, share }) => {
    const { broken, trace } = await simulate(seed, 60, share);
    expect(broken, trace.join("\n")).toBeUndefined();
  });

  it("Two hundred fixed seeds keep every promise, through crashes and faults of every kind.", {
    timeout: 300_000,
  }, async () => {
    const sum = { crashes: 0, commands: 0, requests: 0 };
    for (let seed = 1; seed <= 200; seed += 1) {
      const { broken, trace, crashes, commands, requests } = await simulate(seed, 60, 0.3);
      expect(
        broken,
        `seed ${seed}; the whole of it: npm run sim -- --seed ${seed}\n${trace.join("\n")}`,
      ).toBeUndefined();
      sum.crashes += crashes;
      sum.commands += commands;
      sum.requests += requests;
    }
    // A world in which nothing happens keeps every promise, too.
    expect(sum.crashes).toBeGreaterThan(500);
    expect(sum.commands).toBeGreaterThan(1000);
    expect(sum.requests).toBeGreaterThan(10_000);
  });
});
