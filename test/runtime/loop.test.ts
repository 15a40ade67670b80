// The loop between the core and the world: nothing of a batch is done before the batch is on the disk, and nothing at all of one
// that the disk refused. Method: the real core, a store that can be slow or refuse, a clock that is turned by hand.

import { describe, expect, test } from "vitest";
import type { Change } from "../../src/core/changes.ts";
import type { Effect } from "../../src/core/effects.ts";
import type { Request } from "../../src/core/requests.ts";
import { openBook } from "../../src/core/restart.ts";
import { millis } from "../../src/core/time.ts";
import { type Store, StoreError } from "../../src/ports/store.ts";
import { createLoop, type Loop } from "../../src/runtime/loop.ts";
import { createDisk, type Disk } from "../core/support/disk.ts";
import { settingsOf, usualResource } from "../core/support/lab.ts";
import { type HandClock, handClock } from "../support/hand-clock.ts";
import { keepingLog, type Line } from "../support/silent-log.ts";

interface SlowStore extends Store {
  refuses: boolean;
  /** While set, commits hang; `let go` lets them through. */
  hangs: boolean;
  letGo(): void;
  readonly commits: (readonly Change[])[];
}

function slowStore(disk: Disk): SlowStore {
  let waiting: (() => void)[] = [];
  const store: SlowStore = {
    refuses: false,
    hangs: false,
    commits: [],
    letGo() {
      store.hangs = false;
      for (const go of waiting) {
        go();
      }
      waiting = [];
    },
    load: async () => ({ snapshot: disk.snapshot(), written: undefined }),
    async commit(changes) {
      if (store.hangs) {
        await new Promise<void>((go) => {
          waiting.push(go);
        });
      }
      if (store.refuses) {
        throw new StoreError("refused", "the disk is full");
      }
      store.commits.push(changes);
      disk.apply(changes);
    },
    close: async () => undefined,
  };
  return store;
}

interface Lab {
  readonly loop: Loop;
  readonly clock: HandClock;
  readonly disk: Disk;
  readonly store: SlowStore;
  readonly lines: readonly Line[];
  /** Kinds of what was carried out, replies with their outcome. */
  readonly done: string[];
  readonly taken: (readonly [string, boolean])[];
  readonly failures: unknown[];
  tends: number;
  readonly ask: (request: Request) => void;
}

function lab(): Lab {
  const clock = handClock();
  const disk = createDisk();
  const store = slowStore(disk);
  const book = openBook(
    settingsOf([usualResource("build1", "plug1")]),
    disk.snapshot(),
    clock.now(),
    millis(0),
  );
  const { log, lines } = keepingLog();
  const done: string[] = [];
  const taken: [string, boolean][] = [];
  const failures: unknown[] = [];
  const loop = createLoop({
    book,
    store,
    clock,
    log,
    createAlarm: (ring) => {
      let set = new AbortController();
      return {
        set(inMs) {
          set.abort();
          const mine = new AbortController();
          set = mine;
          void clock
            .sleep(millis(Math.max(1, inMs)), mine.signal)
            .then(() => (mine.signal.aborted ? undefined : ring()));
        },
        clear: () => set.abort(),
      };
    },
    carryOut: (effects) => done.push(...effects.flatMap(wordsOf)),
    tend: () => {
      made.tends += 1;
    },
    failed: (error) => failures.push(error),
  });
  const made: Lab = {
    loop,
    clock,
    disk,
    store,
    lines,
    done,
    taken,
    failures,
    tends: 0,
    ask: (request) => loop.request(request, (was) => taken.push([request.replyTo?.topic ?? "no reply", was])),
  };
  return made;
}

function wordsOf(effect: Effect): string[] {
  switch (effect.kind) {
    case "reply":
      return [`reply ${effect.to.topic} ${effect.reply.ok ? "ok" : effect.reply.error}`];
    case "command":
      return [`command ${effect.position}`];
    case "announce":
      return [`event ${effect.announcement.event}`];
    case "ask":
    case "measure":
    case "check":
    case "shutdown":
    case "forget":
    case "ignored":
    case "persist":
    case "prove":
    case "publish":
    case "publishController":
      return [];
  }
}

const acquire = (token: string, reply: string | undefined): Request => ({
  kind: "acquire",
  resource: "build1",
  names: ["build1"],
  mode: "shared",
  priority: 0,
  user: undefined,
  owner: undefined,
  token,
  madeUpToken: "made-up",
  purpose: undefined,
  ttl: millis(60_000),
  wait: "granted",
  timeout: undefined,
  replyTo:
    reply === undefined ? undefined : { topic: reply, correlation: undefined, id: undefined, format: "json" },
});

async function connected(): Promise<Lab> {
  const made = lab();
  made.loop.start();
  made.loop.submit({ kind: "linkConnected" });
  made.loop.submit({ kind: "linkProved", attempt: 1 });
  made.loop.submit({ kind: "outletReported", outlet: "plug1", position: "off", uptime: undefined });
  await made.clock.turn(0);
  made.done.length = 0;
  return made;
}

describe("The loop", () => {
  test("answers, commands and acknowledges only when the batch is on the disk", async () => {
    const { ask, clock, store, done, taken, disk } = await connected();
    store.hangs = true;
    ask(acquire("a", "r1"));
    await clock.turn(1000);
    expect([done, taken]).toEqual([[], []]);
    store.letGo();
    await clock.turn(0);
    expect(done.toSorted()).toEqual(["command on", "event granted", "event switch-on", "reply r1 ok"]);
    expect(taken).toEqual([["r1", true]]);
    expect(disk.snapshot().tokens.map(({ token }) => token)).toEqual(["a"]);
  });

  test("writes everything that waited in one commit", async () => {
    const { ask, clock, store, taken } = await connected();
    const before = store.commits.length;
    ask(acquire("a", "r1"));
    ask(acquire("b", "r2"));
    ask(acquire("c", undefined));
    await clock.turn(0);
    expect(store.commits.length).toBe(before + 1);
    expect(taken).toEqual([
      ["r1", true],
      ["r2", true],
      ["no reply", true],
    ]);
  });

  test("takes back a batch that the disk refuses: nothing is granted or switched, who can be told is told, the rest comes again", async () => {
    const { ask, clock, store, done, taken, disk } = await connected();
    store.refuses = true;
    ask(acquire("a", "r1"));
    ask(acquire("b", undefined));
    await clock.turn(0);
    expect(done).toEqual(["reply r1 unavailable", "event rejected"]);
    expect(taken).toEqual([
      ["r1", true],
      ["no reply", false],
    ]);
    expect(disk.snapshot().tokens).toEqual([]);
  });

  test("refuses at the door while the disk refuses, asks it once a second, and goes on when it writes again", async () => {
    const { ask, clock, store, done, taken } = await connected();
    store.refuses = true;
    ask(acquire("a", "r1"));
    await clock.turn(0);
    ask(acquire("b", undefined));
    await clock.turn(5000);
    expect(taken).toEqual([
      ["r1", true],
      ["no reply", false],
    ]);
    store.refuses = false;
    await clock.turn(1000);
    done.length = 0;
    ask(acquire("a", "r2"));
    await clock.turn(0);
    expect(done).toContain("reply r2 ok");
    expect(done).toContain("command on");
  });

  test("wakes the core when something is due, and tends the front once a second", async () => {
    const made = await connected();
    made.ask(acquire("a", "r1"));
    await made.clock.turn(0);
    made.loop.submit({ kind: "outletReported", outlet: "plug1", position: "on", uptime: undefined });
    const before = made.tends;
    await made.clock.turn(54_000);
    expect(made.done).toContain("event expiring");
    expect(made.done).not.toContain("event expired");
    await made.clock.turn(6000);
    expect(made.done).toContain("event expired");
    expect(made.tends - before).toBe(60);
  });

  test("says that a commit takes long, and moves nothing meanwhile", async () => {
    const { ask, clock, store, done, lines } = await connected();
    store.hangs = true;
    ask(acquire("a", "r1"));
    await clock.turn(0);
    await clock.turn(10_000);
    expect(lines.filter(({ sentence }) => sentence.includes("takes long")).length).toBe(2);
    expect(done).toEqual([]);
    store.letGo();
    await clock.turn(0);
    expect(done).toContain("command on");
  });

  test("finishes the batch under way when it is stopped, and takes nothing in afterwards", async () => {
    const { ask, clock, loop, store, done, taken, failures } = await connected();
    store.hangs = true;
    ask(acquire("a", "r1"));
    await clock.turn(0);
    const stopped = loop.stop();
    ask(acquire("b", "r2"));
    store.letGo();
    await stopped;
    await clock.turn(5000);
    expect(taken).toEqual([["r1", true]]);
    expect(done).toContain("reply r1 ok");
    expect(failures).toEqual([]);
  });

  test("does nothing that the disk does not know, while the store can neither write nor be read", async () => {
    const { ask, clock, store, done, disk } = await connected();
    const load = store.load.bind(store);
    store.refuses = true;
    store.load = async () => Promise.reject(new StoreError("refused", "the disk is away"));
    ask(acquire("a", "r1"));
    await clock.turn(5000);
    store.load = load;
    store.refuses = false;
    await clock.turn(5000);
    expect(done).toContain("reply r1 unavailable");
    expect(done).not.toContain("command on");
    expect(disk.snapshot().tokens).toEqual([]);
  });
});
