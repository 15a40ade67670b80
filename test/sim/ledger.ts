// What the clients may rely on, kept from outside: which token was promised to whom and until when on the controller's monotonic clock,
// from requests as they reach the broker and replies as they leave the controller. It knows nothing of the book.

import type { TokenRecord } from "../../src/core/changes.ts";

/** One token as its client may see it. */
export interface Pledge {
  readonly resource: string;
  readonly token: string;
  /** An `ok` was said (or, for a request without a reply, acknowledged) and nobody has asked for its end since. */
  certain: boolean;
  /** An `ok` reply about it left the controller. */
  told: boolean;
  /** It must not end before. */
  until: number;
  /** A request that waits may set this time to live, ms, when it is answered. */
  waitingTtl: number;
  /** When its first acquire was offered. */
  since: number | undefined;
  /** The newest request for its end, in the broker's order. */
  endAsked: number;
  /** An `ok` to its release was said, and no acquire was offered since. */
  released: boolean;
}

export interface Ledger {
  find(resource: string, token: string): Pledge | undefined;
  get(resource: string, token: string): Pledge;
  /** It is promised at this moment. */
  holds(promise: Pledge, now: number): boolean;
  heldNow(resource: string, now: number): readonly Pledge[];
  /** The last moment at which some token of it was promised; `undefined`: never. */
  lastHeld(resource: string, now: number): number | undefined;
  /** Its end was asked for: nothing is promised from `now` on, or from `grace` later. */
  endAsked(promise: Pledge, order: number, now: number, grace: number): void;
  /** An `ok` to a request that reached the broker as number `order`. */
  promised(promise: Pledge, order: number, until: number, told: boolean): void;
  /** The controller's clock began anew: all that is promised moves. */
  shift(by: number, now: number): void;
}

export function createLedger(): Ledger {
  const byKey = new Map<string, Pledge>();
  /** The last moment at which a token that is no longer promised was. */
  const heldBefore = new Map<string, number>();

  const holds = (promise: Pledge, now: number): boolean => promise.certain && now < promise.until;

  function wasHeld(resource: string, until: number): void {
    heldBefore.set(resource, Math.max(heldBefore.get(resource) ?? until, until));
  }

  return {
    find: (resource, token) => byKey.get(`${resource} ${token}`),
    get(resource, token) {
      const key = `${resource} ${token}`;
      const known = byKey.get(key);
      if (known !== undefined) {
        return known;
      }
      const added: Pledge = {
        resource,
        token,
        certain: false,
        told: false,
        until: 0,
        waitingTtl: Number.POSITIVE_INFINITY,
        since: undefined,
        endAsked: -1,
        released: false,
      };
      byKey.set(key, added);
      return added;
    },
    holds,
    heldNow: (resource, now) =>
      [...byKey.values()].filter((promise) => promise.resource === resource && holds(promise, now)),
    lastHeld(resource, now) {
      for (const promise of byKey.values()) {
        if (promise.resource === resource && promise.certain) {
          wasHeld(resource, Math.min(promise.until, now));
        }
      }
      return heldBefore.get(resource);
    },
    endAsked(promise, order, now, grace) {
      promise.endAsked = Math.max(promise.endAsked, order);
      if (promise.certain) {
        if (grace > 0) {
          promise.until = Math.min(promise.until, now + grace);
        } else {
          wasHeld(promise.resource, Math.min(promise.until, now));
          promise.certain = false;
        }
      }
    },
    promised(promise, order, until, told) {
      if (order > promise.endAsked) {
        promise.certain = true;
        promise.told ||= told;
        promise.until = until;
      }
    },
    shift(by, now) {
      for (const promise of byKey.values()) {
        promise.until += by;
        promise.since = promise.since === undefined ? undefined : promise.since + by;
      }
      for (const [resource, at] of heldBefore) {
        heldBefore.set(resource, Math.min(at + by, now)); // some ended between the boot and the first batch
      }
    },
  };
}

/** Whether a stored record keeps what was promised. */
export const keeps = (record: TokenRecord, until: number): boolean =>
  record.expires === undefined ||
  record.expires >= until ||
  (record.lostAt ?? Number.POSITIVE_INFINITY) >= until;
