// `lastout tokens`: who holds tokens, asked from the controller page by page, so that it is the truth and all of it.

import { clientOptions } from "./arguments.ts";
import { type Client, openClient, promptly } from "./client.ts";
import { clientSettings } from "./client-settings.ts";
import type { Command, Context } from "./command.ts";
import { spoken, until } from "./describe.ts";
import { CommandError, exits } from "./exit-codes.ts";
import { choose, openPicture } from "./picture.ts";
import { refused } from "./refusal.ts";
import { interruption } from "./signals.ts";
import { type Cell, tableOf } from "./table.ts";
import { resourceName } from "./values.ts";
import type { ErrorReply, GoodReply } from "./wire.ts";

/** The most that a controller puts into one reply (protocol section 4). */
const pageSize = 1000;

export const tokensCommand: Command = {
  usage: "[RESOURCE ...]",
  about:
    "Show the tokens that are held: of these resources, or of all. With --json an array with one object for each token.",
  options: clientOptions,
  examples: [
    ["lastout tokens build1", "who keeps build1 on?"],
    ["lastout tokens --json | jq -r '.[] | select(.owner == \"ci\") | .token'", "all of one owner"],
  ],
  run: tokens,
};

type Held = NonNullable<GoodReply["holders"]>[number] & { readonly resource: string };

async function tokens(context: Context): Promise<number> {
  const { args, env, terminal, clock } = context;
  if (args.rest !== undefined) {
    throw new CommandError("usage", "tokens takes no command");
  }
  const asked = [...new Set(args.words.map(resourceName))];
  const settings = await clientSettings(args, env);
  const stop = interruption();
  const picture = openPicture();
  try {
    const client = await openClient({
      settings,
      clock,
      filters: asked.length === 0 ? ["+"] : [],
      heard: ({ topic, payload }) => picture.take(topic, payload),
      say: (text) => terminal.say(text),
      signal: stop.signal,
    });
    try {
      await client.needController();
      if (asked.length === 0) {
        await client.pictureComplete(() => picture.objects.size);
      }
      const held: Held[] = [];
      let exit: number = exits.done;
      const refusals: ErrorReply[] = [];
      for (const name of asked.length === 0 ? choose([], picture.objects).names : asked) {
        const outcome = await holdersOf(client, name, stop.signal);
        if (Array.isArray(outcome)) {
          held.push(...outcome);
        } else {
          refusals.push(outcome);
        }
      }
      if (held.length > 0 || refusals.length === 0) {
        show(context, held);
      }
      for (const reply of refusals) {
        exit = refused(context, reply);
      }
      return exit;
    } finally {
      await client.close();
    }
  } finally {
    stop.dispose();
  }
}

/** Tokens come and go between pages: each id once, and the end is where a page is not full. */
async function holdersOf(
  client: Client,
  resource: string,
  signal: AbortSignal,
): Promise<Held[] | ErrorReply> {
  const held = new Map<string, Held>();
  for (let offset = 0; ; offset += pageSize) {
    const reply = await client.request({
      topic: `${resource}/tokens`,
      fields: () => ({ offset, limit: pageSize }),
      patience: promptly,
      signal,
    });
    if (!reply.ok) {
      return reply;
    }
    for (const holder of reply.holders ?? []) {
      held.set(holder.token, { resource, ...holder });
    }
    if ((reply.holders ?? []).length < pageSize || offset + pageSize >= (reply.total ?? 0)) {
      return [...held.values()];
    }
  }
}

function show({ args, terminal, clock }: Context, held: readonly Held[]): void {
  if (args.has("json")) {
    terminal.out(JSON.stringify(held, undefined, 2));
    return;
  }
  if (held.length === 0) {
    terminal.say("no tokens are held");
    return;
  }
  const wall = clock.wall();
  const when = (time: string, words: (length: string) => string): string => {
    const ahead = until(time, wall);
    return !terminal.outIsTerminal || ahead === undefined ? time : words(spoken(ahead));
  };
  const cells = held.map((holder): readonly Cell[] => [
    { text: holder.resource },
    { text: holder.token },
    { text: text(holder["owner"]) },
    { text: text(holder["since"]) },
    { text: when(text(holder["expires"]), (length) => `in ${length}`) },
    { text: text(holder["purpose"]) },
  ]);
  for (const line of tableOf(
    ["RESOURCE", "TOKEN", "OWNER", "SINCE", "EXPIRES", "PURPOSE"],
    cells,
    terminal.paint,
  )) {
    terminal.out(line);
  }
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
