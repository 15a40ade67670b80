// How the things of the book hang together: which outlets power a resource, what it needs and who needs it, which pools it is in.
// Made anew from the settings at a start and after every reload; nothing is decided here.

import { type Book, need, type Outlet, type Pool, type Resource, type SwitcherBook } from "./book.ts";
import { unchecked } from "./availability.ts";
import type { OutletRecord, ResourceRecord } from "./changes.ts";
import type {
  OutletSettings,
  PoolSettings,
  ResourceSettings,
  Settings,
  SwitcherSettings,
} from "./settings.ts";
import type { Instant } from "./time.ts";

/** Bring what is in the book in line with the settings: what is new comes in, what is gone goes, what is known of the rest stays. */
export function linkUp(book: Book, settings: Settings, at: Instant): void {
  book.settings = settings;
  fit(book.switchers, settings.switchers, newSwitcher);
  fit(book.resources, settings.resources, (one) => ({
    ...newResource(one, at),
    record: takeOut(book.former.resources, one.name) ?? noRecord(one.name),
  }));
  fit(book.pools, settings.pools, newPool);
  for (const id of book.outlets.keys()) {
    if (!settings.outlets.has(id)) {
      book.outlets.delete(id);
    }
  }
  for (const one of settings.outlets.values()) {
    const switcher = need(book.switchers, one.switcher);
    const known = book.outlets.get(one.id);
    if (known === undefined) {
      const outlet = newOutlet(one, switcher);
      const former = takeOut(book.former.outlets, one.id);
      if (former !== undefined) {
        restoreOutlet(outlet, former);
      }
      book.outlets.set(one.id, outlet);
    } else {
      known.settings = one;
      known.switcher = switcher;
    }
  }
  for (const switcher of book.switchers.values()) {
    switcher.outlets = switcher.settings.outlets.map((id) => need(book.outlets, id));
  }
  joinResources(book);
}

function takeOut<One>(map: Map<string, One>, name: string): One | undefined {
  const one = map.get(name);
  map.delete(name);
  return one;
}

export function restoreOutlet(outlet: Outlet, record: OutletRecord): void {
  outlet.own = record.own;
  if (outlet.heardAt === undefined) {
    outlet.lastKnown = record.own === "none" ? "off" : undefined;
  }
  outlet.movedAt ??= record.movedAt;
  outlet.bootedAt = record.bootedAt;
  outlet.bootedAtStored = record.bootedAt;
}

function joinResources(book: Book): void {
  const all = [...book.resources.values()];
  for (const resource of all) {
    const { name, needs, outlets } = resource.settings;
    resource.outlets = outlets.map((id) => need(book.outlets, id));
    resource.needs = needs.map((one) => need(book.resources, one));
    resource.dependents = all.filter((one) => one.settings.needs.includes(name));
  }
  for (const outlet of book.outlets.values()) {
    outlet.resources = all.filter((one) => one.settings.outlets.includes(outlet.settings.id));
  }
  for (const pool of book.pools.values()) {
    pool.members = pool.settings.members.map((one) => need(book.resources, one));
  }
  for (const resource of all) {
    resource.pools = [...book.pools.values()].filter((pool) => pool.members.includes(resource));
  }
}

/** Those that stay keep all but their settings; those that are gone are taken out, and new ones come in at the end. */
function fit<One extends { settings: Kept }, Kept>(
  known: Map<string, One>,
  settings: ReadonlyMap<string, Kept>,
  make: (settings: Kept) => One,
): void {
  for (const name of known.keys()) {
    if (!settings.has(name)) {
      known.delete(name);
    }
  }
  for (const [name, one] of settings) {
    const stays = known.get(name);
    if (stays === undefined) {
      known.set(name, make(one));
    } else {
      stays.settings = one;
    }
  }
}

const newSwitcher = (settings: SwitcherSettings): SwitcherBook => ({
  settings,
  outlets: [],
  lastOnAt: undefined,
  reach: "unheard",
  asking: undefined,
  retainedCommands: new Map(),
});

const newResource = (settings: ResourceSettings, at: Instant): Resource => ({
  settings,
  outlets: [],
  needs: [],
  dependents: [],
  pools: [],
  tokens: new Map(),
  waiting: new Set(),
  queue: [],
  warm: false,
  activity: { name: "resting" },
  power: undefined,
  bootFailed: false,
  expiredAt: undefined,
  record: noRecord(settings.name),
  availability: unchecked(),
  guard: unchecked(),
  shutdowns: 0,
  problems: new Map(),
  state: "unknown",
  stateSince: at,
  shown: false,
  introduced: false,
  publishedAt: undefined,
  differsSince: undefined,
  unfitToBeWarm: false,
  face: "",
});

export const noRecord = (resource: string): ResourceRecord => ({
  resource,
  boots: [],
  wasAvailable: false,
  shutdownAt: undefined,
  cycle: undefined,
});

const newPool = (settings: PoolSettings): Pool => ({
  settings,
  warm: new Set(),
  members: [],
  queue: [],
  face: "",
});

const newOutlet = (settings: OutletSettings, switcher: SwitcherBook): Outlet => ({
  settings,
  switcher,
  resources: [],
  handOff: false,
  restores: [],
  letGo: false,
  watts: undefined,
  kwh: undefined,
  meteredAt: undefined,
  seen: { name: "unknown" },
  stale: true,
  lastKnown: "off",
  silent: false,
  heardAt: undefined,
  rebooted: false,
  own: "none",
  movedAt: undefined,
  bootedAt: undefined,
  bootedAtStored: undefined,
  command: undefined,
  lastSent: undefined,
  attempt: 0,
  onByCommand: false,
  mismatch: false,
});
