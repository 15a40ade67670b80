// Requests and their replies over the wire, rule by rule of the protocol's section 4, on the embedded broker and on mosquitto. Every test
// has a resource of its own, so that they can run at once. Restarts are in crash.test.ts, malformed requests in bad-input.test.ts.

import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { brokers, type Lab, startLab } from "./lab.ts";
import { slackMs } from "./slack.ts";

const outlets = 40;
const simulated = Array.from({ length: outlets }, (_, index) => `r${index + 1}`);

const expiry = (reply: Readonly<Record<string, unknown>>): number => Date.parse(String(reply["expires"]));

for (const { broker, title, options } of brokers) {
  describe(`over ${title}, a request`, options, () => {
    let lab: Lab;
    const free = [...simulated];
    /** A resource that no other test uses. */
    const fresh = (): string => free.shift() ?? "none left";

    beforeAll(async () => {
      lab = await startLab({
        broker,
        switchers: { sim: { type: "simulated", outlets, delay: "20ms", stagger: 0 } },
        resources: Object.fromEntries(
          simulated.map((name, index) => [name, { switcher: `sim/${index + 1}` }]),
        ),
        sockets: {
          slow1: { machine: { bootMs: 1500 } },
          slow2: { machine: { bootMs: 1500 } },
          never1: { machine: { bootMs: 600_000 } },
          never2: { machine: { bootMs: 600_000 } },
          never3: { machine: { bootMs: 600_000 } },
          never4: { machine: { bootMs: 600_000 }, resource: { bootTimeout: "700ms" } },
        },
      });
      return () => lab.stop();
    }, 30_000);

    it.concurrent("4: in the plain form is a token id alone, a trailing newline taken off", async () => {
      const name = fresh();
      await lab.publish(`lastout/${name}/acquire`, "job-12\n");
      expect(await lab.untilEvent(name, "granted")).toMatchObject({
        token: "job-12",
        owner: "anonymous",
        users: 1,
      });
    });

    it.concurrent.each([0, 1, 2] as const)("4: has the same outcome with QoS %i", async (qos) => {
      const name = fresh();
      await lab.publish(`lastout/${name}/acquire`, "a", { qos });
      await lab.untilState(name, "available");
      await lab.publish(`lastout/${name}/release`, "a", { qos });
      await lab.untilState(name, "off");
      expect(lab.events(name).map(({ event }) => event)).toEqual([
        "granted",
        "switch-on",
        "state",
        "released",
        "switch-off",
        "state",
      ]);
    });

    it.concurrent("4: with a user in its topic has that owner, whatever the payload says", async () => {
      const name = fresh();
      expect(await lab.ask(`${name}/acquire/laforge`, { token: "a", owner: "data" })).toMatchObject({
        ok: true,
        owner: "laforge",
      });
    });

    it.concurrent("4.2: is answered once, with what was granted", async () => {
      const name = fresh();
      const { replies } = await lab.begin(`${name}/acquire`, {
        token: "job-12",
        owner: "ci",
        purpose: "https://ci.lab/12",
        ttl: "1h",
        id: "request 1",
      });
      await lab.untilState(name, "available");
      expect(replies()).toEqual([
        {
          ok: true,
          id: "request 1",
          resource: name,
          token: "job-12",
          owner: "ci",
          state: "off",
          users: 1,
          ttl: 3600,
          expires: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        },
      ]);
      const { holders } = Object.fromEntries(Object.entries(await lab.ask(`${name}/tokens`)));
      expect(holders).toMatchObject([
        { token: "job-12", owner: "ci", purpose: "https://ci.lab/12", mode: "shared" },
      ]);
    });

    it.concurrent("4.2: is answered with QoS 1 and without the retain flag", async () => {
      const name = fresh();
      await lab.ask(`${name}/acquire`, { token: "flags" });
      const reply = lab.observer.heard.find(
        (one) => one.topic.startsWith("lastout/reply/") && one.payload.includes('"flags"'),
      );
      expect(reply).toMatchObject({ qos: 1, retain: false });
      expect([...(await lab.retained()).keys()].filter((topic) => topic.includes("/reply/"))).toEqual([]);
    });

    it.concurrent("4.1: is answered in one line where it asks for the plain format", async () => {
      const name = fresh();
      const watcher = await lab.connect();
      await watcher.subscribe(`lastout/reply/plain/${name}`);
      const replyTo = `lastout/reply/plain/${name}`;
      await lab.publish(`lastout/${name}/acquire`, {
        token: "job-12",
        format: "plain",
        wait: "available",
        replyTo,
      });
      await eventually("the first reply", () => watcher.heard[0]);
      await lab.publish(`lastout/${name}/renew`, { token: "nobody", format: "plain", replyTo });
      await eventually("the second reply", () => watcher.heard[1]);
      expect(watcher.heard.map(({ payload }) => payload)).toEqual([
        `ok ${name} job-12 available`,
        `error unknown-token ${name} has no token 'nobody'`,
      ]);
      await watcher.disconnect();
    });

    it.concurrent("4.1: without a token id gets one made by the controller", async () => {
      const name = fresh();
      const first = await lab.ask(`${name}/acquire`);
      const second = await lab.ask(`${name}/acquire`);
      expect(first).toMatchObject({ ok: true, token: expect.stringMatching(/^[0-9a-f]{32}$/) });
      expect(second["token"]).not.toEqual(first["token"]);
      expect(second).toMatchObject({ users: 2 });
    });

    it.concurrent("4.3 rule 1: counts tokens, and the last release switches off after offDelay", async () => {
      const name = fresh();
      await lab.ask(`${name}/acquire`, { token: "a", wait: "available" });
      expect(await lab.ask(`${name}/acquire`, { token: "b" })).toMatchObject({
        users: 2,
        state: "available",
      });
      expect(await lab.ask(`${name}/release`, { token: "a" })).toEqual({
        ok: true,
        resource: name,
        token: "a",
        state: "available",
        users: 1,
      });
      expect(lab.object(name)).toMatchObject({ phase: "in-use" });
      const before = performance.now();
      expect(await lab.ask(`${name}/release`, { token: "b" })).toMatchObject({ users: 0 });
      await lab.untilObject(name, { phase: "lingering" });
      await lab.untilState(name, "off");
      expect(performance.now() - before).toBeGreaterThanOrEqual(300);
      expect(lab.events(name, "switch-off")).toHaveLength(1);
    });

    it.concurrent("4.3 rule 2: to acquire the same id again renews it and keeps its owner", async () => {
      const name = fresh();
      await lab.ask(`${name}/acquire`, { token: "a", owner: "ci", ttl: 100 });
      const again = await lab.ask(`${name}/acquire`, { token: "a", ttl: 200 });
      expect(again).toMatchObject({ ok: true, users: 1, owner: "ci", ttl: 200 });
      expect(await lab.ask(`${name}/acquire`, { token: "a", owner: "ci" })).toMatchObject({
        ok: true,
        users: 1,
        ttl: 200,
      });
      expect(lab.events(name).map(({ event }) => event)).not.toContain("released");
      expect(lab.events(name, "granted")).toHaveLength(1);
      expect(lab.events(name, "renewed")).toHaveLength(2);
    });

    it.concurrent("4.3 rule 2: to acquire another owner's id is token-taken and changes nothing", async () => {
      const name = fresh();
      const held = await lab.ask(`${name}/acquire`, { token: "a", owner: "ci" });
      expect(await lab.ask(`${name}/acquire`, { token: "a", owner: "mallory", ttl: "1h" })).toMatchObject({
        ok: false,
        resource: name,
        token: "a",
        error: "token-taken",
        message: "token 'a' is held by another owner, 'ci'",
      });
      expect(await lab.ask(`${name}/tokens`)).toMatchObject({
        total: 1,
        holders: [{ token: "a", owner: "ci", expires: held["expires"] }],
      });
    });

    it.concurrent("4.1: to renew or release in another owner's name is not-owner", async () => {
      const name = fresh();
      await lab.ask(`${name}/acquire`, { token: "a", owner: "ci" });
      for (const request of [
        lab.ask(`${name}/renew`, { token: "a", owner: "mallory" }),
        lab.ask(`${name}/release`, { token: "a", owner: "mallory" }),
        lab.ask(`${name}/release/mallory`, { token: "a", owner: "ci" }),
      ]) {
        expect(await request).toMatchObject({ ok: false, error: "not-owner" });
      }
      expect(await lab.ask(`${name}/renew`, { token: "a", owner: "ci" })).toMatchObject({ ok: true });
      expect(await lab.ask(`${name}/release`, { token: "a" })).toMatchObject({ ok: true, users: 0 });
    });

    it.concurrent("4.1: renewals shorten a token only when they give a ttl", async () => {
      const name = fresh();
      const held = await lab.ask(`${name}/acquire`, { token: "a", ttl: "2h" });
      const renewed = await lab.ask(`${name}/renew`, { token: "a" });
      expect(renewed).toMatchObject({ ok: true, ttl: 7200 });
      expect(expiry(renewed)).toBeGreaterThanOrEqual(expiry(held));
      const shorter = await lab.ask(`${name}/renew`, { token: "a", ttl: "1m" });
      expect(shorter).toMatchObject({ ok: true, ttl: 60 });
      expect(expiry(shorter)).toBeLessThan(expiry(held));
    });

    it.concurrent("4: to renew or release what is not held is unknown-token", async () => {
      const name = fresh();
      expect(await lab.ask(`${name}/renew`, { token: "a" })).toMatchObject({
        ok: false,
        error: "unknown-token",
      });
      expect(await lab.ask(`${name}/release`, { token: "a" })).toMatchObject({
        ok: false,
        error: "unknown-token",
      });
      expect(lab.object(name)).toMatchObject({ users: 0, phase: "idle" });
    });

    it.concurrent("8.1: with a ttl above ttl.max is ttl-too-long, at ttl.max it is granted", async () => {
      const name = fresh();
      expect(await lab.ask(`${name}/acquire`, { token: "a", ttl: 86_400.001 })).toMatchObject({
        error: "ttl-too-long",
        message: expect.stringContaining("1d (ttl.max)"),
      });
      expect(lab.object(name)).toMatchObject({ users: 0 });
      expect(await lab.ask(`${name}/acquire`, { token: "a", ttl: 86_400 })).toMatchObject({ ok: true });
      expect(await lab.ask(`${name}/renew`, { token: "a", ttl: "25h" })).toMatchObject({
        error: "ttl-too-long",
      });
      expect(await lab.ask(`${name}/tokens`)).toMatchObject({ total: 1 });
    });

    it.concurrent("4.1: with an unknown field is refused with the field's name and the nearest one", async () => {
      const name = fresh();
      expect(await lab.ask(`${name}/acquire`, { token: "a", tll: 5 })).toMatchObject({
        error: "invalid-request",
        token: "a",
        message: "acquire has no field 'tll'; did you mean 'ttl'?",
      });
      expect(await lab.ask(`${name}/release`, { token: "a", ttl: 5 })).toMatchObject({
        error: "invalid-request",
        message: expect.stringContaining("release has no field 'ttl'"),
      });
      expect(lab.object(name)).toMatchObject({ users: 0 });
    });

    it.concurrent("8.1: for an unknown resource is told the nearest name, and leaves no topic behind", async () => {
      expect(await lab.ask("slwo1/acquire", { token: "a" })).toEqual({
        ok: false,
        resource: "slwo1",
        token: "a",
        error: "unknown-resource",
        message: "no resource or pool is named 'slwo1'; did you mean 'slow1'?",
      });
      const event = await eventually("it is told", () =>
        lab.events("controller", "rejected").find(({ resource }) => resource === "slwo1"),
      );
      expect(event).toMatchObject({ error: "unknown-resource", token: "a" });
      expect([...(await lab.retained()).keys()].filter((topic) => topic.includes("slwo1"))).toEqual([]);
    });

    it.concurrent.each([
      ["a device's command", "cmnd/slow1/POWER"],
      ["a wildcard", "lastout/reply/+/x"],
      ["all topics", "#"],
      ["another request", "lastout/slow1/acquire"],
      ["the retained picture", "lastout/slow1/state"],
      ["the reply space itself", "lastout/reply"],
      ["an empty topic", ""],
      ["257 bytes", `lastout/reply/${"x".repeat(243)}`],
    ])("4.2: that wants its reply at %s is granted nothing and answered nowhere", async (_what, replyTo) => {
      const name = fresh();
      const from = lab.observer.heard.length;
      await lab.publish(`lastout/${name}/acquire`, { token: "a", replyTo });
      expect(await lab.untilEvent(name, "rejected", from)).toMatchObject({ error: "forbidden", token: "a" });
      expect(await lab.ask(`${name}/tokens`)).toMatchObject({ total: 0 });
      const topics = lab.observer.heard
        .slice(from)
        .filter(({ payload }) => payload.includes('"ok"') && payload.includes(`"${name}"`))
        .map(({ topic }) => topic);
      expect(topics.every((topic) => topic.startsWith("lastout/reply/test/"))).toBe(true);
      expect(lab.socket("slow1").received.every(({ payload }) => !payload.startsWith("{"))).toBe(true);
    });

    it.concurrent("4.2: may be answered on a topic of exactly 256 bytes", async () => {
      const name = fresh();
      const replyTo = `lastout/reply/${"x".repeat(242)}`;
      await lab.publish(`lastout/${name}/acquire`, { token: "a", replyTo });
      await eventually("the reply", () => lab.observer.objects(replyTo)[0]);
    });

    it.concurrent("4.1: that waits for available is answered when the machine answers, with its ttl from then", async () => {
      const sent = performance.now();
      const { replies } = await lab.begin("slow1/acquire", { token: "a", wait: "available", ttl: 60 });
      await lab.untilState("slow1", "powered");
      expect(replies()).toEqual([]);
      expect(lab.object("slow1")).toMatchObject({ phase: "starting", users: 1 });
      const reply = await eventually("the reply", () => replies()[0]);
      expect(performance.now() - sent).toBeGreaterThanOrEqual(1500);
      expect(reply).toMatchObject({ ok: true, state: "available", ttl: 60 });
      const left = Date.parse(String(reply["expires"])) - Date.now();
      expect(left).toBeGreaterThan(58_000);
      expect(left).toBeLessThanOrEqual(60_000);
      await lab.ask("slow1/release", { token: "a" });
      expect(replies()).toHaveLength(1);
    });

    it.concurrent("4.2: with the id of one that waits joins it: the later deadline rules, both are answered", async () => {
      const first = await lab.begin("slow2/acquire", { token: "a", wait: "available", timeout: 0.8 });
      const second = await lab.begin("slow2/acquire", { token: "a", wait: "available", timeout: 5 });
      await eventually("both are answered", () => first.replies().length + second.replies().length === 2);
      expect(first.replies()[0]).toMatchObject({ ok: true, state: "available", users: 1 });
      expect(second.replies()[0]).toMatchObject({ ok: true, state: "available", users: 1 });
      await lab.ask("slow2/release", { token: "a" });
    });

    it.concurrent("4.1: that times out holds no token, and the resource goes off again", async () => {
      const before = performance.now();
      const reply = await lab.ask("never1/acquire", { token: "a", wait: "available", timeout: 1 });
      expect(performance.now() - before).toBeGreaterThanOrEqual(1000);
      expect(performance.now() - before).toBeLessThan(1000 + slackMs);
      expect(reply).toMatchObject({
        ok: false,
        error: "timeout",
        message: "never1 is still powered after 1s",
      });
      expect(await lab.ask("never1/tokens")).toMatchObject({ total: 0 });
      expect(lab.events("never1", "rejected")).toMatchObject([{ token: "a", error: "timeout" }]);
      await lab.untilState("never1", "off");
    });

    it.concurrent("4.1: with timeout 0 never waits, and nothing is switched for it", async () => {
      const reply = await lab.ask("never2/acquire", { token: "a", wait: "powered", timeout: 0 });
      expect(reply).toMatchObject({ ok: false, error: "timeout" });
      expect(lab.socket("never2").relay(1).history).toEqual([]);
      const name = fresh();
      expect(await lab.ask(`${name}/acquire`, { token: "a", wait: "granted", timeout: 0 })).toMatchObject({
        ok: true,
      });
      await lab.untilState(name, "available");
      expect(await lab.ask(`${name}/acquire`, { token: "b", wait: "available", timeout: 0 })).toMatchObject({
        ok: true,
      });
    });

    it.concurrent("8.1: that waits hears 'released' when its token is released meanwhile", async () => {
      const { replies } = await lab.begin("never3/acquire", { token: "a", wait: "available" });
      await lab.untilState("never3", "powered");
      expect(await lab.ask("never3/release", { token: "a" })).toMatchObject({ ok: true, users: 0 });
      expect(await eventually("the reply", () => replies()[0])).toMatchObject({
        ok: false,
        error: "released",
      });
      expect(replies()).toHaveLength(1);
    });

    it.concurrent("5 rule 6: that waits hears 'power-failed' when the machine does not boot in time", async () => {
      const reply = await lab.ask("never4/acquire", { token: "a", wait: "available" });
      expect(reply).toMatchObject({ ok: false, error: "power-failed" });
      expect(await lab.ask("never4/tokens")).toMatchObject({ total: 0 });
      await lab.untilState("never4", "off");
    });

    it.concurrent("4.3 rule 4: gives a token that expires to within 1 s, 'expiring' told with a tenth left", async () => {
      const name = fresh();
      const before = performance.now();
      await lab.ask(`${name}/acquire`, { token: "a", owner: "ci", ttl: 2 });
      const granted = performance.now();
      const expiring = await lab.untilEvent(name, "expiring");
      expect(performance.now() - before).toBeGreaterThanOrEqual(1790);
      expect(expiring).toMatchObject({ token: "a", owner: "ci", users: 1 });
      const expired = await lab.untilEvent(name, "expired");
      expect(performance.now() - before).toBeGreaterThanOrEqual(1999);
      expect(performance.now() - granted).toBeLessThan(2000 + slackMs);
      expect(expired).toMatchObject({ token: "a", owner: "ci", users: 0 });
      expect(expired["heldSeconds"]).toBeGreaterThanOrEqual(2);
      expect(expired["heldSeconds"]).toBeLessThan(2 + slackMs / 1000);
      expect(lab.events(name, "expiring")).toHaveLength(1);
      await lab.untilState(name, "off");
      expect(await lab.ask(`${name}/renew`, { token: "a" })).toMatchObject({
        error: "unknown-token",
        message: expect.stringMatching(/expired at \d{4}-/),
      });
    });

    it.concurrent("4.3 rule 4: that renews in time keeps the token", async () => {
      const name = fresh();
      await lab.ask(`${name}/acquire`, { token: "a", ttl: 1 });
      await lab.ask(`${name}/renew`, { token: "a", ttl: 3 });
      await lab.ask(`${name}/acquire`, { token: "other", ttl: 1.5 });
      await lab.untilEvent(name, "expired");
      expect(lab.events(name, "expired")).toMatchObject([{ token: "other", users: 1 }]);
      expect(await lab.ask(`${name}/tokens`)).toMatchObject({ holders: [{ token: "a" }] });
    });

    it.concurrent("4.3 rule 8: by a last will with lost ends the token after lostGrace", async () => {
      const name = fresh();
      const will = { topic: `lastout/${name}/release`, payload: JSON.stringify({ token: "a", lost: true }) };
      const job = await lab.connect({ will });
      await job.publish(`lastout/${name}/acquire`, "a");
      await lab.untilState(name, "available");
      const before = performance.now();
      job.vanish();
      expect(await lab.untilEvent(name, "lost")).toMatchObject({ token: "a", users: 0 });
      expect(performance.now() - before).toBeGreaterThanOrEqual(499);
      await lab.untilState(name, "off");
    });

    it.concurrent("4.3 rule 8: within lostGrace brings the token back", async () => {
      const name = fresh();
      await lab.ask(`${name}/acquire`, { token: "a" });
      expect(await lab.ask(`${name}/release`, { token: "a", lost: true })).toMatchObject({
        ok: true,
        users: 1,
      });
      expect(await lab.ask(`${name}/acquire`, { token: "a" })).toMatchObject({ ok: true, users: 1 });
      await lab.ask(`${name}/acquire`, { token: "later", ttl: 1 });
      await lab.untilEvent(name, "expired"); // later than lostGrace
      expect(lab.events(name, "lost")).toEqual([]);
      expect(await lab.ask(`${name}/tokens`)).toMatchObject({ total: 1, holders: [{ token: "a" }] });
    });

    it.concurrent("4: for the tokens is answered in pages, oldest first", async () => {
      const name = fresh();
      for (const token of ["a", "b", "c"]) {
        await lab.ask(`${name}/acquire`, { token, owner: "ci" });
      }
      const page = await lab.ask(`${name}/tokens`, { offset: 1, limit: 1 });
      expect(page).toMatchObject({ ok: true, resource: name, total: 3, queue: [] });
      expect(page["holders"]).toMatchObject([{ token: "b", owner: "ci" }]);
    });
  });

  describe(`over ${title}, the limits of the configuration`, options, () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await startLab({
        broker,
        settings: { limits: { tokens: 2, payload: 300 } },
        switchers: { sim: { type: "simulated" } },
        resources: { build1: { switcher: "sim" } },
      });
      return () => lab.stop();
    }, 30_000);

    it("8.1: a token beyond limits.tokens is limit-reached, and a release makes room", async () => {
      await lab.ask("build1/acquire", { token: "a" });
      await lab.ask("build1/acquire", { token: "b" });
      expect(await lab.ask("build1/acquire", { token: "c" })).toMatchObject({ error: "limit-reached" });
      expect(await lab.ask("build1/acquire", { token: "b" })).toMatchObject({ ok: true, users: 2 });
      await lab.ask("build1/release", { token: "a" });
      expect(await lab.ask("build1/acquire", { token: "c" })).toMatchObject({ ok: true, users: 2 });
      await lab.ask("build1/release", { token: "b" });
      await lab.ask("build1/release", { token: "c" });
    });

    it("8.1: a payload of one byte more than limits.payload is too-large", async () => {
      const shortest = JSON.stringify({ token: "a", purpose: "", replyTo: "lastout/reply/big" });
      const purpose = "x".repeat(300 - shortest.length);
      await lab.publish("lastout/build1/acquire", { token: "a", purpose, replyTo: "lastout/reply/big" });
      await eventually("it is granted", () => lab.observer.objects("lastout/reply/big")[0]);
      await lab.ask("build1/release", { token: "a" });
      const from = lab.observer.heard.length;
      await lab.publish("lastout/build1/acquire", {
        token: "a",
        purpose: `${purpose}x`,
        replyTo: "lastout/reply/big",
      });
      expect(await lab.untilEvent("build1", "rejected", from)).toMatchObject({ error: "too-large" });
      await eventually("it is answered", () =>
        lab.observer.objects("lastout/reply/big").find(({ error }) => error === "too-large"),
      );
      expect(await lab.ask("build1/tokens")).toMatchObject({ total: 0 });
    });
  });
}
