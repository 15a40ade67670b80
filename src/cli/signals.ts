// Signals that ask a command to end: as a reason to stop waiting, and which of them a child gets without our doing.

import { readFileSync } from "node:fs";
import { type EndingSignal, exitOfSignal, Interrupted, signalNumbers } from "./exit-codes.ts";

/** @returns the end of listening */
export function onSignals(
  signals: readonly EndingSignal[],
  listener: (signal: EndingSignal) => void,
): () => void {
  const listeners = signals.map((signal) => ({ signal, hear: () => listener(signal) }));
  for (const { signal, hear } of listeners) {
    process.on(signal, hear);
  }
  return () => {
    for (const { signal, hear } of listeners) {
      process.off(signal, hear);
    }
  };
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
