// `lastout wait`: until a resource is in a state, from what the controller keeps on the broker. Without a token: nothing is switched for it,
// and what it waited for may be over in the next moment.

import { instant } from "../core/time.ts";
import { type Arguments, clientOptions } from "./arguments.ts";
import type { Client } from "./client.ts";
import { clientSettings } from "./client-settings.ts";
import type { Command, Context } from "./command.ts";
import { changeText } from "./describe.ts";
import { CommandError, exits } from "./exit-codes.ts";
import { choose, openPicture } from "./picture.ts";
import { showProgress } from "./progress.ts";
import { durationOption, onlyResource } from "./values.ts";
import { createWakeUps } from "./wake-ups.ts";
import { type ClientParts, withClient } from "./with-client.ts";

export const waitCommand: Command = {
  usage: "RESOURCE [--for available|powered|off] [--timeout D]",
  about:
    "Wait until a resource is available (or powered, which available is, too; or off). It asks for nothing: without a token nobody\n" +
    "switches the resource on or keeps it on. A pool is as its best member is. What is read is what the controller says: while it is\n" +
    "away, and until it has said anew how things stand, nothing counts, and the waiting goes on. With --json the state object is\n" +
    "printed.",
  options: {
    for: { value: "available|powered|off", help: "what to wait for (available)" },
    timeout: { value: "D", help: "give up after this time, for example 5m; 0 only looks (never)" },
    ...clientOptions,
  },
  exits: {
    0: "it is",
    65: "no such resource or pool, an invalid value",
    69: "broker or controller cannot be reached at the beginning",
    75: "it was not within --timeout",
    77: "the broker does not let this user in",
    "128+n": "ended by signal n while it waited",
  },
  examples: [
    ["lastout wait build1 --timeout 5m && ssh build1 uptime", "when somebody else has it switched on"],
    [
      "lastout wait rack1 --for off --timeout 10m",
      "after its last user has left, or a lockout (before hands go in, pull the plug)",
    ],
    ["lastout wait build1 --for powered --timeout 0", "is it on now?"],
  ],
  run: waitFor,
};

/** For each word of `--for` the states that are it (protocol section 3). */
const enough: Readonly<Record<string, readonly string[]>> = {
  available: ["available"],
  powered: ["powered", "available"],
  off: ["off"],
};

async function waitFor(context: Context): Promise<number> {
  const { args, env, terminal, clock } = context;
  if (args.rest !== undefined) {
    throw new CommandError("usage", "wait takes no command; write lastout wait RESOURCE && COMMAND");
  }
  const name = onlyResource(args);
  const wanted = wantedState(args);
  const states = enough[wanted] ?? [];
  const timeout = durationOption(args, "timeout");
  const settings = await clientSettings(args, env);
  const start = clock.now();
  const { changed, wake } = createWakeUps(clock);
  const picture = openPicture();
  const progress = showProgress({ names: [name], token: "" }, { terminal, clock });
  let opened: Client | undefined;
  /** What a controller said that has gone since, and not yet said anew. */
  let stale = false;
  const parts: ClientParts = {
    settings,
    filters: ["+"],
    heard: (message) => {
      picture.take(message.topic, message.payload);
      progress.heard(message);
      stale &&= opened?.status !== "online";
    },
    changed: () => {
      stale ||= opened !== undefined && opened.status !== "online";
      changed();
    },
  };
  try {
    return await withClient(context, parts, async (client, signal) => {
      opened = client;
      await client.needController();
      await client.pictureComplete(() => picture.objects.size);
      const end = timeout === undefined ? undefined : instant(start + timeout);
      for (;;) {
        signal.throwIfAborted();
        const online = client.connected && client.status === "online" && !stale;
        const object = picture.objects.get(name);
        const [unknown] = choose([name], picture.objects).problems;
        if (online && unknown !== undefined) {
          throw new CommandError("unknown-resource", unknown);
        }
        if (online && object !== undefined && states.includes(object.state)) {
          progress.stop();
          terminal.say(changeText(name, object));
          if (args.has("json")) {
            terminal.out(JSON.stringify({ name, ...object }));
          }
          return exits.done;
        }
        if (end !== undefined && clock.now() >= end) {
          const standing =
            online && object !== undefined ? changeText(name, object) : "the controller is away";
          throw new CommandError(
            "timeout",
            `${name} is not ${wanted} within ${(timeout ?? 0) / 1000} s: ${standing}`,
          );
        }
        await wake([end]);
      }
    });
  } finally {
    progress.stop();
  }
}

function wantedState(args: Arguments): string {
  const wanted = args.value("for") ?? "available";
  if (!Object.hasOwn(enough, wanted)) {
    throw new CommandError(
      "invalid-request",
      `--for ${wanted} is nothing to wait for; it is ${Object.keys(enough)
        .join(", ")
        .replace(/, (?=[a-z]+$)/, " or ")}`,
    );
  }
  return wanted;
}
