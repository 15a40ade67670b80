// Small words for the scripts of this folder: run a program, wait for a sentence, fail with one. Not for the program itself.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { promisify } from "node:util";

export const root = new URL("..", import.meta.url).pathname;

const execute = promisify(execFile);

/** Run a program to its end. @returns what it printed @throws when its status is not 0, with what it printed */
export async function runProgram(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { stdout, stderr } = await execute(program, [...args], { cwd, maxBuffer: 16 * 1024 * 1024 });
  return stdout + stderr;
}

export interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Resolves when its output matches. @throws when it ends before, or takes longer than `withinMs` */
  waitFor(pattern: RegExp, withinMs: number): Promise<RegExpMatchArray>;
  /** End it by its pid with SIGTERM, and wait. @returns its exit status */
  stop(): Promise<number | null>;
}

export function startProgram(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string | undefined>> },
): Running {
  const child = spawn(program, [...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const watchers = new Set<() => void>();
  const heard = (chunk: Buffer): void => {
    output += chunk.toString("utf8");
    for (const watch of watchers) {
      watch();
    }
  };
  child.stdout.on("data", heard);
  child.stderr.on("data", heard);
  const ended = new Promise<number | null>((resolve) => {
    child.on("close", (code) => resolve(code));
  });
  return {
    child,
    output: () => output,
    waitFor: (pattern, withinMs) =>
      new Promise((resolve, reject) => {
        const finish = (settle: () => void): void => {
          clearTimeout(timer);
          watchers.delete(look);
          settle();
        };
        const look = (): void => {
          const found = output.match(pattern);
          if (found !== null) {
            finish(() => resolve(found));
          }
        };
        const timer = setTimeout(
          () => finish(() => reject(new Error(`no ${pattern} within ${withinMs} ms in:\n${output}`))),
          withinMs,
        );
        watchers.add(look);
        child.once("close", (code) => {
          look();
          finish(() => reject(new Error(`it ended with ${code} before ${pattern}:\n${output}`)));
        });
        look();
      }),
    stop: async () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

export function must(holds: boolean, sentence: string): asserts holds {
  if (!holds) {
    throw new Error(sentence);
  }
}
