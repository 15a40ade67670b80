// What is known of a run from outside, for the checks: who asked what, what relays did and said, what is on the disk. No judgement in here.

import type { TokenRecord } from "../../src/core/changes.ts";
import type { Position, ResourceSettings } from "../../src/core/settings.ts";
import type { Host } from "./clock.ts";
import type { Asked } from "./form.ts";
import type { Ledger } from "./ledger.ts";
import type { Scenario } from "./scenario.ts";
import type { Trace } from "./trace.ts";

export interface DiskView {
  token(resource: string, token: string): TokenRecord | undefined;
  tokens(): Iterable<TokenRecord>;
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
  answers: number;
}

export interface Relay {
  readonly resource: ResourceSettings;
  /** When it last moved, on the controller's clock; with the boot of which that is. */
  readonly movedAt: number;
  readonly boot: string;
  readonly position: Position;
  readonly why: "command" | "hand" | "power";
  /** Last command to it. */
  told: { readonly word: string; readonly at: number; readonly process: number } | undefined;
}

export interface Facts {
  readonly host: Host;
  readonly ledger: Ledger;
  readonly scenario: Scenario;
  readonly trace: Trace;
  readonly disk: () => DiskView;
  /** Ends the run unless it holds. */
  readonly must: (holds: boolean, rule: string, what: () => string) => void;
  /** By the id of the request. */
  readonly asked: Map<string, AskedOnce>;
  /** Those that name this token. */
  askedFor(resource: string, token: string): readonly AskedOnce[];
  ask(asked: Asked, order: number): void;
  offers: number;
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
  /** By resource: what its outlet last said to the present process over the present connection. */
  readonly heard: Map<string, { readonly position: Position; readonly at: number }>;
  readonly relays: Map<string, Relay>;
  /** By resource: when a check last succeeded. */
  readonly upAt: Map<string, number>;
  /** By resource: how many checks could not be made since then. */
  readonly errors: Map<string, number>;
  /** By resource and token: when its record was last written. */
  readonly putAt: Map<string, number>;
  commands: number;
  pictures: number;
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
  readonly disk: () => DiskView;
  readonly broken: (rule: string, what: string) => void;
}

export function createFacts({ host, ledger, scenario, trace, disk, broken }: Parts): Facts {
  const relays = new Map<string, Relay>();
  const byOutlet = new Map<string, string>();
  const asked = new Map<string, AskedOnce>();
  const askedFor = new Map<string, AskedOnce[]>();
  for (const [name, { socket, relay }] of scenario.wiring) {
    const resource = scenario.settings.resources.get(name);
    if (resource !== undefined) {
      byOutlet.set(`${socket} ${relay}`, name);
      relays.set(name, {
        resource,
        movedAt: host.now(),
        boot: host.boot,
        position: "off",
        why: "power",
        told: undefined,
      });
    }
  }
  const relaysOf = (socket: string): number =>
    scenario.sockets.find(({ topic }) => topic === socket)?.relays ?? 0;

  const facts: Facts = {
    host,
    ledger,
    scenario,
    trace,
    disk,
    must(holds, rule, what) {
      if (!holds) {
        broken(rule, what());
      }
    },
    asked,
    askedFor: (resource, token) => askedFor.get(`${resource} ${token}`) ?? [],
    ask(request, order) {
      if (!asked.has(request.id)) {
        const once = { asked: request, order, offers: 0, answers: 0, offeredAt: 0 };
        asked.set(request.id, once);
        const key = `${request.resource} ${request.token}`;
        const others = askedFor.get(key);
        if (others === undefined) {
          askedFor.set(key, [once]);
        } else {
          others.push(once);
        }
      }
    },
    offers: 0,
    process: undefined,
    linkAt: undefined,
    busAt: undefined,
    linkLostAt: 0,
    rival: false,
    rivalAt: 0,
    storeRefuses: false,
    disturbedAt: 0,
    heard: new Map(),
    relays,
    upAt: new Map(),
    errors: new Map(),
    putAt: new Map(),
    commands: 0,
    pictures: 0,
    tokensOf: (resource) => [...disk().tokens()].filter((record) => record.resource === resource),
    outletOf(topic) {
      const [prefix, socket = "", command = ""] = topic.split("/");
      if (prefix !== "cmnd" || relaysOf(socket) === 0) {
        return undefined;
      }
      if (command === "STATE" || command === "POWER0") {
        return { relay: undefined };
      }
      const number = /^POWER(\d*)$/.exec(command)?.[1];
      const name = number === undefined ? undefined : byOutlet.get(`${socket} ${number === "" ? 1 : number}`);
      const relay = name === undefined ? undefined : relays.get(name);
      return relay === undefined ? undefined : { relay };
    },
    hear(topic, payload) {
      const [, socket = "", suffix = ""] = topic.split("/");
      const object: unknown = payload.startsWith("{") ? JSON.parse(payload) : { [suffix]: payload };
      for (let relay = 1; relay <= relaysOf(socket); relay += 1) {
        const name = byOutlet.get(`${socket} ${relay}`);
        const said = wordOf(object, relay);
        if (name !== undefined && said !== undefined) {
          facts.heard.set(name, { position: said, at: host.now() });
        }
      }
    },
    moved(socket, relay, position, why) {
      const name = byOutlet.get(`${socket} ${relay}`);
      const before = name === undefined ? undefined : relays.get(name);
      if (name !== undefined && before !== undefined) {
        relays.set(name, { ...before, movedAt: host.now(), boot: host.boot, position, why, told: undefined });
      }
    },
  };
  return facts;
}

function wordOf(object: unknown, relay: number): Position | undefined {
  if (typeof object !== "object" || object === null) {
    return undefined;
  }
  const words = new Map<string, unknown>(Object.entries(object));
  const word = words.get(`POWER${relay}`) ?? (relay === 1 ? words.get("POWER") : undefined);
  return word === "ON" ? "on" : word === "OFF" ? "off" : undefined;
}
