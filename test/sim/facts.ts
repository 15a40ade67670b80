// What is known of a run from outside, for the checks: who asked what, what relays did and said, what is on the disk. No judgement in here.

import type {
  OutletRecord,
  OverrideRecord,
  QueuedRecord,
  ResourceRecord,
  TokenRecord,
} from "../../src/core/changes.ts";
import type { Position, ResourceSettings, Settings } from "../../src/core/settings.ts";
import type { Host } from "./clock.ts";
import { type Asked, scopeOf } from "./form.ts";
import type { Ledger } from "./ledger.ts";
import type { Machine } from "./machine.ts";
import type { Scenario } from "./scenario.ts";
import type { Trace } from "./trace.ts";

export interface DiskView {
  tokens(): Iterable<TokenRecord>;
  queued(): Iterable<QueuedRecord>;
  overrides(): Iterable<OverrideRecord>;
  outlets(): Iterable<OutletRecord>;
  resource(name: string): ResourceRecord | undefined;
  outboxIds(): Iterable<number>;
  /** When the newest batch was begun, on the controller's clock. */
  readonly writtenAt: number;
  /** What wall clock minus monotonic clock was then. */
  readonly writtenOffset: number;
  readonly slowest: number;
}

export interface AskedOnce {
  readonly asked: Asked;
  /** In the order in which requests first reached the broker. */
  readonly order: number;
  /** How often it was given to the loop, and when for the last time, in the order of such. */
  offers: number;
  offeredAt: number;
  /** The same in true time. */
  offeredTrueAt: number;
  answers: number;
}

export interface Relay {
  readonly outlet: string;
  /** When it last moved, on the controller's clock; with the boot of which that is. */
  readonly movedAt: number;
  readonly boot: string;
  readonly position: Position;
  readonly why: "command" | "hand" | "power";
  /** Last command to it; `trueAt` on no clock that drifts. */
  told: Told | undefined;
}

export interface Heard {
  readonly position: Position;
  readonly at: number;
  /** When it first said so, without having said anything else since. */
  readonly since: number;
}

export interface Told {
  readonly word: string;
  readonly at: number;
  readonly trueAt: number;
  readonly process: number;
  /** An operator has answered for what this does to whoever holds the machine. */
  readonly excused: boolean;
}

/** Of all settings that a resource had in this run, those that forbid the least. */
export interface Loosest {
  readonly offDelay: number;
  readonly minOn: number;
  readonly minOff: number;
  readonly bootTimeout: number;
  readonly bootRetries: number;
  /** 0: no limit. */
  readonly capacity: number;
  readonly needs: readonly string[];
  readonly shutdown: ResourceSettings["shutdown"];
  readonly guarded: boolean;
}

/** A power cycle that an operator asked for, and was answered `ok` to. */
export interface Cycle {
  readonly owner: string | undefined;
  readonly force: boolean;
}

export interface Facts {
  readonly host: Host;
  readonly ledger: Ledger;
  readonly scenario: Scenario;
  readonly trace: Trace;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly disk: () => DiskView;
  /** No clock shows it, and none of its jumps and stops moves it. */
  readonly trueNow: () => number;
  /** Ends the run unless it holds. */
  readonly must: (holds: boolean, rule: string, what: () => string) => void;
  /** In force; a reload changes them. */
  readonly settings: Settings;
  /** In force before the last reload, and when that was, in true time. */
  readonly reloadedAt: number;
  configure(settings: Settings): void;
  /** Those that were read last, and will perhaps be in force. */
  readonly expected: Settings;
  loosen(settings: Settings): void;
  loosest(resource: string): Loosest;
  /** By the id of the request. */
  readonly asked: Map<string, AskedOnce>;
  /** Those that name this token. */
  askedFor(scope: string, token: string): readonly AskedOnce[];
  ask(asked: Asked, order: number): void;
  /** Overrides and cycles of this resource. */
  overridesFor(resource: string): readonly AskedOnce[];
  offers: number;
  /** The last lockout among them. */
  lockOffers: number;
  /** Numbers of requests that queued before the batch that is being written. */
  queuedBefore: ReadonlySet<number>;
  /** Numbers of requests that were granted. */
  readonly granted: Set<number>;
  process: { readonly startedAt: number; readonly kept: ReadonlySet<number> } | undefined;
  /** When the request link, and the device link, came up; `undefined` while they are down. */
  linkAt: number | undefined;
  busAt: number | undefined;
  /** When the request link was last lost. */
  linkLostAt: number;
  rival: boolean;
  /** When a rival was last heard of. */
  rivalAt: number;
  storeRefuses: boolean;
  /** Since then the controller had nothing to complain of. */
  disturbedAt: number;
  /** By outlet: what it last said to the present process over the present connection; lost with either. */
  readonly heard: Map<string, Heard>;
  /** By switcher: when it was last asked where its relays stand. */
  readonly questionAt: Map<string, number>;
  /** By outlet. */
  readonly relays: Map<string, Relay>;
  /** By resource: when a check last succeeded. */
  readonly upAt: Map<string, number>;
  /** By resource: the state last published. */
  readonly states: Map<string, string>;
  /** By resource: the codes of the problems that this process has told of, and not told to be over. */
  readonly problems: Map<string, Set<string>>;
  /** By resource: when its machine last got power. */
  readonly poweredAt: Map<string, number>;
  /** By resource: how many checks could not be made since then. */
  readonly errors: Map<string, number>;
  /** By resource: what its `keepWhile` last said, and when. */
  readonly guards: Map<string, { readonly outcome: "up" | "down" | "error"; readonly at: number }>;
  /** By resource: when its machine was last told to shut down, in true time, and whether while it had this power. */
  readonly shutdowns: Map<string, number>;
  readonly cycles: Map<string, Cycle>;
  /** By resource: lockouts that were answered `ok`, and nobody has asked to lift since; the outlets that they hold. */
  readonly locks: Map<string, { readonly outlets: readonly string[]; readonly until: number | undefined }>;
  /** By resource: when an override `on` was last taken off the disk. */
  readonly keptUntil: Map<string, number>;
  /** By resource: when a lockout that covered it was last taken off the disk. */
  readonly liftedAt: Map<string, number>;
  /** The controller's clock began anew. */
  shift(by: number, now: number): void;
  /** By token: when its record was last written. */
  readonly putAt: Map<string, number>;
  /** By switcher: its last ON. */
  readonly onAt: Map<string, { readonly at: number; readonly process: number; readonly outlet: string }>;
  commands: number;
  shutdownsSent: number;
  pictures: number;
  /** Held on this resource, by what is on the disk. */
  tokensOf(resource: string): readonly TokenRecord[];
  /** `relay` undefined: a question to the whole device; wholly undefined: nobody's topic. */
  outletOf(topic: string): { readonly relay: Relay | undefined } | undefined;
  hear(topic: string, payload: string): void;
  moved(socket: string, relay: number, position: Position, why: Relay["why"]): void;
}

interface Parts {
  readonly host: Host;
  readonly ledger: Ledger;
  readonly scenario: Scenario;
  readonly trace: Trace;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly disk: () => DiskView;
  readonly trueNow: () => number;
  readonly broken: (rule: string, what: string) => void;
}

export function createFacts(parts: Parts): Facts {
  const { host, scenario, disk, broken } = parts;
  const relays = new Map<string, Relay>();
  const asked = new Map<string, AskedOnce>();
  const askedFor = new Map<string, AskedOnce[]>();
  const loosest = new Map<string, Loosest>();
  const overrides: AskedOnce[] = [];
  let settings = scenario.settings;
  let expected = settings;
  let reloadedAt = Number.NEGATIVE_INFINITY;
  for (const outlet of settings.outlets.keys()) {
    relays.set(outlet, {
      outlet,
      movedAt: host.now(),
      boot: host.boot,
      position: "off",
      why: "power",
      told: undefined,
    });
  }
  loosen(settings);
  const relaysOf = (socket: string): number =>
    scenario.sockets.find(({ topic }) => topic === socket)?.relays ?? 0;
  const outletAt = (socket: string, relay: number): string =>
    relaysOf(socket) === 1 ? socket : `${socket}/${relay}`;

  function loosen(read: Settings): void {
    const { resources } = read;
    expected = read;
    for (const one of resources.values()) {
      loosest.set(one.name, looser(loosest.get(one.name), one));
    }
  }

  const facts: Facts = {
    ...parts,
    must(holds, rule, what) {
      if (!holds) {
        broken(rule, what());
      }
    },
    get settings() {
      return settings;
    },
    get expected() {
      return expected;
    },
    get reloadedAt() {
      return reloadedAt;
    },
    configure(to) {
      if (to !== settings) {
        settings = to;
        reloadedAt = parts.trueNow();
        loosen(to);
      }
    },
    loosen,
    loosest: (name) => loosest.get(name) ?? nothing,
    asked,
    askedFor: (scope, token) => askedFor.get(`${scope} ${token}`) ?? [],
    ask(request, order) {
      if (!asked.has(request.id)) {
        const once = { asked: request, order, offers: 0, answers: 0, offeredAt: 0, offeredTrueAt: 0 };
        asked.set(request.id, once);
        if (request.verb === "override") {
          overrides.push(once);
        }
        const key = `${scopeOf(request)} ${request.token}`;
        const others = askedFor.get(key);
        if (others === undefined) {
          askedFor.set(key, [once]);
        } else {
          others.push(once);
        }
      }
    },
    overridesFor: (resource) => overrides.filter((one) => one.asked.resource === resource),
    offers: 0,
    lockOffers: 0,
    queuedBefore: new Set(),
    granted: new Set(),
    process: undefined,
    linkAt: undefined,
    busAt: undefined,
    linkLostAt: 0,
    rival: false,
    rivalAt: 0,
    storeRefuses: false,
    disturbedAt: 0,
    heard: new Map(),
    questionAt: new Map(),
    relays,
    upAt: new Map(),
    states: new Map(),
    poweredAt: new Map(),
    errors: new Map(),
    guards: new Map(),
    shutdowns: new Map(),
    cycles: new Map(),
    locks: new Map(),
    keptUntil: new Map(),
    liftedAt: new Map(),
    shift(by, now) {
      parts.ledger.shift(by, now);
      for (const [resource, at] of facts.keptUntil) {
        facts.keptUntil.set(resource, Math.min(at + by, now));
      }
      for (const times of [facts.upAt, facts.poweredAt]) {
        for (const [resource, at] of times) {
          times.set(resource, at + by);
        }
      }
      for (const [resource, { outlets, until }] of facts.locks) {
        facts.locks.set(resource, { outlets, until: until === undefined ? undefined : until + by });
      }
    },
    problems: new Map(),
    putAt: new Map(),
    onAt: new Map(),
    commands: 0,
    shutdownsSent: 0,
    pictures: 0,
    tokensOf: (resource) => [...disk().tokens()].filter(({ resources }) => resources.includes(resource)),
    outletOf(topic) {
      const [prefix, socket = "", command = ""] = topic.split("/");
      if (prefix !== "cmnd" || relaysOf(socket) === 0) {
        return undefined;
      }
      if (command === "STATE" || command === "POWER0" || command === "STATUS") {
        return { relay: undefined };
      }
      const number = /^POWER(\d*)$/.exec(command)?.[1];
      const relay =
        number === undefined ? undefined : relays.get(outletAt(socket, number === "" ? 1 : Number(number)));
      return relay === undefined ? undefined : { relay };
    },
    hear(topic, payload) {
      const [, socket = "", suffix = ""] = topic.split("/");
      const object: unknown = payload.startsWith("{") ? JSON.parse(payload) : { [suffix]: payload };
      for (let relay = 1; relay <= relaysOf(socket); relay += 1) {
        const said = wordOf(object, relay);
        if (said !== undefined) {
          const outlet = outletAt(socket, relay);
          const before = facts.heard.get(outlet);
          const since = before?.position === said ? before.since : host.now();
          facts.heard.set(outlet, { position: said, at: host.now(), since });
        }
      }
    },
    moved(socket, relay, position, why) {
      const outlet = outletAt(socket, relay);
      relays.set(outlet, { outlet, movedAt: host.now(), boot: host.boot, position, why, told: undefined });
    },
  };
  return facts;
}

const nothing: Loosest = {
  offDelay: 0,
  minOn: 0,
  minOff: 0,
  bootTimeout: 0,
  bootRetries: Number.POSITIVE_INFINITY,
  capacity: 0,
  needs: [],
  shutdown: undefined,
  guarded: false,
};

function looser(before: Loosest | undefined, one: ResourceSettings): Loosest {
  if (before === undefined) {
    return { ...one, guarded: one.keepWhile !== undefined };
  }
  return {
    offDelay: Math.min(before.offDelay, one.offDelay),
    minOn: Math.min(before.minOn, one.minOn),
    minOff: Math.min(before.minOff, one.minOff),
    bootTimeout: Math.min(before.bootTimeout, one.bootTimeout),
    bootRetries: Math.max(before.bootRetries, one.bootRetries),
    capacity: before.capacity === 0 || one.capacity === 0 ? 0 : Math.max(before.capacity, one.capacity),
    needs: before.needs.filter((need) => one.needs.includes(need)),
    shutdown: one.shutdown === undefined ? undefined : before.shutdown,
    guarded: before.guarded && one.keepWhile !== undefined,
  };
}

function wordOf(object: unknown, relay: number): Position | undefined {
  if (typeof object !== "object" || object === null) {
    return undefined;
  }
  const words = new Map<string, unknown>(Object.entries(object));
  const word = words.get(`POWER${relay}`) ?? (relay === 1 ? words.get("POWER") : undefined);
  return word === "ON" ? "on" : word === "OFF" ? "off" : undefined;
}
