// Texts of strangers as YAML: values that mean exactly what was said and nothing more, comments that stay comments.

import { printable } from "../terminal.ts";
import type { Options, OptionValue } from "./findings.ts";

/** A name or a version that is longer only fills the screen. */
const longestWord = 120;
const lineWidth = 116;

/**
 * Characters that have no business in a topic or a name: control, private use (two of which the configuration's reader uses itself for
 * `${...}`), halves of a pair, unassigned.
 */
const unfit = /[\p{C}\p{Zl}\p{Zp}]/u;

/** Needs no quotes, in whatever context: a word, a path, a URL. */
const plain = /^[A-Za-z][\w.-]*(?:[:/][\w./-]+)*$/;

/** Plain words that YAML 1.1 or 1.2 reads as something else than a text. */
const reserved = /^(?:true|false|null|yes|no|on|off|y|n|inf|nan)$/i;

export const isFit = (value: OptionValue): boolean =>
  typeof value === "string"
    ? !unfit.test(value)
    : typeof value !== "object" || Object.values(value).every((part: OptionValue) => isFit(part));

/** What a stranger says, on one line and short. */
export function shortText(text: string): string {
  const shown = Array.from(printable(text).replaceAll(/\p{C}/gu, "\u{FFFD}"));
  return shown.length > longestWord ? `${shown.slice(0, longestWord - 3).join("")}...` : shown.join("");
}

/** Lines of a comment, the later ones indented; a word that is too long for a line has one of its own. */
export function commentLines(indent: string, text: string): readonly string[] {
  const lines: string[] = [];
  let line = `${indent}#`;
  for (const word of printable(text).replaceAll(/\p{C}/gu, "\u{FFFD}").split(" ")) {
    if (line.length + word.length >= lineWidth && !line.endsWith("#")) {
      lines.push(line);
      line = `${indent}#  `;
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

/** A value in flow style. `${` is doubled, so that nothing of the environment or of a file is put in its place. */
export function yamlValue(value: OptionValue): string {
  if (typeof value === "string") {
    return plain.test(value) && !reserved.test(value)
      ? value
      : JSON.stringify(value.replaceAll("${", () => "$${"));
  }
  if (typeof value !== "object") {
    return String(value);
  }
  if (isList(value)) {
    return `[${value.map(yamlValue).join(", ")}]`;
  }
  return `{ ${pairs(value)
    .map(([key, part]) => `${key}: ${yamlValue(part)}`)
    .join(", ")} }`;
}

/** One line for each option. */
export const yamlLines = (options: Options): readonly string[] =>
  pairs(options).map(([key, value]) => `${key}: ${yamlValue(value)}`);

const pairs = (options: Options): readonly (readonly [string, OptionValue])[] => Object.entries(options);

const isList = (value: OptionValue): value is readonly OptionValue[] => Array.isArray(value);
