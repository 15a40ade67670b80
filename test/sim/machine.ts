// A simulated machine behind a relay, and the Checker port that looks at it: it boots slowly or never, hangs, answers now and then.

import type { Checker } from "../../src/ports/checker.ts";
import type { Process } from "./clock.ts";
import type { Random } from "./random.ts";
import type { Scheduler, Task } from "./scheduler.ts";

export interface Machine {
  readonly up: boolean;
  /** It does not get through so many of its next boots. */
  badBoots: number;
  /** It runs and does not answer. */
  hangs: boolean;
  /** Probability that one look at it fails. */
  flaps: number;
  /** Probability that the look itself cannot be made. */
  errors: number;
  power(live: boolean): void;
  /** A boot that hung goes on. */
  recover(): void;
  checker(process: Process, checked: (outcome: "up" | "down" | "error") => void): Checker;
}

interface Parts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Between these a boot takes its time, ms. */
  readonly bootTime: readonly [number, number];
}

export function createMachine({ scheduler, random, bootTime }: Parts): Machine {
  let live = false;
  let up = false;
  let booting: Task | undefined;

  function boot(): void {
    booting = scheduler.after(random.int(...bootTime), () => {
      up = live;
    });
  }

  const machine: Machine = {
    get up() {
      return up;
    },
    badBoots: 0,
    hangs: false,
    flaps: 0,
    errors: 0,
    power(on) {
      live = on;
      booting?.cancel();
      up = false;
      if (on && machine.badBoots > 0) {
        machine.badBoots -= 1;
      } else if (on) {
        boot();
      }
    },
    recover() {
      machine.badBoots = 0;
      machine.hangs = false;
      machine.flaps = 0;
      machine.errors = 0;
      if (live && !up) {
        booting?.cancel();
        boot();
      }
    },
    checker: (process, checked) => ({
      check: (signal) =>
        new Promise((resolve) => {
          const end = (outcome: "up" | "down" | "error", message: string): void => {
            asked.cancel();
            signal.removeEventListener("abort", giveUp);
            checked(outcome);
            resolve({ outcome, message });
          };
          const giveUp = (): void => end("down", "no answer in time");
          const asked = scheduler.after(random.int(1, 40), () =>
            process.enter(() => {
              if (random.chance(machine.errors)) {
                end("error", "the check could not be made");
              } else if (up && !machine.hangs && !random.chance(machine.flaps)) {
                end("up", "answered");
              }
            }),
          );
          signal.addEventListener("abort", giveUp, { once: true });
        }),
    }),
  };
  return machine;
}
