// The lab in which the controller is killed: a broker, simulated sockets, the configuration. All on the loopback interface, on free
// ports and in a temporary folder, and gone at the end. What must hold for the sockets is in power.ts.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBroker } from "../../src/adapters/broker/broker.ts";
import { startTasmota, type Tasmota } from "../../test/simulators/tasmota.ts";
import { mosquittoMissing, startMosquitto } from "../../test/support/mosquitto.ts";
import { silentLog } from "../../test/support/silent-log.ts";

/** A resource with its relay, and what the relay may be seen doing. */
export interface Place {
  readonly resource: string;
  readonly socket: Tasmota;
  readonly relay: number;
  /**
   * `anchored`: a token is held all the time. `idle`: nobody ever asks for it, and it is off. `found-on`: nobody ever asks for it, and
   * it was on before the controller came. `churning`: tokens come and go, with a short off delay.
   */
  readonly kind: "anchored" | "idle" | "found-on" | "churning";
}

export interface Lab {
  readonly broker: "mosquitto" | "embedded";
  readonly port: number;
  readonly configFile: string;
  readonly storeFile: string;
  readonly places: readonly Place[];
  stop(): Promise<void>;
}

export const base = "lastout";

/** Short, so that a kill takes a second and not minutes. */
const restartGraceMs = 200;
const lostGraceMs = 400;

/** Six resources share the load of tokens; two switch; the others must never move. */
const sockets: readonly {
  readonly topic: string;
  readonly relays: readonly { readonly resource: string; readonly kind: Place["kind"] }[];
}[] = [
  { topic: "build1", relays: [{ resource: "build1", kind: "anchored" }] },
  { topic: "build2", relays: [{ resource: "build2", kind: "anchored" }] },
  {
    topic: "strip",
    relays: [
      { resource: "camera", kind: "anchored" },
      { resource: "spare", kind: "idle" },
      { resource: "analyser", kind: "anchored" },
      { resource: "freezer", kind: "found-on" },
    ],
  },
  { topic: "shelf", relays: [{ resource: "shelf", kind: "idle" }] },
  { topic: "board1", relays: [{ resource: "board1", kind: "churning" }] },
  { topic: "board2", relays: [{ resource: "board2", kind: "churning" }] },
];

/** @param wanted `undefined`: mosquitto where it is installed */
export async function startLab(wanted: Lab["broker"] | undefined): Promise<Lab> {
  const kind = wanted ?? (mosquittoMissing === undefined ? "mosquitto" : "embedded");
  const folder = mkdtempSync(join(tmpdir(), "lastout-crash-"));
  const configFile = join(folder, "lastout.yaml");
  const storeFile = join(folder, "lastout.db");
  const broker = kind === "mosquitto" ? await startMosquitto() : await startEmbedded();
  const started: Tasmota[] = [];
  const places: Place[] = [];
  for (const { topic, relays } of sockets) {
    const socket = await startTasmota({
      port: broker.port,
      topic,
      relays: relays.length,
      initial: relays.map((relay) => (relay.kind === "found-on" ? "on" : "off")),
      speed: 20,
      serviceMs: 1,
    });
    started.push(socket);
    relays.forEach((relay, index) => places.push({ ...relay, socket, relay: index + 1 }));
  }
  writeFileSync(configFile, JSON.stringify(configuration(broker.port, storeFile), undefined, 2)); // YAML 1.2 contains JSON
  return {
    broker: kind,
    port: broker.port,
    configFile,
    storeFile,
    places,
    async stop() {
      await Promise.all(started.map((socket) => socket.stop()));
      await broker.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** In this process, so that it lives on when the controller is killed. */
async function startEmbedded(): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const broker = await startBroker({ host: "127.0.0.1", port: 0, users: undefined }, { log: silentLog });
  return { port: broker.port, stop: () => broker.close() };
}

const plug = (topic: string): string => `${topic}-plug`;

function configuration(port: number, storeFile: string): unknown {
  return {
    mqtt: { url: `mqtt://127.0.0.1:${port}`, clientId: "lastout-crash", base },
    store: { path: storeFile },
    restartGrace: `${restartGraceMs}ms`,
    lostGrace: `${lostGraceMs}ms`,
    // Ended tokens are remembered up to this number, too, and read at every start.
    limits: { tokens: 3000 },
    defaults: {
      offDelay: "50ms",
      minOn: 0,
      minOff: 0,
      switchTimeout: "10s",
      ttl: { default: "1h", max: "2d" },
    },
    switchers: Object.fromEntries(
      sockets.map(({ topic, relays }) => [
        plug(topic),
        { type: "tasmota", topic, ...(relays.length > 1 ? { outlets: relays.length } : {}) },
      ]),
    ),
    resources: Object.fromEntries(
      sockets.flatMap(({ topic, relays }) =>
        relays.map(({ resource }, index) => [
          resource,
          { switcher: relays.length > 1 ? `${plug(topic)}/${index + 1}` : plug(topic) },
        ]),
      ),
    ),
  };
}
