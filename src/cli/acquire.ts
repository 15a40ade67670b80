// `lastout acquire`: obtain a token and print its id. What `run` adds (renewing, releasing) is the caller's business here.

import { type Arguments, clientOptions, type Options } from "./arguments.ts";
import { openClient } from "./client.ts";
import { type ClientSettings, clientSettings } from "./client-settings.ts";
import type { Command, Context } from "./command.ts";
import { CommandError, exits } from "./exit-codes.ts";
import { obtain, showProgress, type Wish } from "./obtain.ts";
import { refused, replyText } from "./refusal.ts";
import { interruption } from "./signals.ts";
import {
  durationOption,
  madeUpToken,
  onlyResource,
  ownerOption,
  purposeOption,
  tokenId,
  ttlOption,
} from "./values.ts";
import type { CheckLevel } from "../core/settings.ts";

const usage =
  "acquire RESOURCE [--ttl D] [--timeout D] [--token ID] [--owner O] [--purpose P] [--wait LEVEL]";

/** `run` takes the same. */
export const wishOptions: Options = {
  ttl: {
    value: "D",
    help: "how long the token is valid without a renewal, for example 2h (the resource's own)",
  },
  timeout: { value: "D", help: "give up after this time, for example 5m (as long as the controller tries)" },
  token: { value: "ID", help: "the token's id; the same id again renews it (a new one is made up)" },
  owner: { value: "O", help: "whose token it is (the user name at the broker, or of this machine)" },
  purpose: { value: "P", help: "what it is for, such as a build's URL" },
};

export const acquireCommand: Command = {
  usage: usage.replace(/^acquire /, ""),
  about:
    "Acquire a token: the resource is switched on and stays on until the last token is released or has expired. Prints the token's\n" +
    "id alone, for 'renew' and 'release'; with --json the controller's reply. When it is interrupted while it waits, or gets no\n" +
    "reply, the request is taken back.",
  options: {
    ...wishOptions,
    wait: { value: "LEVEL", help: "wait until it is granted, powered or available (granted)" },
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
  ],
  run: acquire,
};

async function acquire(context: Context): Promise<number> {
  const { args, env, terminal, clock } = context;
  if (args.rest !== undefined) {
    throw new CommandError("usage", "acquire takes no command; 'lastout run RESOURCE -- COMMAND' does");
  }
  const settings = await clientSettings(args, env);
  const wish = readWish(args, settings, onlyResource(args, `lastout ${usage}`), waitOption(args));
  const stop = interruption();
  const progress = wish.wait === "granted" ? undefined : showProgress(wish.resource, { terminal, clock });
  try {
    const client = await openClient({
      settings,
      clock,
      filters: progress === undefined ? [] : [wish.resource],
      will: args.has("token") ? undefined : lostWill(wish),
      heard: ({ payload }) => progress?.heard(payload),
      say: (text) => terminal.say(text),
      signal: stop.signal,
    });
    try {
      await client.needController();
      const reply = await obtain(client, wish, { clock, signal: stop.signal });
      progress?.stop();
      if (!reply.ok) {
        return refused(context, reply);
      }
      terminal.out(args.has("json") ? replyText(reply) : (reply.token ?? wish.token));
      return exits.done;
    } finally {
      await client.close();
    }
  } finally {
    progress?.stop();
    stop.dispose();
  }
}

export function readWish(
  args: Arguments,
  settings: ClientSettings,
  resource: string,
  wait: CheckLevel,
): Wish {
  const token = args.value("token");
  return {
    resource,
    token: token === undefined ? madeUpToken() : tokenId(token),
    owner: ownerOption(args, settings.username),
    purpose: purposeOption(args),
    ttl: ttlOption(args),
    timeout: durationOption(args, "timeout"),
    wait,
  };
}

/** For a client that vanishes without a farewell (protocol 4.3, rule 8). */
export const lostWill = ({
  resource,
  token,
  owner,
}: Wish): { readonly topic: string; readonly payload: string } => ({
  topic: `${resource}/release`,
  payload: JSON.stringify({ token, owner, lost: true }),
});

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
