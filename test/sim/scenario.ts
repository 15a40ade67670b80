// What a run is about, drawn from its seed: which resources on which outlets with which settings, what they need and share, how many
// clients, how long, how rough. The configuration that results is one that `lastout check` would accept.

import type {
  CheckSettings,
  OutletSettings,
  PoolSettings,
  ResourceSettings,
  Settings,
  ShutdownSettings,
  SwitcherSettings,
} from "../../src/core/settings.ts";
import { millis } from "../../src/core/time.ts";
import type { MachineOptions } from "./machine.ts";
import type { Random } from "./random.ts";
import type { SocketOptions } from "./socket.ts";

export interface Scenario {
  /** At the beginning; faults may change it. */
  readonly settings: Settings;
  readonly sockets: readonly SocketOptions[];
  /** By resource. */
  readonly machines: ReadonlyMap<string, MachineOptions>;
  readonly clients: number;
  readonly operators: readonly string[];
  /** How long faults go on, ms. */
  readonly roughFor: number;
  /** Mean time between faults, ms. */
  readonly faultEvery: number;
  readonly shuffled: boolean;
  /** A wrong wall clock after a reboot of the host. */
  readonly wallErrors: boolean;
}

interface Draft {
  readonly sockets: SocketOptions[];
  readonly outlets: Map<string, OutletSettings>;
  readonly switchers: Map<string, SwitcherSettings>;
  readonly resources: Map<string, ResourceSettings>;
}

export function drawScenario(random: Random): Scenario {
  // Some runs are about tokens and power alone, so that what they find is not drowned.
  const rich = random.chance(0.8);
  const draft: Draft = { sockets: [], outlets: new Map(), switchers: new Map(), resources: new Map() };
  const count = rich ? random.int(1, 5) : random.int(1, 4);
  const strip = count > 1 && random.chance(0.3);
  if (strip) {
    addSocket(random, draft, "strip", count + 1);
  }
  for (let index = 1; index <= count; index += 1) {
    const name = `build${index}`;
    const outlets = drawOutlets(random, draft, index, strip, rich);
    const plain = drawResource(random, name, outlets);
    const needs = rich ? drawNeeds(random, draft, plain) : [];
    draft.resources.set(name, rich ? enrich(random, draft, { ...plain, needs }) : plain);
  }
  for (const [name, one] of draft.resources) {
    const alone = [...draft.resources.values()].every(
      (other) => other === one || !other.outlets.some((outlet) => one.outlets.includes(outlet)),
    );
    if (!alone && one.shutdown !== undefined) {
      // The meter of an outlet shows what all on it draw; and those on it must be gone at the same time.
      const shutdown = { ...one.shutdown, idleBelow: undefined, timeout: millis(90_000) };
      draft.resources.set(name, { ...one, shutdown });
    }
  }
  const users = rich && random.chance(0.2);
  return {
    settings: {
      ...draft,
      pools: rich ? drawPools(random, [...draft.resources.keys()]) : new Map(),
      limits: {
        tokens: random.chance(0.2) ? random.int(5, 15) : 1000,
        starting: rich ? random.pick([0, 0, 1, 2]) : 0,
      },
      access: users ? "users" : "open",
      operators: new Set(["operator1"]),
      restartGrace: millis(random.pick([0, 1000, 5000, 10_000, 30_000, 30_000])),
      lostGrace: millis(random.pick([0, 2000, 10_000, 30_000])),
      observe: random.chance(0.04),
    },
    sockets: draft.sockets,
    machines: new Map([...draft.resources.values()].map((one) => [one.name, drawMachine(random, one)])),
    clients: random.int(5, 40),
    operators: rich && random.chance(0.6) ? ["operator1", "operator2"] : [],
    roughFor: random.pick([6, 12, 12, 25, 60]) * 60_000,
    faultEvery: random.pick([6, 12, 25, 60]) * 1000,
    shuffled: random.chance(0.3),
    wallErrors: random.chance(0.3),
  };
}

function addSocket(
  random: Random,
  { sockets, outlets, switchers }: Draft,
  topic: string,
  relays: number,
): void {
  sockets.push({
    topic,
    relays,
    powerOnState: random.pick([0, 1, 3, 3]),
    telePeriod: random.pick([10, 60, 300]) * 1000,
    dropsOnReboot: random.chance(0.2),
    meters: random.chance(0.6),
  });
  const ids = relays === 1 ? [topic] : Array.from({ length: relays }, (_, place) => `${topic}/${place + 1}`);
  for (const [place, id] of ids.entries()) {
    outlets.set(id, { id, switcher: topic, outlet: String(place + 1) });
  }
  const stagger = relays === 1 ? random.pick([0, 0, 3000]) : random.pick([0, 1000, 5000]);
  switchers.set(topic, { name: topic, type: "tasmota", outlets: ids, stagger: millis(stagger) });
}

function drawOutlets(
  random: Random,
  draft: Draft,
  index: number,
  strip: boolean,
  rich: boolean,
): readonly [string, ...string[]] {
  const earlier = [...draft.resources.values()].flatMap(({ outlets: [first] }) => first ?? []);
  const [shared, ...others] = earlier;
  if (rich && shared !== undefined && random.chance(0.2)) {
    return [random.pick([shared, ...others])];
  }
  if (strip) {
    return rich && random.chance(0.1) ? [`strip/${index}`, `strip/${index + 1}`] : [`strip/${index}`];
  }
  addSocket(random, draft, `plug${index}`, 1);
  if (rich && random.chance(0.15)) {
    addSocket(random, draft, `plug${index}b`, 1);
    return [`plug${index}`, `plug${index}b`];
  }
  return [`plug${index}`];
}

/** What it needs and it stand on outlets that nothing ties together, or none of them could be the first to be switched on. */
function drawNeeds(random: Random, { resources }: Draft, resource: ResourceSettings): string[] {
  const needs = [...resources.keys()].filter(() => random.chance(0.25)).slice(0, 2);
  const all = new Map(resources).set(resource.name, { ...resource, needs });
  return isTangled(all) ? [] : needs;
}

/** Resources on one outlet go on and off together; seen so, needs must not form a circle. */
function isTangled(resources: ReadonlyMap<string, ResourceSettings>): boolean {
  const reached = (from: string): Set<string> => {
    const all = new Set<string>();
    const open = [from];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      for (const need of resources.get(name)?.needs ?? []) {
        for (const one of [need, ...together(resources, need)]) {
          if (!all.has(one)) {
            all.add(one);
            open.push(one);
          }
        }
      }
    }
    return all;
  };
  return [...resources.keys()].some((name) => {
    const all = reached(name);
    return all.has(name) || together(resources, name).some((one) => all.has(one));
  });
}

/** All that shares an outlet with it, and with what does. */
function together(resources: ReadonlyMap<string, ResourceSettings>, name: string): string[] {
  const all = new Set([name]);
  for (const one of all) {
    const own = resources.get(one)?.outlets ?? [];
    for (const other of resources.values()) {
      if (other.outlets.some((outlet) => own.includes(outlet))) {
        all.add(other.name); // the walk goes on over it
      }
    }
  }
  all.delete(name);
  return [...all];
}

function drawResource(random: Random, name: string, outlets: readonly string[]): ResourceSettings {
  const most = random.pick([60, 300, 900]) * 1000;
  return {
    name,
    outlets,
    needs: [],
    capacity: 0,
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
    shutdown: undefined,
    keepWhile: undefined,
  };
}

function enrich(random: Random, draft: Draft, resource: ResourceSettings): ResourceSettings {
  const meters = resource.outlets.every((outlet) =>
    draft.sockets.some(({ topic, meters: has }) => has && outlet.split("/")[0] === topic),
  );
  return {
    ...resource,
    ttl: { ...resource.ttl, total: millis(0) }, // has its own, plainer runs
    capacity: random.pick([0, 0, 1, 2, 5]),
    shutdown: random.chance(0.5) ? drawShutdown(random, meters) : undefined,
    keepWhile: random.chance(0.2) ? drawCheck(random) : undefined,
  };
}

const drawShutdown = (random: Random, meters: boolean): ShutdownSettings => ({
  timeout: millis(random.pick([20, 40, 90]) * 1000),
  settle: millis(random.pick([0, 3000, 10_000])),
  idleBelow: meters && random.chance(0.6) ? 10 : undefined,
  onTimeout: random.pick(["keep", "keep", "cut"]),
});

const drawCheck = (random: Random): CheckSettings => ({
  interval: millis(random.pick([1000, 5000, 20_000])),
  timeout: millis(random.pick([500, 2000])),
  rise: random.int(1, 3),
  fall: random.int(1, 3),
});

function drawPools(random: Random, names: readonly string[]): Map<string, PoolSettings> {
  const pools = new Map<string, PoolSettings>();
  for (const name of ["builders", "testers"]) {
    const members = names.filter(() => random.chance(0.6));
    if (members.length > 0 && random.chance(0.4)) {
      const warm = random.chance(0.3) ? random.int(1, members.length) : 0;
      pools.set(name, { name, members, warm });
    }
  }
  return pools;
}

/** Nothing but `settle` protects the disks of a machine without a meter, so an honest one is done by then. */
function drawMachine(random: Random, { check, shutdown }: ResourceSettings): MachineOptions {
  const quick = random.int(1, 8) * 1000;
  const leave = random.int(500, 6000);
  const longest = shutdown?.idleBelow === undefined ? Math.max(0, (shutdown?.settle ?? 0) - 500) : 15_000;
  return {
    bootTime: [quick, quick + random.int(1, 20) * 1000],
    leaveTime: [leave, leave + random.int(0, 5000)],
    syncTime: random.int(0, longest),
    checked: check !== undefined,
  };
}
