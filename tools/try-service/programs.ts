// Programs that are started for the trial: each in a session of its own, so that a Ctrl-C reaches only this script, which then ends them
// itself, in order. None is started any more once `signal` says that it is over. What they do is not decided here.

import { spawn } from "node:child_process";
import { must } from "../steps.ts";

export interface Started {
  readonly pid: number;
  readonly text: () => string;
  type(keys: string): void;
  /** The exit status, -1 after a signal. */
  readonly ended: Promise<number>;
}

export interface How {
  /** What is typed when the output ends with a question. */
  readonly answers?: readonly (readonly [RegExp, string])[];
  /** It is ended when it takes longer; default 5 minutes. */
  readonly withinMs?: number;
}

export interface Programs {
  start(file: string, words: readonly string[], how?: How): Started;
  /** To its end. @returns what it printed @throws when its status is not 0, with what it printed */
  run(file: string, words: readonly string[], how?: How): Promise<string>;
  /** Resolves when none runs any more. Those that do after 10 s are killed. */
  allEnded(): Promise<void>;
}

export function createPrograms(signal: AbortSignal): Programs {
  const running = new Map<number, Promise<unknown>>();

  function start(file: string, words: readonly string[], how: How = {}): Started {
    signal.throwIfAborted();
    const child = spawn(file, [...words], { detached: true, stdio: ["pipe", "pipe", "pipe"] });
    let text = "";
    let answered = 0;
    const heard = (chunk: Buffer): void => {
      text += chunk.toString();
      const answer = how.answers?.find(([question]) => question.test(text.slice(answered)));
      if (answer !== undefined) {
        answered = text.length;
        child.stdin.write(answer[1]);
      }
    };
    child.stdin.on("error", () => undefined); // It has ended by itself.
    child.stdout.on("data", heard);
    child.stderr.on("data", heard);
    const { pid = 0 } = child;
    const end = (): void => signalGroup(pid, "SIGTERM");
    const ended = new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve(code ?? -1));
    }).finally(() => {
      running.delete(pid);
      signal.removeEventListener("abort", end);
    });
    ended.catch(() => undefined); // Whoever waits hears of it.
    running.set(pid, ended);
    signal.addEventListener("abort", end);
    return { pid, text: () => text, type: (keys) => child.stdin.write(keys), ended };
  }

  async function run(file: string, words: readonly string[], how: How = {}): Promise<string> {
    const { withinMs = 300_000 } = how;
    const program = start(file, words, how);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      signalGroup(program.pid, "SIGKILL");
    }, withinMs);
    const status = await program.ended.finally(() => clearTimeout(timer));
    signal.throwIfAborted();
    const line = `'${[file, ...words].at(-1)}'`;
    must(!late, `${line} took longer than ${withinMs / 1000} s:\n${program.text()}`);
    must(status === 0, `${line} ended with ${status}:\n${program.text()}`);
    return program.text();
  }

  async function allEnded(): Promise<void> {
    const timer = setTimeout(() => {
      for (const pid of running.keys()) {
        signalGroup(pid, "SIGKILL");
      }
    }, 10_000);
    await Promise.allSettled(running.values());
    clearTimeout(timer);
  }
  return { start, run, allEnded };
}

/** The program and what it has started itself. */
function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    if (pid !== 0) {
      process.kill(-pid, name);
    }
  } catch {
    // It has ended meanwhile.
  }
}
