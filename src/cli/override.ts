// `lastout override`: an operator's hand on a resource: kept on, locked out, or given back to the controller. What that means for
// power and tokens is the controller's to decide (protocol section 6).

import { parseDuration } from "../core/duration.ts";
import { parseIso } from "../core/iso-time.ts";
import { type Arguments, clientOptions } from "./arguments.ts";
import { askOnce } from "./ask-once.ts";
import type { Command, Context } from "./command.ts";
import { CommandError, exits, WrongWords } from "./exit-codes.ts";
import { showHand } from "./operator-reply.ts";
import { freeText, ownerOption, resourceName } from "./values.ts";

export const overrideCommand: Command = {
  usage: "RESOURCE on|off|auto [--reason R] [--until D] [--force]",
  about:
    "An operator's hand on a resource. 'on' keeps it on, with tokens or without. 'off' is a lockout: the resource, all others on its\n" +
    "outlets and everything that needs them are shut down in order, their tokens and queues end, and nothing but 'auto' (or --until)\n" +
    "lets the controller switch them on again. 'auto' gives it back. Prints how it stands; with --json the controller's reply.\n" +
    "A lockout is software and no safety device: pull the plug before hands go in.",
  options: {
    reason: { value: "R", help: "told to those who ask for it meanwhile" },
    until: {
      value: "D",
      help: "back to auto after this time, for example 2h, or at a time such as 2026-11-22T18:00:00Z",
    },
    force: { value: undefined, help: "with off: cut the power without a shutdown" },
    ...clientOptions,
  },
  exits: {
    75: "a lockout over another resource holds",
    77: "this user is no operator, or may not talk to the broker",
  },
  examples: [
    ['lastout override build1 off --reason "PSU swap" --until 2h', "lock it out, for two hours at most"],
    ["lastout override build1 auto", "give it back to the controller"],
    ["lastout override rack-switch on", "keep it on"],
  ],
  run: override,
};

async function override(context: Context): Promise<number> {
  const { args, terminal } = context;
  const { resource, mode } = resourceAndMode(args);
  const until = untilOption(args);
  const force = args.has("force");
  if (mode === "auto" && until !== undefined) {
    throw new CommandError("invalid-request", "--until goes with on and off; auto is for good");
  }
  if (mode !== "off" && force) {
    throw new CommandError(
      "invalid-request",
      `--force goes only with off, where it cuts the power without a shutdown, not with ${mode}`,
    );
  }
  const reply = await askOnce(context, `${resource}/override`, ({ username }) => ({
    mode,
    owner: ownerOption(args, username),
    reason: freeText(args, "reason"),
    until,
    force: force ? true : undefined,
  }));
  const exit = showHand(context, resource, reply);
  if (exit === exits.done && mode === "off") {
    terminal.say(
      "a lockout is software and no safety device: pull the plug before hands go in. The power is off when " +
        `'lastout status ${resource}' shows the state off and the phase locked`,
    );
  }
  return exit;
}

function resourceAndMode(args: Arguments): {
  readonly resource: string;
  readonly mode: "on" | "off" | "auto";
} {
  const [name, mode, extra] = args.words;
  if (args.rest !== undefined) {
    throw new CommandError("usage", "override takes no command");
  }
  if (name === undefined || mode === undefined) {
    const missing = name === undefined ? "no resource is named" : "on, off or auto is missing";
    throw new WrongWords(missing);
  }
  if (extra !== undefined) {
    throw new WrongWords(`one word too many: '${extra}'`);
  }
  if (mode !== "on" && mode !== "off" && mode !== "auto") {
    throw new CommandError("usage", `'${mode}' is no override; it is on, off or auto`);
  }
  return { resource: resourceName(name), mode };
}

/** Seconds from now, or a time. */
function untilOption(args: Arguments): number | string | undefined {
  const text = args.value("until");
  if (text === undefined) {
    return undefined;
  }
  const length = parseDuration(text);
  if (length !== undefined && length > 0) {
    return length / 1000;
  }
  if (length === undefined && parseIso(text) !== undefined) {
    return text;
  }
  throw new CommandError(
    "invalid-request",
    `--until ${text} is neither a duration longer than 0 (90s, 15m, 2h) nor a time with its zone (2026-11-22T18:00:00Z)`,
  );
}
