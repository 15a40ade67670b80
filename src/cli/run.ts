// `lastout run`: a token for as long as a command runs. It waits until the resource is available, starts the command, keeps the token,
// hands signals on, releases, and ends as the command did. If it dies itself, its will releases.

import { clientOptions } from "./arguments.ts";
import { startChild } from "./child.ts";
import { type Client, openClient, promptly } from "./client.ts";
import { clientSettings } from "./client-settings.ts";
import type { Command, Context } from "./command.ts";
import { CommandError, Interrupted } from "./exit-codes.ts";
import { type Keeper, keepToken } from "./keep.ts";
import { obtain } from "./obtain.ts";
import { showProgress } from "./progress.ts";
import { refused } from "./refusal.ts";
import { forwarding, onSignals } from "./signals.ts";
import { resourceList } from "./values.ts";
import { type GoodReply, readEvent } from "./wire.ts";
import { lostWill, readWish, topicOf, type Wish, wishOptions } from "./wish.ts";

const usage =
  "run RESOURCE[,...] [--ttl D] [--timeout D] [--token ID] [--owner O] [--purpose P] [--exclusive] [--priority N] -- COMMAND ...";

export const runCommand: Command = {
  usage: usage.replace(/^run /, ""),
  about:
    "Acquire a token, wait until the resource is available, run COMMAND, release the token. The command finds LASTOUT_TOKEN and\n" +
    "LASTOUT_RESOURCE in its environment: of a pool the member that it got, of several names all of them, with commas. Where it is\n" +
    "taken it is queued for with --timeout, else refused. The token is renewed in the background; a broker or controller that is\n" +
    "away meanwhile does not end the command, and neither does a lockout, of which it warns. Signals are handed on. The exit status\n" +
    "is the command's, 128+n when signal n ended it, 75 when the resource is not to be had, 69 when broker or controller cannot be\n" +
    "reached.",
  options: { ...wishOptions, ...clientOptions },
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
  const { args, env, terminal, clock } = context;
  const command = commandAfterDashes(context);
  const settings = await clientSettings(args, env);
  const wish = readWish(args, settings, resourceList(args, `lastout ${usage}`), "available");
  const stage: Stage = {
    signalled: new AbortController(),
    hand: undefined,
    keeper: undefined,
    granted: [],
  };
  const dispose = onSignals(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"], (signal) => {
    if (stage.hand === undefined) {
      stage.signalled.abort(new Interrupted(signal));
    } else {
      stage.hand(signal);
    }
  });
  const progress = showProgress(wish, { terminal, clock });
  try {
    const client = await openClient({
      settings,
      clock,
      filters: progress.filters,
      will: lostWill(wish),
      heard: (message) => {
        progress.heard(message);
        hearLockout(message, wish, stage);
      },
      say: (text) => terminal.say(text),
      back: () => stage.keeper?.reconnected(),
      signal: stage.signalled.signal,
    });
    let confirmed = true;
    try {
      progress.follow(client);
      await client.needController();
      const reply = await obtain(client, wish, { clock, signal: stage.signalled.signal });
      progress.stop();
      if (!reply.ok) {
        return refused(context, reply);
      }
      stage.granted = grantedBy(reply, wish);
      client.listen(stage.granted.map((name) => `${name}/event`));
      // What was granted is kept, and not what was asked for: another member of a pool would be of no use to the command.
      const kept = { ...wish, names: stage.granted };
      stage.keeper = keepToken(client, kept, reply, {
        clock,
        say: (text) => terminal.say(text),
        asked: wish.names,
      });
      const exit = await runChild(context, command, kept, stage);
      await stage.keeper.stop();
      confirmed = await release(client, kept, context);
      return exit;
    } finally {
      // Without a farewell the broker sends the will: what could not be released is then at least lost.
      await client.close(!confirmed);
    }
  } finally {
    progress.stop();
    dispose();
  }
}

/** What a signal does depends on how far we are. */
interface Stage {
  readonly signalled: AbortController;
  /** Set as soon as there is a command to hand signals to. */
  hand: Parameters<typeof onSignals>[1] | undefined;
  keeper: Keeper | undefined;
  /** Resources on which the token is held. */
  granted: readonly string[];
}

const grantedBy = ({ resource, resources }: GoodReply, { names }: Wish): readonly string[] =>
  resources ?? (resource === undefined ? names : [resource]);

/** The power is going, whatever we do: a command that can still save something is left to do so. */
function hearLockout(
  { topic, payload }: { readonly topic: string; readonly payload: string },
  { token }: Wish,
  { granted, keeper }: Stage,
): void {
  const name = granted.find((one) => topic === `${one}/event`);
  const event = keeper === undefined || name === undefined ? undefined : readEvent(payload);
  if (event?.event === "locked-out" && event["token"] === token) {
    const message = event["message"];
    const why = typeof message === "string" ? message : `${name} is locked out`;
    keeper?.ended(`${why}; its power goes off`);
  }
}

async function runChild(
  { env, terminal }: Context,
  command: readonly string[],
  wish: Wish,
  stage: Stage,
): Promise<number> {
  const isForChild = forwarding();
  const child = startChild(command, {
    ...env,
    LASTOUT_TOKEN: wish.token,
    LASTOUT_RESOURCE: wish.names.join(","),
  });
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

/** @returns whether the controller, not only the broker, has it */
async function release(
  client: Client,
  { names, token, owner }: Wish,
  { terminal }: Context,
): Promise<boolean> {
  const resource = names.join(",");
  try {
    const reply = await client.request({
      topic: topicOf(names, "release"),
      fields: () => ({ token, owner }),
      patience: promptly,
      evenAway: true,
    });
    if (!reply.ok && reply.error !== "unknown-token") {
      terminal.say(
        `${resource}: the token was not released: ${reply.message} (${reply.error}); it ends when it expires`,
      );
    }
    return true;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    terminal.say(
      `${resource}: the release of ${token} could not be confirmed: ${why}. It ends by this client's will or when it expires`,
    );
    return false;
  }
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
    throw new CommandError("usage", `no command after the two dashes; usage: lastout ${usage}`);
  }
  return args.rest;
}
