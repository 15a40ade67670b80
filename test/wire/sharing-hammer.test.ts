// Twenty clients at once on a few resources, a pool and several at a time, exclusive and shared mixed: whatever the order in which all that
// comes, nobody shares with an exclusive holder, everybody is answered once, and at the end the power is off.

import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { millis } from "../../src/core/time.ts";
import { anyOf, shuffled } from "../support/random.ts";
import { type Asker, createAsker } from "./asker.ts";
import { brokers, inLab, type Lab } from "./lab.ts";
import { type Fields, listIn } from "./observer.ts";

const clients = 20;
const lengthMs = 10_000;
const asked = ["one", "two", "three", "pool"];
const resources = ["one", "two", "three", "pool1", "pool2"];
/** `unknown-token` hears who releases what was refused a moment before. */
const outcomes = ["ok", "busy", "timeout", "released", "unknown-token"];

describe.each(brokers.map((one) => [one.title, one] as const))("4.3 over %s:", (_title, one) => {
  it(
    "rules 1, 5 and 6: a crowd never shares with an exclusive holder, and is answered, each request once",
    one.options,
    () =>
      inLab(
        {
          broker: one.broker,
          sockets: {
            one: {},
            two: { resource: { capacity: 3 } },
            three: { machine: { bootMs: 100 } },
            pool1: { machine: { bootMs: 100 } },
            pool2: {},
          },
          settings: { pools: { pool: { members: ["pool1", "pool2"] } } },
        },
        async (lab) => {
          const until = performance.now() + lengthMs;
          const crowd = await Promise.all(Array.from({ length: clients }, () => createAsker(lab)));
          const sampled = await Promise.all([
            sampleTokens(lab, until),
            ...crowd.map((asker, client) => hammer(asker, client, until)),
          ]);

          for (const asker of crowd) {
            for (const [id, replies] of asker.replies) {
              expect([id, replies.map(outcomeOf)]).toEqual([id, [expect.toBeOneOf(outcomes)]]);
            }
            await asker.stop();
          }
          for (const name of resources) {
            await lab.untilObject(name, { users: 0, queue: 0, exclusive: false, state: "off" });
            expect(lab.socket(name).relay(1).position).toBe("off");
            checkEvents(lab, name);
          }
          await lab.untilObject("pool", { users: 0, queue: 0, free: 2, state: "off" });

          // It was a crowd: each kind of thing happened, and often.
          expect(sampled[0]).toBeGreaterThan(10);
          const events = [...resources, "pool"].flatMap((name) => lab.events(name));
          const tokens = (event: string, start: string): number =>
            events.filter((fields) => fields["event"] === event && String(fields["token"]).startsWith(start))
              .length;
          for (const [event, start] of [
            ["granted", "shared"],
            ["granted", "exclusive"],
            ["queued", "shared"],
            ["queued", "exclusive"],
            ["rejected", "exclusive"],
          ] as const) {
            expect([event, start, tokens(event, start)]).toEqual([
              event,
              start,
              expect.toSatisfy((count) => count > 10),
            ]);
          }
          expect(events.some(({ users }) => Number(users) > 2)).toBe(true);
        },
      ),
  );
});

/** Asks for this and that, holds it for a moment, gives it back. */
async function hammer(asker: Asker, client: number, until: number): Promise<number> {
  let turn = 0;
  for (; performance.now() < until; turn += 1) {
    const mode = Math.random() < 0.4 ? "exclusive" : "shared";
    const token = `${mode}-${client}-${turn}`;
    const names = shuffled(asked).slice(0, anyOf([1, 1, 1, 2, 3]));
    const [name] = names.length === 1 ? names : ["controller"];
    const acquire: Fields = {
      token,
      mode,
      priority: anyOf([-1, 0, 0, 0, 1]),
      wait: anyOf(["granted", "granted", "powered", "available"]),
      ...anyOf<Fields>([{}, { timeout: 0 }, { timeout: 0.2 }, { timeout: 10 }, { timeout: 10 }]),
      ...(names.length === 1 ? {} : { resources: names }),
    };
    if (Math.random() < 0.1) {
      await asker.send(`${name}/acquire`, acquire);
      await asker.ask(`${name}/release`, { token }); // perhaps it queues still, perhaps it was refused
      continue;
    }
    const reply = await asker.ask(`${name}/acquire`, acquire);
    if (reply["ok"] === true) {
      await systemClock.sleep(millis(anyOf([0, 5, 20, 60])));
      if (Math.random() < 0.2) {
        expect(await asker.ask(`${name}/renew`, { token })).toMatchObject({ ok: true, token });
      }
      expect(await asker.ask(`${name}/release`, { token })).toMatchObject({ ok: true, token });
    }
  }
  return turn;
}

/** Looks at who holds what, again and again. @returns how often */
async function sampleTokens(lab: Lab, until: number): Promise<number> {
  const asker = await createAsker(lab);
  let samples = 0;
  while (performance.now() < until) {
    for (const name of resources) {
      const { holders, total } = await asker.ask(`${name}/tokens`);
      const modes = listIn(holders).map(({ mode }) => mode);
      expect(modes).toHaveLength(Number(total));
      expect([name, modes.includes("exclusive") && modes.length > 1]).toEqual([name, false]);
      expect(name === "two" && modes.length > 3).toBe(false);
      samples += 1;
    }
    await systemClock.sleep(millis(50));
  }
  await asker.stop();
  return samples;
}

/** Goes through all that was told of a resource, in order: who held it with whom, and whether the counts were right. */
function checkEvents(lab: Lab, name: string): void {
  const holders = new Set<string>();
  for (const { event, token, users, heldSeconds } of lab.events(name)) {
    if (event === "granted") {
      holders.add(String(token));
      const alone = holders.size === 1 || ![...holders].some((one) => one.startsWith("exclusive"));
      expect([name, [...holders], alone]).toEqual([name, [...holders], true]);
      expect(users).toBe(holders.size);
    } else if (heldSeconds !== undefined && holders.delete(String(token))) {
      expect(users).toBe(holders.size);
    }
  }
  expect([...holders]).toEqual([]);
}

const outcomeOf = ({ ok, error }: Fields): string => (ok === true ? "ok" : String(error));
