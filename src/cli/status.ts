// `lastout status`: the resources and what they are doing, from what the controller keeps on the broker.

import { clientOptions } from "./arguments.ts";
import { clientSettings } from "./client-settings.ts";
import type { Command, Context } from "./command.ts";
import { ago, problemCell, spoken, until } from "./describe.ts";
import { CommandError, exits } from "./exit-codes.ts";
import { choose, openPicture } from "./picture.ts";
import { type Cell, tableOf } from "./table.ts";
import type { StateObject } from "./wire.ts";
import type { WallTime } from "../core/time.ts";
import { resourceName } from "./values.ts";
import { withClient } from "./with-client.ts";

export const statusCommand: Command = {
  usage: "[RESOURCE ...]",
  about:
    "Show resources and pools: state, what the controller is doing about them, tokens held, since when, and what is wrong; where there\n" +
    "are any, also who is exclusive, queues, dependents, overrides, and the free members of pools. With --json an array of the state\n" +
    "objects, each with its name. While the controller is away its last picture is shown, with a warning and exit 69; an unknown\n" +
    "resource is exit 65.",
  options: clientOptions,
  exits: {
    65: "no such resource or pool",
    69: "broker or controller cannot be reached; the last picture is shown",
    75: "",
  },
  examples: [
    ["lastout status", "all resources and pools"],
    ["lastout status build1 --json | jq -r '.[0].state'", "one of them, for a script"],
  ],
  run: status,
};

async function status(context: Context): Promise<number> {
  const { args, env, terminal } = context;
  if (args.rest !== undefined) {
    throw new CommandError("usage", "status takes no command");
  }
  const asked = args.words.map(resourceName);
  const settings = await clientSettings(args, env);
  const picture = openPicture();
  return withClient(
    context,
    { settings, filters: ["+"], heard: ({ topic, payload }) => picture.take(topic, payload) },
    async (client) => {
      await client.pictureComplete(() => picture.objects.size);
      const { names, problems } = choose(asked, picture.objects);
      const rows = names.flatMap((name) => {
        const object = picture.objects.get(name);
        return object === undefined ? [] : [{ name, object }];
      });
      const away = await isAway(() => client.needController());
      if (context.args.has("json") && away === undefined && rows.length === 0 && problems.length > 0) {
        throw new CommandError("unknown-resource", problems.join("; "));
      }
      show(context, rows);
      if (away !== undefined) {
        terminal.fail(rows.length === 0 ? away : `${away} What is shown is its last picture`);
        return exits.unreachable;
      }
      for (const problem of problems) {
        terminal.fail(problem);
      }
      if (rows.length === 0 && problems.length === 0) {
        terminal.say("the controller shows no resources: it has just started, or its configuration has none");
      }
      return problems.length === 0 ? exits.done : exits.invalid;
    },
  );
}

interface Row {
  readonly name: string;
  readonly object: StateObject;
}

function show({ args, terminal, clock }: Context, rows: readonly Row[]): void {
  if (args.has("json")) {
    terminal.out(
      JSON.stringify(
        rows.map(({ name, object }) => ({ name, ...object })),
        undefined,
        2,
      ),
    );
    return;
  }
  if (rows.length === 0) {
    return;
  }
  const forPerson = terminal.outIsTerminal;
  const shown = columns.filter(({ when }) => rows.some(({ object }) => when(object)));
  const cells = rows.map((row) => shown.map(({ cell }) => cell(row, clock.wall(), forPerson)));
  const headings = shown.map(({ heading }) => heading);
  for (const line of tableOf(headings, cells, terminal.paint)) {
    terminal.out(line);
  }
}

interface Column {
  readonly heading: string;
  /** It is shown where one row has something to say in it. */
  readonly when: (object: StateObject) => boolean;
  readonly cell: (row: Row, wall: WallTime, forPerson: boolean) => Cell;
}

const always = (): boolean => true;
const isOverridden = ({ override }: StateObject): boolean => override !== undefined && override !== "auto";
const isPool = ({ members }: StateObject): boolean => members !== undefined;
/** Nothing is worth a column of zeros. */
const counted = (count: number | undefined): Cell => ({
  text: count === undefined || count === 0 ? "" : String(count),
});

const columns: readonly Column[] = [
  { heading: "NAME", when: always, cell: ({ name }) => ({ text: name }) },
  {
    heading: "KIND",
    when: isPool,
    cell: ({ object }) => ({ text: isPool(object) ? "pool" : "resource" }),
  },
  {
    heading: "STATE",
    when: always,
    cell: ({ object: { state } }) => ({ text: state, colour: colourOf(state) }),
  },
  {
    heading: "PHASE",
    when: always,
    cell: ({ object }, wall, forPerson) => ({
      text: `${object.phase ?? ""}${forPerson ? outlook(object, wall) : ""}`,
    }),
  },
  {
    heading: "USERS",
    when: always,
    cell: ({ object: { users } }) => ({ text: users === undefined ? "" : String(users) }),
  },
  {
    heading: "MODE",
    when: ({ exclusive }) => exclusive === true,
    cell: ({ object: { exclusive } }) => ({ text: exclusive === true ? "exclusive" : "" }),
  },
  {
    heading: "FREE",
    when: isPool,
    cell: ({ object: { free, members } }) => ({
      text: members === undefined ? "" : `${free ?? 0}/${members}`,
    }),
  },
  {
    heading: "QUEUE",
    when: ({ queue }) => queue !== undefined && queue > 0,
    cell: ({ object: { queue } }) => counted(queue),
  },
  {
    heading: "DEPENDENTS",
    when: ({ dependents }) => dependents !== undefined && dependents > 0,
    cell: ({ object: { dependents } }) => counted(dependents),
  },
  {
    heading: "OVERRIDE",
    when: isOverridden,
    cell: ({ object }) => ({
      text: isOverridden(object) ? (object.override ?? "") : "",
      colour: isOverridden(object) ? "yellow" : undefined,
    }),
  },
  {
    heading: "SINCE",
    when: always,
    cell: ({ object: { since = "" } }, wall, forPerson) => ({ text: forPerson ? ago(since, wall) : since }),
  },
  {
    heading: "PROBLEM",
    when: always,
    cell: ({ object: { problem } }) => ({
      text: problemCell(problem),
      colour: problem === null || problem === undefined ? undefined : "red",
    }),
  },
];

function colourOf(state: string): Cell["colour"] {
  switch (state) {
    case "available":
      return "green";
    case "powered":
      return "yellow";
    case "unknown":
      return "red";
    default:
      return "grey";
  }
}

function outlook({ offAt, readyAt }: StateObject, wall: WallTime): string {
  const off = until(offAt, wall);
  const ready = until(readyAt, wall);
  return off !== undefined
    ? `, off in ${spoken(off)}`
    : ready !== undefined
      ? `, ready in ${spoken(ready)}`
      : "";
}

/** The message, when it is so. */
async function isAway(need: () => Promise<void>): Promise<string | undefined> {
  try {
    await need();
    return undefined;
  } catch (error) {
    if (error instanceof CommandError && error.code === "no-controller") {
      return error.message;
    }
    throw error;
  }
}
