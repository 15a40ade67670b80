// Pieces of a generated page: tables, the words that say who made it, and the regions of a handwritten page that are made, too.

export const handsOff = "Made by `npm run reference` from the descriptions in the source. Do not edit.";

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows.map((row) => row.map(cell))]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");
}

export const code = (text: string): string => `\`${text}\``;

const cell = (text: string): string => text.replaceAll("|", String.raw`\|`).replaceAll("\n", " ");

/**
 * The page with a region in it made anew.
 * @throws when the page has no such region, or more than one
 */
export function withRegion(page: string, name: string, content: string): string {
  const begin = `<!-- begin generated: ${name}. ${handsOff} -->\n`;
  const end = `<!-- end generated: ${name} -->\n`;
  const [before, rest, ...more] = page.split(new RegExp(`<!-- begin generated: ${name}\\b[^\\n]*-->\\n`));
  const [, after, ...ends] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined || more.length > 0 || ends.length > 0) {
    throw new Error(`the page must have one region '<!-- begin generated: ${name} -->' to '${end.trim()}'`);
  }
  return `${before}${begin}\n${content.trim()}\n\n${end}${after}`;
}
