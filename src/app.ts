// The composition root: which parts there are and how they are joined, started and stopped. It reads like a parts list;
// what the parts do stands in their files.

import { randomUUID } from "node:crypto";
import { startBroker } from "./adapters/broker/broker.ts";
import { systemClock as clock } from "./adapters/clock/system-clock.ts";
import { createLog, type LevelledLog } from "./adapters/log/log.ts";
import { createBus } from "./adapters/mqtt/bus.ts";
import { createFront } from "./adapters/mqtt/front.ts";
import { serviceManager } from "./adapters/service/notify.ts";
import { openStore } from "./adapters/store/store.ts";
import type { Config } from "./config/config.ts";
import type { Loaded } from "./config/load.ts";
import type { Book } from "./core/book.ts";
import { isoOf } from "./core/time.ts";
import { FrontError } from "./ports/front.ts";
import { closeMs, inTime } from "./ports/in-time.ts";
import type { Log } from "./ports/log.ts";
import { StoreError } from "./ports/store.ts";
import { frontSettingsOf, kitOf } from "./kit.ts";
import { reloadWhenAsked } from "./reloads.ts";
import { createAlarm } from "./runtime/alarm.ts";
import { createHands } from "./runtime/carry-out.ts";
import { createDevices } from "./runtime/devices.ts";
import { inboxOf } from "./runtime/inbox.ts";
import { createLoop } from "./runtime/loop.ts";
import { readBook } from "./runtime/read-book.ts";
import { type ReloadSignal, reloadSignal } from "./runtime/reload-signal.ts";
import { toHappening } from "./runtime/reports.ts";
import { createService } from "./runtime/service.ts";
import { stopSignal } from "./runtime/stop-signal.ts";
import { version } from "./version.ts";

/** Exit codes of protocol section 11 that `serve` can end with. */
const exit = { done: 0, unavailable: 69, internal: 70, busy: 75 } as const;

export interface ControllerOptions {
  readonly config: Config;
  /** Log JSON, also on a terminal. */
  readonly json: boolean;
  /** Read the configuration again, on SIGHUP; `undefined`: SIGHUP asks for a clean stop, too. */
  readonly readAgain: (() => Loaded) | undefined;
  /** Called when the controller serves its base. */
  readonly started: () => void;
}

/**
 * Run a controller until it is told to stop (SIGTERM, SIGINT) or cannot go on. Neither changes an outlet.
 * @returns the exit status: 0 stopped; 69 the broker refused the subscription to requests; 75 another controller has the base or the store, or
 * another client the client id; 70 anything else, such as an embedded broker that cannot be opened
 */
export async function runController(options: ControllerOptions): Promise<number> {
  const hangUp = options.readAgain === undefined ? undefined : reloadSignal();
  const log = createLog({ level: options.config.log.level, pretty: options.json ? false : undefined });
  const stop = stopSignal(hangUp === undefined);
  const opened: (() => Promise<void>)[] = [];
  const status = await runParts({ ...options, log, stop, hangUp, opened }).catch((error: unknown) =>
    explainFailure(log, error),
  );
  let hanging = false;
  for (const close of opened.toReversed()) {
    hanging = !(await closesInTime(close, log)) || hanging;
  }
  stop.dispose();
  hangUp?.dispose();
  if (hanging) {
    process.exit(status); // what hangs would keep the process alive; everything acknowledged is on disk
  }
  return status;
}

/** A part that hangs (a disk, a network) must not keep the others from being closed. */
async function closesInTime(close: () => Promise<void>, log: Log): Promise<boolean> {
  const closed = close().catch((error: unknown) => log.warn({ err: error }, "A part could not be closed"));
  const closes = await inTime(clock, closed, closeMs);
  if (!closes) {
    log.error({}, "A part does not close; going on without it");
  }
  return closes;
}

interface Run extends ControllerOptions {
  readonly log: LevelledLog;
  readonly stop: { readonly asked: Promise<string> };
  readonly hangUp: ReloadSignal | undefined;
  /** How to close what was opened, in the order of opening. */
  readonly opened: (() => Promise<void>)[];
}

async function runParts({ config, readAgain, started, log, stop, hangUp, opened }: Run): Promise<number> {
  const manager = serviceManager(process.env, { clock, log });
  opened.push(() => manager.close());
  const service = createService(manager, clock, {
    waiting: `Waiting for the broker at ${config.mqtt.url}`,
    serving: `Serving the base topic ${config.mqtt.base}`,
  });

  const store = await openStore(config.store.path, { log });
  opened.push(() => store.close());
  const book = await readBook(config.settings, store, clock, log);

  if (config.broker !== undefined) {
    const broker = await startBroker(config.broker, { log });
    opened.push(() => broker.close());
  }

  const broker = { ...config.mqtt };
  const bus = createBus({ broker, clientId: config.mqtt.clientId }, { clock, log });
  const front = createFront(
    {
      broker,
      clientId: config.mqtt.clientId,
      base: config.mqtt.base,
      sessionExpiry: Math.round(config.mqtt.sessionExpiry / 1000),
      replyPrefixes: config.mqtt.replyPrefixes,
      instance: randomUUID(),
      version,
      started: isoOf(clock.wall()),
      ...frontSettingsOf(config),
    },
    { clock, log },
  );

  const devices = createDevices(kitOf(config, { bus, clock }), { clock, log });

  const failed = Promise.withResolvers<number>();
  const stopping = new AbortController();
  const loop = createLoop({
    book,
    store,
    clock,
    log,
    createAlarm,
    carryOut: (effects, at) => carryOut(effects, at),
    tend: () => {
      service.tend();
      front.tend();
    },
    failed: (error) => {
      log.fatal(
        { err: error, book: inspectable(book) },
        "The controller contradicts itself and stops; no outlet is changed by that",
      );
      failed.resolve(exit.internal);
    },
  });
  const carryOut = createHands({
    book,
    front,
    ...devices,
    stopping: stopping.signal,
    clock,
    log,
    submit: (happening) => loop.submit(happening),
  });

  loop.start();
  opened.push(() => {
    stopping.abort();
    return loop.stop();
  });
  devices.start((name, said) => loop.submit(toHappening(name, said)));
  opened.push(() => devices.close());
  opened.push(() => bus.close());
  opened.push(() => front.close());
  const inbox = inboxOf(loop, {
    alone: () => bus.start(), // under the client id of whoever served before: not while he lives
    failed: (sentence) => {
      log.fatal({}, sentence);
      failed.resolve(exit.busy);
    },
  });
  const serve = async (): Promise<void> => {
    await front.start(inbox);
    service.serving();
    started();
  };
  serve().catch((error: unknown) => failed.resolve(explainFailure(log, error)));

  if (hangUp !== undefined && readAgain !== undefined) {
    const reloads = reloadWhenAsked(hangUp, readAgain, {
      config,
      book,
      loop,
      front,
      devices,
      bus,
      service,
      clock,
      log,
    });
    opened.push(() => {
      hangUp.end();
      return reloads;
    });
  }

  return await Promise.race([
    failed.promise,
    stop.asked.then((signal) => {
      log.info({ signal }, "Stopping; every outlet stays as it is");
      service.stopping();
      return exit.done;
    }),
  ]);
}

function explainFailure(log: Log, error: unknown): number {
  if (error instanceof FrontError && error.code === "rival") {
    log.fatal({}, error.message);
    return exit.busy;
  }
  if (error instanceof StoreError) {
    log.fatal({ code: error.code }, error.message);
    return error.code === "in-use" ? exit.busy : exit.internal;
  }
  if (error instanceof FrontError) {
    log.fatal({}, error.message);
    return exit.unavailable;
  }
  log.fatal({ err: error }, error instanceof Error ? error.message : String(error));
  return exit.internal;
}

/** What of the book helps to understand a contradiction: small enough for a log line, without secrets (it has none). */
function inspectable(book: Book): unknown {
  return {
    link: book.link,
    store: book.store,
    rival: book.rival,
    resources: [...book.resources.values()].slice(0, 50).map((resource) => ({
      name: resource.settings.name,
      activity: resource.activity,
      state: resource.state,
      users: resource.tokens.size,
    })),
    outlets: [...book.outlets.values()].slice(0, 50).map(({ settings, seen, stale, own, command }) => ({
      outlet: settings.id,
      seen,
      stale,
      own,
      command,
    })),
  };
}
