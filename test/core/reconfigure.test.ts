// When a configuration that was read again may not be used: a machine in use would get another outlet under its feet. What a reload does
// to tokens, queues and relays is shown by the transcripts.

import { expect, test } from "vitest";
import { leftOn, reasonsAgainst } from "../../src/core/reconfigure.ts";
import { runCommand } from "./support/commands.ts";
import { createStage, settings } from "./support/stage.ts";

/**
 * What speaks against the lab as the second lines describe it, when the first ones have happened.
 * @param changed switchers that are no longer reached in the same way
 */
function against(happened: readonly string[], described: readonly string[], ...changed: readonly string[]) {
  const stage = stageAfter(happened, described);
  return reasonsAgainst(stage.world.book, settings(stage), new Set(changed));
}

function stageAfter(happened: readonly string[], described: readonly string[]) {
  const stage = createStage();
  const lines = ["resource build1 shutdown offDelay=10s minOn=0", "resource build2", "running", ...happened];
  for (const line of [...lines, ...described]) {
    runCommand(stage, line);
  }
  return stage;
}

const inUse = ["acquire build1 id=a", "report plug1 on"];
const lingering = [...inUse, "release build1 id=a"];
const otherOutlet = "resource build1 shutdown outlet=plug9";

const reason = (phase: string): string =>
  `build1 is ${phase}, and its switcher would change under it; try again when it is off`;

test("A resource that somebody wants keeps its outlets", () => {
  expect(against(inUse, [otherOutlet])).toEqual([reason("in use")]);
  expect(against(inUse, ["resource build1 outlet=plug1,plug9"])).toEqual([reason("in use")]);
  expect(against(inUse, ["resource build1 outlet=plug1 offDelay=1h"])).toEqual([]);
});

test("A resource that somebody wants keeps the way to its switcher", () => {
  expect(against(inUse, [], "plug1")).toEqual([reason("in use")]);
  expect(against(inUse, [], "plug2")).toEqual([]);
});

test("What a resource is doing is told in the words of its published phase", () => {
  expect(against(["acquire build1 id=a"], [otherOutlet])).toEqual([reason("starting")]);
  expect(against([...inUse, "override build1 on", "release build1 id=a"], [otherOutlet])).toEqual([
    reason("held"),
  ]);
});

test("A resource that is on its way off keeps its outlets until it is off", () => {
  const leaving = [...lingering, "advance 10s"];
  expect(against(leaving, [otherOutlet])).toEqual([reason("stopping")]);
  const stopping = [...leaving, "ended build1 done", "advance 10s"];
  expect(against(stopping, [otherOutlet])).toEqual([reason("stopping")]);
  expect(against([...stopping, "report plug1 off"], [otherOutlet])).toEqual([]);
});

test("A resource that nobody wants may get other outlets, and one may leave the configuration at any time", () => {
  expect(against([], [otherOutlet])).toEqual([]);
  expect(against(lingering, [otherOutlet])).toEqual([]);
  expect(against(inUse, ["without build1"])).toEqual([]);
});

const sentence = (key: string): string =>
  `build1 is being shut down, and its '${key}' would be taken out meanwhile: then nothing shows when it is down; try again when it is off`;

test("A shutdown that runs keeps what it is seen by, unless it took too long", () => {
  const going = [
    "resource build1 shutdown check shutdownTimeout=30s offDelay=10s minOn=0",
    "reconfigure",
    "machine build1 up",
    ...inUse,
    "advance 5s",
    "release build1 id=a",
    "advance 10s",
  ];
  expect(against(going, ["resource build1 check"])).toEqual([sentence("shutdown")]);
  expect(against(going, ["resource build1 shutdown"])).toEqual([sentence("check")]);
  expect(against(going, ["resource build1 shutdown check offDelay=1h"])).toEqual([]);
  expect(against(going, ["without build1"])).toEqual([]);
  const overdue = [...going, "advance 1m"];
  expect(against(overdue, ["resource build1 check"])).toEqual([]);
  expect(against(overdue, ["resource build1"])).toEqual([]);
  expect(against(overdue, ["resource build1 shutdown"])).toEqual([sentence("check")]);
});

function left(happened: readonly string[], described: readonly string[]): readonly string[] {
  const stage = stageAfter(happened, described);
  return leftOn(stage.world.book, settings(stage));
}

test("Outlets that are on and will be nobody's are told", () => {
  expect(left(lingering, [otherOutlet])).toEqual(["plug1"]);
  expect(left(inUse, ["without build1"])).toEqual(["plug1"]);
  expect(left([...inUse, "report plug1 off"], ["without build1"])).toEqual([]);
  expect(left(inUse, ["resource build1 shutdown offDelay=1h", "without build2"])).toEqual([]);
  expect(left(inUse, ["without build1", "resource other outlet=plug1"])).toEqual([]);
});

test("A resource that is held does not come to need what is locked out", () => {
  const locked = [...inUse, "override build2 off"];
  expect(against(locked, ["resource build1 shutdown outlet=plug1 needs=build2"])).toEqual([
    "build1 is in use, and would come to need what is locked out through build2; try again when one of the two is over",
  ]);
  expect(against(["override build2 off"], ["resource build1 shutdown outlet=plug1 needs=build2"])).toEqual(
    [],
  );
});
