// The devices' connection: nothing waits in it, listeners hear what matches, once.

import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { createBus } from "../../src/adapters/mqtt/bus.ts";
import { BusError, type BusMessage } from "../../src/ports/bus.ts";
import { startAedes } from "../support/aedes.ts";
import { eventually } from "../support/eventually.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { silentLog } from "../support/silent-log.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    await cleanup();
  }
});

function busTo(url: string) {
  const bus = createBus({ broker: { url }, clientId: "lab" }, { clock: systemClock, log: silentLog });
  cleanups.push(() => bus.close());
  const events: string[] = [];
  bus.onConnected(() => events.push("connected"));
  bus.onLost(() => events.push("lost"));
  const listen = (filter: string): string[] => {
    const heard: string[] = [];
    bus.subscribe(filter, ({ topic, payload, retained }: BusMessage) => {
      heard.push(`${topic}${retained ? "!" : ""} ${Buffer.from(payload).toString()}`);
    });
    return heard;
  };
  return { bus, events, listen };
}

const brokers = [
  { name: "aedes", start: async () => startAedes(), needs: needing() },
  { name: "mosquitto", start: async () => startMosquitto(), needs: needing("mosquitto") },
];

for (const { name, start, needs } of brokers) {
  describe(`with ${name}`, needs, () => {
    test("listeners hear what matches their filter, each message once, however filters overlap", async () => {
      const broker = await start();
      cleanups.push(() => broker.stop());
      const { bus, events, listen } = busTo(broker.url);
      const all = listen("stat/#");
      const one = listen("stat/p1/+");
      const same = listen("stat/p1/+");
      const crossing = listen("stat/+/POWER");
      const other = listen("tele/#");
      bus.start();
      await eventually("connected", () => events.length === 1);
      bus.publish("stat/p1/POWER", "ON");
      bus.publish("stat/p1/POWER", "OFF");
      bus.publish("stat/p2/RESULT", "x");
      await eventually("all came", () => all.length >= 3);
      expect(all).toEqual(["stat/p1/POWER ON", "stat/p1/POWER OFF", "stat/p2/RESULT x"]);
      expect(one).toEqual(["stat/p1/POWER ON", "stat/p1/POWER OFF"]);
      expect(same).toEqual(one);
      expect(crossing).toEqual(one);
      expect(other).toEqual([]);
    });

    test("filters that cross without one covering the other still bring each message once", async () => {
      const broker = await start();
      cleanups.push(() => broker.stop());
      const { bus, events, listen } = busTo(broker.url);
      const rows = listen("a/+/c");
      const columns = listen("a/b/+");
      bus.start();
      await eventually("connected", () => events.length === 1);
      bus.publish("a/b/c", "1");
      bus.publish("a/b/end", "2");
      await eventually("all came", () => columns.length >= 2);
      expect(rows).toEqual(["a/b/c 1"]);
      expect(columns).toEqual(["a/b/c 1", "a/b/end 2"]);
    });

    test("a listener that has stopped hears nothing more, others on the same filter do, and it may come back", async () => {
      const broker = await start();
      cleanups.push(() => broker.stop());
      const { bus, events, listen } = busTo(broker.url);
      const heard: string[] = [];
      const stop = bus.subscribe("stat/p1/+", ({ payload }) => heard.push(Buffer.from(payload).toString()));
      const other = listen("stat/p1/+");
      const wide = listen("stat/#");
      const alone: string[] = [];
      const stopAlone = bus.subscribe("tele/#", ({ payload }) => alone.push(Buffer.from(payload).toString()));
      bus.start();
      await eventually("connected", () => events.length === 1);
      stop();
      stop();
      stopAlone();
      bus.publish("tele/p1/STATE", "1");
      bus.publish("stat/p1/POWER", "1");
      await eventually("it came to the others", () => other.length > 0 && wide.length > 0);
      expect([heard, alone]).toEqual([[], []]);
      bus.subscribe("tele/#", ({ payload }) => alone.push(Buffer.from(payload).toString()));
      bus.publish("tele/p1/STATE", "2");
      await eventually("it is in force again", () => alone.length > 0);
      expect(alone).toEqual(["2"]);
    });

    test("who comes later is told of the connection when its own subscriptions are in force, once, and may leave", async () => {
      const broker = await start();
      cleanups.push(() => broker.stop());
      const { bus, events, listen } = busTo(broker.url);
      bus.start();
      await eventually("connected", () => events.length === 1);
      const heard = listen("late/+");
      let told = 0;
      const leave = bus.onConnected(() => {
        told += 1;
        bus.publish("late/x", "1");
      });
      expect(told).toBe(0);
      await eventually("it is told and hears", () => heard.length > 0);
      expect([told, heard, events]).toEqual([1, ["late/x 1"], ["connected"]]);
      leave();
      listen("later/+");
      bus.publish("late/x", "2");
      await eventually("the next one came", () => heard.length === 2);
      expect(told).toBe(1);
    });

    test("a filter added later is in force, and brings what is retained", async () => {
      const broker = await start();
      cleanups.push(() => broker.stop());
      const { bus, events, listen } = busTo(broker.url);
      bus.start();
      await eventually("connected", () => events.length === 1);
      const heard = listen("late/+");
      await eventually("it is in force", () => {
        bus.publish("late/x", "1");
        return heard.length > 0;
      });
      expect(heard[0]).toBe("late/x 1");
    });
  });
}

test("publishing without a connection fails at once, and nothing of it arrives later", async () => {
  const broker = await startAedes();
  cleanups.push(() => broker.stop());
  const { bus, events } = busTo(broker.url);
  expect(() => {
    bus.publish("cmnd/p1/POWER", "OFF");
  }).toThrow(BusError);
  bus.start();
  await eventually("connected", () => events.length === 1);
  broker.cut();
  await eventually("lost", () => events.includes("lost"));
  expect(() => {
    bus.publish("cmnd/p1/POWER", "OFF");
  }).toThrow(BusError);
  await eventually("connected again", () => events.length === 3);
  bus.publish("cmnd/p1/POWER", "ON");
  await eventually("it came", () => broker.seen.length > 0);
  expect(broker.seen.map(({ payload }) => payload)).toEqual(["ON"]);
});

test("subscriptions are kept over a reconnection, which is told when they are in force", async () => {
  const broker = await startAedes();
  cleanups.push(() => broker.stop());
  const { bus, events, listen } = busTo(broker.url);
  const heard = listen("stat/+");
  bus.start();
  await eventually("connected", () => events.length === 1);
  broker.cut();
  await eventually("connected again", () => events.length === 3);
  expect(events).toEqual(["connected", "lost", "connected"]);
  await broker.publish("stat/x", "1");
  await eventually("it came", () => heard.length === 1);
  let called = 0;
  bus.onConnected(() => {
    called += 1;
  });
  expect(called).toBe(1);
});

test("a retained message is marked as one", async () => {
  const broker = await startAedes();
  cleanups.push(() => broker.stop());
  await broker.publish("stat/x", "old", true);
  const { bus, listen } = busTo(broker.url);
  const heard = listen("stat/+");
  bus.start();
  await eventually("it came", () => heard.length === 1);
  expect(heard).toEqual(["stat/x! old"]);
});
