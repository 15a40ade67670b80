// What the clients may rely on, kept from outside: which token was promised to whom and until when on the controller's monotonic clock,
// from requests as they reach the broker and replies as they leave the controller. It knows nothing of the book.

import type { TokenRecord } from "../../src/core/changes.ts";

/** One token as its client may see it. */
export interface Pledge {
  /** A resource, a pool, or `controller`: where it was asked for. */
  readonly scope: string;
  readonly token: string;
  /** Where it is held, as the reply said. */
  resources: readonly string[];
  owner: string | undefined;
  /** An `ok` was said (or, for a request without a reply, acknowledged) and nobody has asked for its end since. */
  certain: boolean;
  /** An `ok` reply about it left the controller; true time of the first. */
  toldAt: number | undefined;
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
  /** Also a token of a pool, by the member on which it is held. */
  find(scope: string, token: string): Pledge | undefined;
  get(scope: string, token: string): Pledge;
  byToken(token: string): readonly Pledge[];
  all(): Iterable<Pledge>;
  /** It is promised at this moment. */
  holds(promise: Pledge, now: number): boolean;
  heldNow(resource: string, now: number): readonly Pledge[];
  /** The last moment at which some token of it was promised; `undefined`: never. */
  lastHeld(resource: string, now: number): number | undefined;
  /** Its end was asked for: nothing is promised from `now` on, or from `grace` later. */
  endAsked(promise: Pledge, order: number, now: number, grace: number): void;
  /** One of its resources is gone, and nothing is promised there any more. */
  leave(promise: Pledge, resource: string, now: number): void;
  /** An `ok` to a request that reached the broker as number `order`. @param told true time */
  promised(
    promise: Pledge,
    order: number,
    resources: readonly string[],
    until: number,
    told: number | undefined,
  ): void;
  /** The controller's clock began anew: all that is promised moves. */
  shift(by: number, now: number): void;
}

export function createLedger(): Ledger {
  const byKey = new Map<string, Pledge>();
  const byToken = new Map<string, Pledge[]>();
  /** The last moment at which a token that is no longer promised was. */
  const heldBefore = new Map<string, number>();

  const holds = (promise: Pledge, now: number): boolean => promise.certain && now < promise.until;

  function wasHeld(resource: string, until: number): void {
    heldBefore.set(resource, Math.max(heldBefore.get(resource) ?? until, until));
  }

  function wereHeld({ resources, until }: Pledge, now: number): void {
    for (const resource of resources) {
      wasHeld(resource, Math.min(until, now));
    }
  }

  const find = (scope: string, token: string): Pledge | undefined =>
    byKey.get(`${scope} ${token}`) ??
    byToken.get(token)?.find((one) => one.scope !== "controller" && one.resources.includes(scope));

  return {
    find,
    get(scope, token) {
      const known = find(scope, token);
      if (known !== undefined) {
        return known;
      }
      const added: Pledge = {
        scope,
        token,
        resources: [],
        owner: undefined,
        certain: false,
        toldAt: undefined,
        until: 0,
        waitingTtl: Number.POSITIVE_INFINITY,
        since: undefined,
        endAsked: -1,
        released: false,
      };
      byKey.set(`${scope} ${token}`, added);
      byToken.set(token, [...(byToken.get(token) ?? []), added]);
      return added;
    },
    byToken: (token) => byToken.get(token) ?? [],
    all: () => byKey.values(),
    holds,
    heldNow: (resource, now) =>
      [...byKey.values()].filter((promise) => holds(promise, now) && promise.resources.includes(resource)),
    lastHeld(resource, now) {
      for (const promise of byKey.values()) {
        if (promise.certain && promise.resources.includes(resource)) {
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
          wereHeld(promise, now);
          promise.certain = false;
        }
      }
    },
    leave(promise, resource, now) {
      if (promise.certain) {
        wereHeld(promise, now);
        promise.resources = promise.resources.filter((one) => one !== resource);
        promise.certain = promise.resources.length > 0;
      }
    },
    promised(promise, order, resources, until, told) {
      if (order > promise.endAsked) {
        promise.certain = true;
        promise.resources = resources;
        promise.toldAt ??= told;
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
