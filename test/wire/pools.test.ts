// Pools over the wire: which member is chosen (protocol 4.3 rule 7), requests over the pool's name, what a pool publishes, warm members,
// and members that do not boot or are locked out. Requests that name a pool beside other resources are in several.test.ts.

import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { millis } from "../../src/core/time.ts";
import { eventually } from "../support/eventually.ts";
import { brokers, inLab, type Lab, startLab } from "./lab.ts";
import type { Fields } from "./observer.ts";
import { slackMs } from "./slack.ts";

const exclusive = { mode: "exclusive" } as const;
const time = (fields: Fields, name: string): number => Date.parse(String(fields[name]));
const machine = { machine: { bootMs: 200 } } as const;
/** A boot has failed after that. */
const bootsLate = { machine: { bootMs: 200 }, resource: { bootTimeout: "800ms" } } as const;

const states = (lab: Lab) => ["w1", "w2", "w3"].map((name) => lab.object(name)["state"]);

describe.concurrent.each(brokers.map((one) => [one.title, one] as const))("over %s:", (_title, one) => {
  describe("a pool", one.options, () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await startLab({
        broker: one.broker,
        sockets: {
          near1: machine,
          near2: { ...machine, resource: { bootTimeout: "1m" } },
          near3: machine,
          few1: machine,
          few2: machine,
          name1: {},
          name2: {},
          shown1: machine,
          shown2: machine,
          line1: {},
          line2: {},
          dead1: bootsLate,
          dead2: bootsLate,
          patient1: bootsLate,
          patient2: bootsLate,
          busy1: bootsLate,
          busy2: bootsLate,
          none1: bootsLate,
          none2: bootsLate,
          lock1: {},
          lock2: {},
          shut1: {},
          shut2: {},
          total1: { resource: { ttl: { default: "3s", max: "10s", total: "6s" } } },
          total2: { resource: { ttl: { default: "3s", max: "10s", total: "6s" } } },
        },
        settings: {
          pools: {
            near: { members: ["near1", "near2", "near3"] },
            few: { members: ["few1", "few2"] },
            name: { members: ["name1", "name2"] },
            shown: { members: ["shown1", "shown2"] },
            line: { members: ["line1", "line2"] },
            dead: { members: ["dead1", "dead2"] },
            patient: { members: ["patient1", "patient2"] },
            busy: { members: ["busy1", "busy2"] },
            none: { members: ["none1", "none2"] },
            lock: { members: ["lock1", "lock2"] },
            shut: { members: ["shut1", "shut2"] },
            total: { members: ["total1", "total2"] },
          },
        },
      });
      return () => lab.stop();
    }, 30_000);

    const clicks = (name: string): readonly string[] =>
      lab
        .socket(name)
        .relay(1)
        .history.map(({ position }) => position);
    const acquire = (name: string, token: string, fields: Fields = {}) =>
      lab.ask(`${name}/acquire`, { token, ...fields });
    const release = (name: string, token: string) => lab.ask(`${name}/release`, { token });
    const events = (name: string, event: string) => lab.events(name, event).map(({ token }) => token);

    it("rule 7: gives the member that is available, then one that is powered, then one that is off", async () => {
      lab.machine("near2").bootable(false);
      await acquire("near2", "mine", { wait: "powered" });
      await acquire("near3", "mine", { wait: "available" });
      expect(await acquire("near", "a", { wait: "available" })).toMatchObject({
        ok: true,
        resource: "near3",
        state: "available",
        users: 2,
      });
      await lab.ask("near3/override", { mode: "off", force: true });
      await lab.untilObject("near3", { phase: "locked", users: 0 });
      expect(await acquire("near", "b")).toMatchObject({ resource: "near2", state: "powered", users: 2 });
      await lab.ask("near2/override", { mode: "off", force: true });
      expect(await acquire("near", "c")).toMatchObject({ resource: "near1", state: "off", users: 1 });
      expect(await lab.ask("near/tokens")).toMatchObject({
        total: 1,
        holders: [{ token: "c", resource: "near1" }],
      });
    });

    it("rule 7: gives the one with the fewest users among equals", async () => {
      await acquire("few1", "mine", { wait: "available" });
      await acquire("few2", "mine", { wait: "available" });
      await acquire("few1", "again");
      const chosen = [];
      for (const token of ["a", "b", "c", "d"]) {
        chosen.push((await acquire("few", token))["resource"]);
      }
      expect(chosen).toEqual(["few2", "few1", "few2", "few1"]);
    });

    it("rule 2: is asked for over its own name, and answers with the member that it gave", async () => {
      const first = await acquire("name", "a", { owner: "ci", ttl: 60 });
      expect(first).toMatchObject({ ok: true, resource: "name1", token: "a", owner: "ci", users: 1 });
      await lab.untilState("name1", "available");
      expect(await acquire("name", "b", exclusive)).toMatchObject({ resource: "name2" });
      // The same id again renews it where it is, whatever else would be chosen now.
      expect(await acquire("name", "a", { owner: "ci", ttl: 600 })).toMatchObject({
        resource: "name1",
        users: 1,
        ttl: 600,
      });
      const renewed = await lab.ask("name/renew", { token: "a", ttl: 1200 });
      expect(renewed).toMatchObject({ ok: true, resource: "name1", token: "a", ttl: 1200 });
      expect(Math.abs(Date.parse(String(renewed["expires"])) - Date.now() - 1_200_000)).toBeLessThan(slackMs);
      expect(await acquire("name", "a", { owner: "else" })).toMatchObject({ error: "token-taken" });
      expect(await lab.ask("name/tokens")).toMatchObject({
        resource: "name",
        total: 2,
        holders: [
          { resource: "name1", token: "a", owner: "ci", mode: "shared" },
          { resource: "name2", token: "b", mode: "exclusive" },
        ],
        queue: [],
      });
      await lab.publish("lastout/name/renew", "b");
      expect(await lab.untilEvent("name2", "renewed")).toMatchObject({ token: "b" });
      expect(await release("name", "a")).toMatchObject({ ok: true, resource: "name1", token: "a", users: 0 });
      expect(await release("name", "a")).toMatchObject({
        error: "unknown-token",
        message: expect.stringMatching(/released at \d{4}-/),
      });
      await lab.publish("lastout/name/release", "b");
      await lab.untilState("name1", "off");
      await lab.untilState("name2", "off");
      expect([clicks("name1"), clicks("name2")]).toEqual([
        ["on", "off"],
        ["on", "off"],
      ]);
    });

    it("3: publishes the best state of its members, users, queue, free and members; ready while one can be shared", async () => {
      const state = () => lab.observer.last("lastout/shown/state");
      const ready = () => lab.observer.last("lastout/shown/ready");
      const retained = async () => {
        const all = await lab.retained();
        return ["state", "ready"].map((topic) => all.get(`lastout/shown/${topic}`));
      };
      await lab.untilObject("shown", { state: "off", level: 0, users: 0, queue: 0, free: 2, members: 2 });
      expect(await retained()).toEqual(["off", undefined]);
      await acquire("shown", "a");
      await lab.untilObject("shown", {
        state: "available",
        level: 2,
        users: 1,
        queue: 0,
        free: 1,
        members: 2,
      });
      await eventually("its topics say so, too", () => state() === "available" && ready() === "1");
      expect(await retained()).toEqual(["available", "1"]);
      // Held exclusively by all, it is available and not ready.
      await acquire("shown", "b", { ...exclusive, wait: "available" });
      await release("shown", "a");
      await acquire("shown1", "c", exclusive);
      await lab.untilObject("shown", { state: "available", users: 2, free: 0 });
      await eventually("it is not ready", () => ready() === undefined);
      const waiting = await lab.begin("shown/acquire", { token: "d", timeout: 30 });
      await lab.untilObject("shown", { users: 2, queue: 1, free: 0, members: 2 });
      await lab.untilObject("shown1", { queue: 1 });
      await lab.untilObject("shown2", { queue: 1 });
      await release("shown", "b");
      await eventually("it is served", () => waiting.replies()[0]);
      await lab.untilObject("shown", { users: 2, queue: 0 });
      await eventually("it is ready", () => ready() === "1");
      await release("shown", "d");
      await release("shown1", "c");
      await lab.untilObject("shown", { state: "off", users: 0, free: 2 });
      await eventually("its topics say so, too", () => state() === "off" && ready() === undefined);
      expect(await retained()).toEqual(["off", undefined]);
    });

    it("rule 6: a request for it stands in the queue of every member, in one order with those for a member", async () => {
      await acquire("line1", "x1", exclusive);
      await acquire("line2", "x2", exclusive);
      expect(await acquire("line", "no")).toMatchObject({
        error: "busy",
        message: expect.stringMatching(/^no member of line is free/),
      });
      const wait = async (name: string, token: string, users: number) => {
        const waiting = await lab.begin(`${name}/acquire`, { token, timeout: 30, ...exclusive });
        await lab.untilObject("line2", { queue: users });
        return waiting;
      };
      const member = await wait("line2", "member", 1);
      const pool = await wait("line", "pool", 2);
      const later = await wait("line2", "later", 3);
      await lab.untilObject("line", { users: 2, queue: 1, free: 0 });
      expect(await lab.ask("line/tokens")).toMatchObject({ total: 2, queue: [{ token: "pool" }] });
      await release("line2", "x2");
      expect(await eventually("the first is served", () => member.replies()[0])).toMatchObject({ ok: true });
      await release("line1", "x1");
      expect(await eventually("the pool's is served", () => pool.replies()[0])).toMatchObject({
        ok: true,
        resource: "line1",
      });
      await lab.untilObject("line2", { queue: 1 });
      await release("line", "pool");
      expect(later.replies()).toEqual([]);
      await release("line2", "member");
      await eventually("the last is served", () => later.replies()[0]);
      expect([member, pool, later].map(({ replies }) => replies().length)).toEqual([1, 1, 1]);
      await release("line2", "later");
    });

    it("rule 7: tries another member when the one that it gave does not boot, and the request succeeds", async () => {
      lab.machine("dead1").bootable(false);
      const reply = await acquire("dead", "a", { wait: "available", timeout: 20, owner: "ci" });
      expect(reply).toMatchObject({ ok: true, resource: "dead2", state: "available", users: 1, owner: "ci" });
      expect(lab.events("dead1", "rejected")).toMatchObject([{ token: "a", moved: "dead2" }]);
      await lab.untilObject("dead1", { users: 0, state: "off" });
      await lab.untilObject("dead", { users: 1, free: 1, state: "available" });
      expect(await lab.ask("dead/renew", { token: "a" })).toMatchObject({ ok: true, resource: "dead2" });
    });

    it("rule 7: tries another member also for a request that names no timeout", async () => {
      lab.machine("patient1").bootable(false);
      const reply = await acquire("patient", "a", { wait: "available" });
      expect(reply).toMatchObject({ ok: true, resource: "patient2", state: "available" });
    });

    it("rule 7: waits for another member that is not free, and is given it when it is", async () => {
      lab.machine("busy1").bootable(false);
      await acquire("busy2", "x", { ...exclusive, wait: "available" });
      const waiting = await lab.begin("busy/acquire", { token: "a", wait: "available", timeout: 30 });
      expect(await lab.untilEvent("busy1", "granted")).toMatchObject({ token: "a" });
      await lab.untilObject("busy", { queue: 1 }); // its boot has failed
      expect(await lab.ask("busy/tokens")).toMatchObject({ total: 1, queue: [{ token: "a" }] });
      await release("busy2", "x");
      expect(await eventually("it is served", () => waiting.replies()[0])).toMatchObject({
        ok: true,
        resource: "busy2",
        state: "available",
      });
      await lab.untilObject("busy1", { users: 0, state: "off" });
      expect(waiting.replies()).toHaveLength(1);
    });

    it("rule 7: tells power-failed, once, when no member boots, and leaves nothing on", async () => {
      lab.machine("none1").bootable(false);
      lab.machine("none2").bootable(false);
      const waiting = await lab.begin("none/acquire", { token: "a", wait: "available", timeout: 20 });
      const patient = await lab.begin("none/acquire", { token: "b", wait: "available" });
      expect(await eventually("it is told", () => waiting.replies()[0])).toMatchObject({
        ok: false,
        resource: "none",
        token: "a",
        error: "power-failed",
      });
      expect(await eventually("the other, too", () => patient.replies()[0])).toMatchObject({
        error: "power-failed",
      });
      expect([lab.machine("none1").boots, lab.machine("none2").boots]).toEqual([1, 1]);
      await lab.untilObject("none", { users: 0, queue: 0, free: 2, state: "off" });
      expect([waiting.replies().length, patient.replies().length]).toEqual([1, 1]);
      expect(await lab.ask("none/renew", { token: "a" })).toMatchObject({ error: "unknown-token" });
    });

    it("6: skips a member that is locked out; locked-out only when all are", async () => {
      await lab.ask("lock1/override", { mode: "off", by: "laforge", reason: "PSU swap" });
      await lab.untilObject("lock1", { phase: "locked" });
      expect(await acquire("lock", "a", exclusive)).toMatchObject({ ok: true, resource: "lock2" });
      const waiting = await lab.begin("lock/acquire", { token: "b", timeout: 30 });
      await lab.untilObject("lock", { queue: 1 });
      await lab.ask("lock2/override", { mode: "off", by: "data", reason: "dust" });
      expect(await lab.untilEvent("lock2", "locked-out")).toMatchObject({ token: "a" });
      expect(await eventually("it is told", () => waiting.replies()[0])).toMatchObject({
        error: "locked-out",
      });
      const refused = await acquire("lock", "c", { timeout: 30 });
      expect(refused).toMatchObject({ ok: false, resource: "lock", error: "locked-out" });
      expect(String(refused["message"])).toMatch(/laforge.*PSU swap.*data.*dust/);
      expect(clicks("lock1")).toEqual([]);
      await lab.ask("lock1/override", { mode: "auto" });
      expect(await acquire("lock", "d")).toMatchObject({ ok: true, resource: "lock1" });
      expect(waiting.replies()).toHaveLength(1);
    });

    it("6: a request that queues for it goes on when one member is locked out, and takes no override itself", async () => {
      await acquire("shut1", "x1", exclusive);
      await acquire("shut2", "x2", exclusive);
      const waiting = await lab.begin("shut/acquire", { token: "a", timeout: 30 });
      await lab.untilObject("shut", { queue: 1 });
      await lab.ask("shut1/override", { mode: "off", by: "laforge" });
      await lab.untilObject("shut1", { phase: "locked" });
      expect(waiting.replies()).toEqual([]);
      expect(events("shut1", "locked-out")).toEqual(["x1"]);
      await release("shut2", "x2");
      expect(await eventually("it is served", () => waiting.replies()[0])).toMatchObject({
        resource: "shut2",
      });
      const next = await lab.begin("shut/acquire", { token: "b", timeout: 30, ...exclusive });
      await lab.untilObject("shut", { queue: 1 });
      await lab.ask("shut1/override", { mode: "auto" });
      expect(await eventually("it is served", () => next.replies()[0])).toMatchObject({ resource: "shut1" });
      expect(await lab.ask("shut/override", { mode: "on" })).toMatchObject({ error: "invalid-request" });
    });

    it("10: ttl.total bounds what renewals over its name add up to", async () => {
      const first = await acquire("total", "a", { ttl: 3 });
      const begin = time(first, "expires") - 3000;
      const renewed = await lab.ask("total/renew", { token: "a", ttl: 9 });
      expect(renewed).toMatchObject({ ok: true, ttl: expect.toSatisfy((left) => left >= 1 && left <= 6) });
      expect(time(renewed, "expires")).toBe(begin + 6000);
      expect(await lab.ask("total/renew", { token: "a", ttl: 9 })).toMatchObject({
        error: "ttl-too-long",
        message: "token 'a' has used up the 6s that total1 allows in all (ttl.total)",
      });
      // Who comes back hears that it is still theirs, for no longer than it was.
      expect(await acquire("total", "a", { ttl: 9 })).toMatchObject({
        ok: true,
        expires: renewed["expires"],
      });
      expect(await lab.ask("total/renew", { token: "a", ttl: 11 })).toMatchObject({ error: "ttl-too-long" });
      const expired = await lab.untilEvent("total1", "expired");
      expect(Math.abs(time(expired, "time") - begin - 6000)).toBeLessThan(slackMs);
      expect(await acquire("total", "a")).toMatchObject({ ok: true }); // a new token has its own time
    });
  });

  describe("warm members of a pool", one.options, () => {
    const spare = { broker: one.broker, sockets: { w1: machine, w2: machine, w3: machine } } as const;
    const pools = { pools: { hot: { members: ["w1", "w2", "w3"], warm: 1 } } };

    it("are on ahead of any request; another one warms up when one is taken, and goes off when it is not needed", () =>
      inLab({ ...spare, settings: pools }, async (lab) => {
        await lab.untilObject("w1", { state: "available", phase: "held", users: 0 });
        await systemClock.sleep(millis(600)); // more than the off delay
        expect(states(lab)).toEqual(["available", "off", "off"]);
        // With timeout 0, because there is nothing to wait for.
        const reply = await lab.ask("hot/acquire", { token: "a", wait: "available", timeout: 0 });
        expect(reply).toMatchObject({ ok: true, resource: "w1", users: 1, state: "available" });
        await lab.untilObject("w2", { state: "available", users: 0 });
        await lab.ask("hot/release", { token: "a" });
        await eventually("one is left", () => states(lab).filter((state) => state !== "off").length === 1);
        await lab.crash();
        await lab.settled();
        await systemClock.sleep(millis(1200)); // restartGrace and the off delay are over
        expect(states(lab).filter((state) => state === "available")).toHaveLength(1);
        expect(states(lab).filter((state) => state === "off")).toHaveLength(2);
        const ons = ["w1", "w2", "w3"].map(
          (name) =>
            lab
              .socket(name)
              .relay(1)
              .history.filter(({ position }) => position === "on").length,
        );
        expect(ons).toEqual([1, 1, 0]);
      }));

    it("are others where one is locked out or does not boot", () =>
      inLab({ ...spare, sockets: { ...spare.sockets, w2: bootsLate }, settings: pools }, async (lab) => {
        await lab.untilObject("w1", { state: "available" });
        lab.machine("w2").bootable(false);
        await lab.ask("w1/override", { mode: "off", force: true });
        await lab.untilObject("w2", { state: "powered", users: 0 });
        await lab.untilObject("w3", { state: "available", users: 0 });
        await eventually("the others are off", () => states(lab).join() === "off,off,available");
        await systemClock.sleep(millis(1200)); // it is not tried again and again
        expect(lab.machine("w2").boots).toBe(1);
        expect(await lab.ask("hot/acquire", { token: "a", wait: "available" })).toMatchObject({
          resource: "w3",
        });
      }));
  });
});
