// A simulated device with the firmware's behaviour on a real broker: what it answers when its meter is asked.

import { afterEach, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { createBus } from "../../src/adapters/mqtt/bus.ts";
import { createSwitcher, switcherOptions } from "../../src/adapters/switchers/registry.ts";
import type { SwitcherReport } from "../../src/ports/switcher.ts";
import { startTasmota, type TasmotaOptions } from "../simulators/tasmota.ts";
import { startAedes } from "../support/aedes.ts";
import { eventually } from "../support/eventually.ts";
import { silentLog } from "../support/silent-log.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) {
    await close();
  }
});

const notAborted = new AbortController().signal;

async function running(device: Partial<TasmotaOptions>, options: Readonly<Record<string, unknown>> = {}) {
  const broker = await startAedes();
  closing.push(() => broker.stop());
  // No telemetry by itself, so that every reading that comes was asked for.
  const setup = ["TelePeriod 0"];
  const socket = await startTasmota({
    port: broker.port,
    topic: "plug1",
    speed: 100,
    serviceMs: 0,
    setup,
    ...device,
  });
  closing.push(() => socket.stop());
  const bus = createBus(
    { broker: { url: broker.url }, clientId: "lab" },
    { clock: systemClock, log: silentLog },
  );
  const parsed = switcherOptions.parse({ type: "tasmota", topic: "plug1", ...options });
  const switcher = createSwitcher(parsed, { name: "sw", bus, clock: systemClock });
  const reports: SwitcherReport[] = [];
  switcher.start((report) => reports.push(report));
  bus.start();
  closing.push(() => bus.close());
  await eventually("the switcher is connected", () => reports.some(({ kind }) => kind === "connected"));
  return { broker, switcher, reports };
}

const load = (draws: () => number) => ({ power: () => undefined, watts: draws });
const wattsIn = (reports: readonly SwitcherReport[]): readonly string[] =>
  reports.flatMap((report) =>
    report.kind === "reading" ? [`${report.outlet} ${report.watts ?? "-"} W`] : [],
  );

it("A Tasmota meter that is asked tells what is drawn at this moment", async () => {
  let draws = 65;
  const { switcher, reports } = await running({ meter: 1, initial: ["on"], loads: [load(() => draws)] });
  await eventually("its meter has taken a sample of 65 W", async () => {
    await switcher.measure(notAborted);
    return wattsIn(reports).includes("sw 65 W");
  });
  draws = 3;
  await eventually("it tells of 3 W", async () => {
    await switcher.measure(notAborted);
    return wattsIn(reports).at(-1) === "sw 3 W";
  });
});

it("A Tasmota device with a meter for each relay tells of each", async () => {
  const { switcher, reports } = await running(
    { relays: 2, meter: 2, initial: ["on"], loads: [load(() => 40), load(() => 7)] },
    { outlets: 2 },
  );
  await eventually("both are told", async () => {
    await switcher.measure(notAborted);
    return wattsIn(reports).includes("sw/1 40 W") && wattsIn(reports).includes("sw/2 7 W");
  });
});

it("A Tasmota device without a meter answers, and nothing is read from it", async () => {
  const { broker, switcher, reports } = await running({ initial: ["on"] });
  await switcher.measure(notAborted);
  await eventually("it has answered", () => broker.seen.some(({ topic }) => topic === "stat/plug1/STATUS10"));
  await switcher.ask(notAborted);
  await eventually("a later answer was heard", () => reports.some(({ kind }) => kind === "position"));
  expect(wattsIn(reports)).toEqual([]);
});
