// Tells systemd what the program is doing, by its own program `systemd-notify`: Node has no datagram sockets in the file system, and
// a package that brings them would have to be compiled. So the unit needs `NotifyAccess=all`. What is told, and when: runtime/service.ts.

import { millis } from "../../core/time.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { ServiceManager } from "../../ports/service-manager.ts";
import { commandRunner, type Ended, firstLine } from "../run-command.ts";

/** `systemd-notify` waits up to 5 s until systemd has taken the message (sd_notify_barrier(3)), so that it is not gone too early. */
const tellMs = millis(6000);
/** More than that waits only when systemd does not listen any more. */
const mostWaiting = 16;

/** @param env NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID of sd_notify(3) and sd_watchdog_enabled(3) */
export function serviceManager(
  env: Readonly<Record<string, string | undefined>>,
  parts: { readonly clock: Clock; readonly log: Log },
): ServiceManager {
  const { clock, log } = parts;
  const socket = env["NOTIFY_SOCKET"] ?? "";
  if (socket === "") {
    return { watchdog: undefined, tell: () => undefined, close: () => Promise.resolve() };
  }
  const run = commandRunner();
  const environment = { PATH: env["PATH"] ?? "/usr/bin:/bin", NOTIFY_SOCKET: socket };
  const waiting: (readonly string[])[] = [];
  let telling: Promise<void> | undefined;
  let failed = false;

  async function tellAll(): Promise<void> {
    for (let words = waiting.shift(); words !== undefined; words = waiting.shift()) {
      const deadline = clock.deadline(tellMs);
      const ended = await run(["systemd-notify", ...words], environment, deadline.signal);
      deadline.dispose();
      const reason = failureOf(ended);
      if (reason !== undefined && !failed) {
        log.warn({ reason }, "The service manager cannot be told how the program does");
      }
      failed = reason !== undefined;
    }
    telling = undefined;
  }

  return {
    watchdog: watchdogOf(env),
    tell(variables) {
      const words = Object.entries(variables).map(
        ([name, value]) => `${name}=${value.replaceAll("\n", " ")}`,
      );
      if (waiting.length < mostWaiting && waiting.at(-1)?.join("\n") !== words.join("\n")) {
        waiting.push(words);
      }
      telling ??= tellAll();
    },
    async close() {
      await telling;
    },
  };
}

function watchdogOf(env: Readonly<Record<string, string | undefined>>): ServiceManager["watchdog"] {
  const { WATCHDOG_USEC: length = "", WATCHDOG_PID: pid = "" } = env;
  // A process id that is not ours: the variables were inherited from a program that is watched itself.
  return /^[1-9]\d{0,15}$/.test(length) && (pid === "" || pid === String(process.pid))
    ? millis(Math.floor(Number(length) / 1000))
    : undefined;
}

/** Half a sentence; `undefined` when all is well. */
function failureOf(ended: Ended): string | undefined {
  switch (ended.kind) {
    case "exited": {
      const line = firstLine(ended.output);
      return ended.status === 0
        ? undefined
        : `systemd-notify ended with status ${ended.status}${line === "" ? "" : `: ${line}`}`;
    }
    case "failed":
      return ended.code === "ENOENT"
        ? "there is no program systemd-notify (Debian: apt install systemd)"
        : `systemd-notify cannot be started (${ended.code})`;
    case "killed-by":
      return `systemd-notify was ended by ${ended.name}`;
    case "aborted":
    case "stuck":
      return "it did not take the message in time";
  }
}
