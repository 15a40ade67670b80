// `lastout tokens`: who holds tokens and who waits for one, asked from the controller page by page, so that it is the truth and all of it.

import { clientOptions } from "./arguments.ts";
import type { Client } from "./client.ts";
import { promptly } from "./client-requests.ts";
import { clientSettings } from "./client-settings.ts";
import type { Command, Context } from "./command.ts";
import { ago, spoken, until } from "./describe.ts";
import { CommandError, exits } from "./exit-codes.ts";
import { choose, openPicture, type Picture } from "./picture.ts";
import { refused } from "./refusal.ts";
import { type Cell, tableOf } from "./table.ts";
import { resourceName } from "./values.ts";
import { withClient } from "./with-client.ts";
import type { ErrorReply, GoodReply } from "./wire.ts";

/** The most that a controller puts into one reply (protocol section 4). */
const pageSize = 1000;

export const tokensCommand: Command = {
  usage: "[RESOURCE ...]",
  about:
    "Show the tokens that are held: of these resources and pools, or of all; then who waits in their queues, in the order of service.\n" +
    "With --json an array with one object for each token and each request that waits: these have a 'position', from 1.",
  options: clientOptions,
  exits: { 65: "no such resource or pool", 75: "" },
  examples: [
    ["lastout tokens build1", "who keeps build1 on, and who is next?"],
    ["lastout tokens --json | jq -r '.[] | select(.owner == \"ci\") | .token'", "all of one owner"],
  ],
  run: tokens,
};

type Held = NonNullable<GoodReply["holders"]>[number] & { readonly resource: string };
type Waiting = NonNullable<GoodReply["queue"]>[number] & {
  readonly resource: string;
  /** 1: served next. */
  readonly position: number;
};

interface Claims {
  readonly ok: true;
  readonly held: readonly Held[];
  readonly waiting: readonly Waiting[];
}

async function tokens(context: Context): Promise<number> {
  const { args, env } = context;
  if (args.rest !== undefined) {
    throw new CommandError("usage", "tokens takes no command");
  }
  const asked = [...new Set(args.words.map(resourceName))];
  const settings = await clientSettings(args, env);
  const picture = openPicture();
  return withClient(
    context,
    {
      settings,
      filters: asked.length === 0 ? ["+"] : [],
      heard: ({ topic, payload }) => picture.take(topic, payload),
    },
    async (client, signal) => {
      await client.needController();
      if (asked.length === 0) {
        await client.pictureComplete(() => picture.objects.size);
      }
      const claims: Claims[] = [];
      let exit: number = exits.done;
      const refusals: ErrorReply[] = [];
      for (const name of asked.length === 0 ? resourcesIn(picture) : asked) {
        const outcome = await claimsOn(client, name, signal);
        if (outcome.ok) {
          claims.push(outcome);
        } else {
          refusals.push(outcome);
        }
      }
      const all = unique(claims);
      if (all.held.length + all.waiting.length > 0 || refusals.length === 0) {
        show(context, all);
      }
      for (const reply of refusals) {
        exit = refused(context, reply);
      }
      return exit;
    },
  );
}

/** Without pools: what is held or waited for there is so on their members. */
const resourcesIn = ({ objects }: Picture): readonly string[] =>
  choose([], objects).names.filter((name) => objects.get(name)?.members === undefined);

/** Tokens come and go between pages, and the end is where a page is not full. The queue comes with each page: the first one's counts. */
async function claimsOn(client: Client, name: string, signal: AbortSignal): Promise<Claims | ErrorReply> {
  const held: Held[] = [];
  const waiting: Waiting[] = [];
  for (let offset = 0; ; offset += pageSize) {
    const reply = await client.request({
      topic: `${name}/tokens`,
      fields: () => ({ offset, limit: pageSize }),
      patience: promptly,
      signal,
    });
    if (!reply.ok) {
      return reply;
    }
    const { holders = [], queue = [], total = 0 } = reply;
    // A pool says which member it is.
    held.push(...holders.map((holder) => ({ ...holder, resource: holder.resource ?? name })));
    for (const entry of offset === 0 ? queue : []) {
      waiting.push({ ...entry, resource: name, position: waiting.length + 1 });
    }
    if (holders.length < pageSize || offset + pageSize >= total) {
      return { ok: true, held, waiting };
    }
  }
}

/** A pool that is asked for beside its members has theirs, too. */
const unique = (claims: readonly Claims[]): Omit<Claims, "ok"> => ({
  held: onceEach(claims.flatMap(({ held }) => held)),
  waiting: onceEach(claims.flatMap(({ waiting }) => waiting)),
});

/** An id is unique within a resource. */
const onceEach = <T extends { readonly resource: string; readonly token: string }>(
  all: readonly T[],
): readonly T[] => [...new Map(all.map((one) => [`${one.resource}/${one.token}`, one])).values()];

function show({ args, terminal, clock }: Context, { held, waiting }: Omit<Claims, "ok">): void {
  if (args.has("json")) {
    terminal.out(JSON.stringify([...held.map(resourceFirst), ...waiting.map(resourceFirst)], undefined, 2));
    return;
  }
  if (held.length + waiting.length === 0) {
    terminal.say("no tokens are held");
    return;
  }
  const wall = clock.wall();
  const when = (time: string): string => {
    const ahead = until(time, wall);
    return !terminal.outIsTerminal || ahead === undefined ? time : `in ${spoken(ahead)}`;
  };
  const since = (time: unknown): string => (terminal.outIsTerminal ? ago(text(time), wall) : text(time));
  const print = (headings: readonly string[], rows: readonly (readonly string[])[]): void => {
    const cells = rows.map((row) => row.map((text): Cell => ({ text })));
    for (const line of rows.length === 0 ? [] : tableOf(headings, cells, terminal.paint)) {
      terminal.out(line);
    }
  };
  print(
    ["RESOURCE", "TOKEN", "OWNER", "MODE", "SINCE", "EXPIRES", "PURPOSE"],
    held.map((holder) => [
      holder.resource,
      holder.token,
      text(holder["owner"]),
      text(holder["mode"]),
      since(holder["since"]),
      when(text(holder["expires"])),
      text(holder["purpose"]),
    ]),
  );
  if (held.length > 0 && waiting.length > 0) {
    terminal.out("");
  }
  print(
    ["QUEUE", "POSITION", "TOKEN", "OWNER", "MODE", "PRIORITY", "SINCE", "DEADLINE", "PURPOSE"],
    waiting.map((entry) => [
      entry.resource,
      String(entry.position),
      entry.token,
      text(entry["owner"]),
      text(entry["mode"]),
      typeof entry["priority"] === "number" ? String(entry["priority"]) : "",
      since(entry["since"]),
      when(text(entry["deadline"])),
      text(entry["purpose"]),
    ]),
  );
}

const resourceFirst = ({ resource, ...rest }: Held | Waiting) => ({ resource, ...rest });

const text = (value: unknown): string => (typeof value === "string" ? value : "");
