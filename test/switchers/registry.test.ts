// What every kind of switcher must hold, whichever it is: the list in the registry is the test's only knowledge of them.

import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createSwitcher, switcherKinds, switcherOptions } from "../../src/adapters/switchers/registry.ts";
import { SwitcherError, type SwitcherReport } from "../../src/ports/switcher.ts";
import { handClock } from "../support/hand-clock.ts";
import { memoryBus } from "../support/memory-bus.ts";

/** The least that each kind needs to be told. A new kind adds its line here, or the tests say so. */
const least: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  exec: { on: ["/bin/true"], off: ["/bin/true"], read: ["/bin/true"] },
  mqtt: { preset: "shelly-gen1", device: "shelly1-A" },
  simulated: {},
  tasmota: { topic: "plug1" },
};

const made = (type: string, more: Readonly<Record<string, unknown>> = {}) => {
  const bus = memoryBus();
  const clock = handClock();
  const options = switcherOptions.parse({ type, ...least[type], ...more });
  const switcher = createSwitcher(options, { name: "rack", bus, clock });
  const reports: SwitcherReport[] = [];
  return { bus, clock, switcher, reports, start: () => switcher.start((report) => reports.push(report)) };
};

const notAborted = new AbortController().signal;

it("Every kind of switcher has a name of its own and stands in the list in order", () => {
  const types = switcherKinds.map((kind) => kind.type);
  expect(types).toEqual(types.toSorted());
  expect(new Set(types).size).toBe(types.length);
  expect(Object.keys(least)).toEqual(types);
});

it("An unknown kind of switcher is refused", () => {
  expect(switcherOptions.safeParse({ type: "tasmotta", topic: "x" }).success).toBe(false);
});

describe.each(switcherKinds.map((kind) => kind.type))("A switcher of the kind %s", (type) => {
  const kind = switcherKinds.find((known) => known.type === type);

  it("describes itself and each of its options", () => {
    expect(kind?.summary).toMatch(/^[A-Z].*\.$/);
    const schema = z.toJSONSchema(kind?.options ?? z.never(), { io: "input" });
    const fields = Object.entries(schema.properties ?? {});
    expect(fields.length).toBeGreaterThan(1);
    for (const [name, field] of fields) {
      expect(typeof field === "object" ? field.description : undefined, name).toMatch(/^[A-Z].*\.$/);
    }
    expect(schema.additionalProperties).toBe(false);
  });

  it("refuses an option that it does not have", () => {
    const parsed = switcherOptions.safeParse({ type, ...least[type], colour: "red" });
    expect(parsed.error?.issues).toMatchObject([{ code: "unrecognized_keys", keys: ["colour"] }]);
  });

  const canBeGroup = kind !== undefined && "outlets" in kind.options.shape;

  it("has one outlet, named by the switcher alone, or a group", () => {
    expect(made(type).switcher.outlets).toEqual(["rack"]);
    if (!canBeGroup) {
      expect(switcherOptions.safeParse({ type, ...least[type], outlets: 1 }).success).toBe(false);
      return;
    }
    expect(made(type, { outlets: 1 }).switcher.outlets).toEqual(["rack/1"]);
    expect(made(type, { outlets: 3 }).switcher.outlets).toEqual(["rack/1", "rack/2", "rack/3"]);
    expect(switcherOptions.safeParse({ type, ...least[type], outlets: 0 }).success).toBe(false);
    expect(switcherOptions.safeParse({ type, ...least[type], outlets: 1000 }).success).toBe(false);
  });

  it("reports that it is connected, and never throws at its start", () => {
    const { start, bus, reports } = made(type);
    start();
    bus.connect();
    expect(reports).toContainEqual({ kind: "connected" });
  });

  it("does nothing when the signal has aborted already", async () => {
    const { start, bus, clock, switcher, reports } = made(type);
    start();
    bus.connect();
    reports.length = 0;
    await expect(switcher.set("rack", "on", AbortSignal.abort())).rejects.toMatchObject({ code: "aborted" });
    await expect(switcher.ask(AbortSignal.abort())).rejects.toMatchObject({ code: "aborted" });
    await expect(switcher.measure(AbortSignal.abort())).rejects.toMatchObject({ code: "aborted" });
    await clock.turn(60_000);
    expect(bus.published).toEqual([]);
    expect(reports).toEqual([]);
    expect(clock.sleeping).toBe(0);
  });

  it("refuses an outlet that it does not have", async () => {
    const { start, bus, switcher } = made(type, canBeGroup ? { outlets: 2 } : {});
    start();
    bus.connect();
    await expect(switcher.set("rack/0", "on", notAborted)).rejects.toBeInstanceOf(SwitcherError);
    await expect(switcher.set("rack/3", "on", notAborted)).rejects.toMatchObject({ code: "refused" });
  });

  it("is unreachable before its start", async () => {
    const { switcher } = made(type);
    await expect(switcher.set("rack", "on", notAborted)).rejects.toMatchObject({ code: "unreachable" });
    await expect(switcher.ask(notAborted)).rejects.toMatchObject({ code: "unreachable" });
    await expect(switcher.measure(notAborted)).rejects.toMatchObject({ code: "unreachable" });
  });

  it("reports nothing more once it is closed", async () => {
    const { start, bus, clock, switcher, reports } = made(type);
    start();
    bus.connect();
    await switcher.set("rack", "on", notAborted);
    await switcher.ask(notAborted);
    await switcher.measure(notAborted);
    await switcher.close();
    reports.length = 0;
    bus.say("stat/plug1/POWER", "ON");
    bus.lose();
    await clock.turn(60_000);
    expect(reports).toEqual([]);
  });
});
