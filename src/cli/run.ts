// `lastout run`: a token for as long as a command runs. It waits until the resource is available, starts the command, keeps the token,
// hands signals on, releases, and ends as the command did. If it dies itself, its will releases.

import { clientOptions } from "./arguments.ts";
import { startChild } from "./child.ts";
import { clientSettings } from "./client-settings.ts";
import type { Command, Context } from "./command.ts";
import { CommandError, Interrupted, WrongWords } from "./exit-codes.ts";
import { withToken } from "./session.ts";
import { forwarding, hangupIsIgnored, onSignals } from "./signals.ts";
import { resourceList } from "./values.ts";
import { readWish, type Wish, wishOptions } from "./wish.ts";

export const runCommand: Command = {
  usage:
    "RESOURCE[,...] [--ttl D] [--timeout D] [--token ID] [--owner O] [--purpose P] [--exclusive] [--priority N] -- COMMAND ...",
  about:
    "Acquire a token, wait until the resource is available, run COMMAND, release the token. The command finds LASTOUT_TOKEN and\n" +
    "LASTOUT_RESOURCE in its environment: of a pool the member that it got, of several names all of them, with commas. Where it is\n" +
    "taken it is queued for with --timeout, else refused. The token is renewed in the background; a broker or controller that is\n" +
    "away meanwhile does not end the command, and neither does a lockout, of which it warns. Signals are handed on; after\n" +
    "nohup a hangup is not. The exit status\n" +
    "is the command's, 128+n when signal n ended it, 75 when the resource is not to be had, 69 when broker or controller cannot be\n" +
    "reached.",
  options: { ...wishOptions, ...clientOptions },
  exits: {
    0: "the command's own status is that of run, whatever it is",
    126: "the command cannot be started",
    127: "the command was not found",
    "128+n": "the command was ended by signal n, or run was while it still waited",
  },
  examples: [
    ["lastout run build1 -- make test", "as long as make runs, build1 is on"],
    [
      'lastout run build1 --timeout 10m --purpose "$BUILD_URL" -- ssh build1 ./nightly.sh',
      "give up after ten minutes of waiting",
    ],
    [
      "lastout run builders --timeout 1h -- sh -c 'ssh \"$LASTOUT_RESOURCE\" make'",
      "on whichever member of the pool 'builders' is free first",
    ],
    [
      "lastout run rack1,analyzer --exclusive --timeout 1h -- ./measure.sh",
      "both at once, shared with nobody",
    ],
  ],
  run,
};

async function run(context: Context): Promise<number> {
  const { args, env } = context;
  const command = commandAfterDashes(context);
  const settings = await clientSettings(args, env);
  const wish = readWish(args, settings, resourceList(args), "available");
  const signalled = new AbortController();
  const stage: Stage = { hand: undefined };
  const dispose = onSignals(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"], (signal) => {
    if (stage.hand === undefined) {
      signalled.abort(new Interrupted(signal));
    } else {
      stage.hand(signal);
    }
  });
  try {
    const parts = {
      settings,
      wish,
      signal: signalled.signal,
      meanwhile: "the command goes on",
      without: "the command goes on",
    };
    return await withToken(context, parts, (granted) => runChild(context, command, granted.wish, stage));
  } finally {
    dispose();
  }
}

/** What a signal does depends on how far we are. */
interface Stage {
  /** Set as soon as there is a command to hand signals to. */
  hand: Parameters<typeof onSignals>[1] | undefined;
}

async function runChild(
  { env, terminal }: Context,
  command: readonly string[],
  wish: Wish,
  stage: Stage,
): Promise<number> {
  const isForChild = forwarding();
  const its = { ...env, LASTOUT_TOKEN: wish.token, LASTOUT_RESOURCE: wish.names.join(",") };
  const child = startChild(command, its, hangupIsIgnored());
  stage.hand = (signal) => {
    if (isForChild(signal)) {
      child.kill(signal);
    }
  };
  const { exit, problem } = await child.ended;
  if (problem !== undefined) {
    terminal.fail(problem);
  }
  return exit;
}

function commandAfterDashes({ args }: Context): readonly string[] {
  const [resource = "RESOURCE", ...words] = args.words;
  if (args.rest === undefined) {
    const meant = words.length === 0 ? "COMMAND" : words.join(" ");
    throw new CommandError(
      "usage",
      `the command comes after two dashes: lastout run ${resource} -- ${meant}`,
    );
  }
  if (args.rest.length === 0 || args.rest[0] === "") {
    throw new WrongWords("no command after the two dashes");
  }
  return args.rest;
}
