// The kinds of switchers and checkers through the whole program: Tasmota devices as people have set them up, strips as groups, the
// simulated switcher, checks by program and by ping; and `observe`. The details of Tasmota's messages are tested at its adapter.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { millis } from "../../src/core/time.ts";
import { eventually } from "../support/eventually.ts";
import { needing } from "../support/needs.ts";
import { brokers, inLab, type Lab, patience, startLab } from "./lab.ts";

describe.concurrent.each(brokers.map((one) => [one.title, one] as const))(
  "5 over %s, a device:",
  (_title, one) => {
    describe("a resource", one.options, () => {
      let lab: Lab;
      const folder = mkdtempSync(join(tmpdir(), "lastout-check-"));
      /** There: the check says up. */
      const flag = join(folder, "up");
      beforeAll(async () => {
        lab = await startLab({
          broker: one.broker,
          sockets: {
            strip: { device: { relays: 4 } },
            json: { device: { setup: ["SetOption4 1"] } },
            numbered: { device: { setup: ["SetOption26 1"] } },
            chatty: { device: { setup: ["SetOption59 1"] } },
            words: { device: { setup: ["StateText1 aus", "StateText2 an"] } },
            turned: {
              device: { fullTopic: "lab/%topic%/%prefix%/" },
              switcher: { fullTopic: "lab/%topic%/%prefix%/" },
            },
            renamed: {
              device: { prefixes: ["do", "said", "news"] },
              switcher: { prefixes: ["do", "said", "news"] },
            },
            second: { device: { relays: 3 }, switcher: { outlet: 2 } },
          },
          switchers: {
            sim: { type: "simulated", watts: 42, delay: "20ms" },
            execPlug: { type: "simulated", delay: 0 },
            pingPlug: { type: "simulated", delay: 0 },
            brokenPlug: { type: "simulated", delay: 0 },
          },
          resources: {
            sim: { switcher: "sim" },
            byProgram: {
              switcher: "execPlug",
              check: { type: "exec", command: ["test", "-e", flag], interval: "100ms", fall: 1 },
            },
            broken: {
              switcher: "brokenPlug",
              check: {
                type: "exec",
                command: ["sh", "-c", "echo no licence; exit 5"],
                interval: "1s",
                fall: 1,
              },
            },
            byPing: {
              switcher: "pingPlug",
              check: { type: "icmp", host: "127.0.0.1", interval: "200ms", timeout: "200ms" },
            },
          },
        });
        return async () => {
          await lab.stop();
          rmSync(folder, { recursive: true });
        };
      }, 30_000);

      const uses = async (name: string): Promise<void> => {
        expect(await lab.ask(`${name}/acquire`, { token: "a", wait: "available" })).toMatchObject({
          state: "available",
        });
        await lab.ask(`${name}/release`, { token: "a" });
        await lab.untilObject(name, { phase: "idle", state: "off" });
      };

      it.each([
        ["json", "JSON on its POWER topic (SetOption4)"],
        ["numbered", "POWER1 for its only relay (SetOption26)"],
        ["chatty", "telemetry after each command (SetOption59)"],
        ["words", "words of its own for on and off (StateText)"],
        ["turned", "another FullTopic"],
        ["renamed", "other prefixes"],
      ])("is used through a socket (%s) with %s", async (name) => {
        await uses(name);
        expect(
          lab
            .socket(name)
            .relay(1)
            .history.map(({ position }) => position),
        ).toEqual(["on", "off"]);
      });

      it("is used through one relay of a device with several, and the others are left alone", async () => {
        await uses("second");
        expect([1, 2, 3].map((relay) => lab.socket("second").relay(relay).history.length)).toEqual([0, 2, 0]);
      });

      it("of a strip with four relays is switched alone", async () => {
        await lab.ask("strip3/acquire", { token: "a", wait: "powered" });
        await lab.ask("strip1/acquire", { token: "a", wait: "powered" });
        expect([1, 2, 3, 4].map((relay) => lab.socket("strip").relay(relay).position)).toEqual([
          "on",
          "off",
          "on",
          "off",
        ]);
        await eventually("the switcher's topic tells all four", () =>
          lab.observer
            .last("lastout/switcher/strip-plug")
            ?.includes('{"1":"on","2":"off","3":"on","4":"off"}'),
        );
        await lab.ask("strip3/release", { token: "a" });
        await lab.untilObject("strip3", { phase: "idle" });
        expect(lab.object("strip1")).toMatchObject({ state: "available", users: 1 });
        expect([1, 2, 3, 4].map((relay) => lab.socket("strip").relay(relay).history.length)).toEqual([
          1, 0, 2, 0,
        ]);
      });

      it("10: on a simulated switcher works alike, with a meter", async () => {
        await lab.ask("sim/acquire", { token: "a", wait: "available" });
        await lab.untilObject("sim", { state: "available", watts: 42 });
        await lab.ask("sim/release", { token: "a" });
        await lab.untilObject("sim", { phase: "idle", state: "off" });
      });

      it("is available when its program says so, and not-answering when it no longer does", async () => {
        const { replies } = await lab.begin("byProgram/acquire", { token: "a", wait: "available" });
        await lab.untilObject("byProgram", { state: "powered", phase: "starting" });
        expect(replies()).toEqual([]);
        writeFileSync(flag, "");
        expect(await eventually("it is answered", () => replies()[0])).toMatchObject({
          ok: true,
          state: "available",
        });
        rmSync(flag);
        expect(existsSync(flag)).toBe(false);
        await lab.untilObject("byProgram", { state: "powered", problem: { code: "not-answering" } });
      });

      it("whose check fails to tell has the problem check-error, which repeats what the program said", async () => {
        await lab.ask("broken/acquire", { token: "a" });
        await lab.untilObject("broken", { state: "powered", problem: { code: "check-error" } });
        expect(JSON.stringify(lab.object("broken")["problem"])).toContain("no licence");
      });

      it("is available when it answers a ping", needing("ping"), async () => {
        await uses("byPing");
      });
    });
  },
);

describe("10, over mosquitto:", { ...needing("mosquitto"), ...patience }, () => {
  it("a retained command on a device's topic is reported at the next start, once, and not cleared", () =>
    inLab({ broker: "mosquitto", sockets: { build1: {}, build2: {} } }, async (lab) => {
      await lab.publish("cmnd/build1/POWER", "OFF", { retain: true });
      await lab.crash();
      const told = await lab.untilEvent("controller", "retained-command");
      expect(told).toMatchObject({ topic: "cmnd/build1/POWER", switcher: "build1-plug" });
      await lab.settled();
      expect(lab.events("controller", "retained-command")).toHaveLength(1);
      const look = await lab.connect();
      await look.subscribe("cmnd/build1/POWER");
      await eventually("it is still there", () => look.heard.find(({ retain }) => retain));
      await look.disconnect();
    }));
});

describe("observe: true", patience, () => {
  it("decides, publishes and tells, and commands nothing", () =>
    inLab(
      {
        broker: "embedded",
        sockets: { build1: {}, build2: {} },
        settings: { observe: true },
        defaults: { switchTimeout: "500ms" },
      },
      async (lab) => {
        expect(lab.observer.objects("lastout/controller/info").at(-1)).toMatchObject({ observe: true });
        expect(await lab.ask("build1/acquire", { token: "a" })).toMatchObject({ ok: true, users: 1 });
        expect(await lab.untilEvent("build1", "switch-on")).toMatchObject({ observe: true });
        const waiting = await lab.ask("build1/acquire", { token: "b", wait: "powered" });
        expect(waiting).toMatchObject({ error: "power-failed" });
        lab.socket("build2").press();
        await lab.ask("build2/acquire", { token: "a", wait: "powered" });
        await lab.ask("build2/release", { token: "a" });
        expect(await lab.untilEvent("build2", "switch-off")).toMatchObject({ observe: true });
        await systemClock.sleep(millis(2500)); // longer than until a first repeat
        const received = [...lab.socket("build1").received, ...lab.socket("build2").received];
        expect(received.filter(({ payload }) => payload !== "")).toEqual([]);
        expect(lab.socket("build2").relay(1).position).toBe("on");
      },
    ));
});
