// The completion script for fish, 3.0 and later.

import type { CompletedCommand, CompletedOption, Kind } from "./table.ts";

export const fishScript = (
  commands: readonly CompletedCommand[],
): string => `# Completion of lastout for fish: lastout completion fish | source

function __lastout_names
    lastout completion --names 2>/dev/null
end

# The rest of a list with commas: build1,bu
function __lastout_list
    set -l begun (string replace -r '[^,]*$' '' -- (commandline -ct))
    for name in (__lastout_names)
        echo $begun$name
    end
end

# The words so far that are neither options nor their values: the command and what it is for.
function __lastout_words
    set -l valued ${valuedOptions(commands).join(" ")}
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if test "$word" = --
            return
        else if string match -q -- '-*' $word
            contains -- $word $valued; and set skip 1
        else
            echo $word
        end
    end
end

# Whether the next word is the one at a place (from 1) of a command; the command itself is at 0.
function __lastout_at -a command from to
    contains -- -- (commandline -opc); and return 1
    set -l words (__lastout_words)
    set -l place (count $words)
    test $place -ge $from -a $place -le $to
    and test "$command" = '' -o "$words[1]" = "$command"
end

function __lastout_tokens
    set -l words (__lastout_words)
    lastout completion --tokens "$words[2]" 2>/dev/null
end

# The command after --, completed as it is elsewhere.
function __lastout_wrapped
    set -l words (commandline -opc) (commandline -ct)
    set -l dashes (contains -i -- -- $words)
    set -l first (math $dashes + 1)
    complete -C "$words[$first..-1]"
end

complete -c lastout -f
${commands.flatMap(linesOf).join("\n")}`;

/** More than anybody names. */
const manyWords = 999;

const linesOf = ({ name, summary, options, words, repeats, wraps }: CompletedCommand): string[] => [
  ...(name === "" ? [] : [`complete -c lastout -n '__lastout_at "" 0 0' -a ${name} -d ${quoted(summary)}`]),
  ...options.map((option) => optionLine(name, option)),
  ...words.flatMap(({ kind }, place) => {
    const last = repeats && place === words.length - 1 ? manyWords : place + 1;
    const offer = offerOf(kind);
    return offer === ""
      ? []
      : [`complete -c lastout -n '__lastout_at ${name} ${place + 1} ${last}' ${offer}`];
  }),
  ...(wraps
    ? [
        `complete -c lastout -n 'contains -- -- (commandline -opc); and contains ${name} (__lastout_words)' -a '(__lastout_wrapped)'`,
      ]
    : []),
];

function optionLine(command: string, { names, value, help }: CompletedOption): string {
  const forms = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const offer = value === undefined ? "" : ` ${value.kind === "file" ? "" : "-x "}${offerOf(value.kind)}`;
  const where = command === "" ? `"" 0 0` : `${command} 1 ${manyWords}`;
  return `complete -c lastout -n '__lastout_at ${where}' ${forms.join(" ")}${offer.trimEnd()} -d ${quoted(help)}`;
}

function offerOf(kind: Kind): string {
  switch (kind) {
    case "resource":
      return "-a '(__lastout_names)'";
    case "resources":
      return "-a '(__lastout_list)'";
    case "token":
      return "-a '(__lastout_tokens)'";
    case "file":
      return "-r -F";
    case "other":
      return "";
    default:
      return `-a ${quoted(kind.join(" "))}`;
  }
}

const valuedOptions = (commands: readonly CompletedCommand[]): readonly string[] => [
  ...new Set(
    commands.flatMap(({ options }) =>
      options.flatMap(({ names, value }) => (value === undefined ? [] : names)),
    ),
  ),
];

const quoted = (text: string): string =>
  `'${text.replaceAll("\\", String.raw`\\`).replaceAll("'", String.raw`\'`)}'`;
