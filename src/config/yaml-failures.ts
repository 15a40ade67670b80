// What to tell a person whose file is not YAML: the parser's reason, with the cause that usually hides behind it and the cure.
// Not for mistakes in what the file says.

import { quote } from "./mistakes.ts";

/**
 * The reason with the usual cause and cure.
 * @param reason as js-yaml words it
 * @param line of the file where it stopped, without its end
 */
export function sayParseError(reason: string, line: string): string {
  const value = /^[^#'"]*?:\s+(.*)$/.exec(line)?.[1] ?? "";
  if (/^ *\t/.test(line)) {
    return "a tab indents this line; YAML indents with spaces only";
  }
  if (reason.includes("non-printable") || reason.includes("expected valid JSON character")) {
    return "a control character stands here; take it out";
  }
  if (/^[@`%]/.test(value)) {
    return `a text that begins with ${quote(value.charAt(0))} has to stand in quotes`;
  }
  // Without the name, which may be a password that begins with this character.
  if (reason.includes("unidentified alias")) {
    return "no '&' of that name stands before this alias; a text that begins with '*' has to stand in quotes";
  }
  if (/unknown (scalar|mapping|sequence) tag/.test(reason)) {
    return "tags are not used here; a text that begins with '!' has to stand in quotes";
  }
  if (reason.includes("bad indentation of a mapping entry") && /:\s/.test(value)) {
    return "a text with ': ' in it has to stand in quotes; else one key and value to a line";
  }
  const cure = cures.find(([part]) => reason.includes(part))?.[1];
  return `not valid YAML: ${reason}${cure === undefined ? "" : `; ${cure}`}`;
}

const cures: readonly (readonly [string, string])[] = [
  ["bad indentation", "keys of one mapping begin in the same column"],
  ["deficient indentation", "a bracket or a quote that was opened above is not closed"],
  ["multiline key", "a key is followed by ':' and a blank"],
  ["missed comma", "entries between { } or [ ] are divided by ', '"],
  ["unknown escape sequence", "use single quotes for a text with '\\' in it"],
  [
    "end of the stream or a document separator is expected",
    "the whole file is one mapping: 'key: value', the outermost keys in column 1",
  ],
];
