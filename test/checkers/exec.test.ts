// With real processes: what their exit status means, what of their output is shown, and that none outlives its check.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { checkerOptions, createChecker } from "../../src/adapters/checkers/registry.ts";
import { commandRunner, firstLine } from "../../src/adapters/run-command.ts";
import { eventually } from "../support/eventually.ts";
import { parts } from "./parts.ts";

const folder = mkdtempSync(join(tmpdir(), "lastout-exec-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const checker = (...command: string[]) =>
  createChecker(checkerOptions.parse({ type: "exec", command }), parts());
const shell = (script: string, ...args: string[]) => checker("/bin/sh", "-c", script, "sh", ...args);
const soon = () => AbortSignal.timeout(20_000);

/** A process that was killed may wait a while for its parent to take note: it no longer runs. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, "utf8"));
}

const written = (file: string) =>
  eventually(`a process has written ${file}`, () => {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    return text.endsWith("\n") ? text.trim() : undefined;
  });

describe("The exit status of the program decides", () => {
  it.each([
    ["exit 0", "up", "exit status 0"],
    ["exit 1", "down", "exit status 1"],
    ["exit 2", "error", "/bin/sh ended with status 2"],
    ["exit 255", "error", "/bin/sh ended with status 255"],
    ["kill -TERM $$", "error", "/bin/sh was ended by SIGTERM"],
    ["echo fine; echo more", "up", "fine"],
    ["echo; echo gone; exit 1", "down", "gone"],
    ["echo why >&2; exit 3", "error", "/bin/sh ended with status 3: why"],
    ["echo second >&2; echo first", "up", "first"],
    ["printf '\\033[31mred\\033[0m\\tand\\007 loud\\n'", "up", "red and loud"],
    ["printf '\\377\\376ok\\n'", "up", "ok"],
  ])("%s is %s: %s", async (script, outcome, message) => {
    expect(await shell(script).check(soon())).toEqual({ outcome, message });
  });
});

describe("A program that cannot be started is an error, with the cure", () => {
  const plain = join(folder, "plain");
  writeFileSync(plain, "echo hello\n", { mode: 0o644 });
  const orphan = join(folder, "orphan");
  writeFileSync(orphan, "#!/no/such/interpreter\n", { mode: 0o755 });

  it.each([
    ["/no/such/program", /^\/no\/such\/program cannot be started: there is no such program/],
    [orphan, /interpreter in its first line/],
    [plain, /may not be executed by this user; try chmod \+x$/],
    [folder, /cannot be started/],
  ])("%s", async (program, message) => {
    const result = await checker(program).check(soon());
    expect(result.outcome).toBe("error");
    expect(result.message).toMatch(message);
  });

  it("and its arguments are no place for a NUL, nor is a program without a name", () => {
    expect(checkerOptions.safeParse({ type: "exec", command: ["/bin/true", "a\0b"] }).success).toBe(false);
    expect(checkerOptions.safeParse({ type: "exec", command: [""] }).success).toBe(false);
    expect(checkerOptions.safeParse({ type: "exec", command: [] }).success).toBe(false);
    expect(checkerOptions.safeParse({ type: "exec", command: "/bin/true" }).success).toBe(false);
  });

  it("and more arguments than the system can take are an error, too", async () => {
    const result = await checker("/bin/true", "x".repeat(3_000_000)).check(soon());
    expect(result).toEqual({ outcome: "error", message: "/bin/true cannot be started: E2BIG" });
  });
});

it("No shell reads the arguments", async () => {
  const result = await checker("/bin/echo", "$HOME", ";", "`id`", "*").check(soon());
  expect(result.message).toBe("$HOME ; `id` *");
});

it("The program gets few variables: PATH and HOME, but none of the secrets of this process", async () => {
  process.env["LASTOUT_TEST_SECRET"] = "hush";
  const result = await shell('echo "${PATH:+path} ${HOME:+home} ${LASTOUT_TEST_SECRET:-none}"').check(soon());
  delete process.env["LASTOUT_TEST_SECRET"];
  expect(result.message).toBe("path home none");
});

it("The program has no input to wait for", async () => {
  expect(await checker("/bin/cat").check(soon())).toEqual({ outcome: "up", message: "exit status 0" });
});

it("A program that prints without end is not held up, and at most 64 KiB of each of its outputs are kept", async () => {
  const script = 'x() { head -c 50000000 /dev/zero | tr "\\0" x; }; x; x >&2; exit 1';
  const ended = await commandRunner()(["/bin/sh", "-c", script], { PATH: process.env["PATH"] ?? "" }, soon());
  expect(ended).toEqual({
    kind: "exited",
    status: 1,
    output: `${"x".repeat(65_536)}\n${"x".repeat(65_536)}`,
    errors: "x".repeat(65_536),
  });
});

it("At its timeout the program is killed with all that it started, and the check is down", async () => {
  const file = join(folder, "pids");
  const time = new AbortController();
  const checking = shell('trap "" TERM; sleep 300 & echo $$ $! > "$1"; wait', file).check(time.signal);
  const [parent = 0, child = 0] = (await written(file)).split(" ").map(Number);
  expect([runs(parent), runs(child)]).toEqual([true, true]);
  time.abort();
  expect(await checking).toEqual({ outcome: "down", message: "no answer within the timeout" });
  await eventually("both processes have ended", () => !runs(parent) && !runs(child));
});

it("The status of a program counts even if something that it started holds its output open, and is killed then", async () => {
  const file = join(folder, "left");
  const time = new AbortController();
  const checking = shell('sleep 300 & echo fine; echo $$ $! > "$1"; exit 0', file).check(time.signal);
  const [parent = 0, child = 0] = (await written(file)).split(" ").map(Number);
  await eventually("the program has ended", () => !runs(parent));
  await eventually("its end was noticed", () => !existsSync(`/proc/${parent}`));
  time.abort();
  expect(await checking).toEqual({ outcome: "up", message: "fine" });
  await eventually("what it left has ended", () => !runs(child));
});

it("A check begins when the program of the last one has ended, so that there is one at a time", async () => {
  const file = join(folder, "turns");
  const one = shell('echo in >> "$1"; sleep 0.05; echo out >> "$1"', file);
  const results = await Promise.all([one.check(soon()), one.check(soon()), one.check(soon())]);
  expect(results.map(({ outcome }) => outcome)).toEqual(["up", "up", "up"]);
  expect(readFileSync(file, "utf8").trim().split("\n")).toEqual(["in", "out", "in", "out", "in", "out"]);
});

describe("The first line of an output", () => {
  it.each([
    ["", ""],
    ["\n \r\n\t\n", ""],
    ["one\ntwo", "one"],
    ["\r\n  one  \r\ntwo", "one"],
    ["a\u202Eb\u0000c\u0085d", "abcd"],
    ["x".repeat(200), "x".repeat(200)],
    ["x".repeat(201), `${"x".repeat(197)}...`],
    ["😀".repeat(201), `${"😀".repeat(197)}...`],
  ])("%j is %j", (output, line) => {
    expect(firstLine(output)).toBe(line);
  });
});
