// Goal: a reload comes between two batches and all at once, and touches only the devices that changed. Method: the real loop over a store
// that can hang, devices that note what is done with them. The whole of it over real brokers: test/wire/reload.test.ts.

import { describe, expect, test } from "vitest";
import { openBook } from "../../src/core/restart.ts";
import { millis } from "../../src/core/time.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Switcher, SwitcherReport } from "../../src/ports/switcher.ts";
import { createDevices, type Kit, type Plan } from "../../src/runtime/devices.ts";
import { createLoop, type Happening } from "../../src/runtime/loop.ts";
import { reload } from "../../src/runtime/reload.ts";
import { createDisk } from "../core/support/disk.ts";
import { settingsOf, usualResource } from "../core/support/lab.ts";
import { eventually } from "../support/eventually.ts";
import { handClock } from "../support/hand-clock.ts";
import { keepingLog, silentLog } from "../support/silent-log.ts";

const settings = (...names: readonly string[]) =>
  settingsOf(names.map((name) => usualResource(name, `plug-${name}`)));

const reconfigured = (...names: readonly string[]): Happening => ({
  kind: "reconfigured",
  settings: settings(...names),
  changed: new Set(),
  rechecked: new Set(),
});

function runningLoop() {
  const clock = handClock();
  const disk = createDisk();
  let hanging: PromiseWithResolvers<void> | undefined;
  const store: Store = {
    load: async () => ({ snapshot: disk.snapshot(), written: undefined }),
    async commit(changes) {
      await hanging?.promise;
      disk.apply(changes);
    },
    close: async () => undefined,
  };
  const book = openBook(settings("build1"), disk.snapshot(), clock.now(), millis(0));
  const loop = createLoop({
    book,
    store,
    clock,
    log: silentLog,
    createAlarm: () => ({ set: () => undefined, clear: () => undefined }),
    carryOut: () => undefined,
    tend: () => undefined,
    failed: (error) => {
      throw error;
    },
  });
  loop.start();
  return {
    loop,
    book,
    hang: (): void => {
      hanging = Promise.withResolvers();
    },
    letGo: (): void => {
      hanging?.resolve();
      hanging = undefined;
    },
  };
}

const turn = () =>
  new Promise<void>((resolve) => {
    setImmediate(resolve);
  });

describe("Between two batches", () => {
  test("nothing is stepped while something else is done, and what comes of that is stepped first", async () => {
    const { loop, book } = runningLoop();
    const going = Promise.withResolvers<void>();
    const done = loop.betweenBatches(async () => {
      await going.promise;
      return reconfigured("build1", "build2");
    });
    await turn();
    loop.submit({ kind: "storeRefused" });
    await turn();
    expect([book.store, book.resources.size]).toEqual(["writing", 1]);
    going.resolve();
    expect(await done).toBe(true);
    expect(book.resources.size).toBe(2);
    await eventually("the other one follows", () => book.store === "refusing");
    await loop.stop();
  });

  test("a commit under way is waited for", async () => {
    const { loop, book, hang, letGo } = runningLoop();
    loop.submit({ kind: "linkConnected" });
    loop.submit({ kind: "linkProved", attempt: 1 });
    hang();
    await turn();
    let begun = false;
    const done = loop.betweenBatches(async () => {
      begun = true;
      return undefined;
    });
    await turn();
    expect([book.link.name, begun]).toEqual(["up", false]);
    letGo();
    expect(await done).toBe(true);
    expect(begun).toBe(true);
    await loop.stop();
  });

  test("a failure is told to who asked, and the loop goes on", async () => {
    const { loop, book } = runningLoop();
    await expect(loop.betweenBatches(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await loop.betweenBatches(async () => reconfigured("build2"))).toBe(true);
    expect([...book.resources.keys()]).toEqual(["build2"]);
    await loop.stop();
  });

  test("a loop that stops says that it was not done", async () => {
    const { loop } = runningLoop();
    const done = loop.betweenBatches(async () => reconfigured("build2"));
    await loop.stop();
    expect(await done).toBe(false);
    expect(await loop.betweenBatches(async () => undefined)).toBe(false);
  });
});

/** A kit of switchers that note in one list what is done with them. */
function labOfSwitchers() {
  const notes: string[] = [];
  const reporters = new Map<string, (report: SwitcherReport) => void>();
  let hangs = false;
  const plan = (name: string, options: string): Plan<Switcher> => ({
    options: { is: options },
    timeout: millis(1000),
    make() {
      notes.push(`make ${options}`);
      return {
        name,
        outlets: [name],
        capabilities: { readback: "hardware", push: true, meter: false },
        start(report) {
          notes.push(`start ${options}`);
          reporters.set(options, report);
        },
        set: async () => undefined,
        ask: async () => undefined,
        measure: async () => undefined,
        close: () => {
          notes.push(`close ${options}`);
          return hangs ? new Promise(() => undefined) : Promise.resolve();
        },
      };
    },
  });
  return {
    kit: (
      switchers: Readonly<Record<string, string>>,
      checkers: Readonly<Record<string, string>> = {},
    ): Kit => ({
      switchers: new Map(Object.entries(switchers).map(([name, options]) => [name, plan(name, options)])),
      checkers: new Map(
        Object.entries(checkers).map(([name, options]) => [
          name,
          {
            options: { is: options },
            timeout: millis(1000),
            make: () => ({ check: async () => ({ outcome: "up" as const, message: options }) }),
          },
        ]),
      ),
      guards: new Map(),
      shutdowns: new Map(),
    }),
    says: (options: string) => reporters.get(options)?.({ kind: "connected" }),
    hang: (): void => {
      hangs = true;
    },
    told: (): string[] => notes.splice(0),
  };
}

describe("Devices", () => {
  test("that did not change stay the same objects, and hear nothing; the others are closed before new ones are started", async () => {
    const { kit, told, says } = labOfSwitchers();
    const devices = createDevices(kit({ a: "a1", b: "b1", c: "c1" }), { clock: handClock(), log: silentLog });
    const heard: string[] = [];
    devices.start((name) => heard.push(name));
    told();
    const before = devices.switchers.get("a")?.device;
    const next = kit({ a: "a1", b: "b2", d: "d1" });
    expect(devices.compare(next).changed).toEqual(new Set(["b"]));
    await devices.replace(next);
    expect(told()).toEqual(["make b2", "make d1", "close b1", "close c1", "start b2", "start d1"]);
    expect(devices.switchers.get("a")?.device).toBe(before);
    expect([...devices.switchers.keys()]).toEqual(["a", "b", "d"]);
    says("b1");
    says("c1");
    expect(heard).toEqual([]);
    says("b2");
    says("a1");
    expect(heard).toEqual(["b", "a"]);
    await devices.close();
    expect(told().toSorted()).toEqual(["close a1", "close b2", "close d1"]);
  });

  test("a checker that came, went or changed is told apart from one that stays", () => {
    const { kit } = labOfSwitchers();
    const devices = createDevices(kit({}, { came: "no", stays: "x", changes: "x", goes: "x" }), {
      clock: handClock(),
      log: silentLog,
    });
    const next = kit({}, { stays: "x", changes: "y", came: "no", fresh: "x" });
    expect(devices.compare(next).rechecked).toEqual(new Set(["changes", "goes", "fresh"]));
  });

  test("nothing is changed when one of them cannot be made", async () => {
    const { kit, told } = labOfSwitchers();
    const devices = createDevices(kit({ a: "a1" }), { clock: handClock(), log: silentLog });
    devices.start(() => undefined);
    told();
    const bad = kit({ b: "b1" });
    const impossible: Kit = {
      ...bad,
      shutdowns: new Map([
        [
          "b",
          {
            options: {},
            timeout: millis(1000),
            make: () => {
              throw new TypeError("no such kind");
            },
          },
        ],
      ]),
    };
    await expect(devices.replace(impossible)).rejects.toThrow("no such kind");
    expect([...devices.switchers.keys()]).toEqual(["a"]);
    expect(told()).not.toContain("close a1");
  });

  test("a switcher that hangs while it is closed is waited for 5 s at most", async () => {
    const { kit, told, hang } = labOfSwitchers();
    const clock = handClock();
    const { log, lines } = keepingLog();
    const devices = createDevices(kit({ a: "a1" }), { clock, log });
    devices.start(() => undefined);
    hang();
    const replaced = devices.replace(kit({ a: "a2" }));
    await clock.turn(4999);
    expect(told()).not.toContain("start a2");
    await clock.turn(1);
    await replaced;
    expect(told()).toContain("start a2");
    expect(lines.map(({ sentence }) => sentence)).toEqual(["A switcher does not close; going on without it"]);
  });
});

test("A reload that fails of itself changes nothing, and says so", async () => {
  const { loop, book } = runningLoop();
  const { log, lines } = keepingLog();
  const outcome = await reload(
    () => {
      throw new Error("out of files");
    },
    {
      book,
      loop,
      front: { reconfigure: () => undefined },
      devices: createDevices(labOfSwitchers().kit({}), { clock: handClock(), log }),
      log,
    },
  );
  expect(outcome).toEqual({ result: "failed", lines: ["out of files"], needRestart: [] });
  expect(lines.map(({ level }) => level)).toEqual(["error"]);
  await loop.stop();
});
