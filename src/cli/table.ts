// Rows to aligned columns. An empty cell is `-`, so that every row has the same number of words up to the last column.

import { printable, type Terminal } from "./terminal.ts";

export interface Cell {
  readonly text: string;
  readonly colour?: Parameters<Terminal["paint"]>[0] | undefined;
}

/** @returns lines without trailing blanks, the heading first */
export function tableOf(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  paint: Terminal["paint"],
): string[] {
  const heading = headings.map((text): Cell => ({ text, colour: "bold" }));
  const all = [heading, ...rows].map((row) =>
    row.map((cell) => ({ ...cell, text: cell.text === "" ? "-" : printable(cell.text) })),
  );
  const widths = headings.map((_, column) =>
    Math.max(...all.map((row) => lengthOf(row[column]?.text ?? ""))),
  );
  return all.map((row) =>
    row
      .map((cell, column) => {
        const last = column === row.length - 1;
        const gap = last ? "" : " ".repeat((widths[column] ?? 0) - lengthOf(cell.text) + 2);
        return (cell.colour === undefined ? cell.text : paint(cell.colour, cell.text)) + gap;
      })
      .join(""),
  );
}

const lengthOf = (text: string): number => Array.from(text).length;
