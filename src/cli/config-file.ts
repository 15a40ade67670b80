// The configuration file of a command that works on one: which it is, and what is said of the mistakes in it. Not what stands in it:
// src/config, which is loaded only when a file is to be read.

import type { Loaded } from "../config/load.ts";
import type { Mistake } from "../config/mistakes.ts";
import type { Options } from "./arguments.ts";
import type { Context } from "./command.ts";
import { CommandError } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

export const configOption: Options = {
  config: {
    value: "FILE",
    help: "configuration file (./lastout.yaml, $XDG_CONFIG_HOME/lastout/lastout.yaml, /etc/lastout/lastout.yaml)",
  },
};

export interface ConfigFile {
  readonly file: string;
  /** As it is now. */
  readonly read: () => Loaded;
}

/**
 * The one that `--config` names, else the first that is found.
 * @param orElse what to do instead, where there is none
 * @throws CommandError `configuration`
 */
export async function configFile({ args, env }: Context, orElse = ""): Promise<ConfigFile> {
  const { configPlaces, findConfigFile, loadConfig } = await import("../config/load.ts");
  const file = args.value("config") ?? findConfigFile(env, process.cwd());
  if (file === undefined) {
    const places = configPlaces(env, process.cwd()).join(", ");
    throw new CommandError(
      "configuration",
      `there is no configuration file: none of ${places}; name one with --config FILE${orElse}`,
    );
  }
  return { file, read: () => loadConfig({ file, env }) };
}

export async function showMistakes(mistakes: readonly Mistake[], terminal: Terminal): Promise<void> {
  const { printMistakes } = await import("../config/print.ts");
  terminal.show(printMistakes(mistakes));
}

export async function showWarnings(warnings: readonly Mistake[], terminal: Terminal): Promise<void> {
  if (warnings.length > 0) {
    const { printMistakes } = await import("../config/print.ts");
    terminal.warn(printMistakes(warnings).replaceAll(/^(?=\S)/gm, "warning: "));
  }
}
