// What every kind of shutdown must hold, whichever it is: the list in the registry is the test's only knowledge of them.

import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { shutdownKinds, shutdownOptions } from "../../src/adapters/shutdowns/registry.ts";
import { made } from "./parts.ts";

/** The least that each kind needs to be told, for a machine that is not there. A new kind adds its line here. */
const least: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  exec: { command: ["/bin/false"] },
  http: { url: "http://127.0.0.1:1/off" },
  mqtt: { topic: "lab/off" },
  ssh: { host: "127.0.0.1", user: "lab", port: 1 },
};

it("Every kind of shutdown has a name of its own and stands in the list in order", () => {
  const types = shutdownKinds.map((kind) => kind.type);
  expect(types).toEqual(types.toSorted());
  expect(new Set(types).size).toBe(types.length);
  expect(Object.keys(least)).toEqual(types);
});

it("An unknown kind of shutdown is refused", () => {
  expect(shutdownOptions.safeParse({ type: "none" }).success).toBe(false);
});

describe.each(shutdownKinds.map((kind) => kind.type))("A shutdown of the kind %s", (type) => {
  const kind = shutdownKinds.find((known) => known.type === type);

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

  it("leaves the fields that all kinds share to the configuration", () => {
    for (const name of ["timeout", "settle", "idleBelow", "onTimeout"]) {
      expect(Object.keys(kind?.options.shape ?? {})).not.toContain(name);
    }
  });

  it("refuses an option that it does not have", () => {
    const parsed = shutdownOptions.safeParse({ type, ...least[type], colour: "red" });
    expect(parsed.error?.issues).toMatchObject([{ code: "unrecognized_keys", keys: ["colour"] }]);
  });

  it("does nothing when its time is up before it begins, and says that it has not succeeded", async () => {
    const result = await made({ type, ...least[type] }).run(AbortSignal.abort());
    expect(["failed", "unsure"]).toContain(result.outcome);
    expect(result.message).not.toBe("");
  });

  it("has not succeeded with a machine that is not there, and leaves no listener on its signal", async () => {
    const time = new AbortController();
    const result = await made({ type, ...least[type] }).run(time.signal);
    expect(["failed", "unsure"]).toContain(result.outcome);
    expect(result.message).toMatch(/^\S.*\S$/);
    expect(getEventListeners(time.signal, "abort")).toEqual([]);
  });
});
