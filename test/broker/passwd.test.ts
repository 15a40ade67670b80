// The password file: what mosquitto_passwd writes is understood, what is wrong is told with its line, and no password is told at all.

import { execFileSync } from "node:child_process";
import { createHash, pbkdf2Sync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePasswd, passwordFits } from "../../src/adapters/broker/passwd.ts";
import { needing } from "../support/needs.ts";

const salt = Buffer.from("0123456789ab");
const base64 = (bytes: Buffer): string => bytes.toString("base64");
const pbkdf2Line = (user: string, password: string, iterations = 101): string =>
  `${user}:$7$${iterations}$${base64(salt)}$${base64(pbkdf2Sync(password, salt, iterations, 64, "sha512"))}`;
const sha512Line = (user: string, password: string): string =>
  `${user}:$6$${base64(salt)}$${base64(createHash("sha512").update(password).update(salt).digest())}`;

const fits = (text: string, user: string, password: string): Promise<boolean> =>
  passwordFits(parsePasswd(text).users.get(user), Buffer.from(password));

describe("a password file", () => {
  const text = `# the lab\n\n${pbkdf2Line("laforge", "engage")}\r\n${sha512Line("data", "spot")}\n${pbkdf2Line("bärbel", "x:y$z", 1)}`;

  it("lets users in with their own password and nothing else", async () => {
    expect(parsePasswd(text).bad).toEqual([]);
    expect(await fits(text, "laforge", "engage")).toBe(true);
    expect(await fits(text, "data", "spot")).toBe(true);
    expect(await fits(text, "bärbel", "x:y$z")).toBe(true);
    expect(await fits(text, "laforge", "spot")).toBe(false);
    expect(await fits(text, "laforge", "")).toBe(false);
    expect(await fits(text, "data", "engage")).toBe(false);
    expect(await fits(text, "riker", "engage")).toBe(false);
    expect(await fits(text, "__proto__", "")).toBe(false);
  });

  it.each([
    ["no colon", "laforge", /no user name/],
    ["no user", ":$7$101$a$b", /no user name/],
    ["a plain password", "laforge:engage", /no hashed password.*mosquitto_passwd/],
    ["an empty password", "laforge:", /no hashed password/],
    ["argon2id", "laforge:$argon2id$v=19$m=47104,t=1,p=1$c2FsdA$aGFzaA", /argon2id.*-H sha512-pbkdf2/],
    ["an unknown hash", "laforge:$5$abc$def", /unknown kind/],
    ["a short hash", `laforge:$7$101$${base64(salt)}$AAAA`, /not whole/],
    ["no base64", `laforge:$7$101$${base64(salt)}$${"!".repeat(88)}`, /not whole/],
    ["no salt", pbkdf2Line("laforge", "x").replace(base64(salt), ""), /not whole/],
    ["no iterations", pbkdf2Line("laforge", "x").replace("$101$", "$0$"), /iterations/],
    ["iterations that are no number", pbkdf2Line("laforge", "x").replace("$101$", "$1e1x$"), /iterations/],
    ["too many iterations", pbkdf2Line("laforge", "x").replace("$101$", "$1000001$"), /iterations/],
    ["a user who is there already", pbkdf2Line("data", "x"), /earlier line/],
  ])("with %s is refused, with the line and without the password", (_what, line, expected) => {
    const { bad } = parsePasswd(`# comment\n${sha512Line("data", "spot")}\n${line}\n`);
    expect(bad).toHaveLength(1);
    expect(bad[0]?.line).toBe(3);
    expect(bad[0]?.what).toMatch(expected);
    expect(bad[0]?.what).not.toContain("engage");
  });

  it("takes the highest number of iterations that it allows", () => {
    const line = pbkdf2Line("laforge", "x").replace("$101$", "$1000000$");
    expect(parsePasswd(line).bad).toEqual([]);
  });

  it("of any content is read without an error, every line being a user, bad, a comment or blank", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" }), { maxLength: 20 }), (lines) => {
        const any = lines.join("\n");
        const { users, bad } = parsePasswd(any);
        expect(users.size + bad.length).toBeLessThanOrEqual(any.split("\n").length);
      }),
    );
  });
});

describe("what mosquitto_passwd writes", needing("mosquitto"), () => {
  it.each(["sha512", "sha512-pbkdf2"])("with -H %s is understood", async (kind) => {
    const directory = mkdtempSync(join(tmpdir(), "lastout-passwd-"));
    try {
      const file = join(directory, "passwd");
      execFileSync("mosquitto_passwd", ["-H", kind, "-c", "-b", file, "laforge", "warp 9: engage!"]);
      execFileSync("mosquitto_passwd", ["-H", kind, "-b", file, "bärbel", "ü"]);
      const text = readFileSync(file, "utf8");
      expect(parsePasswd(text).bad).toEqual([]);
      expect(await fits(text, "laforge", "warp 9: engage!")).toBe(true);
      expect(await fits(text, "laforge", "warp 9")).toBe(false);
      expect(await fits(text, "bärbel", "ü")).toBe(true);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
