// Goal: the list of topics, from which the tables of docs/mqtt.md are made, is what a controller does. Method: a real one, on a broker
// that writes down who published and subscribed what; what it did is compared with the list, both ways.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { matches } from "../../src/adapters/mqtt/filters.ts";
import { topicMap } from "../../src/adapters/mqtt/topics.ts";
import { startAedes, type TestBroker } from "../support/aedes.ts";
import { eventually } from "../support/eventually.ts";
import { createController } from "./controller.ts";

interface Did {
  readonly published: Set<string>;
  readonly subscribed: Set<string>;
}

const switchers = {
  plug: { type: "simulated", delay: 0, watts: 40 },
  strip: { type: "simulated", delay: 0, outlets: 2 },
};

const resources = {
  build1: { switcher: "plug", needs: ["network"] },
  network: { switcher: "strip/1" },
  bench: { switcher: "strip/2" },
};

const pools = { any: { members: ["build1", "bench"] } };

/** `<r>`, `<s>` and what follows `reply/` in place of names, with QoS and retain flag. */
function rowOf(topic: string, qos: number, retain: boolean): string {
  const [first = "", second = "", ...rest] = topic.split("/");
  const names = [...Object.keys(resources), ...Object.keys(pools)];
  const general =
    first === "switcher" && second in switchers
      ? ["switcher", "<s>", ...rest]
      : first === "reply"
        ? ["reply", "..."]
        : [names.includes(first) ? "<r>" : first, ...(second === "" ? [] : [second]), ...rest];
  return `${general.join("/")} ${qos}${retain ? " retained" : ""}`;
}

describe("The list of topics", () => {
  const did: Did = { published: new Set(), subscribed: new Set() };

  beforeAll(async () => {
    const broker = await startAedes();
    const folder = mkdtempSync(join(tmpdir(), "lastout-topics-"));
    try {
      writeDown(broker, did);
      // What a controller that was killed has left: the new one asks whether it still lives.
      await broker.publish("lastout/controller/info", '{"instance":"gone"}', true);
      await broker.publish("lastout/controller/status", "online", true);
      await live(broker, join(folder, "lastout.yaml"), did);
    } finally {
      await broker.stop();
      rmSync(folder, { recursive: true });
    }
  }, 40_000);

  test("has everything that a controller publishes, with its QoS and retain flag, and nothing else", () => {
    const listed = topicMap
      .filter(({ direction }) => direction !== "requested")
      .map(({ topic, qos, retained }) => `${topic} ${qos}${retained ? " retained" : ""}`);
    expect([...did.published].toSorted()).toEqual([...listed, "reply/... 1"].toSorted());
  });

  test("has all that a controller listens to, and it listens to all requests in it", () => {
    const filters = [...did.subscribed];
    const topics = topicMap.map(({ topic }) => topic.replaceAll(/<\w>/g, "x"));
    expect(filters.filter((filter) => !topics.some((topic) => matches(filter, topic)))).toEqual([]);
    const heard = topicMap
      .filter(({ direction, retained }) => direction !== "published" || retained)
      .map(({ topic }) => topic.replaceAll(/<\w>/g, "x"));
    expect(heard.filter((topic) => !filters.some((filter) => matches(filter, topic)))).toEqual([]);
  });
});

/** Only what lies below the base; whoever has a connection here is the controller. */
function writeDown({ aedes }: TestBroker, { published, subscribed }: Did): void {
  const base = "lastout/";
  aedes.on("publish", (packet, client) => {
    if (client !== null && packet.topic.startsWith(base)) {
      published.add(rowOf(packet.topic.slice(base.length), packet.qos, packet.retain));
    }
  });
  aedes.on("subscribe", (subscriptions) => {
    for (const { topic } of subscriptions) {
      if (topic.startsWith(base)) {
        subscribed.add(topic.slice(base.length));
      }
    }
  });
}

/** A controller's life in which everything happens once. */
async function live(broker: TestBroker, configFile: string, { published }: Did): Promise<void> {
  const config = {
    mqtt: { url: broker.url, clientId: "lastout-test" },
    restartGrace: 0,
    defaults: { offDelay: 0, minOn: 0, minOff: 0 },
    switchers,
    resources,
    pools,
  };
  writeFileSync(configFile, JSON.stringify(config));
  const controller = createController(configFile);
  controller.start();
  const told = (topic: string, payload = ""): boolean =>
    broker.seen.some((one) => one.topic === `lastout/${topic}` && one.payload.includes(payload));
  try {
    await eventually("it is online", () => published.has("controller/info 1 retained"), 20_000);
    await eventually("its picture is there", () => told("bench/state", "off"), 10_000);
    const request = { token: "job", wait: "available", replyTo: "lastout/reply/test" };
    await broker.publish("lastout/any/acquire", JSON.stringify(request));
    await broker.publish(
      "lastout/build1/acquire",
      JSON.stringify({ ...request, replyTo: "lastout/reply/1" }),
    );
    await broker.publish("lastout/nobody/acquire", JSON.stringify(request));
    await eventually("both are granted", () => told("reply/test", '"ok":true') && told("reply/1"), 10_000);
    await eventually("a refusal is told", () => told("controller/event", "unknown-resource"));
    await eventually("the pool is ready", () => told("any/ready", "1"));
    await broker.publish("lastout/build1/release", "job");
    await eventually("it is released", () => told("build1/event", "released"));
  } finally {
    expect(await controller.stop(), controller.log()).toBe(0);
  }
}
