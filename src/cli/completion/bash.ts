// The completion script for bash, 3.2 and later. It needs no other script, and splits the line itself: COMP_WORDS is cut at the `:`, `=` and
// `@` that token ids and options may have.

import type { CompletedCommand, Kind } from "./table.ts";

export const bashScript = (
  commands: readonly CompletedCommand[],
): string => `# Completion of lastout for bash: eval "$(lastout completion bash)"

# What the value of an option is, in $kind. Fails for an option without one.
_lastout_option() {
  case "$1 $2" in
${commands.flatMap(valuedOptions).join("\n")}
    *) return 1 ;;
  esac
}

# What the word at a place (from 0) is, in $kind.
_lastout_word() {
  case "$1 $2" in
${commands.flatMap(placedWords).join("\n")}
    *) kind=other ;;
  esac
}

_lastout() {
  local line=\${COMP_LINE:0:COMP_POINT} words word cur command= resource= kind= option= offered= i place=0 behind=-1
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  cur=\${words[\${#words[@]} - 1]}
  COMPREPLY=()

  for ((i = 1; i < \${#words[@]} - 1; i++)); do
    word=\${words[i]}
    if [[ -n $option ]]; then
      option=
    elif ((behind >= 0)); then
      ((behind += 1))
    elif [[ $word == -- ]]; then
      behind=0
    elif [[ $word == -* ]]; then
      _lastout_option "$command" "$word" && option=$word
    elif [[ -z $command ]]; then
      command=$word
    else
      ((place == 0)) && resource=$word
      ((place += 1))
    fi
  done

  if ((behind == 0)); then
    COMPREPLY=($(compgen -c -- "$cur"))
    return
  elif ((behind > 0)); then
    kind=file
  elif [[ -n $option ]]; then
    _lastout_option "$command" "$option"
  elif [[ $cur == --*=* ]]; then
    _lastout_option "$command" "\${cur%%=*}" || kind=other
    cur=\${cur#*=}
  elif [[ $cur == -* ]]; then
    case $command in
${commands.map(optionNames).join("\n")}
    esac
    COMPREPLY=($(compgen -W "$offered" -- "$cur"))
    return
  elif [[ -z $command ]]; then
    COMPREPLY=($(compgen -W "${commands
      .map(({ name }) => name)
      .join(" ")
      .trim()}" -- "$cur"))
    return
  else
    _lastout_word "$command" "$place"
  fi

  case $kind in
    resource) COMPREPLY=($(compgen -W "$("\${words[0]}" completion --names 2>/dev/null)" -- "$cur")) ;;
    resources)
      word=\${cur##*,}
      COMPREPLY=($(compgen -P "\${cur%"$word"}" -W "$("\${words[0]}" completion --names 2>/dev/null)" -- "$word"))
      ;;
    token)
      COMPREPLY=($(compgen -W "$("\${words[0]}" completion --tokens "$resource" 2>/dev/null)" -- "$cur"))
      ;;
    file) compopt -o default 2>/dev/null ;;
    other) ;;
    *) COMPREPLY=($(compgen -W "$kind" -- "$cur")) ;;
  esac

  # What stands before the last of these characters is kept by readline as it is.
  word=\${cur%"\${cur##*[:=@]}"}
  if [[ -n $word && $COMP_WORDBREAKS == *"\${word: -1}"* ]]; then
    for i in "\${!COMPREPLY[@]}"; do
      COMPREPLY[i]=\${COMPREPLY[i]#"$word"}
    done
  fi
}

complete -F _lastout lastout`;

const valuedOptions = ({ name, options }: CompletedCommand): string[] =>
  options.flatMap(({ names, value }) =>
    value === undefined
      ? []
      : [`    ${names.map((option) => `"${name} ${option}"`).join(" | ")}) kind=${kindText(value.kind)} ;;`],
  );

const placedWords = ({ name, words, repeats }: CompletedCommand): string[] =>
  words.map(({ kind }, place) => {
    const where = repeats && place === words.length - 1 ? `"${name} "*` : `"${name} ${place}"`;
    return `    ${where}) kind=${kindText(kind)} ;;`;
  });

const optionNames = ({ name, options }: CompletedCommand): string =>
  `      ${name === "" ? '""' : name}) offered="${options.flatMap(({ names }) => names.slice(0, 1)).join(" ")}" ;;`;

const kindText = (kind: Kind): string => (typeof kind === "string" ? kind : `"${kind.join(" ")}"`);
