// `lastout reload`: have the running controller read its configuration again, and tell what came of it. The controller is found by its
// store's lock and told by SIGHUP. What a reload may change is decided there; see runtime/reload.ts.

import { realpathSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import type { Holder } from "../adapters/store/lock.ts";
import type { ReloadNote } from "../adapters/store/reload-note.ts";
import { after, millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import { messageOf } from "../ports/message-of.ts";
import { helpOption } from "./arguments.ts";
import type { Command, Context } from "./command.ts";
import { configFile, configOption, showMistakes } from "./config-file.ts";
import { CommandError, exits } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

export const reloadCommand: Command = {
  usage: "[--config FILE]",
  about:
    "Have the running controller read its configuration again. The file is checked first; with mistakes (exit 78) nothing is sent. The controller\n" +
    "applies all of it or nothing, and what it said is printed. What needs a restart is named. With --json one object.",
  options: {
    ...configOption,
    json: { value: undefined, help: "print JSON" },
    quiet: { value: undefined, help: "say nothing on standard error but errors" },
    ...helpOption,
  },
  exits: {
    0: "applied, or nothing to change",
    69: "no controller runs on this store, or it does not answer",
    70: "the controller failed inside, or an internal error here",
    75: "refused for now: something that is in use would change",
    77: "this user may not",
    78: "the configuration has mistakes, or the controller reads another file",
  },
  examples: [
    ["lastout reload --config /etc/lastout/lastout.yaml", "take over what was changed in the file"],
    ["systemctl reload lastout && journalctl -u lastout -n 20", "the same for a service, with its log"],
  ],
  run: reload,
};

/** A reload takes milliseconds; a disk that hangs holds up everything, this too. */
const answerWithin = millis(30_000);
const lookEvery = millis(20);

async function reload(context: Context): Promise<number> {
  const { args, terminal, clock } = context;
  const [word] = args.words;
  if (word !== undefined || args.rest !== undefined) {
    throw new CommandError("usage", `reload takes no words; did you mean --config ${word ?? "FILE"}?`);
  }
  const { file, read } = await configFile(context);
  const loaded = read();
  if (!loaded.ok) {
    await showMistakes(loaded.mistakes, terminal);
    terminal.fail("nothing was sent: the controller goes on with the configuration that it has");
    if (args.has("json")) {
      const { mistakeLine } = await import("../config/print.ts");
      const lines = loaded.mistakes.map(mistakeLine);
      terminal.out(json(file, { result: "mistakes", lines, needRestart: [] }));
    }
    return exits.configuration;
  }
  const last = await tell(loaded.config.store.path, file, clock);
  if (args.has("json")) {
    terminal.out(json(file, last));
  } else {
    say(last, file, terminal);
  }
  return exitOf[last.result];
}

type Last = NonNullable<ReloadNote["last"]>;

const exitOf: Readonly<Record<Last["result"], number>> = {
  applied: exits.done,
  unchanged: exits.done,
  mistakes: exits.configuration,
  refused: exits.notToBeHad, // later, when the resource is off, it can be
  failed: exits.internal,
};

const json = (file: string, { result, lines, needRestart }: Omit<Last, "began">): string =>
  JSON.stringify({ ok: exitOf[result] === exits.done, file, result, lines, needRestart }, undefined, 2);

function say({ result, lines, needRestart }: Last, file: string, terminal: Terminal): void {
  switch (result) {
    case "applied":
      terminal.out(lines.join("\n"));
      break;
    case "unchanged":
      terminal.say(needRestart.length > 0 ? "nothing else was changed" : `${file} is in use as it is`);
      break;
    case "mistakes":
      terminal.fail(
        "the controller found mistakes that were not found here (its environment may differ); nothing was changed:",
      );
      terminal.show(lines.join("\n"));
      break;
    case "refused":
      for (const line of lines) {
        terminal.fail(`nothing was changed: ${line}`);
      }
      break;
    case "failed":
      terminal.fail(`nothing was changed: ${lines.join("; ")}; the controller's log says more`);
      break;
  }
  if (needRestart.length > 0) {
    terminal.say(`${needRestart.join(", ")}: takes effect only when lastout is started again`);
  }
}

/** One of them may be a link to the other. */
function isSameFile(one: string, other: string): boolean {
  try {
    return one === other || realpathSync(one) === realpathSync(other);
  } catch {
    return false;
  }
}

/** @throws CommandError when there is no controller, it cannot be told, or it does not answer */
async function tell(storePath: string, file: string, clock: Clock): Promise<Last> {
  const { readReloadNote } = await import("../adapters/store/reload-note.ts");
  const { pid } = await controllerOn(storePath);
  const note = readReloadNote(storePath);
  // SIGHUP ends a program that does not listen to it, so it is sent only to one that says that it does.
  if (note?.pid !== pid) {
    throw new CommandError(
      "no-controller",
      `process ${pid} on the store ${storePath} does not say that it can reload: it is just starting, or of an older version; try again, or restart it`,
    );
  }
  if (!isSameFile(note.file, resolve(file))) {
    throw new CommandError(
      "configuration",
      `the controller on this store reads ${note.file}, not ${resolve(file)}; nothing was sent. Try --config ${note.file}`,
    );
  }
  const sentAt = clock.now();
  send(pid);
  const end = after(sentAt, answerWithin);
  while (clock.now() < end) {
    await clock.sleep(lookEvery);
    const now = readReloadNote(storePath);
    if (now?.last !== undefined && now.pid === pid && now.last.began >= sentAt) {
      return now.last;
    }
    if (!isThere(pid)) {
      throw new CommandError("no-controller", `process ${pid} has ended meanwhile; its log says why`);
    }
  }
  throw new CommandError(
    "no-answer",
    `process ${pid} was told, and says nothing after ${answerWithin / 1000} s; its log says more (journalctl -u lastout)`,
  );
}

async function controllerOn(storePath: string): Promise<Holder> {
  const { lockHolder } = await import("../adapters/store/lock.ts");
  let holder: ReturnType<typeof lockHolder>;
  try {
    holder = lockHolder(storePath);
  } catch (error) {
    const message = messageOf(error);
    if (["EACCES", "EPERM", "EROFS"].includes(errnoOf(error))) {
      throw new CommandError(
        "not-authorised",
        `${message}. Call it as the user that lastout runs as, or as root`,
        { cause: error },
      );
    }
    throw new CommandError("no-controller", `no controller runs on the store ${storePath}: ${message}`, {
      cause: error,
    });
  }
  if (holder === undefined) {
    throw new CommandError(
      "no-controller",
      `no controller runs on the store ${storePath}; start it with 'lastout serve'. One that was started with another store.path needs a restart`,
    );
  }
  if (holder === "unnamed") {
    throw new CommandError(
      "no-controller",
      `the controller on the store ${storePath} is just starting; try again`,
    );
  }
  if (holder.host !== hostname()) {
    throw new CommandError(
      "no-controller",
      `the controller on this store is process ${holder.pid} on ${holder.host}, and this is ${hostname()}: call 'lastout reload' there`,
    );
  }
  return holder;
}

/** @throws CommandError */
function send(pid: number): void {
  try {
    process.kill(pid, "SIGHUP");
  } catch (error) {
    const denied = errnoOf(error) === "EPERM";
    throw new CommandError(
      denied ? "not-authorised" : "no-controller",
      denied
        ? `process ${pid} may not be told by this user; call it as the user that lastout runs as, or as root`
        : `process ${pid} cannot be told from here (is it in another container?): ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === "EPERM";
  }
}

/** Of the error, or of what caused it. */
function errnoOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return "";
  }
  return "errno" in error && "code" in error ? String(error.code) : errnoOf(error.cause);
}
