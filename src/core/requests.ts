// Requests as the core sees them, after the adapter has parsed and checked their form; and the replies it gives.
// Replies are ready to be printed as JSON. Not the wire: topics, payloads and plain replies are the adapter's.

import type { CheckLevel } from "./settings.ts";
import type { Millis } from "./time.ts";

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
  readonly resource: string;
  /** The user of the topic if it has one, else the payload's owner, else `undefined`: none named. */
  readonly owner: string | undefined;
  readonly replyTo: ReplyTo | undefined;
}

export interface AcquireRequest extends RequestBase {
  readonly kind: "acquire";
  /** The client's token id; `undefined`: use `madeUpToken`. */
  readonly token: string | undefined;
  /** A random id (128 bits), drawn by the adapter, so that the core needs no randomness. */
  readonly madeUpToken: string;
  readonly purpose: string | undefined;
  readonly ttl: Millis | undefined;
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

export interface TokensRequest extends RequestBase {
  readonly kind: "tokens";
  readonly offset: number;
  readonly limit: number;
}

/** A request that the adapter refused for its form; it passes through the core so that its reply and its event keep their order. */
export interface RefusedRequest {
  readonly kind: "refused";
  /** As in the topic; not necessarily the name of a resource. */
  readonly resource: string | undefined;
  readonly token: string | undefined;
  readonly error: ErrorCode;
  readonly message: string;
  readonly replyTo: ReplyTo | undefined;
}

export type Request = AcquireRequest | RenewRequest | ReleaseRequest | TokensRequest | RefusedRequest;

/** Protocol section 8.1. */
export type ErrorCode =
  | "invalid-request"
  | "unknown-resource"
  | "unknown-token"
  | "token-taken"
  | "not-owner"
  | "ttl-too-long"
  | "timeout"
  | "power-failed"
  | "released"
  | "forbidden"
  | "retained-request"
  | "too-large"
  | "limit-reached"
  | "unavailable";

export type State = "off" | "powered" | "available" | "unknown";

export type Reply = TokenReply | ReleasedReply | TokensReply | ErrorReply;

export interface TokenReply {
  readonly ok: true;
  readonly resource: string;
  readonly token: string;
  readonly owner: string;
  readonly state: State;
  readonly users: number;
  /** Seconds. */
  readonly ttl: number;
  /** ISO 8601; null for the renewal of a token whose first request still waits. */
  readonly expires: string | null;
}

export interface ReleasedReply {
  readonly ok: true;
  readonly resource: string;
  readonly token: string;
  readonly state: State;
  readonly users: number;
}

export interface TokensReply {
  readonly ok: true;
  readonly resource: string;
  readonly state: State;
  readonly total: number;
  readonly holders: readonly Holder[];
  readonly queue: readonly never[];
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
  readonly token: string;
  readonly owner: string;
  readonly purpose: string | null;
  readonly mode: "shared";
  readonly since: string;
  readonly expires: string | null;
}
