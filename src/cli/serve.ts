// `lastout serve`: run the controller. What it is made of is app.ts, its demo lab is src/demo; this is its command line.

import { helpOption } from "./arguments.ts";
import type { Command, Context } from "./command.ts";
import { configFile, configOption, showMistakes, showWarnings } from "./config-file.ts";
import { CommandError, exits } from "./exit-codes.ts";

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

async function serve(context: Context): Promise<number> {
  const { args, terminal } = context;
  if (args.words.length > 0 || args.rest !== undefined) {
    throw new CommandError(
      "usage",
      `serve takes no words; is '${args.words[0] ?? "--"}' meant as --config FILE?`,
    );
  }
  if (args.has("demo") && !args.has("config")) {
    const { serveDemo } = await import("../demo/serve-demo.ts");
    return serveDemo((guide) => terminal.show(guide), args.has("json"));
  }
  const { read } = await configFile(context, ", or try 'lastout serve --demo'");
  const loaded = read();
  if (!loaded.ok) {
    await showMistakes(loaded.mistakes, terminal);
    return exits.configuration;
  }
  await showWarnings(loaded.warnings, terminal);
  const { runController } = await import("../app.ts");
  const json = args.has("json");
  return runController({ config: loaded.config, json, readAgain: read, started: () => undefined });
}
