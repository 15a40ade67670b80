// The durable part of the book, as records: what a crash must not lose. A store keeps them and gives them back unread.
// Not here: what was seen, attempts and checks, which are learned again after every start.

import type { CheckLevel, Mode } from "./settings.ts";
import type { Reply, ReplyTo } from "./requests.ts";
import type { Instant, Millis, WallTime } from "./time.ts";

export interface TokenRecord {
  /** Where it is held, in the order asked for; several only for a token of `controller/acquire`. The first one and the id name it. */
  readonly resources: readonly string[];
  /** What was asked for, in the same order: the resource itself, or the pool from which it was chosen. */
  readonly asked: readonly string[];
  /** It came from `controller/acquire`: it is renewed and released there, as a whole. */
  readonly several: boolean;
  readonly token: string;
  readonly owner: string;
  readonly purpose: string | undefined;
  readonly mode: Mode;
  readonly priority: number;
  /** Its arrival, over the whole controller: it keeps its place when it must queue again. */
  readonly number: number;
  /** Members of pools on which it was tried in vain. */
  readonly tried: readonly string[];
  readonly since: Instant;
  readonly ttl: Millis;
  /** Its first `ok`, from which `ttl.total` runs; until then its arrival, which counts for nothing. */
  readonly validFrom: Instant;
  /** `undefined` while the first request still waits for its `ok`. */
  readonly expires: Instant | undefined;
  /** When `expires` was set: what is left of the token is measured by the time from then on. */
  readonly extendedAt: Instant;
  /** Set by a release with `lost`; the token ends then unless somebody renews it. */
  readonly lostAt: Instant | undefined;
  /** True once an `ok` reply about it was sent to somebody. */
  readonly told: boolean;
  /** The meters of `resources` when it was granted, kWh. */
  readonly kwhAtStart: readonly (number | undefined)[];
  readonly waiters: readonly Waiter[];
  /** The later deadline of all that wait; `undefined`: as long as the controller goes on trying. */
  readonly deadline: Instant | undefined;
}

/** A request that stands in the queues of what it asked for, and holds nothing yet. */
export interface QueuedRecord {
  /** Its arrival, over the whole controller: unique, and rising. */
  readonly number: number;
  /** Resources or pools. */
  readonly asked: readonly string[];
  readonly several: boolean;
  readonly token: string;
  readonly owner: string;
  readonly purpose: string | undefined;
  readonly mode: Mode;
  readonly priority: number;
  readonly tried: readonly string[];
  readonly since: Instant;
  readonly ttl: Millis | undefined;
  readonly lostAt: Instant | undefined;
  /** At least one. */
  readonly waiters: readonly Waiter[];
  readonly deadline: Instant;
}

/** An operator's hand on a resource (protocol section 6). `auto` is no record. */
export interface OverrideRecord {
  readonly resource: string;
  readonly mode: "on" | "off";
  /** Of a lockout (`off`): the outlets that it holds off, whatever becomes of the resource. Empty for `on`. */
  readonly outlets: readonly string[];
  readonly by: string | undefined;
  readonly reason: string | undefined;
  readonly since: Instant;
  /** `undefined`: until somebody lifts it. */
  readonly until: Instant | undefined;
  /** Cut without a shutdown. */
  readonly force: boolean;
}

/** A request whose reply is held back. */
export interface Waiter {
  readonly replyTo: ReplyTo | undefined;
  readonly wait: CheckLevel;
  readonly ttl: Millis | undefined;
  readonly since: Instant;
  /** The order in which it names what it asks for; `undefined`: that of the record. */
  readonly asked: readonly string[] | undefined;
}

/** Remembered for a day, so that a late renew hears why. */
export interface EndedRecord {
  /** The resource or pool over which it would be renewed; `controller` for one of `controller/acquire`. */
  readonly resource: string;
  readonly token: string;
  readonly at: Instant;
  readonly reason: EndReason;
}

export type EndReason = "released" | "expired" | "lost" | "rejected" | "removed" | "locked-out";

/**
 * Whose doing the relay's position is:
 * `none` (off, or on without our knowing) · `commanded` (ON was sent) · `confirmed` (seen on while wanted) · `leaving` (OFF was sent) ·
 * `outside` (switched on from outside, and left alone).
 */
export type Ownership = "none" | "commanded" | "confirmed" | "leaving" | "outside";

export interface OutletRecord {
  readonly outlet: string;
  readonly own: Ownership;
  /** When the relay last moved, as far as known: `minOn` and `minOff` run from it. */
  readonly movedAt: Instant | undefined;
  /** When the device booted, from its uptime; a later value is the evidence of a reboot. */
  readonly bootedAt: Instant | undefined;
}

export interface ResourceRecord {
  readonly resource: string;
  /** How long its last boots took, power-on to available; at most five, newest last. */
  readonly boots: readonly Millis[];
  /** Seen available since it was last powered on. */
  readonly wasAvailable: boolean;
  /** Its shutdown was decided then, and its power has not gone off since: it is seen through, after a crash, too. */
  readonly shutdownAt: Instant | undefined;
  /** An operator's power cycle is under way: it is still to go off, or to come back. */
  readonly cycle: CycleRecord | undefined;
}

export interface CycleRecord {
  /** `off`: it is to go off; `on`: it was off and is to come back. */
  readonly stage: "off" | "on";
  /** Cut without a shutdown, also under other holders. */
  readonly force: boolean;
  /** Before it, somebody had switched the resource on by hand: it is left on again afterwards. */
  readonly adopted: boolean;
}

/** A held-back reply that is decided but not yet taken by the broker. */
export interface OutboxRecord {
  readonly id: number;
  readonly replyTo: ReplyTo;
  readonly reply: Reply;
}

/** A name whose retained topics stand on the broker; cleared when it is gone from the configuration. */
export interface PublishedRecord {
  readonly kind: "resource" | "switcher";
  readonly name: string;
}

export type Change =
  | {
      readonly kind: "token";
      /** The first of its resources. */
      readonly resource: string;
      readonly token: string;
      readonly record: TokenRecord | undefined;
    }
  | {
      readonly kind: "ended";
      readonly resource: string;
      readonly token: string;
      readonly record: EndedRecord | undefined;
    }
  | { readonly kind: "queued"; readonly number: number; readonly record: QueuedRecord | undefined }
  | { readonly kind: "override"; readonly resource: string; readonly record: OverrideRecord | undefined }
  | { readonly kind: "outlet"; readonly record: OutletRecord }
  | { readonly kind: "resource"; readonly record: ResourceRecord }
  | { readonly kind: "outbox"; readonly id: number; readonly record: OutboxRecord | undefined }
  | { readonly kind: "published"; readonly record: PublishedRecord; readonly gone: boolean };

/** Everything durable, in this boot's instants. */
export interface Snapshot {
  readonly tokens: readonly TokenRecord[];
  readonly queued: readonly QueuedRecord[];
  readonly overrides: readonly OverrideRecord[];
  readonly ended: readonly EndedRecord[];
  readonly outlets: readonly OutletRecord[];
  readonly resources: readonly ResourceRecord[];
  readonly outbox: readonly OutboxRecord[];
  readonly published: readonly PublishedRecord[];
}

/** When something was last written, on every clock there is; stored with each commit. */
export interface Timestamp {
  readonly at: Instant;
  readonly wall: WallTime;
  /** Names this boot of the machine; `undefined` where the system has no such name. */
  readonly boot: string | undefined;
}

/** A whole snapshot as changes, to write it anew. */
export const everything = (snapshot: Snapshot): Change[] => [
  ...snapshot.tokens.map(
    (record): Change => ({
      kind: "token",
      resource: String(record.resources[0]),
      token: record.token,
      record,
    }),
  ),
  ...snapshot.queued.map((record): Change => ({ kind: "queued", number: record.number, record })),
  ...snapshot.overrides.map((record): Change => ({ kind: "override", resource: record.resource, record })),
  ...snapshot.ended.map(
    (record): Change => ({ kind: "ended", resource: record.resource, token: record.token, record }),
  ),
  ...snapshot.outlets.map((record): Change => ({ kind: "outlet", record })),
  ...snapshot.resources.map((record): Change => ({ kind: "resource", record })),
  ...snapshot.outbox.map((record): Change => ({ kind: "outbox", id: record.id, record })),
  ...snapshot.published.map((record): Change => ({ kind: "published", record, gone: false })),
];
