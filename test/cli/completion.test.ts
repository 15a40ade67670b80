// The completion scripts in real shells: what they offer at a place, from the same table as the help. The names behind them: fresh,
// remembered, or left out in time.

import { chmodSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { commands } from "../../src/cli/commands.ts";
import { needing } from "../support/needs.ts";
import { type FakeController, startFakeController, stateObject } from "./fake-controller.ts";
import {
  cleanEnv,
  endAll,
  lastout,
  lastoutHere,
  mainFile,
  startProgram,
  temporaryDirectory,
} from "./processes.ts";

// Each question of a shell starts a process.
vi.setConfig({ testTimeout: 60_000 });

let fake: FakeController;
/** A home, with a program `lastout` in its `bin`. */
const home = temporaryDirectory();

beforeAll(async () => {
  fake = await startFakeController({ resources: ["build1", "build2", "scope"] });
  for (const name of ["build1", "build2", "scope"]) {
    await fake.publish(name, stateObject(), true);
  }
  await fake.publish("builders", { state: "off", free: 2, members: 2 }, true);
  // Anybody may publish on a broker: what could be expanded by a shell is no name.
  await fake.publish("$(touch harm)", stateObject(), true);
  fake.held.get("build1")?.add("job:12@ci");
  mkdirSync(join(home, "bin"));
  const program = join(home, "bin", "lastout");
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${mainFile}" "$@"\n`);
  chmodSync(program, 0o755);
});
afterEach(endAll);
afterAll(() => fake.close());

const env = (): Record<string, string> => ({
  ...cleanEnv(),
  PATH: `${join(home, "bin")}:${process.env["PATH"] ?? ""}`,
  HOME: home,
  TERM: "dumb",
  LASTOUT_URL: fake.url,
});

/** Lines, and what is offered there: all of it, or with `includes` some of it. */
const offers: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["lastout re", ["release", "reload", "renew"]],
  ["lastout wait build1 --for ", ["available", "off", "powered"]],
  ["lastout wait build1 --for=p", ["powered"]],
  ["lastout acquire build1 --wait g", ["granted"]],
  ["lastout override build1 o", ["off", "on"]],
  ["lastout completion ", ["bash", "fish", "zsh"]],
  ["lastout help ru", ["run"]],
  ["lastout run build1 --exc", ["--exclusive"]],
  ["lastout run ", ["build1", "build2", "builders", "scope"]],
  ["lastout run --ttl 5m bui", ["build1", "build2", "builders"]],
  ["lastout --base lab run sc", ["scope"]],
  ["lastout hold scope,builde", ["scope,builders"]],
  ["lastout status build1 sc", ["scope"]],
  ["lastout wait build1 ", []],
  ["lastout run build1 --ttl ", []],
  ["lastout run scope -- lastou", ["lastout"]],
];

async function shell(file: string, words: readonly string[]): Promise<string> {
  // fish makes folders of its own there.
  const own = temporaryDirectory();
  const run = startProgram(file, words, { ...env(), HOME: own, XDG_CONFIG_HOME: own });
  run.child.stdin?.end();
  const exit = await run.ended;
  expect({ exit, err: run.err() }).toEqual({ exit: 0, err: "" });
  return run.out();
}

async function script(name: string): Promise<string> {
  const { exit, out } = await lastoutHere(["completion", name]);
  expect(exit).toBe(0);
  const file = join(home, `completion.${name}`);
  writeFileSync(file, out);
  return file;
}

const unique = (text: string): string[] =>
  [...new Set(text.split("\n").filter((one) => one !== ""))].toSorted();

test.each(["bash", "zsh", "fish"])("The script for %s has every command and every option", async (name) => {
  const text = readFileSync(await script(name), "utf8");
  const missing: string[] = [];
  for (const { name: command, load } of commands) {
    const { options } = await load();
    const wanted = Object.keys(options).map((option) => (name === "fish" ? `-l ${option}` : `--${option}`));
    missing.push(...[command, ...wanted].filter((word) => !text.includes(word)));
  }
  expect(missing).toEqual([]);
});

/** Called as readline does it: with the line and its end, and the characters at which it cuts words. */
const offeredByBash = async (file: string, line: string): Promise<string[]> =>
  unique(
    await shell("bash", [
      "-c",
      `source "$1"
       [[ $(complete -p lastout) == *"-F _lastout lastout" ]] || exit 1
       COMP_LINE=$2 COMP_POINT=\${#2} COMP_WORDBREAKS=$' \\t\\n"\\'@><=;|&(:'
       _lastout lastout
       printf '%s\\n' "\${COMPREPLY[@]}"`,
      "bash",
      file,
      line,
    ]),
  );

describe("bash", needing("bash"), () => {
  test("offers what can stand there", async () => {
    const file = await script("bash");
    await shell("bash", ["-n", file]);
    for (const [line, offered] of offers) {
      expect([line, await offeredByBash(file, line)]).toEqual([line, offered]);
    }
  });

  test("completes the ids of tokens, although it cuts words at their colons and at signs", async () => {
    const file = await script("bash");
    expect(await offeredByBash(file, "lastout release build1 ")).toEqual(["job:12@ci"]);
    expect(await offeredByBash(file, "lastout release build1 job:1")).toEqual(["12@ci"]);
    expect(await offeredByBash(file, "lastout renew build2 ")).toEqual([]);
  });
});

describe("fish", needing("fish"), () => {
  test("offers what can stand there", async () => {
    const file = await script("fish");
    await shell("fish", ["-n", file]);
    for (const [line, offered] of offers) {
      const listed = await shell("fish", ["-N", "-c", `source ${file}; complete -C '${line}'`]);
      const words = unique(listed.replaceAll(/\t.*$/gm, "")).map((word) => word.replace(/^--for=/, ""));
      expect([line, words]).toEqual([line, offered]);
    }
    expect(await shell("fish", ["-N", "-c", `source ${file}; complete -C 'lastout release build1 '`])).toBe(
      "job:12@ci\n",
    );
  });
});

describe("zsh", needing("zsh"), () => {
  test("completes what can stand there, in its own line editor", async () => {
    const file = await script("zsh");
    await shell("zsh", ["-n", file]);
    // A shell in a terminal of zsh's own: the line is typed with a tabulator, and a function says what the words then are.
    const listed = await shell("zsh", [
      "-f",
      "-c",
      `zmodload zsh/zpty
       zpty z 'zsh -f -i'
       zpty -w z "PROMPT='> '; autoload -Uz compinit; compinit -u -D; source $1
         lastout() { [[ \\$1 == completion ]] && { command lastout \\"\\$@\\"; return }; print -r -- \\"<\\$*>\\" }; echo re''ady"
       zpty -r -m z out '*ready*'
       shift
       for line; do
         zpty -w -n z "$line"$'\\t'
         zpty -w z ' #'
         zpty -r -m z out '*<*>*'
         print -r -- "\${\${out##*<}%%>*}"
       done
       zpty -d z`,
      "zsh",
      file,
      "lastout rele",
      "lastout wait build1 --for p",
      "lastout override build1 au",
      "lastout run sc",
      "lastout hold scope,builde",
      "lastout release build1 ",
      "lastout run scope --excl",
      "lastout status build1 sc",
      "lastout run scope -- lastou",
    ]);
    expect(listed.trim().split("\n")).toEqual([
      "release #",
      "wait build1 --for powered #",
      "override build1 auto #",
      "run scope #",
      "hold scope,builders #",
      "release build1 job:12@ci #",
      "run scope --exclusive #",
      "status build1 scope #",
      "run scope -- lastout #",
    ]);
  });
});

const names = (more: Readonly<Record<string, string>> = {}) =>
  lastout(["completion", "--names"], { LASTOUT_URL: fake.url, ...more });
const tokens = (of: string) => lastout(["completion", "--tokens", of], { LASTOUT_URL: fake.url });

describe("The names", () => {
  test("Names come from the broker, one a line, and nothing that is no name", async () => {
    expect(await names()).toEqual({ exit: 0, out: "build1\nbuild2\nbuilders\nscope\n", err: "" });
  });

  test("They are remembered for a minute, for each controller by itself, where only the user can read", async () => {
    const cache = temporaryDirectory();
    const other = await startFakeController();
    await other.publish("first", stateObject(), true);
    const here = { XDG_CACHE_HOME: cache, LASTOUT_URL: other.url };
    expect((await names(here)).out).toBe("first\n");
    await other.publish("second", stateObject(), true);
    expect((await names(here)).out).toBe("first\n");
    expect((await names({ XDG_CACHE_HOME: cache })).out).toContain("build1");
    await other.close();
    const folder = join(cache, "lastout");
    const files = readdirSync(folder).filter((name) => name.startsWith("names-"));
    expect(files).toHaveLength(2);
    for (const name of files) {
      const path = join(folder, name);
      const memory: { at: number } = JSON.parse(readFileSync(path, "utf8"));
      writeFileSync(path, JSON.stringify({ ...memory, at: memory.at - 61_000 }));
      utimesSync(path, 0, 0);
    }
    // Old, and the broker is gone: better than nothing.
    expect(await names(here)).toEqual({ exit: 0, out: "first\n", err: "" });
    expect((await names({ XDG_CACHE_HOME: cache })).out).toContain("builders");
  });

  test("A damaged memory is as good as none", async () => {
    const cache = temporaryDirectory();
    expect((await names({ XDG_CACHE_HOME: cache })).out).toContain("scope");
    const folder = join(cache, "lastout");
    for (const name of readdirSync(folder).filter((one) => one.startsWith("names-"))) {
      writeFileSync(join(folder, name), '{"at":');
    }
    expect((await names({ XDG_CACHE_HOME: cache })).out).toContain("scope");
  });

  test.each([["--names"], ["--tokens=build1"]])(
    "A broker that takes a connection and is silent costs a second at most: %s",
    async (word) => {
      const silent = createServer(() => {});
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
      const address = silent.address();
      const port = typeof address === "object" ? (address?.port ?? 0) : 0;
      const begun = systemClock.now();
      const run = await lastout(["completion", word], { LASTOUT_URL: `mqtt://127.0.0.1:${port}` });
      expect(run).toEqual({ exit: 0, out: "", err: "" });
      // The second, and what the start of a process takes on a busy machine.
      expect(systemClock.now() - begun).toBeLessThan(5000);
      silent.close();
    },
  );

  test.each([
    ["a broker that is away", { LASTOUT_URL: "mqtt://127.0.0.1:1" }],
    ["settings that are wrong", { LASTOUT_URL: "nonsense" }],
  ])("With %s there are none, and nothing is said", async (_what, wrong) => {
    expect(await names(wrong)).toEqual({ exit: 0, out: "", err: "" });
    expect(await lastout(["completion", "--tokens", "build1"], wrong)).toEqual({ exit: 0, out: "", err: "" });
  });

  test("Tokens are those held on that resource; for what is no resource there are none", async () => {
    expect(await tokens("build1")).toEqual({ exit: 0, out: "job:12@ci\n", err: "" });
    expect(await tokens("no/resource")).toEqual({ exit: 0, out: "", err: "" });
    expect(await tokens("nothing")).toEqual({ exit: 0, out: "", err: "" });
  });
});

test.each([
  [["completion"], "no shell is named; usage: lastout completion bash|zsh|fish"],
  [["completion", "tcsh"], "there is no completion for 'tcsh'; usage: lastout completion bash|zsh|fish"],
  [["completion", "bash", "zsh"], "one word too many: 'zsh'"],
])("The words %j are exit 64", async (words, text) => {
  const run = await lastoutHere(words);
  expect(run).toMatchObject({ exit: 64, out: "" });
  expect(run.err).toContain(text);
});
