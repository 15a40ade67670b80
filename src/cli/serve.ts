// `lastout serve`: run the controller. Everything it does is app.ts; this is its command line.

import { helpOption, type Options } from "./arguments.ts";
import type { Command } from "./command.ts";
import { CommandError } from "./exit-codes.ts";

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
    "the place of each, exit 78. With --demo: a lab to try things on, with a broker, simulated sockets and machines.",
  options: {
    ...configOption,
    demo: { value: undefined, help: "run a demo lab; needs nothing and leaves nothing behind" },
    ...helpOption,
  },
  examples: [
    ["lastout serve --demo", "see how it works"],
    ["lastout serve --config /etc/lastout/lastout.yaml", "run a lab"],
  ],
  run: async ({ args }) => {
    if (args.words.length > 0 || args.rest !== undefined) {
      throw new CommandError("usage", `serve takes no words; is '${args.words[0] ?? "--"}' meant as --config FILE?`);
    }
    const configFile = args.value("config");
    const demo = args.has("demo");
    if (demo && configFile !== undefined) {
      throw new CommandError("usage", "--demo has a configuration of its own; give either --demo or --config FILE");
    }
    const { serve } = await import("../app.ts");
    return serve({ configFile, demo });
  },
};
