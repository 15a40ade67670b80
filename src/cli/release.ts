// `lastout release`: give a token back. One that is not held any more counts as given back.

import { clientOptions } from "./arguments.ts";
import { askOnce } from "./ask-once.ts";
import type { Command, Context } from "./command.ts";
import { usersText } from "./describe.ts";
import { exits } from "./exit-codes.ts";
import { refused, replyText } from "./refusal.ts";
import { owner, resourcesAndToken } from "./values.ts";
import { topicOf } from "./wish.ts";

export const releaseCommand: Command = {
  usage: "RESOURCE[,...] TOKEN",
  about:
    "Give a token back. After the last one the resource is switched off when its off delay has passed. A token that is not held\n" +
    "(released before, or expired) is no failure. While the controller is away the broker keeps the release for it; that is\n" +
    "told by exit 69.",
  options: {
    token: { value: "ID", help: "the same as TOKEN" },
    owner: { value: "O", help: "refuse unless it is this owner's token" },
    ...clientOptions,
  },
  exits: {
    0: "given back, or not held any more",
    69: "broker or controller cannot be reached; the broker may keep the request for the controller",
  },
  examples: [['lastout release build1 "$token"', "give it back"]],
  run: release,
};

async function release(context: Context): Promise<number> {
  const { args, terminal } = context;
  const { names, token } = resourcesAndToken(args);
  const named = args.value("owner");
  const reply = await askOnce(
    context,
    topicOf(names, "release"),
    () => ({ token, owner: named === undefined ? undefined : owner(named) }),
    { evenAway: true },
  );
  if (!reply.ok && reply.error !== "unknown-token") {
    return refused(context, reply);
  }
  terminal.say(
    reply.ok
      ? `${names.join(",")}: released ${token}${reply.users === undefined ? "" : `, ${usersText(reply.users)} left`}`
      : `${names.join(",")}: ${token} was not held: ${reply.message}`,
  );
  if (args.has("json")) {
    terminal.out(replyText(reply));
  }
  return exits.done;
}
