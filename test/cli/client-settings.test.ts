// Where broker and credentials come from, in which order, and what each mistake says.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { clientOptions, readArguments } from "../../src/cli/arguments.ts";
import { type ClientSettings, clientSettings } from "../../src/cli/client-settings.ts";
import { CommandError } from "../../src/cli/exit-codes.ts";
import { temporaryDirectory } from "./processes.ts";

const nowhere = { XDG_CONFIG_HOME: "/nonexistent" };

function settings(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ClientSettings> {
  return clientSettings(readArguments(words, clientOptions), { ...nowhere, ...env });
}

async function mistake(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  try {
    await settings(words, env);
  } catch (error) {
    if (error instanceof CommandError) {
      return `${error.exit}: ${error.message}`;
    }
    throw error;
  }
  return "none";
}

function withFile(text: string): { readonly XDG_CONFIG_HOME: string; readonly path: string } {
  const home = temporaryDirectory();
  mkdirSync(join(home, "lastout"));
  const path = join(home, "lastout", "client.yaml");
  writeFileSync(path, text);
  return { XDG_CONFIG_HOME: home, path };
}

/** What passes for a PEM file. */
const pem = (name: string): string => `-----BEGIN ${name}-----\n`;

describe("Client settings", () => {
  test("Without anything it is the broker on this machine, nobody, and the base lastout", async () => {
    expect(await settings([])).toEqual({
      url: "mqtt://127.0.0.1:1883",
      username: undefined,
      password: undefined,
      base: "lastout",
    });
  });

  test("Flags come before the environment, and that before the user's file, each key by itself", async () => {
    const { XDG_CONFIG_HOME } = withFile(
      "url: mqtt://file\nusername: filer\npassword: from-file\nbase: filebase\nbearer: x\n",
    );
    const env = { XDG_CONFIG_HOME, LASTOUT_USERNAME: "enver", LASTOUT_BASE: "envbase", LASTOUT_PASSWORD: "" };
    expect(await settings(["--base", "flagbase"], env)).toEqual({
      url: "mqtt://file",
      username: "enver",
      password: "from-file",
      base: "flagbase",
    });
  });

  test("What is wrong in the user's file is a mistake of the configuration, and not of the call", async () => {
    const home = temporaryDirectory();
    mkdirSync(join(home, "lastout"));
    const path = join(home, "lastout", "client.yaml");
    writeFileSync(path, "url: http://broker.lab\n");
    const env = { XDG_CONFIG_HOME: home };
    expect(await mistake([], env)).toContain(`78: ${path}: url: this release has no REST API`);
    expect(await mistake(["--url", "http://x"], env)).toContain("64: --url: ");
    writeFileSync(path, "base: a/+\n");
    expect(await mistake([], env)).toContain(`78: ${path}: base: 'a/+' is no base topic`);
    expect(await mistake([], { ...env, LASTOUT_BASE: "#" })).toContain("64: LASTOUT_BASE: ");
  });

  test("The password file is read up to the end of its first line and comes before the environment", async () => {
    const path = join(temporaryDirectory(), "password");
    writeFileSync(path, "s3cret with blanks \r\nnot this\n");
    expect((await settings(["--password-file", path], { LASTOUT_PASSWORD: "other" })).password).toBe(
      "s3cret with blanks ",
    );
    writeFileSync(path, "\n");
    expect(await mistake(["--password-file", path])).toBe(
      `64: --password-file: the first line of ${path} is empty`,
    );
    expect(await mistake(["--password-file", "/nonexistent/pw"])).toContain("64: --password-file: ENOENT");
  });

  describe("for TLS", () => {
    const home = temporaryDirectory();
    mkdirSync(join(home, "lastout"));
    const path = join(home, "lastout", "client.yaml");
    for (const name of ["ca", "cert", "key"]) {
      writeFileSync(join(home, "lastout", `${name}.pem`), pem(`FILE ${name}`));
      writeFileSync(join(home, `${name}.pem`), pem(`ENV ${name}`));
    }
    const fromFile = { XDG_CONFIG_HOME: home };

    test("are read from the files that the user's file names, beside it or with their whole path", async () => {
      writeFileSync(path, `ca: ca.pem\ncert: ${home}/lastout/cert.pem\nkey: ./key.pem\n`);
      expect(await settings([], fromFile)).toMatchObject({
        ca: pem("FILE ca"),
        cert: pem("FILE cert"),
        key: pem("FILE key"),
      });
    });

    test("come from the environment before the user's file", async () => {
      writeFileSync(path, "ca: ca.pem\ncert: cert.pem\nkey: key.pem\n");
      const env = { ...fromFile, LASTOUT_CA: join(home, "ca.pem"), LASTOUT_KEY: join(home, "key.pem") };
      expect(await settings([], env)).toMatchObject({
        ca: pem("ENV ca"),
        cert: pem("FILE cert"),
        key: pem("ENV key"),
      });
    });

    test("name the place of a file that cannot be read", async () => {
      writeFileSync(path, "ca: nowhere.pem\n");
      expect(await mistake([], fromFile)).toMatch(/^78: .*client.yaml: ca: ENOENT.*nowhere.pem/);
      expect(await mistake([], { LASTOUT_CA: "/nonexistent/ca.pem" })).toMatch(/^64: LASTOUT_CA: ENOENT/);
    });

    test("must be in PEM form", async () => {
      expect(await mistake([], { LASTOUT_CA: path })).toBe(
        `64: LASTOUT_CA: ${path} is not in PEM form (-----BEGIN ...)`,
      );
    });

    test("have a key for each certificate, and the other way round", async () => {
      expect(await mistake([], { LASTOUT_CERT: join(home, "cert.pem") })).toBe(
        "64: LASTOUT_CERT: needs the key beside it (LASTOUT_KEY, or 'key' in the file)",
      );
      expect(await mistake([], { LASTOUT_KEY: join(home, "key.pem") })).toBe(
        "64: LASTOUT_KEY: needs the cert beside it (LASTOUT_CERT, or 'cert' in the file)",
      );
    });
  });

  test("A user name may stand in the URL, a password may not, wherever the URL comes from", async () => {
    expect(await settings(["--url", "mqtt://b%40t@broker.lab:1884"])).toMatchObject({
      url: "mqtt://broker.lab:1884",
      username: "b@t",
    });
    for (const text of [
      await mistake(["--url", "mqtt://bob:hunter2@broker.lab"]),
      await mistake([], { LASTOUT_URL: "mqtt://bob:hunter2@broker.lab" }),
      await mistake([], withFile("url: mqtt://bob:hunter2@broker.lab\n")),
    ]) {
      expect(text).toMatch(/^64: |^78: .*client\.yaml: url: /);
      expect(text).toContain("the URL holds a password; give it by --password-file FILE");
      expect(text).not.toContain("hunter2");
    }
  });

  test.each([
    ["http://broker.lab", "64: --url: this release has no REST API"],
    ["https://broker.lab", "64: --url: this release has no REST API"],
    ["tcp://broker.lab", "64: --url: 'tcp:' does not reach a broker; use mqtt://"],
    ["broker.lab", "64: --url: this is no URL"],
    ["broker.lab:1883", "64: --url: 'broker.lab:' does not reach a broker"],
    ["mqtt://", "64: --url: "],
  ])("The URL %s is refused with a cure", async (url, text) => {
    expect(await mistake(["--url", url])).toContain(text);
  });

  test.each([
    "mqtts://broker.lab",
    "ws://broker.lab:9001/mqtt",
    "wss://broker.lab/mqtt?x=1",
    "mqtt://[::1]:1884",
  ])("The URL %s is taken as it is", async (url) => {
    expect((await settings(["--url", url])).url).toBe(url);
  });

  test.each(["/lastout", "lastout/", "a//b", "a/+", "#", "$SYS", "x".repeat(129)])(
    "The base %s is refused",
    async (base) => {
      expect(await mistake(["--base", base])).toContain("64: --base: ");
    },
  );

  test("A base may have levels", async () => {
    expect((await settings(["--base", "lab/berlin/lastout"])).base).toBe("lab/berlin/lastout");
  });

  test("An unknown key in the user's file is a mistake with its place", async () => {
    const file = withFile("url: mqtt://x\n\npasword: y\n");
    expect(await mistake([], file)).toBe(
      `78: ${file.path}:3:1: unknown key 'pasword'; did you mean 'password'?`,
    );
  });

  test("A value that is no text is a mistake with its place", async () => {
    const file = withFile("# mine\nusername: 12\n");
    expect(await mistake([], file)).toBe(
      `78: ${file.path}:2:1: 'username' must be a text; put it in quotes if it looks like a number`,
    );
  });

  test("A file that is no mapping, or no YAML, is a mistake", async () => {
    expect(await mistake([], withFile("mqtt://broker\n"))).toContain(
      "client.yaml:1:1: expected keys and values: url, username",
    );
    expect(await mistake([], withFile("url: [\n"))).toMatch(/^78: .*client\.yaml:\d+:\d+: /);
  });

  test("An empty file and one of comments set nothing", async () => {
    expect((await settings([], withFile(""))).base).toBe("lastout");
    expect((await settings([], withFile("# url: mqtt://x\n\n  # more\n"))).url).toBe("mqtt://127.0.0.1:1883");
  });

  test("A relative XDG_CONFIG_HOME is ignored, as its specification says", async () => {
    expect((await settings([], { XDG_CONFIG_HOME: "relative", HOME: "/nonexistent" })).base).toBe("lastout");
  });
});
