// Mistakes about what is on the disk before anybody hears of it, and about what a crash, a full disk and a restart leave.

import type { Section } from "./mutant.ts";

export const durability: readonly Section[] = [
  {
    promise: "What was acknowledged is on the disk before",
    mutants: [
      {
        name: "acknowledge before commit",
        file: "src/runtime/loop.ts",
        find: "    if (changes.length > 0 && !(await commit(changes, at))) {",
        replace:
          "    for (const { taken } of done) {\n      taken?.(true);\n    }\n    if (changes.length > 0 && !(await commit(changes, at))) {",
        why: "a crash loses a request that the broker has forgotten",
      },
      {
        name: "carry out before commit",
        file: "src/runtime/loop.ts",
        find: "    if (changes.length > 0 && !(await commit(changes, at))) {",
        replace: "    carryOut(effects, at);\n    if (changes.length > 0 && !(await commit(changes, at))) {",
        why: "somebody hears ok for a token that a crash takes away",
      },
      {
        name: "own not persisted before the command",
        file: "src/core/outlet.ts",
        find: "    outlet.own = own;\n    persistOutlet(turn, outlet);",
        replace: "    outlet.own = own;",
        why: "after a crash its own doing is taken for a hand's",
      },
      {
        name: "what became of a machine not persisted",
        file: "src/core/boots.ts",
        find: '  turn.effects.push({ kind: "persist", change: { kind: "resource", record } });',
        replace: "",
        why: "after a crash a machine that was in use is power-cycled, and a shutdown begins anew",
      },
    ],
  },
  {
    promise: "A store that refuses is believed",
    mutants: [
      {
        name: "go on as if the refused batch were written",
        file: "src/runtime/loop.ts",
        find: "      await takeBack(done, effects, at);\n      return;",
        replace: "      await takeBack(done, effects, at);",
        why: "the full disk is ignored",
      },
      {
        name: "never ask a refusing store again",
        file: "src/runtime/loop.ts",
        find: 'queue.unshift(aside({ kind: "storeRecovered" }));',
        replace: "",
        why: "after a full disk only a restart helps",
      },
      {
        name: "a refused batch stays in the book",
        file: "src/core/queue.ts",
        find: "    resource.tokens.clear();",
        replace: "",
        why: "somebody holds a token that the disk does not know",
      },
      {
        name: "a refused queue stays in the book",
        file: "src/core/queue.ts",
        find: "    resource.queue.length = 0;",
        replace: "",
        why: "a request is granted that the disk does not know",
      },
      {
        name: "commands while the store refuses",
        file: "src/core/resource.ts",
        find: 'if (book.store === "writing") {\n    endWhatIsLocked',
        replace: "if (true) {\n    endWhatIsLocked",
        why: "a relay moves of which a crash knows nothing",
      },
      {
        name: "queues served while the store refuses",
        file: "src/core/step.ts",
        find: '    if (book.store === "writing") {\n      serveQueue',
        replace: "    if (true) {\n      serveQueue",
        why: "a token is given away that cannot be written",
      },
      {
        name: "tokens end while the store refuses",
        file: "src/core/expiry.ts",
        find: '  if (book.store === "refusing") {\n    book.overdue',
        replace: "  if (false) {\n    book.overdue",
        why: "a token ends in the book and not on the disk",
      },
    ],
  },
  {
    promise: "A restart loses nothing and moves nothing",
    mutants: [
      {
        name: "the queue is not restored",
        file: "src/core/restart.ts",
        find: "queued.filter((record) => !restoreQueued(book, record))",
        replace: "[]",
        why: "whoever queued waits for an answer that never comes",
      },
      {
        name: "the deadline of a queued request is not restored",
        file: "src/core/queue.ts",
        find: "  setQueuedDeadline(book, record);\n  return true;",
        replace: "  return true;",
        why: "after a restart a request queues for ever",
      },
      {
        name: "the deadline of a token is not restored",
        file: "src/core/tokens.ts",
        find: "  noteWaiting(token);\n  setTokenDeadline(book, token);\n}",
        replace: "  noteWaiting(token);\n}",
        why: "after a restart no token ends, and everything stays on",
      },
      {
        name: "numbers begin again after a restart",
        file: "src/core/tokens.ts",
        find: "  book.nextNumber = Math.max(book.nextNumber, record.number + 1);",
        replace: "",
        why: "a later request overtakes those that queued before the restart",
      },
      {
        name: "overrides are not restored",
        file: "src/core/restart.ts",
        find: "of snapshot.overrides)",
        replace: "of [])",
        why: "a restart lifts a lockout, and somebody has their hands in the rack",
      },
      {
        name: "the end of an override is not restored",
        file: "src/core/restart.ts",
        find: "  scheduleOverrides(book);\n",
        replace: "",
        why: "a lockout until noon lasts for ever",
      },
      {
        name: "a power cycle is forgotten in a crash",
        file: "src/core/restart.ts",
        find: "      resource.record = record;",
        replace: "      resource.record = { ...record, cycle: undefined };",
        why: "the machine stays off that was to come back, or is not cycled at all",
      },
      {
        name: "a crash during a shutdown leads to a cut",
        file: "src/core/restart.ts",
        find: "resource.activity = watching(at, shutdown);",
        replace: 'resource.activity = { name: "stopping", usedSince: false, cleared: "gone" };',
        why: "a machine that is still writing loses its power",
      },
      {
        name: "a shutdown under way is forgotten in a crash",
        file: "src/core/restart.ts",
        find: "resource.record.shutdownAt !== undefined && shutdown !== undefined",
        replace: "false",
        why: "a machine that is going down is taken for one in use",
      },
      {
        name: "replies that were decided do not go out again",
        file: "src/core/link.ts",
        find: "    for (const kept of book.outbox.values()) {",
        replace: "    for (const kept of []) {",
        why: "a job waits for the answer that the crash cut off",
      },
    ],
  },
];
