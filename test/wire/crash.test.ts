// The controller killed, stopped, started again, and the broker likewise: tokens, waits and the picture are there afterwards, nothing is
// switched by it, and nothing ends before its holders could renew. Each test has a lab of its own.

import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { millis } from "../../src/core/time.ts";
import { eventually } from "../support/eventually.ts";
import { needing } from "../support/needs.ts";
import { brokers, inLab, type Lab, patience } from "./lab.ts";

const without = (section: unknown, name: string): object =>
  typeof section === "object" && section !== null
    ? Object.fromEntries(Object.entries(section).filter(([key]) => key !== name))
    : {};

const clicks = (lab: Lab, name: string): readonly string[] =>
  lab
    .socket(name)
    .relay(1)
    .history.map(({ position }) => position);

describe.concurrent.each(brokers.map((one) => [one.title, one] as const))("over %s,", (_title, one) => {
  const { broker, options } = one;

  it("4.3 rule 4: kill -9 loses no token, forgets no ended one, and switches nothing", options, () =>
    inLab({ broker, sockets: { build1: {}, build2: {} } }, async (lab) => {
      const held = await lab.ask("build1/acquire", {
        token: "a",
        owner: "ci",
        ttl: "1h",
        purpose: "kept",
        wait: "powered",
      });
      await lab.ask("build1/acquire", { token: "b", owner: "ci" });
      await lab.ask("build1/release", { token: "b" });
      await lab.crash();
      await lab.settled();
      expect(await lab.ask("build1/tokens")).toMatchObject({
        total: 1,
        holders: [{ token: "a", owner: "ci", purpose: "kept" }],
      });
      // The expiry is as it was, to within the second that clocks may differ by.
      const expires = /"expires":"([^"]+)"/.exec(JSON.stringify(await lab.ask("build1/tokens")))?.[1] ?? "";
      expect(Math.abs(Date.parse(expires) - Date.parse(String(held["expires"])))).toBeLessThan(1000);
      expect(await lab.ask("build1/renew", { token: "b" })).toMatchObject({
        error: "unknown-token",
        message: expect.stringMatching(/released at \d{4}-/),
      });
      await lab.untilObject("build1", { state: "available", phase: "in-use", users: 1, problem: null });
      expect(clicks(lab, "build1")).toEqual(["on"]);
      expect(clicks(lab, "build2")).toEqual([]);
      expect(lab.events("build1", "external-on")).toEqual([]);
    }),
  );

  it("5 rule 10: a clean stop says offline, exits 0 and changes no outlet", options, () =>
    inLab({ broker, sockets: { build1: {} } }, async (lab) => {
      await lab.ask("build1/acquire", { token: "a", wait: "powered" });
      expect(await lab.controller.stop()).toBe(0);
      await eventually("it is offline", () => lab.observer.last("lastout/controller/status") === "offline");
      expect(clicks(lab, "build1")).toEqual(["on"]);
      lab.start();
      await lab.settled();
      await lab.untilObject("build1", { state: "available", users: 1 });
      expect(clicks(lab, "build1")).toEqual(["on"]);
    }),
  );

  it("4.2: a wait survives kill -9, with its reply topic and its deadline", options, () =>
    inLab(
      { broker, sockets: { boots: { machine: { bootMs: 4000 } }, never: { machine: { bootMs: 600_000 } } } },
      async (lab) => {
        const good = await lab.begin("boots/acquire", {
          token: "a",
          wait: "available",
          timeout: 30,
          id: "mine",
        });
        const late = await lab.begin("never/acquire", { token: "b", wait: "available", timeout: 5 });
        const asked = performance.now();
        await lab.untilObject("boots", { state: "powered" });
        await lab.untilObject("never", { state: "powered" });
        await lab.crash();
        expect(await eventually("the good one", () => good.replies()[0], 30_000)).toMatchObject({
          ok: true,
          id: "mine",
          state: "available",
          token: "a",
        });
        expect(await eventually("the late one", () => late.replies()[0], 10_000)).toMatchObject({
          error: "timeout",
        });
        expect(performance.now() - asked).toBeGreaterThanOrEqual(5000);
        expect(clicks(lab, "boots")).toEqual(["on"]);
        await lab.untilObject("never", { users: 0, state: "off" });
        expect(good.replies()).toHaveLength(1);
        expect(late.replies()).toHaveLength(1);
      },
    ),
  );

  it(
    "4.3 rule 4: after a restart nothing expires before restartGrace, a renewal counts, and OFF comes offDelay later",
    options,
    () =>
      inLab(
        { broker, sockets: { renewed: {}, expired: {} }, settings: { restartGrace: "2s" } },
        async (lab) => {
          await lab.ask("renewed/acquire", { token: "a", ttl: 1, wait: "powered" });
          await lab.ask("expired/acquire", { token: "a", ttl: 1, wait: "powered" });
          await lab.controller.kill9();
          await systemClock.sleep(millis(1200)); // longer than the tokens last
          const from = lab.observer.heard.length;
          lab.start();
          await lab.untilOnline();
          const online = performance.now();
          expect(await lab.ask("renewed/renew", { token: "a", ttl: "1h" })).toMatchObject({ ok: true });
          await lab.untilEvent("expired", "expired", from);
          expect(performance.now() - online).toBeGreaterThanOrEqual(1700); // `online` is told a little before the grace begins
          await lab.untilObject("expired", { state: "off" });
          const off = lab.socket("expired").relay(1).history[1]?.at ?? 0;
          expect(off - online).toBeGreaterThanOrEqual(2000);
          expect(lab.events("renewed", "expired")).toEqual([]);
          expect(clicks(lab, "renewed")).toEqual(["on"]);
        },
      ),
  );

  it("5 rule 10: what was on its way to off goes off after a restart, not before restartGrace", options, () =>
    inLab(
      { broker, sockets: { build1: {} }, settings: { restartGrace: "1500ms" }, defaults: { offDelay: "1s" } },
      async (lab) => {
        await systemClock.sleep(millis(1500));
        await lab.ask("build1/acquire", { token: "a", wait: "powered" });
        await lab.ask("build1/release", { token: "a" });
        await lab.crash();
        const online = performance.now();
        await lab.settled();
        await lab.untilObject("build1", { state: "off", phase: "idle" });
        const [, off] = lab.socket("build1").relay(1).history;
        expect((off?.at ?? 0) - online).toBeGreaterThanOrEqual(1200);
        expect(clicks(lab, "build1")).toEqual(["on", "off"]);
        expect(lab.events("build1", "external-on")).toEqual([]);
      },
    ),
  );
});

describe.concurrent("over mosquitto,", { ...needing("mosquitto"), ...patience }, () => {
  it("2: kill -9 makes the will say offline, and the picture is right after the next start", () =>
    inLab({ broker: "mosquitto", sockets: { build1: {}, build2: {} } }, async (lab) => {
      await lab.ask("build1/acquire", { token: "a", wait: "available" });
      await lab.controller.kill9();
      await eventually("it is offline", () => lab.observer.last("lastout/controller/status") === "offline");
      // Away: the picture is made wrong where nobody sees it.
      await lab.publish("lastout/build2/ready", "1", { retain: true });
      await lab.publish("lastout/build2/state", "available", { retain: true });
      await lab.publish("lastout/build1/holders", "", { retain: true });
      lab.start();
      await lab.settled();
      await eventually("the picture is right", async () => {
        const retained = await lab.retained();
        return (
          retained.get("lastout/build1/ready") === "1" &&
          retained.get("lastout/build1/holders")?.includes('"token":"a"') === true &&
          retained.get("lastout/build2/state") === "off" &&
          !retained.has("lastout/build2/ready")
        );
      });
    }));

  it("4.3 rule 10: requests that were queued while it was away are carried out, and an acquire with its release makes no pulse", () =>
    inLab({ broker: "mosquitto", sockets: { pulse: {}, late: {}, lapsed: {}, held: {} } }, async (lab) => {
      await lab.ask("held/acquire", { token: "a", wait: "powered" });
      await lab.controller.kill9();
      await lab.publish("lastout/pulse/acquire", "a");
      await lab.publish("lastout/pulse/release", "a");
      await lab.publish("lastout/late/acquire", { token: "a", replyTo: "lastout/reply/late" });
      await lab.publish("lastout/lapsed/acquire", "a", {
        version: 5,
        properties: { messageExpiryInterval: 1 },
      });
      await lab.publish("lastout/held/release", "a");
      await lab.publish("lastout/held/acquire", "b");
      await systemClock.sleep(millis(1500)); // the expiry of one of them passes at the broker
      lab.start();
      await lab.settled();
      await lab.untilObject("late", { state: "available", users: 1 });
      expect(lab.observer.objects("lastout/reply/late")).toMatchObject([{ ok: true, token: "a" }]);
      await lab.untilEvent("pulse", "released");
      expect(lab.events("pulse").map(({ event }) => event)).toEqual(["granted", "released"]);
      await lab.untilObject("held", { users: 1, state: "available" });
      await systemClock.sleep(millis(1200)); // restartGrace and offDelay are over
      expect(clicks(lab, "pulse")).toEqual([]);
      expect(clicks(lab, "held")).toEqual(["on"]);
      expect(lab.events("lapsed")).toEqual([]);
      expect(lab.object("lapsed")).toMatchObject({ users: 0, state: "off" });
    }));

  it("2: a broker that lost its store gets the whole picture again, and no outlet moves", () =>
    inLab(
      { broker: "mosquitto", sockets: { used: {}, idle: {} }, settings: { restartGrace: "1s" } },
      async (lab) => {
        await lab.ask("used/acquire", { token: "a", wait: "available" });
        await lab.untilObject("used", { state: "available" });
        const before = new Map(
          [...(await lab.retained())].filter(([topic]) => !topic.includes("/controller/")),
        );
        await lab.restartBroker("SIGKILL");
        await eventually("the picture is whole", async () => {
          const now = await lab.retained();
          return (
            [...before.keys()].every((topic) => now.has(topic)) &&
            now.get("lastout/controller/status") === "online"
          );
        });
        await eventually("and true", async () => {
          const now = await lab.retained();
          return [
            "lastout/used/state",
            "lastout/used/ready",
            "lastout/used/holders",
            "lastout/idle/state",
          ].every((topic) => now.get(topic) === before.get(topic));
        });
        expect(clicks(lab, "used")).toEqual(["on"]);
        expect(clicks(lab, "idle")).toEqual([]);
        expect(lab.events("used", "overwritten")).toEqual([]);
      },
    ));

  it("4.3 rule 8: wills that a stopping broker sends switch nothing off when the clients acquire again", () =>
    inLab(
      {
        broker: "mosquitto",
        mosquitto: ["persistence true"],
        sockets: { build1: {} },
        settings: { restartGrace: "2s", lostGrace: "1s" },
      },
      async (lab) => {
        const will = { topic: "lastout/build1/release", payload: '{"token":"a","lost":true}' };
        const job = await lab.connect({ will });
        await job.publish("lastout/build1/acquire", "a");
        await lab.untilObject("build1", { state: "available" });
        await lab.restartBroker("SIGTERM");
        const again = await lab.connect({ will });
        await again.publish("lastout/build1/acquire", "a");
        const from = lab.observer.heard.length;
        expect(await lab.ask("build1/tokens", {}, 15_000)).toMatchObject({ total: 1 });
        await systemClock.sleep(millis(3500)); // lostGrace and restartGrace are over
        expect(lab.events("build1", "lost", from)).toEqual([]);
        expect(clicks(lab, "build1")).toEqual(["on"]);
        await again.disconnect();
      },
    ));

  it("4.3 rule 4: a token that ran out while the broker was gone counts until restartGrace is over", () =>
    inLab(
      { broker: "mosquitto", sockets: { build1: {}, build2: {} }, settings: { restartGrace: "5s" } },
      async (lab) => {
        await lab.ask("build1/acquire", { token: "a", ttl: 1.2, wait: "powered" });
        await lab.ask("build2/acquire", { token: "a", ttl: 1.2, wait: "powered" });
        const before = performance.now();
        await lab.restartBroker("SIGKILL");
        const back = performance.now();
        await systemClock.sleep(millis(Math.max(0, 1300 - (back - before)))); // the tokens have run out, the grace has not
        expect(await lab.ask("build1/renew", { token: "a", ttl: "1h" })).toMatchObject({ ok: true });
        await eventually("the other expires", () => lab.events("build2", "expired")[0], 15_000);
        expect(performance.now() - back).toBeGreaterThanOrEqual(4900);
        await lab.untilObject("build2", { state: "off" });
        expect(clicks(lab, "build1")).toEqual(["on"]);
      },
    ));

  it("4.2: a wait is answered also when the broker restarts meanwhile", () =>
    inLab({ broker: "mosquitto", sockets: { boots: { machine: { bootMs: 5000 } } } }, async (lab) => {
      const { replies } = await lab.begin("boots/acquire", { token: "a", wait: "available" });
      await lab.untilObject("boots", { state: "powered" });
      await lab.restartBroker("SIGKILL");
      expect(await eventually("the reply", () => replies()[0], 20_000)).toMatchObject({
        ok: true,
        state: "available",
      });
      expect(clicks(lab, "boots")).toEqual(["on"]);
    }));

  it("4.3 rule 9: a retained request is refused and cleared, live and when it was there before", () =>
    inLab({ broker: "mosquitto", sockets: { live: {}, before: {} } }, async (lab) => {
      await lab.publish("lastout/live/acquire", "a", { retain: true });
      expect(await lab.untilEvent("live", "rejected")).toMatchObject({
        error: "retained-request",
        token: "a",
      });
      await eventually("it is cleared", async () => !(await lab.retained()).has("lastout/live/acquire"));
      await lab.controller.kill9();
      await lab.publish(
        "lastout/before/acquire",
        { token: "b", replyTo: "lastout/reply/b" },
        { retain: true },
      );
      lab.start();
      await lab.settled();
      expect(await lab.untilEvent("before", "rejected")).toMatchObject({ error: "retained-request" });
      await eventually("it is cleared", async () => !(await lab.retained()).has("lastout/before/acquire"));
      expect(lab.object("before")).toMatchObject({ users: 0 });
      expect(lab.observer.heard.filter(({ topic }) => topic === "lastout/live/acquire")).toHaveLength(2);
      expect(clicks(lab, "live")).toEqual([]);
      expect(clicks(lab, "before")).toEqual([]);
    }));

  it("2: what the configuration no longer has leaves no topic behind, its tokens end, its outlet stays as it is", () =>
    inLab({ broker: "mosquitto", sockets: { kept: {}, dropped: {} } }, async (lab) => {
      await lab.ask("dropped/acquire", { token: "a", wait: "available" });
      await lab.controller.stop();
      lab.configure((config) => {
        for (const [part, name] of [
          ["resources", "dropped"],
          ["switchers", "dropped-plug"],
        ] as const) {
          config[part] = without(config[part], name);
        }
      });
      lab.start();
      await lab.settled();
      await eventually("its topics are gone", async () =>
        [...(await lab.retained()).keys()].every((topic) => !topic.includes("dropped")),
      );
      const removed = await eventually("it is told", () =>
        [...lab.events("dropped"), ...lab.events("controller")].find(({ event }) => event === "removed"),
      );
      expect(removed).toMatchObject({ token: "a", resource: "dropped" });
      expect(clicks(lab, "dropped")).toEqual(["on"]);
    }));
});

describe("over the embedded broker, which speaks MQTT 3.1.1,", patience, () => {
  it("4.3 rule 9: a live retained request counts once and is cleared at the next subscription", () =>
    inLab({ broker: "embedded", sockets: { build1: {} } }, async (lab) => {
      await lab.publish("lastout/build1/acquire", "a", { retain: true });
      await lab.untilEvent("build1", "granted");
      await eventually(
        "the broker has stored it",
        async () => (await lab.retained()).get("lastout/build1/acquire") === "a",
      );
      const thief = await lab.connect({ clientId: "lastout-test", clean: false });
      await thief.closed;
      await eventually(
        "it is cleared",
        async () => !(await lab.retained()).has("lastout/build1/acquire"),
        10_000,
      );
      expect(await lab.untilEvent("build1", "rejected")).toMatchObject({ error: "retained-request" });
      expect(lab.events("build1", "granted")).toHaveLength(1);
      expect(await lab.ask("build1/tokens")).toMatchObject({ total: 1 });
    }));
});
