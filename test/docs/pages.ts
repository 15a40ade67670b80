// The pages for users and contributors, as text, with their code blocks and links. Not what they must say: that is each test's.

import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));

export interface Page {
  /** From the root of the project. */
  readonly path: string;
  readonly text: string;
}

export interface Block {
  readonly page: Page;
  /** What stands behind the three backticks. */
  readonly kind: string;
  readonly text: string;
  /** Of its first line, from 1. */
  readonly line: number;
}

export function page(path: string): Page {
  return { path, text: readFileSync(join(root, path), "utf8") };
}

export const pages: readonly Page[] = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(root, "docs"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".md"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name))),
].map(page);

export const blocksOf = (of: Page): readonly Block[] =>
  [...of.text.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)].map((found) => ({
    page: of,
    kind: String(found[1]),
    text: String(found[2]),
    line: of.text.slice(0, found.index).split("\n").length + 1,
  }));

/** The text without its code blocks, in which `[]()` and `|` mean something else. */
export const proseOf = ({ text }: Page): string => text.replaceAll(/^```[\s\S]*?^```$/gm, "");

/** What stands below a heading, down to the next one of its own or a higher level. */
export function section({ text }: Page, heading: string): string {
  const level = heading.indexOf(" ");
  const lines = text.split("\n");
  const start = lines.indexOf(heading);
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => new RegExp(`^#{1,${level}} `).test(line));
  return start === -1 ? "" : rest.slice(0, end === -1 ? undefined : end).join("\n");
}

/** The words in backticks in the first column of a section's tables. */
export const firstColumn = (text: string): readonly string[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) =>
      [...(line.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, word]) => String(word)),
    );

/** All words in backticks. */
export const quoted = (text: string): readonly string[] =>
  [...text.matchAll(/`([^`\n]+)`/g)].map(([, word]) => String(word));
