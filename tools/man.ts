// Writes man/lastout.1, the manual page, from the same table that makes `--help`: commands, forms, options, exit statuses, examples.
// `npm run reference`; a test fails when the page is not up to date.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import packageJson from "../package.json" with { type: "json" };
import { clientOptions, type Option } from "../src/cli/arguments.ts";
import type { Command } from "../src/cli/command.ts";
import { commands } from "../src/cli/commands.ts";
import { exitMeanings } from "../src/cli/exit-codes.ts";
import { exitsOf } from "../src/cli/help.ts";

export const manualFile = "man/lastout.1";

/** When the words of the page that no source makes were last looked through. */
const reviewed = "2026-11-22";

/** Section 1 of man(7): macros only, so that every formatter can read it. */
export async function manual(): Promise<string> {
  const loaded = await Promise.all(
    commands.map(async ({ name, summary, load }) => ({ name, summary, command: await load() })),
  );
  return [
    `.\\" Made by "npm run reference" from the sources of the command line. Do not edit.`,
    `.TH LASTOUT 1 ${reviewed} "lastout ${packageJson.version}" "User Commands"`,
    ".SH NAME",
    text("lastout - the last one out turns off the power: usage tokens for lab and rack equipment"),
    ".SH SYNOPSIS",
    ".B lastout",
    ".I command",
    text("[options]"),
    ".SH DESCRIPTION",
    text(
      "A resource (a build host, a measuring device, a rack) is switched on while at least one token of it is held, and off when the\n" +
        "last one was released or has expired. lastout is the controller that does this over MQTT, and the command line of its users.\n" +
        "Data goes to standard output, everything else to standard error.",
    ),
    ".PP",
    text(
      "Durations (D) are seconds (90) or a text such as 90s, 15m, 2h, 1h30m, 1d. RESOURCE is the name of a resource or a pool; where\n" +
        "RESOURCE[,...] stands, several may be named with commas: one token over all of them.",
    ),
    ".SH COMMANDS",
    ...loaded.flatMap(({ name, summary, command }) => section(name, summary, command)),
    ".SH COMMON OPTIONS",
    text("Every command that asks a controller takes these."),
    ...Object.entries(clientOptions).flatMap(([name, option]) => optionLines(name, option)),
    ".SH EXIT STATUS",
    text("Where a command has more or other ones, they stand with it."),
    ...statuses(Object.entries(exitMeanings)),
    ".SH ENVIRONMENT",
    ...tagged(
      "LASTOUT_URL, LASTOUT_USERNAME, LASTOUT_PASSWORD, LASTOUT_BASE",
      "stand in for the options; LASTOUT_PASSWORD holds the password itself",
    ),
    ...tagged(
      "LASTOUT_CA, LASTOUT_CERT, LASTOUT_KEY",
      "files in PEM form: whom to trust with mqtts:// and wss://, and who we are",
    ),
    ...tagged("LASTOUT_TOKEN, LASTOUT_RESOURCE", "are set for the command of 'lastout run'"),
    ...tagged("NO_COLOR", "no colours on a terminal either"),
    ".SH FILES",
    ...tagged(
      "$XDG_CONFIG_HOME/lastout/client.yaml",
      "url, username, password, base, ca, cert and key, for what neither option nor environment say",
    ),
    ...tagged(
      "./lastout.yaml, $XDG_CONFIG_HOME/lastout/lastout.yaml, /etc/lastout/lastout.yaml",
      "where 'serve', 'check' and 'reload' look for the configuration without --config",
    ),
    ...tagged(
      "$XDG_CACHE_HOME/lastout",
      "what makes commands start sooner, and names for completion; may be deleted at any time",
    ),
    ".SH SEE ALSO",
    ".BR mosquitto_pub (1),",
    ".BR mosquitto_rr (1)",
    "",
  ].join("\n");
}

function section(name: string, summary: string, command: Command): string[] {
  const own = Object.entries(command.options).filter(([option]) => !(option in clientOptions));
  return [
    `.SS ${quoted(`lastout ${name}: ${summary}`)}`,
    `.B ${quoted(`lastout ${name} ${command.usage}`)}`,
    ".PP",
    text(command.about),
    ...own.flatMap(([option, form]) => optionLines(option, form)),
    ".PP",
    text("Exit status:"),
    ...statuses(exitsOf(command)),
    ".PP",
    text("Examples:"),
    ...command.examples.flatMap(([line, purpose]) => [
      ".PP",
      ".nf",
      ".RS 4",
      bare(line),
      ".RE",
      ".fi",
      ".RS 8",
      text(purpose),
      ".RE",
    ]),
  ];
}

const optionLines = (name: string, { value, short, help }: Option): string[] =>
  tagged(
    `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`,
    help,
  );

/** Without empty lines between. */
const statuses = (list: readonly (readonly [string, string])[]): string[] => [
  ".PD 0",
  ...list.flatMap(([status, meaning]) => tagged(status, meaning)),
  ".PD",
];

const tagged = (tag: string, meaning: string): string[] => [".TP", `.B ${quoted(tag)}`, text(meaning)];

const text = (plain: string): string => plain.split("\n").map(bare).join("\n");

/** A backslash and a hyphen that is to be copied are escaped, and a line must not look like a request. groff_char(7), "ASCII". */
const bare = (line: string): string =>
  line
    .replaceAll("\\", String.raw`\e`)
    .replaceAll("-", String.raw`\-`)
    .replaceAll("~", String.raw`\(ti`)
    .replaceAll("^", String.raw`\(ha`)
    .replaceAll("`", String.raw`\(ga`)
    .replaceAll("'", String.raw`\(aq`)
    .replace(/^\./, String.raw`\&.`);

/** An argument of a macro. */
const quoted = (argument: string): string => `"${bare(argument).replaceAll('"', String.raw`\(dq`)}"`;

if (import.meta.main) {
  const file = fileURLToPath(new URL(`../${manualFile}`, import.meta.url));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, await manual());
}
