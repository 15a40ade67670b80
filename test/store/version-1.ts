// A store of version 1, as the first release wrote it, made by SQL and by nothing of today's code: the released form that has to be
// understood for ever. And what each of its records has to become. Never edited.

import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import type { Snapshot } from "../../src/core/changes.ts";
import { instant, millis } from "../../src/core/time.ts";

const schema = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, record TEXT NOT NULL, crc32 INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE tokens (resource TEXT, token TEXT, owner TEXT, since TEXT, expires TEXT,
    record TEXT NOT NULL, crc32 INTEGER NOT NULL, PRIMARY KEY (resource, token)) WITHOUT ROWID;
  CREATE TABLE ended (resource TEXT, token TEXT, reason TEXT, at TEXT,
    record TEXT NOT NULL, crc32 INTEGER NOT NULL, PRIMARY KEY (resource, token)) WITHOUT ROWID;
  CREATE TABLE outlets (outlet TEXT PRIMARY KEY, own TEXT, moved TEXT,
    record TEXT NOT NULL, crc32 INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE resources (resource TEXT PRIMARY KEY, was_available TEXT,
    record TEXT NOT NULL, crc32 INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE outbox (id INTEGER, topic TEXT,
    record TEXT NOT NULL, crc32 INTEGER NOT NULL, PRIMARY KEY (id)) WITHOUT ROWID;
  CREATE TABLE published (kind TEXT, name TEXT,
    record TEXT NOT NULL, crc32 INTEGER NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;
  PRAGMA user_version = 1;
  PRAGMA application_id = 1280275828;
`;

const rows: Readonly<Record<string, readonly (readonly (string | number | null)[])[]>> = {
  meta: [
    ["format", "lastout store, version 1"],
    ["written", '{"at":5000000,"wall":1795000000000,"boot":"boot-1"}'],
    ["written (UTC)", "2026-11-18T11:06:40.000Z"],
  ],
  tokens: [
    // Its first request waits, and nobody was told `ok`. The youngest, though the first by its key.
    [
      "build1",
      "job-3",
      "ci",
      "2026-11-18T11:05:00.000Z",
      null,
      '{"resource":"build1","token":"job-3","owner":"ci","purpose":null,"since":4900000,"ttl":60000,"expires":null,"lostAt":null,"told":false,"kwhAtStart":12.5,"waiters":[{"replyTo":{"topic":"lastout/reply/job-3","correlation":"AQI=","id":"r3","format":"plain"},"wait":"available","ttl":60000,"since":4900000},{"replyTo":null,"wait":"powered","ttl":null,"since":4950000}],"deadline":5200000}',
    ],
    [
      "build2",
      "job-1",
      "eve 🦊",
      "2026-11-18T10:50:00.000Z",
      "2026-11-18T11:50:00.000Z",
      '{"resource":"build2","token":"job-1","owner":"eve 🦊","purpose":"nightly \\"build\\"","since":4000000,"ttl":3600000,"expires":7600000,"lostAt":4990000,"told":true,"kwhAtStart":null,"waiters":[],"deadline":null}',
    ],
    // Of one moment: they were given back in the order of their keys.
    [
      "build2",
      "job-2",
      "ci",
      "2026-11-18T10:50:00.000Z",
      "2026-11-18T11:50:00.000Z",
      '{"resource":"build2","token":"job-2","owner":"ci","purpose":null,"since":4000000,"ttl":3600000,"expires":7600000,"lostAt":null,"told":true,"kwhAtStart":0,"waiters":[],"deadline":null}',
    ],
  ],
  ended: [
    [
      "build1",
      "job-0",
      "expired",
      "2026-11-18T10:33:20.000Z",
      '{"resource":"build1","token":"job-0","at":3000000,"reason":"expired"}',
    ],
  ],
  outlets: [
    [
      "plug1",
      "confirmed",
      "2026-11-18T10:50:01.000Z",
      '{"outlet":"plug1","own":"confirmed","movedAt":4001000,"bootedAt":null}',
    ],
    ["strip/3", "none", null, '{"outlet":"strip/3","own":"none","movedAt":null,"bootedAt":100}'],
  ],
  resources: [
    ["build1", "no", '{"resource":"build1","boots":[],"wasAvailable":false}'],
    ["build2", "yes", '{"resource":"build2","boots":[30000,31000.5],"wasAvailable":true}'],
  ],
  outbox: [
    [
      7,
      "lastout/reply/a",
      '{"id":7,"replyTo":{"topic":"lastout/reply/a","correlation":null,"id":null,"format":"json"},"reply":{"ok":true,"resource":"build2","token":"job-1","owner":"eve 🦊","state":"available","users":2,"ttl":3600,"expires":"2026-11-18T11:50:00.000Z"}}',
    ],
    [
      8,
      "lastout/reply/b",
      '{"id":8,"replyTo":{"topic":"lastout/reply/b","correlation":"AA==","id":"b","format":"plain"},"reply":{"ok":false,"resource":"build1","token":null,"error":"power-failed","message":"build1 did not boot"}}',
    ],
    [
      9,
      "lastout/reply/c",
      '{"id":9,"replyTo":{"topic":"lastout/reply/c","correlation":null,"id":null,"format":"json"},"reply":{"ok":true,"resource":"build2","token":"job-9","state":"powered","users":1}}',
    ],
    [
      10,
      "lastout/reply/d",
      '{"id":10,"replyTo":{"topic":"lastout/reply/d","correlation":null,"id":null,"format":"json"},"reply":{"ok":true,"resource":"build2","state":"powered","total":1,"holders":[{"token":"job-1","owner":"ci","purpose":null,"mode":"shared","since":"2026-11-18T10:50:00.000Z","expires":null}],"queue":[]}}',
    ],
  ],
  published: [
    ["resource", "build1", '{"kind":"resource","name":"build1"}'],
    ["switcher", "strip", '{"kind":"switcher","name":"strip"}'],
  ],
};

/** Make the file, with more tokens of the same kind if asked for: `more-1` and so on, each a millisecond younger than the last. */
export function makeVersion1(path: string, more = 0): void {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("BEGIN");
  database.exec(schema);
  for (const [table, lines] of Object.entries(rows)) {
    for (const line of lines) {
      const marks = line.map(() => "?").join(", ");
      const record = String(line.at(-1));
      database.prepare(`INSERT INTO ${table} VALUES (${marks}, ?)`).run(...line, crc32(record));
    }
  }
  const insert = database.prepare("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?)");
  for (let count = 1; count <= more; count += 1) {
    const record = `{"resource":"build2","token":"more-${count}","owner":"ci","purpose":null,"since":${4_000_000 + count},"ttl":3600000,"expires":7600000,"lostAt":null,"told":true,"kwhAtStart":null,"waiters":[],"deadline":null}`;
    const shown = ["2026-11-18T10:50:00.000Z", "2026-11-18T11:50:00.000Z"];
    insert.run("build2", `more-${count}`, "ci", ...shown, record, crc32(record));
  }
  database.exec("COMMIT");
  database.close();
}

const plain = { several: false, mode: "shared", priority: 0, tried: [] } as const;
const at4000 = {
  since: instant(4_000_000),
  ttl: millis(3_600_000),
  validFrom: instant(4_000_000),
  expires: instant(7_600_000),
  extendedAt: instant(4_000_000),
  told: true,
  waiters: [],
  deadline: undefined,
};
const build2 = { resources: ["build2"], asked: ["build2"] };
const replyTo = { correlation: undefined, id: undefined, format: "json" } as const;

/** What it has to be read as today. */
export const version1: Snapshot = {
  tokens: [
    {
      ...build2,
      ...plain,
      ...at4000,
      token: "job-1",
      owner: "eve 🦊",
      purpose: 'nightly "build"',
      number: 1,
      lostAt: instant(4_990_000),
      kwhAtStart: [undefined],
    },
    {
      ...build2,
      ...plain,
      ...at4000,
      token: "job-2",
      owner: "ci",
      purpose: undefined,
      number: 2,
      lostAt: undefined,
      kwhAtStart: [0],
    },
    {
      ...plain,
      resources: ["build1"],
      asked: ["build1"],
      token: "job-3",
      owner: "ci",
      purpose: undefined,
      number: 3,
      since: instant(4_900_000),
      ttl: millis(60_000),
      validFrom: instant(4_900_000),
      expires: undefined,
      extendedAt: instant(4_900_000),
      lostAt: undefined,
      told: false,
      kwhAtStart: [12.5],
      waiters: [
        {
          replyTo: { topic: "lastout/reply/job-3", correlation: "AQI=", id: "r3", format: "plain" },
          wait: "available",
          ttl: millis(60_000),
          since: instant(4_900_000),
          asked: undefined,
        },
        { replyTo: undefined, wait: "powered", ttl: undefined, since: instant(4_950_000), asked: undefined },
      ],
      deadline: instant(5_200_000),
    },
  ],
  queued: [],
  overrides: [],
  ended: [{ resource: "build1", token: "job-0", at: instant(3_000_000), reason: "expired" }],
  outlets: [
    { outlet: "plug1", own: "confirmed", movedAt: instant(4_001_000), bootedAt: undefined },
    { outlet: "strip/3", own: "none", movedAt: undefined, bootedAt: instant(100) },
  ],
  resources: [
    { resource: "build1", boots: [], wasAvailable: false, shutdownAt: undefined, cycle: undefined },
    {
      resource: "build2",
      boots: [millis(30_000), millis(31_000.5)],
      wasAvailable: true,
      shutdownAt: undefined,
      cycle: undefined,
    },
  ],
  outbox: [
    {
      id: 7,
      replyTo: { topic: "lastout/reply/a", ...replyTo },
      reply: {
        ok: true,
        resource: "build2",
        resources: undefined,
        token: "job-1",
        owner: "eve 🦊",
        state: "available",
        users: 2,
        ttl: 3600,
        expires: "2026-11-18T11:50:00.000Z",
      },
    },
    {
      id: 8,
      replyTo: { topic: "lastout/reply/b", correlation: "AA==", id: "b", format: "plain" },
      reply: {
        ok: false,
        resource: "build1",
        token: undefined,
        error: "power-failed",
        message: "build1 did not boot",
      },
    },
    {
      id: 9,
      replyTo: { topic: "lastout/reply/c", ...replyTo },
      reply: {
        ok: true,
        resource: "build2",
        resources: undefined,
        token: "job-9",
        state: "powered",
        users: 1,
      },
    },
    {
      id: 10,
      replyTo: { topic: "lastout/reply/d", ...replyTo },
      reply: {
        ok: true,
        resource: "build2",
        state: "powered",
        total: 1,
        holders: [
          {
            resource: undefined,
            token: "job-1",
            owner: "ci",
            purpose: null,
            mode: "shared",
            since: "2026-11-18T10:50:00.000Z",
            expires: null,
          },
        ],
        queue: [],
      },
    },
  ],
  published: [
    { kind: "resource", name: "build1" },
    { kind: "switcher", name: "strip" },
  ],
};
