// Goal: nothing on the pages leads nowhere: links, commands of the program, npm scripts, files of the sources.

import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";
import { commands } from "../../src/cli/commands.ts";
import { exits } from "../../src/cli/exit-codes.ts";
import packageJson from "../../package.json" with { type: "json" };
import { blocksOf, page, pages, proseOf, quoted, root, section } from "./pages.ts";

/** As GitHub makes them: lower case, spaces to dashes, other marks left out. */
const anchorsOf = (text: string): readonly string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    String(title)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );

test("Every link to a file of the project leads to one, and every anchor to a heading.", () => {
  const wrong = pages.flatMap((from) =>
    [...proseOf(from).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => String(target))
      .filter((target) => !/^https?:/.test(target))
      .filter((target) => {
        const [file = "", anchor] = target.split("#");
        const path = file === "" ? join(root, from.path) : resolve(root, dirname(from.path), file);
        const text = pages.find((known) => join(root, known.path) === path)?.text ?? "";
        return !existsSync(path) || (anchor !== undefined && !anchorsOf(text).includes(anchor));
      })
      .map((target) => `${from.path}: ${target}`),
  );
  expect(wrong).toEqual([]);
});

test("Every page of docs can be reached from the README.", () => {
  const reached = new Set<string>();
  const follow = (path: string): void => {
    const from = pages.find((known) => known.path === path);
    if (from !== undefined && !reached.has(path)) {
      reached.add(path);
      for (const [, target] of proseOf(from).matchAll(/\]\(([^)\s#]+)/g)) {
        follow(join(dirname(path), String(target)));
      }
    }
  };
  follow("README.md");
  expect(pages.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
});

test("Every command of the program stands in docs/command-line.md with its usage and all its own options.", async () => {
  const text = page("docs/command-line.md");
  const missing: string[] = [];
  for (const { name, load } of commands) {
    const { usage, options } = await load();
    const here = section(text, `## ${name}`);
    const general = section(text, "## Which broker, and as whom");
    if (!here.includes(`\`lastout ${name} ${usage}\``)) {
      missing.push(`${name}: its usage '${usage}'`);
    }
    for (const option of Object.keys(options)) {
      if (!`${here}${general}`.includes(`--${option}`)) {
        missing.push(`${name}: --${option}`);
      }
    }
  }
  expect(missing).toEqual([]);
});

test("Every exit code of the program is told in docs/command-line.md.", () => {
  const { text } = page("docs/command-line.md");
  const missing = Object.values(exits).filter(
    (code) => !new RegExp(`(^\\| |\\b)${code} (\\||it )`, "m").test(text),
  );
  expect(missing).toEqual([]);
});

test("Every command that a page calls exists.", () => {
  const known = new Set(["COMMAND", ...commands.map(({ name }) => name)]);
  const wrong = pages.flatMap((from) => {
    const code = [...quoted(proseOf(from)), ...blocksOf(from).flatMap(({ text }) => text.split("\n"))];
    return code
      .map((line) => /^(?:\$ )?(?:npx )?lastout ([a-zA-Z]+)/.exec(line)?.[1])
      .filter((name) => name !== undefined && !known.has(name))
      .map((name) => `${from.path}: lastout ${name}`);
  });
  expect(wrong).toEqual([]);
});

test("Every option that a page shows with a command is one of that command.", async () => {
  const taken = new Map(
    await Promise.all(
      commands.map(async ({ name, load }) => [name, Object.keys((await load()).options)] as const),
    ),
  );
  const wrong = pages.flatMap((from) => {
    const code = [...quoted(proseOf(from)), ...blocksOf(from).flatMap(({ text }) => text.split("\n"))];
    // Up to the command that is run, or what the shell does with the output.
    const calls = /\blastout ([a-z]+)((?: (?!-- |[|&;>#]).*?)?)(?= -- | [|&;>#]|\)|$)/g;
    return code
      .flatMap((line) => Array.from(line.matchAll(calls)))
      .flatMap(([, name = "", words = ""]) =>
        [...words.matchAll(/(?<=\s|^)--([a-z-]+)/g)]
          .filter(([, option = ""]) => taken.get(name)?.includes(option) === false && option !== "help")
          .map(([option]) => `${from.path}: lastout ${name} ${option}`),
      );
  });
  expect(wrong).toEqual([]);
});

test("Getting started tells truly how long it takes: words at 200 a minute, and 10 s for each command.", () => {
  const { text } = page("docs/getting-started.md");
  const typed = blocksOf({ path: "", text }).flatMap((block) =>
    block.text
      .split("\n")
      .filter((line) => (block.kind.startsWith("sh") ? line !== "" : line.startsWith("$ "))),
  );
  const words = text.split(/\s+/).length;
  const minutes = Math.round(words / 200 + typed.length / 6);
  expect(minutes).toBeLessThan(15);
  expect(text).toContain(`about ${minutes} minutes`);
});

test("Every npm script that a page names exists.", () => {
  const scripts = Object.keys(packageJson.scripts);
  const wrong = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/npm run ([a-z-]+)/g)]
      .map(([, name]) => String(name))
      .filter((name) => !scripts.includes(name))
      .map((name) => `${path}: npm run ${name}`),
  );
  expect(wrong).toEqual([]);
});

test("Every source file that docs/architecture.md names exists.", () => {
  const architecture = page("docs/architecture.md");
  const places = ["", "src", "src/core", "src/adapters", "src/config", "src/cli", "test", "docs"];
  const named = [
    ...quoted(architecture.text),
    ...blocksOf(architecture).flatMap(({ text }) => [...text.matchAll(/\S+\.ts/g)].map(([name]) => name)),
  ].filter((word) => /^[\w./-]+\.(ts|yaml)$/.test(word) && word !== "registry.ts");
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((name) => !places.some((place) => existsSync(join(root, place, name))))).toEqual([]);
});
