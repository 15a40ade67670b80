// Clearing of retained requests: how often, and how our own empty message is known when it comes back.

import { describe, expect, test } from "vitest";
import { createClearings } from "../../src/adapters/mqtt/clearings.ts";
import { handClock } from "../support/hand-clock.ts";

const cycle = "lastout/build1/cycle";

function start(echoes: boolean) {
  const clock = handClock();
  const sent: string[] = [];
  const clearings = createClearings({ clock, clear: (topic) => sent.push(topic), echoes: () => echoes });
  const pass = async (seconds: number): Promise<void> => {
    for (let n = 0; n < seconds; n += 1) {
      await clock.turn(1000);
      clearings.tend();
    }
  };
  return { clearings, sent, pass };
}

describe("a retained request", () => {
  test("is cleared at once, and again after 5 s if it came again", async () => {
    const { clearings, sent, pass } = start(false);
    clearings.request(cycle);
    clearings.request(cycle);
    await pass(4);
    expect(sent).toEqual([cycle]);
    await pass(1);
    expect(sent).toEqual([cycle, cycle]);
    await pass(20);
    expect(sent).toHaveLength(2);
  });
});

describe("our own empty message over MQTT 3.1.1", () => {
  test("is known once for each that was sent, and then an empty message is somebody's request", () => {
    const { clearings } = start(true);
    expect(clearings.isEcho(cycle)).toBe(false);
    clearings.request(cycle);
    expect(clearings.isEcho("lastout/build2/cycle")).toBe(false);
    expect(clearings.isEcho(cycle)).toBe(true);
    expect(clearings.isEcho(cycle)).toBe(false);
  });

  test("is known however late it comes, and when two come late", async () => {
    const { clearings, sent, pass } = start(true);
    clearings.request(cycle);
    clearings.request(cycle);
    await pass(60);
    expect(sent).toHaveLength(2);
    expect([1, 2, 3].map(() => clearings.isEcho(cycle))).toEqual([true, true, false]);
  });

  test("does not come over a new connection any more", () => {
    const { clearings } = start(true);
    clearings.request(cycle);
    clearings.connected();
    expect(clearings.isEcho(cycle)).toBe(false);
  });
});

test("over MQTT 5 nothing comes back, and every empty message is somebody's", () => {
  const { clearings } = start(false);
  clearings.request(cycle);
  expect(clearings.isEcho(cycle)).toBe(false);
});

test("ten thousand topics are remembered, and not one more", () => {
  const { clearings } = start(true);
  for (let n = 0; n <= 10_000; n += 1) {
    clearings.request(`lastout/r${n}/cycle`);
  }
  expect(clearings.isEcho("lastout/r0/cycle")).toBe(false);
  expect(clearings.isEcho("lastout/r1/cycle")).toBe(true);
  expect(clearings.isEcho("lastout/r10000/cycle")).toBe(true);
});
