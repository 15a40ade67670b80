// Measures how long a command takes to start, against a Node that does nothing: `node tools/start-up.ts`. The commands are compiled as for
// the package, and talk to a controller with the embedded broker on this machine. Not a benchmark of the controller: tools/bench.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

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

const root = resolve(fileURLToPath(new URL("..", import.meta.url)));

/** @param runs of each, taking turns, so that whatever else the machine does falls on all of them */
export async function startUpTimes(runs: number): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "lastout-start-up-"));
  const compiled = compile();
  const lab = await startLab(compiled.main, folder).catch((error: unknown) => {
    compiled.remove();
    throw error;
  });
  const env = { PATH: process.env["PATH"], HOME: folder, LASTOUT_URL: lab.url };
  const empty = join(folder, "empty.js");
  writeFileSync(empty, "");
  const calls: readonly (readonly [string, readonly string[]])[] = [
    ["an empty Node", [empty]],
    ["lastout --version", [compiled.main, "--version"]],
    ["lastout acquire --help", [compiled.main, "acquire", "--help"]],
    ["lastout acquire", [compiled.main, "acquire", "build1", "--token", "start-up"]],
  ];
  try {
    const taken = calls.map(([what, words]) => ({ what, words, wall: [] as number[], cpu: [] as number[] }));
    // The first round fills the caches, of the disk and of compiled code.
    for (let round = 0; round <= runs; round += 1) {
      for (const { words, wall, cpu } of taken) {
        const once = timed(words, env);
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
  } finally {
    await lab.stop();
    compiled.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same JavaScript as in the package, of the sources as they are now. In the project, so that its packages are found. */
function compile(): { readonly main: string; remove(): void } {
  const cache = join(root, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "lastout-start-up-"));
  copyFileSync(join(root, "package.json"), join(folder, "package.json"));
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.base.json"),
      compilerOptions: {
        composite: false,
        declaration: false,
        noCheck: true,
        rootDir: join(root, "src"),
        outDir: "dist",
        types: ["node"],
      },
      files: ["main.ts", "adapters/store/worker.ts"].map((name) => join(root, "src", name)),
    }),
  );
  execFileSync(join(root, "node_modules", ".bin", "tsc"), ["-p", folder], { stdio: "inherit" });
  return {
    main: join(folder, "dist", "main.js"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A controller with its own broker and one simulated resource. */
async function startLab(
  main: string,
  folder: string,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const port = await freePort();
  const file = join(folder, "lab.yaml");
  writeFileSync(
    file,
    `broker: { listen: "127.0.0.1:${port}" }\nswitchers: { plug: { type: simulated } }\nresources: { build1: { switcher: plug } }\n`,
  );
  const url = `mqtt://127.0.0.1:${port}`;
  const controller = spawn(process.execPath, [main, "serve", "--config", file], { stdio: "ignore" });
  const ended = new Promise<void>((done) => {
    controller.once("close", () => done());
  });
  const env = { PATH: process.env["PATH"], HOME: folder, LASTOUT_URL: url };
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

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => {
    server.listen(0, "127.0.0.1", done);
  });
  const address = server.address();
  await new Promise<void>((done) => {
    server.close(() => done());
  });
  return address !== null && typeof address === "object" ? address.port : 0;
}

/** A Markdown table, as it stands in docs/benchmark.md. */
export const startUpTable = (figures: readonly Figure[]): string =>
  [
    "| process | median ms | mean ms | CPU ms | ratio |",
    "| --- | --: | --: | --: | --: |",
    ...figures.map(
      ({ what, wallMs, meanMs, cpuMs, ratio }) =>
        `| ${what.startsWith("lastout") ? `\`${what}\`` : what} | ${[wallMs, meanMs, cpuMs].map((ms) => ms.toFixed(0)).join(" | ")} | ${ratio.toFixed(1)} |`,
    ),
  ].join("\n");

if (import.meta.main) {
  const { values } = parseArgs({ options: { runs: { type: "string", default: "21" } } });
  console.log(startUpTable(await startUpTimes(Number(values.runs))));
}
