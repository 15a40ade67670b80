// Goal: whoever copies an example into a file has a file that works. Every block marked `yaml` is a whole configuration and passes
// the check; a block marked `yaml client` is a file for the clients.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { clientOptions, readArguments } from "../../src/cli/arguments.ts";
import { clientSettings } from "../../src/cli/client-settings.ts";
import { printMistakes } from "../../src/config/print.ts";
import { passwords } from "../config/credentials-files.ts";
import { loadLab } from "../config/lab.ts";
import { blocksOf, pages } from "./pages.ts";

/** What the examples take from outside the file. */
const surroundings = {
  env: { LASTOUT_MQTT_PASSWORD: "secret", NAS_TOKEN: "secret" },
  files: {
    "/run/credentials/lastout.service/mqtt-password": "secret",
    "/etc/lastout/mqtt-password": "secret",
    "/etc/lab/lastout-password": "secret",
    "/etc/lab/passwd": passwords.replace(/^me:/, "lastout:"),
  },
};

const blocks = pages.flatMap(blocksOf);
const whole = blocks.filter(({ kind }) => kind === "yaml");
const ofClients = blocks.filter(({ kind }) => kind === "yaml client");

describe("Examples of the configuration", () => {
  test("are there, and are all marked as what they are", () => {
    expect(whole.length).toBeGreaterThan(2);
    const other = blocks.filter(
      ({ kind }) => /ya?ml/.test(kind) && kind !== "yaml" && kind !== "yaml client",
    );
    expect(other.map(({ page, line }) => `${page.path}:${line}`)).toEqual([]);
  });

  for (const { page, line, text } of whole) {
    test(`pass the check: ${page.path}, line ${line}`, () => {
      const loaded = loadLab({ ...surroundings, text });
      expect(loaded.ok ? "" : printMistakes(loaded.mistakes)).toBe("");
    });
  }

  test("come with the warnings that the check prints for them, where a page shows its output", () => {
    const shown = pages.filter(({ text }) => /^\S+ is valid: /m.test(text));
    expect(shown.map(({ path }) => path)).toEqual(
      expect.arrayContaining(["README.md", "docs/getting-started.md"]),
    );
    for (const page of shown) {
      const warnings = blocksOf(page)
        .filter(({ kind }) => kind === "yaml")
        .flatMap(({ text }) => {
          const loaded = loadLab({ ...surroundings, text });
          return loaded.ok ? loaded.warnings : [];
        })
        .map((warning) => `:${warning.line}:${warning.column} ${warning.path}: ${warning.message}`);
      const lines = page.text.split("\n").filter((line) => line.startsWith("warning: "));
      expect(
        lines.map((line) => line.replace(/^warning: [^:]*/, "")),
        page.path,
      ).toEqual(warnings);
    }
  });
});

describe("Examples of the clients' file", () => {
  test("are there", () => {
    expect(ofClients.length).toBeGreaterThan(0);
  });

  for (const { page, line, text } of ofClients) {
    test(`can be read: ${page.path}, line ${line}`, async () => {
      const home = mkdtempSync(join(tmpdir(), "lastout-docs-"));
      try {
        mkdirSync(join(home, "lastout"));
        writeFileSync(join(home, "lastout", "client.yaml"), text);
        const settings = await clientSettings(readArguments([], clientOptions), { XDG_CONFIG_HOME: home });
        expect(settings.username).toBe("ci");
      } finally {
        rmSync(home, { recursive: true });
      }
    });
  }
});
