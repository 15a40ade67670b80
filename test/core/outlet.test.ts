// Whether a command that was decided in a batch is still decided at its end, when it is about to be sent.

import { expect, test } from "vitest";
import { need } from "../../src/core/book.ts";
import { isStillDecided } from "../../src/core/outlet.ts";
import type { Position } from "../../src/core/settings.ts";
import { instant } from "../../src/core/time.ts";
import { runCommand } from "./support/commands.ts";
import { createStage } from "./support/stage.ts";

/** Whether a command to the plug is still decided after these lines. */
function decidedAfter(position: Position, ...lines: readonly string[]): boolean {
  const stage = createStage();
  for (const line of [
    "resource build1 check bootTimeout=1m bootRetries=1 offDelay=0 minOn=0",
    "machine build1 down",
    "running",
    ...lines,
  ]) {
    runCommand(stage, line);
  }
  const { book } = stage.world;
  return isStillDecided(book, need(book.outlets, "plug1"), position);
}

test("An ON is still decided until the relay has followed", () => {
  expect(decidedAfter("on", "acquire build1 id=a")).toBe(true);
  expect(decidedAfter("off", "acquire build1 id=a")).toBe(false);
  expect(decidedAfter("on", "acquire build1 id=a", "report plug1 on")).toBe(false);
});

test("An OFF is still decided while nobody has come, or while a machine that did not boot is cycled", () => {
  const left = ["acquire build1 id=a", "report plug1 on", "release build1 id=a"];
  expect(decidedAfter("off", ...left)).toBe(true);
  expect(decidedAfter("off", ...left, "acquire build1 id=b")).toBe(false);
  const late = ["acquire build1 id=a wait=available timeout=1h", "report plug1 on", "advance 1m"];
  expect(decidedAfter("off", ...late)).toBe(true);
});

test("An ON is never sent to an outlet that is locked out, whatever was decided before", () => {
  const stage = createStage();
  for (const line of ["resource build1", "running", "acquire build1 id=a"]) {
    runCommand(stage, line);
  }
  const { book } = stage.world;
  const outlet = need(book.outlets, "plug1");
  expect(isStillDecided(book, outlet, "on")).toBe(true);
  book.overrides.set("build1", {
    resource: "build1",
    mode: "off",
    outlets: ["plug1"],
    by: undefined,
    reason: undefined,
    since: instant(0),
    until: undefined,
    force: false,
  });
  expect(isStillDecided(book, outlet, "on")).toBe(false);
});

test("An outlet of nobody has nothing that asks for a command", () => {
  const left = ["acquire build1 id=a", "report plug1 on", "release build1 id=a"];
  expect(decidedAfter("off", ...left, "spare plug1", "without build1", "reconfigure")).toBe(false);
});
