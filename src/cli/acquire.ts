// `lastout acquire`: obtain a token and print its id. What `run` adds (renewing, releasing) is the caller's business here.

import type { CheckLevel } from "../core/settings.ts";
import { type Arguments, clientOptions } from "./arguments.ts";
import { clientSettings } from "./client-settings.ts";
import type { Command, Context } from "./command.ts";
import { CommandError, exits } from "./exit-codes.ts";
import { obtain } from "./obtain.ts";
import { showProgress } from "./progress.ts";
import { refused, replyText } from "./refusal.ts";
import { resourceList } from "./values.ts";
import { type ClientParts, withClient } from "./with-client.ts";
import { lostWill, readWish, wishOptions } from "./wish.ts";

export const acquireCommand: Command = {
  usage:
    "RESOURCE[,...] [--ttl D] [--timeout D] [--token ID] [--owner O] [--purpose P] [--exclusive] [--priority N] [--wait granted|powered|available]",
  about:
    "Acquire a token: the resource is switched on and stays on until the last token is released or has expired. Prints the token's\n" +
    "id alone, for 'renew' and 'release'; with --json the controller's reply. A pool gives one of its members, and several names\n" +
    "with commas one token over all of them, all or nothing. Where it is taken it is queued for with --timeout, else refused (75).\n" +
    "When it is interrupted while it waits, or gets no reply, the request is taken back; with --token it is not, because an earlier\n" +
    "call may have been given that token: it then ends by its release or when it expires.",
  options: {
    ...wishOptions,
    wait: { value: "granted|powered|available", help: "what to wait for (granted)" },
    ...clientOptions,
  },
  examples: [
    [
      "token=$(lastout acquire build1 --ttl 2h --wait available --timeout 5m) || exit",
      "wait until build1 answers, five minutes at most",
    ],
    [
      'lastout acquire build1 --token "$BUILD_TAG" --purpose "$BUILD_URL"',
      "under an id that other steps of the job know",
    ],
    [
      "lastout acquire builders --json | jq -r .resource",
      "one member of the pool 'builders', and which it is",
    ],
    [
      "lastout acquire rack1,analyzer --exclusive --timeout 1h",
      "both for oneself, waiting in their queues for up to an hour",
    ],
  ],
  run: acquire,
};

async function acquire(context: Context): Promise<number> {
  const { args, env, terminal, clock } = context;
  if (args.rest !== undefined) {
    throw new CommandError("usage", "acquire takes no command; 'lastout run RESOURCE -- COMMAND' does");
  }
  const settings = await clientSettings(args, env);
  const wish = readWish(args, settings, resourceList(args), waitOption(args));
  // A grant is told at once or after the queue, which only a request with a timeout enters.
  const isQuick = wish.wait === "granted" && (wish.timeout === undefined || wish.timeout === 0);
  const progress = isQuick ? undefined : showProgress(wish, { terminal, clock });
  try {
    const parts: ClientParts = {
      settings,
      filters: progress?.filters ?? [],
      will: wish.isNew ? lostWill(wish) : undefined,
      heard: (message) => progress?.heard(message),
    };
    return await withClient(context, parts, async (client, signal) => {
      progress?.follow(client);
      await client.needController();
      const reply = await obtain(client, wish, { clock, say: (text) => terminal.say(text), signal });
      progress?.stop();
      if (!reply.ok) {
        return refused(context, reply);
      }
      const id = reply.token ?? wish.token;
      const names = wish.names.join(",");
      await terminal.outSurely(
        args.has("json") ? replyText(reply) : id,
        `the token is held all the same: 'lastout release ${names} ${id}' gives it back`,
      );
      return exits.done;
    });
  } finally {
    progress?.stop();
  }
}

function waitOption(args: Arguments): CheckLevel {
  const level = args.value("wait") ?? "granted";
  if (level !== "granted" && level !== "powered" && level !== "available") {
    throw new CommandError(
      "invalid-request",
      `--wait ${level} is nothing to wait for; it is granted, powered or available`,
    );
  }
  return level;
}
