// A core with a clock that is turned by hand and a disk that survives it. It treats the core as the loop does: what a step
// persists is on disk before anything else of it is handed on, and a disk that refuses has the durable part loaded again.
// After every step the promises of src/core/invariants.ts are checked, and that the book is what the disk says.

import { deepStrictEqual } from "node:assert/strict";
import { type Book, need } from "../../../src/core/book.ts";
import type { Change } from "../../../src/core/changes.ts";
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
    const outlet = need(opened().outlets, effect.outlet);
    return outlet.attempt === effect.attempt && isStillDecided(outlet, effect.position);
  }

  function takeBack(happening: Happening, effects: readonly Effect[]): Effect[] {
    reloadDurable(opened(), disk.snapshot());
    const kept = new Set(disk.snapshot().outbox.map(({ id }) => id));
    const harmless = effects.filter((effect) => survivesRefusal(effect, kept));
    const made = [...harmless, ...stepped({ kind: "storeRefused", reason: "the disk is full" })];
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
    new Map(
      resources.flatMap(({ tokens }) => [...tokens.values()].map(({ record }) => [keyOf(record), record])),
    ),
    new Map(
      kept.tokens
        .filter(({ resource }) => book.resources.has(resource))
        .map((record) => [keyOf(record), record]),
    ),
  );
  deepStrictEqual(book.ended, new Map(kept.ended.map((record) => [keyOf(record), record])));
  deepStrictEqual(
    new Map([...book.outbox].map(([id, { record }]) => [id, record])),
    new Map(kept.outbox.map((record) => [record.id, record])),
  );
  for (const { settings, own } of book.outlets.values()) {
    deepStrictEqual(own, kept.outlets.find(({ outlet }) => outlet === settings.id)?.own ?? "none");
  }
  for (const { record } of resources) {
    const { wasAvailable = false, boots = [] } =
      kept.resources.find(({ resource }) => resource === record.resource) ?? {};
    deepStrictEqual(record, { resource: record.resource, boots, wasAvailable });
  }
}

const keyOf = ({ resource, token }: { readonly resource: string; readonly token: string }): string =>
  `${resource} ${token}`;
