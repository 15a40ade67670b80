// The real clocks, and the real timers for waiting. The only file that reads the time and, with the runtime's alarm, the only
// one that sets timers. Not a place for policy: how long to wait is decided by those who ask.

import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import type { Clock } from "../../ports/clock.ts";
import { type Instant, instant, type Millis, millis, wallTime } from "../../core/time.ts";

/**
 * The longest delay of a Node timer; a longer one fires after 1 ms instead.
 * Source: Node.js documentation, "Timers", `setTimeout`: https://nodejs.org/api/timers.html
 */
const longestTimerMs = 2_147_483_647;

/**
 * Instants count from the boot of the machine and are the same in all its processes: `process.hrtime` is `clock_gettime(CLOCK_MONOTONIC)`
 * on Linux, which counts from boot and stands still while the machine is suspended
 * (https://man7.org/linux/man-pages/man2/clock_gettime.2.html). So instants that an earlier process stored under the same
 * boot id can be compared with those of this one.
 */
export const systemClock: Clock = {
  now: () => instant(Number(process.hrtime.bigint() / 1_000_000n)),
  wall: () => wallTime(Date.now()),
  // Counts the time that the machine was suspended, unlike `now` (libuv, `uv_uptime`: CLOCK_BOOTTIME on Linux).
  uptime: () => millis(Math.round(uptime() * 1000)),
  boot: readBootId(),
  sleep,
  deadline,
};

/** Linux makes a random id at every boot: https://man7.org/linux/man-pages/man5/proc_sys_kernel.5.html */
function readBootId(): string | undefined {
  try {
    const id = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return id === "" ? undefined : id;
  } catch {
    return undefined; // Another system, or a container without /proc: after a restart the wall clock has to do.
  }
}

function sleep(length: Millis, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const timer = startTimer(length, "holds the process", () => {
      signal?.removeEventListener("abort", wake);
      resolve();
    });
    const wake = (): void => {
      timer.stop();
      resolve();
    };
    signal?.addEventListener("abort", wake, { once: true });
  });
}

function deadline(length: Millis, also?: AbortSignal): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  if (also?.aborted === true) {
    controller.abort(also.reason);
    return { signal: controller.signal, dispose: () => undefined };
  }
  const dispose = (): void => {
    timer.stop();
    also?.removeEventListener("abort", follow);
  };
  const follow = (): void => {
    dispose();
    controller.abort(also?.reason);
  };
  // The timer does not hold the process: the call that it guards does, and once that is done nobody needs the deadline.
  const timer = startTimer(length, "lets the process end", () => {
    dispose();
    controller.abort(new DOMException(`no answer within ${length} ms`, "TimeoutError"));
  });
  also?.addEventListener("abort", follow, { once: true });
  return { signal: controller.signal, dispose };
}

/** One timer after the other until `length` has passed on the monotonic clock; `fire` is never called from within this call. */
function startTimer(
  length: Millis,
  exit: "holds the process" | "lets the process end",
  fire: () => void,
): { stop(): void } {
  const end = nowMs() + Math.max(length, 0);
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    // Infinity is a length, too: it is cut up for ever. Rounded up, because a timer may fire up to a millisecond early.
    timer = setTimeout(check, Math.min(Math.ceil(end - nowMs()), longestTimerMs));
    if (exit === "lets the process end") {
      timer.unref();
    }
  };
  const check = (): void => {
    if (nowMs() >= end) {
      fire();
    } else {
      arm();
    }
  };
  arm();
  return { stop: () => clearTimeout(timer) };
}

const nowMs = (): Instant => systemClock.now();
