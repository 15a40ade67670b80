// What the controller acts through: switchers, checkers, guards and shutdowns by name. A reload replaces those that changed, and
// leaves the others alone: they are the same objects, which hear nothing of it. Whether a change may be made is decided elsewhere.

import { isDeepStrictEqual } from "node:util";
import type { Millis } from "../core/time.ts";
import type { Checker } from "../ports/checker.ts";
import type { Clock } from "../ports/clock.ts";
import { closeMs, inTime } from "../ports/in-time.ts";
import type { Log } from "../ports/log.ts";
import type { Shutdown } from "../ports/shutdown.ts";
import type { Switcher, SwitcherReport } from "../ports/switcher.ts";
import { polling } from "./polling.ts";

/** How to make a device: made anew when its options are no longer the same. */
export interface Plan<Device> {
  readonly options: unknown;
  /** For one call. */
  readonly timeout: Millis;
  readonly make: () => Device;
}

/** Everything that a configuration asks for, by name. */
export interface Kit {
  readonly switchers: ReadonlyMap<string, Plan<Switcher>>;
  /** By resource, like the other two. */
  readonly checkers: ReadonlyMap<string, Plan<Checker>>;
  readonly guards: ReadonlyMap<string, Plan<Checker>>;
  readonly shutdowns: ReadonlyMap<string, Plan<Shutdown>>;
}

/** Devices by name, each with the time that one call to it may take. */
export type InUse<Device> = ReadonlyMap<string, { readonly device: Device; readonly timeout: Millis }>;

/** What of a kit is not as it was. */
export interface KitChange {
  /** Switchers that are there before and after, and reached in another way. */
  readonly changed: ReadonlySet<string>;
  /** Resources with another checker or another guard than before. */
  readonly rechecked: ReadonlySet<string>;
}

export interface Devices {
  /** The same maps for good, with what is in use now. */
  readonly switchers: InUse<Switcher>;
  readonly checkers: InUse<Checker>;
  readonly guards: InUse<Checker>;
  readonly shutdowns: InUse<Shutdown>;
  /** @param report what a switcher says, from now on */
  start(report: (switcher: string, said: SwitcherReport) => void): void;
  compare(kit: Kit): KitChange;
  /**
   * Replace what changed: first all that is new is made, then what is gone is closed, then what is new is started. A checker that listens
   * does so from when it is made, and one that is replaced is closed.
   * @throws when something cannot be made; then nothing was changed
   */
  replace(kit: Kit): Promise<void>;
  close(): Promise<void>;
}

type Made<Device> = Omit<Plan<Device>, "make"> & { readonly device: Device };

export function createDevices(
  kit: Kit,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Devices {
  const switchers = new Map<string, Made<Switcher>>();
  const checkers = new Map<string, Made<Checker>>();
  const guards = new Map<string, Made<Checker>>();
  const shutdowns = new Map<string, Made<Shutdown>>();
  let report: ((switcher: string, said: SwitcherReport) => void) | undefined;

  const polls = new Map<Switcher, AbortController>();
  /** What listens between its checks; of a kit that cannot be made it is closed again. */
  const listening = new Set<Checker>();

  fillAll(makeAll(kit));

  function makeAll(next: Kit) {
    const before = new Set(listening);
    try {
      return {
        switchers: make(next.switchers, switchers),
        checkers: make(listened(next.checkers), checkers),
        guards: make(listened(next.guards), guards),
        shutdowns: make(next.shutdowns, shutdowns),
      };
    } catch (error) {
      closeCheckers((checker) => before.has(checker));
      throw error;
    }
  }

  function listened(plans: Kit["checkers"]): Kit["checkers"] {
    return new Map([...plans].map(([name, plan]) => [name, { ...plan, make: () => noted(plan.make()) }]));
  }

  function noted(checker: Checker): Checker {
    listening.add(checker);
    return checker;
  }

  function closeCheckers(stays: (checker: Checker) => boolean): void {
    for (const checker of [...listening].filter((one) => !stays(one))) {
      listening.delete(checker);
      checker.close?.();
    }
  }

  function fillAll(made: ReturnType<typeof makeAll>): void {
    fill(switchers, made.switchers);
    fill(checkers, made.checkers);
    fill(guards, made.guards);
    fill(shutdowns, made.shutdowns);
  }

  /** A switcher that was replaced is not heard any more, even if it goes on talking. */
  function begin(switcher: Switcher): void {
    const hear = (said: SwitcherReport): void => {
      if (switchers.get(switcher.name)?.device === switcher) {
        report?.(switcher.name, said);
      }
    };
    switcher.start(hear);
    if (switcher.askEvery !== undefined) {
      const stop = new AbortController();
      polls.set(switcher, stop);
      const poll = {
        switcher,
        every: switcher.askEvery,
        timeout: () => switchers.get(switcher.name)?.timeout ?? closeMs,
        failed: () => hear({ kind: "hint", online: false }),
      };
      void polling(poll, stop.signal, { clock, log });
    }
  }

  async function end(gone: readonly Switcher[]): Promise<void> {
    // The loop waits for a replacement.
    if (!(await inTime(clock, Promise.all(gone.map(close)), closeMs))) {
      log.error(
        { switchers: gone.map(({ name }) => name) },
        "A switcher does not close; going on without it",
      );
    }
  }

  async function close(switcher: Switcher): Promise<void> {
    polls.get(switcher)?.abort();
    polls.delete(switcher);
    try {
      await switcher.close();
    } catch (error) {
      log.warn({ err: error, switcher: switcher.name }, "A switcher could not be closed");
    }
  }

  return {
    switchers,
    checkers,
    guards,
    shutdowns,
    start(to) {
      report = to;
      for (const { device } of switchers.values()) {
        begin(device);
      }
    },
    compare: (next) => ({
      changed: new Set(
        [...switchers].flatMap(([name, { options }]) => {
          const plan = next.switchers.get(name);
          return plan === undefined || isDeepStrictEqual(plan.options, options) ? [] : [name];
        }),
      ),
      rechecked: new Set([...differing(checkers, next.checkers), ...differing(guards, next.guards)]),
    }),
    async replace(next) {
      const now = makeAll(next);
      const before = devicesOf(switchers);
      fillAll(now);
      const asked = new Set([...checkers.values(), ...guards.values()].map(({ device }) => device));
      closeCheckers((checker) => asked.has(checker));
      const used = devicesOf(switchers);
      await end(before.filter((switcher) => !used.includes(switcher)));
      if (report !== undefined) {
        used.filter((switcher) => !before.includes(switcher)).forEach(begin);
      }
    },
    async close() {
      closeCheckers(() => false);
      await end(devicesOf(switchers));
    },
  };
}

/** What is in use and did not change is taken over. */
function make<Device>(
  plans: ReadonlyMap<string, Plan<Device>>,
  inUse: ReadonlyMap<string, Made<Device>>,
): ReadonlyMap<string, Made<Device>> {
  return new Map(
    [...plans].map(([name, { options, timeout, make: makeDevice }]) => {
      const known = inUse.get(name);
      const stays = known !== undefined && isDeepStrictEqual(known.options, options);
      return [name, { options, timeout, device: stays ? known.device : makeDevice() }];
    }),
  );
}

function fill<Device>(map: Map<string, Made<Device>>, made: ReadonlyMap<string, Made<Device>>): void {
  map.clear();
  for (const [name, one] of made) {
    map.set(name, one);
  }
}

const devicesOf = <Device>(inUse: InUse<Device>): readonly Device[] =>
  [...inUse.values()].map(({ device }) => device);

/** Names that are in one of the two only, or in both with other options. */
function differing(
  inUse: ReadonlyMap<string, { readonly options: unknown }>,
  plans: ReadonlyMap<string, { readonly options: unknown }>,
): readonly string[] {
  const names = new Set([...inUse.keys(), ...plans.keys()]);
  return [...names].filter((name) => !isDeepStrictEqual(inUse.get(name)?.options, plans.get(name)?.options));
}
