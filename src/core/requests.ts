// Requests as the core sees them, after the adapter has parsed and checked their form; and the replies it gives.
// Replies are ready to be printed as JSON. Not the wire: topics, payloads and plain replies are the adapter's.

import type { CheckLevel, Mode } from "./settings.ts";
import type { Millis, WallTime } from "./time.ts";

/**
 * Where a reply goes. Plain data, because a request that waits keeps it in the store over a restart.
 * The adapter has checked that the topic lies in the reply space.
 */
export interface ReplyTo {
  readonly topic: string;
  /** MQTT 5 Correlation Data, base64; `undefined` without. */
  readonly correlation: string | undefined;
  /** The request's `id`, echoed. */
  readonly id: string | undefined;
  readonly format: "json" | "plain";
}

export interface RequestBase {
  /** A resource or a pool; `undefined`: it came over `controller/...` and is about a token over several. */
  readonly resource: string | undefined;
  /** The user of the topic; with `access: users` there is one. */
  readonly user: string | undefined;
  /** The user of the topic if it has one, else the payload's owner, else `undefined`: none named. */
  readonly owner: string | undefined;
  readonly replyTo: ReplyTo | undefined;
}

export interface AcquireRequest extends RequestBase {
  readonly kind: "acquire";
  /**
   * What is asked for: the resource or pool of the topic, or those of `resources` over `controller/acquire`. The adapter has checked that
   * they are 1 to 64, and none of them twice.
   */
  readonly names: readonly string[];
  /** The client's token id; `undefined`: use `madeUpToken`. */
  readonly token: string | undefined;
  /** A random id (128 bits), drawn by the adapter, so that the core needs no randomness. */
  readonly madeUpToken: string;
  readonly purpose: string | undefined;
  readonly ttl: Millis | undefined;
  readonly mode: Mode;
  /** -100 to 100; higher is served first. */
  readonly priority: number;
  readonly wait: CheckLevel;
  /** How long the request may take in all; 0 never waits. */
  readonly timeout: Millis | undefined;
}

export interface RenewRequest extends RequestBase {
  readonly kind: "renew";
  readonly token: string;
  readonly ttl: Millis | undefined;
}

export interface ReleaseRequest extends RequestBase {
  readonly kind: "release";
  readonly token: string;
  /** From a will: ends only if it is not renewed or acquired again within `lostGrace`. */
  readonly lost: boolean;
}

export interface OverrideRequest extends RequestBase {
  readonly kind: "override";
  readonly resource: string;
  readonly mode: "auto" | "on" | "off";
  /** Who says so: the topic's user, else the field `by`, else the owner. */
  readonly by: string | undefined;
  readonly reason: string | undefined;
  readonly until:
    | { readonly kind: "after"; readonly length: Millis }
    | { readonly kind: "at"; readonly wall: WallTime }
    | undefined;
  readonly force: boolean;
}

export interface CycleRequest extends RequestBase {
  readonly kind: "cycle";
  readonly resource: string;
  readonly force: boolean;
}

export interface TokensRequest extends RequestBase {
  readonly kind: "tokens";
  readonly resource: string;
  readonly offset: number;
  readonly limit: number;
}

/** A request that the adapter refused for its form; it passes through the core so that its reply and its event keep their order. */
export interface RefusedRequest {
  readonly kind: "refused";
  /** As in the topic; not necessarily the name of a resource. */
  readonly resource: string | undefined;
  readonly token: string | undefined;
  /** The user of the topic if it has one, else an owner in the payload that is one. */
  readonly owner: string | undefined;
  readonly error: ErrorCode;
  readonly message: string;
  readonly replyTo: ReplyTo | undefined;
}

export type Request =
  | AcquireRequest
  | RenewRequest
  | ReleaseRequest
  | OverrideRequest
  | CycleRequest
  | TokensRequest
  | RefusedRequest;

/** Protocol section 8.1. */
export type ErrorCode =
  | "invalid-request"
  | "unknown-resource"
  | "unknown-token"
  | "token-taken"
  | "not-owner"
  | "ttl-too-long"
  | "busy"
  | "timeout"
  | "locked-out"
  | "power-failed"
  | "released"
  | "forbidden"
  | "retained-request"
  | "too-large"
  | "limit-reached"
  | "unavailable";

export type State = "off" | "powered" | "available" | "unknown";

export type Reply = TokenReply | ReleasedReply | OverrideReply | TokensReply | ErrorReply;

/** Which resource it is about: the one (of a pool: the member granted), or all of a token over several, in the order asked for. */
interface Named {
  readonly resource: string | undefined;
  readonly resources: readonly string[] | undefined;
}

export interface TokenReply extends Named {
  readonly ok: true;
  readonly token: string;
  readonly owner: string;
  readonly state: State;
  readonly users: number;
  /** Seconds. */
  readonly ttl: number;
  /** ISO 8601; null for the renewal of a token whose first request still waits. */
  readonly expires: string | null;
}

export interface ReleasedReply extends Named {
  readonly ok: true;
  readonly token: string;
  readonly state: State;
  /** Of several: of the one with the most. */
  readonly users: number;
}

export interface OverrideReply {
  readonly ok: true;
  readonly resource: string;
  readonly override: "auto" | "on" | "off";
  readonly state: State;
  readonly users: number;
}

export interface TokensReply {
  readonly ok: true;
  readonly resource: string;
  readonly state: State;
  readonly total: number;
  readonly holders: readonly Holder[];
  readonly queue: readonly QueueEntry[];
}

export interface ErrorReply {
  readonly ok: false;
  readonly resource: string | undefined;
  readonly token: string | undefined;
  readonly error: ErrorCode;
  readonly message: string;
}

/** One holder as published; times are ISO 8601. `expires` is null while the token's first request still waits. */
export interface Holder {
  /** Only on a pool: the member. */
  readonly resource: string | undefined;
  readonly token: string;
  readonly owner: string;
  readonly purpose: string | null;
  readonly mode: Mode;
  readonly since: string;
  readonly expires: string | null;
}

/** One queued request as published. */
export interface QueueEntry {
  readonly token: string;
  readonly owner: string;
  readonly purpose: string | null;
  readonly mode: Mode;
  readonly priority: number;
  readonly since: string;
  readonly deadline: string;
}
