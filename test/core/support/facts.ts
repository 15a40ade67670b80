// What can be known of a lab from outside the core: what was reported to it, what is on the disk, and what it had done. The rules that
// are judged by it are in power-rules.ts and token-rules.ts. Nothing here is read from the book.

import { ok } from "node:assert/strict";
import type { OverrideRecord, ResourceRecord, Snapshot } from "../../../src/core/changes.ts";
import type { Effect } from "../../../src/core/effects.ts";
import type { Position, ResourceSettings, Settings } from "../../../src/core/settings.ts";
import type { Instant } from "../../../src/core/time.ts";
import type { Happening } from "../../../src/runtime/loop.ts";

export interface Sight {
  /** As last reported; `undefined`: not since something made it doubtful. */
  fresh: Position | undefined;
  last: Position | undefined;
  movedAt: number;
  /** That it moved could not be written: after a crash nobody knows. */
  unwritten: boolean;
  /** The commands since the last report that fulfilled one. */
  sent: { readonly position: Position; readonly at: number }[];
  reading: { readonly watts: number; readonly at: number } | undefined;
}

/** A checker as seen by its questions and its answers: an answer counts once, and only to the latest question. */
interface Asked {
  attempt: number;
  open: boolean;
  last: "up" | "down" | "error" | undefined;
  downs: number;
  /** Silent since then: so many answers in a row that `fall` is reached. */
  downSince: number | undefined;
}

export interface Known {
  /** Somebody wanted it, or what needs it was not off. */
  lastWantedAt: number;
  /** What the configuration said then; a reload does not change a delay that runs. */
  offDelay: number;
  /** A power cycle of a machine that did not boot is under way; and how many there were. */
  cycling: boolean;
  cycles: number;
  available: boolean;
  /** That it was available could not be written: after a crash nobody knows. */
  unwritten: boolean;
  readonly check: Asked;
  readonly guard: Asked;
  /** The last shutdown command of this process, and what became of it. */
  shutdown: { readonly attempt: number; readonly doneAt: number | undefined };
  /** Below `idleBelow` without a break since then. */
  idleSince: number | undefined;
  /** Switched on by a command, and not up yet. */
  boots: boolean;
}

export interface Facts {
  settings: Settings;
  readonly outlets: ReadonlyMap<string, Sight>;
  /** Resources that were out of the configuration at some time. */
  readonly left: Set<string>;
  /** Tokens that ended without a link, whose events wait for the next one. */
  readonly untold: Set<string>;
  /** The last proved connection. */
  upAt: number;
  rival: boolean;
  storeRefuses: boolean;
  /** What is reported now cannot be written. */
  diskRefuses: boolean;
  /** By switcher: the outlet that was last told ON, and when. */
  readonly lastOn: Map<string, { readonly outlet: string; readonly at: number }>;
  known(resource: string): Known;
  hear(at: Instant, happening: Happening): void;
  /** What the core asks for, as far as it is a question or the beginning of something. */
  noteAsked(effects: readonly Effect[]): void;
  doubtAll(): void;
  crashed(): void;
}

const never = Number.NEGATIVE_INFINITY;

export function createFacts(beginning: Settings): Facts {
  const outlets = new Map<string, Sight>();
  const resources = new Map<string, Known>();
  for (const id of beginning.outlets.keys()) {
    outlets.set(id, {
      fresh: undefined,
      last: undefined,
      movedAt: never,
      unwritten: false,
      sent: [],
      reading: undefined,
    });
  }
  for (const name of beginning.resources.keys()) {
    resources.set(name, {
      lastWantedAt: never,
      offDelay: 0,
      cycling: false,
      cycles: 0,
      available: false,
      unwritten: false,
      check: unasked(),
      guard: unasked(),
      shutdown: { attempt: 0, doneAt: undefined },
      idleSince: undefined,
      boots: false,
    });
  }

  const doubt = (which: (outlet: string) => boolean): void => {
    for (const [outlet, sight] of outlets) {
      if (which(outlet)) {
        sight.fresh = undefined;
      }
    }
  };

  const facts: Facts = {
    settings: beginning,
    outlets,
    left: new Set(),
    untold: new Set(),
    upAt: Number.POSITIVE_INFINITY,
    rival: false,
    storeRefuses: false,
    diskRefuses: false,
    lastOn: new Map(),
    known: (resource) => must(resources.get(resource)),
    doubtAll: () => doubt(() => true),
    hear(at, happening) {
      switch (happening.kind) {
        case "linkConnected":
        case "linkLost":
        case "stoodStill":
          facts.upAt = Number.POSITIVE_INFINITY;
          doubt(() => true);
          return;
        case "switcherConnected":
        case "switcherLost":
        case "switcherRebooted":
          doubt((outlet) => outlet.split("/")[0] === happening.switcher);
          return;
        case "outletReported":
          hearOutlet(facts, at, happening.outlet, happening.position);
          return;
        case "metered":
          hearMeter(facts, at, happening.outlet, happening.watts);
          return;
        case "checked":
          hearCheck(facts, at, happening);
          return;
        case "shutdownEnded": {
          const about = must(resources.get(happening.resource));
          if (happening.attempt === about.shutdown.attempt && happening.outcome === "done") {
            about.shutdown = { attempt: happening.attempt, doneAt: about.shutdown.doneAt ?? at };
          }
          return;
        }
        case "reconfigured":
          for (const name of resources.keys()) {
            if (!happening.settings.resources.has(name)) {
              facts.left.add(name);
            }
          }
          facts.settings = happening.settings;
          return;
        case "rivalHeard":
          facts.rival = true;
          return;
        case "rivalGone":
          facts.rival = false;
          return;
        case "storeRecovered":
          facts.storeRefuses = false;
          return;
        case "commandFailed":
        case "linkProved":
        case "replied":
        case "requested":
        case "retainedCommandFound":
        case "storeRefused":
        case "switcherHinted":
        case "wallClockMoved":
        case "wokeUp":
          return;
      }
    },
    noteAsked(effects) {
      for (const effect of effects) {
        if (effect.kind === "check") {
          const about = must(resources.get(effect.resource));
          const asked = effect.of === "keepWhile" ? about.guard : about.check;
          asked.attempt = effect.attempt;
          asked.open = true;
        } else if (effect.kind === "shutdown") {
          const about = must(resources.get(effect.resource));
          about.shutdown = { attempt: effect.attempt, doneAt: undefined };
          about.check.downs = 0;
          about.check.downSince = undefined;
          about.idleSince = undefined;
        }
      }
    },
    crashed() {
      facts.untold.clear();
      facts.upAt = Number.POSITIVE_INFINITY;
      facts.rival = false;
      facts.storeRefuses = false;
      facts.lastOn.clear();
      for (const sight of outlets.values()) {
        sight.fresh = undefined;
        sight.sent = [];
        if (sight.unwritten) {
          sight.movedAt = never;
          sight.last = undefined;
        }
      }
      for (const about of resources.values()) {
        about.cycling = false;
        about.cycles = 0;
        about.boots = false;
        about.available &&= !about.unwritten;
        about.shutdown = { attempt: 0, doneAt: undefined };
        about.idleSince = undefined;
        Object.assign(about.check, unasked());
        Object.assign(about.guard, unasked());
      }
    },
  };
  return facts;
}

const unasked = (): Asked => ({
  attempt: 0,
  open: false,
  last: undefined,
  downs: 0,
  downSince: undefined,
});

function hearOutlet(facts: Facts, at: number, outlet: string, position: Position): void {
  const sight = must(facts.outlets.get(outlet));
  if (sight.last !== position) {
    sight.movedAt = sight.last === undefined ? sight.movedAt : at;
    sight.unwritten = facts.diskRefuses;
  }
  sight.sent = sight.sent.filter((sent) => sent.position !== position);
  sight.last = position;
  sight.fresh = position;
  for (const settings of resourcesOn(facts.settings, outlet)) {
    const about = facts.known(settings.name);
    if (sightOf(facts, settings) === "off") {
      about.available = false;
      about.boots = false;
      about.shutdown = { ...about.shutdown, doneAt: undefined };
      const { attempt } = about.check;
      Object.assign(about.check, unasked(), { attempt });
    }
  }
}

function hearMeter(facts: Facts, at: number, outlet: string, watts: number | undefined): void {
  if (watts === undefined) {
    return;
  }
  must(facts.outlets.get(outlet)).reading = { watts, at };
  for (const { name, outlets, shutdown } of resourcesOn(facts.settings, outlet)) {
    const readings = outlets.flatMap((id) => must(facts.outlets.get(id)).reading ?? []);
    const drawn = readings.reduce((sum, reading) => sum + reading.watts, 0);
    const idle =
      readings.length === outlets.length && drawn < (shutdown?.idleBelow ?? Number.POSITIVE_INFINITY);
    const about = facts.known(name);
    about.idleSince = idle ? (about.idleSince ?? at) : undefined;
  }
}

function hearCheck(facts: Facts, at: number, happening: Extract<Happening, { kind: "checked" }>): void {
  const about = facts.known(happening.resource);
  const settings = facts.settings.resources.get(happening.resource);
  const asked = happening.of === "keepWhile" ? about.guard : about.check;
  if (!asked.open || asked.attempt !== happening.attempt) {
    return;
  }
  asked.open = false;
  asked.last = happening.outcome;
  if (happening.outcome === "up") {
    asked.downs = 0;
    asked.downSince = undefined;
  } else if (happening.outcome === "down") {
    asked.downs += 1;
    if (asked.downs >= (settings?.check?.fall ?? 1)) {
      asked.downSince ??= at;
    }
  }
}

// What follows from the settings and the disk.

export const resourcesOn = (settings: Settings, outlet: string): ResourceSettings[] =>
  [...settings.resources.values()].filter(({ outlets }) => outlets.includes(outlet));

export const dependentsOf = (settings: Settings, name: string): ResourceSettings[] =>
  [...settings.resources.values()].filter(({ needs }) => needs.includes(name));

/** Any never seen: unknown; else any on: on. */
export function sightOf(facts: Facts, { outlets }: ResourceSettings): Position | undefined {
  const sights = new Set(outlets.map((id) => must(facts.outlets.get(id)).last));
  return sights.has(undefined) ? undefined : sights.has("on") ? "on" : "off";
}

export function lockoutOf(settings: Settings, disk: Snapshot, name: string): OverrideRecord | undefined {
  const { outlets, needs } = must(settings.resources.get(name));
  const own = disk.overrides.find(
    (record) => record.mode === "off" && record.outlets.some((id) => outlets.includes(id)),
  );
  return own ?? needs.map((need) => lockoutOf(settings, disk, need)).find((found) => found !== undefined);
}

/** By a token, an override, or a power cycle that is to bring it back; or because something needs it. Not by a pool that keeps it warm. */
export const isWanted = (settings: Settings, disk: Snapshot, name: string): boolean =>
  lockoutOf(settings, disk, name) === undefined &&
  (hasWant(disk, name) ||
    dependentsOf(settings, name).some((dependent) => isWanted(settings, disk, dependent.name)));

const hasWant = (disk: Snapshot, name: string): boolean =>
  disk.tokens.some(({ resources }) => resources.includes(name)) ||
  disk.overrides.some(({ resource, mode }) => resource === name && mode === "on") ||
  recordOf(disk, name)?.cycle?.stage === "on";

/** A pool may have chosen it, or what needs it, to be kept warm. */
export const mayBeWarm = (settings: Settings, disk: Snapshot, name: string): boolean =>
  lockoutOf(settings, disk, name) === undefined &&
  ([...settings.pools.values()].some(({ members, warm }) => warm > 0 && members.includes(name)) ||
    dependentsOf(settings, name).some((dependent) => mayBeWarm(settings, disk, dependent.name)));

export const recordOf = (disk: Snapshot, name: string): ResourceRecord | undefined =>
  disk.resources.find(({ resource }) => resource === name);

/** An operator cuts it, whoever stands in the way. */
export const isForced = (settings: Settings, disk: Snapshot, name: string): boolean =>
  (recordOf(disk, name)?.cycle?.stage === "off" && recordOf(disk, name)?.cycle?.force === true) ||
  isLockedByForce(settings, disk, name);

/** One of several lockouts on it is enough. */
function isLockedByForce(settings: Settings, disk: Snapshot, name: string): boolean {
  const { outlets, needs } = must(settings.resources.get(name));
  return (
    disk.overrides.some(
      ({ force, mode, outlets: locked }) =>
        force && mode === "off" && locked.some((id) => outlets.includes(id)),
    ) || needs.some((need) => isLockedByForce(settings, disk, need))
  );
}

/** An operator wants it off now. */
export const isUrgent = (settings: Settings, disk: Snapshot, name: string): boolean =>
  recordOf(disk, name)?.cycle?.stage === "off" || lockoutOf(settings, disk, name) !== undefined;

export function must<Value>(value: Value | undefined): Value {
  ok(value !== undefined);
  return value;
}
