// `lastout cycle`: an operator's power cycle. How it is done, and when, is the controller's to decide (protocol section 4).

import { clientOptions } from "./arguments.ts";
import { askOnce } from "./ask-once.ts";
import type { Command, Context } from "./command.ts";
import { CommandError } from "./exit-codes.ts";
import { showHand } from "./operator-reply.ts";
import { onlyResource, ownerOption } from "./values.ts";

export const cycleCommand: Command = {
  usage: "RESOURCE [--force]",
  about:
    "An operator's power cycle: shutdown as configured, off, on again after its minimum off time. It is begun when this command\n" +
    "ends, and 'lastout watch' shows how it goes. While others hold tokens of it, it is refused (busy, exit 75). Prints how the\n" +
    "resource stood at the beginning; with --json the controller's reply.",
  options: {
    force: { value: undefined, help: "also while others hold tokens, and without a shutdown" },
    ...clientOptions,
  },
  exits: { 75: "busy or locked out", 77: "this user is no operator, or may not talk to the broker" },
  examples: [["lastout cycle build1 && lastout watch build1", "cycle it, and see how it goes"]],
  run: cycle,
};

async function cycle(context: Context): Promise<number> {
  const { args } = context;
  if (args.rest !== undefined) {
    throw new CommandError("usage", "cycle takes no command");
  }
  const resource = onlyResource(args);
  const reply = await askOnce(context, `${resource}/cycle`, ({ username }) => ({
    owner: ownerOption(args, username),
    force: args.has("force") ? true : undefined,
  }));
  return showHand(context, resource, reply);
}
