// One token over several resources, over the wire: all or nothing, asked for over `controller/...`, in any order and by many at once, over
// crashes of the controller, too. Who is whose turn in one queue is in sharing.test.ts, pools alone are in pools.test.ts.

import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { millis } from "../../src/core/time.ts";
import { eventually } from "../support/eventually.ts";
import { shuffled } from "../support/random.ts";
import { type Asker, createAsker } from "./asker.ts";
import { brokers, inLab, type Lab, startLab } from "./lab.ts";
import { type Fields, listIn } from "./observer.ts";
import { slackMs } from "./slack.ts";

const exclusive = { mode: "exclusive" } as const;
const time = (fields: Fields, name: string): number => Date.parse(String(fields[name]));
const totals = { ttl: { default: "3s", max: "10s", total: "6s" } };

describe.concurrent.each(brokers.map((one) => [one.title, one] as const))("over %s:", (_title, one) => {
  const { broker, options } = one;
  /** For hundreds of requests, or many starts. */
  const longer = { ...options, timeout: 180_000 };

  describe("a token over several resources", options, () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await startLab({
        broker,
        sockets: {
          all1: {},
          all2: {},
          all3: {},
          word1: { machine: { bootMs: 900 } },
          word2: {},
          turn1: {},
          turn2: {},
          beside1: {},
          beside2: {},
          beside3: {},
          locked1: {},
          locked2: {},
          weak1: { machine: { bootMs: 200 } },
          weak2: { machine: { bootMs: 200 }, resource: { bootTimeout: "700ms" } },
          total1: { resource: totals },
          total2: { resource: { ttl: { default: "20s", max: "1m" } } },
          total3: { resource: totals },
        },
        settings: {
          pools: {
            beside: { members: ["beside1", "beside2", "beside3"] },
            totals: { members: ["total3"] },
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
    /** Ids of tokens over several are unique over the controller: each test has its own. */
    const acquire = (resources: readonly string[], token: string, fields: Fields = {}) =>
      lab.ask("controller/acquire", { resources, token, ...fields });
    const release = (token: string) => lab.ask("controller/release", { token });
    const single = (name: string, token: string, fields: Fields = {}) =>
      lab.ask(`${name}/acquire`, { token, ...fields });

    it("4.2: is granted on all of them or on none: one that is busy keeps all others untouched", async () => {
      await single("all2", "x", exclusive);
      expect(await acquire(["all1", "all2", "all3"], "all-a")).toEqual({
        ok: false,
        token: "all-a",
        error: "busy",
        message: "all2 is held exclusively by 'anonymous'; with a timeout it would queue",
      });
      const waiting = await lab.begin("controller/acquire", {
        resources: ["all3", "all1", "all2"],
        token: "all-b",
        timeout: 30,
      });
      const late = await lab.begin("controller/acquire", {
        resources: ["all1", "all2"],
        token: "all-late",
        timeout: 1,
      });
      for (const name of ["all1", "all2", "all3"]) {
        await lab.untilObject(name, { queue: name === "all3" ? 1 : 2, users: name === "all2" ? 1 : 0 });
      }
      expect(await eventually("it times out", () => late.replies()[0])).toMatchObject({ error: "timeout" });
      expect([clicks("all1"), clicks("all3")]).toEqual([[], []]); // nothing was switched for those that wait
      await lab.ask("all2/release", { token: "x" });
      expect(await eventually("it is served", () => waiting.replies()[0])).toMatchObject({
        ok: true,
        resources: ["all3", "all1", "all2"],
        token: "all-b",
        users: 1,
      });
      for (const name of ["all1", "all2", "all3"]) {
        await lab.untilObject(name, { queue: 0, users: 1, state: "available" });
        expect(await lab.untilEvent(name, "granted")).toMatchObject({ users: 1 });
      }
      expect(late.replies()).toHaveLength(1);
      expect(waiting.replies()).toHaveLength(1);
    });

    it("4.2: is asked for, renewed and released over controller/..., with the least of the states", async () => {
      await single("word2", "mine", { wait: "available" });
      const first = await acquire(["word2", "word1"], "word-a", { owner: "ci", ttl: 60, id: "no. 1" });
      expect(first).toMatchObject({
        ok: true,
        id: "no. 1",
        resources: ["word2", "word1"],
        owner: "ci",
        ttl: 60,
      });
      expect(first).toMatchObject({ state: "off", users: 2 }); // the least state, the most users
      expect(first).not.toHaveProperty("resource");
      await lab.untilState("word1", "powered");
      expect(await lab.ask("controller/renew", { token: "word-a", ttl: 600 })).toMatchObject({
        ok: true,
        resources: ["word2", "word1"],
        state: "powered",
        ttl: 600,
      });
      // The same id again, in another order and waiting, is a renewal with a wait.
      expect(await acquire(["word1", "word2"], "word-a", { owner: "ci", wait: "available" })).toMatchObject({
        ok: true,
        state: "available",
        users: 2,
      });
      expect(await acquire(["word1"], "word-a", { owner: "ci" })).toMatchObject({ error: "token-taken" });
      expect(await acquire(["word1", "word2"], "word-a", { owner: "else" })).toMatchObject({
        error: "token-taken",
      });
      for (const request of ["word1/renew", "word2/release"]) {
        expect(await lab.ask(request, { token: "word-a" })).toMatchObject({
          error: "invalid-request",
          message: expect.stringMatching(/controller\/release/),
        });
      }
      expect(await lab.ask("word1/tokens")).toMatchObject({
        total: 1,
        holders: [{ token: "word-a", owner: "ci" }],
      });
      await lab.publish("lastout/controller/renew", "word-a");
      await lab.publish("lastout/controller/release", "word-a");
      expect(await lab.untilEvent("word1", "released")).toMatchObject({ token: "word-a", users: 0 });
      expect(await lab.untilEvent("word2", "released")).toMatchObject({ token: "word-a", users: 1 });
      expect(lab.events("word1", "renewed").map(({ token }) => token)).toContain("word-a");
      expect(await release("word-a")).toMatchObject({
        error: "unknown-token",
        message: expect.stringMatching(/released at \d{4}-/),
      });
      await lab.untilState("word1", "off");
      expect(lab.object("word2")).toMatchObject({ users: 1, state: "available" });
    });

    it("10: naming a resource twice, or too few members, is invalid; a pool never gives one named beside it", async () => {
      expect(await acquire(["beside1", "beside1"], "beside-a")).toMatchObject({
        error: "invalid-request",
        message: expect.stringMatching(/beside1.*twice/),
      });
      expect(await acquire(["beside1", "beside9"], "beside-a")).toMatchObject({ error: "unknown-resource" });
      expect(await acquire(["beside", "beside1", "beside2", "beside3"], "beside-a")).toMatchObject({
        error: "invalid-request",
      });
      await single("beside2", "mine", { wait: "available" }); // the best one of the pool
      expect(await acquire(["beside", "beside2", "beside1"], "beside-a")).toMatchObject({
        ok: true,
        resources: ["beside3", "beside2", "beside1"],
      });
      expect(await lab.ask("controller/release", { token: "beside-a" })).toMatchObject({
        ok: true,
        resources: ["beside3", "beside2", "beside1"],
      });
    });

    it("4.3 rule 6: those ahead of it in any of its queues go first, and it goes before those behind", async () => {
      await single("turn1", "x", exclusive);
      const ahead = await lab.begin("turn1/acquire", { token: "ahead", timeout: 30, ...exclusive });
      await lab.untilObject("turn1", { queue: 1 });
      const both = await lab.begin("controller/acquire", {
        resources: ["turn2", "turn1"],
        token: "both",
        timeout: 30,
        ...exclusive,
      });
      await lab.untilObject("turn2", { queue: 1 });
      expect(await single("turn2", "behind")).toMatchObject({ error: "busy" });
      const behind = await lab.begin("turn2/acquire", { token: "behind", timeout: 30 });
      await lab.untilObject("turn2", { queue: 2, users: 0 });
      await lab.ask("turn1/release", { token: "x" });
      await eventually("the first is served", () => ahead.replies()[0]);
      expect([both.replies(), behind.replies()]).toEqual([[], []]);
      await lab.ask("turn1/release", { token: "ahead" });
      await eventually("the one for both is served", () => both.replies()[0]);
      expect(behind.replies()).toEqual([]);
      await release("both");
      await eventually("the one behind is served", () => behind.replies()[0]);
      const served = [ahead, both, behind].map(({ replies }) => replies());
      expect(served).toMatchObject([[{ ok: true }], [{ ok: true }], [{ ok: true }]]);
    });

    it("6: one of them locked out refuses it, and takes it from all when it comes", async () => {
      await acquire(["locked1", "locked2"], "locked-a");
      const waiting = await lab.begin("controller/acquire", {
        resources: ["locked1", "locked2"],
        token: "locked-b",
        timeout: 30,
        ...exclusive,
      });
      await lab.untilObject("locked1", { queue: 1, users: 1 });
      await lab.ask("locked2/override", { mode: "off", by: "laforge" });
      expect(await eventually("it is told", () => waiting.replies()[0])).toMatchObject({
        error: "locked-out",
      });
      expect(await lab.untilEvent("locked1", "locked-out")).toMatchObject({ token: "locked-a", users: 0 });
      await lab.untilObject("locked1", { users: 0, queue: 0, state: "off" });
      expect(await acquire(["locked1", "locked2"], "locked-c", { timeout: 9 })).toMatchObject({
        error: "locked-out",
      });
      expect(await lab.ask("locked1/tokens")).toMatchObject({ total: 0, queue: [] });
    });

    it("4.1: fails as a whole when one of them does not boot", async () => {
      lab.machine("weak2").bootable(false);
      const waiting = await lab.begin("controller/acquire", {
        resources: ["weak1", "weak2"],
        token: "weak-a",
        wait: "available",
      });
      expect(await eventually("it is told", () => waiting.replies()[0])).toMatchObject({
        error: "power-failed",
      });
      await lab.untilObject("weak1", { users: 0, state: "off" });
      await lab.untilObject("weak2", { users: 0, state: "off" });
      expect(waiting.replies()).toHaveLength(1);
    });

    it("10: the least ttl.total of all bounds what renewals add up to; it ends on all at once", async () => {
      const names = ["total2", "total1", "totals"];
      expect(await acquire(names, "total-a", { ttl: 11 })).toMatchObject({ error: "ttl-too-long" });
      const first = await acquire(names, "total-a", { ttl: 3 });
      const begin = time(first, "expires") - 3000;
      const renewed = await lab.ask("controller/renew", { token: "total-a", ttl: 9 });
      expect(renewed).toMatchObject({
        ok: true,
        resources: ["total2", "total1", "total3"],
        ttl: expect.toSatisfy((left) => left >= 1 && left <= 6),
      });
      expect(time(renewed, "expires")).toBe(begin + 6000);
      expect(await lab.ask("controller/renew", { token: "total-a", ttl: 9 })).toMatchObject({
        error: "ttl-too-long",
        message: expect.stringMatching(/has used up the 6s/),
      });
      expect(await acquire(names, "total-a")).toMatchObject({ ok: true, expires: renewed["expires"] });
      for (const name of ["total1", "total2", "total3"]) {
        const expired = await lab.untilEvent(name, "expired");
        expect(expired).toMatchObject({ token: "total-a", users: 0 });
        expect(Math.abs(time(expired, "time") - begin - 6000)).toBeLessThan(slackMs);
      }
      await lab.untilState("total2", "off");
    });
  });

  it("4.3 rule 6: two that name the same resources in different order never block each other", longer, () =>
    inLab({ broker, sockets: { left: {}, middle: {}, right: {} } }, async (lab) => {
      const askers = await Promise.all([createAsker(lab), createAsker(lab)]);
      const names = ["left", "middle", "right"];
      for (let round = 0; round < 100; round += 1) {
        await Promise.all(
          askers.map(async (asker, client) => {
            const token = `${round}-${client}`;
            const resources = shuffled(names).slice(0, 2 + (round % 2));
            const fields = { resources, token, timeout: 10, ...exclusive };
            expect(await asker.ask("controller/acquire", fields)).toMatchObject({
              ok: true,
              users: 1,
              resources,
            });
            expect(await asker.ask("controller/release", { token })).toMatchObject({ ok: true });
          }),
        );
      }
      for (const asker of askers) {
        expect([...asker.replies.values()].every((replies) => replies.length === 1)).toBe(true);
        await asker.stop();
      }
      for (const name of names) {
        await lab.untilObject(name, { users: 0, queue: 0, state: "off" });
      }
    }),
  );

  it("4.2: kill -9 never leaves half of a token over several: 5 crashes in a churn of them", longer, () =>
    inLab(
      {
        broker,
        sockets: { one: {}, two: {}, pool1: {}, pool2: {} },
        settings: { restartGrace: "500ms", pools: { pool: { members: ["pool1", "pool2"] } } },
      },
      async (lab) => {
        const wanted = ["one", "two", "pool"];
        for (let crash = 0; crash < 5; crash += 1) {
          const churn = await Promise.all(
            [1, 2, 3, 4].map((client) => startChurn(lab, `${crash}-${client}`, wanted)),
          );
          await eventually("some were granted", () => lab.events("one", "granted").length > 8 * (crash + 1));
          await systemClock.sleep(millis(Math.random() * 60)); // somewhere between a request and its reply
          await lab.controller.kill9();
          await Promise.all(churn.map((stop) => stop()));
          lab.start();
          await lab.settled();
          const held = await Promise.all(wanted.map((name) => heldOn(lab, name)));
          expect(held[1]).toEqual(held[0]);
          expect(held[2]).toEqual(held[0]);
          expect(held[0]?.length).toBeGreaterThan(0);
        }
        // What was told ok and not released is there, and can be given back, whole.
        for (const token of await heldOn(lab, "one")) {
          expect(await lab.ask("controller/release", { token })).toMatchObject({ ok: true });
        }
        for (const name of ["one", "two", "pool1", "pool2"]) {
          await lab.untilObject(name, { users: 0, queue: 0, state: "off" });
        }
      },
    ),
  );
});

/** Tokens over several come, and most of them go, a few requests ahead of their replies, until it is stopped or its connection is gone. */
async function startChurn(
  lab: Lab,
  name: string,
  resources: readonly string[],
): Promise<() => Promise<void>> {
  const asker = await createAsker(lab);
  const over = new AbortController();
  const running = (async () => {
    for (let turn = 0; !over.signal.aborted; turn += 1) {
      const token = `${name}-${turn}`;
      await eventually("not too many are unanswered", () => over.signal.aborted || unanswered(asker) < 8);
      await asker.send("controller/acquire", { resources: shuffled(resources), token });
      if (turn % 4 > 0) {
        await asker.send("controller/release", { token });
      }
    }
  })().catch(() => undefined); // the embedded broker went with the controller
  return async () => {
    over.abort();
    await running;
    await asker.stop();
  };
}

const unanswered = ({ replies }: Asker): number =>
  [...replies.values()].filter((some) => some.length === 0).length;

async function heldOn(lab: Lab, name: string): Promise<readonly string[]> {
  const { holders, total } = await lab.ask(`${name}/tokens`, { limit: 1000 });
  const tokens = listIn(holders).map(({ token }) => String(token));
  expect(tokens).toHaveLength(Number(total));
  return tokens.toSorted();
}
