// The benchmark: how many acquires and releases a second, and how long each takes, held against a bare echo over the same broker in the
// same run. Absolute figures belong to the machine; the ratios can be compared. docs/benchmark.md says how to read them.
//
//   node tools/bench/run.ts [--quick] [--main FILE]   a table for 1, 16, 64 and 256 requests in flight; needs mosquitto
//   node tools/bench/run.ts --gate                    1 in flight for 2 s; exit 1 when half of the replies take 20 ms or more

import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../steps.ts";
import { measure, type Measured, quantile } from "./load.ts";
import { diskP50Ms, type Parts, startParts } from "./parts.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    gate: { type: "boolean", default: false },
    main: { type: "string", default: join(root, "dist/main.js") },
  },
});

const levels = [1, 16, 64, 256] as const;
const rounds = 3;
const measureMs = values.quick ? 500 : 3000;
/** With Nagle's algorithm on one of the two sides a request takes 40 to 44 ms, without it less than one. */
const gateMs = 20;

interface Row {
  readonly inFlight: number;
  readonly echo: Measured;
  readonly controller: Measured;
  readonly throughput: number;
  readonly p50: number;
  readonly cpuUs: number | undefined;
}

console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}`,
);
const parts = await startParts(values.main);
try {
  await (values.gate ? passGate(parts) : compare(parts));
} finally {
  await parts.stop();
}

async function passGate({ broker, controller }: Parts): Promise<void> {
  const { p50Ms, p99Ms, requests } = await measure(controller, 1, 2000);
  const over = broker === "mosquitto" ? "mosquitto" : "the embedded broker (mosquitto is not installed)";
  console.log(
    `1 in flight over ${over}: ${requests} requests, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`,
  );
  if (p50Ms >= gateMs || requests === 0) {
    console.error(
      `p50 is ${p50Ms.toFixed(2)} ms, and must be below ${gateMs} ms: is TCP_NODELAY set on both sides?`,
    );
    process.exitCode = 1;
  }
}

async function compare({ controller, echo, folder, controllerCpu }: Parts): Promise<void> {
  if (echo === undefined) {
    console.error("The comparison needs mosquitto (Debian: apt install mosquitto); --gate does without");
    process.exitCode = 1;
    return;
  }
  console.log(
    `fdatasync of this disk: p50 ${diskP50Ms(folder).toFixed(2)} ms; ${rounds} rounds of echo, controller, echo, ${measureMs / 1000} s each\n`,
  );
  console.log(
    "| in flight | echo /s | p50 ms | p99 ms | controller /s | p50 ms | p99 ms | throughput ratio | p50 ratio | CPU µs |",
  );
  console.log("| --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |");
  for (const inFlight of levels) {
    const taken: {
      readonly echo: Measured;
      readonly controller: Measured;
      readonly cpuUs: number | undefined;
    }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const before = await measure(echo, inFlight, measureMs);
      const cpuBefore = controllerCpu();
      const measured = await measure(controller, inFlight, measureMs);
      const cpu = (controllerCpu() ?? 0) - (cpuBefore ?? 0);
      const after = await measure(echo, inFlight, measureMs);
      // The warm-up costs as well and is not among the requests: a fifth more of both.
      const cpuUs = cpuBefore === undefined ? undefined : cpu / (measured.requests * 1.2);
      taken.push({ echo: mean(before, after), controller: measured, cpuUs });
    }
    console.log(lineOf(rowOf(inFlight, taken)));
  }
}

function rowOf(
  inFlight: number,
  taken: readonly {
    readonly echo: Measured;
    readonly controller: Measured;
    readonly cpuUs: number | undefined;
  }[],
): Row {
  const used = taken.flatMap(({ cpuUs }) => (cpuUs === undefined ? [] : [cpuUs]));
  return {
    inFlight,
    echo: medians(taken.map(({ echo }) => echo)),
    controller: medians(taken.map(({ controller }) => controller)),
    throughput: median(taken.map(({ echo, controller }) => controller.perSecond / echo.perSecond)),
    p50: median(taken.map(({ echo, controller }) => controller.p50Ms / echo.p50Ms)),
    cpuUs: used.length === 0 ? undefined : median(used),
  };
}

function figures({ perSecond, p50Ms, p99Ms }: Measured): string[] {
  return [String(Math.round(perSecond)), p50Ms.toFixed(2), p99Ms.toFixed(2)];
}

function lineOf({ inFlight, echo, controller, throughput, p50, cpuUs }: Row): string {
  const cells = [
    String(inFlight),
    ...figures(echo),
    ...figures(controller),
    throughput.toFixed(2),
    p50.toFixed(1),
    cpuUs === undefined ? "-" : String(Math.round(cpuUs)),
  ];
  return `| ${cells.join(" | ")} |`;
}

function median(numbers: readonly number[]): number {
  return quantile(
    numbers.toSorted((a, b) => a - b),
    0.5,
  );
}

function medians(all: readonly Measured[]): Measured {
  return combine(all, median);
}

function mean(a: Measured, b: Measured): Measured {
  return combine([a, b], ([x = 0, y = 0]) => (x + y) / 2);
}

function combine(all: readonly Measured[], how: (numbers: readonly number[]) => number): Measured {
  return {
    perSecond: how(all.map(({ perSecond }) => perSecond)),
    p50Ms: how(all.map(({ p50Ms }) => p50Ms)),
    p99Ms: how(all.map(({ p99Ms }) => p99Ms)),
    requests: how(all.map(({ requests }) => requests)),
  };
}
