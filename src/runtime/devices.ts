// What the controller acts through: switchers, checkers, guards and shutdowns by name. A reload replaces those that changed, and
// leaves the others alone: they are the same objects, which hear nothing of it. Whether a change may be made is decided elsewhere.

import { isDeepStrictEqual } from "node:util";
import { type Millis, millis } from "../core/time.ts";
import type { Checker } from "../ports/checker.ts";
import type { Clock } from "../ports/clock.ts";
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

/** What of a kit is not as it was. */
export interface KitChange {
  /** Switchers that are there before and after, and reached in another way. */
  readonly changed: ReadonlySet<string>;
  /** Resources with another checker or another guard than before. */
  readonly rechecked: ReadonlySet<string>;
}

export interface Devices {
  /** The same maps for good, with what is in use now. */
  readonly switchers: ReadonlyMap<string, { readonly switcher: Switcher; readonly timeout: Millis }>;
  readonly checkers: ReadonlyMap<string, { readonly checker: Checker; readonly timeout: Millis }>;
  readonly guards: ReadonlyMap<string, { readonly checker: Checker; readonly timeout: Millis }>;
  readonly shutdowns: ReadonlyMap<string, { readonly shutdown: Shutdown; readonly timeout: Millis }>;
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

/** Closing takes milliseconds. A device that hangs in it must not hold up the loop, which waits for a replacement. */
const closeMs = millis(5000);

interface InUse<Device> {
  readonly options: unknown;
  readonly timeout: Millis;
  readonly device: Device;
}

export function createDevices(
  kit: Kit,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Devices {
  const switchers = new Map<string, InUse<Switcher> & { readonly switcher: Switcher }>();
  const checkers = new Map<string, InUse<Checker> & { readonly checker: Checker }>();
  const guards = new Map<string, InUse<Checker> & { readonly checker: Checker }>();
  const shutdowns = new Map<string, InUse<Shutdown> & { readonly shutdown: Shutdown }>();
  let report: ((switcher: string, said: SwitcherReport) => void) | undefined;

  const polls = new Map<Switcher, AbortController>();
  /** What listens between its checks; of a kit that cannot be made it is closed again. */
  const listening = new Set<Checker>();

  const made = makeAll(kit);
  fill(switchers, made.switchers, ({ device, ...one }) => ({ ...one, device, switcher: device }));
  fillOthers(made);

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

  function fillOthers(next: ReturnType<typeof makeAll>): void {
    fill(checkers, next.checkers, ({ device, ...one }) => ({ ...one, device, checker: device }));
    fill(guards, next.guards, ({ device, ...one }) => ({ ...one, device, checker: device }));
    fill(shutdowns, next.shutdowns, ({ device, ...one }) => ({ ...one, device, shutdown: device }));
  }

  /** A switcher that was replaced is not heard any more, even if it goes on talking. */
  function begin(switcher: Switcher): void {
    const hear = (said: SwitcherReport): void => {
      if (switchers.get(switcher.name)?.switcher === switcher) {
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
    const enough = new AbortController();
    const closed = Promise.all(gone.map(close)).then(() => true);
    const inTime = await Promise.race([closed, clock.sleep(closeMs, enough.signal).then(() => false)]);
    enough.abort();
    if (!inTime) {
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
      for (const { switcher } of switchers.values()) {
        begin(switcher);
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
      const before = new Map(switchers);
      fill(switchers, now.switchers, ({ device, ...one }) => ({ ...one, device, switcher: device }));
      fillOthers(now);
      const isUsed = ({ switcher }: { readonly switcher: Switcher }): boolean =>
        switchers.get(switcher.name)?.switcher === switcher;
      const wasUsed = ({ switcher }: { readonly switcher: Switcher }): boolean =>
        before.get(switcher.name)?.switcher === switcher;
      const gone = [...before.values()].filter((one) => !isUsed(one));
      const fresh = [...switchers.values()].filter((one) => !wasUsed(one));
      const asked = new Set([...checkers.values(), ...guards.values()].map(({ checker }) => checker));
      closeCheckers((checker) => asked.has(checker));
      await end(gone.map(({ switcher }) => switcher));
      if (report !== undefined) {
        for (const { switcher } of fresh) {
          begin(switcher);
        }
      }
    },
    async close() {
      closeCheckers(() => false);
      await end([...switchers.values()].map(({ switcher }) => switcher));
    },
  };
}

/** What is in use and did not change is taken over. */
function make<Device>(
  plans: ReadonlyMap<string, Plan<Device>>,
  inUse: ReadonlyMap<string, InUse<Device>>,
): ReadonlyMap<string, InUse<Device>> {
  return new Map(
    [...plans].map(([name, { options, timeout, make: makeDevice }]) => {
      const known = inUse.get(name);
      const stays = known !== undefined && isDeepStrictEqual(known.options, options);
      return [name, { options, timeout, device: stays ? known.device : makeDevice() }];
    }),
  );
}

function fill<Device, Entry>(
  map: Map<string, Entry>,
  made: ReadonlyMap<string, InUse<Device>>,
  entryOf: (one: InUse<Device>) => Entry,
): void {
  map.clear();
  for (const [name, one] of made) {
    map.set(name, entryOf(one));
  }
}

/** Names that are in one of the two only, or in both with other options. */
function differing(
  inUse: ReadonlyMap<string, { readonly options: unknown }>,
  plans: ReadonlyMap<string, { readonly options: unknown }>,
): readonly string[] {
  const names = new Set([...inUse.keys(), ...plans.keys()]);
  return [...names].filter((name) => !isDeepStrictEqual(inUse.get(name)?.options, plans.get(name)?.options));
}
