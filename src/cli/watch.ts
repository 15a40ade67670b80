// `lastout watch`: what happens, one line each, until somebody ends it. Events come as they are; a change of state or phase is told
// from the retained state, which is also what survives a broken connection.

import { clientOptions } from "./arguments.ts";
import { clientSettings } from "./client-settings.ts";
import type { Command, Context } from "./command.ts";
import { changeKey, changeText, eventLine, usersText } from "./describe.ts";
import { CommandError } from "./exit-codes.ts";
import { choose, openPicture } from "./picture.ts";
import { printable } from "./terminal.ts";
import { resourceName } from "./values.ts";
import { withClient } from "./with-client.ts";
import { readEvent, type StateObject } from "./wire.ts";
import { isoOf, millis } from "../core/time.ts";

export const watchCommand: Command = {
  usage: "[RESOURCE ...]",
  about:
    "Show what happens, one line each: first how the resources stand, then every event and every change of state or phase. With --json\n" +
    "one object a line: state objects with 'name', events with 'event' and 'resource'. Goes on until it is interrupted (exit 130 by\n" +
    "^C, 143 by SIGTERM), over broken connections too.",
  options: clientOptions,
  exits: {
    0: "",
    65: "a name that no resource can have",
    69: "the broker cannot be reached at the beginning",
    75: "",
  },
  examples: [
    ["lastout watch", "everything"],
    [
      "lastout watch build1 --json | jq -c 'select(.event == \"expired\")'",
      "one kind of event of one resource",
    ],
  ],
  run: watch,
};

async function watch(context: Context): Promise<number> {
  const { args, env, terminal, clock } = context;
  if (args.rest !== undefined) {
    throw new CommandError("usage", "watch takes no command");
  }
  const asked = args.words.map(resourceName);
  const wanted = new Set(asked);
  const settings = await clientSettings(args, env);
  const picture = openPicture();
  const told = new Map<string, string>();

  function state(name: string, payload: string): void {
    // All of them, to name what is near to an unknown name.
    const object = picture.take(name, payload);
    if (wanted.size > 0 && !wanted.has(name)) {
      return;
    }
    if (object === undefined || !picture.objects.has(name)) {
      told.delete(name);
    } else if (args.has("json")) {
      terminal.out(JSON.stringify({ name, ...object }));
    } else if (told.get(name) !== changeKey(object)) {
      told.set(name, changeKey(object));
      terminal.out(printable(`${isoOf(clock.wall())} ${stateLine(name, object)}`));
    }
  }
  function event(of: string, payload: string): void {
    const read = wanted.size === 0 || wanted.has(of) ? readEvent(payload) : undefined;
    if (read === undefined) {
      return;
    }
    if (args.has("json")) {
      terminal.out(JSON.stringify(read));
    } else if (read.event !== "state") {
      // The change of the state object says the same, and is not lost with a connection.
      terminal.out(printable(eventLine(read)));
    }
  }
  return withClient(
    context,
    {
      settings,
      filters: ["+", "+/event"],
      heard: ({ topic, payload }) => {
        const [name = "", below] = topic.split("/");
        if (below === "event") {
          event(name, payload);
        } else {
          state(name, payload);
        }
      },
    },
    async (client, signal) => {
      await client.pictureComplete(() => picture.objects.size);
      for (const problem of choose(asked, picture.objects).problems) {
        terminal.say(`${problem}; watching for it all the same`);
      }
      if (client.status !== "online") {
        terminal.say(
          `no controller answers at ${client.url} (status: ${client.status ?? "none"}); watching for it`,
        );
      }
      for (;;) {
        signal.throwIfAborted();
        await clock.sleep(millis(Number.POSITIVE_INFINITY), signal);
      }
    },
  );
}

const stateLine = (name: string, object: StateObject): string => {
  const text = changeText(name, object);
  return object.users === undefined ? text : `${text}, ${usersText(object.users)}`;
};
