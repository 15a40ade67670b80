// Asking switchers, where a book is needed that no step makes; the rest of it is in the transcripts.

import { expect, test } from "vitest";
import { need } from "../../src/core/book.ts";
import { nextWakeUp, step } from "../../src/core/step.ts";
import { instant } from "../../src/core/time.ts";
import { runCommand } from "./support/commands.ts";
import { createStage } from "./support/stage.ts";

test("A switcher whose time has come, and of which nothing is asked, is asked, and found silent only after that", () => {
  const stage = createStage();
  for (const line of ["resource build1", "running", "hint plug1"]) {
    runCommand(stage, line);
  }
  const { book } = stage.world;
  const switcher = need(book.switchers, "plug1");
  const at = instant(Number(nextWakeUp(book)));
  switcher.asking = undefined;
  expect(step(book, { kind: "wokeUp", at })).toEqual([{ kind: "ask", switcher: "plug1" }]);
  expect(switcher).toMatchObject({ reach: "answering", asking: { since: at, tries: 1, givenUp: false } });
});
