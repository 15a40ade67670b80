// The store as the program sees it: what was committed is there, whatever happens; and what is wrong is said.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openDatabase } from "../../src/adapters/store/database.ts";
import { openStore } from "../../src/adapters/store/store.ts";
import { supervise } from "../../src/adapters/store/thread.ts";
import type { Change } from "../../src/core/changes.ts";
import { instant } from "../../src/core/time.ts";
import type { Log } from "../../src/ports/log.ts";
import { type Store, StoreError } from "../../src/ports/store.ts";
import { needing } from "../support/needs.ts";
import { killAt, killPoints } from "./kill-points.ts";
import { change, model, someQueued, someTime, someToken, sorted, timestamp } from "./records.ts";

vi.setConfig({ testTimeout: 30_000 }); // Processes are started, and the machine may be busy.

const childFile = fileURLToPath(new URL("./store-process.ts", import.meta.url));
const fullDiskFile = fileURLToPath(new URL("./full-disk-process.ts", import.meta.url));
let directory: string;
let path: string;
let logged: string[];
let log: Log;
let toEnd: (() => unknown)[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "lastout-store-"));
  path = join(directory, "lastout.db");
  logged = [];
  const note = (fields: object, sentence: string): number =>
    logged.push(`${sentence} ${JSON.stringify(fields)}`);
  log = { debug: note, info: note, warn: note, error: note, fatal: note };
  toEnd = [];
});

afterEach(async () => {
  for (const end of toEnd.toReversed()) {
    await end();
  }
  rmSync(directory, { recursive: true, force: true });
});

describe("a store", () => {
  it("is empty when it is new, and says in the log that it was made", async () => {
    const store = await open();
    expect(await store.load()).toStrictEqual({ snapshot: model([]), written: undefined });
    expect(logged.join()).toContain("Made a new store");
  });

  it("gives back what was committed after it was closed and opened again", async () => {
    const first = await openStore(path, { log });
    await first.commit([someToken("a"), someToken("b", "build2")], someTime);
    await first.close();
    const second = await open();
    expect(await second.load()).toStrictEqual({
      snapshot: model([someToken("a"), someToken("b", "build2")]),
      written: someTime,
    });
  });

  it("gives back records of every kind, whatever is in them", () => {
    let run = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.array(change, { maxLength: 10 }), timestamp), { minLength: 1, maxLength: 3 }),
        (commits) => {
          run += 1;
          const file = join(directory, `${run}.db`);
          const first = openDatabase(file);
          for (const [changes, written] of commits) {
            first.commit(changes, written);
          }
          const before = first.load();
          first.close();
          const second = openDatabase(file);
          const after = second.load();
          second.close();
          // A copy, because fast-check also makes objects without a prototype.
          const expected: unknown = structuredClone(sorted(model(commits.flatMap(([changes]) => changes))));
          expect(sorted(after.snapshot)).toStrictEqual(expected);
          expect(after.written).toStrictEqual(structuredClone(commits.at(-1)?.[1]));
          expect(before).toStrictEqual(after);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("gives back tokens in the order in which they were granted", async () => {
    const store = await open();
    await store.commit([tokenSince("c", 1), tokenSince("a", 2), tokenSince("b", 3)], someTime);
    expect((await store.load()).snapshot.tokens.map(({ token }) => token)).toEqual(["c", "a", "b"]);
  });

  it("gives back tokens of one moment, and queued requests, in the order in which they arrived", async () => {
    const store = await open();
    await store.commit(
      [
        someToken("a", "build1", { number: 12 }),
        someToken("b", "build1", { number: 9 }),
        someToken("c", "build0", { number: 10 }),
        someQueued(100),
        someQueued(7),
        someQueued(20),
      ],
      someTime,
    );
    const { snapshot } = await store.load();
    expect(snapshot.tokens.map(({ token }) => token)).toEqual(["b", "c", "a"]);
    expect(snapshot.queued.map(({ number }) => number)).toEqual([7, 20, 100]);
  });

  it("keeps one record for a token over several resources, under the first of them", async () => {
    const store = await open();
    const over = { resources: ["build2", "build1"], asked: ["builders", "build1"], several: true };
    await store.commit([someToken("a", "build2", over), someToken("a", "build1")], someTime);
    expect((await store.load()).snapshot.tokens.map(({ resources }) => resources)).toEqual([
      ["build1"],
      ["build2", "build1"],
    ]);
    await store.commit([{ kind: "token", resource: "build2", token: "a", record: undefined }], someTime);
    expect((await store.load()).snapshot.tokens.map(({ resources }) => resources)).toEqual([["build1"]]);
  });

  it("keeps the time of a commit that changes nothing: a probe", async () => {
    const store = await open();
    await store.commit([], someTime);
    expect((await store.load()).written).toStrictEqual(someTime);
  });

  it("carries out commits in the order in which they were asked for", async () => {
    const store = await open();
    await Promise.all([
      store.commit([someToken("a")], someTime),
      store.commit([{ kind: "token", resource: "build1", token: "a", record: undefined }], someTime),
      store.commit([someToken("b")], someTime),
    ]);
    expect((await store.load()).snapshot.tokens.map(({ token }) => token)).toEqual(["b"]);
  });

  it("takes 10,000 changes in one commit within 2 s", async () => {
    const store = await open();
    const changes = Array.from({ length: 10_000 }, (_, number) => someToken(`job-${number}`));
    const from = process.hrtime.bigint();
    await store.commit(changes, someTime);
    expect(Number(process.hrtime.bigint() - from) / 1e6).toBeLessThan(2000);
    expect((await store.load()).snapshot.tokens).toHaveLength(10_000);
  });

  it("gives back 10,000 tokens and 1,000 queued requests, when it is opened anew, within 1 s", async () => {
    const first = await openStore(path, { log });
    await first.commit(
      [
        ...Array.from({ length: 10_000 }, (_, number) => someToken(`job-${number}`, `build${number % 100}`)),
        ...Array.from({ length: 1000 }, (_, number) => someQueued(number)),
      ],
      someTime,
    );
    await first.close();
    let best = Number.POSITIVE_INFINITY; // Of three, because the machine may be busy with something else.
    let counts: readonly number[] = [];
    for (let run = 0; run < 3; run += 1) {
      const from = process.hrtime.bigint();
      const store = await openStore(path, { log });
      const { snapshot } = await store.load();
      best = Math.min(best, Number(process.hrtime.bigint() - from) / 1e6);
      counts = [snapshot.tokens.length, snapshot.queued.length];
      await store.close();
    }
    expect(counts).toEqual([10_000, 1000]);
    expect(best).toBeLessThan(1000);
  });

  it("refuses a token that is held nowhere, since it would have no key", async () => {
    const store = await open();
    await expect(
      store.commit([someToken("nowhere", "build1", { resources: [] })], someTime),
    ).rejects.toMatchObject({ code: "refused" });
  });

  it("refuses a record that could not be read back, and writes nothing of that commit", async () => {
    const store = await open();
    const broken = someToken("broken");
    const changes = [someToken("whole"), Object.assign(broken, { record: { token: "broken" } })];
    await expect(store.commit(changes, someTime)).rejects.toMatchObject({ code: "refused" });
    expect((await store.load()).snapshot.tokens).toEqual([]);
    await store.commit([], someTime);
  });

  it("can be read with plain SQL, with times that a person can read, while it is in use", async () => {
    const store = await open();
    await store.commit([someToken("job-1")], someTime);
    const reader = new DatabaseSync(path, { readOnly: true });
    expect(reader.prepare("SELECT resource, token, owner, since, expires FROM tokens").all()).toEqual([
      {
        resource: "build1",
        token: "job-1",
        owner: "ci",
        since: "2026-11-18T10:50:00.000Z",
        expires: "2026-11-18T11:50:00.000Z",
      },
    ]);
    expect(reader.prepare("SELECT record FROM meta WHERE name = 'format'").get()).toEqual({
      record: "lastout store, version 3",
    });
    reader.close();
  });

  it("tells with plain SQL who queues for what, and whose hand is on what", async () => {
    const store = await open();
    const outlets = ["strip/3"];
    const common = { kind: "override", resource: "build1" } as const;
    await store.commit(
      [
        someToken("both", "build2", { resources: ["build2", "build3"], mode: "exclusive" }),
        someQueued(3, { asked: ["build2", "builders"], priority: -5 }),
        {
          ...common,
          record: {
            resource: "build1",
            mode: "off",
            outlets,
            by: "ann",
            reason: "PSU swap",
            since: instant(5_000_000),
            until: instant(12_200_000),
            force: false,
          },
        },
        {
          kind: "resource",
          record: {
            resource: "build1",
            boots: [],
            wasAvailable: true,
            shutdownAt: instant(5_000_000),
            cycle: { stage: "off", force: false, adopted: false },
          },
        },
      ],
      someTime,
    );
    const reader = new DatabaseSync(path, { readOnly: true });
    const rows = (sql: string): string[] =>
      reader
        .prepare(sql)
        .all()
        .map((row) => Object.values(row).join("|"));
    expect(rows("SELECT token, resources, mode FROM tokens")).toEqual(["both|build2, build3|exclusive"]);
    expect(rows("SELECT number, asked, token, owner, mode, priority, since, deadline FROM queued")).toEqual([
      "3|build2, builders|job-3|ci|exclusive|-5|2026-11-18T10:58:20.000Z|2026-11-18T11:08:20.000Z",
    ]);
    expect(rows("SELECT resource, mode, set_by, reason, since, until FROM overrides")).toEqual([
      "build1|off|ann|PSU swap|2026-11-18T11:06:40.000Z|2026-11-18T13:06:40.000Z",
    ]);
    expect(rows("SELECT resource, shutdown, cycle FROM resources")).toEqual([
      "build1|2026-11-18T11:06:40.000Z|off",
    ]);
    reader.close();
    await store.commit(
      [
        { ...common, record: undefined },
        { kind: "queued", number: 3, record: undefined },
      ],
      someTime,
    );
    const { snapshot } = await store.load();
    expect([snapshot.queued, snapshot.overrides]).toEqual([[], []]);
  });

  it("is readable by its owner alone, whatever the umask says", async () => {
    const umask = process.umask(0);
    try {
      const store = await open();
      await store.commit([someToken("a")], someTime);
      for (const suffix of ["", "-wal", "-shm", ".lock"]) {
        expect(statSync(path + suffix).mode & 0o777, suffix).toBe(0o600);
      }
    } finally {
      process.umask(umask);
    }
  });

  it("leaves nothing but the file and its lock when it is closed, and says no afterwards", async () => {
    const store = await openStore(path, { log });
    await store.commit([someToken("a")], someTime);
    await Promise.all([store.close(), store.close()]);
    expect(existsSync(`${path}-wal`)).toBe(false);
    await expect(store.commit([], someTime)).rejects.toMatchObject({ code: "refused" });
    await expect(store.load()).rejects.toThrow("closed");
  });

  it("begins anew beside the rests of a first start that was cut short", async () => {
    writeFileSync(`${path}.new`, "half a databa");
    const store = await open();
    expect((await store.load()).written).toBeUndefined();
  });
});

describe("a crash", () => {
  it("loses nothing that was committed: kill -9 while it writes", async () => {
    const child = startChild(path, 100_000);
    const acknowledged: string[] = [];
    for await (const line of createInterface({ input: streamOf(child) })) {
      if (line.startsWith("token-")) {
        acknowledged.push(line);
      }
      if (acknowledged.length === 200) {
        child.kill("SIGKILL");
      }
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(200);
    const store = await open();
    const kept = (await store.load()).snapshot.tokens.map(({ token }) => token);
    expect(kept).toEqual(expect.arrayContaining(acknowledged));
  });

  it("at any write, sync or rename leaves a whole store with all that was acknowledged", {
    ...needing("strace"),
    timeout: 120_000,
  }, async () => {
    // Every third of them, and the rename that puts a new store in its place: each takes a second.
    const points = killPoints(path, 3).filter(({ call }, i) => call === "rename" || i % 3 === 0);
    expect(points.length).toBeGreaterThan(5);
    for (const point of points) {
      for (const suffix of ["", "-wal", "-shm", ".new", ".new-wal", ".new-shm"]) {
        rmSync(path + suffix, { force: true });
      }
      const acknowledged = killAt(path, 3, point).match(/^token-\d+$/gm) ?? [];
      const store = await openStore(path, { log });
      const kept = (await store.load()).snapshot.tokens.map(({ token }) => token);
      await store.close();
      expect(kept).toEqual(expect.arrayContaining(acknowledged));
      expect(kept.length - acknowledged.length).toBeLessThanOrEqual(1);
    }
  });
});

describe("a second process on the same store", () => {
  it("is refused and told who has it, by whatever path it comes; and is let in after kill -9 of the first", async () => {
    const child = startChild(path, 0, "stay");
    await firstLine(child);
    mkdirSync(join(directory, "links"));
    symlinkSync(path, join(directory, "links", "other.db"));
    for (const way of [
      path,
      relative(process.cwd(), path),
      join(directory, "links", "other.db"),
      join(directory, "links/../lastout.db"),
    ]) {
      const refusal = await refusalOf(openStore(way, { log }));
      expect(refusal).toContain("in-use: ");
      expect(refusal).toContain(`process ${child.pid}`);
    }
    const exited = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await exited;
    const store = await open();
    expect((await store.load()).snapshot.tokens).toHaveLength(1);
  });

  it("is refused within the same process, too, until the first is closed", async () => {
    const first = await openStore(path, { log });
    await expect(openStore(path, { log })).rejects.toMatchObject({ code: "in-use" });
    await first.commit([someToken("still works")], someTime);
    await first.close();
    await open();
  });

  it("is told to delete a lock file that is none", async () => {
    writeFileSync(
      `${path}.lock`,
      "this is a text that somebody put here, longer than a header of a database would be, as it must be to be seen",
    );
    expect(await refusalOf(openStore(path, { log }))).toMatch(
      /^refused: the lock file .*lock is not one: delete it/,
    );
  });

  it("lets two stores in one directory be", async () => {
    await open();
    const other = await openStore(join(directory, "other.db"), { log });
    await other.close();
  });
});

describe("a store that cannot be used", () => {
  it("in a directory that is missing: names path, errno and cure", async () => {
    const refusal = await refusalOf(openStore(join(directory, "no/such/lastout.db"), { log }));
    expect(refusal).toContain("refused: ");
    expect(refusal).toMatch(/no\/such\/lastout\.db.*ENOENT.*mkdir -p/);
  });

  it("that is a directory", async () => {
    const refusal = await refusalOf(openStore(directory, { log }));
    expect(refusal).toContain("refused: ");
    expect(refusal).toContain("is a directory (EISDIR)");
  });

  it("below a file", async () => {
    writeFileSync(path, "");
    await expect(openStore(join(path, "lastout.db"), { log })).rejects.toThrow("ENOTDIR");
  });

  it("that is a link to nothing", async () => {
    symlinkSync(join(directory, "nothing"), path);
    await expect(openStore(path, { log })).rejects.toThrow("ENOENT");
  });

  it("that belongs to another program", async () => {
    const other = new DatabaseSync(path);
    other.exec("CREATE TABLE songs (title TEXT)");
    other.close();
    const before = readFileSync(path);
    const refusal = await refusalOf(openStore(path, { log }));
    expect(refusal).toContain("refused: ");
    expect(refusal).toContain("another program");
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it("on a file system that is mounted read-only", needing("tmpfs"), () => {
    const script = `mount -t tmpfs -o size=1m none "$1" && mount -o remount,ro "$1" && exec "$2" "$3" "$1/lastout.db" 1`;
    const output = inMountNamespace(script);
    expect(output).toContain("EROFS");
    expect(output).toContain("mounted read-only");
  });

  it("whose file may not be written, but to root, who may write it all the same", async () => {
    await (await openStore(path, { log })).close();
    chmodSync(path, 0o400);
    if (process.getuid?.() === 0) {
      await (await openStore(path, { log })).close();
    } else {
      await expect(openStore(path, { log })).rejects.toThrow("EACCES");
    }
  });
});

describe("the thread that writes", () => {
  it("may die: calls that wait are refused, and the next call starts another", async () => {
    const thread = supervise(path, new URL("./dying-worker.ts", import.meta.url));
    const refusals = await Promise.all([
      refusalOf(thread.call({ kind: "load" })),
      refusalOf(thread.call({ kind: "commit", changes: [], written: someTime })),
      refusalOf(thread.call({ kind: "load" })),
    ]);
    expect(refusals[0]).toBe("none");
    expect(refusals.slice(1)).toEqual([
      `refused: the thread that writes the store ${path} ended: struck by lightning`,
      `refused: the thread that writes the store ${path} ended: struck by lightning`,
    ]);
    expect(await refusalOf(thread.call({ kind: "load" }))).toBe("none");
    await thread.close();
  });

  it("that cannot be started is a refusal, too", async () => {
    const thread = supervise(path, new URL("./no-such-worker.ts", import.meta.url));
    expect(await refusalOf(thread.call({ kind: "load" }))).toContain("refused: the thread");
    await thread.close();
  });
});

describe("a disk that fails", () => {
  it("by a limit on file size: the commit is refused, and the next one works when there is room again", async () => {
    // The shell's limit is in units of 1024 bytes (bash, ulimit -f).
    const output = execFileSync(
      "bash",
      ["-c", `ulimit -f 100; trap '' XFSZ; exec "$0" "$1" "$2" 60`, process.execPath, childFile, path],
      {
        encoding: "utf8",
      },
    );
    const written = output.match(/^token-\d+$/gm) ?? [];
    expect(output).toMatch(/StoreError: the disk/);
    expect(written.length).toBeGreaterThan(0);
    const store = await open();
    expect((await store.load()).snapshot.tokens.map(({ token }) => token)).toEqual(
      expect.arrayContaining(written),
    );
    await store.commit([someToken("more")], someTime);
  });

  it("by being full", needing("tmpfs"), () => {
    const output = inMountNamespace(`mount -t tmpfs -o size=400k none "$1" && exec "$2" "$4" "$1"`);
    expect(output).toMatch(/refused: the disk of the store .* is full \(ENOSPC\): make room/);
    expect(output).toContain("all there");
  });

  it("in a sync: refused, and the next commit goes to a new handle", needing("strace"), () => {
    // The 6th sync of the database's files fails; Node and SQLite use fdatasync or fsync, depending on the build.
    const { stdout } = spawnSync(
      "strace",
      [
        "-f",
        "-o",
        "/dev/null",
        "-P",
        `${path}-wal`,
        "-e",
        "inject=fdatasync,fsync:error=EIO:when=6",
        process.execPath,
        childFile,
        path,
        "12",
        "end",
      ],
      { encoding: "utf8" },
    );
    const written = stdout.match(/^token-\d+$/gm) ?? [];
    expect(stdout.match(/StoreError: the disk failed under the store/g)).toHaveLength(1);
    expect(written).toHaveLength(11);
    const database = openDatabase(path);
    const kept = database.load().snapshot.tokens.map(({ token }) => token);
    database.close();
    expect(kept).toEqual(expect.arrayContaining(written));
  });

  it("never writes on into another file: one that was moved away or replaced is refused", async () => {
    const store = await open();
    await store.commit([someToken("a")], someTime);
    renameSync(path, `${path}.away`);
    await expect(store.commit([someToken("b")], someTime)).rejects.toThrow("moved away");
    writeFileSync(path, readFileSync(`${path}.away`));
    await expect(store.commit([someToken("b")], someTime)).rejects.toThrow("replaced");
    rmSync(path);
    linkSync(`${path}.away`, path);
    await store.commit([someToken("b")], someTime);
    expect((await store.load()).snapshot.tokens).toHaveLength(2);
  });

  it("is told apart from a lock that another program holds, and works again when that is gone", async () => {
    const store = await open();
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    await expect(store.commit([someToken("a")], someTime)).rejects.toThrow("another program holds");
    other.exec("ROLLBACK");
    other.close();
    await store.commit([someToken("a")], someTime);
  });
});

function tokenSince(id: string, since: number): Change {
  const token = someToken(id);
  return token.kind === "token" && token.record !== undefined
    ? { ...token, record: { ...token.record, since: instant(since) } }
    : token;
}

/** What the refusal says, code first. */
async function refusalOf(outcome: Promise<unknown>): Promise<string> {
  try {
    await outcome;
  } catch (error) {
    return error instanceof StoreError
      ? `${error.code}: ${error.message}`
      : `no StoreError: ${String(error)}`;
  }
  return "none";
}

async function open(): Promise<Store> {
  const store = await openStore(path, { log });
  toEnd.push(() => store.close());
  return store;
}

function startChild(file: string, count: number, then: "end" | "stay" = "end"): ChildProcess {
  const tokens = then === "stay" ? 1 : count;
  const child = spawn(process.execPath, [childFile, file, String(tokens), then], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  toEnd.push(() => child.kill("SIGKILL"));
  return child;
}

function streamOf(child: ChildProcess): NodeJS.ReadableStream {
  if (child.stdout === null) {
    throw new Error("the child has no standard output");
  }
  return child.stdout;
}

async function firstLine(child: ChildProcess): Promise<void> {
  for await (const line of createInterface({ input: streamOf(child) })) {
    if (line === "done") {
      return;
    }
  }
  throw new Error("the child ended before it had opened the store");
}

/** Run a script as root in a mount namespace of its own: `$1` a directory, `$2` node, `$3` and `$4` the two processes. */
function inMountNamespace(script: string): string {
  const { stdout, stderr } = spawnSync(
    "unshare",
    ["-m", "sh", "-c", script, "sh", directory, process.execPath, childFile, fullDiskFile],
    { encoding: "utf8" },
  );
  return stdout + stderr;
}
