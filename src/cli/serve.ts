// `lastout serve`: run the controller. What it is made of is app.ts, its demo lab is src/demo; this is its command line.

import { helpOption, type Options } from "./arguments.ts";
import type { Command, Context } from "./command.ts";
import { CommandError, exits } from "./exit-codes.ts";

export const configOption: Options = {
  config: {
    value: "FILE",
    help: "configuration file (./lastout.yaml, $XDG_CONFIG_HOME/lastout/lastout.yaml, /etc/lastout/lastout.yaml)",
  },
};

export const serveCommand: Command = {
  usage: "[--config FILE | --demo]",
  about:
    "Run the controller in the foreground until SIGINT or SIGTERM; that changes no outlet. A configuration with mistakes is refused with\n" +
    "the place of each, exit 78. With --demo and no --config: a lab to try things on, with a broker, simulated sockets and machines.",
  options: {
    ...configOption,
    demo: {
      value: undefined,
      help: "without --config: run a demo lab; needs nothing and leaves nothing behind",
    },
    json: { value: undefined, help: "log JSON on a terminal, too" },
    quiet: { value: undefined, help: "say no warnings about the configuration" },
    ...helpOption,
  },
  exits: {
    0: "ended by a signal",
    69: "the broker refused the subscriptions",
    70: "something is broken, such as the store; or a Node that is too old",
    75: "another controller has the base topic, the store or the client id",
    78: "the configuration has mistakes, or there is none",
    "128+n": "",
  },
  examples: [
    ["lastout serve --demo", "see how it works"],
    ["lastout serve --config /etc/lastout/lastout.yaml", "run a lab"],
  ],
  run: serve,
};

async function serve({ args, env, terminal }: Context): Promise<number> {
  if (args.words.length > 0 || args.rest !== undefined) {
    throw new CommandError(
      "usage",
      `serve takes no words; is '${args.words[0] ?? "--"}' meant as --config FILE?`,
    );
  }
  const named = args.value("config");
  if (args.has("demo") && named === undefined) {
    const { serveDemo } = await import("../demo/serve-demo.ts");
    return serveDemo((guide) => terminal.show(guide), args.has("json"));
  }
  const { configPlaces, findConfigFile, loadConfig } = await import("../config/load.ts");
  const { printMistakes } = await import("../config/print.ts");
  const file = named ?? findConfigFile(env, process.cwd());
  if (file === undefined) {
    const places = configPlaces(env, process.cwd()).join(", ");
    throw new CommandError(
      "configuration",
      `there is no configuration file: none of ${places}; name one with --config FILE, or try 'lastout serve --demo'`,
    );
  }
  const read = () => loadConfig({ file, env });
  const loaded = read();
  if (!loaded.ok) {
    terminal.show(printMistakes(loaded.mistakes));
    return exits.configuration;
  }
  if (loaded.warnings.length > 0) {
    terminal.warn(printMistakes(loaded.warnings).replaceAll(/^(?=\S)/gm, "warning: "));
  }
  const { runController } = await import("../app.ts");
  const json = args.has("json");
  return runController({ config: loaded.config, json, readAgain: read, started: () => undefined });
}
