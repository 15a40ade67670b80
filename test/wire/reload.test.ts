// Goal: SIGHUP takes over what changed in the configuration and disturbs nothing else. Method: the real process over both brokers, with
// simulated sockets that keep everything they hear; the tests of one broker share a lab and come one after the other.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { millis } from "../../src/core/time.ts";
import { startTasmota, type Tasmota } from "../simulators/tasmota.ts";
import { eventually } from "../support/eventually.ts";
import { freePort, startMosquitto } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { type Controller, createController } from "./controller.ts";
import { brokers, inLab, type Lab, patience, startLab } from "./lab.ts";
import { type Fields, objectIn } from "./observer.ts";

type Config = Record<string, unknown>;

/** A section of the file, to be changed. */
function section(config: Config, ...path: readonly string[]): Config {
  let at = config;
  for (const key of path) {
    const next = at[key];
    if (typeof next !== "object" || next === null) {
      at[key] = {};
    }
    at = at[key] as Config; // oxlint-disable-line typescript/no-unsafe-type-assertion -- the lab's configuration has objects there
  }
  return at;
}

const logged = (text: string): readonly Fields[] => text.split("\n").map(objectIn);

/** What the log says when a reload has come to its end, by how it went. */
const outcomes: Readonly<Record<string, string>> = {
  "The configuration was read again": "done",
  "The configuration was read again and has mistakes: nothing was changed, all goes on as before": "mistakes",
  "The configuration was read again and cannot be used now: nothing was changed, all goes on as before":
    "refused",
  "The configuration could not be read again: nothing was changed, all goes on as before": "failed",
};

const isOn = (socket: Tasmota): boolean => socket.relay(1).history.at(-1)?.position === "on";

interface Reloaded {
  readonly outcome: string;
  /** What was logged meanwhile. */
  readonly log: readonly Fields[];
  readonly changes: readonly unknown[];
}

async function reload(lab: Lab, change: (config: Config) => void = () => undefined): Promise<Reloaded> {
  const from = lab.controller.log().length;
  lab.configure(change);
  process.kill(lab.controller.pid, "SIGHUP");
  return eventually("the reload has come to an end", () => {
    const log = logged(lab.controller.log().slice(from));
    const end = log.find(({ msg }) => Object.hasOwn(outcomes, String(msg)));
    return (
      end && {
        outcome: String(outcomes[String(end["msg"])]),
        log,
        changes: log.flatMap((line) => (line["msg"] === "The configuration changed" ? [line["change"]] : [])),
      }
    );
  });
}

describe.each(brokers.map((one) => [one.title, one] as const))("A reload over %s:", (_title, one) => {
  describe("the controller", one.options, () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await startLab({
        broker: one.broker,
        sockets: {
          keep: { machine: { bootMs: 200 } },
          boots: { machine: { bootMs: 1500 } },
          gone: {},
          waits: { machine: { bootMs: 60_000 } },
          renamed: {},
          slow: { resource: { offDelay: "1h" } },
          moved: {},
          base: {},
          needy: {},
          pooled: {},
          locked: {},
          churn1: {},
          churn2: {},
        },
      });
      return () => lab.stop();
    }, 30_000);

    const acquire = (name: string, token = "a", fields = {}) =>
      lab.ask(`${name}/acquire`, { token, wait: "powered", ...fields });
    async function newSocket(topic: string): Promise<Tasmota> {
      const socket = await startTasmota({ topic, speed: 20, serviceMs: 2, port: lab.port });
      onTestFinished(() => socket.stop());
      return socket;
    }

    it("leaves alone what did not change, and a resource that was added works at once", async () => {
      expect(await acquire("keep", "a", { wait: "available" })).toMatchObject({ ok: true });
      const waiting = await lab.begin("boots/acquire", { token: "w", wait: "available", timeout: 60 });
      await lab.untilState("boots", "powered");
      const heardBefore = ["keep", "boots"].map((name) => lab.socket(name).received.length);
      const socket = await newSocket("fresh");
      const { outcome, changes } = await reload(lab, (config) => {
        section(config, "switchers")["fresh-plug"] = { type: "tasmota", topic: "fresh" };
        section(config, "resources")["fresh"] = { switcher: "fresh-plug" };
      });
      expect([outcome, changes]).toEqual(["done", ["resource fresh added", "switcher fresh-plug added"]]);
      expect(await acquire("fresh")).toMatchObject({ ok: true, state: "available", users: 1 });
      expect(isOn(socket)).toBe(true);
      await eventually("the waiting request is answered", () => waiting.replies()[0]);
      expect(waiting.replies()).toMatchObject([{ ok: true, token: "w", state: "available" }]);
      expect(["keep", "boots"].map((name) => lab.socket(name).received.length)).toEqual(heardBefore);
      expect(lab.events("keep").map(({ event }) => event)).not.toContain("removed");
      expect(lab.object("keep")).toMatchObject({ users: 1, state: "available", phase: "in-use" });
      await eventually(
        "the counts are published",
        () => objectIn(lab.observer.last("lastout/controller/info") ?? "")["resources"] === 14,
      );
      await reload(lab, (config) => {
        delete section(config, "resources")["fresh"];
        delete section(config, "switchers")["fresh-plug"];
      });
    });

    it("ends the tokens of a removed resource with an event, answers who waits for it, clears its topics, and leaves its socket as it is", async () => {
      await acquire("gone", "g", { owner: "ci" });
      const waiting = await lab.begin("waits/acquire", { token: "w", wait: "available", timeout: 60 });
      await lab.untilState("waits", "powered");
      const heard = ["gone", "waits"].map((name) => lab.socket(name).received.length);
      const { changes } = await reload(lab, (config) => {
        for (const name of ["gone", "waits"]) {
          delete section(config, "resources")[name];
          delete section(config, "switchers")[`${name}-plug`];
        }
      });
      expect(changes).toEqual([
        "resources gone, waits removed",
        "switchers gone-plug, waits-plug removed",
        "outlet gone-plug is on and belongs to no resource now: it is left on",
        "outlet waits-plug is on and belongs to no resource now: it is left on",
      ]);
      expect(await lab.untilEvent("gone", "removed")).toMatchObject({ token: "g", owner: "ci" });
      await eventually("it is told of the resource, too", () =>
        lab.events("gone", "removed").some((event) => !("token" in event)),
      );
      await eventually("the waiting request is answered", () => waiting.replies()[0]);
      expect(waiting.replies()).toMatchObject([{ ok: false, error: "unknown-resource", token: "w" }]);
      await eventually("the topics are cleared", async () =>
        [...(await lab.retained()).keys()].every((topic) => !/\/(gone|waits)(\/|-plug|$)/.test(topic)),
      );
      expect(await lab.ask("gone/acquire", { token: "x" })).toMatchObject({ error: "unknown-resource" });
      expect(["gone", "waits"].map((name) => lab.socket(name).received.length)).toEqual(heard);
      expect([isOn(lab.socket("gone")), isOn(lab.socket("waits"))]).toEqual([true, true]);
    });

    it("leaves the socket on when the resource in use gets another name, until it is used under that", async () => {
      await acquire("renamed", "r", { owner: "ci" });
      const heard = lab.socket("renamed").received.length;
      await reload(lab, (config) => {
        const resources = section(config, "resources");
        resources["second"] = resources["renamed"];
        delete resources["renamed"];
      });
      await lab.untilEvent("renamed", "removed");
      await lab.untilObject("second", { phase: "held", state: "available", users: 0 });
      await systemClock.sleep(millis(900)); // three off delays, in which nothing may happen
      expect(isOn(lab.socket("renamed"))).toBe(true);
      expect(lab.socket("renamed").received.length).toBe(heard);
      await acquire("second", "s");
      await lab.ask("second/release", { token: "s" });
      await lab.untilState("second", "off");
    });

    it("takes over a changed offDelay, also for a resource that lingers already", async () => {
      await acquire("slow");
      await lab.ask("slow/release", { token: "a" });
      await lab.untilObject("slow", { phase: "lingering" });
      const { changes } = await reload(lab, (config) => {
        section(config, "resources", "slow")["offDelay"] = "200ms";
      });
      expect(changes).toEqual(["resource slow changed: offDelay"]);
      await lab.untilState("slow", "off");
      expect(isOn(lab.socket("slow"))).toBe(false);
    });

    it("refuses another switcher for a resource that is held, with all else that is in the file, until it is off", async () => {
      const socket = await newSocket("elsewhere");
      await acquire("moved");
      const heard = lab.socket("moved").received.length;
      const { outcome, log, changes } = await reload(lab, (config) => {
        section(config, "switchers", "moved-plug")["topic"] = "elsewhere";
        section(config, "resources", "keep")["offDelay"] = "7s";
      });
      expect([outcome, changes]).toEqual(["refused", []]);
      expect(log.find(({ reasons }) => reasons !== undefined)?.["reasons"]).toEqual([
        expect.stringContaining("moved is in use"),
      ]);
      await lab.ask("moved/renew", { token: "a" });
      expect(lab.socket("moved").received.length).toBe(heard);
      expect(lab.object("moved")).toMatchObject({ users: 1, state: "available" });

      await lab.ask("moved/release", { token: "a" });
      await lab.untilState("moved", "off");
      expect(await reload(lab)).toMatchObject({
        outcome: "done",
        changes: ["resource keep changed: offDelay", "switcher moved-plug changed: topic"],
      });
      expect(await acquire("moved", "b")).toMatchObject({ ok: true });
      expect([isOn(socket), isOn(lab.socket("moved"))]).toEqual([true, false]);
      // What the former socket says is no longer this resource's.
      lab.socket("moved").press();
      await eventually("the former socket has switched", () => isOn(lab.socket("moved")));
      socket.press();
      await lab.untilState("moved", "off");
      await lab.ask("moved/release", { token: "b" });
    });

    it("changes nothing when the file has mistakes, and logs each with its place and its cure", async () => {
      await acquire("slow", "c");
      const { outcome, log } = await reload(lab, (config) => {
        section(config, "resources", "slow")["ofDelay"] = "1h";
        delete section(config, "resources")["keep"];
      });
      expect(outcome).toBe("mistakes");
      const line = log.find(({ mistakes }) => mistakes !== undefined);
      expect(line).toMatchObject({ level: "error" });
      expect(String(line?.["mistakes"])).toMatch(
        /lastout\.yaml:\d+:\d+ resources\.slow\.ofDelay: is not known here; did you mean 'offDelay'\?/,
      );
      expect(await lab.ask("keep/renew", { token: "a" })).toMatchObject({ ok: true, users: 1 });
      writeFileSync(lab.configFile, "resources: [");
      process.kill(lab.controller.pid, "SIGHUP");
      await eventually(
        "the second one is told, too",
        () => lab.controller.log().split("has mistakes: nothing was changed").length === 3,
      );
      expect(await reload(lab, mend)).toMatchObject({ outcome: "done", changes: [] });
      await lab.ask("slow/release", { token: "c" });

      function mend(config: Config): void {
        delete section(config, "resources", "slow")["ofDelay"];
        section(config, "resources")["keep"] = {
          switcher: "keep-plug",
          offDelay: "7s",
          check: {
            type: "tcp",
            host: "127.0.0.1",
            port: lab.machine("keep").port,
            interval: "100ms",
            rise: 1,
            fall: 2,
          },
        };
      }
    });

    it("says that mqtt and store need a restart, and takes over the rest", async () => {
      const connections = lab.controller.log().split("Connected to the broker").length;
      const { outcome, log, changes } = await reload(lab, (config) => {
        section(config, "mqtt")["sessionExpiry"] = "2h";
        section(config, "store")["path"] = join(lab.folder, "other.db");
        section(config, "log")["level"] = "info";
        config["lostGrace"] = "1s";
      });
      expect([outcome, changes]).toEqual(["done", ["lostGrace changed", "log changed"]]);
      expect(log.find(({ keys }) => keys !== undefined)).toMatchObject({
        level: "warn",
        keys: ["mqtt", "store"],
      });
      const from = lab.controller.log().length;
      expect(await lab.ask("keep/renew", { token: "a" })).toMatchObject({ ok: true });
      expect(logged(lab.controller.log().slice(from)).map(({ level }) => level)).not.toContain("debug");
      expect(lab.controller.log().split("Connected to the broker").length).toBe(connections);
      await reload(lab, (config) => {
        delete section(config, "mqtt")["sessionExpiry"];
        section(config, "store")["path"] = join(lab.folder, "lastout.db");
        section(config, "log")["level"] = "debug";
      });
    });

    it("takes over needs and pools, and clears a pool that is gone", async () => {
      await reload(lab, (config) => {
        section(config, "resources", "needy")["needs"] = ["base"];
        section(config, "pools")["many"] = { members: ["needy", "pooled"] };
      });
      await lab.untilObject("many", { members: 2, free: 2 });
      await acquire("needy");
      await lab.untilObject("base", { state: "available", dependents: 1 });
      expect(await acquire("many", "p", { mode: "exclusive" })).toMatchObject({
        ok: true,
        resource: "pooled",
      });
      await reload(lab, (config) => {
        section(config, "resources", "needy")["needs"] = [];
        delete config["pools"];
      });
      await lab.untilState("base", "off");
      expect(lab.object("needy")).toMatchObject({ state: "available", users: 1 });
      expect(await lab.ask("pooled/renew", { token: "p" })).toMatchObject({ ok: true });
      await eventually("the pool is cleared", async () => !(await lab.retained()).has("lastout/many"));
      await lab.ask("needy/release", { token: "a" });
      await lab.ask("pooled/release", { token: "p" });
    });

    it("does not lift a lockout: its outlets stay off when the resource is removed, for every resource on them", async () => {
      await lab.ask("locked/override", { mode: "off", by: "laforge", reason: "PSU swap" });
      await lab.untilObject("locked", { phase: "locked" });
      await reload(lab, (config) => {
        delete section(config, "resources")["locked"];
      });
      const added = await reload(lab, (config) => {
        section(config, "resources")["another"] = { switcher: "locked-plug" };
      });
      expect(added).toMatchObject({ outcome: "done" });
      await lab.untilObject("another", { phase: "locked", state: "off" });
      expect(await lab.ask("another/acquire", { token: "a" })).toMatchObject({
        ok: false,
        error: "locked-out",
      });
      expect(lab.socket("locked").relay(1).history).toEqual([]);
    });

    it("loses no token and no reply in 20 reloads in a row while tokens come and go", async () => {
      const answers: Fields[] = [];
      const enough = new AbortController();
      const churn = async (name: string): Promise<number> => {
        let held = 0;
        for (let turn = 0; !enough.signal.aborted || turn < 10; turn += 1) {
          const token = `${name}-${turn}`;
          answers.push(await lab.ask(`${name}/acquire`, { token }));
          if (turn % 3 === 0) {
            held += 1;
          } else {
            answers.push(await lab.ask(`${name}/release`, { token }));
          }
        }
        return held;
      };
      const churning = Promise.all(["churn1", "churn2"].map(churn));
      for (let round = 0; round < 20; round += 1) {
        const { outcome } = await reload(lab, (config) => {
          section(config, "resources", "churn2")["offDelay"] = `${round + 1}s`;
          section(config, "defaults")["ttl"] = { default: `${10 + round}m`, max: "1d" };
        });
        expect(outcome).toBe("done");
      }
      enough.abort();
      const held = await churning;
      expect(answers.filter(({ ok }) => ok !== true)).toEqual([]);
      await lab.untilObject("churn1", { users: held[0] });
      await lab.untilObject("churn2", { users: held[1] });
      expect(
        ["churn1", "churn2"].map((name) =>
          lab
            .socket(name)
            .relay(1)
            .history.map(({ position }) => position),
        ),
      ).toEqual([["on"], ["on"]]);
      await lab.crash();
      await lab.untilObject("churn1", { users: held[0] });
      await lab.untilObject("churn2", { users: held[1] });
    });
  });
});

describe("SIGHUP", { ...needing("mosquitto"), ...patience }, () => {
  it("many times at once is carried out, and the last state of the file counts", async () => {
    await inLab({ broker: "embedded", sockets: { build1: {} } }, async (lab) => {
      await acquireOn(lab, "build1");
      for (let round = 1; round <= 30; round += 1) {
        lab.configure((config) => {
          section(config, "resources", "build1")["offDelay"] = `${round}m`;
        });
        process.kill(lab.controller.pid, "SIGHUP");
      }
      await eventually("the last one is in use", async () => {
        const { outcome, changes } = await reload(lab);
        return outcome === "done" && changes.length === 0;
      });
      const { offAt } = await release();
      const untilOff = Date.parse(String(offAt)) - Date.now();
      expect(untilOff).toBeGreaterThan(29 * 60_000);

      async function release(): Promise<Fields> {
        await lab.ask("build1/release", { token: "a" });
        await lab.untilObject("build1", { phase: "lingering" });
        return lab.object("build1");
      }
    });
  });

  it("does not end a controller that still waits for its broker, and takes over the file", async () => {
    const port = await freePort();
    const controller = inFolder(port);
    await eventually(
      "it cannot reach its broker",
      () => controller.log().includes("Cannot reach the broker"),
      15_000,
    );
    process.kill(controller.pid, "SIGHUP");
    await eventually("it has read the file", () =>
      controller.log().includes("The configuration was read again"),
    );
    expect(controller.running).toBe(true);
    expect(await controller.stop()).toBe(0);
  });

  it("at the very start and at the very end of a controller does it no harm", async () => {
    const mosquitto = await startMosquitto();
    onTestFinished(() => mosquitto.stop());
    const controller = inFolder(mosquitto.port);
    await eventually("it says its first word", () => controller.log() !== "", 15_000);
    process.kill(controller.pid, "SIGHUP");
    await eventually("it has read the file", () =>
      controller.log().includes("The configuration was read again"),
    );
    const ended = controller.stop();
    process.kill(controller.pid, "SIGHUP");
    expect(await ended).toBe(0);
  });
});

const acquireOn = (lab: Lab, name: string): Promise<Fields> =>
  lab.ask(`${name}/acquire`, { token: "a", wait: "powered" });

/** A controller in a folder of its own, with a broker on that port or none. */
function inFolder(port: number): Controller {
  const folder = mkdtempSync(join(tmpdir(), "lastout-reload-"));
  const file = join(folder, "lastout.yaml");
  writeFileSync(
    file,
    JSON.stringify({
      mqtt: { url: `mqtt://127.0.0.1:${port}` },
      switchers: { trial: { type: "simulated" } },
      resources: { build1: { switcher: "trial" } },
    }),
  );
  const controller = createController(file);
  onTestFinished(async () => {
    if (controller.running) {
      await controller.kill9();
    }
    rmSync(folder, { recursive: true, force: true });
  });
  controller.start();
  return controller;
}
