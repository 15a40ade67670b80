// The shape of a command: its help and what it does. A command is one file and one line in commands.ts.

import type { Clock } from "../ports/clock.ts";
import type { Arguments, Options } from "./arguments.ts";
import type { Environment } from "./client-settings.ts";
import type { Terminal } from "./terminal.ts";

export interface Command {
  /** What follows `lastout`. */
  readonly usage: string;
  /** For the help: what it promises, in full sentences. */
  readonly about: string;
  readonly options: Options;
  /** Each a command line and what it is for. */
  readonly examples: readonly (readonly [line: string, purpose: string])[];
  /** What exit statuses mean here, where that is more or something else than what `--help` says of all commands. */
  readonly exits?: ExitTexts;
  /** @returns the exit status @throws CommandError, Interrupted */
  readonly run: (context: Context) => Promise<number>;
}

/** By status, or `128+n`. An empty text: this command never ends with it. */
export type ExitTexts = Readonly<Record<string, string>>;

export interface Context {
  readonly args: Arguments;
  readonly env: Environment;
  readonly terminal: Terminal;
  readonly clock: Clock;
}
