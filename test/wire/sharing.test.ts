// Sharing one resource over the wire: exclusive tokens, capacity, the queue with its order and its deadlines (protocol 4.3 rules 5 and 6).
// Pools are in pools.test.ts, requests for several resources in several.test.ts, queues over restarts in queue-restarts.test.ts.

import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { millis } from "../../src/core/time.ts";
import { eventually } from "../support/eventually.ts";
import { brokers, inLab, type Lab, startLab } from "./lab.ts";
import { type Fields, listIn } from "./observer.ts";
import { isInTime, slackMs } from "./slack.ts";

const second = 1000;
const exclusive = { mode: "exclusive" } as const;
const time = (fields: Fields | undefined, name = "time"): number => Date.parse(String(fields?.[name]));

describe.concurrent.each(brokers.map((one) => [one.title, one] as const))("4.3 over %s:", (_title, one) => {
  describe("a resource that is shared", one.options, () => {
    const { broker } = one;
    let lab: Lab;
    beforeAll(async () => {
      lab = await startLab({
        broker,
        sockets: {
          alone: {},
          fair: {},
          stream: {},
          ranks: {},
          two: { resource: { capacity: 2 } },
          late: {},
          zero: {},
          leaves: {},
          gone: {},
          joins: {},
          boots: { machine: { bootMs: 800 } },
          budget: { machine: { bootMs: 600_000 } },
          pages: {},
        },
        settings: { lostGrace: "2s" },
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
    /** A request that will stand in the queue; resolves when it does. */
    const queue = async (name: string, token: string, fields: Fields = {}) => {
      const waiting = await lab.begin(`${name}/acquire`, { token, timeout: 30, ...fields });
      await eventually(`${token} queues for ${name}`, () =>
        lab.events(name, "queued").some((event) => event["token"] === token),
      );
      return waiting;
    };
    const release = (name: string, token: string) => lab.ask(`${name}/release`, { token });
    /** How long a request that timed out was in the works, by the times of its events. */
    const waited = async (name: string, token: string): Promise<number> => {
      const last = (event: string): Promise<Fields> =>
        eventually(`${token} is told of as ${event}`, () =>
          lab.events(name, event).findLast((fields) => fields["token"] === token),
        );
      return time(await last("rejected")) - time(await last("queued"));
    };
    const granted = (name: string) => lab.events(name, "granted").map(({ token }) => token);

    it("rule 5: an exclusive token stands alone; others are busy, or queue with a timeout and follow it", async () => {
      expect(await acquire("alone", "x", { ...exclusive, owner: "ci" })).toMatchObject({
        ok: true,
        users: 1,
      });
      await lab.untilObject("alone", { exclusive: true, users: 1, queue: 0, state: "available" });
      expect(await acquire("alone", "s")).toEqual({
        ok: false,
        resource: "alone",
        token: "s",
        error: "busy",
        message: "alone is held exclusively by 'ci'; with a timeout it would queue",
      });
      expect(await acquire("alone", "y", exclusive)).toMatchObject({ error: "busy" });
      const waiting = await queue("alone", "s", {
        owner: "lab",
        purpose: "a look",
        priority: 3,
        timeout: 20,
      });
      expect(lab.events("alone", "queued")).toMatchObject([
        { token: "s", owner: "lab", users: 1, position: 1 },
      ]);
      await lab.untilObject("alone", { exclusive: true, users: 1, queue: 1 });
      const tokens = await lab.ask("alone/tokens");
      expect(tokens).toMatchObject({
        ok: true,
        resource: "alone",
        total: 1,
        holders: [{ token: "x", owner: "ci", purpose: null, mode: "exclusive" }],
        queue: [{ token: "s", owner: "lab", purpose: "a look", mode: "shared", priority: 3 }],
      });
      const [entry] = listIn(tokens["queue"]);
      const [holder] = listIn(tokens["holders"]);
      expect(time(entry, "deadline") - time(entry, "since")).toBe(20 * second);
      expect(time(holder, "since")).toBeLessThan(time(entry, "since"));
      expect(waiting.replies()).toEqual([]);

      await release("alone", "x");
      expect(await eventually("it is served", () => waiting.replies()[0])).toMatchObject({
        ok: true,
        resource: "alone",
        token: "s",
        owner: "lab",
        users: 1,
        state: "available",
      });
      await lab.untilObject("alone", { exclusive: false, users: 1, queue: 0 });
      expect(await lab.ask("alone/tokens")).toMatchObject({ total: 1, queue: [] });
      expect(clicks("alone")).toEqual(["on"]);
    });

    it("rule 5: a shared one waits behind an exclusive one that waits, also when only shared ones hold it", async () => {
      await acquire("fair", "s1");
      const first = await queue("fair", "x", exclusive);
      expect(await acquire("fair", "s2")).toMatchObject({
        error: "busy",
        message: "1 request waits ahead for fair; with a timeout it would queue",
      });
      expect(await acquire("fair", "s1")).toMatchObject({ ok: true, users: 1 }); // a renewal stands in no queue
      const next = await queue("fair", "s3");
      const last = await queue("fair", "s4");
      await lab.untilObject("fair", { users: 1, queue: 3, exclusive: false });
      await release("fair", "s1");
      await eventually("the exclusive one is served", () => first.replies()[0]);
      await lab.untilObject("fair", { users: 1, queue: 2, exclusive: true });
      expect([next.replies(), last.replies()]).toEqual([[], []]);
      await release("fair", "x");
      await eventually("both shared ones are served", () => next.replies()[0] && last.replies()[0]);
      await lab.untilObject("fair", { users: 2, queue: 0, exclusive: false });
      expect(granted("fair")).toEqual(["s1", "x", "s3", "s4"]);
      expect(clicks("fair")).toEqual(["on"]);
    });

    it("rule 6: shared ones that keep coming do not starve an exclusive one", async () => {
      const over = new AbortController();
      const stream = async (client: number): Promise<void> => {
        for (let turn = 0; !over.signal.aborted; turn += 1) {
          const token = `s${client}-${turn}`;
          expect(await acquire("stream", token, { timeout: 20 })).toMatchObject({ ok: true });
          await systemClock.sleep(millis(60)); // long enough that another one is always there
          await release("stream", token);
        }
      };
      await acquire("stream", "pin");
      const streams = [stream(1), stream(2), stream(3)];
      await eventually("several are there at once", () => Number(lab.object("stream")["users"]) > 2);
      const waiting = await queue("stream", "x", exclusive);
      await eventually("shared ones have come after it", () => Number(lab.object("stream")["queue"]) > 2);
      await release("stream", "pin");
      expect(await eventually("it is served", () => waiting.replies()[0])).toMatchObject({
        ok: true,
        users: 1,
      });
      await release("stream", "x");
      over.abort();
      await Promise.all(streams);
      await lab.untilObject("stream", { state: "off", users: 0, queue: 0 });
      const events = lab.events("stream").map(({ event, token }) => `${String(event)} ${String(token)}`);
      const whileItWaited = events.slice(events.indexOf("queued x"), events.indexOf("granted x"));
      expect(whileItWaited.filter((event) => event.startsWith("granted"))).toEqual([]);
    });

    it("rule 6: a higher priority overtakes, equals are served as they came", async () => {
      await acquire("ranks", "holder", exclusive);
      const order = [
        ["a", 0],
        ["b", 0],
        ["low", -100],
        ["c", 5],
        ["d", 5],
        ["top", 100],
      ] as const;
      for (const [token, priority] of order) {
        await queue("ranks", token, { ...exclusive, priority });
      }
      expect(lab.events("ranks", "queued").map(({ position }) => position)).toEqual([1, 2, 3, 1, 2, 1]);
      const served = ["top", "c", "d", "a", "b", "low"];
      const { queue: waiting } = await lab.ask("ranks/tokens");
      expect(listIn(waiting).map(({ token, priority }) => [token, priority])).toEqual(
        served.map((token) => order.find(([name]) => name === token)),
      );
      for (const [place, token] of ["holder", ...served].entries()) {
        await release("ranks", token);
        await lab.untilObject("ranks", { queue: Math.max(0, 5 - place) });
      }
      expect(granted("ranks")).toEqual(["holder", ...served]);
    });

    it("rule 5: capacity bounds the tokens; an exclusive one needs all of it", async () => {
      await acquire("two", "a");
      await acquire("two", "b");
      expect(await acquire("two", "c")).toMatchObject({
        error: "busy",
        message: "the capacity of two is used up: 2 of 2 held; with a timeout it would queue",
      });
      const c = await queue("two", "c");
      const x = await queue("two", "x", exclusive);
      await lab.untilObject("two", { users: 2, queue: 2 });
      await release("two", "a");
      expect(await eventually("c is served", () => c.replies()[0])).toMatchObject({ ok: true, users: 2 });
      await release("two", "b");
      await lab.untilObject("two", { users: 1, queue: 1 });
      expect(x.replies()).toEqual([]);
      await release("two", "c");
      expect(await eventually("x is served", () => x.replies()[0])).toMatchObject({ ok: true, users: 1 });
      expect(await acquire("two", "d")).toMatchObject({ error: "busy" });
    });

    it("4.1: a request that queues is told timeout at its deadline, exactly once, and leaves nothing", async () => {
      await acquire("late", "x", exclusive);
      const asked = performance.now();
      const waits = await Promise.all(
        [1, 1.5, 2.2].map(async (timeout) => {
          const { replies } = await queue("late", `after${timeout}`, { timeout });
          return { timeout, replies };
        }),
      );
      for (const { timeout, replies } of waits) {
        expect(await eventually("it is answered", () => replies()[0])).toMatchObject({
          ok: false,
          token: `after${timeout}`,
          error: "timeout",
          message: expect.stringMatching(/^not granted within .*: late is held exclusively by 'anonymous'/),
        });
        expect(performance.now() - asked).toBeGreaterThanOrEqual(timeout * second - 20); // two clocks that count whole milliseconds
        expect((await waited("late", `after${timeout}`)) - timeout * second).toSatisfy(isInTime);
      }
      await lab.untilObject("late", { queue: 0, users: 1 });
      await release("late", "x");
      await lab.untilObject("late", { users: 0, state: "off" });
      expect(waits.map(({ replies }) => replies().length)).toEqual([1, 1, 1]);
      expect(lab.events("late", "rejected")).toMatchObject(
        waits.map(({ timeout }) => ({ token: `after${timeout}`, error: "timeout" })),
      );
      expect(granted("late")).toEqual(["x"]);
      expect(await lab.ask("late/renew", { token: "after1" })).toMatchObject({ error: "unknown-token" });
    });

    it("4.1: timeout 0 is busy at once, and queues nowhere", async () => {
      await acquire("zero", "x", exclusive);
      expect(await acquire("zero", "s", { timeout: 0 })).toMatchObject({ ok: false, error: "busy" });
      expect(await lab.ask("zero/tokens")).toMatchObject({ total: 1, queue: [] });
      expect(lab.events("zero", "queued")).toEqual([]);
    });

    it("4.1: the timeout counts queueing and booting together", async () => {
      await acquire("budget", "x", exclusive);
      const waiting = await queue("budget", "s", { wait: "available", timeout: 4 });
      await systemClock.sleep(millis(1500)); // a part of it is spent in the queue, the rest on a boot without end
      await release("budget", "x");
      await eventually("it is granted", () => granted("budget").includes("s"));
      expect(await eventually("it is answered", () => waiting.replies()[0])).toMatchObject({
        error: "timeout",
        message: expect.stringMatching(/^budget is still powered/),
      });
      expect((await waited("budget", "s")) - 4 * second).toSatisfy(isInTime);
      await lab.untilObject("budget", { users: 0, state: "off" });
      expect(waiting.replies()).toHaveLength(1);
    });

    it("4.1: with wait, the reply after a queue comes when the machine answers, and its ttl runs from then", async () => {
      await acquire("boots", "x", exclusive);
      const waiting = await queue("boots", "s", { wait: "available", ttl: 100 });
      await release("boots", "x");
      const reply = await eventually("it is answered", () => waiting.replies()[0]);
      expect(reply).toMatchObject({ ok: true, state: "available", ttl: 100 });
      expect(Math.abs(time(reply, "expires") - Date.now() - 100 * second)).toBeLessThan(slackMs);
      expect(lab.machine("boots").boots).toBe(1);
    });

    it("4: release leaves the queue, and the request that waited hears released", async () => {
      await acquire("leaves", "x", exclusive);
      const waiting = await queue("leaves", "s");
      expect(await lab.ask("leaves/renew", { token: "s" })).toMatchObject({ error: "unknown-token" });
      expect(await lab.ask("leaves/release", { token: "s", owner: "thief" })).toMatchObject({
        error: "not-owner",
      });
      expect(await release("leaves", "s")).toMatchObject({
        ok: true,
        resource: "leaves",
        token: "s",
        users: 1,
      });
      await lab.untilObject("leaves", { queue: 0, users: 1 });
      expect(await eventually("it is told", () => waiting.replies()[0])).toMatchObject({ error: "released" });
      expect(lab.events("leaves", "released")).toMatchObject([{ token: "s", heldSeconds: 0 }]);
      expect(await release("leaves", "s")).toMatchObject({ error: "unknown-token" });
      await release("leaves", "x");
      await lab.untilObject("leaves", { state: "off" });
      expect(waiting.replies()).toHaveLength(1);
      expect(granted("leaves")).toEqual(["x"]);
    });

    it("rule 8: the will of a client that queues ends its request after lostGrace, unless it asks again", async () => {
      await acquire("gone", "x", exclusive);
      const dies = await queue("gone", "dies");
      const lives = await queue("gone", "lives");
      const left = Date.now();
      for (const token of ["dies", "lives"]) {
        const client = await lab.connect({
          will: { topic: "lastout/gone/release", payload: JSON.stringify({ token, lost: true }) },
        });
        client.vanish();
        await client.closed;
      }
      const again = await lab.begin("gone/acquire", { token: "lives", timeout: 30 });
      const lost = await lab.untilEvent("gone", "lost");
      expect(lost).toMatchObject({ token: "dies" });
      expect(time(lost) - left).toBeGreaterThanOrEqual(2000);
      await lab.untilObject("gone", { queue: 1 });
      expect(dies.replies()).toMatchObject([{ error: "released" }]);
      await systemClock.sleep(millis(2200)); // more than lostGrace
      await release("gone", "x");
      await eventually("both requests are answered", () => lives.replies()[0] && again.replies()[0]);
      expect([lives.replies(), again.replies()]).toMatchObject([[{ ok: true }], [{ ok: true, users: 1 }]]);
      expect(granted("gone")).toEqual(["x", "lives"]);
    });

    it("4.2: a second request with the id of one that queues joins it: the later deadline rules, all are answered", async () => {
      await acquire("joins", "x", exclusive);
      const asked = performance.now();
      const first = await queue("joins", "s", { owner: "ci", timeout: 3 });
      expect(await acquire("joins", "s", { owner: "else", timeout: 9 })).toMatchObject({
        error: "token-taken",
      });
      const later = await lab.begin("joins/acquire", { token: "s", owner: "ci", timeout: 20 });
      await eventually("the later deadline is shown", async () => {
        const [entry] = listIn((await lab.ask("joins/tokens"))["queue"]);
        return time(entry, "deadline") - time(entry, "since") > 19 * second;
      });
      expect(await acquire("joins", "s", { owner: "ci", timeout: 0 })).toMatchObject({ error: "busy" });
      const patient = await lab.begin("joins/acquire", { token: "s", owner: "ci" });
      await lab.untilObject("joins", { queue: 1, users: 1 });
      await systemClock.sleep(millis(asked + 3300 - performance.now())); // the first deadline has passed
      const all = [first, later, patient];
      expect(all.map(({ replies }) => replies())).toEqual([[], [], []]);
      await release("joins", "x");
      await eventually("all are answered", () => all.every(({ replies }) => replies()[0]));
      for (const { replies } of all) {
        expect(replies()).toMatchObject([{ ok: true, users: 1 }]);
      }
      expect(granted("joins")).toEqual(["x", "s"]);
    });

    it("4: tokens come in pages, with the total", async () => {
      for (const token of ["a", "b", "c", "d", "e"]) {
        await acquire("pages", token);
      }
      expect(await pageOf(lab, { limit: 2 })).toEqual([5, ["a", "b"]]);
      expect(await pageOf(lab, { offset: 2, limit: 2 })).toEqual([5, ["c", "d"]]);
      expect(await pageOf(lab, { offset: 4, limit: 2 })).toEqual([5, ["e"]]);
      expect(await pageOf(lab, { offset: 5 })).toEqual([5, []]);
    });
  });

  it("8.1: limits.tokens counts tokens and queued requests of all resources together", one.options, () =>
    inLab(
      { broker: one.broker, sockets: { here: {}, there: {} }, settings: { limits: { tokens: 3 } } },
      async (lab) => {
        await lab.ask("here/acquire", { token: "x", ...exclusive });
        const waiting = await lab.begin("here/acquire", { token: "a", timeout: 30 });
        const brief = await lab.begin("here/acquire", { token: "b", timeout: 2 });
        await lab.untilObject("here", { users: 1, queue: 2 });
        expect(await lab.ask("there/acquire", { token: "c" })).toMatchObject({ error: "limit-reached" });
        expect(await lab.ask("here/acquire", { token: "c", timeout: 9 })).toMatchObject({
          error: "limit-reached",
        });
        expect(await eventually("it times out", () => brief.replies()[0])).toMatchObject({
          error: "timeout",
        });
        expect(await lab.ask("there/acquire", { token: "c" })).toMatchObject({ ok: true });
        await lab.ask("here/release", { token: "x" }); // one goes out of the queue, and counts as a token
        expect(await eventually("a is served", () => waiting.replies()[0])).toMatchObject({ ok: true });
        expect(await lab.ask("there/acquire", { token: "d" })).toMatchObject({ ok: true });
        expect(await lab.ask("there/acquire", { token: "e" })).toMatchObject({ error: "limit-reached" });
      },
    ),
  );
});

async function pageOf(lab: Lab, fields: Fields): Promise<readonly unknown[]> {
  const { total, holders } = await lab.ask("pages/tokens", fields);
  return [total, listIn(holders).map(({ token }) => token)];
}
