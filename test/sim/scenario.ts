// What a run is about, drawn from its seed: which resources on which sockets with which settings, how many clients, how long, how rough.

import type {
  CheckSettings,
  OutletSettings,
  ResourceSettings,
  Settings,
  SwitcherSettings,
} from "../../src/core/settings.ts";
import { millis } from "../../src/core/time.ts";
import type { Random } from "./random.ts";
import type { SocketOptions } from "./socket.ts";

export interface Scenario {
  readonly settings: Settings;
  readonly sockets: readonly SocketOptions[];
  /** How a resource is wired. */
  readonly wiring: ReadonlyMap<
    string,
    { readonly socket: string; readonly relay: number; readonly bootTime: readonly [number, number] }
  >;
  readonly clients: number;
  /** How long faults go on, ms. */
  readonly roughFor: number;
  /** Mean time between faults, ms. */
  readonly faultEvery: number;
  readonly shuffled: boolean;
  /** A wrong wall clock after a reboot of the host. */
  readonly wallErrors: boolean;
}

export function drawScenario(random: Random): Scenario {
  const sockets: SocketOptions[] = [];
  const outlets = new Map<string, OutletSettings>();
  const switchers = new Map<string, SwitcherSettings>();
  const resources = new Map<string, ResourceSettings>();
  const wiring = new Map<string, { socket: string; relay: number; bootTime: readonly [number, number] }>();
  const count = random.int(1, 4);
  const strip = count > 1 && random.chance(0.3);
  for (let index = 1; index <= count; index += 1) {
    const socket = strip ? "strip" : `plug${index}`;
    const relay = strip ? index : 1;
    const id = strip ? `strip/${index}` : socket;
    if (relay === 1) {
      const relays = strip ? count : 1;
      sockets.push(drawSocket(random, socket, relays));
      const ids = strip ? Array.from({ length: relays }, (_, place) => `strip/${place + 1}`) : [socket];
      switchers.set(socket, { name: socket, type: "tasmota", outlets: ids });
    }
    outlets.set(id, { id, switcher: socket, outlet: String(relay) });
    const name = `build${index}`;
    const resource = drawResource(random, name, id);
    resources.set(name, resource);
    const quick = random.int(1, 8) * 1000;
    wiring.set(name, { socket, relay, bootTime: [quick, quick + random.int(1, 20) * 1000] });
  }
  return {
    settings: {
      resources,
      outlets,
      switchers,
      limits: { tokens: random.chance(0.2) ? random.int(5, 15) : 1000 },
      restartGrace: millis(random.pick([0, 1000, 5000, 10_000, 30_000, 30_000])),
      lostGrace: millis(random.pick([0, 2000, 10_000, 30_000])),
      observe: random.chance(0.04),
    },
    sockets,
    wiring,
    clients: random.int(5, 40),
    roughFor: random.pick([6, 12, 12, 25, 60]) * 60_000,
    faultEvery: random.pick([6, 12, 25, 60]) * 1000,
    shuffled: random.chance(0.3),
    wallErrors: random.chance(0.3),
  };
}

const drawSocket = (random: Random, topic: string, relays: number): SocketOptions => ({
  topic,
  relays,
  powerOnState: random.pick([0, 1, 3, 3]),
  telePeriod: random.pick([10, 60, 300]) * 1000,
  dropsOnReboot: random.chance(0.2),
});

function drawResource(random: Random, name: string, outlet: string): ResourceSettings {
  const most = random.pick([60, 300, 900]) * 1000;
  return {
    name,
    outlet,
    ttl: {
      default: millis(Math.min(most, random.pick([10, 60, 300]) * 1000)),
      max: millis(most),
      total: millis(random.chance(0.15) ? most * 2 : 0),
    },
    offDelay: millis(random.pick([0, 500, 5000, 30_000, 60_000])),
    bootTimeout: millis(random.pick([10, 30, 60]) * 1000),
    bootRetries: random.pick([0, 0, 1, 2]),
    minOn: millis(random.pick([0, 1000, 5000, 20_000])),
    minOff: millis(random.pick([0, 1000, 10_000, 20_000])),
    switchTimeout: millis(random.pick([5000, 30_000])),
    onExternalOn: random.pick(["adopt", "reclaim", "ignore"]),
    onExternalOff: random.pick(["respect", "restore"]),
    check: random.chance(0.75) ? drawCheck(random) : undefined,
  };
}

const drawCheck = (random: Random): CheckSettings => ({
  interval: millis(random.pick([1000, 5000, 20_000])),
  timeout: millis(random.pick([500, 2000])),
  rise: random.int(1, 3),
  fall: random.int(1, 3),
});
