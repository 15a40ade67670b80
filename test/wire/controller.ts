// The controller as the real process it is in a lab: started with a configuration file, told to stop, killed, started again.
// Nothing about brokers and sockets here.

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const mainFile = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

type Exit = number | NodeJS.Signals;

export interface Controller {
  readonly pid: number;
  readonly running: boolean;
  /** Everything that it has logged, over all its lives, one JSON object a line. */
  log(): string;
  /** Resolves to the exit status of the present life. */
  readonly ended: Promise<Exit>;
  start(): void;
  /** SIGKILL; resolves when the process is gone. */
  kill9(): Promise<void>;
  /** SIGTERM. */
  stop(): Promise<Exit>;
}

/** All that this test process has started and that still runs. */
const children = new Set<ChildProcess>();
process.once("exit", () => children.forEach((child) => child.kill("SIGKILL")));

/** Without the settings of whoever runs the tests. */
const cleanEnv = (env: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  XDG_CONFIG_HOME: "/nonexistent",
  ...env,
});

/** Any program; it is ended with this test process at the latest. */
export function startProgram(
  file: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { readonly child: ChildProcess; out(): string; err(): string; readonly ended: Promise<Exit> } {
  const child = spawn(file, words, { env: cleanEnv(env), stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<Exit>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      children.delete(child);
      resolve(code ?? signal ?? "SIGKILL");
    });
  });
  return { child, out: () => out, err: () => err, ended };
}

/** A command line of the program, run to its end. */
export async function lastout(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly exit: Exit; readonly out: string; readonly err: string }> {
  const run = startProgram(process.execPath, [mainFile, ...words], env);
  const exit = await run.ended;
  return { exit, out: run.out(), err: run.err() };
}

export function createController(configFile: string): Controller {
  const earlier: string[] = [];
  let present: ReturnType<typeof startProgram> | undefined;

  const signal = async (name: NodeJS.Signals): Promise<Exit> => {
    if (present === undefined) {
      throw new Error("the controller was never started");
    }
    present.child.kill(name);
    return present.ended;
  };

  return {
    get pid() {
      return present?.child.pid ?? 0;
    },
    get running() {
      return present !== undefined && present.child.exitCode === null && present.child.signalCode === null;
    },
    log: () => earlier.join("") + (present?.out() ?? "") + (present?.err() ?? ""),
    get ended() {
      return present?.ended ?? Promise.reject(new Error("the controller was never started"));
    },
    start() {
      if (present !== undefined) {
        earlier.push(present.out(), present.err());
      }
      present = startProgram(process.execPath, [mainFile, "serve", "--config", configFile]);
    },
    async kill9() {
      await signal("SIGKILL");
    },
    stop: () => signal("SIGTERM"),
  };
}
