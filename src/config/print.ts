// How mistakes look: lines for a terminal with the line of the file and a caret below, or plain objects for `--json`.

import { type Mistake, visible } from "./mistakes.ts";

/** `lastout.yaml:12:7 resources.build1.check.host: ...`, then the line it is about. Ends without a newline. */
export const printMistakes = (mistakes: readonly Mistake[]): string => mistakes.map(printMistake).join("\n");

/** What `check --json` prints for each. */
export interface MistakeJson {
  readonly file: string;
  /** From 1; null when it concerns the file as a whole. */
  readonly line: number | null;
  readonly column: number | null;
  readonly path: string | null;
  readonly message: string;
}

export const mistakesToJson = (mistakes: readonly Mistake[]): readonly MistakeJson[] =>
  mistakes.map(({ file, line, column, path, message }) => ({
    file,
    line: line === 0 ? null : line,
    column: column === 0 ? null : column,
    path: path === "" ? null : path,
    message,
  }));

/** Without the line of the file: for a log. */
export function mistakeLine({ file, line, column, path, message }: Mistake): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  return visible(`${place}${path === "" ? ":" : ` ${path}:`} ${message}`);
}

function printMistake(mistake: Mistake): string {
  const { line, column, snippet } = mistake;
  const head = mistakeLine(mistake);
  return snippet === "" ? head : `${head}\n${printSnippet(line, column, snippet)}`;
}

/** Of a very long line, what is around the column. */
const widest = 100;

function printSnippet(line: number, column: number, snippet: string): string {
  const before = column - 1;
  const from = before < widest - 20 ? 0 : before - 40;
  const shown = visible(snippet.replaceAll("\t", " ")).slice(from, from + widest);
  const margin = `  ${line} | `;
  return `${margin}${shown}\n${" ".repeat(margin.length - 2)}| ${" ".repeat(before - from)}^`;
}
