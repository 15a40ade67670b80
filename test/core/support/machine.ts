// A machine on one or more outlets, for random tests: it boots when it has power, goes down when it is told to, and has habits, bad
// ones too. Not its relays, and not what is said of it to the controller.

import type { Millis } from "../../../src/core/time.ts";
import type { ShutdownOutcome, Verdict } from "./stage.ts";
import { duration } from "./lab.ts";

export interface Habits {
  /** To checks: as it is, not at all, or in a way that is no answer. */
  readonly answers: "truly" | "no" | "error";
  readonly boots: "soon" | "late" | "never";
  /** What it does when it was told to shut down, and what the command says. */
  readonly stops: "soon" | "late" | "hangs";
  readonly says: ShutdownOutcome | "nothing";
}

export const goodHabits: Habits = { answers: "truly", boots: "soon", stops: "soon", says: "accepted" };

export interface Machine {
  habits: Habits;
  readonly running: boolean;
  readonly booting: boolean;
  /** Power came or went; nothing happens where it stays as it is. */
  power(on: boolean): void;
  /** The shutdown command reached it; `undefined`: it never ends. */
  told(): ShutdownOutcome | undefined;
  /** It went down by itself. */
  halt(): void;
  /** Its button was pressed: it boots where it has power and does not run. */
  press(): void;
  find(): Verdict;
  watts(): number;
}

type Condition = "unpowered" | "booting" | "running" | "goingDown" | "halted";

const times: Readonly<Record<"soon" | "late", Millis>> = { soon: duration("100ms"), late: duration("8s") };

/** @param later calls back after that time, whatever becomes of the controller */
export function createMachine(later: (in_: Millis, then: () => void) => void): Machine {
  let condition: Condition = "unpowered";
  let habits = goodHabits;
  /** So that what was begun before the power went does not come true afterwards. */
  let turn = 0;

  function become(next: Condition): void {
    condition = next;
    turn += 1;
  }

  function soon(in_: "soon" | "late", next: Condition): void {
    const mine = turn;
    later(times[in_], () => {
      if (mine === turn) {
        become(next);
      }
    });
  }

  function boot(): void {
    become("booting");
    if (habits.boots !== "never") {
      soon(habits.boots, "running");
    }
  }

  function goDown(): void {
    become("goingDown");
    if (habits.stops !== "hangs") {
      soon(habits.stops, "halted");
    }
  }

  return {
    get habits() {
      return habits;
    },
    set habits(next) {
      habits = next;
    },
    get running() {
      return condition === "running" || condition === "goingDown";
    },
    get booting() {
      return condition === "booting";
    },
    power(on) {
      if (!on) {
        become("unpowered");
      } else if (condition === "unpowered") {
        boot();
      }
    },
    told() {
      if (condition !== "running") {
        return condition === "goingDown" ? "accepted" : "unsure";
      }
      if (habits.says === "done" || habits.says === "accepted") {
        goDown();
      }
      return habits.says === "nothing" ? undefined : habits.says;
    },
    halt() {
      if (condition === "running") {
        become("halted");
      }
    },
    press() {
      if (condition === "halted" || condition === "booting") {
        boot();
      } else if (condition === "goingDown") {
        become("halted");
      }
    },
    find() {
      if (habits.answers === "error") {
        return "error";
      }
      const answers = condition === "running" || condition === "goingDown";
      return answers && habits.answers === "truly" ? "up" : "down";
    },
    watts: () => ({ unpowered: 0, halted: 1, booting: 60, running: 50, goingDown: 50 })[condition],
  };
}
