// The store's form through time: newer ones are refused, older ones are brought up with a copy kept, damaged ones are told and left.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openDatabase } from "../../src/adapters/store/database.ts";
import { explain } from "../../src/adapters/store/explain.ts";
import { type Migration, migrate, migrations } from "../../src/adapters/store/migrations.ts";
import { openStore } from "../../src/adapters/store/store.ts";
import { needing } from "../support/needs.ts";
import { killAt, killPoints } from "./kill-points.ts";
import { someQueued, someTime, someToken } from "./records.ts";
import { makeVersion1, version1 } from "./version-1.ts";

vi.setConfig({ testTimeout: 30_000 }); // The machine may be busy.

const migratingFile = fileURLToPath(new URL("./migrating-process.ts", import.meta.url));
let directory: string;
let path: string;
const none = (): void => undefined;
const log = { debug: none, info: none, warn: none, error: none, fatal: none };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "lastout-store-"));
  path = join(directory, "lastout.db");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** An artificial next version, so that the form of today is the older one. */
const next: Migration = (database) => database.exec("ALTER TABLE tokens ADD COLUMN color TEXT");
const failing: Migration = (database) => {
  database.exec("DELETE FROM tokens");
  throw new Error("the step failed");
};

describe("a store of an older version", () => {
  it("is brought to the newest, with a copy of the old one beside it", () => {
    makeStore(["a", "b"]);
    const newer = openDatabase(path, undefined, [...migrations, next]);
    expect(newer.opened).toEqual({ kind: "migrated", from: 3, to: 4, backup: `${path}.v3.bak` });
    expect(newer.load().snapshot.tokens).toHaveLength(2);
    newer.commit([someToken("c")], someTime);
    newer.close();

    expect(statSync(`${path}.v3.bak`).mode & 0o777).toBe(0o600);
    const copy = openDatabase(`${path}.v3.bak`);
    expect(copy.opened).toEqual({ kind: "found" });
    expect(copy.load().snapshot.tokens).toHaveLength(2);
    copy.close();

    const again = openDatabase(path, undefined, [...migrations, next]);
    expect(again.opened).toEqual({ kind: "found" });
    again.close();
  });

  it("stays as it was when a step fails", () => {
    makeStore(["a"]);
    expect(() => openDatabase(path, undefined, [...migrations, failing])).toThrow("the step failed");
    const same = openDatabase(path);
    expect(same.load().snapshot.tokens).toHaveLength(1);
    same.close();
  });
});

describe("a store of version 1, of the first release", () => {
  it("is read with every record it had: each token over its one resource, shared, numbered by its age", () => {
    makeVersion1(path);
    const database = openDatabase(path);
    expect(database.opened).toEqual({ kind: "migrated", from: 1, to: 3, backup: `${path}.v1.bak` });
    expect(database.load()).toStrictEqual({ snapshot: version1, written: someTime });
    database.close();
    const again = openDatabase(path);
    expect(again.opened).toEqual({ kind: "found" });
    expect(again.load()).toStrictEqual({ snapshot: version1, written: someTime });
    again.close();
  });

  it("takes the new records and gives up the old ones like any other", () => {
    makeVersion1(path);
    const database = openDatabase(path);
    database.commit(
      [
        { kind: "token", resource: "build2", token: "job-1", record: undefined },
        { kind: "outbox", id: 7, record: undefined },
        someQueued(4),
      ],
      someTime,
    );
    const { snapshot } = database.load();
    database.close();
    expect(snapshot.tokens.map(({ token }) => token)).toEqual(["job-2", "job-3"]);
    expect(snapshot.outbox.map(({ id }) => id)).toEqual([8, 9, 10]);
    expect(snapshot.queued.map(({ number }) => number)).toEqual([4]);
  });

  it("still shows people what it showed, and the new columns filled", () => {
    makeVersion1(path);
    openDatabase(path).close();
    const reader = new DatabaseSync(path, { readOnly: true });
    const tokens = reader.prepare(
      "SELECT resource, token, resources, owner, mode, since, expires FROM tokens",
    );
    expect(tokens.all().map((row) => Object.values(row).join("|"))).toEqual([
      "build1|job-3|build1|ci|shared|2026-11-18T11:05:00.000Z|",
      "build2|job-1|build2|eve 🦊|shared|2026-11-18T10:50:00.000Z|2026-11-18T11:50:00.000Z",
      "build2|job-2|build2|ci|shared|2026-11-18T10:50:00.000Z|2026-11-18T11:50:00.000Z",
    ]);
    const resources = reader.prepare("SELECT resource, was_available, shutdown, cycle FROM resources");
    expect(resources.all().map((row) => Object.values(row).join("|"))).toEqual([
      "build1|no||",
      "build2|yes||",
    ]);
    reader.close();
  });

  it("is kept as it was in the copy", () => {
    makeVersion1(path);
    const before = contentOf(path);
    openDatabase(path).close();
    expect(contentOf(`${path}.v1.bak`)).toBe(before);
    expect(contentOf(path)).not.toBe(before);
  });

  it("stays whole when the process is killed with everything changed and nothing committed", () => {
    // So many that changed pages reach the log before the commit: SQLite's cache holds 2 MB.
    makeVersion1(path, 10_000);
    const before = contentOf(path);
    const { stdout, signal } = spawnSync(process.execPath, [migratingFile, path], { encoding: "utf8" });
    expect([stdout, signal]).toEqual(["changed\n", "SIGKILL"]);
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
    expect(contentOf(path)).toBe(before);
    const database = openDatabase(path);
    expect(database.opened).toMatchObject({ kind: "migrated", from: 1 });
    expect(database.load().snapshot.tokens).toHaveLength(10_003);
    database.close();
  });

  it("is whole, old or new, after kill -9 at any write, sync or rename", {
    ...needing("strace"),
    timeout: 120_000,
  }, () => {
    makeVersion1(path);
    const before = contentOf(path);
    const seen = { old: 0, new: 0 };
    for (const point of killPoints(path, 0)) {
      for (const end of ["", "-wal", "-shm", ".v1.bak", ".v1.bak.new"]) {
        rmSync(path + end, { force: true });
      }
      makeVersion1(path);
      killAt(path, 0, point);
      const old = contentOf(path) === before;
      seen[old ? "old" : "new"] += 1;
      const database = openDatabase(path);
      expect(database.opened.kind).toBe(old ? "migrated" : "found");
      expect(database.load()).toStrictEqual({ snapshot: version1, written: someTime });
      database.close();
      expect(contentOf(`${path}.v1.bak`)).toBe(before);
    }
    expect(seen.old).toBeGreaterThan(3);
    expect(seen.new).toBeGreaterThan(3);
  });

  it("with 10,000 tokens is brought up within 5 s", () => {
    makeVersion1(path, 10_000);
    const from = process.hrtime.bigint();
    openDatabase(path).close();
    expect(Number(process.hrtime.bigint() - from) / 1e6).toBeLessThan(5000);
  });

  it.each([
    ["tokens", "token = 'job-2'", 'table tokens, resource "build2", token "job-2"'],
    ["resources", "resource = 'build2'", 'table resources, resource "build2"'],
    ["outbox", "id = 8", "table outbox, id 8"],
  ])(
    "that is damaged in its %s is refused and left, and does not get a new checksum",
    async (table, row, where) => {
      makeVersion1(path);
      const editor = new DatabaseSync(path);
      editor.exec(`UPDATE ${table} SET record = replace(record, 'true', 'false') WHERE ${row}`);
      editor.exec(`UPDATE ${table} SET record = replace(record, 'boot', 'loot') WHERE ${row}`);
      editor.close();
      const before = contentOf(path);
      expect(await refusalOf(openStore(path, { log }))).toMatch(
        `damaged: the store ${path} is damaged: ${where}: `,
      );
      expect(contentOf(path)).toBe(before);
    },
  );

  it.each(["{", "{}", '{"resource":"build1","token":"job-3","since":"yesterday"}'])(
    "with a record that is none (%s) is refused and left, though its checksum fits",
    async (record) => {
      makeVersion1(path);
      const editor = new DatabaseSync(path);
      editor
        .prepare("UPDATE tokens SET record = ?, crc32 = ? WHERE token = 'job-3'")
        .run(record, crc32(record));
      editor.close();
      const before = contentOf(path);
      expect(await refusalOf(openStore(path, { log }))).toMatch(
        /^damaged: .*table tokens, resource "build1", token "job-3": /,
      );
      expect(contentOf(path)).toBe(before);
    },
  );
});

describe("a store of version 2", () => {
  it("is read with tokens that count from their grant, and requests that asked in the order of the first one", () => {
    openDatabase(path, undefined, migrations.slice(0, 2)).close();
    const waits = '{"replyTo":null,"wait":"available","ttl":null,"since":4600000}';
    const head =
      '"asked":["a"],"several":false,"owner":"ci","purpose":null,"mode":"exclusive","priority":1,"tried":[]';
    const token = (id: string, expires: string, waiters: string): string =>
      `{"resources":["a"],${head},"token":"${id}","number":7,"since":4000000,"ttl":600000,"expires":${expires},"lostAt":null,"told":true,"kwhAtStart":[null],"waiters":[${waiters}],"deadline":null}`;
    const editor = new DatabaseSync(path);
    const insert = (table: string, columns: string, key: readonly (string | number)[], record: string) =>
      editor
        .prepare(
          `INSERT INTO ${table} (${columns}, record, crc32) VALUES (${key.map(() => "?").join(", ")}, ?, ?)`,
        )
        .run(...key, record, crc32(record));
    insert("tokens", "resource, token", ["a", "clipped"], token("clipped", "4500000", ""));
    insert("tokens", "resource, token", ["a", "renewed"], token("renewed", "7000000", waits));
    insert("tokens", "resource, token", ["a", "waits"], token("waits", "null", waits));
    const queues = `{${head},"token":"queues","number":8,"since":4600000,"ttl":null,"lostAt":null,"waiters":[${waits}],"deadline":9000000}`;
    insert("queued", "number", [8], queues);
    const written = '{"at":5000000,"wall":1795000000000,"boot":"boot-1"}';
    insert("meta", "name", ["written"], written);
    editor.close();

    const database = openDatabase(path);
    expect(database.opened).toMatchObject({ kind: "migrated", from: 2 });
    const { tokens, queued } = database.load().snapshot;
    database.close();
    expect(tokens).toMatchObject([
      {
        token: "clipped",
        validFrom: 4_000_000,
        expires: 4_500_000,
        extendedAt: 4_000_000,
        mode: "exclusive",
      },
      { token: "renewed", validFrom: 4_000_000, expires: 7_000_000, extendedAt: 6_400_000 },
      { token: "waits", validFrom: 4_000_000, expires: undefined, extendedAt: 4_000_000 },
    ]);
    expect([...tokens, ...queued].flatMap(({ waiters }) => waiters)).toEqual(
      Array.from({ length: 3 }, () => ({
        replyTo: undefined,
        wait: "available",
        ttl: undefined,
        since: 4_600_000,
        asked: undefined,
      })),
    );
  });
});

describe("a store of a newer version", () => {
  it.each(["that was closed", "with a log that was not yet moved into the file"])(
    "%s is refused with both versions named, and not touched",
    async (how) => {
      const steps = [...migrations, next];
      const newer = openDatabase(path, undefined, steps);
      newer.commit([someToken("a")], someTime);
      if (how === "that was closed") {
        newer.close();
      }
      const before = digest();
      const refusal = await refusalOf(openStore(path, { log }));
      expect(refusal).toContain("newer: ");
      expect(refusal).toMatch(/lastout\.db has version 4 .* knows versions up to 3: .*lastout\.db\.v3\.bak/);
      expect(digest()).toBe(before);
      if (how !== "that was closed") {
        newer.close();
      }
      const still = openDatabase(path, undefined, steps);
      expect(still.load().snapshot.tokens).toHaveLength(1);
      still.close();
    },
  );
});

describe("a damaged store", () => {
  it("is told with file, table and key when a record is not as it was written", async () => {
    makeStore(["a", "b"]);
    const editor = new DatabaseSync(path);
    editor.exec("UPDATE tokens SET record = replace(record, '7600000', '9600000') WHERE token = 'b'");
    editor.close();
    const before = digest();
    const store = await openStore(path, { log });
    expect(await refusalOf(store.load())).toMatch(
      /lastout\.db .*table tokens, resource "build1", token "b": .*checksum/,
    );
    await store.close();
    expect(digest()).toBe(before);
  });

  it("is told when a record stands under another key, or the time of the last commit is gone", () => {
    makeStore(["a"]);
    const editor = new DatabaseSync(path);
    editor.exec("UPDATE tokens SET token = 'z'");
    expect(refusalOfLoad()).toMatch(/^damaged: .*token "z"/);
    editor.exec("UPDATE tokens SET token = 'a'; DELETE FROM meta WHERE name = 'written'");
    editor.close();
    expect(refusalOfLoad()).toMatch(/^damaged: .*table meta/);
  });

  it.each([
    ["an empty file", Buffer.alloc(0)],
    ["no database at all", Buffer.from("tokens: none, really none, and this is long enough")],
    ["zeros", Buffer.alloc(8192)],
  ])("that is %s is never taken for a new one", async (_what, content) => {
    writeFileSync(path, content);
    expect(await refusalOf(openStore(path, { log }))).toMatch(/^(damaged|refused): /);
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it("that was cut short is refused", async () => {
    makeStore(Array.from({ length: 200 }, (_, number) => `token-${number}`));
    writeFileSync(path, readFileSync(path).subarray(0, 20_000));
    await expect(openStore(path, { log })).rejects.toMatchObject({ code: "damaged" });
  });

  it("never gives other records than were written: one flipped bit anywhere is found or does not matter", () => {
    makeStore(Array.from({ length: 60 }, (_, number) => `token-${number}`));
    const whole = readFileSync(path);
    const wanted = JSON.stringify(loadOnce());
    const seen = { found: 0, harmless: 0 };
    // Every 97th byte, a prime, so that all kinds of places come up; every bit of a byte in turn.
    for (let place = 0; place < whole.length; place += 97) {
      const flipped = Buffer.from(whole);
      flipped[place] = (flipped[place] ?? 0) ^ (1 << (place % 8));
      writeFileSync(path, flipped);
      try {
        expect(JSON.stringify(loadOnce()), `byte ${place}`).toBe(wanted);
        seen.harmless += 1;
      } catch (error) {
        expect(["damaged", "newer", "refused"], String(error)).toContain(explain(error, path).code);
        seen.found += 1;
      }
      for (const suffix of ["-wal", "-shm"]) {
        rmSync(path + suffix, { force: true });
      }
    }
    expect(seen.found).toBeGreaterThan(50);
  });
});

describe("the released versions", () => {
  it.each(migrations.map((_step, i) => i + 1))(
    "have not been edited: the tables of version %d are as they were released",
    (version) => {
      const database = new DatabaseSync(":memory:");
      migrate(database, path, 0, migrations.slice(0, version));
      const tables = database.prepare("SELECT name, sql FROM sqlite_master ORDER BY name").all();
      database.close();
      expect(JSON.stringify(tables, undefined, 1)).toMatchSnapshot();
    },
  );
});

function makeStore(tokens: readonly string[]): void {
  const database = openDatabase(path);
  database.commit(
    tokens.map((token) => someToken(token)),
    someTime,
  );
  database.close();
  expect(existsSync(`${path}-wal`)).toBe(false);
}

function loadOnce(): unknown {
  const database = openDatabase(path);
  try {
    return database.load();
  } finally {
    database.close();
  }
}

function refusalOfLoad(): string {
  try {
    loadOnce();
  } catch (error) {
    const { code, message } = explain(error, path);
    return `${code}: ${message}`;
  }
  return "none";
}

async function refusalOf(outcome: Promise<unknown>): Promise<string> {
  try {
    await outcome;
  } catch (error) {
    const { code, message } = explain(error, path);
    return `${code}: ${message}`;
  }
  return "none";
}

const digest = (): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/** All that stands in the tables, whichever there are, and the version. */
function contentOf(file: string): string {
  const reader = new DatabaseSync(file, { readOnly: true });
  const tables = reader.prepare("SELECT name, sql FROM sqlite_master ORDER BY name").all();
  const all = tables.map(({ name, sql }) => [
    name,
    sql,
    reader.prepare(`SELECT * FROM ${String(name)}`).all(),
  ]);
  const version = reader.prepare("PRAGMA user_version").get();
  reader.close();
  return JSON.stringify([version, all]);
}
