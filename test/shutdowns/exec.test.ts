// With real processes: what the program's end means, and that it is asked to end before it is killed.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { made, mistakes, soon } from "./parts.ts";

const folder = mkdtempSync(join(tmpdir(), "lastout-shutdown-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shell = (script: string, ...args: string[]) =>
  made({ type: "exec", command: ["/bin/sh", "-c", script, "sh", ...args] });

const written = (file: string) =>
  eventually(`a process has written ${file}`, () => {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    return text.endsWith("\n") ? text.trim() : undefined;
  });

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

describe("The exit status of the program decides", () => {
  it.each([
    ["exit 0", "done", "/bin/sh ended with status 0"],
    ["echo off in 5 s; echo more", "done", "off in 5 s"],
    ["exit 1", "failed", "/bin/sh ended with status 1"],
    ["echo why >&2; exit 255", "failed", "/bin/sh ended with status 255: why"],
    ["kill -TERM $$", "failed", "/bin/sh was ended by SIGTERM"],
  ])("%s is %s: %s", async (script, outcome, message) => {
    expect(await shell(script).run(soon())).toEqual({ outcome, message });
  });
});

it("A program that cannot be started has failed, with the cure", async () => {
  const result = await made({ type: "exec", command: ["/no/such/program"] }).run(soon());
  expect(result.outcome).toBe("failed");
  expect(result.message).toMatch(/^\/no\/such\/program cannot be started: there is no such program/);
});

it("The command is a list that begins with a program", () => {
  expect(mistakes({ type: "exec", command: "poweroff" })).toHaveLength(1);
  expect(mistakes({ type: "exec", command: [] })).toHaveLength(1);
  expect(mistakes({ type: "exec", command: [""] })).toEqual([expect.stringContaining("is empty")]);
  expect(mistakes({ type: "exec", command: ["a", "b\0c"] })).toEqual([expect.stringContaining("NUL")]);
});

const late = {
  outcome: "failed",
  message: "/bin/sh did not end in time and was stopped; whether the machine was told is not known",
};

it("At its deadline the program is asked to end, and has failed whatever it then says", async () => {
  const file = join(folder, "asked");
  const time = new AbortController();
  const script = 'trap "echo asked > $1.done; exit 0" TERM; echo $$ > "$1"; while :; do sleep 0.05; done';
  const running = shell(script, file).run(time.signal);
  const pid = Number(await written(file));
  time.abort();
  expect(await running).toEqual(late);
  expect(readFileSync(`${file}.done`, "utf8")).toBe("asked\n");
  await eventually("it has ended", () => !runs(pid));
});

it("One that does not care to be asked is killed a little later, with all that it started", async () => {
  const file = join(folder, "deaf");
  const time = new AbortController();
  const running = shell('trap "" TERM; sleep 300 & echo $$ $! > "$1"; wait', file).run(time.signal);
  const [parent = 0, child = 0] = (await written(file)).split(" ").map(Number);
  time.abort();
  expect(await running).toEqual(late);
  await eventually("both have ended", () => !runs(parent) && !runs(child));
});

it("What the program leaves behind when it ends as it is asked is killed", async () => {
  const file = join(folder, "left");
  const time = new AbortController();
  const script = '(trap "" TERM; exec sleep 300) >/dev/null 2>&1 & echo $$ $! > "$1"; exec sleep 300';
  const running = shell(script, file).run(time.signal);
  const [parent = 0, child = 0] = (await written(file)).split(" ").map(Number);
  time.abort();
  expect(await running).toEqual(late);
  await eventually("both have ended", () => !runs(parent) && !runs(child));
});
