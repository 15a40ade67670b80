// Real processes of the program for the tests of the command line, run from the sources; and waiting for what they do.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { runCommandLine } from "../../src/cli/command-line.ts";
import { millis } from "../../src/core/time.ts";

export const mainFile = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export interface Started {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  /** The exit status, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

const started = new Set<ChildProcess>();

/** Without the user's own settings. */
export const cleanEnv = (env: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  XDG_CONFIG_HOME: "/nonexistent",
  ...env,
});

export function start(words: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  return startProgram(process.execPath, [mainFile, ...words], cleanEnv(env));
}

export function startProgram(
  file: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Started {
  const child = spawn(file, words, { env, stdio: ["pipe", "pipe", "pipe"] });
  started.add(child);
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      started.delete(child);
      resolve(code ?? signal ?? "SIGKILL");
    });
  });
  return { child, out: () => out, err: () => err, ended };
}

export interface Finished {
  readonly exit: number | NodeJS.Signals;
  readonly out: string;
  readonly err: string;
}

/** Run to its end. */
export async function lastout(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const run = start(words, env);
  run.child.stdin?.end();
  const exit = await run.ended;
  return { exit, out: run.out(), err: run.err() };
}

/** The same within this process, which is faster; for commands that need no process of their own. */
export async function lastoutHere(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const written = { out: "", err: "" };
  const exit = await runCommandLine(words, {
    stdout: {
      write: (text, done) => {
        written.out += text;
        done?.();
      },
    },
    stderr: { write: (text) => (written.err += text) },
    env: cleanEnv(env),
  });
  return { exit, ...written };
}

/** For `afterEach`: ends what a failed test left running. */
export function endAll(): void {
  for (const child of started) {
    child.kill("SIGKILL");
  }
}

export async function eventually(what: string, met: () => boolean, withinMs = 10_000): Promise<void> {
  const end = systemClock.now() + withinMs;
  while (!met()) {
    if (systemClock.now() >= end) {
      throw new Error(`this did not happen within ${withinMs} ms: ${what}`);
    }
    await systemClock.sleep(millis(10));
  }
}

export const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), "lastout-cli-"));
