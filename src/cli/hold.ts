// `lastout hold`: a token until somebody interrupts it, or while another process lives. It waits, keeps and releases as `run` does, and
// stands for all the steps of a script that no one command could be put around.

import { millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import { type Arguments, clientOptions } from "./arguments.ts";
import { clientSettings } from "./client-settings.ts";
import type { Command, Context } from "./command.ts";
import { CommandError } from "./exit-codes.ts";
import { type OtherProcess, otherProcess } from "./other-process.ts";
import { replyText } from "./refusal.ts";
import { type Granted, withToken } from "./session.ts";
import { interruption } from "./signals.ts";
import { resourceList } from "./values.ts";
import { readWish, wishOptions } from "./wish.ts";

export const holdCommand: Command = {
  usage:
    "RESOURCE[,...] [--pid N] [--ttl D] [--timeout D] [--token ID] [--owner O] [--purpose P] [--exclusive] [--priority N]",
  about:
    "Acquire a token, wait until the resource is available, print the token's id, and keep the token until this is interrupted, or\n" +
    "with --pid until that process has ended; then release it. With the --token of a token that is held already it takes that over:\n" +
    "renews it from now on, and releases it at the end. If it is killed, its will releases the token. Interrupted while it still\n" +
    "waits it takes the request back (unless --token named it) and exits with 128+n; once it holds the token, an interruption is its\n" +
    "ordinary end (0).",
  options: {
    pid: { value: "N", help: "end when this process has ended" },
    ...wishOptions,
    ...clientOptions,
  },
  exits: {
    0: "held, and released at the end: by an interruption, or because the process has ended",
    69: "broker or controller cannot be reached, or the release could not be confirmed",
    75: "not to be had: busy, timeout, power-failed, locked-out, or the process ended before",
    "128+n": "signal n came while it still waited",
  },
  examples: [
    ["lastout hold build1 --purpose debugging", "keep it on until ^C"],
    ['lastout hold build1 --token "$token" --pid $$ &', "for the rest of this script, whatever ends it"],
    ["lastout hold rack1,analyzer --exclusive --timeout 1h", "both for oneself, waiting up to an hour"],
  ],
  run: hold,
};

/** How soon the end of the process is noticed. */
const lookEvery = millis(500);

async function hold(context: Context): Promise<number> {
  const { args, env, terminal, clock } = context;
  if (args.rest !== undefined) {
    throw new CommandError("usage", "hold takes no command; 'lastout run RESOURCE -- COMMAND' does");
  }
  const names = resourceList(args);
  const follows = processOption(args);
  const settings = await clientSettings(args, env);
  const wish = readWish(args, settings, names, "available");
  const stop = interruption();
  const gone = follows === undefined ? undefined : endOf(follows, clock);
  const over = gone === undefined ? stop.signal : AbortSignal.any([stop.signal, gone.signal]);

  async function untilOver({ reply, wish: { names: held, token } }: Granted): Promise<undefined> {
    terminal.out(args.has("json") ? replyText(reply) : (reply.token ?? token));
    const end = follows === undefined ? "until this is interrupted" : `while process ${follows.pid} lives`;
    terminal.say(`${held.join(",")}: held ${end}`);
    await clock.sleep(millis(Number.POSITIVE_INFINITY), over);
  }
  try {
    const without = "nothing is held any more";
    const parts = { settings, wish, signal: over, meanwhile: "still trying", without };
    return await withToken(context, parts, untilOver);
  } finally {
    gone?.dispose();
    stop.dispose();
  }
}

interface Followed {
  readonly pid: number;
  readonly process: OtherProcess;
}

function processOption(args: Arguments): Followed | undefined {
  const text = args.value("pid");
  if (text === undefined) {
    return undefined;
  }
  // At most nine digits: no system has higher numbers, and kill(2) takes 0 and what is negative for groups.
  const pid = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
  if (pid === undefined) {
    throw new CommandError(
      "invalid-request",
      `--pid ${text} is no number of a process; a script's own is $$`,
    );
  }
  const process = otherProcess(pid);
  if (process === undefined) {
    throw new CommandError(
      "invalid-request",
      `--pid ${pid}: there is no such process; it has ended already, or runs on another machine or in another container`,
    );
  }
  return { pid, process };
}

/** Aborts when the process has ended, with the reason for who still waits then. */
function endOf({ pid, process }: Followed, clock: Clock): { readonly signal: AbortSignal; dispose(): void } {
  const ended = new AbortController();
  const enough = new AbortController();
  async function look(): Promise<void> {
    while (!enough.signal.aborted && process.lives()) {
      await clock.sleep(lookEvery, enough.signal);
    }
    ended.abort(new CommandError("process-ended", `process ${pid} has ended before the token was to be had`));
  }
  void look();
  return { signal: ended.signal, dispose: () => enough.abort() };
}
