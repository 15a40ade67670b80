// `lastout check`: read a configuration file as `serve` would, tell every mistake and warning, start nothing.

import { helpOption } from "./arguments.ts";
import type { Command, Context } from "./command.ts";
import { CommandError, exits } from "./exit-codes.ts";
import { configOption } from "./serve.ts";

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

async function check({ args, env, terminal }: Context): Promise<number> {
  const [word] = args.words;
  if (word !== undefined || args.rest !== undefined) {
    throw new CommandError("usage", `check takes no words; did you mean --config ${word ?? "FILE"}?`);
  }
  const { configPlaces, findConfigFile, loadConfig } = await import("../config/load.ts");
  const { mistakesToJson, printMistakes } = await import("../config/print.ts");
  const file = args.value("config") ?? findConfigFile(env, process.cwd());
  if (file === undefined) {
    throw new CommandError(
      "configuration",
      `there is no configuration file: none of ${configPlaces(env, process.cwd()).join(", ")}; name one with --config FILE`,
    );
  }
  const loaded = loadConfig({ file, env });
  const mistakes = loaded.ok ? [] : loaded.mistakes;
  const warnings = loaded.ok ? loaded.warnings : [];
  if (mistakes.length > 0) {
    terminal.show(printMistakes(mistakes));
  }
  if (warnings.length > 0) {
    terminal.warn(printMistakes(warnings).replaceAll(/^(?=\S)/gm, "warning: "));
  }
  if (args.has("json")) {
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
