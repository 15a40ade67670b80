// Breaks one guard after the other in a copy of the tree and looks whether the tests notice: the transcripts first, because they are fast
// and say what was promised; then what is slower, for those that they do not see. `npm run mutants [-- WORDS]`: only mutants with these
// words in their name, file or promise; `--jobs N`: so many at a time (2); `--places`: only look whether every place is still found.
// Exit 1 if a mutant survives, or if its place is not found exactly once.

import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Mutant } from "./mutant.ts";
import { sections } from "./mutants.ts";

const root = resolve(import.meta.dirname, "../..");

/** Tests that are run together, by the arguments of the Node that runs them. */
interface Suite {
  readonly name: string;
  readonly args: readonly string[];
}

const vitest = (name: string, ...args: readonly string[]): Suite => ({
  name,
  args: ["node_modules/vitest/vitest.mjs", "run", "--bail=1", "--retry=0", "--reporter=dot", ...args],
});

const transcripts: Suite = { name: "transcripts", args: ["tools/mutants/transcripts.ts"] };
const units = vitest("tests of the core", "test/core", "--exclude=**/{properties,transcripts}.test.ts");
const shell = vitest(
  "tests of the shell",
  "test/runtime/loop",
  "test/runtime/carry-out",
  "test/runtime/reload",
  "test/mqtt/several",
);
const stories = vitest("random stories", "test/core/properties.test.ts");
const simulator: Suite = { name: "simulator", args: ["test/sim/run.ts", "--seeds", "1..60"] };

const suitesFor = ({ file }: Mutant): readonly Suite[] =>
  file.startsWith("src/core/") ? [transcripts, units, shell, stories, simulator] : [shell, simulator];

/** A suite that hangs has noticed: a mutant may well spin. The longest one takes a third of it on a machine that is not busy. */
const patienceMs = 90_000;

interface Verdict {
  readonly mutant: Mutant;
  readonly outcome: "caught" | "survived" | "no program";
  readonly by: string;
  readonly seconds: number;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { jobs: { type: "string", default: "2" }, places: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const chosen = chosenBy(positionals.join(" "));
  const reasons = await Promise.all(chosen.map(whyNotPlanted));
  const lost = reasons.filter((reason) => reason !== undefined);
  for (const reason of lost) {
    console.log(reason);
  }
  if (values.places) {
    console.log(`${chosen.length - lost.length} of ${chosen.length} places were found.`);
    return lost.length === 0 ? 0 : 1;
  }
  const escaped = await plantAll(
    chosen.filter((_, index) => reasons[index] === undefined),
    Number(values.jobs),
  );
  return lost.length + escaped === 0 ? 0 : 1;
}

const chosenBy = (words: string): readonly Mutant[] =>
  sections.flatMap(({ promise, mutants }) =>
    mutants.filter(({ name, file }) => `${promise} ${name} ${file}`.includes(words)),
  );

/** @returns what to tell of a mutant whose place is not there, or not the only one */
async function whyNotPlanted({ name, file, find }: Mutant): Promise<string | undefined> {
  const text = await readFile(join(root, file), "utf8").catch(() => undefined);
  if (text === undefined) {
    return `lost: "${name}": there is no ${file}`;
  }
  const times = text.split(find).length - 1;
  return times === 1
    ? undefined
    : `lost: "${name}": its place is ${times === 0 ? "not found" : `found ${times} times`} in ${file}:\n${find}\n`;
}

/** @returns how many were not caught */
async function plantAll(mutants: readonly Mutant[], jobs: number): Promise<number> {
  const began = performance.now();
  const [untouched = "", ...copies] = await Promise.all(Array.from({ length: jobs + 1 }, copyTree));
  const isSound = soundIn(untouched);
  const queue = [...mutants];
  const verdicts: Verdict[] = [];
  const work = async (copy: string): Promise<void> => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      const verdict = await judge(copy, mutant, isSound);
      verdicts.push(verdict);
      console.log(lineOf(verdict));
    }
  };
  try {
    await Promise.all(copies.map(work));
  } finally {
    await Promise.all([untouched, ...copies].map((copy) => rm(copy, { recursive: true, force: true })));
  }
  const escaped = verdicts.filter(({ outcome }) => outcome !== "caught");
  console.log("");
  for (const { mutant, outcome } of escaped) {
    console.log(`${outcome}: ${mutant.name} (${mutant.file}): ${mutant.why}`);
  }
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(
    `${verdicts.length - escaped.length} of ${verdicts.length} mutants were caught in ${seconds} s.`,
  );
  return escaped.length;
}

/** What the tests need; the rest is where it is. */
const copied = [
  "src",
  "test",
  "tools/mutants",
  "package.json",
  "tsconfig.json",
  "tsconfig.base.json",
  "vitest.config.ts",
];

async function copyTree(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "lastout-mutants-"));
  for (const name of copied) {
    await cp(join(root, name), join(copy, name), { recursive: true });
  }
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** Whether a suite passes without any mutant; else it would catch them all. Found out when it is first needed. */
function soundIn(copy: string): (suite: Suite) => Promise<void> {
  const known = new Map<Suite, Promise<void>>();
  const prove = async (suite: Suite): Promise<void> => {
    const { status, said } = await run(copy, suite);
    if (status !== 0) {
      throw new Error(`${suite.name}: these fail without any mutant: ${said}`);
    }
  };
  return (suite) => {
    const proved = known.get(suite) ?? prove(suite);
    known.set(suite, proved);
    return proved;
  };
}

/** Transcripts that caught a mutant, the latest first: they are replayed first, because the next mutant is often one of the same kind. */
let likely: readonly string[] = [];

async function judge(
  copy: string,
  mutant: Mutant,
  isSound: (suite: Suite) => Promise<void>,
): Promise<Verdict> {
  const began = performance.now();
  const verdict = (outcome: Verdict["outcome"], by: string): Verdict => ({
    mutant,
    outcome,
    by,
    seconds: Math.round((performance.now() - began) / 100) / 10,
  });
  const path = join(copy, mutant.file);
  const text = await readFile(path, "utf8");
  await writeFile(
    path,
    text.replace(mutant.find, () => mutant.replace),
  );
  try {
    for (const suite of suitesFor(mutant)) {
      await isSound(suite);
      const { status, said } = await run(copy, suite, suite === transcripts ? likely : []);
      if (status === 0) {
        continue;
      }
      if (suite !== transcripts || status === null) {
        return verdict("caught", suite.name);
      }
      if (said === "") {
        return verdict("no program", "");
      }
      likely = [said, ...likely.filter((one) => one !== said)];
      return verdict("caught", said);
    }
    return verdict("survived", "");
  } finally {
    await writeFile(path, text);
  }
}

interface Outcome {
  /** `null`: it was given up. */
  readonly status: number | null;
  /** Standard output. */
  readonly said: string;
}

async function run(copy: string, { args }: Suite, more: readonly string[] = []): Promise<Outcome> {
  const child = spawn(process.execPath, [...args, ...more], {
    cwd: copy,
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, CI: "1", NO_COLOR: "1", NODE_COMPILE_CACHE: join(copy, ".compiled") },
    timeout: patienceMs,
    killSignal: "SIGKILL",
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString("utf8");
  });
  return new Promise((done, failed) => {
    child.once("error", failed);
    child.once("close", (status) => done({ status, said: said.trim() }));
  });
}

const lineOf = ({ mutant, outcome, by, seconds }: Verdict): string =>
  `${outcome.padEnd(10)} ${mutant.name.padEnd(72)} ${`${seconds} s`.padStart(7)}  ${by}`;

process.exitCode = await main();
