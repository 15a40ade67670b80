// The completion script for zsh, with the functions of its own completion system (zshcompsys(1)).

import type { CompletedCommand, CompletedOption, Kind } from "./table.ts";

export const zshScript = ([before, ...commands]: readonly CompletedCommand[]): string => `#compdef lastout
# Completion of lastout for zsh: eval "$(lastout completion zsh)" after compinit, or a file _lastout in a folder of $fpath.

_lastout_names() {
  local -a names
  names=(\${(f)"$(lastout completion --names 2>/dev/null)"})
  compadd "$@" -a names
}

_lastout_tokens() {
  local -a tokens
  # The first word behind the command that is no option.
  tokens=(\${(f)"$(lastout completion --tokens "\${\${(@)words[2,CURRENT-1]:#-*}[1]}" 2>/dev/null)"})
  compadd "$@" -a tokens
}

# The command behind --, completed as it is elsewhere.
_lastout_wrapped() {
  local dashes=\${words[(i)--]}
  (( dashes < CURRENT )) || return 1
  shift dashes words
  (( CURRENT -= dashes ))
  _normal
  return 0
}

_lastout() {
  local context state state_descr line curcontext=$curcontext
  typeset -A opt_args
  _arguments -C ${(before?.options ?? []).flatMap(optionSpecs).join(" \\\n    ")} \\
    '1:command:->command' '*:: :->words' && return
  case $state in
    command)
      local -a commands
      commands=(
${commands.map(({ name, summary }) => `        ${quoted(`${name}:${summary}`)}`).join("\n")}
      )
      _describe -t commands command commands
      ;;
    words)
      case $words[1] in
${commands.map(caseOf).join("\n")}
      esac
      ;;
  esac
}

if [[ $funcstack[1] == _lastout ]]; then
  _lastout "$@"
else
  compdef _lastout lastout
fi`;

function caseOf({ name, options, words, repeats, wraps }: CompletedCommand): string {
  const specs = [
    ...options.flatMap(optionSpecs),
    ...words.map(({ called, kind }, place) => {
      const where = repeats && place === words.length - 1 ? "*" : String(place + 1);
      return quoted(`${where}:${escaped(called)}:${actionOf(kind)}`);
    }),
  ];
  const own = `_arguments ${specs.join(" \\\n            ")}`;
  return `        ${name})\n          ${wraps ? `_lastout_wrapped || ${own}` : own}\n          ;;`;
}

const optionSpecs = ({ names, value, help }: CompletedOption): string[] =>
  names.map((option) =>
    quoted(
      value === undefined
        ? `${option}[${escaped(help)}]`
        : `${option}=[${escaped(help)}]:${escaped(value.called)}:${actionOf(value.kind)}`,
    ),
  );

function actionOf(kind: Kind): string {
  switch (kind) {
    case "resource":
      return "_lastout_names";
    case "resources":
      return "_sequence _lastout_names";
    case "token":
      return "_lastout_tokens";
    case "file":
      return "_files";
    case "other":
      return " ";
    default:
      return `(${kind.join(" ")})`;
  }
}

/** In a specification of _arguments a colon ends a part, and a bracket the help. */
const escaped = (text: string): string => text.replaceAll(/[\\:[\]]/g, String.raw`\$&`);

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
