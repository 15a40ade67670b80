// The book: everything the controller knows, as plain data owned by the loop and changed only inside `step`.
// The records in it (changes.ts) are the durable part; the rest is learned again after a start. No decisions here.

import type {
  EndedRecord,
  OutboxRecord,
  Ownership,
  PublishedRecord,
  ResourceRecord,
  TokenRecord,
} from "./changes.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Effect } from "./effects.ts";
import type { ProblemCode } from "./pictures.ts";
import type { State } from "./requests.ts";
import type { OutletSettings, Position, ResourceSettings, Settings, SwitcherSettings } from "./settings.ts";
import type { Instant, Millis } from "./time.ts";

export interface Book {
  readonly settings: Settings;
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
  /** All tokens of the controller, for `limits.tokens`. */
  tokenCount: number;
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
  /** Names that have left the configuration, with what is left of them; cleared at the first connection. */
  gone: Gone;
  /** What stands on the broker, as far as the store knows. */
  readonly published: Set<string>;
  /** Connected for the first time, and the replies of an earlier run were sent once more. */
  greeted: boolean;
}

export interface Gone {
  readonly tokens: readonly TokenRecord[];
  readonly published: readonly PublishedRecord[];
}

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
  readonly settings: ResourceSettings;
  /** By id, oldest first. */
  readonly tokens: Map<string, Token>;
  /** Those of them with requests that wait for a state. */
  readonly waiting: Set<Token>;
  activity: Activity;
  /** Since the relay was last seen to go on: when, whether it was our doing, and whether it was available since. */
  power: { readonly at: Instant; readonly ours: boolean; readonly available: boolean } | undefined;
  /** It did not become available in time, and has been on and without an answer since. */
  bootFailed: boolean;
  /** A token of it last expired (or was lost) then: OFF only after a later proof of the link. */
  expiredAt: Instant | undefined;
  record: ResourceRecord;
  readonly availability: Availability;
  readonly problems: Map<ProblemCode, { readonly message: string; readonly since: Instant }>;
  state: State;
  stateSince: Instant;
  /** Its state is known (or was waited for long enough), so that its picture may be published. */
  shown: boolean;
  watts: number | undefined;
  kwh: number | undefined;
  publishedAt: Instant | undefined;
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
      /** A hand switched it off; left so until a new acquire. */
      readonly handOff: boolean;
    }
  /** Wanted, and available or was since power-on. */
  | { readonly name: "using" }
  | { readonly name: "lingering"; readonly offAt: Instant }
  /** OFF is decided; done when the relay says so. Used since: somebody wanted it meanwhile, and OFF is not repeated without a new delay. */
  | { readonly name: "stopping"; readonly usedSince: boolean }
  /** A power cycle of a machine that did not boot: off, then `starting` once more. */
  | { readonly name: "cycling"; readonly retries: number }
  /** On, and nobody wants it: left alone. */
  | { readonly name: "held"; readonly why: "outside" | "observed" };

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
  /** The event `expiring` was announced for the present expiry. */
  expiringSaid: boolean;
}

export interface Outlet {
  readonly settings: OutletSettings;
  readonly switcher: SwitcherBook;
  /** The resource it powers; `undefined`: configured, but nobody's. */
  readonly resource: Resource | undefined;
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
  readonly settings: SwitcherSettings;
  readonly outlets: Outlet[];
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
}

export const endedKey = (resource: string, token: string): string => `${resource} ${token}`;

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
