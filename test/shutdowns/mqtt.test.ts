// Against real brokers: a message of QoS 1 that is not retained, and each way in which the broker does not take it.

import { createServer, type Socket } from "node:net";
import { writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { createBus } from "../../src/adapters/mqtt/bus.ts";
import { startAedes } from "../support/aedes.ts";
import { eventually } from "../support/eventually.ts";
import { memoryBus } from "../support/memory-bus.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { silentLog } from "../support/silent-log.ts";
import { made, mistakes, soon } from "./parts.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) {
    await close();
  }
});

async function connected(url: string) {
  const bus = createBus({ broker: { url }, clientId: "lab" }, { clock: systemClock, log: silentLog });
  let up = false;
  bus.onConnected(() => {
    up = true;
  });
  bus.onLost(() => {
    up = false;
  });
  bus.start();
  closing.push(() => bus.close());
  await eventually("the bus is connected", () => up);
  return { bus, isUp: () => up };
}

const options = { type: "mqtt", topic: "lab/build1/off", payload: "now" };

it("A shutdown over MQTT is accepted when the broker has taken its message: QoS 1, not retained", async () => {
  const broker = await startAedes();
  closing.push(() => broker.stop());
  const { bus } = await connected(broker.url);
  expect(await made(options, { bus }).run(soon())).toEqual({
    outcome: "accepted",
    message: "published to lab/build1/off",
  });
  expect(broker.seen.filter(({ topic }) => topic === "lab/build1/off")).toEqual([
    { topic: "lab/build1/off", payload: "now", qos: 1, retain: false },
  ]);
});

it("It has failed without a connection, and nothing is sent when there is one again", async () => {
  const broker = await startAedes();
  closing.push(() => broker.stop());
  const { bus, isUp } = await connected(broker.url);
  broker.cut();
  await eventually("the connection is lost", () => !isUp());
  expect(await made(options, { bus }).run(soon())).toEqual({
    outcome: "failed",
    message: "the message to lab/build1/off was not taken: there is no connection to the broker",
  });
  await eventually("the connection is back", isUp);
  bus.publish("lab/after", "");
  await eventually("something was sent over it", () =>
    broker.seen.some(({ topic }) => topic === "lab/after"),
  );
  expect(broker.seen.filter(({ topic }) => topic === "lab/build1/off")).toEqual([]);
});

/** Takes connections (CONNACK of MQTT 3.1.1 to everything that is no MQTT 5) and subscriptions, and answers no message. */
async function deafBroker() {
  const sockets = new Set<Socket>();
  let messages = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (packet) => {
      switch ((packet[0] ?? 0) >> 4) {
        case 1: // CONNECT; the protocol level is its ninth byte
          socket.write(packet[8] === 4 ? Buffer.from([0x20, 2, 0, 0]) : Buffer.from([0x20, 2, 0, 1]));
          return;
        case 3: // PUBLISH
          messages += 1;
          return;
        default:
      }
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  closing.push(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `mqtt://127.0.0.1:${port}`,
    heard: () => messages,
    cut: () => sockets.forEach((socket) => socket.destroy()),
  };
}

it("It has failed when the broker does not answer, be it in time or before the connection breaks", async () => {
  const broker = await deafBroker();
  const { bus } = await connected(broker.url);
  const time = new AbortController();
  const late = made(options, { bus }).run(time.signal);
  await eventually("the message was sent", () => broker.heard() === 1);
  time.abort();
  expect(await late).toEqual({
    outcome: "failed",
    message: "the broker did not say in time that it took the message to lab/build1/off",
  });
  const broken = made(options, { bus }).run(soon());
  await eventually("the second message was sent", () => broker.heard() === 2);
  broker.cut();
  expect(await broken).toMatchObject({ outcome: "failed" });
});

describe("With a broker that has rules", needing("mosquitto"), () => {
  it("it has failed when the broker refuses the message (MQTT 5)", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lastout-acl-"));
    closing.push(() => rmSync(folder, { recursive: true, force: true }));
    const rules = join(folder, "acl");
    writeFileSync(rules, "topic readwrite lab/allowed/#\n", { mode: 0o600 });
    const broker = await startMosquitto([`acl_file ${rules}`]);
    closing.push(() => broker.stop());
    const { bus } = await connected(broker.url);
    const allowed = await made({ ...options, topic: "lab/allowed/off" }, { bus }).run(soon());
    expect(allowed.outcome).toBe("accepted");
    const refused = await made(options, { bus }).run(soon());
    expect(refused.outcome).toBe("failed");
    expect(refused.message).toMatch(/was not taken: the broker refuses a message to 'lab\/build1\/off'/);
  });
});

it("The options of a shutdown over MQTT take a topic that can be published to, and a payload that brokers take", () => {
  expect(mistakes({ type: "mqtt", topic: "a" })).toEqual([]);
  expect(mistakes({ ...options, payload: "x".repeat(16_384) })).toEqual([]);
  expect(mistakes({ ...options, payload: "x".repeat(16_385) })).toEqual([
    expect.stringMatching(/^payload: is longer/),
  ]);
  expect(mistakes({ ...options, topic: "" })).toEqual([expect.stringMatching(/^topic: is empty/)]);
  expect(mistakes({ ...options, topic: "$SYS/x" })).toEqual([expect.stringMatching(/^topic: begins with/)]);
  for (const topic of ["a/+/b", "a/#", "a\0b", "a\nb"]) {
    expect(mistakes({ ...options, topic })).toEqual([expect.stringMatching(/^topic: has a character/)]);
  }
  expect(mistakes({ ...options, topic: "ü".repeat(512) })).toEqual([]);
  expect(mistakes({ ...options, topic: `${"ü".repeat(512)}x` })).toEqual([
    expect.stringMatching(/1024 bytes/),
  ]);
});

it("The message is the configured one, empty where none is", async () => {
  const bus = memoryBus();
  bus.connect();
  await made({ type: "mqtt", topic: "lab/off" }, { bus }).run(soon());
  expect(bus.published).toEqual([{ topic: "lab/off", payload: "" }]);
});
