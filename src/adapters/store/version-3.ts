// From version 2 of the store's form to version 3: a token knows since when it has been valid and when its expiry was set, and a request
// that waits in which order it asked. Written once and never edited, because
// stores of that form are about. It uses nothing that may change later, today's schemas least of all.

import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { readAll, replaceAll } from "./version-2.ts";

/** @throws StoreError `damaged` when a record does not fit its checksum: with a new one it would be taken for whole */
export function toVersion3(database: DatabaseSync, path: string): void {
  replaceAll(
    database,
    "tokens",
    ["resource", "token"],
    readAll(database, path, "tokens", ["resource", "token"], token2).map(({ key, record }) => ({
      key,
      record: tokenOf(record),
    })),
  );
  replaceAll(
    database,
    "queued",
    ["number"],
    readAll(database, path, "queued", ["number"], queued2).map(({ key, record }) => ({
      key,
      record: { ...record, waiters: record.waiters.map(waiterOf) },
    })),
  );
}

/** What the new fields are made of; the others are taken over as they are. */
const waiter2 = z.looseObject({});
const token2 = z.looseObject({
  since: z.int(),
  ttl: z.number(),
  expires: z.nullable(z.int()),
  waiters: z.array(waiter2),
});
const queued2 = z.looseObject({ waiters: z.array(waiter2) });

/** Until then `ttl.total` ran from `since`; an expiry was its ttl after it had been set, or less. */
function tokenOf(record: z.output<typeof token2>): object {
  const { since, ttl, expires, waiters } = record;
  const extendedAt = expires === null ? since : Math.max(since, Math.ceil(expires - ttl));
  return { ...record, validFrom: since, extendedAt, waiters: waiters.map(waiterOf) };
}

/** Until then every reply was in the order of the first request. */
const waiterOf = (waiter: z.output<typeof waiter2>): object => ({ ...waiter, asked: null });
