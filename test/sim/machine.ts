// A simulated machine behind one or more relays, and the Checker and Shutdown ports that speak to it: it boots slowly or never, hangs,
// answers now and then, goes down when it is told to, only partly, late, or not at all, and somebody may be working at it.

import type { Checker } from "../../src/ports/checker.ts";
import type { Shutdown, ShutdownResult } from "../../src/ports/shutdown.ts";
import type { Process } from "./clock.ts";
import type { Random } from "./random.ts";
import type { Scheduler, Task } from "./scheduler.ts";

export interface MachineOptions {
  /** Between these a boot takes its time, ms. */
  readonly bootTime: readonly [number, number];
  /** How long it goes on answering after it took a shutdown, ms. */
  readonly leaveTime: readonly [number, number];
  /** How long it goes on writing to its disks, and drawing power, when it answers no more, ms. */
  readonly syncTime: number;
  /** Whether anything can see that it is gone; else the outcome of its shutdown is all there is. */
  readonly checked: boolean;
}

/** What it makes of the next shutdown: does it, says no, does it and says no, is not reached, never goes, loses its network and stays. */
export type Mood = "obeys" | "refuses" | "lies" | "unreachable" | "hangs" | "partly";

export type Outcome = "up" | "down" | "error";

export interface Machine {
  /** Its operating system runs and answers. */
  readonly up: boolean;
  /** Power taken now would be power taken from a running system. */
  readonly running: boolean;
  /** It went down and waits for its power to be cut. */
  readonly halted: boolean;
  readonly watts: number;
  /** True time since when it runs, and every check would have said so; since when it draws as much as a running one. */
  readonly answersSince: number | undefined;
  readonly drawsSince: number | undefined;
  /** True time since when somebody works at it (`keepWhile`). */
  readonly busySince: number | undefined;
  /** It was told to shut down then, since it has power. */
  readonly toldAt: number | undefined;
  /** It does not get through so many of its next boots. */
  badBoots: number;
  mood: Mood;
  hang(hangs: boolean): void;
  /** Probabilities that one look at it fails, and that it cannot be made. */
  flap(flaps: number, errors: number): void;
  work(busy: boolean): void;
  power(live: boolean): void;
  /** What hung goes on, and no boot is slow any more: one that takes longer than its `bootTimeout` never comes to an end. */
  recover(): void;
  checker(process: Process, checked: (outcome: Outcome) => void): Checker;
  guard(process: Process, checked: (outcome: Outcome) => void): Checker;
  shutdown(process: Process, told: () => void): Shutdown;
}

interface Parts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly options: MachineOptions;
}

type State = "dark" | "booting" | "running" | "leaving" | "syncing" | "halted";

export function createMachine({ scheduler, random, options }: Parts): Machine {
  let state: State = "dark";
  let next: Task | undefined;
  let hangs = false;
  let flaps = 0;
  let errors = 0;
  let answersSince: number | undefined;
  let drawsSince: number | undefined;
  let busySince: number | undefined;
  let toldAt: number | undefined;
  let { bootTime } = options;

  const answers = (): boolean => (state === "running" || state === "leaving") && !hangs;

  function note(): void {
    const steady = answers() && flaps === 0 && errors === 0;
    answersSince = steady ? (answersSince ?? scheduler.now) : undefined;
    const draws = state !== "dark" && state !== "halted";
    drawsSince = draws ? (drawsSince ?? scheduler.now) : undefined;
  }

  function become(to: State, ms?: number, then?: () => void): void {
    state = to;
    next?.cancel();
    next = ms === undefined || then === undefined ? undefined : scheduler.after(ms, then);
    note();
  }

  const boot = (): void => become("booting", random.int(...bootTime), () => become("running"));
  const sync = (): void =>
    machine.mood === "partly"
      ? become("syncing")
      : become("syncing", options.syncTime, () => become("halted"));
  const leave = (): void =>
    machine.mood === "hangs" ? become("leaving") : become("leaving", random.int(...options.leaveTime), sync);

  /** What comes of a shutdown command now. */
  function takeShutdown(): ShutdownResult {
    toldAt = scheduler.now;
    if (!answers() || machine.mood === "unreachable") {
      return { outcome: "unsure", message: "it could not be reached" };
    }
    if (machine.mood === "refuses") {
      return { outcome: "failed", message: "permission denied" };
    }
    if (state === "running") {
      leave();
    }
    if (machine.mood === "lies") {
      return { outcome: "failed", message: "the command ended with 1" };
    }
    return random.chance(0.5) || !options.checked
      ? { outcome: "done", message: "the command ended with 0" }
      : { outcome: "accepted", message: "the connection was closed" };
  }

  const look = (
    process: Process,
    checked: (outcome: Outcome) => void,
    outcomeNow: () => Outcome | undefined,
  ): Checker => ({
    check: (signal) =>
      new Promise((resolve) => {
        const end = (outcome: Outcome, message: string): void => {
          asked.cancel();
          signal.removeEventListener("abort", giveUp);
          checked(outcome);
          resolve({ outcome, message });
        };
        const giveUp = (): void => end("down", "no answer in time");
        const asked = scheduler.after(random.int(1, 40), () =>
          process.enter(() => {
            const outcome = outcomeNow();
            if (outcome !== undefined) {
              end(outcome, outcome);
            }
          }),
        );
        signal.addEventListener("abort", giveUp, { once: true });
      }),
  });

  const machine: Machine = {
    get up() {
      return answers();
    },
    get running() {
      return state === "running" || state === "leaving" || state === "syncing";
    },
    get halted() {
      return state === "halted";
    },
    get watts() {
      return state === "dark" ? 0 : state === "halted" ? 3 : 80;
    },
    get answersSince() {
      return answersSince;
    },
    get drawsSince() {
      return drawsSince;
    },
    get busySince() {
      return busySince;
    },
    get toldAt() {
      return toldAt;
    },
    badBoots: 0,
    mood: "obeys",
    hang(to) {
      hangs = to;
      note();
    },
    flap(toFlaps, toErrors) {
      flaps = toFlaps;
      errors = toErrors;
      note();
    },
    work(busy) {
      busySince = busy ? (busySince ?? scheduler.now) : undefined;
    },
    power(live) {
      toldAt = undefined;
      if (!live) {
        become("dark");
      } else if (machine.badBoots > 0) {
        machine.badBoots -= 1;
        become("booting");
      } else {
        boot();
      }
    },
    recover() {
      bootTime = [200, 1000];
      machine.badBoots = 0;
      machine.mood = "obeys";
      busySince = undefined;
      hangs = false;
      flaps = 0;
      errors = 0;
      note();
      if (state === "booting") {
        boot();
      } else if (state === "leaving" || state === "syncing") {
        sync();
      }
    },
    checker: (process, checked) =>
      look(process, checked, () => {
        if (random.chance(errors)) {
          return "error";
        }
        return answers() && !random.chance(flaps) ? "up" : undefined;
      }),
    guard: (process, checked) =>
      look(process, checked, () => {
        if (random.chance(errors)) {
          return "error";
        }
        return busySince === undefined ? "down" : "up";
      }),
    shutdown: (process, told) => ({
      run: (signal) =>
        new Promise((resolve) => {
          const end = (result: ShutdownResult): void => {
            signal.removeEventListener("abort", giveUp);
            resolve(result);
          };
          const giveUp = (): void => end({ outcome: "failed", message: "time was up" });
          signal.addEventListener("abort", giveUp, { once: true });
          process.act(() => {
            told();
            scheduler.after(random.int(20, 1500), () => {
              const result = takeShutdown(); // it may be told by a process that has died since
              scheduler.after(random.int(1, 300), () => process.enter(() => end(result)));
            });
          });
        }),
    }),
  };
  return machine;
}
