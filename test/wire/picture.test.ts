// What the controller publishes, by the protocol's section 2: topics, retain flags, `ready`, the bounded list of holders, what happens to
// what others write there. Its picture after the broker or itself was gone is in crash.test.ts.

import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { brokers, type Lab, startLab } from "./lab.ts";
import { objectIn } from "./observer.ts";

/** Not `ready`, which comes and goes; and another test deletes one of `gone` meanwhile. */
const compared = (topic: string): boolean => !topic.endsWith("/ready") && !topic.startsWith("lastout/gone");

describe.concurrent.each(brokers.map((one) => [one.title, one] as const))("2 over %s:", (_title, one) => {
  describe("the retained picture", one.options, () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await startLab({
        broker: one.broker,
        sockets: {
          build1: { machine: { bootMs: 300 } },
          wrong: {},
          gone: {},
          waker: {},
          boots: { machine: { bootMs: 300 } },
        },
        switchers: { sim: { type: "simulated", outlets: 3, delay: 0 } },
        resources: {
          crowd: { switcher: "sim/1" },
          quiet: { switcher: "sim/2" },
          untrue: { switcher: "sim/3" },
        },
      });
      return () => lab.stop();
    }, 30_000);

    it("has the documented topics, and those alone are retained", async () => {
      await lab.ask("build1/acquire", { token: "a", wait: "available" });
      await lab.untilObject("build1", { state: "available" });
      const resources = ["build1", "wrong", "gone", "waker", "boots", "crowd", "quiet", "untrue"];
      const expected = [
        "lastout/controller/status",
        "lastout/controller/info",
        ...["build1-plug", "wrong-plug", "gone-plug", "waker-plug", "boots-plug", "sim"].map(
          (name) => `lastout/switcher/${name}`,
        ),
        ...resources.flatMap((name) => [
          `lastout/${name}`,
          `lastout/${name}/state`,
          `lastout/${name}/holders`,
        ]),
      ];
      const retained = await lab.retained();
      const ready = [...retained].filter(([topic]) => topic.endsWith("/ready"));
      expect(ready).toContainEqual(["lastout/build1/ready", "1"]);
      expect(ready.map(([topic]) => topic)).not.toContain("lastout/quiet/ready");
      expect([...retained.keys()].filter(compared).toSorted()).toEqual(expected.filter(compared).toSorted());
      expect(retained.get("lastout/controller/status")).toBe("online");
      expect(objectIn(retained.get("lastout/controller/info") ?? "")).toEqual({
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        instance: expect.stringMatching(/^[0-9a-f-]{36}$/),
        started: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        base: "lastout",
        resources: 8,
        pools: 0,
        observe: false,
      });
      expect(objectIn(retained.get("lastout/switcher/build1-plug") ?? "")).toEqual({
        online: true,
        type: "tasmota",
        outlets: { "1": "on" },
        problem: null,
      });
    });

    it("3: has every field of the state object, off and in use", async () => {
      const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const off = {
        state: "off",
        level: 0,
        since: time,
        phase: "idle",
        users: 0,
        dependents: 0,
        queue: 0,
        exclusive: false,
        override: "auto",
        offAt: null,
        readyAt: null,
        problem: null,
        watts: null,
        kwh: null,
        time,
      };
      const boots = await lab.begin("boots/acquire", { token: "a", wait: "available" });
      await eventually("it boots", () => boots.replies()[0]);
      expect(lab.observer.objects("lastout/boots")).toContainEqual(
        expect.objectContaining({ state: "powered", level: 1, phase: "starting", users: 1 }),
      );
      await lab.untilObject("boots", { state: "available", level: 2, phase: "in-use", users: 1 });
      await lab.ask("boots/release", { token: "a" });
      await lab.untilObject("boots", { state: "off" });
      // It lingers for 300 ms only: looked for in all that was heard.
      expect(lab.observer.objects("lastout/boots")).toContainEqual(
        expect.objectContaining({ state: "available", phase: "lingering", users: 0, offAt: time }),
      );
      expect(lab.object("boots")).toEqual(off);
      const states = lab.events("boots", "state").map(({ from, to }) => `${String(from)} ${String(to)}`);
      expect(states.slice(-3)).toEqual(["off powered", "powered available", "available off"]);
      const words = lab.observer.heard.filter(({ topic }) => topic === "lastout/boots/state");
      expect(words.slice(-4).map(({ payload }) => payload)).toEqual(["off", "powered", "available", "off"]);
    });

    it("has ready only while the resource is available, and never wakes a waiter with anything else", async () => {
      const waiter = await lab.connect();
      await waiter.subscribe("lastout/waker/ready");
      await lab.untilObject("waker", { state: "off" });
      expect(waiter.heard).toEqual([]);
      await lab.ask("waker/acquire", { token: "a", wait: "available" });
      await eventually("it is woken", () => waiter.heard[0]);
      expect(waiter.heard.map(({ payload }) => payload)).toEqual(["1"]);
      await lab.ask("waker/release", { token: "a" });
      await lab.untilObject("waker", { state: "off" });
      await eventually("ready is cleared", () => waiter.heard[1]);
      expect(waiter.heard.map(({ payload }) => payload)).toEqual(["1", ""]);
      expect(lab.observer.heard.filter(({ topic }) => topic === "lastout/quiet/ready")).toEqual([]);
      await waiter.disconnect();
    });

    it("lists the oldest 20 holders and counts the others", async () => {
      const job = await lab.connect();
      for (let number = 1; number <= 23; number += 1) {
        await job.publish("lastout/crowd/acquire", `job-${number}`);
      }
      await job.disconnect();
      const holders = (): Readonly<Record<string, unknown>> =>
        objectIn(lab.observer.last("lastout/crowd/holders") ?? "{}");
      await eventually("all are granted", () => holders()["users"] === 23);
      expect(holders()).toMatchObject({ users: 23, more: 3 });
      expect(holders()["holders"]).toMatchObject(
        Array.from({ length: 20 }, (_, index) => ({
          token: `job-${index + 1}`,
          owner: "anonymous",
          mode: "shared",
        })),
      );
      expect(lab.events("crowd", "state")).toMatchObject([{ from: "off", to: "available" }]);
    });

    it("10: is put right within 10 s where somebody else writes on it, with an event, and no loop follows", async () => {
      const from = lab.observer.heard.length;
      await lab.publish("lastout/wrong/state", "on fire", { retain: true });
      expect(await lab.untilEvent("wrong", "overwritten", from, 10_000)).toMatchObject({
        topic: "lastout/wrong/state",
      });
      await eventually(
        "it is right again",
        async () => (await lab.retained()).get("lastout/wrong/state") === "off",
      );
      const rightings = lab.observer.heard.slice(from).filter(({ topic }) => topic === "lastout/wrong/state");
      expect(rightings.map(({ payload }) => payload)).toEqual(["on fire", "off"]);
    });

    it("10: is put right where somebody deletes it", async () => {
      await lab.publish("lastout/gone", "", { retain: true });
      await lab.untilEvent("gone", "overwritten", 0, 10_000);
      const seen = async (): Promise<unknown> =>
        objectIn((await lab.retained()).get("lastout/gone") ?? "")["state"];
      await eventually("it is right again", async () => (await seen()) === "off");
    });

    it("10: loses a ready that is not true", async () => {
      await lab.publish("lastout/untrue/ready", "1", { retain: true });
      await eventually(
        "it is cleared",
        async () => !(await lab.retained()).has("lastout/untrue/ready"),
        10_000,
      );
      await eventually("that is heard", () => lab.observer.last("lastout/untrue/ready") === undefined);
      const heard = lab.observer.heard.filter(({ topic }) => topic === "lastout/untrue/ready");
      expect(heard.map(({ payload }) => payload)).toEqual(["1", ""]);
    });
  });
});
