// The house rules that a machine can see: layers, one importer per package, where time and timers live, no leftovers.
// A rule stands here when neither the compiler nor the linter can hold it.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { z } from "zod";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

interface Source {
  /** From the root of the project, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sourcesBelow(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      const text = readFileSync(file, "utf8");
      const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, name]) =>
        String(name),
      );
      return { path: relative(root, file), text, imports };
    });
}

const src = sourcesBelow("src");
const test = sourcesBelow("test");

/** The layer of a file of `src`, and which layers each may import: imports point down only. */
const layers: Readonly<Record<string, readonly string[]>> = {
  core: ["core"],
  ports: ["core", "ports"],
  adapters: ["core", "ports", "adapters"],
  runtime: ["core", "ports", "runtime"],
  config: ["core", "ports", "adapters", "config", "version.ts"],
  "version.ts": [],
  "kit.ts": ["core", "ports", "adapters", "runtime", "config"],
  "reloads.ts": ["core", "ports", "adapters", "runtime", "config", "kit.ts"],
  "app.ts": ["core", "ports", "adapters", "runtime", "config", "version.ts", "kit.ts", "reloads.ts"],
  demo: ["core", "ports", "adapters", "config", "demo", "app.ts"],
  cli: ["core", "ports", "adapters", "config", "cli", "demo", "app.ts", "version.ts"],
  "main.ts": ["cli"],
};

const layerOf = (path: string): string => String(path.split("/")[1]);

describe("imports", () => {
  it("point down only, from layer to layer", () => {
    const wrong = src.flatMap(({ path, imports }) =>
      imports
        .filter((name) => name.startsWith("."))
        .map((name) => relative(root, resolve(root, dirname(path), name)))
        .filter((target) => layers[layerOf(path)]?.includes(layerOf(target)) !== true)
        .map((target) => `${path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it("never lead from one adapter's folder into another's", () => {
    const wrong = src
      .filter(({ path }) => path.startsWith("src/adapters/"))
      .flatMap(({ path, imports }) =>
        imports
          .filter((name) => name.startsWith("."))
          .map((name) => relative(root, resolve(root, dirname(path), name)))
          .filter((target) => target.split("/").length > 3 && target.startsWith("src/adapters/"))
          .filter((target) => target.split("/")[2] !== path.split("/")[2])
          .map((target) => `${path} imports ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  /** Packages that the program is built on, and where each may be imported. */
  const importers: Readonly<Record<string, readonly string[]>> = {
    mqtt: ["src/adapters/mqtt/connection.ts"],
    aedes: ["src/adapters/broker/broker.ts"],
    pino: ["src/adapters/log/log.ts"],
    "pino-pretty": ["src/adapters/log/log.ts"],
    "js-yaml": ["src/config/yaml.ts"],
    "node:sqlite": ["src/adapters/store/"],
    ping: ["src/adapters/checkers/icmp.ts"],
    zod: ["src/config/", "src/adapters/", "src/cli/"],
  };

  it("name each package in one place", () => {
    const wrong = src.flatMap(({ path, imports }) =>
      imports
        .filter((name) => !name.startsWith("."))
        .map((name) => (name.startsWith("node:") ? name : String(name.split("/")[0])))
        .filter((name) => importers[name]?.some((place) => path.startsWith(place)) === false)
        .map((name) => `${path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it("have a sentence in docs/decisions for every package, those for development included", () => {
    const names = z.record(z.string(), z.string());
    const { dependencies, devDependencies } = z
      .object({ dependencies: names, devDependencies: names })
      .parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
    const decisions = readFileSync(join(root, "docs/decisions/dependencies.md"), "utf8");
    const missing = Object.keys({ ...dependencies, ...devDependencies }).filter(
      (name) => !decisions.includes(`\`${name}\``),
    );
    expect(missing).toEqual([]);
  });
});

describe("files", () => {
  it("have kebab-case names", () => {
    const wrong = [...src, ...test]
      .map(({ path }) => path)
      .filter((path) => !/^[a-z0-9/.-]+\.ts$/.test(path));
    expect(wrong).toEqual([]);
  });

  it("say first what they are for", () => {
    const wrong = src.filter(({ text }) => !/^(#!.*\n)?\/\/ \S/.test(text)).map(({ path }) => path);
    expect(wrong).toEqual([]);
  });

  it("of switchers, checkers and shutdowns are in their registry", () => {
    const missing = ["switchers", "checkers", "shutdowns"].flatMap((kind) => {
      const folder = `src/adapters/${kind}/`;
      const registry = src.find(({ path }) => path === `${folder}registry.ts`)?.text ?? "";
      return src
        .filter(
          ({ path, text }) => path.startsWith(folder) && /= define(Switcher|Checker|Shutdown)\(/.test(text),
        )
        .filter(({ path }) => !registry.includes(`"./${path.slice(folder.length)}"`))
        .map(({ path }) => path);
    });
    expect(missing).toEqual([]);
  });

  it("of the sources are all reached from the program's entry or its store's thread", () => {
    const reached = new Set<string>();
    const follow = (path: string): void => {
      const source = src.find((candidate) => candidate.path === path);
      if (source !== undefined && !reached.has(path)) {
        reached.add(path);
        for (const name of source.imports.filter((candidate) => candidate.startsWith("."))) {
          follow(relative(root, resolve(root, dirname(path), name)));
        }
      }
    };
    follow("src/main.ts");
    follow("src/adapters/store/worker.ts");
    const dead = src.map(({ path }) => path).filter((path) => !path.endsWith(".d.ts") && !reached.has(path));
    expect(dead).toEqual([]);
  });
});

describe("time", () => {
  const clocks = new Set(["src/adapters/clock/system-clock.ts", "src/runtime/alarm.ts"]);

  it("is read and waited for in two files only", () => {
    const wrong = src
      .filter(({ path }) => !clocks.has(path))
      .filter(({ text }) =>
        /\b(setTimeout|setInterval|setImmediate|performance\.now|Date\.now|new Date|hrtime)\b/.test(
          withoutComments(text),
        ),
      )
      .map(({ path }) => path);
    expect(wrong).toEqual([]);
  });

  it("is never faked in tests, and modules are never mocked", () => {
    const wrong = test
      .filter(({ path }) => path !== "test/tidy.test.ts")
      .filter(({ text }) => /\b(useFakeTimers|vi\.mock|vi\.doMock|vi\.hoisted)\b/.test(text))
      .map(({ path }) => path);
    expect(wrong).toEqual([]);
  });
});

describe("leftovers", () => {
  it("are not left: no unfinished marks, no silent skips, no suppressions without a reason", () => {
    const marks = /\bTODO\b|\bFIXME\b|\bXXX\b|@ts-ignore/;
    const wrong = [...src, ...test].flatMap(({ path, text }) =>
      text
        .split("\n")
        .map((line, index) => ({ line, place: `${path}:${index + 1}` }))
        .filter(
          ({ line }) =>
            marks.test(line) ||
            /\.(skip|only|todo)\(/.test(line) ||
            (/(oxlint|eslint)-disable/.test(line) && !/(oxlint|eslint)-disable[^\n]* -- \S/.test(line)) ||
            (/@ts-expect-error/.test(line) && !/@ts-expect-error \S/.test(line)),
        )
        .filter(({ place }) => !place.startsWith("test/tidy.test.ts"))
        .map(({ place }) => place),
    );
    expect(wrong).toEqual([]);
  });
});

const withoutComments = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
