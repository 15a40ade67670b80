// Everything of one run, put together: scheduler, host, disk, broker, sockets, machines, clients and the controller's present process.

import type { ResourceSettings } from "../../src/core/settings.ts";
import type { Log } from "../../src/ports/log.ts";
import { type Broker, createBroker } from "./broker.ts";
import { type Client, type ClientKind, createClient } from "./clients.ts";
import { createHost, type Host, type Process } from "./clock.ts";
import { type Controller, type File, startController } from "./controller.ts";
import { createDisk, type Disk } from "./disk.ts";
import { createFacts, type Facts } from "./facts.ts";
import { createInvariants } from "./invariants.ts";
import { createLedger } from "./ledger.ts";
import { createMachine, type Machine } from "./machine.ts";
import { createRandom, type Random } from "./random.ts";
import { drawScenario, type Scenario } from "./scenario.ts";
import { createScheduler, type Scheduler } from "./scheduler.ts";
import { createSocket, type Socket } from "./socket.ts";
import { createTrace, type Trace } from "./trace.ts";
import type { Watch } from "./watch.ts";

export interface World {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly scenario: Scenario;
  readonly trace: Trace;
  readonly host: Host;
  readonly disk: Disk;
  readonly broker: Broker;
  readonly sockets: ReadonlyMap<string, Socket>;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly clients: Client[];
  readonly facts: Facts;
  readonly broken: readonly Broken[];
  readonly process: Process | undefined;
  readonly controller: Controller | undefined;
  readonly deaths: number;
  /** The configuration file, as it is now. */
  readonly file: File;
  /** Writes the file and has it read again; a refused one is put back. */
  reload(file: File): void;
  startController(): void;
  /** After its next death the controller is started again so many milliseconds later. */
  stayAway(ms: number): void;
  addClient(name: string, kind: ClientKind): Client;
  break(rule: string, what: string): void;
}

export interface Broken {
  readonly rule: string;
  readonly what: string;
}

/** systemd's RestartSec would be 100 ms; a little more lets something happen meanwhile. */
const restartMs = 1000;

/** A line of the log costs more than all else; the trace has what matters. */
const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };

export function createWorld(seed: number, traced: number): World {
  const random = createRandom(String(seed));
  const scenario = drawScenario(random.fork("scenario"));
  const scheduler = createScheduler();
  const trace = createTrace(() => scheduler.now, traced);
  const host = createHost(scheduler);
  const broken: Broken[] = [];
  const machines = new Map<string, Machine>();
  const sockets = new Map<string, Socket>();
  const clients: Client[] = [];
  let process: Process | undefined;
  let controller: Controller | undefined;
  let deaths = 0;
  let away = restartMs;
  let file: File = { settings: scenario.settings, ways: new Map() };

  function fail(rule: string, what: string): void {
    if (broken.length === 0) {
      broken.push({ rule, what });
      trace.note(`BROKEN ${rule}: ${what}`);
      scheduler.stop();
    }
  }

  const facts = createFacts({
    host,
    ledger: createLedger(),
    scenario,
    trace,
    machines,
    disk: () => disk,
    trueNow: () => scheduler.now,
    broken: fail,
  });
  const watch: Watch = createInvariants(facts);
  const disk: Disk = createDisk({ scheduler, random: random.fork("disk"), trace, watch });
  const broker = createBroker({ scheduler, random: random.fork("broker"), trace, watch });

  for (const [name, options] of scenario.machines) {
    machines.set(name, createMachine({ scheduler, random: random.fork(`machine ${name}`), options }));
  }
  for (const options of scenario.sockets) {
    const { topic } = options;
    const parts = { scheduler, random: random.fork(topic), broker, trace, draws, moved };
    sockets.set(topic, createSocket(options, parts));
  }

  /** Machines stay plugged in where they were, whatever the configuration says. */
  const outletAt = (socket: string, relay: number): string =>
    sockets.get(socket)?.relays === 1 ? socket : `${socket}/${relay}`;
  const isOn = (outlet: string): boolean => {
    const [socket = "", relay = "1"] = outlet.split("/");
    return sockets.get(socket)?.position(Number(relay)) === "on";
  };
  const machinesOn = (outlet: string): ResourceSettings[] =>
    [...scenario.settings.resources.values()].filter(({ outlets }) => outlets.includes(outlet));

  function draws(socket: string, relay: number): number {
    const outlet = outletAt(socket, relay);
    return isOn(outlet)
      ? machinesOn(outlet).reduce((sum, { name, outlets }) => {
          const watts = machines.get(name)?.watts ?? 0;
          return sum + watts / outlets.filter(isOn).length;
        }, 0)
      : 0;
  }

  function moved(
    socket: string,
    relay: number,
    position: "on" | "off",
    why: "command" | "hand" | "power",
  ): void {
    watch.relayMoved(socket, relay, position, why);
    const outlet = outletAt(socket, relay);
    for (const { name, outlets } of machinesOn(outlet)) {
      const others = outlets.some((one) => one !== outlet && isOn(one));
      if (!others) {
        if (position === "on") {
          watch.powered(name);
        }
        machines.get(name)?.power(position === "on");
      }
    }
  }

  const world: World = {
    scheduler,
    random,
    scenario,
    trace,
    host,
    disk,
    broker,
    sockets,
    machines,
    clients,
    facts,
    broken,
    get file() {
      return file;
    },
    reload(next) {
      const before = file;
      file = next;
      watch.reloading(next.settings);
      if (process?.alive === true) {
        controller?.reload(next, (result) => {
          trace.note(`configuration: ${result}`);
          if (result !== "applied" && result !== "unchanged" && file === next) {
            file = before;
            watch.reloading(before.settings);
          }
        });
      }
    },
    get process() {
      return process?.alive === true ? process : undefined;
    },
    get controller() {
      return process?.alive === true ? controller : undefined;
    },
    get deaths() {
      return deaths;
    },
    startController() {
      if (process?.alive === true) {
        return;
      }
      const mine = host.spawn();
      process = mine;
      trace.note(`controller: process ${mine.id} begins (${host.boot})`);
      mine.onDeath(() => {
        deaths += 1;
        trace.note(`controller: process ${mine.id} is dead`);
        watch.died();
        scheduler.after(away, () => world.startController());
        away = restartMs;
      });
      controller = startController({
        scheduler,
        random: random.fork(`controller ${mine.id}`),
        scenario,
        file,
        process: mine,
        broker,
        disk,
        machines,
        watch,
        log: silent,
        failed(error) {
          fail(
            "I39",
            `the controller ends: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
          );
        },
      });
    },
    stayAway(ms) {
      away = ms;
    },
    addClient(name, kind) {
      const client = createClient(name, {
        scheduler,
        random: random.fork(`client ${name}`),
        broker,
        trace,
        settings: () => file.settings,
        kind,
      });
      clients.push(client);
      return client;
    },
    break: fail,
  };
  return world;
}
