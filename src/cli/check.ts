// `lastout check`: read a configuration file as `serve` would, tell every mistake and warning, start nothing.

import { helpOption } from "./arguments.ts";
import type { Command, Context } from "./command.ts";
import { configFile, configOption, showMistakes, showWarnings } from "./config-file.ts";
import { CommandError, exits } from "./exit-codes.ts";

export const checkCommand: Command = {
  usage: "[--config FILE]",
  about:
    "Check a configuration file without starting anything. Every mistake is told with its place and what would be right, exit 78;\n" +
    "warnings are told and are no failure. With --json one object with the file, mistakes and warnings.",
  options: {
    ...configOption,
    json: { value: undefined, help: "print JSON" },
    quiet: { value: undefined, help: "say nothing on standard error but mistakes" },
    ...helpOption,
  },
  exits: { 78: "the file has mistakes, or there is none" },
  examples: [
    ["lastout check --config lab.yaml && systemctl restart lastout", "restart with a good file only"],
    ["lastout check --json | jq -r '.mistakes[].message'", "for an editor or a CI job"],
  ],
  run: check,
};

async function check(context: Context): Promise<number> {
  const { args, terminal } = context;
  const [word] = args.words;
  if (word !== undefined || args.rest !== undefined) {
    throw new CommandError("usage", `check takes no words; did you mean --config ${word ?? "FILE"}?`);
  }
  const { file, read } = await configFile(context);
  const loaded = read();
  if (loaded.ok) {
    await showWarnings(loaded.warnings, terminal);
  } else {
    await showMistakes(loaded.mistakes, terminal);
  }
  if (args.has("json")) {
    const { mistakesToJson } = await import("../config/print.ts");
    const mistakes = loaded.ok ? [] : loaded.mistakes;
    const warnings = loaded.ok ? loaded.warnings : [];
    terminal.out(
      JSON.stringify(
        { ok: loaded.ok, file, mistakes: mistakesToJson(mistakes), warnings: mistakesToJson(warnings) },
        undefined,
        2,
      ),
    );
  } else if (loaded.ok) {
    const { settings, switchers } = loaded.config;
    const pools = settings.pools.size === 0 ? "" : `, ${count(settings.pools.size, "pool")}`;
    terminal.out(
      `${file} is valid: ${count(settings.resources.size, "resource")}, ${count(switchers.size, "switcher")}${pools}`,
    );
  }
  return loaded.ok ? exits.done : exits.configuration;
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`;
