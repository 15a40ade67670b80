// Help texts, made from the list of commands and what each command says of itself.

import { clientOptions, type Option, type Options } from "./arguments.ts";
import type { Command } from "./command.ts";
import { commands } from "./commands.ts";
import { exitMeanings } from "./exit-codes.ts";

export function generalHelp(): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    "Usage: lastout COMMAND [options]",
    "",
    "The last one out turns off the power: usage tokens for lab and rack equipment.",
    "",
    "Commands:",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "  lastout COMMAND --help   options and examples of a command",
    "  lastout --version        the version",
    "",
    "Examples:",
    "  lastout run build1 -- make test    use build1 for one command",
    "  lastout status                     see what is on, and why",
    "  lastout serve --demo               try all of it without any hardware",
  ].join("\n");
}

/** @param columns of the terminal that shows it; absent where lines may be as long as they are */
export function commandHelp(name: string, command: Command, columns?: number): string {
  const own = Object.entries(command.options).filter(([option]) => !(option in clientOptions));
  const common = Object.entries(command.options).filter(([option]) => option in clientOptions);
  const lines = [
    ...usageLines(`Usage: lastout ${name}`, command.usage, columns ?? widest),
    "",
    columns === undefined ? command.about : command.about.replaceAll("\n", " "),
    "",
    ...section("Options:", own),
    ...section(own.length === 0 ? "Options:" : "Common options:", common),
    ...(command.options["url"] === undefined
      ? []
      : [
          "Without an option its environment variable counts, then the file",
          "$XDG_CONFIG_HOME/lastout/client.yaml (url, username, password, base, ca, cert, key), then the default.",
          "",
        ]),
    "Exit status:",
    ...exitsOf(command).map(([status, meaning]) => `  ${status.padEnd(5)}  ${meaning}`),
    "",
    "Examples:",
    ...command.examples.flatMap(([line, purpose]) => [`  ${line}`, `      ${purpose}`]),
  ];
  return (columns === undefined ? lines : lines.flatMap((line) => fitted(line, columns))).join("\n");
}

/** Broken between words; what follows stands below the line's last column, or its beginning. */
function fitted(line: string, columns: number): string[] {
  if (line.length <= columns) {
    return [line];
  }
  const indent = /^ *\S.*? {2,}(?=\S)/.exec(line)?.[0].length ?? line.search(/\S/);
  const hang = " ".repeat(indent < columns / 2 ? indent : 10);
  const place = line.lastIndexOf(" ", columns);
  return place <= hang.length
    ? [line]
    : [line.slice(0, place), ...fitted(`${hang}${line.slice(place + 1)}`, columns)];
}

/** As wide as what the commands say of themselves. */
const widest = 130;

/** What belongs together in brackets stays together. */
function usageLines(start: string, usage: string, columns: number): string[] {
  const lines = [start];
  for (const part of usage.split(/ (?=\[|-- )/)) {
    const last = lines.pop() ?? "";
    lines.push(...(last.length + part.length < columns ? [`${last} ${part}`] : [last, `          ${part}`]));
  }
  return lines;
}

/** Commands that ask no controller are never refused, and find nothing unreachable, unless they say so themselves. */
const onlyOfClients: ReadonlySet<string> = new Set(["65", "69", "75", "77"]);

/** Every status that a command can end with, and what it then means, in rising order. */
export function exitsOf({ options, exits: own = {} }: Command): readonly (readonly [string, string])[] {
  const general = Object.entries(exitMeanings).filter(
    ([status]) => options["url"] !== undefined || !onlyOfClients.has(status),
  );
  return Object.entries({ ...Object.fromEntries(general), ...own })
    .filter(([, meaning]) => meaning !== "")
    .toSorted(([a], [b]) => Number.parseInt(a, 10) - Number.parseInt(b, 10) || a.length - b.length);
}

function section(title: string, options: readonly (readonly [string, Option])[]): string[] {
  if (options.length === 0) {
    return [];
  }
  const rows = options.map(([name, option]) => ({ form: formOf(name, option), help: option.help }));
  const width = Math.max(...rows.map(({ form }) => form.length));
  return [title, ...rows.map(({ form, help }) => `  ${form.padEnd(width)}  ${help}`), ""];
}

const formOf = (name: string, { value, short }: Options[string] & object): string =>
  `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
