// From argv to an exit status: finds the command, reads its arguments, runs it, and turns whatever went wrong into one line on
// standard error. Not what the commands do.

import { systemClock } from "../adapters/clock/system-clock.ts";
import { nearestName } from "../core/names.ts";
import { clientOptions, readArguments, splitCommand } from "./arguments.ts";
import type { Command, Context } from "./command.ts";
import { commands } from "./commands.ts";
import { CommandError, exits, Interrupted, WrongWords } from "./exit-codes.ts";
import { commandHelp, generalHelp } from "./help.ts";
import type { Environment } from "./client-settings.ts";
import { notWritten, openTerminal, type Stream, type Terminal } from "./terminal.ts";

/** What a command line has around it. */
export interface Surroundings {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly env: Environment;
}

/** @param surroundings this process's own unless it says otherwise */
export async function runCommandLine(
  argv: readonly string[],
  surroundings: Surroundings = ofThisProcess(),
): Promise<number> {
  const terminal = openTerminal({ ...surroundings, quiet: false });
  try {
    return await dispatch(argv, terminal, surroundings);
  } catch (error) {
    const dashes = argv.indexOf("--");
    return failed(error, terminal, (dashes === -1 ? argv : argv.slice(0, dashes)).includes("--json"));
  }
}

async function dispatch(
  argv: readonly string[],
  terminal: Terminal,
  surroundings: Surroundings,
): Promise<number> {
  const { name, words } = splitCommand(argv);
  if (name === undefined) {
    return withoutCommand(argv, terminal, surroundings);
  }
  if (name === "help") {
    return dispatch([...words, "--help"], terminal, surroundings);
  }
  const entry = commands.find((command) => command.name === name);
  if (entry === undefined) {
    const near = nearestName(name, [...commands.map((command) => command.name), "help"]);
    throw new CommandError(
      "usage",
      `there is no command '${name}'; ${near === undefined ? "'lastout --help' lists them" : `did you mean '${near}'?`}`,
    );
  }
  const command = await entry.load();
  // Also where a command asks no broker: a script may give the same options to all.
  const args = readArguments(words, { ...clientOptions, ...command.options });
  if (args.has("help")) {
    const { isTTY, columns } = surroundings.stdout;
    terminal.out(commandHelp(name, command, isTTY === true && columns !== 0 ? columns : undefined));
    return exits.done;
  }
  return run(name, command, {
    args,
    env: surroundings.env,
    terminal: args.has("quiet") ? openTerminal({ ...surroundings, quiet: true }) : terminal,
    clock: systemClock,
  });
}

async function run(name: string, command: Command, context: Context): Promise<number> {
  try {
    return await command.run(context);
  } catch (error) {
    throw error instanceof WrongWords
      ? new CommandError("usage", `${error.message}; usage: lastout ${name} ${command.usage}`, {
          cause: error,
        })
      : error;
  }
}

async function withoutCommand(
  argv: readonly string[],
  terminal: Terminal,
  { stderr }: Surroundings,
): Promise<number> {
  if (argv.length === 0) {
    stderr.write(`${generalHelp()}\n`);
    return exits.usage;
  }
  const args = readArguments(argv, {
    help: { value: undefined, short: "h", help: "" },
    version: { value: undefined, short: "V", help: "" },
  });
  if (args.has("version")) {
    terminal.out((await import("../version.ts")).version);
    return exits.done;
  }
  if (args.has("help")) {
    terminal.out(generalHelp());
    return exits.done;
  }
  throw new CommandError("usage", "no command is named; 'lastout --help' lists them");
}

function failed(error: unknown, terminal: Terminal, json: boolean): number {
  terminal.progress(undefined);
  if (error instanceof Interrupted) {
    return error.exit; // The shell tells its user already.
  }
  if (error instanceof CommandError) {
    terminal.fail(error.message);
    if (json && error.code !== "not-written") {
      terminal.out(JSON.stringify({ ok: false, error: error.code, message: error.message }));
    }
    return error.exit;
  }
  terminal.fail(`internal error, please report it: ${internal(error)}`);
  return exits.internal;
}

/** With the place in the source, for the report. */
function internal(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const place = error.stack?.split("\n").find((line) => line.trimStart().startsWith("at ")) ?? "";
  return `${error.name}: ${error.message}${place === "" ? "" : ` (${place.trim()})`}`;
}

/**
 * `lastout watch | head -1` ends when nobody reads any more, as by SIGPIPE, which Node does not get; a disk that is full ends it
 * with a sentence. A closed standard error is no reason to end: a job goes on.
 */
function ofThisProcess(): Surroundings {
  const { stdout, stderr, env } = process;
  // Told by the writes themselves.
  stdout.on("error", () => {});
  stderr.on("error", () => {});
  function write(text: string, done?: (error?: Error | null) => void): void {
    stdout.write(text, (error) => {
      if (error === undefined || error === null) {
        done?.();
      } else if ("code" in error && error.code === "EPIPE") {
        process.exit(128 + 13);
      } else if (done === undefined) {
        stderr.write(`lastout: ${notWritten(error)}\n`);
        process.exit(exits.internal);
      } else {
        done(error);
      }
    });
  }
  return {
    stdout: {
      isTTY: stdout.isTTY,
      get columns() {
        return stdout.columns;
      },
      write,
    },
    stderr,
    env,
  };
}
