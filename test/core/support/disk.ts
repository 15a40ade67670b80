// What a store keeps of the changes that it was given, in memory, so that a crash in a test loses what a crash would lose.
// Not a Store: it knows nothing of transactions or of asynchrony.

import type { Change, Snapshot } from "../../../src/core/changes.ts";
import { endedKey } from "../../../src/core/book.ts";

export interface Disk {
  apply(changes: readonly Change[]): void;
  snapshot(): Snapshot;
}

export function createDisk(): Disk {
  const tokens = new Map<string, Snapshot["tokens"][number]>();
  const queued = new Map<number, Snapshot["queued"][number]>();
  const overrides = new Map<string, Snapshot["overrides"][number]>();
  const ended = new Map<string, Snapshot["ended"][number]>();
  const outlets = new Map<string, Snapshot["outlets"][number]>();
  const resources = new Map<string, Snapshot["resources"][number]>();
  const outbox = new Map<number, Snapshot["outbox"][number]>();
  const published = new Map<string, Snapshot["published"][number]>();

  function applyOne(change: Change): void {
    switch (change.kind) {
      case "token":
        put(tokens, endedKey(change.resource, change.token), change.record);
        return;
      case "queued":
        put(queued, change.number, change.record);
        return;
      case "override":
        put(overrides, change.resource, change.record);
        return;
      case "ended":
        put(ended, endedKey(change.resource, change.token), change.record);
        return;
      case "outlet":
        outlets.set(change.record.outlet, change.record);
        return;
      case "resource":
        resources.set(change.record.resource, change.record);
        return;
      case "outbox":
        put(outbox, change.id, change.record);
        return;
      case "published":
        put(
          published,
          `${change.record.kind} ${change.record.name}`,
          change.gone ? undefined : change.record,
        );
        return;
    }
  }

  return {
    apply(changes) {
      for (const change of changes) {
        applyOne(change);
      }
    },
    snapshot: () => ({
      tokens: [...tokens.values()],
      queued: [...queued.values()],
      overrides: [...overrides.values()],
      ended: [...ended.values()],
      outlets: [...outlets.values()],
      resources: [...resources.values()],
      outbox: [...outbox.values()],
      published: [...published.values()],
    }),
  };
}

function put<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | undefined): void {
  if (value === undefined) {
    map.delete(key);
  } else {
    map.set(key, value);
  }
}
