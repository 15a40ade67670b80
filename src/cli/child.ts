// One command as a child with our standard streams, in our process group. Only starting it and hearing how it ended.

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { type EndingSignal, exits, exitOfSignal } from "./exit-codes.ts";

export interface Child {
  /** Never rejects. `problem`: why it could not be started, for a person. */
  readonly ended: Promise<{ readonly exit: number; readonly problem: string | undefined }>;
  /** Nothing when it has ended. */
  kill(signal: EndingSignal): void;
}

/** POSIX.1-2024, 2.15 "trap": what is ignored stays ignored over exec, also where Node has set it to its default for every child. */
const ignoringHangup = ["/bin/sh", "-c", 'trap "" HUP; exec "$@"', "lastout"];

/** @param ignoresHangup start it so that it outlives a hangup, as after `nohup` */
export function startChild(
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  ignoresHangup: boolean,
): Child {
  const [file = "", ...words] = ignoresHangup ? [...ignoringHangup, ...command] : command;
  const child = spawn(file, words, { stdio: "inherit", env: { ...env } });
  const ended = new Promise<{ exit: number; problem: string | undefined }>((resolve) => {
    child.on("error", (error) => {
      if (child.pid === undefined) {
        const missing = "code" in error && error.code === "ENOENT";
        resolve({
          exit: missing ? exits.notFound : exits.cannotExecute,
          problem: `${file} ${missing ? "was not found; is it in PATH?" : `could not be started: ${error.message}`}`,
        });
      }
    });
    child.on("exit", (code, signal) => {
      resolve({
        exit: code ?? exitOfSignal(signal === null ? 0 : constants.signals[signal]),
        problem: undefined,
      });
    });
  });
  return {
    ended,
    kill: (signal) => {
      child.kill(signal);
    },
  };
}
