// A transcript file: blocks of command lines, a line `----`, and what the system did. Here it is taken apart and written anew;
// what the commands mean is in commands.ts.

import { runCommand } from "./commands.ts";
import { createStage } from "./stage.ts";

const rule = "----";

/** The whole file once more, with what the system does now below each rule. */
export function replay(text: string): string {
  const stage = createStage();
  const blocks = text.split(/\n{2,}/).filter((block) => block.trim() !== "");
  return `${blocks.map((block) => replayBlock(block, (line) => runCommand(stage, line))).join("\n\n")}\n`;
}

/** @param run carries out one command; `undefined`: it was a setting, of which there is nothing to tell */
function replayBlock(block: string, run: (line: string) => string[] | undefined): string {
  const lines = block.trim().split("\n");
  const end = lines.indexOf(rule);
  const input = end === -1 ? lines : lines.slice(0, end);
  const told = input.filter((line) => !line.startsWith("#")).map(run);
  if (told.every((each) => each === undefined)) {
    return input.join("\n");
  }
  const output = told.flatMap((each) => each ?? []);
  return [...input, rule, ...(output.length === 0 ? ["(nothing)"] : output)].join("\n");
}
