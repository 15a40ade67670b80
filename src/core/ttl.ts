// How long tokens last: what resources allow, the expiry that follows from it, and why a wish is too long. When a token is due is
// in tokens.ts. Of a token over several resources the least of what they allow counts.

import type { Resource, Token } from "./book.ts";
import type { TokenRecord, Waiter } from "./changes.ts";
import { formatDuration } from "./duration.ts";
import type { ResourceSettings } from "./settings.ts";
import { after, type Instant, later, type Millis, millis, soonerOf } from "./time.ts";

/** The least of each; a `total` of 0 is no limit. */
export function ttlOf(resources: readonly Resource[]): ResourceSettings["ttl"] {
  const all = resources.map(({ settings }) => settings.ttl);
  const totals = all.map(({ total }) => total).filter((total) => total > 0);
  return {
    default: millis(Math.min(...all.map((ttl) => ttl.default))),
    max: millis(Math.min(...all.map(({ max }) => max))),
    total: millis(totals.length === 0 ? 0 : Math.min(...totals)),
  };
}

/**
 * The record with a new expiry: now + ttl, earlier than before only when a ttl is given, and clipped by `ttl.total` from the
 * token's first `ok`. What was promised before a smaller `ttl.total` came is not taken away.
 */
export function extended(
  resources: readonly Resource[],
  record: TokenRecord,
  at: Instant,
  ttl: Millis | undefined,
): TokenRecord {
  const before = record.expires;
  const validFrom = before === undefined ? at : record.validFrom;
  const end = endOf(resources, validFrom, before);
  const next = soonerOf(end, after(at, ttl ?? record.ttl));
  const expires = before === undefined || ttl !== undefined ? next : later(before, next);
  const extendedAt = expires === before ? record.extendedAt : at;
  return { ...record, ttl: ttl ?? record.ttl, validFrom, expires, extendedAt };
}

/** For requests that are answered at one moment: the longest that was given counts, so that none of them is told less than it asked for. */
export function extendedForAll(
  resources: readonly Resource[],
  record: TokenRecord,
  at: Instant,
  answered: readonly Pick<Waiter, "ttl">[],
): TokenRecord {
  const given = answered.flatMap(({ ttl }) => ttl ?? []);
  const longest = given.length === 0 ? undefined : millis(Math.max(...given));
  return answered.length === 0 ? record : extended(resources, record, at, longest);
}

/** The latest that renewals can reach; `undefined`: there is no limit. */
function endOf(
  resources: readonly Resource[],
  validFrom: Instant,
  promised: Instant | undefined,
): Instant | undefined {
  const { total } = ttlOf(resources);
  const end = after(validFrom, total);
  return total === 0 ? undefined : promised === undefined ? end : later(end, promised);
}

/** Why this ttl cannot be given on these resources. */
export function tooLong(resources: readonly Resource[], ttl: Millis | undefined): string | undefined {
  for (const { settings } of resources) {
    const { max } = settings.ttl;
    if (ttl !== undefined && ttl > max) {
      return `ttl ${formatDuration(ttl)} is longer than ${settings.name} allows, ${formatDuration(max)} (ttl.max)`;
    }
  }
  return undefined;
}

/** With `ttl.total`: why nothing is left to extend by. */
export function usedUp(
  { record, resources }: Token,
  at: Instant,
  ttl: Millis | undefined,
): string | undefined {
  const { expires, validFrom, token } = record;
  const wished = after(at, ttl ?? record.ttl);
  for (const { settings } of resources) {
    const { total } = settings.ttl;
    const end = after(validFrom, total);
    // What has not ended at its end, because nothing could be written, is not said to be renewed to a moment that is over.
    const over = expires !== undefined && wished > expires && (expires >= end || end <= at);
    if (total > 0 && over) {
      return `token '${token}' has used up the ${formatDuration(total)} that ${settings.name} allows in all (ttl.total)`;
    }
  }
  return undefined;
}

/** The same of a token whose time is over already, though it could not be ended yet: no request brings it back. */
export function outOfTime(token: Token, at: Instant): string | undefined {
  const { expires } = token.record;
  return expires !== undefined && expires <= at ? usedUp(token, at, undefined) : undefined;
}
