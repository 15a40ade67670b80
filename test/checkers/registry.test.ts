// What every kind of checker must hold, whichever it is: the list in the registry is the test's only knowledge of them.

import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { checkerKinds, checkerOptions, createChecker } from "../../src/adapters/checkers/registry.ts";
import { memoryBus } from "../support/memory-bus.ts";
import { parts } from "./parts.ts";

/** The least that each kind needs to be told, and an answer that cannot come. A new kind adds its line here. */
const least: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  exec: { command: ["/bin/sleep", "60"] },
  icmp: { host: "127.0.0.1" },
  mqtt: { topic: "tele/plug1/LWT", up: "Online" },
  tcp: { host: "127.0.0.1", port: 1 },
};

it("Every kind of checker has a name of its own and stands in the list in order", () => {
  const types = checkerKinds.map((kind) => kind.type);
  expect(types).toEqual(types.toSorted());
  expect(new Set(types).size).toBe(types.length);
  expect(Object.keys(least)).toEqual(types);
});

it("An unknown kind of checker is refused", () => {
  expect(checkerOptions.safeParse({ type: "ping", host: "x" }).success).toBe(false);
});

const made = (type: string, more: Readonly<Record<string, unknown>> = {}, bus = memoryBus()) =>
  createChecker(checkerOptions.parse({ type, ...least[type], ...more }), { ...parts(), bus });

describe.each(checkerKinds.map((kind) => kind.type))("A checker of the kind %s", (type) => {
  const kind = checkerKinds.find((known) => known.type === type);

  it("describes itself and each of its options", () => {
    expect(kind?.summary).toMatch(/^[A-Z].*\.$/);
    const schema = z.toJSONSchema(kind?.options ?? z.never(), { io: "input" });
    const fields = Object.entries(schema.properties ?? {});
    expect(fields.length).toBeGreaterThan(1);
    for (const [name, field] of fields) {
      expect(typeof field === "object" ? field.description : undefined, name).toMatch(/^[A-Z].*\.$/);
    }
    expect(schema.additionalProperties).toBe(false);
  });

  it("refuses an option that it does not have", () => {
    const parsed = checkerOptions.safeParse({ type, ...least[type], colour: "red" });
    expect(parsed.error?.issues).toMatchObject([{ code: "unrecognized_keys", keys: ["colour"] }]);
  });

  it("is down without an answer when its time is up before it begins", async () => {
    expect(await made(type).check(AbortSignal.abort())).toEqual({
      outcome: "down",
      message: "no answer within the timeout",
    });
  });

  it("leaves no listener behind on the signal that it was given", async () => {
    const time = new AbortController();
    const quick = type === "exec" ? { command: ["/bin/true"] } : {};
    const bus = memoryBus();
    const checking = made(type, quick, bus).check(time.signal);
    bus.say("tele/plug1/LWT", "Online");
    await checking;
    expect(getEventListeners(time.signal, "abort")).toEqual([]);
  });
});

const withHost = checkerKinds.filter((kind) => "host" in kind.options.shape).map((kind) => kind.type);

describe.each(withHost)("A checker of the kind %s, which looks up its host", (type) => {
  it("says which host has no address, and that this is no answer about the resource", async () => {
    const result = await made(type, { host: "nobody.invalid" }).check(AbortSignal.timeout(30_000));
    expect(result.outcome).toBe("error");
    expect(result.message).toContain("nobody.invalid");
  });

  it("is down, too, when its time is up before the name server answers", async () => {
    const time = new AbortController();
    const checking = made(type, { host: "nobody.invalid" }).check(time.signal);
    time.abort();
    expect(await checking).toEqual({ outcome: "down", message: "no answer within the timeout" });
  });

  it("refuses a host that a program would take for an option", () => {
    expect(checkerOptions.safeParse({ type, ...least[type], host: "-f" }).success).toBe(false);
  });
});
