// What can stand where on the command line, for the completion scripts: read off the forms and options that the commands state for their
// help, so that a new one is completed without another line. Not how a shell is told: that is a file for each.

import { clientOptions, type Options } from "../arguments.ts";
import type { CommandEntry } from "../commands.ts";

/** What a word is: a closed list, or something that has to be looked up. `other`: nothing that could be offered. */
export type Kind = "resource" | "resources" | "token" | "file" | "other" | readonly string[];

export interface CompletedOption {
  /** `--ttl`, and `-h` where there is a short form. */
  readonly names: readonly string[];
  /** What its value is called and is; `undefined`: it takes none. */
  readonly value: { readonly called: string; readonly kind: Kind } | undefined;
  readonly help: string;
}

export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletedOption[];
  readonly words: readonly { readonly called: string; readonly kind: Kind }[];
  /** The last of the words may come again and again. */
  readonly repeats: boolean;
  /** A command of its own follows after `--`. */
  readonly wraps: boolean;
}

/** The first, without a name, is what may stand before a command. */
export async function completionTable(
  entries: readonly CommandEntry[],
): Promise<readonly CompletedCommand[]> {
  const completed = await Promise.all(
    entries.map(async ({ name, summary, load }) => {
      const { usage, options } = await load();
      return { name, summary, options: optionsOf(options), ...formOf(usage) };
    }),
  );
  const none = { options: [], words: [], repeats: false, wraps: false };
  const names = entries.map(({ name }) => name);
  return [
    { ...none, name: "", summary: "", options: optionsOf(beforeCommand) },
    ...completed,
    {
      ...none,
      name: "help",
      summary: "print the help of a command",
      words: [{ called: "COMMAND", kind: names }],
    },
  ];
}

const beforeCommand: Options = {
  ...clientOptions,
  version: { value: undefined, short: "V", help: "print the version" },
};

const optionsOf = (options: Options): readonly CompletedOption[] =>
  Object.entries(options).map(([name, { value, short, help }]) => ({
    names: [`--${name}`, ...(short === undefined ? [] : [`-${short}`])],
    value: value === undefined ? undefined : { called: value, kind: kindOf(value) },
    help,
  }));

/** Of a form such as `RESOURCE TOKEN [--ttl D]` or `[RESOURCE ...]`: the options have told themselves. */
function formOf(usage: string): Pick<CompletedCommand, "words" | "repeats" | "wraps"> {
  const [before = "", ...after] = usage.split(/(?:^| )-- /);
  const words = before
    .replaceAll(/\[--[^\]]*\]/g, "")
    .replaceAll(/--[a-z-]+( [A-Z]+)?/g, "")
    .split(" ")
    .filter((word) => word !== "");
  const plain = words.map((word) => (word.includes("[,...]") ? word : word.replaceAll(/[[\]]/g, "")));
  return {
    words: plain.filter((word) => word !== "...").map((called) => ({ called, kind: kindOf(called) })),
    repeats: plain.at(-1) === "...",
    wraps: after.length > 0,
  };
}

function kindOf(called: string): Kind {
  switch (called) {
    case "RESOURCE":
      return "resource";
    case "RESOURCE[,...]":
      return "resources";
    case "TOKEN":
      return "token";
    case "FILE":
      return "file";
    default:
      return /^[a-z]+(\|[a-z]+)+$/.test(called) ? called.split("|") : "other";
  }
}
