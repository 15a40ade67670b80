// Goal: a command that a job calls in every step starts quickly. Method: against a Node that does nothing, on the same machine at the same
// time, with room for a machine that is busy; the exact figures are in docs/benchmark.md.

import { expect, test } from "vitest";
import { startUpTable, startUpTimes } from "../../tools/start-up.ts";

test("Help takes at most twice as long as an empty Node, and a whole acquire at most three times.", {
  timeout: 120_000,
}, async () => {
  const figures = await startUpTimes(7);
  process.stdout.write(`${startUpTable(figures)}\n`);
  const ratiosOf = (what: string): readonly number[] =>
    figures.filter((one) => one.what.startsWith(what)).map(({ ratio }) => ratio);
  const [help] = ratiosOf("`lastout acquire --help`");
  expect(help).toBeLessThanOrEqual(2);
  const acquires = ratiosOf("`lastout acquire`, over");
  expect(acquires.length).toBeGreaterThan(0);
  expect(Math.max(...acquires)).toBeLessThanOrEqual(3);
});
