// The durable part of the book, as records: what a crash must not lose. A store keeps them and gives them back unread.
// Not here: what was seen, attempts and checks, which are learned again after every start.

import type { CheckLevel } from "./settings.ts";
import type { Reply, ReplyTo } from "./requests.ts";
import type { Instant, Millis, WallTime } from "./time.ts";

export interface TokenRecord {
  readonly resource: string;
  readonly token: string;
  readonly owner: string;
  readonly purpose: string | undefined;
  readonly since: Instant;
  readonly ttl: Millis;
  /** `undefined` while the first request still waits for its `ok`. */
  readonly expires: Instant | undefined;
  /** Set by a release with `lost`; the token ends then unless somebody renews it. */
  readonly lostAt: Instant | undefined;
  /** True once an `ok` reply about it was sent to somebody. */
  readonly told: boolean;
  /** The meter when it was granted, kWh. */
  readonly kwhAtStart: number | undefined;
  readonly waiters: readonly Waiter[];
  /** The later deadline of all that wait; `undefined`: as long as the controller goes on trying. */
  readonly deadline: Instant | undefined;
}

/** A request whose reply is held back. */
export interface Waiter {
  readonly replyTo: ReplyTo | undefined;
  readonly wait: CheckLevel;
  readonly ttl: Millis | undefined;
  readonly since: Instant;
}

/** Remembered for a day, so that a late renew hears why. */
export interface EndedRecord {
  readonly resource: string;
  readonly token: string;
  readonly at: Instant;
  readonly reason: EndReason;
}

export type EndReason = "released" | "expired" | "lost" | "rejected" | "removed";

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
  | { readonly kind: "outlet"; readonly record: OutletRecord }
  | { readonly kind: "resource"; readonly record: ResourceRecord }
  | { readonly kind: "outbox"; readonly id: number; readonly record: OutboxRecord | undefined }
  | { readonly kind: "published"; readonly record: PublishedRecord; readonly gone: boolean };

/** Everything durable, in this boot's instants. */
export interface Snapshot {
  readonly tokens: readonly TokenRecord[];
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
    (record): Change => ({ kind: "token", resource: record.resource, token: record.token, record }),
  ),
  ...snapshot.ended.map(
    (record): Change => ({ kind: "ended", resource: record.resource, token: record.token, record }),
  ),
  ...snapshot.outlets.map((record): Change => ({ kind: "outlet", record })),
  ...snapshot.resources.map((record): Change => ({ kind: "resource", record })),
  ...snapshot.outbox.map((record): Change => ({ kind: "outbox", id: record.id, record })),
  ...snapshot.published.map((record): Change => ({ kind: "published", record, gone: false })),
];
