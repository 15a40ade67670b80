// Goal: a switcher that tells nothing by itself is asked again and again, one question at a time, for as long as it is in use; and what
// listens is closed when it is replaced. Method: devices that note what is done with them, a clock turned by hand.

import { describe, expect, test } from "vitest";
import { type Millis, millis } from "../../src/core/time.ts";
import type { Checker } from "../../src/ports/checker.ts";
import { type Switcher, SwitcherError, type SwitcherReport } from "../../src/ports/switcher.ts";
import { createDevices, type Kit, type Plan } from "../../src/runtime/devices.ts";
import { handClock } from "../support/hand-clock.ts";
import { silentLog } from "../support/silent-log.ts";

const none: Kit = { switchers: new Map(), checkers: new Map(), guards: new Map(), shutdowns: new Map() };

/** A switcher that is asked for `answer`. */
function polled(answer: (signal: AbortSignal) => Promise<void>, askEvery: Millis | undefined) {
  let asked = 0;
  const switcher: Switcher = {
    name: "lamp",
    outlets: ["lamp"],
    capabilities: { readback: "hardware", push: false, meter: false },
    ...(askEvery === undefined ? {} : { askEvery }),
    start: (report) => report({ kind: "connected" }),
    set: async () => undefined,
    async ask(signal) {
      asked += 1;
      await answer(signal);
    },
    measure: async () => undefined,
    close: async () => undefined,
  };
  const plan: Plan<Switcher> = { options: { is: "polled" }, timeout: millis(5000), make: () => switcher };
  return { kit: { ...none, switchers: new Map([["lamp", plan]]) }, plan, asked: () => asked };
}

function started(kit: Kit) {
  const clock = handClock();
  const devices = createDevices(kit, { clock, log: silentLog });
  const reports: SwitcherReport[] = [];
  devices.start((_name, said) => reports.push(said));
  return { clock, devices, reports };
}

const refuses = async (): Promise<void> => {
  throw new SwitcherError("unreachable", "no device");
};

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new SwitcherError("aborted", "too late")), { once: true });
  });

describe("A switcher that wants to be asked", () => {
  test("is asked that often, the first time after as long, until the end", async () => {
    const { kit, asked } = polled(async () => undefined, millis(30_000));
    const { clock, devices, reports } = started(kit);
    await clock.turn(29_999);
    expect(asked()).toBe(0);
    await clock.turn(1);
    expect(asked()).toBe(1);
    await clock.turn(60_000);
    expect(asked()).toBe(3);
    await devices.close();
    await clock.turn(300_000);
    expect(asked()).toBe(3);
    expect(reports).toEqual([{ kind: "connected" }]);
  });

  test("and does not answer, is a hint that it is away, once until it answers again", async () => {
    let away = true;
    const { kit } = polled(async () => (away ? refuses() : undefined), millis(1000));
    const { clock, devices, reports } = started(kit);
    reports.length = 0;
    await clock.turn(3000);
    expect(reports).toEqual([{ kind: "hint", online: false }]);
    away = false;
    await clock.turn(1000);
    away = true;
    await clock.turn(2000);
    expect(reports).toHaveLength(2);
    await devices.close();
  });

  test("is not asked again before the last question has ended, at the timeout at the latest", async () => {
    const { kit, asked } = polled(untilAborted, millis(1000));
    const { clock, devices, reports } = started(kit);
    await clock.turn(5999);
    expect([asked(), reports.length]).toEqual([1, 1]);
    await clock.turn(1);
    expect(reports).toHaveLength(2);
    await clock.turn(1000);
    expect(asked()).toBe(2);
    await devices.close();
  });

  test("has the timeout of a configuration that was read again, and is asked no more when it is gone", async () => {
    const { kit, plan, asked } = polled(untilAborted, millis(1000));
    const { clock, devices, reports } = started(kit);
    await devices.replace({ ...none, switchers: new Map([["lamp", { ...plan, timeout: millis(100) }]]) });
    await clock.turn(1100);
    expect([asked(), reports.length]).toEqual([1, 2]);
    await devices.replace(none);
    await clock.turn(60_000);
    expect([asked(), reports.length]).toEqual([1, 2]);
  });
});

test("A switcher that tells by itself is not asked in turns", async () => {
  const { kit, asked } = polled(async () => undefined, undefined);
  const { clock, devices } = started(kit);
  await clock.turn(3_600_000);
  expect(asked()).toBe(0);
  await devices.close();
});

/** Kits of checkers that note in one list that they listen, and that they are closed. */
function listening() {
  const notes: string[] = [];
  const plan = (options: string): Plan<Checker> => ({
    options,
    timeout: millis(1000),
    make() {
      notes.push(`listen ${options}`);
      return {
        check: async () => ({ outcome: "up", message: options }),
        close: () => void notes.push(`close ${options}`),
      };
    },
  });
  const kit = (checkers: Readonly<Record<string, string>>, guards = checkers): Kit => ({
    ...none,
    checkers: new Map(Object.entries(checkers).map(([name, options]) => [name, plan(options)])),
    guards: new Map(Object.entries(guards).map(([name, options]) => [name, plan(`${options} guard`)])),
  });
  return { kit, told: (): string[] => notes.splice(0) };
}

describe("A checker that listens", () => {
  test("is closed when it is replaced or gone, and at the end; one that stays goes on undisturbed", async () => {
    const { kit, told } = listening();
    const { devices } = started(kit({ a: "a1", b: "b1" }, { a: "a1" }));
    told();
    await devices.replace(kit({ a: "a1", b: "b2" }, {}));
    expect(told()).toEqual(["listen b2", "close b1", "close a1 guard"]);
    await devices.replace(kit({ a: "a1" }, {}));
    expect(told()).toEqual(["close b2"]);
    await devices.close();
    expect(told()).toEqual(["close a1"]);
  });

  test("is closed again when something else of the same configuration cannot be made", async () => {
    const { kit, told } = listening();
    const { devices } = started(kit({ a: "a1" }, {}));
    told();
    const bad: Plan<never> = {
      options: "bad",
      timeout: millis(1000),
      make() {
        throw new TypeError("no such kind");
      },
    };
    const next = { ...kit({ a: "a2", b: "b1" }, {}), shutdowns: new Map([["b", bad]]) };
    await expect(devices.replace(next)).rejects.toThrow("no such kind");
    expect(told()).toEqual(["listen a2", "listen b1", "close a2", "close b1"]);
    expect((await devices.checkers.get("a")?.device.check(AbortSignal.timeout(1000)))?.message).toBe("a1");
    await devices.close();
    expect(told()).toEqual(["close a1"]);
  });
});
