// Everything of one run, put together: scheduler, host, disk, broker, sockets, machines, clients and the controller's present process.

import type { Log } from "../../src/ports/log.ts";
import { type Broker, createBroker } from "./broker.ts";
import { type Client, createClient } from "./clients.ts";
import { createHost, type Host, type Process } from "./clock.ts";
import { type Controller, startController } from "./controller.ts";
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
  startController(): void;
  /** After its next death the controller is started again so many milliseconds later. */
  stayAway(ms: number): void;
  addClient(name: string, idle: boolean): Client;
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
    disk: () => disk,
    broken: fail,
  });
  const watch: Watch = createInvariants(facts);
  const disk: Disk = createDisk({ scheduler, random: random.fork("disk"), trace, watch });
  const broker = createBroker({ scheduler, random: random.fork("broker"), trace, watch });

  for (const [name, { socket, relay, bootTime }] of scenario.wiring) {
    const machine = createMachine({ scheduler, random: random.fork(`machine ${name}`), bootTime });
    machines.set(name, machine);
    if (relay === 1) {
      const options = scenario.sockets.find(({ topic }) => topic === socket);
      if (options !== undefined) {
        sockets.set(
          socket,
          createSocket(options, { scheduler, random: random.fork(socket), broker, trace, moved }),
        );
      }
    }
  }

  function moved(
    socket: string,
    relay: number,
    position: "on" | "off",
    why: "command" | "hand" | "power",
  ): void {
    watch.relayMoved(socket, relay, position, why);
    for (const [name, wiring] of scenario.wiring) {
      if (wiring.socket === socket && wiring.relay === relay) {
        machines.get(name)?.power(position === "on");
      }
    }
  }

  const names = [...scenario.wiring.keys()];
  const [firstName = "", ...others] = names;

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
    addClient(name, idle) {
      const client = createClient(name, {
        scheduler,
        random: random.fork(`client ${name}`),
        broker,
        trace,
        resources: [firstName, ...others],
        idle,
      });
      clients.push(client);
      return client;
    },
    break: fail,
  };
  return world;
}
