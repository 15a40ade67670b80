// The book: everything the controller knows, as plain data owned by the loop and changed only inside `step`.
// The records in it (changes.ts) are the durable part; the rest is learned again after a start. No decisions here.

import type {
  EndedRecord,
  OutboxRecord,
  OutletRecord,
  OverrideRecord,
  Ownership,
  PublishedRecord,
  QueuedRecord,
  ResourceRecord,
  TokenRecord,
} from "./changes.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Announcement, Effect } from "./effects.ts";
import type { ProblemCode } from "./pictures.ts";
import type { State } from "./requests.ts";
import type {
  OutletSettings,
  PoolSettings,
  Position,
  ResourceSettings,
  Settings,
  SwitcherSettings,
} from "./settings.ts";
import type { Instant, Millis } from "./time.ts";

export interface Book {
  settings: Settings;
  /** Wall time minus instant; for showing and nothing else. */
  wallOffset: Millis;
  link: Link;
  /** Numbers the markers sent over the request link; never goes back. */
  proofs: number;
  store: "writing" | "refusing";
  /** Another live controller on this base; while there is one nothing is commanded. */
  rival: string | undefined;
  readonly resources: Map<string, Resource>;
  readonly outlets: Map<string, Outlet>;
  readonly switchers: Map<string, SwitcherBook>;
  readonly pools: Map<string, Pool>;
  /** All tokens of the controller; with the queued requests for `limits.tokens`. */
  tokenCount: number;
  /** Tokens of `controller/acquire`, by id. */
  readonly several: Map<string, Token>;
  /** Tokens of one resource that was chosen from a pool, by `endedKey` of the pool, which may have lost that member since. */
  readonly fromPools: Map<string, Token>;
  /** Requests that queue, by number. */
  readonly queued: Map<number, Queued>;
  /** The same by `endedKey` of every name over which they may be asked for (`controller` for several), and of all resources where they stand. */
  readonly queuedIds: Map<string, Queued>;
  /** Numbers requests by their arrival; never goes back. */
  nextNumber: number;
  /** By the resource through which they were made, which may have left the configuration. */
  readonly overrides: Map<string, OverrideRecord>;
  /** Resources that boot now, for `limits.starting`; and those that wait for a place, first come first served. */
  readonly booting: Set<Resource>;
  readonly awaitingPlace: Set<Resource>;
  /** Tokens whose end is due but held back: no link, or a store that refuses. */
  readonly overdue: Set<Token>;
  /** Resources whose OFF waits for a proof that a renewal would have come through. */
  readonly awaitingProof: Set<string>;
  /** By `endedKey`, oldest first. */
  readonly ended: Map<string, EndedRecord>;
  /** Handed: this run has given it to the link, which sends it until the broker has taken it. */
  readonly outbox: Map<number, { readonly record: OutboxRecord; taken: boolean; handed: boolean }>;
  nextOutbox: number;
  readonly deadlines: Deadlines;
  /** Names that have left the configuration, with what is left of them: until that is ended on the disk and cleared on the broker. */
  gone: Gone;
  /** Events that wait for the next connection: ends of tokens, at most. */
  untold: Announcement[];
  /** Records of what is not in the configuration, by name: it may come back. */
  readonly former: {
    readonly resources: Map<string, ResourceRecord>;
    readonly outlets: Map<string, OutletRecord>;
  };
  /** The names that stand on the broker, as far as the store knows. */
  readonly published: Readonly<Record<PublishedRecord["kind"], Set<string>>>;
  /** Connected for the first time, and the replies of an earlier run were sent once more. */
  greeted: boolean;
}

export interface Gone {
  /** Kept: what is left of a token over several resources. */
  readonly tokens: readonly { readonly record: TokenRecord; readonly kept: TokenRecord | undefined }[];
  readonly queued: readonly QueuedRecord[];
  readonly published: readonly PublishedRecord[];
}

export const nothingGone = (): Gone => ({ tokens: [], queued: [], published: [] });

export type Link =
  | { readonly name: "down" }
  /** Connected; what the broker kept for us is being worked off until the marker is back, or `until`. */
  | { readonly name: "draining"; readonly attempt: number; readonly sentAt: Instant; readonly until: Instant }
  | {
      readonly name: "up";
      /** Before this nothing expires and nothing is switched off. */
      readonly graceUntil: Instant;
      /** Outlets that have not said where they stand are waited for until then. */
      readonly learnUntil: Instant;
      /** All outlets are known, or `learnUntil` has passed. */
      learned: boolean;
      /** The latest marker that came back was sent then. */
      provedAt: Instant | undefined;
      proving: { readonly attempt: number; readonly sentAt: Instant } | undefined;
    };

export interface Resource {
  settings: ResourceSettings;
  /** What powers it; switched together. */
  outlets: readonly Outlet[];
  /** What must be available before it is switched on; and who needs it. Direct ones. */
  needs: readonly Resource[];
  dependents: readonly Resource[];
  pools: readonly Pool[];
  /** By id, oldest first. */
  readonly tokens: Map<string, Token>;
  /** Those of them with requests that wait for a state. */
  readonly waiting: Set<Token>;
  /** Requests that wait for a token of it (or of a pool of which it is a member), in the order of service. */
  readonly queue: Queued[];
  /** A pool keeps it available ahead of any request. */
  warm: boolean;
  activity: Activity;
  /** Since the relay was last seen to go on: when, whether it was our doing, and whether it was available since. */
  power: { readonly at: Instant; readonly ours: boolean; readonly available: boolean } | undefined;
  /** It did not become available in time, and has been on and without an answer since. */
  bootFailed: boolean;
  /** A token of it last expired (or was lost) then: OFF only after a later proof of the link. */
  expiredAt: Instant | undefined;
  record: ResourceRecord;
  readonly availability: Availability;
  /** What the checker `keepWhile` says, asked before a shutdown or a cut. */
  readonly guard: Availability;
  /** Numbers shutdown commands; never goes back. */
  shutdowns: number;
  readonly problems: Map<ProblemCode, { readonly message: string; readonly since: Instant }>;
  state: State;
  stateSince: Instant;
  /** Its state is known (or was waited for long enough), so that its picture may be published. */
  shown: boolean;
  /** It was shown in this run. */
  introduced: boolean;
  publishedAt: Instant | undefined;
  /** Its outlets are known and do not stand alike since then. */
  differsSince: Instant | undefined;
  /** Its last boot took too long: it is not kept warm before it has answered again. */
  unfitToBeWarm: boolean;
  /** What others were last told of it: when it differs, they are looked at again. */
  face: string;
}

/** Interchangeable resources. */
export interface Pool {
  settings: PoolSettings;
  /** Members that it keeps available ahead of any request. */
  warm: ReadonlySet<Resource>;
  members: readonly Resource[];
  /** Requests that asked for it, in the order of service. */
  readonly queue: Queued[];
  face: string;
}

/** A request in the queues of everything that it may be granted on. */
export interface Queued {
  record: QueuedRecord;
  /** Where it stands: the resources it asked for, and those members of the pools on which it may still be granted. */
  resources: readonly Resource[];
  /** The pools among what it asked for. */
  pools: readonly Pool[];
}

/** What the controller is doing about a resource. Each state carries its own deadlines. */
export type Activity =
  /** Nobody wants it. */
  | { readonly name: "resting" }
  /** Wanted, and not available since power-on. */
  | {
      readonly name: "starting";
      readonly since: Instant;
      /** From here on it has taken too long; known once it is powered. */
      readonly bootBy: Instant | undefined;
      readonly retries: number;
      /** Since then it has taken too long, and nothing more is tried. */
      readonly tooLateAt: Instant | undefined;
    }
  /** Wanted, and available or was since power-on. */
  | { readonly name: "using" }
  | { readonly name: "lingering"; readonly offAt: Instant }
  /** The machine was told to shut down; power is cut when it is gone. */
  | Leaving
  /** OFF is decided; done when the relays say so. Used since: somebody wanted it meanwhile, and OFF is not repeated without a new delay. */
  | {
      readonly name: "stopping";
      readonly usedSince: boolean;
      /** `gone`: its machine was seen to go down, so that nobody's work is left on it; `forced`: an operator cuts it, whoever holds it. */
      readonly cleared: "no" | "gone" | "forced";
    }
  /** A power cycle of a machine that did not boot: off, then `starting` once more. */
  | { readonly name: "cycling"; readonly retries: number }
  /** On, and nobody wants it: left alone. */
  | { readonly name: "held"; readonly why: HeldBecause };

export interface Leaving {
  readonly name: "leaving";
  /** The command of this attempt is under way; `undefined`: its outcome is known, or it is still to be sent. */
  readonly asking: number | undefined;
  /** What became of the command; `undefined`: nothing is known (of a shutdown that an earlier run began). */
  readonly outcome: "done" | "accepted" | "failed" | "unsure" | undefined;
  /** Why the command failed, or may not have arrived. */
  readonly refusal: string | undefined;
  /** From here on it takes too long. */
  readonly until: Instant;
  /** It took too long and is left on, until it is used or goes down after all. */
  readonly overdue: boolean;
  /** How often this run has sent the command. */
  readonly sends: number;
  /** Somebody wanted it since, or it would have gone down for nothing: it is not told again without a new off delay. */
  readonly missed: boolean;
  /** It answered its checker at least once since the command. */
  readonly answered: boolean;
  /** Seen gone without a break since then. */
  readonly goneSince: Instant | undefined;
  /** A reading counts if it came after that. */
  readonly since: Instant;
  /** When the meter is asked again. */
  readonly measureAt: Instant | undefined;
}

export type HeldBecause =
  /** Switched on from outside. */
  | "outside"
  /** With `observe: true`. */
  | "observed"
  /** Another resource on its outlets is wanted, or not ready to go off. */
  | "shared"
  /** A resource that needs it is not off. */
  | "needed"
  /** Its `keepWhile` says so. */
  | "guarded";

export interface Availability {
  verdict: "unchecked" | "up" | "down";
  /** Successes or failures in a row since the last of the other kind. */
  ups: number;
  downs: number;
  error: string | undefined;
  /** What the last check said, for people. */
  message: string;
  /** Numbers checks; never goes back. */
  attempt: number;
  running: boolean;
  nextAt: Instant | undefined;
}

export interface Token {
  record: TokenRecord;
  /** Those of its record, in the same order. */
  resources: readonly Resource[];
  /** The event `expiring` was announced for the present expiry. */
  expiringSaid: boolean;
}

export interface Outlet {
  settings: OutletSettings;
  switcher: SwitcherBook;
  /** The resources it powers; none: configured, but nobody's. */
  resources: readonly Resource[];
  /** A hand switched it off while it was wanted; left so until a new want. */
  handOff: boolean;
  /** When it was to be switched on again after that (`onExternalOff: restore`), of late. */
  restores: readonly Instant[];
  /** Who used it left the configuration: whoever finds it on has not switched it on. Holds where that could not be written, too. */
  letGo: boolean;
  watts: number | undefined;
  kwh: number | undefined;
  meteredAt: Instant | undefined;
  seen: Seen;
  /** It has not been heard since the last (re)connection: no command, whatever was seen before. */
  stale: boolean;
  /** Where it was last seen, also while that is `unknown` again; before the first report: off, if an earlier run left it so. */
  lastKnown: Position | undefined;
  /** It was asked in vain: it is not merely late. */
  silent: boolean;
  heardAt: Instant | undefined;
  /** Its device has rebooted and not yet said where it stands. */
  rebooted: boolean;
  own: Ownership;
  movedAt: Instant | undefined;
  bootedAt: Instant | undefined;
  bootedAtStored: Instant | undefined;
  /** What it was told and has not confirmed. */
  command: Command | undefined;
  /** The latest command, whatever became of it: the same one is not sent again within a second. */
  lastSent: { readonly position: Position; readonly at: Instant } | undefined;
  /** Numbers commands; never goes back. */
  attempt: number;
  /** It is on, and went on while it was being told to: our doing, and nobody else's. */
  onByCommand: boolean;
  /** It has contradicted or ignored a command for longer than `switchTimeout`. */
  mismatch: boolean;
}

export type Seen = { readonly name: "unknown" } | { readonly name: Position; readonly since: Instant };

export interface Command {
  readonly position: Position;
  readonly firstAt: Instant;
  readonly sentAt: Instant;
  readonly sends: number;
  /** Repeat then, if it is still decided so. */
  readonly nextAt: Instant;
  /** Set when it is not to be repeated, and the outlet was asked what became of it. */
  readonly askedAt: Instant | undefined;
}

export interface SwitcherBook {
  settings: SwitcherSettings;
  outlets: Outlet[];
  /** One of its outlets was last told ON then; `stagger` runs from it. */
  lastOnAt: Instant | undefined;
  /** `unheard`: nothing was heard of it since the program started. */
  reach: "unheard" | "answering" | "silent";
  asking: Asking | undefined;
  /** Topics on which a retained command was found. Untold: there was no connection over which to tell it. */
  readonly retainedCommands: Map<string, "told" | "untold">;
}

export interface Asking {
  /** Outlets heard since then have answered. */
  readonly since: Instant;
  readonly tries: number;
  /** Whoever has not answered by then is silent; then it is asked again. */
  readonly until: Instant;
  readonly givenUp: boolean;
}

/** One event being worked on: the book, its time, and what is to be done. */
export interface Turn {
  readonly book: Book;
  readonly at: Instant;
  readonly effects: Effect[];
  /** To be looked at before the turn ends. */
  readonly touched: Set<Resource>;
  /** Those of them whose queues and pools were not looked at since they were touched last: that comes first. */
  readonly unserved: Set<Resource>;
  readonly touchedPools: Set<Pool>;
}

export const endedKey = (resource: string, token: string): string => `${resource} ${token}`;

/** A resource or a pool of the configuration has this name. */
export const isKnown = ({ resources, pools }: Book, name: string): boolean =>
  resources.has(name) || pools.has(name);

/** Look at it again before the turn ends. */
export const touch = (turn: Turn, resource: Resource): void => {
  turn.touched.add(resource);
  turn.unserved.add(resource);
};

/** Thrown when the book contradicts itself; the process stops with it in the log and starts again from the store. */
export class BrokenInvariant extends Error {}

/** A member that must be there. @throws BrokenInvariant */
export function need<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key): Value {
  const value = map.get(key);
  if (value === undefined) {
    throw new BrokenInvariant(`the book has no '${String(key)}'`);
  }
  return value;
}
