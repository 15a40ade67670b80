// `lastout renew`: extend a token that is held, and print when it will expire.

import { clientOptions } from "./arguments.ts";
import type { Command, Context } from "./command.ts";
import { exits } from "./exit-codes.ts";
import { refused, replyText } from "./refusal.ts";
import { askOnce } from "./ask-once.ts";
import { owner, resourcesAndToken, ttlOption } from "./values.ts";
import { topicOf } from "./wish.ts";

export const renewCommand: Command = {
  usage: "RESOURCE[,...] TOKEN [--ttl D]",
  about:
    "Extend a token that is held by its own time again, or by --ttl from now. Prints the time of its expiry; with --json the\n" +
    "controller's reply. A token that is no longer held is not made anew: exit 65, and the message says how it ended.",
  options: {
    ttl: { value: "D", help: "how long it is valid from now, for example 2h (as long as before)" },
    token: { value: "ID", help: "the same as TOKEN" },
    owner: { value: "O", help: "refuse unless it is this owner's token" },
    ...clientOptions,
  },
  exits: {
    65: "the token is not held any more (the message says how it ended), or invalid values",
    75: "locked out",
  },
  examples: [['lastout renew build1 "$token" --ttl 2h', "two more hours from now"]],
  run: renew,
};

async function renew(context: Context): Promise<number> {
  const { args, terminal } = context;
  const { names, token } = resourcesAndToken(args);
  const ttl = ttlOption(args);
  const named = args.value("owner");
  const reply = await askOnce(context, topicOf(names, "renew"), () => ({
    token,
    ttl: ttl === undefined ? undefined : ttl / 1000,
    owner: named === undefined ? undefined : owner(named),
  }));
  if (!reply.ok) {
    return refused(context, reply);
  }
  terminal.out(args.has("json") ? replyText(reply) : (reply.expires ?? ""));
  return exits.done;
}
