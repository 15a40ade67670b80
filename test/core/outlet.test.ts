// Whether a command that was decided in a batch is still decided at its end, when it is about to be sent.

import { expect, test } from "vitest";
import { need, type Outlet } from "../../src/core/book.ts";
import { isStillDecided } from "../../src/core/outlet.ts";
import { runCommand } from "./support/commands.ts";
import { createStage } from "./support/stage.ts";

function outletAfter(...lines: readonly string[]): Outlet {
  const stage = createStage();
  for (const line of [
    "resource build1 check bootTimeout=1m bootRetries=1 offDelay=0 minOn=0",
    "machine build1 down",
    "running",
    ...lines,
  ]) {
    runCommand(stage, line);
  }
  return need(stage.world.book.outlets, "plug1");
}

test("An ON is still decided until the relay has followed", () => {
  expect(isStillDecided(outletAfter("acquire build1 id=a"), "on")).toBe(true);
  expect(isStillDecided(outletAfter("acquire build1 id=a"), "off")).toBe(false);
  expect(isStillDecided(outletAfter("acquire build1 id=a", "report plug1 on"), "on")).toBe(false);
});

test("An OFF is still decided while nobody has come, or while a machine that did not boot is cycled", () => {
  const left = ["acquire build1 id=a", "report plug1 on", "release build1 id=a"];
  expect(isStillDecided(outletAfter(...left), "off")).toBe(true);
  expect(isStillDecided(outletAfter(...left, "acquire build1 id=b"), "off")).toBe(false);
  const late = ["acquire build1 id=a wait=available timeout=1h", "report plug1 on", "advance 1m"];
  expect(isStillDecided(outletAfter(...late), "off")).toBe(true);
});

test("An outlet of nobody has nothing that speaks against an OFF", () => {
  const outlet = outletAfter("acquire build1 id=a", "report plug1 on", "release build1 id=a");
  expect(isStillDecided({ ...outlet, resource: undefined }, "off")).toBe(true);
});
