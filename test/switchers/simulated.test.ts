import { expect, it } from "vitest";
import { createSwitcher, switcherOptions } from "../../src/adapters/switchers/registry.ts";
import type { SwitcherReport } from "../../src/ports/switcher.ts";
import { handClock } from "../support/hand-clock.ts";
import { memoryBus } from "../support/memory-bus.ts";

const notAborted = new AbortController().signal;

function running(options: Readonly<Record<string, unknown>> = {}) {
  const clock = handClock();
  const parsed = switcherOptions.parse({ type: "simulated", ...options });
  const switcher = createSwitcher(parsed, { name: "sim", bus: memoryBus(), clock });
  const reports: SwitcherReport[] = [];
  switcher.start((report) => reports.push(report));
  reports.length = 0;
  return { clock, switcher, reports };
}

it("A simulated relay has moved after its delay and not before", async () => {
  const { clock, switcher, reports } = running();
  await switcher.set("sim", "on", notAborted);
  await clock.turn(49);
  expect(reports).toEqual([]);
  await clock.turn(1);
  expect(reports).toEqual([{ kind: "position", outlet: "sim", position: "on", uptime: 50 }]);
});

it("A simulated switcher answers a question with the positions of all its outlets", async () => {
  const { clock, switcher, reports } = running({ outlets: 2, initial: "on", delay: "2s" });
  await switcher.set("sim/2", "off", notAborted);
  await switcher.ask(notAborted);
  await clock.turn(2000);
  expect(reports).toEqual([
    { kind: "position", outlet: "sim/2", position: "off", uptime: 2000 },
    { kind: "position", outlet: "sim/1", position: "on", uptime: 2000 },
    { kind: "position", outlet: "sim/2", position: "off", uptime: 2000 },
  ]);
});

it("Two commands to a simulated relay are carried out in their order", async () => {
  const { clock, switcher, reports } = running();
  await switcher.set("sim", "on", notAborted);
  await clock.turn(10);
  await switcher.set("sim", "off", notAborted);
  await clock.turn(100);
  expect(reports.map((report) => (report.kind === "position" ? report.position : report.kind))).toEqual([
    "on",
    "off",
  ]);
});

it("A simulated outlet with watts reports what it draws, and 0 while it is off", async () => {
  const { clock, switcher, reports } = running({ watts: 65, delay: 0 });
  expect(switcher.capabilities.meter).toBe(true);
  expect(running().switcher.capabilities.meter).toBe(false);
  await switcher.set("sim", "on", notAborted);
  await clock.turn(0);
  await switcher.set("sim", "off", notAborted);
  await clock.turn(0);
  expect(reports.filter((report) => report.kind === "reading")).toEqual([
    { kind: "reading", outlet: "sim", watts: 65, kwh: undefined },
    { kind: "reading", outlet: "sim", watts: 0, kwh: undefined },
  ]);
});

it("A simulated meter that is asked tells what each outlet draws, and nothing where there is none", async () => {
  const { clock, switcher, reports } = running({ outlets: 2, watts: 65, initial: "on" });
  await switcher.set("sim/2", "off", notAborted);
  await clock.turn(50);
  reports.length = 0;
  await switcher.measure(notAborted);
  await clock.turn(49);
  expect(reports).toEqual([]);
  await clock.turn(1);
  expect(reports).toEqual([
    { kind: "reading", outlet: "sim/1", watts: 65, kwh: undefined },
    { kind: "reading", outlet: "sim/2", watts: 0, kwh: undefined },
  ]);
  const without = running({ initial: "on" });
  await without.switcher.measure(notAborted);
  await without.clock.turn(1000);
  expect(without.reports).toEqual([]);
});

it("Closing a simulated switcher waits for nobody: what was under way is dropped", async () => {
  const { clock, switcher, reports } = running({ delay: "10d" });
  await switcher.set("sim", "on", notAborted);
  await switcher.close();
  expect(clock.sleeping).toBe(0);
  expect(reports).toEqual([]);
});
