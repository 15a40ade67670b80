// The queue over crashes and restarts of the controller and the broker (protocol 4.3 rule 6: it survives, its deadlines included), and what
// MQTT 5 adds: a reply that comes long after its request still goes to its response topic, with its correlation data.

import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { millis } from "../../src/core/time.ts";
import { eventually } from "../support/eventually.ts";
import { needing } from "../support/needs.ts";
import { brokers, inLab, type Lab, type LabOptions, patience } from "./lab.ts";
import { type Fields, listIn } from "./observer.ts";
import { slackMs } from "./slack.ts";

const exclusive = { mode: "exclusive" } as const;
const granted = (lab: Lab, name: string) => lab.events(name, "granted").map(({ token }) => token);
/**
 * Asked before a crash it is a round trip, too: what the controller replied before has come through and is written off. (A reply on its
 * way would be sent again, as the protocol's 4.2 says.)
 */
const queued = async (lab: Lab, name: string): Promise<unknown> => (await lab.ask(`${name}/tokens`))["queue"];
const clicks = (lab: Lab, name: string): readonly string[] =>
  lab
    .socket(name)
    .relay(1)
    .history.map(({ position }) => position);

/** Asks in this order, and resolves when all that were asked stand in the queue. */
async function standInLine(lab: Lab, name: string, requests: readonly Fields[]) {
  const waiting = [];
  for (const [place, request] of requests.entries()) {
    waiting.push(await lab.begin(`${name}/acquire`, { ...exclusive, timeout: 60, ...request }));
    await lab.untilObject(name, { queue: place + 1 });
  }
  return waiting;
}

describe.concurrent.each(brokers.map((one) => [one.title, one] as const))("4.3 over %s:", (_title, one) => {
  const { broker, options } = one;

  it("rule 6: kill -9 loses nobody in the queue, keeps the order, and each is answered once", options, () =>
    inLab({ broker, sockets: { build1: {} } }, async (lab) => {
      await lab.ask("build1/acquire", { token: "x", ...exclusive, wait: "powered" });
      const waiting = await standInLine(lab, "build1", [
        { token: "a", owner: "ci", purpose: "nightly", id: "mine" },
        { token: "b", mode: "shared" },
        { token: "first", priority: 7 },
      ]);
      const before = await queued(lab, "build1");
      await lab.crash();
      await lab.settled();
      await lab.untilObject("build1", { users: 1, queue: 3, exclusive: true });
      expect(withoutTimes(await queued(lab, "build1"))).toEqual(withoutTimes(before));
      for (const token of ["x", "first"]) {
        expect(await lab.ask("build1/release", { token })).toMatchObject({ ok: true });
      }
      await eventually("a is served", () => granted(lab, "build1").includes("a"));
      await queued(lab, "build1");
      await lab.crash();
      await lab.settled();
      await lab.ask("build1/release", { token: "a" });
      await eventually("b is served", () => granted(lab, "build1").includes("b"));
      expect(granted(lab, "build1")).toEqual(["x", "first", "a", "b"]);
      await eventually("the last is told", () => waiting[1]?.replies()[0]);
      expect(waiting.map(({ replies }) => replies())).toMatchObject([
        [{ ok: true, token: "a", owner: "ci", id: "mine" }],
        [{ ok: true, token: "b" }],
        [{ ok: true, token: "first" }],
      ]);
      expect(clicks(lab, "build1")).toEqual(["on"]);
    }),
  );

  it(
    "rule 6: deadlines in the queue survive kill -9; one that passed meanwhile is told at once",
    options,
    () =>
      inLab({ broker, sockets: { build1: {} } }, async (lab) => {
        await lab.ask("build1/acquire", { token: "x", ...exclusive, wait: "powered" });
        const asked = performance.now();
        const [away, later] = await standInLine(lab, "build1", [
          { token: "away", timeout: 3 },
          { token: "later", timeout: 15 },
        ]);
        await lab.controller.kill9();
        await systemClock.sleep(millis(Math.max(0, 3100 - (performance.now() - asked)))); // one deadline passes meanwhile
        lab.start();
        await lab.untilOnline();
        expect(await eventually("one is told", () => away?.replies()[0])).toMatchObject({ error: "timeout" });
        expect(later?.replies()).toEqual([]);
        expect(await eventually("the other is told", () => later?.replies()[0], 20_000)).toMatchObject({
          error: "timeout",
        });
        // Over a restart, stored times are good to within the second that clocks may differ by.
        const [queuedAt, rejectedAt] = ["queued", "rejected"].map((event) => {
          const told = lab.events("build1", event).find(({ token }) => token === "later");
          return Date.parse(String(told?.["time"]));
        });
        expect(Math.abs(Number(rejectedAt) - Number(queuedAt) - 15_000)).toBeLessThan(slackMs);
        await lab.untilObject("build1", { users: 1, queue: 0 });
        expect([away?.replies(), later?.replies()].map((replies) => replies?.length)).toEqual([1, 1]);
      }),
  );

  it(
    "rule 8: a request that was lost while it queued ends after a crash, not before restartGrace",
    options,
    () =>
      inLab({ broker, sockets: { build1: {} }, settings: { restartGrace: "2s" } }, async (lab) => {
        await lab.ask("build1/acquire", { token: "x", ...exclusive, wait: "powered" });
        const [waiting] = await standInLine(lab, "build1", [{ token: "a" }]);
        await lab.ask("build1/release", { token: "a", lost: true });
        await lab.crash();
        const online = performance.now();
        await lab.untilEvent("build1", "lost");
        expect(performance.now() - online).toBeGreaterThanOrEqual(1700); // `online` is told a little before the grace begins
        await lab.untilObject("build1", { users: 1, queue: 0 });
        expect(waiting?.replies()).toMatchObject([{ error: "released" }]);
      }),
  );
});

describe.concurrent("4.3 over mosquitto:", { ...needing("mosquitto"), ...patience }, () => {
  const build1: LabOptions = { broker: "mosquitto", sockets: { build1: {} } };

  it.each(["SIGKILL", "SIGTERM"] as const)(
    "rule 6: the queue outlives the broker (%s): deadlines go on, replies come once it is back",
    (signal) =>
      inLab(build1, async (lab) => {
        await lab.ask("build1/acquire", { token: "x", ...exclusive, wait: "powered" });
        const asked = performance.now();
        const waiting = await standInLine(lab, "build1", [
          { token: "brief", timeout: 5 },
          { token: "a" },
          { token: "b" },
        ]);
        await lab.restartBroker(signal);
        await eventually("the brief one is told", () => waiting[0]?.replies()[0], 10_000);
        expect(performance.now() - asked).toBeGreaterThanOrEqual(4980); // two clocks that count whole milliseconds
        await lab.untilObject("build1", { users: 1, queue: 2 });
        await lab.ask("build1/release", { token: "x" });
        await lab.ask("build1/release", { token: "a" });
        await eventually("b is served", () => granted(lab, "build1").includes("b"));
        expect(granted(lab, "build1")).toEqual(["x", "a", "b"]);
        await eventually("b is told", () => waiting[2]?.replies()[0]);
        expect(waiting.map(({ replies }) => replies())).toMatchObject([
          [{ error: "timeout" }],
          [{ ok: true, token: "a" }],
          [{ ok: true, token: "b" }],
        ]);
        expect(clicks(lab, "build1")).toEqual(["on"]);
      }),
  );

  it("4.2: MQTT 5: a reply after the queue has its response topic and correlation data, over a crash, too", () =>
    inLab(build1, async (lab) => {
      await lab.ask("build1/acquire", { token: "x", ...exclusive });
      const client = await lab.connect({ version: 5 });
      await client.subscribe("lastout/reply/five/#");
      const request = (token: string, fields: Fields = {}) =>
        client.publish(
          "lastout/build1/acquire",
          JSON.stringify({ token, timeout: 60, ...exclusive, ...fields }),
          {
            properties: {
              responseTopic: `lastout/reply/five/${token}`,
              correlationData: correlationOf(token),
            },
          },
        );
      await request("a", { id: "echoed", replyTo: "lastout/reply/five/not-here" });
      await request("b");
      await request("c", { timeout: 0.5 });
      const reply = (token: string) =>
        eventually(`${token} is answered`, () =>
          client.heard.find(({ topic }) => topic === `lastout/reply/five/${token}`),
        );
      const c = await reply("c");
      expect(c).toMatchObject(asReply("c"));
      expect(JSON.parse(c.payload)).toMatchObject({ ok: false, token: "c", error: "timeout" });
      await lab.ask("build1/release", { token: "x" });
      const a = await reply("a");
      expect(a).toMatchObject(asReply("a"));
      expect(JSON.parse(a.payload)).toMatchObject({ ok: true, token: "a", id: "echoed" });
      expect(await queued(lab, "build1")).toMatchObject([{ token: "b" }]);
      await lab.crash();
      await lab.ask("build1/release", { token: "a" });
      const b = await reply("b");
      expect(b).toMatchObject(asReply("b"));
      expect(JSON.parse(b.payload)).toMatchObject({ ok: true, token: "b", resource: "build1" });
      expect(client.heard.map(({ topic }) => topic.at(-1))).toEqual(["c", "a", "b"]);
      await client.disconnect();
    }));

  it("rule 10: requests that came while the controller was away queue in their order, but for those that expired", () =>
    inLab(build1, async (lab) => {
      await lab.ask("build1/acquire", { token: "x", ...exclusive });
      await lab.controller.kill9();
      const client = await lab.connect({ version: 5 });
      await client.subscribe("lastout/reply/five/#");
      const request = (token: string, messageExpiryInterval: number) =>
        client.publish("lastout/build1/acquire", JSON.stringify({ token, timeout: 60, ...exclusive }), {
          properties: {
            messageExpiryInterval,
            responseTopic: `lastout/reply/five/${token}`,
            correlationData: Buffer.from(token),
          },
        });
      await request("lapsed", 1);
      await request("a", 300);
      await request("b", 300);
      await systemClock.sleep(millis(1500)); // the expiry of one of them passes at the broker
      lab.start();
      await lab.settled();
      await lab.untilObject("build1", { users: 1, queue: 2 });
      expect(await queued(lab, "build1")).toMatchObject([{ token: "a" }, { token: "b" }]);
      await lab.ask("build1/release", { token: "x" });
      await lab.ask("build1/release", { token: "a" });
      await eventually("both are answered", () => client.heard.length === 2);
      expect(
        client.heard.map(({ topic, properties }) => [topic, String(properties.correlationData)]),
      ).toEqual([
        ["lastout/reply/five/a", "a"],
        ["lastout/reply/five/b", "b"],
      ]);
      expect(lab.events("build1").filter(({ token }) => token === "lapsed")).toEqual([]);
      await client.disconnect();
    }));
});

/** How the reply to a request of MQTT 5 comes. */
const asReply = (token: string) => ({
  qos: 1,
  retain: false,
  properties: { contentType: "application/json", correlationData: correlationOf(token) },
});

const correlationOf = (token: string): Buffer => Buffer.from([0, 255, token.charCodeAt(0)]);

const withoutTimes = (queue: unknown): readonly unknown[] =>
  listIn(queue).map(({ token, owner, purpose, mode, priority }) => [token, owner, purpose, mode, priority]);
