// Goal: a command of the packed program keeps what was compiled, takes it at the next call, and is never harmed by it. Method: the real
// program as it is packed, with a home of its own.

import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { buildAside } from "../../tools/build/aside.ts";
import { needing } from "../support/needs.ts";
import { cleanEnv, startProgram, temporaryDirectory } from "./processes.ts";

let main = "";
beforeAll(async () => {
  const built = await buildAside();
  main = built.main;
  return () => built.remove();
}, 60_000);

interface Home {
  readonly path: string;
  readonly call: (...words: readonly string[]) => Promise<string>;
  /** What is kept, as paths below the folder of kept code. */
  readonly kept: () => readonly string[];
  readonly file: (name: string) => string;
}

function home(env: Readonly<Record<string, string>> = {}): Home {
  const path = temporaryDirectory();
  const code = join(path, ".cache", "lastout", "code");
  return {
    path,
    call: async (...words) => {
      const { ended, out, err } = startProgram(
        process.execPath,
        [main, ...words],
        cleanEnv({ HOME: path, XDG_CONFIG_HOME: "", ...env }),
      );
      expect(`${await ended}${err()}`).toBe("0");
      return out();
    },
    kept: () =>
      existsSync(code)
        ? readdirSync(code, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => entry.name)
            .toSorted()
        : [],
    file: (name) => join(code, String(readdirSync(code)[0]), name),
  };
}

/** Long ago, to see whether a file is written again. */
const longAgo = new Date("2020-01-01T00:00:00Z");
const isUntouched = (file: string): boolean => statSync(file).mtimeMs === longAgo.getTime();

describe("what was compiled is kept", () => {
  it("in the user's cache folder, for each command, and taken at the next call", async () => {
    const { call, kept, file } = home();
    const schema = await call("schema");
    expect(kept()).toEqual(["schema"]);
    await call("completion", "bash");
    expect(kept()).toEqual(["completion", "schema"]);
    expect(statSync(file("schema")).mode & 0o777).toBe(0o600);
    expect(statSync(join(file("schema"), "..")).mode & 0o777).toBe(0o700);
    utimesSync(file("schema"), longAgo, longAgo);
    expect(await call("schema")).toBe(schema);
    expect(isUntouched(file("schema"))).toBe(true);
  });

  it("apart for --help, which runs next to nothing of a command; and of nothing that failed halfway", async () => {
    const { path, call, kept } = home();
    await call("acquire", "--help");
    await call("--version");
    expect(kept()).toEqual(["other"]);
    const { ended } = startProgram(
      process.execPath,
      [main, "acquire", "build1", "--url", "mqtt://127.0.0.1:1"],
      cleanEnv({ HOME: path }),
    );
    expect(await ended).toBe(69);
    expect(kept()).toEqual(["other"]);
  });

  it("not by a controller, which is not started so often", async () => {
    const { call, kept } = home();
    await call("serve", "--help");
    expect(kept()).toEqual([]);
  });

  it("where XDG_CACHE_HOME says; and nowhere for who has no home", async () => {
    const cache = temporaryDirectory();
    const { call, kept } = home({ XDG_CACHE_HOME: cache });
    await call("schema");
    expect([readdirSync(join(cache, "lastout")), kept()]).toEqual([["code"], []]);
    const nobody = join(cache, "nobody");
    const without = home({ HOME: nobody });
    await without.call("schema");
    expect(existsSync(nobody)).toBe(false);
  });

  it("and that of another build goes", async () => {
    const { path, call, kept } = home();
    const older = join(path, ".cache", "lastout", "code", "packed-older-v22.13.0-x64");
    mkdirSync(older, { recursive: true });
    writeFileSync(join(older, "acquire"), "");
    await call("schema");
    expect(existsSync(older)).toBe(false);
    expect(kept()).toEqual(["schema"]);
  });
});

describe("what was kept does no harm", () => {
  it.each<readonly [string, (code: Buffer) => Buffer]>([
    ["a bit that has changed", (code) => changed(code, Math.floor(code.length / 4))],
    ["a bit that has changed in the second half", (code) => changed(code, code.length - 100)],
    ["half of it", (code) => code.subarray(0, code.length / 2)],
    ["an odd length", (code) => code.subarray(1)],
    ["zeros", (code) => Buffer.alloc(code.length)],
    ["the same rubbish twice", (code) => Buffer.alloc(code.length, "rubbish!")],
    ["nothing", () => Buffer.alloc(0)],
  ])("when it is damaged: %s", async (_what, damage) => {
    const { call, file } = home();
    const schema = await call("schema");
    const good = readFileSync(file("schema"));
    writeFileSync(file("schema"), damage(good));
    utimesSync(file("schema"), longAgo, longAgo);
    expect(await call("schema")).toBe(schema);
    expect(isUntouched(file("schema"))).toBe(false); // made anew
    utimesSync(file("schema"), longAgo, longAgo);
    expect(await call("schema")).toBe(schema);
    expect(isUntouched(file("schema"))).toBe(true); // and good
  });

  it("where others may write, too: then it is neither taken nor written", async () => {
    const { call, file } = home();
    await call("schema");
    utimesSync(file("schema"), longAgo, longAgo);
    chmodSync(join(file("schema"), ".."), 0o770);
    await call("schema");
    await call("completion", "bash");
    expect(existsSync(file("completion"))).toBe(false);
    rmSync(file("schema"));
    await call("schema");
    expect(existsSync(file("schema"))).toBe(false);
  });

  it("to folders of others: a link is not followed, and what is not of a build stays", async () => {
    const { path, call, kept } = home();
    const code = join(path, ".cache", "lastout", "code");
    const elsewhere = temporaryDirectory();
    writeFileSync(join(elsewhere, "precious"), "");
    mkdirSync(join(path, ".cache", "lastout"), { recursive: true });
    symlinkSync(elsewhere, code);
    await call("schema");
    expect(readdirSync(elsewhere)).toContain("precious");
    rmSync(code);
    mkdirSync(join(code, "notes"), { recursive: true });
    await call("schema");
    expect(kept()).toEqual(["schema"]);
    expect(existsSync(join(code, "notes"))).toBe(true);
  });

  it("to the home of a user, for root: nothing is made there", needing("root"), async () => {
    const { path, call } = home();
    chownSync(path, 65_534, 65_534); // nobody's
    await call("schema");
    expect(readdirSync(path)).toEqual([]);
  });

  it("to who wants none", async () => {
    const { path, call } = home({ NODE_DISABLE_COMPILE_CACHE: "1" });
    await call("schema");
    expect(readdirSync(path)).toEqual([]);
  });

  it("when it cannot be put in its place: no draft is left", async () => {
    const { path, call, kept } = home();
    await call("completion", "bash");
    const [build = ""] = readdirSync(join(path, ".cache", "lastout", "code"));
    mkdirSync(join(path, ".cache", "lastout", "code", build, "schema", "in-the-way"), { recursive: true });
    await call("schema");
    expect(kept()).toEqual(["completion"]);
  });

  it("where the folder cannot be made", async () => {
    const { path, call } = home();
    writeFileSync(join(path, ".cache"), "no folder");
    await call("schema");
    expect(readFileSync(join(path, ".cache"), "utf8")).toBe("no folder");
  });

  it("in two calls at once", async () => {
    const { call, kept } = home();
    const schemas = await Promise.all(Array.from({ length: 4 }, () => call("schema")));
    expect(new Set(schemas).size).toBe(1);
    expect(kept()).toEqual(["schema"]);
    await call("schema");
  });
});

function changed(code: Buffer, at: number): Buffer {
  const copy = Buffer.from(code);
  copy[at] = 255 - Number(copy[at]);
  return copy;
}
