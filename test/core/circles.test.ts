// Goal: what goes round in circles is found out and stops the process, before it eats its memory. Method: a book that contradicts itself
// at every look, made by hand. That the core makes no such book is shown by the properties.

import { expect, test } from "vitest";
import { BrokenInvariant, need } from "../../src/core/book.ts";
import { step } from "../../src/core/step.ts";
import { instant } from "../../src/core/time.ts";
import { runCommand } from "./support/commands.ts";
import { createStage } from "./support/stage.ts";

const at = instant(100_100_000);

function bookAfter(...lines: readonly string[]) {
  const stage = createStage();
  for (const line of lines) {
    runCommand(stage, line);
  }
  return stage.world.book;
}

test("Activities that lead to each other without an end stop the process, which names the resource and the activities", () => {
  const book = bookAfter("resource build1", "plug plug1 obeys", "running", "acquire build1 id=a");
  const resource = need(book.resources, "build1");
  // Off whenever it is in use, and on whenever it is not.
  Object.defineProperty(need(book.outlets, "plug1"), "seen", {
    get: () => ({ name: resource.activity.name === "using" ? "off" : "on", since: at }),
  });
  const looked = () => step(book, { kind: "storeRecovered", at });
  expect(looked).toThrow(BrokenInvariant);
  expect(looked).toThrow(/^build1 goes from (using to starting|starting to using) and back without an end$/);
});

test("Resources that make each other be looked at without an end stop the process", () => {
  const book = bookAfter("resource a outlet=strip/1", "resource b outlet=strip/1", "running");
  for (const resource of book.resources.values()) {
    Object.defineProperty(resource, "face", {
      get: () => "another one",
      set: () => {}, // what it looks like now is forgotten at once
    });
  }
  const looked = () => step(book, { kind: "storeRecovered", at });
  expect(looked).toThrow(new BrokenInvariant("what follows from an event does not come to an end"));
});
