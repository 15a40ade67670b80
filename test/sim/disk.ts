// The simulated disk behind the Store port. A commit takes its time, is refused when the disk is full, and when the process
// dies in the middle of one, the whole batch is there or none of it. What is not durable is gone with the process.

import type {
  Change,
  OutletRecord,
  OverrideRecord,
  QueuedRecord,
  ResourceRecord,
  Snapshot,
  Timestamp,
  TokenRecord,
} from "../../src/core/changes.ts";
import { type Store, StoreError } from "../../src/ports/store.ts";
import type { Process } from "./clock.ts";
import type { Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Trace } from "./trace.ts";

export interface Disk {
  full: boolean;
  /** Every so many-th commit is refused, 0 to 1. */
  refusals: number;
  /** Milliseconds that a commit takes at most. */
  slowest: number;
  readonly commits: number;
  tokens(): Iterable<TokenRecord>;
  queued(): Iterable<QueuedRecord>;
  overrides(): Iterable<OverrideRecord>;
  outlets(): Iterable<OutletRecord>;
  resource(name: string): ResourceRecord | undefined;
  outboxIds(): Iterable<number>;
  /** When the newest batch was begun, on the controller's clock. */
  readonly writtenAt: number;
  /** What wall clock minus monotonic clock was then. */
  readonly writtenOffset: number;
  open(process: Process): Store;
}

export interface DiskWatch {
  /** Right before these changes become durable. */
  applying(changes: readonly Change[], written: Timestamp, before: Timestamp | undefined): void;
  /** Now they are. */
  applied(changes: readonly Change[], written: Timestamp): void;
  refused(): void;
}

interface Parts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly trace: Trace;
  readonly watch: DiskWatch;
}

export function createDisk({ scheduler, random, trace, watch }: Parts): Disk {
  const tokens = new Map<string, TokenRecord>();
  const queued = new Map<number, Snapshot["queued"][number]>();
  const overrides = new Map<string, Snapshot["overrides"][number]>();
  const ended = new Map<string, Snapshot["ended"][number]>();
  const outlets = new Map<string, Snapshot["outlets"][number]>();
  const resources = new Map<string, Snapshot["resources"][number]>();
  const outbox = new Map<number, Snapshot["outbox"][number]>();
  const published = new Map<string, Snapshot["published"][number]>();
  let written: Timestamp | undefined;

  function apply(changes: readonly Change[], stamp: Timestamp): void {
    watch.applying(changes, stamp, written);
    written = stamp;
    for (const change of changes) {
      switch (change.kind) {
        case "token":
          put(tokens, `${change.resource} ${change.token}`, change.record);
          break;
        case "queued":
          put(queued, change.number, change.record);
          break;
        case "override":
          put(overrides, change.resource, change.record);
          break;
        case "ended":
          put(ended, `${change.resource} ${change.token}`, change.record);
          break;
        case "outlet":
          put(outlets, change.record.outlet, change.record);
          break;
        case "resource":
          put(resources, change.record.resource, change.record);
          break;
        case "outbox":
          put(outbox, change.id, change.record);
          break;
        case "published":
          put(
            published,
            `${change.record.kind} ${change.record.name}`,
            change.gone ? undefined : change.record,
          );
          break;
      }
    }
    watch.applied(changes, stamp);
  }

  const load = (): Snapshot =>
    structuredClone({
      tokens: [...tokens.values()],
      queued: [...queued.values()],
      overrides: [...overrides.values()],
      ended: [...ended.values()],
      outlets: [...outlets.values()],
      resources: [...resources.values()],
      outbox: [...outbox.values()],
      published: [...published.values()],
    });

  const disk = {
    full: false,
    refusals: 0,
    slowest: 4,
    commits: 0,
    tokens: () => tokens.values(),
    queued: () => queued.values(),
    overrides: () => overrides.values(),
    outlets: () => outlets.values(),
    resource: (name: string) => resources.get(name),
    outboxIds: () => outbox.keys(),
    get writtenAt() {
      return written?.at ?? 0;
    },
    get writtenOffset() {
      return written === undefined ? 0 : written.wall - written.at;
    },
    open(process: Process): Store {
      let underWay: (() => void) | undefined;
      process.onDeath(() => {
        if (underWay !== undefined && random.chance(0.5)) {
          trace.note("disk: the batch under way was written, though nobody lived to know");
          underWay();
        }
        underWay = undefined;
      });
      return {
        load: () =>
          new Promise((resolve) => {
            scheduler.after(random.int(1, 10), () =>
              process.enter(() => resolve({ snapshot: load(), written })),
            );
          }),
        commit: (changes, stamp) =>
          new Promise((resolve, reject) => {
            process.act(() => {
              // Whoever changes a record after it was handed over is found out at once.
              const kept = changes.map((change) => Object.freeze(change));
              for (const change of kept) {
                Object.freeze(change.record);
              }
              const write = (): void => apply(kept, stamp);
              underWay = disk.full ? undefined : write;
              scheduler.after(random.int(0, disk.slowest), () => {
                if (!process.alive) {
                  return;
                }
                underWay = undefined;
                if (disk.full || random.chance(disk.refusals)) {
                  trace.note(`disk: refused ${kept.length} changes`);
                  watch.refused();
                  process.enter(() => reject(new StoreError("refused", "the disk is full")));
                  return;
                }
                disk.commits += 1;
                write();
                process.enter(resolve);
              });
            });
          }),
        close: () => Promise.resolve(),
      };
    },
  };
  return disk;
}

function put<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | undefined): void {
  if (value === undefined) {
    map.delete(key);
  } else {
    map.set(key, value);
  }
}
