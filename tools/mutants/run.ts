// Breaks one guard after the other in a copy of the tree and looks whether the tests notice. `node tools/mutants/run.ts [words]`:
// only mutants whose name has these words. Exit 1 if one survives, or if its place is not found exactly once.

import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Mutant, mutants } from "./mutants.ts";

const root = resolve(import.meta.dirname, "../..");

/** The fast ones first; the random ones only for what those do not see. */
const suites: readonly (readonly string[])[] = [
  ["test/core/transcripts.test.ts", "test/runtime/loop.test.ts"],
  ["test/core"],
];

interface Verdict {
  readonly mutant: Mutant;
  readonly outcome: "caught" | "survived" | "not found";
  readonly by: string;
  readonly seconds: number;
}

async function main(): Promise<number> {
  const wanted = process.argv.slice(2).join(" ");
  const chosen = mutants.filter(({ name }) => name.includes(wanted));
  const workers = Math.max(1, Math.min(2, availableParallelism()));
  const copies = await Promise.all(Array.from({ length: workers }, copyTree));
  try {
    const [first = ""] = copies;
    for (const suite of suites) {
      if (!(await passes(first, suite))) {
        say(`The tests fail without any mutant: ${suite.join(" ")}`);
        return 1;
      }
    }
    const queue = [...chosen];
    const verdicts: Verdict[] = [];
    const work = async (copy: string): Promise<void> => {
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const verdict = await judge(copy, mutant);
        verdicts.push(verdict);
        say(lineOf(verdict));
      }
    };
    await Promise.all(copies.map(work));
    const escaped = verdicts.filter(({ outcome }) => outcome !== "caught");
    say(`\n${verdicts.length - escaped.length} of ${verdicts.length} mutants were caught.`);
    for (const { mutant, outcome } of escaped) {
      say(`${outcome}: ${mutant.name} (${mutant.file}): ${mutant.why}`);
    }
    return escaped.length === 0 ? 0 : 1;
  } finally {
    await Promise.all(copies.map((copy) => rm(copy, { recursive: true, force: true })));
  }
}

async function copyTree(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "lastout-mutants-"));
  for (const name of [
    "src",
    "test",
    "package.json",
    "tsconfig.json",
    "tsconfig.base.json",
    "vitest.config.ts",
  ]) {
    await cp(join(root, name), join(copy, name), { recursive: true });
  }
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

async function judge(copy: string, mutant: Mutant): Promise<Verdict> {
  const began = performance.now();
  const verdict = (outcome: Verdict["outcome"], by: string): Verdict => ({
    mutant,
    outcome,
    by,
    seconds: Math.round((performance.now() - began) / 100) / 10,
  });
  const path = join(copy, mutant.file);
  const text = await readFile(path, "utf8");
  if (text.split(mutant.find).length !== 2) {
    return verdict("not found", "");
  }
  await writeFile(
    path,
    text.replace(mutant.find, () => mutant.replace),
  );
  try {
    for (const suite of suites) {
      if (!(await passes(copy, suite))) {
        return verdict("caught", suite === suites[0] ? "transcripts, loop" : "properties, units");
      }
    }
    return verdict("survived", "");
  } finally {
    await writeFile(path, text);
  }
}

/** A suite that hangs counts as failed: a mutant may well spin. */
async function passes(copy: string, suite: readonly string[]): Promise<boolean> {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const child = spawn(
    process.execPath,
    [vitest, "run", "--bail=1", "--reporter=dot", "--no-color", ...suite],
    {
      cwd: copy,
      stdio: "ignore",
      env: { ...process.env, LASTOUT_RUNS: "250", CI: "1" },
      timeout: 60_000,
      killSignal: "SIGKILL",
    },
  );
  return new Promise((done, failed) => {
    child.once("error", failed);
    child.once("exit", (code) => done(code === 0));
  });
}

const lineOf = ({ mutant, outcome, by, seconds }: Verdict): string =>
  `${outcome.padEnd(9)} ${mutant.name.padEnd(60)} ${by.padEnd(18)} ${seconds} s`;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

process.exitCode = await main();
