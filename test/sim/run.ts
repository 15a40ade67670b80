// The simulator by hand: `npx node test/sim/run.ts --seed N`, `--seeds A-B`, or `--minutes N` from a seed that nobody has seen. A failing
// seed is printed with the last lines of its trace, and the exit status is 1.

import { randomInt } from "node:crypto";
import { hrtime } from "node:process";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Report, simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    minutes: { type: "string" },
    trace: { type: "string", default: "60" },
    /** How much of each run's rough time to run; less is quicker, and finds less in one run. */
    share: { type: "string", default: "1" },
    /** Goes on after a failure, to count them. */
    all: { type: "boolean", default: false },
  },
});

const seconds = (): number => Number(hrtime.bigint() / 1_000_000n) / 1000;
const began = seconds();

function* wanted(): Generator<number> {
  if (values.minutes !== undefined) {
    const end = began + Number(values.minutes) * 60;
    for (let seed = randomInt(2 ** 40); seconds() < end; seed += 1) {
      yield seed;
    }
    return;
  }
  const [from, to] = (values.seed ?? values.seeds ?? "1-200").split(/-|\.\./);
  for (let seed = Number(from); seed <= Number(to ?? from); seed += 1) {
    yield seed;
  }
}

const sum = { seeds: 0, hours: 0, crashes: 0, commands: 0, requests: 0, failed: [] as number[] };

function tell(report: Report): void {
  if (report.broken !== undefined) {
    console.log(`\nseed ${report.seed}: ${report.broken.rule}: ${report.broken.what}`);
    for (const line of report.trace) {
      console.log(line);
    }
    console.log(`seed ${report.seed} failed: ${report.broken.rule}: ${report.broken.what}`);
    const share = values.share === "1" ? "" : ` --share ${values.share}`;
    console.log(`again: npm run sim -- --seed ${report.seed}${share}`);
  } else if (values.seed !== undefined) {
    console.log(`seed ${report.seed} kept every promise (trace ${report.hash})`);
  }
}

for (const seed of wanted()) {
  const report = await simulate(seed, Number(values.trace), Number(values.share));
  sum.seeds += 1;
  sum.hours += report.hours;
  sum.crashes += report.crashes;
  sum.commands += report.commands;
  sum.requests += report.requests;
  if (report.broken !== undefined) {
    sum.failed.push(seed);
  }
  tell(report);
  if (sum.seeds % 100 === 0) {
    console.log(
      `... ${sum.seeds} seeds, ${sum.hours.toFixed(0)} simulated hours, ${(seconds() - began).toFixed(0)} s`,
    );
  }
  if (report.broken !== undefined && !values.all) {
    break;
  }
  await setImmediate(); // a run never yields to the event loop by itself
}

console.log(
  `${sum.seeds} seeds, ${sum.hours.toFixed(1)} simulated hours, ${sum.crashes} crashes, ${sum.commands} commands, ` +
    `${sum.requests} requests, in ${(seconds() - began).toFixed(1)} s; failed: ${sum.failed.join(" ") || "none"}`,
);
process.exitCode = sum.failed.length === 0 ? 0 : 1;
