// The manual page: up to date, complete, and free of complaints of those who format it.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { commands } from "../../src/cli/commands.ts";
import { manual, manualFile } from "../../tools/man.ts";
import { root } from "../docs/pages.ts";
import { needing } from "../support/needs.ts";

const shipped = readFileSync(join(root, manualFile), "utf8");

test("man/lastout.1 is what the commands say of themselves: if not, npm run reference.", async () => {
  expect(shipped).toBe(await manual());
});

test("It is shipped where npm looks for manual pages: in a list, for npm passes over a single name.", () => {
  expect(packageJson.man).toEqual([manualFile]);
  expect(packageJson.files).toContain("man");
  expect(existsSync(join(root, manualFile))).toBe(true);
});

const formatted = (): string =>
  execFileSync("mandoc", ["-T", "ascii", "-O", "width=300", join(root, manualFile)], {
    encoding: "utf8",
  }).replaceAll(/.\p{Cc}(?=\S)/gu, "");

test(
  "Formatted, it shows the form, every option and every example of every command as they are typed.",
  needing("mandoc"),
  async () => {
    const text = formatted();
    const missing: string[] = [];
    for (const { name, load } of commands) {
      const { usage, options, examples } = await load();
      const wanted = [
        `lastout ${name} ${usage}`,
        ...Object.keys(options).map((option) => `--${option}`),
        ...examples.map(([line]) => line),
      ];
      missing.push(...wanted.filter((one) => !text.includes(one)).map((one) => `${name}: ${one}`));
    }
    expect(missing).toEqual([]);
  },
);

test("mandoc finds nothing to warn of.", needing("mandoc"), () => {
  expect(
    execFileSync("mandoc", ["-T", "lint", "-W", "warning", join(root, manualFile)], { encoding: "utf8" }),
  ).toBe("");
});
