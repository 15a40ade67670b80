// Replays every transcript without a test runner, whose start takes longer than all of them together; those that are named as arguments
// come first. Prints the name of the first that differs. Only for the mutants: what a difference means is told by
// test/core/transcripts.test.ts. A failure of which nothing is printed says that the mutant is no program.

import { readdirSync, readFileSync } from "node:fs";
import { replay } from "../../test/core/support/script.ts";

const folder = new URL("../../test/transcripts/", import.meta.url);

function isKept(file: string): boolean {
  const text = readFileSync(new URL(file, folder), "utf8");
  try {
    return replay(text) === text;
  } catch (error) {
    if (error instanceof ReferenceError) {
      throw error; // a name that is not there: a slip in the mutant, which no promise has caught
    }
    return false;
  }
}

const files = new Set([...process.argv.slice(2), ...readdirSync(folder)]);
const differs = [...files].find((file) => !isKept(file));
if (differs !== undefined) {
  console.log(differs);
  process.exitCode = 1;
}
