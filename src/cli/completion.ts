// `lastout completion`: the script that a shell completes this program's command lines with; and, for those scripts, the names they offer.

import { type Arguments, clientOptions, type Options } from "./arguments.ts";
import type { Command, Context } from "./command.ts";
import { commands } from "./commands.ts";
import type { CompletedCommand } from "./completion/table.ts";
import { exits, WrongWords } from "./exit-codes.ts";

const options: Options = {
  names: { value: undefined, help: "instead: print the names of all resources and pools; for the scripts" },
  tokens: { value: "RESOURCE", help: "instead: print the ids of tokens held on it; for the scripts" },
  ...clientOptions,
};

export const completionCommand: Command = {
  usage: "bash|zsh|fish",
  about:
    "Print a script that has the shell complete commands, options, files, and the names of resources, pools and tokens. The names come\n" +
    "from the controller that the environment or client.yaml names, are remembered for a minute in the user's cache folder, and are\n" +
    "left out when the broker does not answer within a second.",
  options,
  exits: { 65: "", 69: "", 75: "", 77: "" },
  examples: [
    ['eval "$(lastout completion bash)"', "in ~/.bashrc"],
    ['eval "$(lastout completion zsh)"', "in ~/.zshrc, after compinit"],
    ["lastout completion fish > ~/.config/fish/completions/lastout.fish", "once, for fish"],
  ],
  run: completion,
};

async function completion(context: Context): Promise<number> {
  const { args, terminal } = context;
  if (args.has("names") || args.has("tokens")) {
    return printNames(context);
  }
  const script = await scriptFor(args);
  const { completionTable } = await import("./completion/table.ts");
  terminal.out(script(await completionTable(commands)));
  return exits.done;
}

async function scriptFor({
  words: [shell, extra],
  rest,
}: Arguments): Promise<(table: readonly CompletedCommand[]) => string> {
  if (extra !== undefined || rest !== undefined) {
    throw new WrongWords(`one word too many: '${extra ?? "--"}'`);
  }
  switch (shell) {
    case "bash":
      return (await import("./completion/bash.ts")).bashScript;
    case "zsh":
      return (await import("./completion/zsh.ts")).zshScript;
    case "fish":
      return (await import("./completion/fish.ts")).fishScript;
    case undefined:
    default:
      throw new WrongWords(
        shell === undefined ? "no shell is named" : `there is no completion for '${shell}'`,
      );
  }
}

async function printNames(context: Context): Promise<number> {
  const { args, terminal } = context;
  const { knownNames, knownTokens } = await import("./completion/names.ts");
  const resource = args.value("tokens");
  const { names, late } =
    resource === undefined ? await knownNames(context) : await knownTokens(context, resource);
  for (const name of names) {
    terminal.out(name);
  }
  if (late) {
    process.exit(exits.done); // A name that the system goes on looking up for half a minute cannot be called off.
  }
  return exits.done;
}
