// Runs one program for the adapters: no shell, little environment, bounded output, nothing left behind when time is
// up. What its exit status means is for the kinds to say.

import { type ChildProcess, spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import { orAborted } from "./or-aborted.ts";

export type Ended =
  | {
      readonly kind: "exited";
      readonly status: number;
      /** Standard output, and after it what went to standard error. */
      readonly output: string;
      /** Standard error alone. */
      readonly errors: string;
    }
  | { readonly kind: "killed-by"; readonly name: string }
  /** The signal of the call aborted; the program and what it had started are ended. */
  | { readonly kind: "aborted" }
  /** It could not be started: `ENOENT`, `EACCES`, ... */
  | { readonly kind: "failed"; readonly code: string }
  /** One that was killed has still not ended, as a program can that waits for a dead disk. A second one would not help. */
  | { readonly kind: "stuck" };

export type RunCommand = (
  command: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<Ended>;

/** More is read and thrown away, so that the program is not held up by a full pipe. */
const longestOutput = 65_536;

/** What is asked to end (SIGTERM) gets this long before it is killed: enough to close a connection. */
const graceMs = millis(2000);

/**
 * @param clock for programs that are asked to end before they are killed; absent: they are killed at once
 * @returns a function that never rejects; it lets the program of the last call end before it starts another
 */
export function commandRunner(clock?: Clock): RunCommand {
  const alive = new Set<Promise<true>>();
  return async (command, environment, signal) => {
    while (alive.size > 0) {
      if ((await orAborted(Promise.all(alive), signal)) === undefined) {
        return { kind: "stuck" };
      }
    }
    if (signal.aborted) {
      return { kind: "aborted" };
    }
    const [file, ...args] = command;
    let child: ChildProcess;
    try {
      // Its own process group, so that all of it can be killed at once.
      child = spawn(file, args, { detached: true, env: environment, stdio: ["ignore", "pipe", "pipe"] });
    } catch (error) {
      return { kind: "failed", code: codeOf(error) };
    }
    if (child.pid !== undefined) {
      const exit = new Promise<true>((resolve) => {
        child.once("exit", () => {
          alive.delete(exit);
          resolve(true);
        });
      });
      alive.add(exit);
    }
    return ending(child, signal, clock);
  };
}

function ending(child: ChildProcess, signal: AbortSignal, clock: Clock | undefined): Promise<Ended> {
  const texts = boundedTexts(child);
  let exited: { readonly status: number | null; readonly name: string | null } | undefined;
  let inTime: Ended | undefined;
  let grace: ReturnType<Clock["deadline"]> | undefined;
  const now = (): Ended => {
    if (exited === undefined) {
      return { kind: "aborted" };
    }
    const { status, name } = exited;
    return status === null
      ? { kind: "killed-by", name: name ?? "a signal" }
      : { kind: "exited", status, ...texts() };
  };
  return new Promise((resolve) => {
    const finish = (ended: Ended): void => {
      signal.removeEventListener("abort", abort);
      grace?.dispose();
      resolve(ended);
    };
    const kill = (): void => {
      signalGroup(child, "SIGKILL");
      child.stdout?.destroy();
      child.stderr?.destroy();
      finish(inTime ?? { kind: "aborted" });
    };
    const abort = (): void => {
      // Where the program itself ended in time but something that it started holds its output open, its status counts.
      inTime = now();
      if (clock === undefined) {
        kill();
        return;
      }
      grace = clock.deadline(graceMs);
      grace.signal.addEventListener("abort", kill, { once: true });
      signalGroup(child, "SIGTERM");
    };
    signal.addEventListener("abort", abort, { once: true });
    child.once("error", (error) => finish({ kind: "failed", code: codeOf(error) }));
    child.once("exit", (status, name) => {
      exited = { status, name };
    });
    child.once("close", () => {
      if (grace !== undefined) {
        signalGroup(child, "SIGKILL"); // what it started and what did not care to be asked
      }
      finish(inTime ?? now());
    });
  });
}

/** What went to the two outputs, at most `longestOutput` bytes of each. */
function boundedTexts(child: ChildProcess): () => { readonly output: string; readonly errors: string } {
  const texts = [child.stdout, child.stderr].map((stream) => {
    const kept: Buffer[] = [];
    let room = longestOutput;
    stream?.on("data", (piece: Buffer) => {
      if (room > 0) {
        kept.push(Buffer.from(piece.subarray(0, room)));
        room -= Math.min(room, piece.length);
      }
    });
    stream?.on("error", () => undefined); // A broken pipe is the end of the output, and `close` tells of that.
    return () => Buffer.concat(kept).toString("utf8");
  });
  return () => {
    const [output = "", errors = ""] = texts.map((text) => text());
    return { output: `${output}\n${errors}`, errors };
  };
}

function signalGroup(child: ChildProcess, name: "SIGTERM" | "SIGKILL"): void {
  if (child.pid === undefined) {
    return;
  }
  try {
    process.kill(-child.pid, name);
  } catch {
    // ESRCH: the whole group has ended already, which is what was wanted. EPERM: it took on
    // another user's rights, as with sudo; then it has to end by itself.
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : String(error);
}

/** @param code why a program could not be started, as in `Ended` */
export function whyNotStarted(code: string): string {
  switch (code) {
    case "ENOENT":
      return "there is no such program; write its whole path, and see that the interpreter in its first line exists";
    case "EACCES":
      return "it may not be executed by this user; try chmod +x";
    case "ENOEXEC":
      return "it is no program; a script needs a first line such as #!/bin/sh";
    default:
      return code;
  }
}

const longestLine = 200;

/** The first line that says something, without control characters, for a person. Empty when there is none. */
export function firstLine(output: string): string {
  for (const line of output.split(/[\r\n\u2028\u2029]/u)) {
    // Escape sequences go as a whole, or their letters would be left: `[31m`.
    const clean = stripVTControlCharacters(line)
      .replaceAll("\t", " ")
      .replaceAll(/[\p{Cc}\p{Cf}\uFFFD]/gu, "")
      .trim();
    if (clean !== "") {
      const characters = Array.from(clean);
      return characters.length > longestLine ? `${characters.slice(0, longestLine - 3).join("")}...` : clean;
    }
  }
  return "";
}
