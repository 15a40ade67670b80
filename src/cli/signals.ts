// Signals that ask a command to end: as a reason to stop waiting, which of them a child gets without our doing, and whether a hangup was to be
// ignored from the start.

import { readFileSync } from "node:fs";
import { type EndingSignal, exitOfSignal, Interrupted, signalNumbers } from "./exit-codes.ts";

/** @returns the end of listening */
export function onSignals(
  signals: readonly EndingSignal[],
  listener: (signal: EndingSignal) => void,
): () => void {
  const listeners = signals.map((signal) => ({ signal, hear: () => listener(signal) }));
  for (const { signal, hear } of listeners) {
    // Without a listener Node would end by it; and so this one stays to the end.
    process.on(signal, signal === "SIGHUP" && hangupIsIgnored() ? ignore : hear);
  }
  return () => {
    for (const { signal, hear } of listeners) {
      process.off(signal, hear);
    }
  };
}

function ignore(): void {}

/**
 * Whether we were started to outlive a hangup, by `nohup` or from a script that ignores it. Node sets every signal to its default before it
 * runs any of our code (nodejs/node#615), so the process itself no longer knows: what is left are the name of the program that the
 * shell started, which bash and zsh put into the environment as `_`, and the parent's own dispositions.
 */
export function hangupIsIgnored(): boolean {
  ignored ??= /(^|\/)nohup$/.test(process.env["_"] ?? "") || parentIgnoresHangup();
  return ignored;
}

/** Asked once: later the parent may be another. */
let ignored: boolean | undefined;

/** proc_pid_status(5): SigIgn is a mask in hexadecimal digits, SIGHUP (1) its lowest bit. Only on Linux. */
function parentIgnoresHangup(): boolean {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${process.ppid}/status`, "utf8"))?.[1];
    return mask !== undefined && (Number.parseInt(mask.slice(-1), 16) & 1) === 1;
  } catch {
    return false;
  }
}

/** Aborts with `Interrupted` at the first signal; a second one ends the program at once, whatever it is doing. */
export function interruption(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const dispose = onSignals(["SIGINT", "SIGTERM", "SIGHUP"], (signal) => {
    if (controller.signal.aborted) {
      process.exit(exitOfSignal(signalNumbers[signal]));
    }
    controller.abort(new Interrupted(signal));
  });
  return { signal: controller.signal, dispose };
}

/**
 * Which signals to hand to a child in our process group. A key on the terminal (^C, ^\) and its hangup go to every process of the
 * foreground group: the child has them already, and a second copy would make many programs end without cleaning up.
 * POSIX.1-2024, 11.1.9 "Special Characters" and 11.1.10 "Modem Disconnect".
 */
export function forwarding(): (signal: EndingSignal) => boolean {
  const hadTerminal = terminalGroup().terminal;
  return (signal) => {
    switch (signal) {
      case "SIGTERM":
        return true;
      case "SIGINT":
      case "SIGQUIT":
        return !terminalGroup().foreground;
      case "SIGHUP":
        // Asked at the start: after a hangup there is no terminal any more.
        return !hadTerminal;
    }
  };
}

/** proc_pid_stat(5): pgrp, tty_nr and tpgid are the fields 5, 7 and 8; the second one, in brackets, may hold anything. */
function terminalGroup(): { readonly terminal: boolean; readonly foreground: boolean } {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { terminal: terminal !== "0", foreground: terminal !== "0" && group === foreground };
  } catch {
    // Not Linux: a standard stream on a terminal is the best guess.
    const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
    return { terminal, foreground: terminal };
  }
}
