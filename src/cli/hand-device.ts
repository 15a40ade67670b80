// A device under somebody's hand: asked, told once, and waited for, with what came of it as an answer or as a sentence. Which parts it is
// reached through is by-hand.ts's; a controller does all this in another way, in its core.

import type { Position } from "../core/settings.ts";
import { after, type Instant, type Millis, millis, sooner } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import { type Switcher, SwitcherError, type SwitcherReport } from "../ports/switcher.ts";
import { CommandError } from "./exit-codes.ts";

/** What a device said of an outlet. */
export interface Found {
  readonly position: Position;
  /** It was told so and says nothing itself. */
  readonly assumed: boolean;
  readonly watts: number | undefined;
  readonly kwh: number | undefined;
}

/** One outlet at a time. Each throws CommandError when the device cannot be reached, does not answer or does not follow. */
export interface Device {
  read(outlet: string): Promise<Found>;
  /** Told once. A device that can be asked is told only after it has answered. */
  set(outlet: string, position: Position): Promise<Found>;
}

const lookEvery = millis(20);
/** A question may have come before the device was there. */
const askEvery = millis(2000);
/** A meter that does not answer by then is none. */
const meterWithin = millis(2000);

/** What a switcher reports, the last of each; positions are counted, so that it is known which came after what. */
export function hearing(say: (text: string) => void) {
  const positions = new Map<string, { readonly position: Position; readonly number: number }>();
  const readings = new Map<
    string,
    { readonly watts: number | undefined; readonly kwh: number | undefined }
  >();
  let number = 0;
  const state = {
    connected: false,
    hear(said: SwitcherReport): void {
      switch (said.kind) {
        case "connected":
          state.connected = true;
          break;
        case "position":
          number += 1;
          positions.set(said.outlet, { position: said.position, number });
          break;
        case "reading":
          readings.set(said.outlet, said);
          break;
        case "retained-command":
          say(`a retained command stands on ${said.topic}: the device obeys it at every connect; clear it`);
          break;
        case "lost":
        case "hint":
        case "rebooted":
          break;
      }
    },
    /** How many positions were heard so far. */
    count: () => number,
    positionSince: (outlet: string, count: number): Position | undefined => {
      const last = positions.get(outlet);
      return last !== undefined && last.number > count ? last.position : undefined;
    },
    forgetReading: (outlet: string): void => void readings.delete(outlet),
    reading: (outlet: string) => readings.get(outlet),
  };
  return state;
}

interface Patience {
  readonly clock: Clock;
  /** For one call. */
  readonly timeout: Millis;
  readonly patience: Millis;
  /** The device has yet to find the broker. */
  readonly waits: boolean;
}

export function deviceOf(
  switcher: Switcher,
  heard: ReturnType<typeof hearing>,
  { clock, timeout, patience, waits }: Patience,
): Device {
  const seconds = `${patience / 1000} s`;
  const assumed = switcher.capabilities.readback === "assumed";

  async function call(act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const deadline = clock.deadline(timeout);
    try {
      await act(deadline.signal);
    } finally {
      deadline.dispose();
    }
  }

  /** Ask until it says something that is looked for. */
  async function askUntil(outlet: string, since: number, wanted: Position | undefined): Promise<boolean> {
    const end = after(clock.now(), patience);
    const isHeard = (): boolean => {
      const position = heard.positionSince(outlet, since);
      return wanted === undefined ? position !== undefined : position === wanted;
    };
    // After a command it is given the time to answer by itself.
    let found =
      wanted !== undefined && (await comesTrue(clock, sooner(end, after(clock.now(), askEvery)), isHeard));
    while (!found && clock.now() < end) {
      await call((signal) => switcher.ask(signal)).catch((error: unknown) => {
        throw explained(error);
      });
      found = await comesTrue(clock, sooner(end, after(clock.now(), askEvery)), isHeard);
    }
    return found;
  }

  async function where(outlet: string, instead: string): Promise<Position> {
    const since = heard.count();
    await askUntil(outlet, since, undefined);
    const position = heard.positionSince(outlet, since);
    if (position === undefined) {
      throw new CommandError(
        "no-answer",
        `${switcher.name} did not say within ${seconds} where ${outlet} stands${instead}. ` +
          `Is the device on, ${waits ? "does it know this broker," : "is it on this broker,"} and are the options of ${switcher.name} right?`,
      );
    }
    return position;
  }

  async function measured(outlet: string): Promise<Pick<Found, "watts" | "kwh">> {
    if (!switcher.capabilities.meter) {
      return { watts: undefined, kwh: undefined };
    }
    heard.forgetReading(outlet);
    try {
      await call((signal) => switcher.measure(signal));
      await comesTrue(clock, after(clock.now(), meterWithin), () => heard.reading(outlet) !== undefined);
    } catch (error) {
      if (!(error instanceof SwitcherError)) {
        throw error;
      }
      // Where it stands is known, and a reading is beside the question.
    }
    const { watts, kwh } = heard.reading(outlet) ?? {};
    return { watts, kwh };
  }

  return {
    async read(outlet) {
      if (assumed) {
        throw new CommandError(
          "invalid-request",
          `${outlet} cannot be read: with these options ${switcher.name} says nothing of its position`,
        );
      }
      return { position: await where(outlet, ""), assumed, ...(await measured(outlet)) };
    },
    async set(outlet, position) {
      if (!assumed) {
        await where(outlet, "; nothing was switched");
      }
      const since = heard.count();
      await call((signal) => switcher.set(outlet, position, signal)).catch((error: unknown) => {
        throw explained(error);
      });
      if (!assumed && !(await askUntil(outlet, since, position))) {
        const last = heard.positionSince(outlet, since);
        throw last === undefined
          ? new CommandError(
              "no-answer",
              `${outlet} was told ${position}, and says nothing since, for ${seconds}; where it stands is not known`,
            )
          : new CommandError(
              "not-switched",
              `${outlet} was told ${position}, and is still ${last} after ${seconds}: does something hold its relay?`,
            );
      }
      return { position, assumed, ...(await measured(outlet)) };
    },
  };
}

/** @returns what to throw in its place: of a switcher's own words, one for the user */
function explained(error: unknown): unknown {
  return error instanceof SwitcherError
    ? new CommandError(error.code === "unreachable" ? "unreachable" : "not-switched", error.message, {
        cause: error,
      })
    : error;
}

/** Look every moment; false when it did not come true in time. */
export async function comesTrue(clock: Clock, end: Instant, isSo: () => boolean): Promise<boolean> {
  while (!isSo()) {
    if (clock.now() >= end) {
      return false;
    }
    await clock.sleep(lookEvery);
  }
  return true;
}
