// A reporter beside the runner's own: at the end it names and counts what was skipped, by reason, and closes with one plain line of
// counts. With LASTOUT_NO_SKIPS=1, which a machine sets that has everything, a skipped test makes the run fail. With LASTOUT_FAILED=FILE
// the files with failures are listed there, for a second try (.ci/run). Why a test is skipped is said in needs.ts.

import { writeFileSync } from "node:fs";
import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node";

const unexplained = "no reason given";

export function skipReport(): Reporter {
  return {
    onTestRunEnd(modules) {
      tellSkipped(skippedBy(modules));
      const list = process.env["LASTOUT_FAILED"];
      if (list !== undefined) {
        const failed = modules.filter((module) => !module.ok()).map((module) => module.relativeModuleId);
        writeFileSync(list, failed.map((name) => `${name}\n`).join(""));
      }
      const count = (state: "passed" | "failed" | "skipped"): number =>
        modules.reduce((sum, module) => sum + [...module.children.allTests(state)].length, 0);
      process.stdout.write(
        `\n${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped\n`,
      );
    },
  };
}

function tellSkipped(skipped: ReadonlyMap<string, readonly string[]>): void {
  if (skipped.size === 0) {
    return;
  }
  const count = [...skipped.values()].reduce((sum, titles) => sum + titles.length, 0);
  process.stderr.write(`\n${count} skipped\n`);
  for (const [reason, titles] of skipped) {
    process.stderr.write(`  ${titles.length}: ${reason}\n`);
    titles.forEach((title) => process.stderr.write(`    ${title}\n`));
  }
  if (process.env["LASTOUT_NO_SKIPS"] === "1") {
    process.stderr.write("LASTOUT_NO_SKIPS is set, so this run has failed: nothing may be skipped here\n");
    process.exitCode = 1;
  }
}

function skippedBy(modules: readonly TestModule[]): Map<string, string[]> {
  const byReason = new Map<string, string[]>();
  for (const module of modules) {
    for (const test of module.children.allTests("skipped")) {
      // A run of chosen titles (-t) leaves the others out, which is no want of anything.
      if (test.options.mode === "skip" || noteOf(test) !== undefined) {
        const reason = reasonOf(test);
        byReason.set(reason, [
          ...(byReason.get(reason) ?? []),
          `${module.relativeModuleId} > ${test.fullName}`,
        ]);
      }
    }
  }
  return byReason;
}

function reasonOf(test: TestCase): string {
  let above: TestCase | TestSuite | TestModule = test;
  while (above.type !== "module") {
    const { missing } = above.meta();
    if (missing !== undefined) {
      return missing;
    }
    above = above.parent;
  }
  return noteOf(test) ?? unexplained;
}

/** The note of a test that skipped itself. */
function noteOf(test: TestCase): string | undefined {
  const result = test.result();
  return result.state === "skipped" ? result.note : undefined;
}
