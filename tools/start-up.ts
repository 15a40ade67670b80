// Measures how long a command takes to start, against a Node that does nothing: `node tools/start-up.ts`. The program is built as for
// the package, and talks to a controller on this machine, over the embedded broker and, where it is installed, over mosquitto. Not a
// benchmark of the controller: tools/bench.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePort, mosquittoMissing, startMosquitto } from "../test/support/mosquitto.ts";
import { buildAside } from "./build/aside.ts";

export interface Figure {
  readonly what: string;
  /** Median milliseconds from the start of the process to its end. */
  readonly wallMs: number;
  readonly meanMs: number;
  /** Median processor time of all its threads: what is left of the wall time without waiting for broker, disk and others. */
  readonly cpuMs: number;
  /** Wall time, as a multiple of an empty Node's. */
  readonly ratio: number;
}

/** @param runs of each, taking turns, so that whatever else the machine does falls on all of them */
export async function startUpTimes(runs: number): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "lastout-start-up-"));
  const built = await buildAside();
  const labs: Lab[] = [];
  try {
    const embedded = `mqtt://127.0.0.1:${await freePort()}`;
    labs.push(
      await startLab(built.main, folder, `broker: { listen: "${new URL(embedded).host}" }`, embedded),
    );
    if (mosquittoMissing === undefined) {
      const broker = await startMosquitto();
      labs.push({ url: broker.url, stop: () => broker.stop() });
      labs.push(await startLab(built.main, folder, `mqtt: { url: "${broker.url}" }`, broker.url));
    }
    const empty = join(folder, "empty.js");
    writeFileSync(empty, "");
    const acquire = [built.main, "acquire", "build1", "--token", "start-up"];
    const calls: readonly Call[] = [
      { what: "an empty Node", words: [empty] },
      { what: "`lastout --version`", words: [built.main, "--version"] },
      { what: "`lastout acquire --help`", words: [built.main, "acquire", "--help"] },
      ...(labs.length === 1
        ? []
        : [{ what: "`lastout acquire`, over mosquitto", words: acquire, url: labs[1]?.url }]),
      { what: "`lastout acquire`, over the embedded broker", words: acquire, url: embedded },
    ];
    return measure(calls, runs, { PATH: process.env["PATH"], HOME: folder });
  } finally {
    for (const lab of labs.toReversed()) {
      await lab.stop();
    }
    built.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Call {
  readonly what: string;
  readonly words: readonly string[];
  readonly url?: string | undefined;
}

function measure(calls: readonly Call[], runs: number, env: NodeJS.ProcessEnv): readonly Figure[] {
  const taken = calls.map((call) => ({ ...call, wall: [] as number[], cpu: [] as number[] }));
  // The first round fills the caches, of the disk and of compiled code.
  for (let round = 0; round <= runs; round += 1) {
    for (const { words, url, wall, cpu } of taken) {
      const once = timed(words, url === undefined ? env : { ...env, LASTOUT_URL: url });
      if (round > 0) {
        wall.push(once.wall);
        cpu.push(once.cpu);
      }
    }
  }
  const floor = median(taken[0]?.wall ?? []);
  return taken.map(({ what, wall, cpu }) => ({
    what,
    wallMs: median(wall),
    meanMs: wall.reduce((sum, one) => sum + one, 0) / wall.length,
    cpuMs: median(cpu),
    ratio: median(wall) / floor,
  }));
}

interface Lab {
  readonly url: string;
  stop(): Promise<void>;
}

/** A controller with one simulated resource, at this broker or with its own. */
async function startLab(main: string, folder: string, broker: string, url: string): Promise<Lab> {
  const file = join(mkdtempSync(join(folder, "lab-")), "lab.yaml");
  writeFileSync(
    file,
    `${broker}\nswitchers: { plug: { type: simulated } }\nresources: { build1: { switcher: plug } }\n`,
  );
  const controller = spawn(process.execPath, [main, "serve", "--config", file], { stdio: "ignore" });
  const ended = new Promise<void>((done) => {
    controller.once("close", () => done());
  });
  const env = { PATH: process.env["PATH"], LASTOUT_URL: url };
  const words = [main, "acquire", "build1", "--token", "start-up", "--wait", "available"];
  for (let tries = 1; spawnSync(process.execPath, words, { env }).status !== 0; tries += 1) {
    if (tries === 20 || hasEnded(controller)) {
      controller.kill();
      throw new Error("the controller did not start");
    }
  }
  return {
    url,
    stop: async () => {
      controller.kill();
      await ended;
    },
  };
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

/** The process says at its end what it used; both kinds of process pay for that. */
const accounting =
  "data:text/javascript,process.on('exit',()=>{const u=process.resourceUsage();process.stderr.write(`cpu=${u.userCPUTime+u.systemCPUTime};`)})";

function timed(
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): { readonly wall: number; readonly cpu: number } {
  const begun = performance.now();
  const { status } = spawnSync(process.execPath, words, { env, stdio: "ignore" });
  const wall = performance.now() - begun;
  const { stderr } = spawnSync(process.execPath, ["--import", accounting, ...words], {
    env,
    encoding: "utf8",
  });
  if (status !== 0) {
    throw new Error(`${words.join(" ")} ended with ${status ?? "a signal"}`);
  }
  return { wall, cpu: Number(/cpu=(\d+);/.exec(stderr)?.[1]) / 1000 };
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/** A Markdown table, as it stands in docs/benchmark.md. */
export const startUpTable = (figures: readonly Figure[]): string =>
  [
    "| process | median ms | mean ms | CPU ms | ratio |",
    "| --- | --: | --: | --: | --: |",
    ...figures.map(
      ({ what, wallMs, meanMs, cpuMs, ratio }) =>
        `| ${what} | ${[wallMs, meanMs, cpuMs].map((ms) => ms.toFixed(0)).join(" | ")} | ${ratio.toFixed(1)} |`,
    ),
  ].join("\n");

if (import.meta.main) {
  const { values } = parseArgs({ options: { runs: { type: "string", default: "21" } } });
  console.log(startUpTable(await startUpTimes(Number(values.runs))));
}
