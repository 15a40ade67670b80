// Words of the command line to options, names and a command after `--`, with a suggestion for each mistake. It knows the form only;
// what a value means (a duration, a name) is values.ts, what a command does is its own file.

import { parseArgs } from "node:util";
import { nearestName } from "../core/names.ts";
import { CommandError } from "./exit-codes.ts";

export interface Option {
  /** How its value is called in the help; `undefined`: a flag without a value. */
  readonly value: string | undefined;
  readonly short?: string;
  /** An empty value is one: a variable of a script that is not set. */
  readonly mayBeEmpty?: true;
  readonly help: string;
}

export type Options = Readonly<Record<string, Option>>;

export interface Arguments {
  has(option: string): boolean;
  /** The last one given wins, as in most programs, so that an alias can be overridden. */
  value(option: string): string | undefined;
  /** What is neither option nor value. */
  readonly words: readonly string[];
  /** What stands after `--`; `undefined` without one. */
  readonly rest: readonly string[] | undefined;
}

export const helpOption: Options = {
  help: { value: undefined, short: "h", help: "print this help" },
};

/** Every command takes these, and those that ask a controller or a broker go by them. */
export const clientOptions: Options = {
  url: {
    value: "URL",
    help: "broker: mqtt://, mqtts://, ws:// or wss:// (LASTOUT_URL; mqtt://127.0.0.1:1883)",
  },
  username: { value: "NAME", help: "user name at the broker (LASTOUT_USERNAME)" },
  "password-file": {
    value: "FILE",
    help: "file whose first line is the password (LASTOUT_PASSWORD holds the password itself)",
  },
  base: { value: "TOPIC", help: "base topic of the controller (LASTOUT_BASE; lastout)" },
  json: { value: undefined, help: "print JSON" },
  quiet: { value: undefined, help: "say nothing on standard error but errors" },
  ...helpOption,
};

/**
 * Split the command's name from its words. Common options may stand before it.
 * @returns `name` undefined when there is none
 */
export function splitCommand(argv: readonly string[]): {
  readonly name: string | undefined;
  readonly words: readonly string[];
} {
  const { tokens } = parse(argv, { ...clientOptions, version: { value: undefined, help: "" } });
  const first = tokens.find((token) => token.kind !== "option");
  if (first === undefined || first.kind === "option-terminator") {
    return { name: undefined, words: argv };
  }
  return { name: argv[first.index], words: [...argv.slice(0, first.index), ...argv.slice(first.index + 1)] };
}

/** @throws CommandError `usage` */
export function readArguments(words: readonly string[], options: Options): Arguments {
  const { tokens } = parse(words, options);
  const values = new Map<string, string>();
  const flags = new Set<string>();
  const names: string[] = [];
  let rest: readonly string[] | undefined;
  for (const token of tokens) {
    if (token.kind === "option-terminator") {
      rest = words.slice(token.index + 1);
      break;
    }
    if (token.kind === "positional") {
      names.push(token.value);
      continue;
    }
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) {
      throw new CommandError("usage", unknownOption(token.rawName, options));
    }
    if (option.value === undefined) {
      if (token.value !== undefined) {
        throw new CommandError("usage", `${token.rawName} takes no value`);
      }
      flags.add(token.name);
    } else {
      values.set(
        token.name,
        token.value === "" && option.mayBeEmpty === true ? "" : valueOf(token, option.value),
      );
    }
  }
  return {
    has: (option) => flags.has(option) || values.has(option),
    value: (option) => values.get(option),
    words: names,
    rest,
  };
}

interface OptionToken {
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function valueOf(token: OptionToken, called: string): string {
  if (token.value === undefined || token.value === "") {
    throw new CommandError("usage", `${token.rawName} needs a value: ${token.rawName} ${called}`);
  }
  if (token.inlineValue !== true && token.value.startsWith("-")) {
    throw new CommandError(
      "usage",
      `${token.rawName} needs a value and '${token.value}' looks like an option; if it is meant, write ${token.rawName}=${token.value}`,
    );
  }
  return token.value;
}

function unknownOption(raw: string, options: Options): string {
  if (raw === "--password") {
    return "there is no --password: everybody on this machine could read it in the process list; use --password-file FILE or LASTOUT_PASSWORD";
  }
  const near = nearestName(raw.replace(/^-+/, ""), Object.keys(options));
  return `unknown option ${raw}${near === undefined ? "; --help lists the options" : `; did you mean --${near}?`}`;
}

/** Not strict, because Node's own messages name no cure: every mistake is found by the caller in the tokens. */
function parse(words: readonly string[], options: Options) {
  return parseArgs({
    args: [...words],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(options).map(([name, { value, short }]) => [
        name,
        {
          type: value === undefined ? ("boolean" as const) : ("string" as const),
          ...(short === undefined ? {} : { short }),
        },
      ]),
    ),
  });
}
