// Goal: a command that a job calls in every step starts quickly. Method: against a Node that does nothing, on the same machine at the same
// time, with room for a machine that is busy; the exact figures are in docs/benchmark.md.

import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lastout, temporaryDirectory } from "./processes.ts";
import { startUpTable, startUpTimes } from "../../tools/start-up.ts";

test("Help takes at most three times as long as an empty Node, and a whole acquire at most eight times.", {
  timeout: 120_000,
}, async () => {
  const figures = await startUpTimes(7);
  process.stdout.write(`${startUpTable(figures)}\n`);
  const ratio = (what: string): number => figures.find((one) => one.what === what)?.ratio ?? Number.NaN;
  expect(ratio("lastout acquire --help")).toBeLessThanOrEqual(3);
  expect(ratio("lastout acquire")).toBeLessThanOrEqual(8);
});

test("Commands keep their compiled code in the user's cache folder, where there is a home; serve keeps none.", async () => {
  const home = temporaryDirectory();
  const code = join(home, ".cache", "lastout", "code");
  await lastout(["serve", "--help"], { HOME: home, XDG_CONFIG_HOME: "" });
  expect(existsSync(code)).toBe(false);
  await lastout(["acquire", "--help"], { HOME: home });
  expect(readdirSync(code)).not.toEqual([]);
  const cache = join(home, "elsewhere");
  mkdirSync(cache);
  await lastout(["acquire", "--help"], { HOME: home, XDG_CACHE_HOME: cache });
  expect(readdirSync(join(cache, "lastout"))).toEqual(["code"]);
  const nobody = join(home, "nobody");
  expect((await lastout(["acquire", "--help"], { HOME: nobody })).exit).toBe(0);
  expect(existsSync(nobody)).toBe(false);
});
