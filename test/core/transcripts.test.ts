// Every rule of the protocol about one resource with shared tokens, as a scenario in test/transcripts: what happens, and what
// the core does. `npx vitest run test/core/transcripts.test.ts -u` writes them anew; the change is then read like any other.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { replay } from "./support/script.ts";

const folder = new URL("../transcripts/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));

describe("The core does what the protocol says", () => {
  test.for(files.map((file) => transcript(file)))("$title", async ({ file, text }) => {
    expect(text, "a transcript begins with the rule that it shows").toMatch(/^# \S/);
    await expect(replay(text)).toMatchFileSnapshot(new URL(file, folder).pathname);
  });
});

function transcript(file: string): { readonly file: string; readonly title: string; readonly text: string } {
  const text = readFileSync(new URL(file, folder), "utf8");
  return { file, title: text.split("\n", 1)[0]?.replace(/^# /, "") ?? file, text };
}
