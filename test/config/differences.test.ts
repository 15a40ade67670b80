// What a reload says of two configurations: a sentence for everything that changed, and what needs a restart.

import { describe, expect, test } from "vitest";
import type { Config } from "../../src/config/config.ts";
import { differences, needingRestart } from "../../src/config/differences.ts";
import { loadConfig } from "../../src/config/load.ts";

type Section = Record<string, Record<string, unknown>>;

interface File extends Record<string, unknown> {
  readonly mqtt: Record<string, unknown>;
  readonly switchers: Section;
  readonly resources: Section;
}

const plain: File = {
  mqtt: { url: "mqtt://127.0.0.1:1883" },
  switchers: { strip: { type: "simulated", outlets: 20 } },
  resources: Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => [`r${index + 1}`, { switcher: `strip/${index + 1}` }]),
  ),
};

function config(change: (file: File) => void = () => undefined): Config {
  const file = structuredClone(plain);
  change(file);
  const loaded = loadConfig({
    file: "/lab.yaml",
    env: {},
    hostName: "here",
    readFile: () => ({ ok: true, text: JSON.stringify(file), open: false }),
  });
  if (!loaded.ok) {
    throw new Error(loaded.mistakes.map(({ message }) => message).join());
  }
  return loaded.config;
}

const checkedAt = (host: string): Config =>
  config((file) => void Object.assign(file.resources["r1"] ?? {}, { check: { type: "icmp", host } }));

describe("Between two configurations", () => {
  test("that are the same nothing differs", () => {
    expect(differences(config(), config())).toEqual([]);
    expect(needingRestart(config(), config())).toEqual([]);
  });

  test("what came and went is named, and so is every field that changed", () => {
    const next = config((file) => {
      const { r1, r3 } = file.resources;
      delete file.resources["r2"];
      Object.assign(r1 ?? {}, { check: { type: "tcp", host: "a", port: 22 }, shutdown: "none" });
      Object.assign(r3 ?? {}, { needs: ["r4"], description: "the third" });
      file.switchers["other"] = { type: "simulated" };
      Object.assign(file.switchers["strip"] ?? {}, { stagger: "3s", timeout: "9s" });
      file["pools"] = { any: { members: ["r5"] } };
      file["operators"] = ["laforge"];
      file["access"] = "users";
      file["log"] = { level: "debug" };
      file["limits"] = { payload: 1000 };
    });
    expect(differences(config(), next)).toEqual([
      "resource r2 removed",
      "resource r1 changed: check",
      "resource r3 changed: needs, description",
      "pool any added",
      "switcher other added",
      "switcher strip changed: timeout, stagger",
      "access changed",
      "operators changed",
      "limits changed",
      "log changed",
    ]);
  });

  test("a changed default is one sentence, however many resources it is for", () => {
    const next = config((file) => {
      file["defaults"] = { offDelay: "9m" };
      Object.assign(file.resources["r20"] ?? {}, { offDelay: "1m" });
    });
    expect(differences(config(), next)).toEqual([
      "resources r1, r2, r3, r4, r5, r6, r7, r8, r9, r10 and 9 more changed: offDelay",
    ]);
  });

  test("the host or port of a checker is a change, though its times are the same", () => {
    expect(differences(checkedAt("a"), checkedAt("b"))).toEqual(["resource r1 changed: check"]);
  });

  test("mqtt, broker and store need a restart, and are told apart from the rest", () => {
    const next = config((file) => {
      file.mqtt["base"] = "lab";
      file["broker"] = { listen: "127.0.0.1:1999" };
      file["store"] = { path: "/var/lib/other.db" };
    });
    expect(needingRestart(config(), next)).toEqual(["mqtt", "broker", "store"]);
    expect(differences(config(), next)).toEqual([]);
  });
});
