// A core with a clock that is turned by hand and a disk that survives it. It treats the core as the loop does: what a step
// persists is on disk before anything else of it is handed on, and a disk that refuses has the durable part loaded again.
// After every step the promises of src/core/invariants.ts are checked, and that the book is what the disk says.

import { deepStrictEqual } from "node:assert/strict";
import { type Book, endedKey } from "../../../src/core/book.ts";
import type { Change, TokenRecord } from "../../../src/core/changes.ts";
import { type Effect, survivesRefusal } from "../../../src/core/effects.ts";
import { checkBook, checkEffects } from "../../../src/core/invariants.ts";
import { isStillDecided } from "../../../src/core/outlet.ts";
import { openBook, reloadDurable } from "../../../src/core/restart.ts";
import type { Settings } from "../../../src/core/settings.ts";
import { nextWakeUp, step } from "../../../src/core/step.ts";
import { after, type Instant, instant, millis, type Millis } from "../../../src/core/time.ts";
import type { Happening } from "../../../src/runtime/loop.ts";
import { createDisk, type Disk } from "./disk.ts";

export interface World {
  readonly disk: Disk;
  /** Scenarios begin at this moment of the machine's life. */
  readonly begin: Instant;
  readonly now: Instant;
  /** @throws while no controller runs */
  readonly book: Book;
  readonly running: boolean;
  storeRefuses: boolean;
  /** Moves the clock and nothing else. */
  pass(length: Millis): void;
  open(settings: Settings): void;
  /** The process is gone; what it had not written is lost. */
  crash(): void;
  /** One event; what is to be carried out because of it. */
  take(happening: Happening): Effect[];
  nextWakeUp(): Instant | undefined;
}

/** 2026-11-22T08:00:00Z: wall time at the beginning of each scenario. */
export const beginWall = 1_795_334_400_000;

export function createWorld(): World {
  const disk = createDisk();
  const begin = instant(100_000_000);
  let now = begin;
  let book: Book | undefined;
  let storeRefuses = false;

  function opened(): Book {
    if (book === undefined) {
      throw new Error("no controller runs");
    }
    return book;
  }

  function stepped(happening: Happening): Effect[] {
    const made = step(opened(), { ...happening, at: now });
    checkEffects(opened(), now, made);
    checkBook(opened());
    return made;
  }

  /** A command goes out only if the end of its batch still has it so. */
  function isToBeDone(effect: Effect): boolean {
    if (effect.kind !== "command") {
      return true;
    }
    const outlet = opened().outlets.get(effect.outlet);
    return outlet?.attempt === effect.attempt && isStillDecided(opened(), outlet, effect.position);
  }

  function takeBack(happening: Happening, effects: readonly Effect[]): Effect[] {
    reloadDurable(opened(), disk.snapshot(), effects);
    const kept = new Set(disk.snapshot().outbox.map(({ id }) => id));
    const harmless = effects.filter((effect) => survivesRefusal(effect, kept));
    const made = [...harmless, ...stepped({ kind: "storeRefused" })];
    const canBeTold =
      happening.kind === "requested" &&
      (happening.request.kind === "refused" || happening.request.replyTo !== undefined);
    return canBeTold || happening.kind === "replied" ? [...made, ...stepped(happening)] : made;
  }

  return {
    disk,
    begin,
    get now() {
      return now;
    },
    get book() {
      return opened();
    },
    get running() {
      return book !== undefined;
    },
    get storeRefuses() {
      return storeRefuses;
    },
    set storeRefuses(refuses) {
      storeRefuses = refuses;
    },
    pass(length) {
      now = after(now, length);
    },
    open(settings) {
      book = openBook(settings, disk.snapshot(), now, millis(beginWall - begin));
      checkBook(book);
    },
    crash() {
      book = undefined;
    },
    take(happening) {
      const made = stepped(happening);
      const changes = made.flatMap((effect): Change[] => (effect.kind === "persist" ? [effect.change] : []));
      const carried = changes.length > 0 && storeRefuses ? takeBack(happening, made) : made;
      if (carried === made) {
        disk.apply(changes);
      }
      checkDurable(opened(), disk);
      return carried.filter(isToBeDone);
    },
    nextWakeUp: () => (book === undefined ? undefined : nextWakeUp(book)),
  };
}

/** The book is never ahead of the disk, nor behind it: a crash right now would lose nothing that anybody was told. */
function checkDurable(book: Book, disk: Disk): void {
  const kept = disk.snapshot();
  const resources = [...book.resources.values()];
  deepStrictEqual(
    byKey(
      resources.flatMap(({ tokens }) => [...tokens.values()].map(({ record }) => record)),
      tokenKey,
    ),
    byKey(
      kept.tokens.flatMap((record) => whatIsLeft(book, record)),
      tokenKey,
    ),
  );
  deepStrictEqual(
    byKey(
      [...book.queued.values()].map(({ record }) => record),
      ({ number }) => number,
    ),
    byKey(
      kept.queued.filter(({ asked }) =>
        asked.every((name) => book.resources.has(name) || book.pools.has(name)),
      ),
      ({ number }) => number,
    ),
  );
  deepStrictEqual(
    book.overrides,
    byKey(kept.overrides, ({ resource }) => resource),
  );
  deepStrictEqual(
    book.ended,
    byKey(kept.ended, ({ resource, token }) => endedKey(resource, token)),
  );
  deepStrictEqual(
    byKey(
      [...book.outbox.values()].map(({ record }) => record),
      ({ id }) => id,
    ),
    byKey(kept.outbox, ({ id }) => id),
  );
  for (const { settings, own } of book.outlets.values()) {
    deepStrictEqual(own, kept.outlets.find(({ outlet }) => outlet === settings.id)?.own ?? "none");
  }
  for (const { record } of resources) {
    const found = kept.resources.find(({ resource }) => resource === record.resource);
    const { wasAvailable = false, boots = [], shutdownAt, cycle } = found ?? {};
    deepStrictEqual(record, { resource: record.resource, boots, wasAvailable, shutdownAt, cycle });
  }
}

/** Of a token over several, some of which have left the configuration, the rest is held on. */
function whatIsLeft(book: Book, record: TokenRecord): TokenRecord[] {
  const stays = record.resources.map((name) => book.resources.has(name));
  const left = <Value>(values: readonly Value[]): Value[] =>
    values.filter((_, index) => stays[index] === true);
  return stays.includes(true)
    ? [
        {
          ...record,
          resources: left(record.resources),
          asked: left(record.asked),
          kwhAtStart: left(record.kwhAtStart),
        },
      ]
    : [];
}

const byKey = <Key extends string | number, Value>(
  values: readonly Value[],
  key: (value: Value) => Key,
): Map<Key, Value> => new Map(values.map((value) => [key(value), value]));

const tokenKey = ({ resources, token }: TokenRecord): string => endedKey(resources[0] ?? "", token);
