// The embedded broker over real sockets: who may connect, what it keeps, and what it does not put up with.

import { spawn } from "node:child_process";
import { pbkdf2Sync } from "node:crypto";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Broker, startBroker } from "../../src/adapters/broker/broker.ts";
import { BrokerError } from "../../src/adapters/broker/broker-error.ts";
import type { Log } from "../../src/ports/log.ts";
import { needing } from "../support/needs.ts";
import { dial, type Login, login, publish, type RawClient, subscribe } from "./raw-client.ts";

vi.setConfig({ testTimeout: 30_000 }); // Thousands of messages and connections, and the machine may be busy.

const salt = Buffer.alloc(12, 7);
let directory: string;
let passwd: string;
let broker: Broker | undefined;
let clients: RawClient[];
let logged: string[];
let log: Log;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "lastout-broker-"));
  passwd = join(directory, "passwd");
  writeFileSync(passwd, line("laforge", "engage"));
  broker = undefined;
  clients = [];
  logged = [];
  const note = (fields: object, sentence: string): number => logged.push(`${sentence} ${inspect(fields)}`);
  log = { debug: note, info: note, warn: note, error: note, fatal: note };
});

afterEach(async () => {
  for (const client of clients) {
    client.end();
  }
  await broker?.close();
  rmSync(directory, { recursive: true, force: true });
});

describe("without users", () => {
  it("everybody on this machine may connect, and messages go from one to the other", async () => {
    const { port, url } = await start();
    expect(url).toBe(`mqtt://127.0.0.1:${port}`);
    const listener = await enter({ clientId: "listener" });
    const speaker = await enter({ clientId: "speaker" });
    await listen(listener, "lastout/#", 1);
    speaker.send(publish("lastout/build1/acquire", "job-1", { qos: 1, messageId: 9 }));
    expect(await speaker.next()).toMatchObject({ cmd: "puback", messageId: 9 });
    expect(await listener.next()).toMatchObject({ cmd: "publish", topic: "lastout/build1/acquire", qos: 1 });
  });

  it("a retained message is not overtaken, and not lost, by a plain one that comes in the same breath", async () => {
    await start();
    const listener = await enter({ clientId: "listener" });
    await listen(listener, "tele/plug1/LWT", 1);
    await listen(listener, "stat/plug1/POWER", 1);
    const speaker = await enter({ clientId: "speaker" });
    for (let time = 0; time < 5; time += 1) {
      speaker.socket.cork(); // both in one TCP segment
      speaker.send(publish("tele/plug1/LWT", "Online", { retain: true }));
      speaker.send(publish("stat/plug1/POWER", "ON"));
      speaker.socket.uncork();
      expect(await listener.next()).toMatchObject({ cmd: "publish", topic: "tele/plug1/LWT" });
      expect(await listener.next()).toMatchObject({ cmd: "publish", topic: "stat/plug1/POWER" });
    }
  });

  it.each(["0.0.0.0", "::", "192.0.2.1", "broker.lab", ""])("it does not listen on %j", async (host) => {
    expect(await refusalOf(startBroker({ host, port: 0, users: undefined }, { log }))).toMatch(
      /^open: .*broker\.users/,
    );
  });

  it("it listens on IPv6 loopback and on localhost, too", async () => {
    const other = await startBroker({ host: "::1", port: 0, users: undefined }, { log });
    expect(other.url).toBe(`mqtt://[::1]:${other.port}`);
    await other.close();
    const named = await startBroker({ host: "localhost", port: 0, users: undefined }, { log });
    expect(named.url).toBe(`mqtt://localhost:${named.port}`);
    await named.close();
    const shouted = await startBroker({ host: "LOCALHOST", port: 0, users: undefined }, { log });
    expect(shouted.url).toBe(`mqtt://LOCALHOST:${shouted.port}`);
    await shouted.close();
  });
});

describe("with users", () => {
  it("only they may connect, each with their password", async () => {
    await start({ host: "0.0.0.0", users: passwd });
    const codes = await Promise.all(
      [
        { username: "laforge", password: "engage" },
        { username: "laforge", password: "make it so" },
        { username: "laforge" },
        { username: "riker", password: "engage" },
        {},
      ].map(async (credentials, number) => codeOf(await enter({ clientId: `c${number}`, ...credentials }))),
    );
    // Return codes of CONNACK, MQTT 3.1.1, table 3.1.
    expect(codes).toEqual([0, 4, 4, 4, 5]);
    expect(logged.join("\n")).not.toMatch(/engage|make it so/);
  });

  it("the file is read again when it changed, and a bad one changes nothing", async () => {
    await start({ users: passwd });
    expect(await codeFor("data", "spot")).toBe(4);
    appendFileSync(passwd, line("data", "spot"));
    expect(await codeFor("data", "spot")).toBe(0);
    appendFileSync(passwd, "half a li");
    expect(await codeFor("laforge", "engage")).toBe(0);
    expect(logged.join("\n")).toContain(`${passwd}:3:`);
    rmSync(passwd);
    expect(await codeFor("laforge", "engage")).toBe(0);
    writeFileSync(passwd, line("data", "spot"));
    expect(await codeFor("laforge", "engage")).toBe(4);
    expect(await codeFor("data", "spot")).toBe(0);
  });

  it("a file that is missing or has bad lines keeps it from starting, and the lines are named", async () => {
    const missing = join(directory, "none");
    expect(await refusalOf(startBroker({ host: "127.0.0.1", port: 0, users: missing }, { log }))).toMatch(
      /^bad-users: broker\.users: .*none.*ENOENT.*mosquitto_passwd -c/,
    );
    writeFileSync(passwd, `${line("laforge", "engage")}data:spot\n`);
    expect(await refusalOf(startBroker({ host: "127.0.0.1", port: 0, users: passwd }, { log }))).toMatch(
      new RegExp(`^bad-users: broker\\.users: ${passwd}:2: .*data.*mosquitto_passwd`),
    );
  });
});

describe("what it keeps", () => {
  it("retained messages, for those who come later", async () => {
    await start();
    const speaker = await enter({ clientId: "speaker" });
    speaker.send(publish("lastout/build1/state", "off", { qos: 1, retain: true, messageId: 1 }));
    await speaker.next();
    const late = await enter({ clientId: "late" });
    await listen(late, "lastout/+/state", 0);
    expect(await late.next()).toMatchObject({ cmd: "publish", retain: true, topic: "lastout/build1/state" });
  });

  it("messages of QoS 1 for a session whose client is away, in order", async () => {
    await start();
    const first = await enter({ clientId: "lastout", clean: false });
    await listen(first, "lastout/#", 1);
    await leave(first);
    const speaker = await enter({ clientId: "speaker" });
    for (let number = 1; number <= 100; number += 1) {
      speaker.send(publish("lastout/build1/acquire", `job-${number}`, { qos: 1, messageId: number }));
      await speaker.next();
    }
    const again = await enter({ clientId: "lastout", clean: false });
    expect(again.connack).toMatchObject({ cmd: "connack", sessionPresent: true, returnCode: 0 });
    const queued: string[] = [];
    while (queued.length < 100) {
      const packet = await again.next();
      if (packet === "closed" || packet.cmd !== "publish") {
        throw new Error(`instead of a message: ${JSON.stringify(packet)}`);
      }
      queued.push(packet.payload.toString());
      again.send({ cmd: "puback", messageId: packet.messageId ?? 0 });
    }
    expect(queued).toEqual(Array.from({ length: 100 }, (_, index) => `job-${index + 1}`));
  });

  it("10,000 of them at most: more are dropped, and the log says so once", async () => {
    await start();
    const first = await enter({ clientId: "away", clean: false });
    await listen(first, "lastout/#", 1);
    await leave(first);
    const speaker = await enter({ clientId: "speaker" });
    for (let number = 1; number <= 10_020; number += 1) {
      speaker.send(publish("lastout/build1/acquire", `job-${number}`, { qos: 1, messageId: number }));
      if (number % 100 === 0 || number > 10_000) {
        await lastAck(speaker, number);
      }
    }
    expect(logged.filter((text) => text.includes("too much queued"))).toHaveLength(1);
    const again = await enter({ clientId: "away", clean: false });
    let count = 0;
    let last = "";
    while (count < 10_000) {
      const packet = await again.next();
      if (packet !== "closed" && packet.cmd === "publish") {
        count += 1;
        last = packet.payload.toString();
        again.send({ cmd: "puback", messageId: packet.messageId ?? 0 });
      }
    }
    expect(last).toBe("job-10000");
    // With the queue worked off, there is room again.
    again.send({ cmd: "pingreq" });
    expect(await again.next()).toMatchObject({ cmd: "pingresp" });
    speaker.send(publish("lastout/build1/acquire", "after", { qos: 1, messageId: 1 }));
    const after = await again.next();
    expect(after !== "closed" && after.cmd === "publish" ? after.payload.toString() : after).toBe("after");
  });

  it("a will, for when its client is lost", async () => {
    await start();
    const listener = await enter({ clientId: "listener" });
    await listen(listener, "lastout/#", 0);
    const doomed = await enter({
      clientId: "doomed",
      will: { topic: "lastout/build1/release", payload: Buffer.from("job-1"), qos: 1, retain: false },
    });
    doomed.socket.resetAndDestroy();
    expect(await listener.next()).toMatchObject({ cmd: "publish", topic: "lastout/build1/release" });
  });
});

describe("what it does not put up with", () => {
  it("a packet of more than 1 MiB and 64 KiB: its sender is cut off before it is whole, others are not", async () => {
    await start();
    const other = await enter({ clientId: "other" });
    await listen(other, "big", 0);
    const atLimit = await enter({ clientId: "at-limit" });
    // Topic "big" takes 2 + 3 bytes of the remaining length.
    atLimit.send(publish("big", Buffer.alloc(1_114_112 - 5)));
    expect(await other.next()).toMatchObject({ cmd: "publish", topic: "big" });
    const over = await enter({ clientId: "over" });
    over.send(publish("small", "before it"));
    over.socket.write(Buffer.from([0x30, 0x81, 0x80, 0x44])); // PUBLISH with a remaining length of 1,114,113, and nothing of it.
    expect(await over.next()).toBe("closed");
    expect(logged.join("\n")).toContain("its packet is too large");
    atLimit.send(publish("big", "still here"));
    expect(await other.next()).toMatchObject({ cmd: "publish", topic: "big" });
  });

  it("more than 1000 connections: one more is closed at once, and the log says so", async () => {
    const { port } = await start();
    const many = await Promise.all(Array.from({ length: 1000 }, () => dial(port)));
    clients.push(...many);
    const over = await dial(port);
    clients.push(over);
    expect(await over.next()).toBe("closed");
    expect(logged.join("\n")).toContain("too many connections");
    const [first] = many;
    first?.end();
    expect(await first?.next()).toBe("closed");
    let code = -1;
    for (let attempt = 0; attempt < 100 && code !== 0; attempt += 1) {
      code = codeOf(await enter({ clientId: "next" })); // The broker learns of the free place a moment later.
    }
    expect(code).toBe(0);
  });

  it("large packets in small pieces are counted right", async () => {
    await start();
    const client = await enter({ clientId: "slow" });
    await listen(client, "a/#", 0);
    const bytes = Buffer.concat([
      Buffer.from([0x30, 0x81, 0x01, 0x00, 0x03]),
      Buffer.from("a/b"),
      Buffer.alloc(124, 0x31), // 129 bytes in all: a length of two bytes.
      Buffer.from([0xc0, 0x00]),
    ]);
    for (const byte of bytes) {
      await new Promise((done) => client.socket.write(Buffer.from([byte]), done));
    }
    const kinds = [await client.next(), await client.next()].map((packet) =>
      packet === "closed" ? packet : packet.cmd,
    );
    expect(kinds.toSorted()).toEqual(["pingresp", "publish"]);
  });

  it.each([
    ["no MQTT", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["a length of five bytes", Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ["a packet before CONNECT", Buffer.from([0x30, 0x05, 0x00, 0x03, 0x61, 0x2f, 0x62])],
  ])("%s: the connection is closed, and the broker lives on", async (_what, bytes) => {
    const { port } = await start();
    const stranger = await dial(port);
    clients.push(stranger);
    stranger.socket.write(bytes);
    expect(await stranger.next()).toBe("closed");
    expect(codeOf(await enter({ clientId: "fine" }))).toBe(0);
  });
});

describe("a port that cannot be had", () => {
  it("is named, with the cure", async () => {
    const taken = createServer();
    const port = await new Promise<number>((done) => {
      taken.listen(0, "127.0.0.1", () => {
        const address = taken.address();
        done(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
    try {
      expect(await refusalOf(startBroker({ host: "127.0.0.1", port, users: undefined }, { log }))).toMatch(
        new RegExp(`^cannot-listen: broker\\.listen: .*127\\.0\\.0\\.1:${port}.*EADDRINUSE.*mqtt\\.url`),
      );
    } finally {
      await new Promise((done) => taken.close(done));
    }
  });

  it("because the address is not this machine's, is named, too", async () => {
    // 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
    expect(await refusalOf(startBroker({ host: "192.0.2.1", port: 0, users: passwd }, { log }))).toMatch(
      /^cannot-listen: .*EADDRNOTAVAIL.*no such address/,
    );
  });
});

describe("an end", () => {
  it("closes every connection, those that never logged in included, and frees the port", async () => {
    const first = await start();
    const member = await enter({ clientId: "member" });
    const silent = await dial(first.port);
    await first.close();
    expect(await member.next()).toBe("closed");
    expect(await silent.next()).toBe("closed");
    const second = await startBroker({ host: "127.0.0.1", port: first.port, users: undefined }, { log });
    await second.close();
    broker = undefined;
  });
});

describe("the mosquitto clients", needing("mosquitto clients"), () => {
  it("work with it, with user and password", async () => {
    const { port } = await start({ users: passwd });
    const listener = await enter({ clientId: "listener", username: "laforge", password: "engage" });
    await listen(listener, "lastout/#", 1);
    // In a process of its own and not waited for synchronously: the broker runs in this one.
    const child = spawn("mosquitto_pub", [
      "-p",
      String(port),
      "-u",
      "laforge",
      "-P",
      "engage",
      "-q",
      "1",
      "-t",
      "lastout/build1/acquire",
      "-m",
      "job-1",
    ]);
    const status = await new Promise((done) => child.once("exit", done));
    expect(status).toBe(0);
    expect(await listener.next()).toMatchObject({ cmd: "publish", topic: "lastout/build1/acquire" });
  });
});

async function start(options: { host?: string; users?: string } = {}): Promise<Broker> {
  broker = await startBroker({ host: "127.0.0.1", port: 0, users: undefined, ...options }, { log });
  return broker;
}

async function enter(options: Login): ReturnType<typeof login> {
  const client = await login(broker?.port ?? 0, options);
  clients.push(client);
  return client;
}

const codeFor = async (username: string, password: string): Promise<number> =>
  codeOf(await enter({ clientId: username, username, password }));

async function listen(client: RawClient, filter: string, qos: 0 | 1): Promise<void> {
  client.send(subscribe(filter, qos));
  expect(await client.next()).toMatchObject({ cmd: "suback", granted: [qos] });
}

async function leave(client: RawClient): Promise<void> {
  client.send({ cmd: "disconnect" });
  expect(await client.next()).toBe("closed");
}

async function lastAck(client: RawClient, messageId: number): Promise<void> {
  for (;;) {
    const packet = await client.next();
    if (packet === "closed") {
      throw new Error("the broker closed the connection");
    }
    if (packet.cmd === "puback" && packet.messageId === messageId) {
      return;
    }
  }
}

const codeOf = ({ connack }: Awaited<ReturnType<typeof login>>): number =>
  connack !== "closed" && connack.cmd === "connack" ? (connack.returnCode ?? -1) : -1;

const line = (user: string, password: string): string =>
  `${user}:$7$101$${salt.toString("base64")}$${pbkdf2Sync(password, salt, 101, 64, "sha512").toString("base64")}\n`;

async function refusalOf(outcome: Promise<unknown>): Promise<string> {
  try {
    await outcome;
  } catch (error) {
    return error instanceof BrokerError
      ? `${error.code}: ${error.message}`
      : `no BrokerError: ${String(error)}`;
  }
  return "none";
}
