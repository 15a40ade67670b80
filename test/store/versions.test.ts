// The store's form through time: newer ones are refused, older ones are brought up with a copy kept, damaged ones are told and left.

import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openDatabase } from "../../src/adapters/store/database.ts";
import { explain } from "../../src/adapters/store/explain.ts";
import { type Migration, migrations } from "../../src/adapters/store/migrations.ts";
import { openStore } from "../../src/adapters/store/store.ts";
import { someTime, someToken } from "./records.ts";

vi.setConfig({ testTimeout: 30_000 }); // The machine may be busy.

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
    expect(newer.opened).toEqual({ kind: "migrated", from: 1, to: 2, backup: `${path}.v1.bak` });
    expect(newer.load().snapshot.tokens).toHaveLength(2);
    newer.commit([someToken("c")], someTime);
    newer.close();

    expect(statSync(`${path}.v1.bak`).mode & 0o777).toBe(0o600);
    const copy = openDatabase(`${path}.v1.bak`);
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
      expect(refusal).toMatch(/lastout\.db has version 2 .* knows versions up to 1: .*lastout\.db\.v1\.bak/);
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
  it("have not been edited: their tables are as they were released", () => {
    makeStore([]);
    const reader = new DatabaseSync(path, { readOnly: true });
    const tables = reader.prepare("SELECT name, sql FROM sqlite_master ORDER BY name").all();
    reader.close();
    expect(JSON.stringify(tables, undefined, 1)).toMatchSnapshot();
  });
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
