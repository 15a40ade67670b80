// The real core and the real shell, joined as app.ts joins them, over simulated ports. One call is one process from its start to its death.

import { isDeepStrictEqual } from "node:util";
import { checkBook } from "../../src/core/invariants.ts";
import type { Settings } from "../../src/core/settings.ts";
import { millis } from "../../src/core/time.ts";
import type { Log } from "../../src/ports/log.ts";
import { StoreError } from "../../src/ports/store.ts";
import { tasmota } from "../../src/adapters/switchers/tasmota.ts";
import { createHands } from "../../src/runtime/carry-out.ts";
import { createDevices, type Kit } from "../../src/runtime/devices.ts";
import { inboxOf } from "../../src/runtime/inbox.ts";
import { createLoop, type Loop } from "../../src/runtime/loop.ts";
import { readBook } from "../../src/runtime/read-book.ts";
import { type Outcome, reload } from "../../src/runtime/reload.ts";
import { toHappening } from "../../src/runtime/reports.ts";
import type { Broker } from "./broker.ts";
import { createBus } from "./bus.ts";
import type { Process } from "./clock.ts";
import type { Disk } from "./disk.ts";
import { createFront, type SimulatedFront } from "./front.ts";
import type { Machine } from "./machine.ts";
import type { Random } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Watch } from "./watch.ts";

/** The configuration file: the settings, and how each switcher is reached (another number is another way). */
export interface File {
  readonly settings: Settings;
  readonly ways: ReadonlyMap<string, number>;
}

export interface Controller {
  readonly front: SimulatedFront;
  /** SIGTERM: everything is closed in order; then the process ends. */
  stop(): void;
  /** SIGHUP: the file is read again. */
  reload(file: File, done: (result: Outcome["result"]) => void): void;
}

export interface ControllerParts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly scenario: Scenario;
  readonly file: File;
  readonly process: Process;
  readonly broker: Broker;
  readonly disk: Disk;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly watch: Watch;
  readonly log: Log;
  /** The loop cannot go on. */
  readonly failed: (error: unknown) => void;
}

export function startController(parts: ControllerParts): Controller {
  const { scheduler, random, scenario, process, broker, disk, machines, watch, log } = parts;
  const { clock } = process;
  const store = disk.open(process);
  const front = createFront({ scheduler, random, broker, process, watch });
  const bus = createBus({ scheduler, random, broker, process, watch, shuffled: scenario.shuffled });
  const stopping = new AbortController();
  let { file } = parts;
  let loop: Loop | undefined;
  let readAgain: ((file: File) => Promise<Outcome["result"]>) | undefined;
  let reloading = false;
  let onDisk = parts.file;

  const machineOf = (name: string): Machine[] => {
    const machine = machines.get(name);
    return machine === undefined ? [] : [machine];
  };

  function kitOf({ settings, ways }: File): Kit {
    const resources = [...settings.resources.values()];
    return {
      switchers: new Map(
        [...settings.switchers.values()].map(({ name, outlets }) => {
          const group = outlets.length > 1 ? { outlets: outlets.length } : {};
          const options = tasmota.options.parse({ type: "tasmota", topic: name, ...group });
          const make = () => tasmota.create(options, { name, bus, clock });
          return [name, { options: { ...options, way: ways.get(name) }, timeout: millis(5000), make }];
        }),
      ),
      checkers: new Map(
        resources.flatMap(({ name, check }) =>
          machineOf(name).flatMap((machine) => {
            const make = () => machine.checker(process, (outcome) => watch.checked(name, outcome));
            return check === undefined
              ? []
              : [[name, { options: check, timeout: check.timeout, make }] as const];
          }),
        ),
      ),
      guards: new Map(
        resources.flatMap(({ name, keepWhile }) =>
          machineOf(name).flatMap((machine) => {
            const make = () => machine.guard(process, (outcome) => watch.guarded(name, outcome));
            return keepWhile === undefined
              ? []
              : [[name, { options: keepWhile, timeout: keepWhile.timeout, make }] as const];
          }),
        ),
      ),
      shutdowns: new Map(
        resources.flatMap(({ name, shutdown }) =>
          machineOf(name).flatMap((machine) => {
            const make = () => machine.shutdown(process, () => watch.shutDown(name));
            return shutdown === undefined
              ? []
              : [[name, { options: shutdown, timeout: shutdown.timeout, make }] as const];
          }),
        ),
      ),
    };
  }

  async function run(): Promise<void> {
    const book = await readBook(file.settings, store, clock, log);
    watch.started(file.settings);
    const devices = createDevices(kitOf(file), { clock, log });
    const started = createLoop({
      book,
      store,
      clock,
      log,
      createAlarm: process.createAlarm,
      carryOut(effects, at) {
        watch.inForce(book.settings);
        carryOut(effects, at);
        checkBook(book);
      },
      tend: () => front.tend(),
      failed: parts.failed,
    });
    loop = started;
    const carryOut = createHands({
      book,
      front,
      ...devices,
      stopping: stopping.signal,
      clock,
      log,
      submit: (happening) => started.submit(happening),
    });
    readAgain = async (next) => {
      const counts = { resources: next.settings.resources.size, pools: next.settings.pools.size };
      const { access, observe } = next.settings;
      const { result } = await reload(
        () => ({
          ok: true,
          warnings: [],
          changes: isDeepStrictEqual(file, next) ? [] : ["something"],
          needRestart: [],
          settings: next.settings,
          kit: kitOf(next),
          front: { access, payloadLimit: 16_384, observe, counts },
          adopt() {
            file = next;
          },
        }),
        { book, loop: started, front, devices, log },
      );
      return result;
    };
    started.start();
    devices.start((name, report) => started.submit(toHappening(name, report)));
    bus.start();
    await front.start(
      inboxOf(started, { alone: () => {}, failed: (sentence) => parts.failed(new Error(sentence)) }),
    );
  }

  run().catch((error: unknown) => {
    if (error instanceof StoreError) {
      process.kill(); // as app.ts: it says so and exits, and whoever started it does so again
    } else {
      parts.failed(error);
    }
  });

  async function end(): Promise<void> {
    await front.close();
    bus.close();
    stopping.abort();
    await loop?.stop();
    process.kill();
  }

  async function reloadAndTell(
    read: (file: File) => Promise<Outcome["result"]>,
    next: File,
    done: (result: Outcome["result"]) => void,
  ): Promise<void> {
    reloading = true;
    try {
      done(await read(next));
    } catch (error) {
      parts.failed(error);
    } finally {
      reloading = false;
    }
  }

  function hangUp(done: (result: Outcome["result"]) => void): void {
    process.enter(() => {
      if (readAgain === undefined || reloading) {
        scheduler.after(500, () => hangUp(done)); // it has not begun to listen, or is at another one
      } else {
        void reloadAndTell(readAgain, onDisk, done); // the file is read when its turn has come
      }
    });
  }

  const controller: Controller = {
    front,
    stop() {
      process.enter(() => {
        end().catch(parts.failed);
      });
    },
    reload(next, done) {
      onDisk = next;
      hangUp(done);
    },
  };
  return controller;
}
