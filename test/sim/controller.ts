// The real core and the real shell, joined as app.ts joins them, over simulated ports. One call is one process from its start to its death.

import { millis } from "../../src/core/time.ts";
import { checkBook } from "../../src/core/invariants.ts";
import type { Log } from "../../src/ports/log.ts";
import { StoreError } from "../../src/ports/store.ts";
import type { Switcher } from "../../src/ports/switcher.ts";
import { tasmota } from "../../src/adapters/switchers/tasmota.ts";
import { createHands } from "../../src/runtime/carry-out.ts";
import { inboxOf } from "../../src/runtime/inbox.ts";
import { createLoop, type Loop } from "../../src/runtime/loop.ts";
import { readBook } from "../../src/runtime/read-book.ts";
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

export interface Controller {
  readonly front: SimulatedFront;
  /** SIGTERM: everything is closed in order; then the process ends. */
  stop(): void;
}

export interface ControllerParts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly scenario: Scenario;
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
  const { settings } = scenario;
  const store = disk.open(process);
  const front = createFront({ scheduler, random, broker, process, watch });
  const bus = createBus({ scheduler, random, broker, process, watch, shuffled: scenario.shuffled });
  let loop: Loop | undefined;

  async function run(): Promise<void> {
    const book = await readBook(settings, store, clock, log);
    watch.started();

    const switchers = new Map(
      [...settings.switchers.values()].map(({ name, outlets }) => {
        const group = outlets.length > 1 ? { outlets: outlets.length } : {};
        const options = tasmota.options.parse({ type: "tasmota", topic: name, ...group });
        const switcher: Switcher = tasmota.create(options, { name, bus, clock });
        return [name, { switcher, timeout: millis(5000) }];
      }),
    );
    const checkers = new Map(
      [...machines].map(([name, machine]) => {
        const timeout = settings.resources.get(name)?.check?.timeout ?? millis(2000);
        return [
          name,
          { checker: machine.checker(process, (outcome) => watch.checked(name, outcome)), timeout },
        ];
      }),
    );
    const started = createLoop({
      book,
      store,
      clock,
      log,
      createAlarm: process.createAlarm,
      carryOut(effects, at) {
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
      switchers,
      checkers,
      clock,
      log,
      submit: (happening) => started.submit(happening),
    });
    started.start();
    for (const [name, { switcher }] of switchers) {
      switcher.start((report) => started.submit(toHappening(name, report)));
    }
    bus.start();
    await front.start(inboxOf(started, (sentence) => parts.failed(new Error(sentence))));
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
    await loop?.stop();
    process.kill();
  }

  return {
    front,
    stop() {
      process.enter(() => {
        end().catch(parts.failed);
      });
    },
  };
}
