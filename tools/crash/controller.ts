// The controller as the real process that is killed and started again, over all its lives; it notices when a life ends by itself.
// What is lost or kept by that is not judged here.

import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { root } from "../steps.ts";

export interface Controller {
  /** How often it was killed so far. */
  readonly kills: number;
  start(): void;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM. @returns its exit status */
  stop(): Promise<number | null>;
  /** What it logged last, over its lives. */
  lastLines(count: number): readonly string[];
}

const keptCharacters = 100_000;

/**
 * @param logFile everything that it logs is added to this file, and when it was started and killed; `undefined`: only the end is kept
 * @param diedAlone called when it ends without having been told to
 */
export function createController(
  main: string,
  configFile: string,
  logFile: string | undefined,
  diedAlone: (sentence: string) => void,
): Controller {
  let child: ChildProcess | undefined;
  let ended: Promise<number | null> = Promise.resolve(null);
  let told = true;
  let kills = 0;
  let log = "";

  const keep = (chunk: Buffer | string): void => {
    log = (log + chunk.toString()).slice(-keptCharacters);
    if (logFile !== undefined) {
      appendFileSync(logFile, chunk);
    }
  };
  const remark = (sentence: string): void => keep(`--- ${new Date().toISOString()} ${sentence}\n`);
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    told = true;
    child?.kill(signal);
    return ended;
  };
  return {
    get kills() {
      return kills;
    },
    start() {
      remark("start");
      const started = spawn(process.execPath, [main, "serve", "--config", configFile], {
        cwd: root,
        stdio: ["ignore", "pipe", "pipe"],
      });
      started.stdout.on("data", keep);
      started.stderr.on("data", keep);
      told = false;
      child = started;
      ended = new Promise((resolve) => {
        started.once("error", (error) => diedAlone(`the controller could not be started: ${error.message}`));
        started.once("close", (code, signal) => {
          if (!told) {
            diedAlone(`the controller ended by itself, with ${code ?? signal}`);
          }
          child = undefined;
          resolve(code);
        });
      });
    },
    async kill() {
      if (child !== undefined) {
        kills += 1;
        remark(`kill ${kills}`);
        await end("SIGKILL");
      }
    },
    stop: () => end("SIGTERM"),
    lastLines: (count) => log.trimEnd().split("\n").slice(-count),
  };
}
