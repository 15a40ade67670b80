// A small lab on the loopback interface: a broker, simulated sockets with machines behind them, the controller as a real process, and
// somebody who hears everything. Everything in it is of this test run, on free ports and in a temporary folder, and goes with it.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { millis } from "../../src/core/time.ts";
import { type Machine, type MachineOptions, startMachine } from "../simulators/machine.ts";
import { startTasmota, type Tasmota, type TasmotaOptions } from "../simulators/tasmota.ts";
import { eventually } from "../support/eventually.ts";
import { freePort, type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { connectWire, type PublishOptions, type WireClient, type WireOptions } from "./client.ts";
import { type Controller, createController } from "./controller.ts";
import { type Fields, objectIn, type Observer, observe } from "./observer.ts";

/** A socket, with its resource (or several, for a strip) named after it. */
interface SocketSpec {
  /** Of the simulated device. */
  readonly device?: Partial<Omit<TasmotaOptions, "port">>;
  /** Of the switcher in the configuration. */
  readonly switcher?: Fields;
  /** A machine behind relay 1, which the resource is checked by. */
  /** A message on `machines/<its name>/poweroff` shuts it down, as `poweroff` over SSH would. */
  readonly machine?: MachineOptions;
  /** Of the resource in the configuration. */
  readonly resource?: Fields;
}

export interface LabOptions {
  readonly broker: "embedded" | "mosquitto";
  /** Lines for mosquitto's configuration. */
  readonly mosquitto?: readonly string[];
  readonly sockets?: Readonly<Record<string, SocketSpec>>;
  /** Top-level keys of the configuration that replace the lab's. */
  readonly settings?: Fields;
  /** More of `defaults`, `switchers` and `resources`. */
  readonly defaults?: Fields;
  readonly switchers?: Readonly<Record<string, Fields>>;
  readonly resources?: Readonly<Record<string, Fields>>;
  /** A folder for the store in place of the lab's own. */
  readonly storeFolder?: string;
}

export interface Lab {
  readonly kind: LabOptions["broker"];
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  readonly configFile: string;
  readonly controller: Controller;
  readonly observer: Observer;
  /** Only with mosquitto. */
  readonly mosquitto: Mosquitto;
  socket(name: string): Tasmota;
  machine(name: string): Machine;
  connect(options?: Omit<WireOptions, "port">): Promise<WireClient>;
  /** What the broker keeps below the base now, as a new subscriber gets it. */
  retained(): Promise<ReadonlyMap<string, string>>;
  /** Publish a request, or anything else, as somebody who comes only for that. */
  publish(
    topic: string,
    payload: string | Uint8Array | Fields,
    options?: PublishOptions & { version?: 4 | 5 },
  ): Promise<void>;
  /** Publish a JSON request with a reply topic of its own (3.1.1) and give back the reply. */
  ask(request: string, fields?: Fields, withinMs?: number): Promise<Fields>;
  /** The same without waiting; the replies so far are in `replies`. */
  begin(request: string, fields?: Fields): Promise<{ readonly replies: () => readonly Fields[] }>;
  /** Events of a resource, or of `controller`, oldest first. */
  events(name: string, event?: string, from?: number): readonly Fields[];
  untilEvent(name: string, event: string, from?: number, withinMs?: number): Promise<Fields>;
  /** The state object, as last heard. */
  object(name: string): Fields;
  untilState(name: string, state: string, withinMs?: number): Promise<void>;
  untilObject(name: string, part: Fields, withinMs?: number): Promise<void>;
  /** Start the controller, after it has ended. */
  start(): void;
  untilOnline(): Promise<void>;
  /** Online, and every outlet has said where it stands. */
  settled(): Promise<void>;
  /** Kill -9 and start again; resolves when it is online. */
  crash(): Promise<void>;
  /** End mosquitto with that signal and start it again; resolves when the controller is online on it. */
  restartBroker(signal: NodeJS.Signals): Promise<void>;
  configure(change: (config: Record<string, unknown>) => void): void;
  stop(): Promise<void>;
}

const base = "lastout";

/** The simulated sockets' clocks run that much faster: a boot takes 0.4 s, and a press is told after 25 ms. */
const deviceSpeed = 20;

export async function startLab(options: LabOptions): Promise<Lab> {
  const folder = mkdtempSync(join(tmpdir(), "lastout-wire-"));
  const configFile = join(folder, "lastout.yaml");
  const mosquitto = options.broker === "mosquitto" ? await startMosquitto(options.mosquitto) : undefined;
  const port = mosquitto?.port ?? (await freePort());
  const url = `mqtt://127.0.0.1:${port}`;
  const specs = Object.entries(options.sockets ?? {});
  const machines = new Map<string, Machine>();
  for (const [name, { machine }] of specs) {
    if (machine !== undefined) {
      machines.set(name, await startMachine(machine));
    }
  }
  let config = configuration(options, { folder, port, url, machines });
  const write = (): void => writeFileSync(configFile, JSON.stringify(config, undefined, 2)); // YAML 1.2 contains JSON
  write();

  const controller = createController(configFile);
  const observer = observe(port, ({ topic }) => {
    const [, name] = /^machines\/([^/]+)\/poweroff$/.exec(topic) ?? [];
    machines.get(name ?? "")?.shutDown();
  });
  const sockets = new Map<string, Tasmota>();
  let asked = 0;
  let readings = 0;
  /** Place in what the observer heard at which the present life of the controller began. */
  let startedAt = 0;

  const heardSinceStart = (topic: string): string | undefined =>
    observer.heard.findLast((one, place) => place >= startedAt && one.topic === topic)?.payload;

  async function startSockets(): Promise<void> {
    const started = specs.map(async ([name, { device }]) => {
      const machine = machines.get(name);
      const socket = await startTasmota({
        topic: name,
        speed: deviceSpeed,
        serviceMs: 2,
        ...device,
        port,
        ...(machine === undefined ? {} : { loads: [machine] }),
      });
      sockets.set(name, socket);
    });
    await Promise.all(started);
  }

  async function publish(
    topic: string,
    payload: string | Uint8Array | Fields,
    { version = 4, ...how }: PublishOptions & { version?: 4 | 5 } = {},
  ): Promise<void> {
    const client = await connectWire({ port, version });
    const bytes =
      typeof payload === "string" || payload instanceof Uint8Array ? payload : JSON.stringify(payload);
    await client.publish(topic, bytes, how);
    await client.disconnect();
  }

  const lab: Lab = {
    kind: options.broker,
    port,
    url,
    folder,
    configFile,
    controller,
    observer,
    get mosquitto() {
      return need(mosquitto, "mosquitto");
    },
    socket: (name) => need(sockets.get(name), `socket ${name}`),
    machine: (name) => need(machines.get(name), `machine ${name}`),
    connect: (how) => connectWire({ ...how, port }),
    async retained() {
      const client = await connectWire({ port });
      readings += 1;
      // Both brokers send what they keep in the order of the filters, and the youngest last.
      const end = `test/end/${readings}`;
      await client.publish(end, "end", { retain: true });
      await client.subscribe(`${base}/#`, end);
      await eventually("the broker has sent what it keeps", () =>
        client.heard.some(({ topic }) => topic === end),
      );
      // The embedded broker works on several filters at once, so the end may come before the last of the others.
      for (let heard = 0; heard < client.heard.length; ) {
        heard = client.heard.length;
        await systemClock.sleep(millis(40));
      }
      await client.publish(end, "", { retain: true });
      await client.disconnect();
      return new Map(
        client.heard.flatMap(({ topic, payload, retain }) =>
          retain && topic !== end ? [[topic, payload] as const] : [],
        ),
      );
    },
    publish,
    async ask(request, fields = {}, withinMs = 8000) {
      const { replies } = await lab.begin(request, fields);
      return eventually(`${request} ${JSON.stringify(fields)} is answered`, () => replies()[0], withinMs);
    },
    async begin(request, fields = {}) {
      asked += 1;
      const replyTo = `${base}/reply/test/${asked}`;
      await publish(`${base}/${request}`, { ...fields, replyTo });
      return { replies: () => observer.objects(replyTo) };
    },
    events: (name, event, from = 0) =>
      observer
        .objects(`${base}/${name}/event`, from)
        .filter((fields) => event === undefined || fields["event"] === event),
    untilEvent: (name, event, from = 0, withinMs = 8000) =>
      eventually(`${name} tells the event ${event}`, () => lab.events(name, event, from)[0], withinMs),
    object: (name) => objectIn(observer.last(`${base}/${name}`) ?? "{}"),
    untilState: async (name, state, withinMs = 8000) => {
      await eventually(
        `${name} is ${state}`,
        () => observer.last(`${base}/${name}/state`) === state,
        withinMs,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}; it is ${observer.last(`${base}/${name}`)}`, { cause: error });
      });
    },
    untilObject: async (name, part, withinMs = 8000) => {
      await eventually(
        `${name} shows ${JSON.stringify(part)}`,
        () => matches(lab.object(name), part),
        withinMs,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}; it shows ${observer.last(`${base}/${name}`)}`, { cause: error });
      });
    },
    start() {
      startedAt = observer.heard.length;
      controller.start();
    },
    untilOnline: async () => {
      await eventually(
        "the controller says that it is online",
        () => {
          if (!controller.running) {
            throw new Error(`the controller has ended: ${controller.log().slice(-2000)}`);
          }
          return heardSinceStart(`${base}/controller/status`) === "online";
        },
        15_000,
      );
      await observer.ready();
    },
    async settled() {
      await lab.untilOnline();
      for (const name of Object.keys(resourcesOf(config))) {
        await eventually(
          `the state of ${name} is known`,
          () => (heardSinceStart(`${base}/${name}/state`) ?? "unknown") !== "unknown",
          8000,
        );
      }
    },
    async crash() {
      await controller.kill9();
      await eventually(
        "the broker says that the controller is gone",
        () => options.broker === "embedded" || observer.last(`${base}/controller/status`) === "offline",
      );
      lab.start();
      await lab.untilOnline();
    },
    async restartBroker(signal) {
      startedAt = observer.heard.length;
      await lab.mosquitto.restart(signal);
      await observer.ready();
      await lab.untilOnline();
    },
    configure(change) {
      const copy = structuredClone(config);
      change(copy);
      config = copy;
      write();
    },
    async stop() {
      if (controller.running) {
        await controller.kill9();
      }
      await observer.stop();
      await Promise.all([...sockets.values()].map((socket) => socket.stop()));
      await Promise.all([...machines.values()].map((machine) => machine.stop()));
      await mosquitto?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };

  try {
    if (mosquitto !== undefined) {
      await startSockets();
    }
    lab.start();
    await lab.untilOnline();
    if (mosquitto === undefined) {
      await startSockets();
    }
    await lab.settled();
  } catch (error) {
    const log = controller.log();
    await lab.stop();
    throw new Error(`the lab did not start: ${String(error)}\n${log}`, { cause: error });
  }
  return lab;
}

function need<T>(found: T | undefined, what: string): T {
  if (found === undefined) {
    throw new Error(`this lab has no ${what}`);
  }
  return found;
}

/** Not more labs of single tests at once than that, in one file: starting the program is work, and deadlines are counted. */
const mostLabs = 3;
const turns: (() => void)[] = [];
let labs = 0;

/** A lab for one test, which may kill and restart what it likes; a failure tells what the controller logged last. */
export async function inLab(options: LabOptions, use: (lab: Lab) => Promise<void>): Promise<void> {
  if (labs === mostLabs) {
    await new Promise<void>((resolve) => {
      turns.push(resolve);
    });
  } else {
    labs += 1;
  }
  try {
    await inFreeLab(options, use);
  } finally {
    const next = turns.shift();
    if (next === undefined) {
      labs -= 1;
    } else {
      next(); // It takes over our place.
    }
  }
}

async function inFreeLab(options: LabOptions, use: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = await startLab(options);
  try {
    await use(lab);
  } catch (error) {
    const log = lab.controller.log().slice(-3000);
    throw new Error(`${String(error)}\n--- the controller's last words:\n${log}`, { cause: error });
  } finally {
    await lab.stop();
  }
}

/** Milliseconds for one test: some wait for deadlines of ten seconds and more, and for their turn. */
export const patience = { timeout: 90_000 } as const;

/** Both brokers, each with the options of its `describe`: the embedded one always, mosquitto where it is installed. */
export const brokers = [
  { broker: "embedded", title: "the embedded broker", options: { ...needing(), ...patience } },
  { broker: "mosquitto", title: "mosquitto", options: { ...needing("mosquitto"), ...patience } },
] as const;

interface Places {
  readonly folder: string;
  readonly port: number;
  readonly url: string;
  readonly machines: ReadonlyMap<string, Machine>;
}

function configuration(options: LabOptions, places: Places): Record<string, unknown> {
  const switchers: Record<string, Fields> = { ...options.switchers };
  const resources: Record<string, Fields> = { ...options.resources };
  for (const [name, spec] of Object.entries(options.sockets ?? {})) {
    const machine = places.machines.get(name);
    const check =
      machine === undefined
        ? {}
        : {
            check: {
              type: "tcp",
              host: "127.0.0.1",
              port: machine.port,
              interval: "100ms",
              rise: 1,
              fall: 2,
            },
          };
    const relays = spec.device?.relays ?? 1;
    const group = spec.switcher?.["outlet"] === undefined && relays > 1;
    switchers[`${name}-plug`] = {
      type: "tasmota",
      topic: name,
      ...(group ? { outlets: relays, stagger: 0 } : {}), // by default 1 s, which few tests are about
      ...spec.switcher,
    };
    for (let relay = 1; relay <= (group ? relays : 1); relay += 1) {
      const resource = group ? `${name}${relay}` : name;
      const outlet = group ? `${name}-plug/${relay}` : `${name}-plug`;
      resources[resource] = { switcher: outlet, ...(relay === 1 ? check : {}), ...spec.resource };
    }
  }
  return {
    ...(options.broker === "embedded"
      ? { broker: { listen: `127.0.0.1:${places.port}` }, mqtt: { clientId: "lastout-test" } }
      : { mqtt: { url: places.url, clientId: "lastout-test" } }),
    store: { path: join(options.storeFolder ?? places.folder, "lastout.db") },
    restartGrace: "500ms",
    lostGrace: "500ms",
    log: { level: "debug" },
    ...options.settings,
    defaults: {
      offDelay: "300ms",
      minOn: 0,
      minOff: 0,
      bootTimeout: "10s",
      switchTimeout: "4s",
      ttl: { default: "10m", max: "1d" },
      ...options.defaults,
    },
    switchers,
    resources,
  };
}

function resourcesOf(config: Record<string, unknown>): object {
  const { resources } = config;
  return typeof resources === "object" && resources !== null ? resources : {};
}

/** How a lab's machine is shut down: by a message that it listens for. */
export const poweroff = (name: string, options: Fields = {}): Fields => ({
  type: "mqtt",
  topic: `machines/${name}/poweroff`,
  payload: "now",
  timeout: "5s",
  settle: "300ms",
  ...options,
});

/** Every field named is there with that value; in objects likewise. */
function matches(whole: unknown, part: unknown): boolean {
  if (typeof part !== "object" || part === null) {
    return whole === part;
  }
  if (typeof whole !== "object" || whole === null) {
    return false;
  }
  const fields: Fields = Object.fromEntries(Object.entries(whole));
  return Object.entries(part).every(([key, value]) => matches(fields[key], value));
}
