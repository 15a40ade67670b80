// The controller's machine: its clocks, which drift, are set, stop and begin anew with every boot, and its processes, which stand
// still and die. What belongs to a dead process never comes back to it, what comes to one that stands still waits.

import { instant, type Instant, type Millis, millis, type WallTime, wallTime } from "../../src/core/time.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Alarm } from "../../src/runtime/alarm.ts";
import type { Scheduler } from "./scheduler.ts";

export interface Host {
  readonly boot: string;
  readonly paused: boolean;
  now(): Instant;
  wall(): WallTime;
  /** The wall clock is set: by so much it jumps. */
  stepWall(ms: number): void;
  /** Its monotonic clock runs at so many of its milliseconds per true one. */
  setRate(rate: number): void;
  /** Every process stands still; `suspended`: the monotonic clock, too. */
  pause(how: "stopped" | "suspended"): void;
  resume(): void;
  /** A new boot: the monotonic clock begins near zero. The caller has killed its processes. */
  reboot(): void;
  spawn(): Process;
}

/** One process on the host. */
export interface Process {
  readonly id: number;
  readonly alive: boolean;
  readonly clock: Clock;
  readonly createAlarm: (ring: () => void) => Alarm;
  /** Call into the process from outside: at once, when it goes on, or never. */
  enter(run: () => void): void;
  /** An effect of the process on the world: the moments between two of these are where it can die. */
  act(run: () => void): void;
  /** Dies at the effect after so many: before or after it is done. */
  dieAt(effects: number, when: "before" | "after"): void;
  /** It goes on living after all. */
  spare(): void;
  kill(): void;
  onDeath(run: () => void): void;
}

/** 2027-01-15, so that no time on the wire is near zero. */
const wallStart = 1_800_000_000_000;

export function createHost(scheduler: Scheduler): Host {
  let boots = 1;
  let processes = 0;
  let wallError = 0;
  let rate = 1;
  let paused: "no" | "stopped" | "suspended" = "no";
  /** The clock showed `shown` at the true time `since`. */
  let since = scheduler.now;
  let shown = 1_000_000;
  let suspendedFor = 0;
  let suspendedAt = 0;
  let waiting: (() => void)[] = [];

  const exact = (): number => (paused === "suspended" ? shown : shown + (scheduler.now - since) * rate);

  function rebase(): void {
    shown = exact();
    since = scheduler.now;
  }

  const now = (): Instant => instant(Math.floor(exact()));
  const wall = (): WallTime => wallTime(wallStart + scheduler.now + wallError);
  const uptime = (): Millis => millis(now() + suspendedFor);

  function enterLater(run: () => void): void {
    if (paused === "no") {
      run();
    } else {
      waiting.push(run);
    }
  }

  return {
    get boot() {
      return `boot-${boots}`;
    },
    get paused() {
      return paused !== "no";
    },
    now,
    wall,
    stepWall(ms) {
      wallError += ms;
    },
    setRate(to) {
      rebase();
      rate = to;
    },
    pause(how) {
      if (paused === "no") {
        rebase();
        paused = how;
        suspendedAt = scheduler.now;
      }
    },
    resume() {
      if (paused === "suspended") {
        suspendedFor += scheduler.now - suspendedAt;
        since = scheduler.now;
      }
      paused = "no";
      const all = waiting;
      waiting = [];
      for (const run of all) {
        run();
      }
    },
    reboot() {
      boots += 1;
      shown = 5000;
      since = scheduler.now;
      suspendedFor = 0;
      waiting = [];
      paused = "no";
    },
    spawn() {
      processes += 1;
      return createProcess(processes, {
        scheduler,
        now,
        wall,
        uptime,
        rate: () => rate,
        boot: `boot-${boots}`,
        enterLater,
      });
    },
  };
}

interface Parts {
  readonly scheduler: Scheduler;
  readonly now: () => Instant;
  readonly wall: () => WallTime;
  readonly uptime: () => Millis;
  readonly rate: () => number;
  readonly boot: string;
  readonly enterLater: (run: () => void) => void;
}

function createProcess(id: number, parts: Parts): Process {
  const { scheduler, now } = parts;
  const deaths: (() => void)[] = [];
  let alive = true;
  let countdown: { left: number; readonly when: "before" | "after" } | undefined;

  const enter = (run: () => void): void => {
    if (alive) {
      parts.enterLater(() => {
        if (alive) {
          run();
        }
      });
    }
  };

  function kill(): void {
    if (alive) {
      alive = false;
      for (const run of deaths) {
        run();
      }
    }
  }

  /** As the real clock does it: who wakes too early by the monotonic clock sleeps on. */
  function timer(length: number, fire: () => void): { stop(): void } {
    const end = now() + Math.max(0, length);
    let stopped = false;
    const arm = (): void => {
      scheduler.after(Math.max(1, (end - now()) / parts.rate()), () => {
        enter(() => {
          if (stopped) {
            return;
          }
          if (now() >= end) {
            stopped = true;
            fire();
          } else {
            arm();
          }
        });
      });
    };
    arm();
    return {
      stop() {
        stopped = true;
      },
    };
  }

  const clock: Clock = {
    boot: parts.boot,
    now,
    wall: parts.wall,
    uptime: parts.uptime,
    sleep: (length, signal) =>
      new Promise((resolve) => {
        const wake = (): void => {
          sleeping.stop();
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        const sleeping = timer(length, wake);
        if (signal?.aborted === true) {
          wake();
        } else {
          signal?.addEventListener("abort", wake, { once: true });
        }
      }),
    deadline(length, also) {
      const ends = new AbortController();
      const running = timer(length, () => ends.abort("the time is over"));
      also?.addEventListener("abort", () => ends.abort("the time is over"), { once: true });
      return { signal: ends.signal, dispose: () => running.stop() };
    },
  };

  return {
    id,
    get alive() {
      return alive;
    },
    clock,
    createAlarm(ring) {
      let armed: { stop(): void } | undefined;
      return {
        set(inMs) {
          armed?.stop();
          armed = timer(inMs, ring);
        },
        clear() {
          armed?.stop();
          armed = undefined;
        },
      };
    },
    enter,
    act(run) {
      if (!alive) {
        return;
      }
      const dies = countdown !== undefined && (countdown.left -= 1) < 0;
      if (dies && countdown?.when === "before") {
        kill();
        return;
      }
      run();
      if (dies) {
        kill();
      }
    },
    dieAt(effects, when) {
      countdown ??= { left: effects, when };
    },
    spare() {
      countdown = undefined;
    },
    kill,
    onDeath(run) {
      deaths.push(run);
    },
  };
}
