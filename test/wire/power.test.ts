// Power over the wire, rule by rule of the protocol's section 5, with sockets that are stuck, deaf, cut off, rebooted and pressed. Every test
// has a socket of its own. What a restart of the controller or the broker means for power is in crash.test.ts.

import { beforeAll, describe, expect, it } from "vitest";
import { millis } from "../../src/core/time.ts";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import type { Tasmota } from "../simulators/tasmota.ts";
import { eventually } from "../support/eventually.ts";
import { brokers, type Lab, startLab } from "./lab.ts";

describe.concurrent.each(brokers.map((one) => [one.title, one] as const))("5 over %s:", (_title, one) => {
  describe("the controller", one.options, () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await startLab({
        broker: one.broker,
        sockets: {
          plain: {},
          lazy: {},
          stuckOff: {},
          stuckOn: {},
          liar: {},
          deaf: {},
          cut: { device: { keepalive: 1 } },
          resetCut: {},
          button: {},
          restore: { resource: { onExternalOff: "restore" } },
          adopt: {},
          reclaim: { resource: { onExternalOn: "reclaim" } },
          ignore: { resource: { onExternalOn: "ignore" } },
          reboot: {},
          rebootOn: { resource: { offDelay: "700ms" } },
          flap: {},
          boots: { machine: { bootMs: 400 } },
          noBoot: { machine: { bootMs: 400 }, resource: { bootTimeout: "800ms" } },
          retry: {
            machine: { bootMs: 400 },
            resource: { bootTimeout: "800ms", bootRetries: 1, minOff: "600ms" },
          },
          told: { machine: { bootMs: 400 }, resource: { bootTimeout: "600ms", bootRetries: 1 } },
          outside: { machine: { bootMs: 400 }, resource: { bootTimeout: "600ms", bootRetries: 1 } },
          wasUp: { machine: { bootMs: 200 }, resource: { bootTimeout: "600ms", bootRetries: 1 } },
          rested: { resource: { minOff: "1500ms", offDelay: 0 } },
          warm: { resource: { minOn: "1500ms", offDelay: 0 } },
          late: { resource: { offDelay: 0 } },
          again: {},
        },
      });
      return () => lab.stop();
    }, 30_000);

    /** Commands that switch, without the questions. */
    const commands = (name: string): Tasmota["received"] =>
      lab
        .socket(name)
        .received.filter(({ command, payload }) => command.startsWith("POWER") && payload !== "");
    const clicks = (name: string): readonly string[] =>
      lab
        .socket(name)
        .relay(1)
        .history.map(({ position }) => position);
    /** Each topic of a picture is a message of its own: one may be there before the next. */
    const untilNotReady = (name: string) =>
      eventually(`${name} is not ready`, () => (lab.observer.last(`lastout/${name}/ready`) ?? "") === "");
    const acquire = (name: string, token = "a", fields = {}) =>
      lab.ask(`${name}/acquire`, { token, wait: "powered", ...fields });

    it("rule 1: switches on for the first token and off after the last, with commands that are not retained", async () => {
      await acquire("plain");
      await acquire("plain", "b");
      await lab.ask("plain/release", { token: "a" });
      await lab.ask("plain/release", { token: "b" });
      await lab.untilState("plain", "off");
      expect(clicks("plain")).toEqual(["on", "off"]);
      expect(commands("plain").map(({ payload, retain }) => [payload, retain])).toEqual([
        ["ON", false],
        ["OFF", false],
      ]);
    });

    it("rule 1: a token that comes while the off delay runs ends it", async () => {
      await acquire("again");
      await lab.ask("again/release", { token: "a" });
      await lab.untilObject("again", { phase: "lingering" });
      expect(Date.parse(String(lab.object("again")["offAt"]))).toBeGreaterThan(Date.now() - 300);
      await acquire("again", "b");
      await lab.untilObject("again", { phase: "in-use", offAt: null });
      await systemClock.sleep(millis(600)); // twice the off delay, in which nothing may happen
      expect(clicks("again")).toEqual(["on"]);
    });

    it("rule 5: a command counts as done when the device says so, not when it was sent", async () => {
      lab.socket("lazy").slow(700);
      const { replies } = await lab.begin("lazy/acquire", { token: "a", wait: "powered" });
      await lab.untilEvent("lazy", "switch-on");
      const commanded = performance.now();
      await lab.untilObject("lazy", { state: "off", phase: "starting" });
      await eventually("it has clicked", () => clicks("lazy").length > 0);
      expect(replies()).toEqual([]);
      await eventually("it is answered", () => replies()[0]);
      expect(performance.now() - commanded).toBeGreaterThan(650);
      expect(clicks("lazy")).toEqual(["on"]);
    });

    it("rule 5: a socket stuck off is told again, not within a second, until switch-mismatch stands and it is cured", async () => {
      lab.socket("stuckOff").relay(1).stick("off");
      const reply = await lab.ask("stuckOff/acquire", { token: "a" });
      expect(reply).toMatchObject({ ok: true, state: "off" });
      await lab.untilObject("stuckOff", {
        problem: { code: "switch-mismatch" },
        state: "off",
        phase: "starting",
      });
      expect(lab.events("stuckOff", "problem")).toMatchObject([{ code: "switch-mismatch" }]);
      lab.socket("stuckOff").relay(1).heal();
      await lab.untilObject("stuckOff", { problem: null, state: "available" }, 10_000);
      expect(lab.events("stuckOff", "recovered")).toMatchObject([{ code: "switch-mismatch" }]);
      const sent = commands("stuckOff").map(({ at }) => at);
      const pauses = sent.slice(1).map((at, index) => at - (sent[index] ?? 0));
      expect(pauses.length).toBeGreaterThanOrEqual(2);
      expect(pauses.every((pause) => pause >= 1000)).toBe(true);
      expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
      expect(lab.events("stuckOff", "switch-on")).toHaveLength(1);
    });

    it("rule 5: a socket stuck on goes on being used, and its OFF is a switch-mismatch", async () => {
      await acquire("stuckOn");
      lab.socket("stuckOn").relay(1).stick("on");
      await lab.ask("stuckOn/release", { token: "a" });
      await lab.untilObject("stuckOn", {
        problem: { code: "switch-mismatch" },
        state: "available",
        phase: "stopping",
      });
      lab.socket("stuckOn").relay(1).heal();
      await lab.untilObject("stuckOn", { problem: null, state: "off", phase: "idle" }, 10_000);
    });

    it("rule 3: a token that comes while stopping is granted, and the resource ends on", async () => {
      await acquire("late");
      lab.socket("late").slow(500);
      await lab.ask("late/release", { token: "a" });
      await lab.untilObject("late", { phase: "stopping" });
      expect(await lab.ask("late/acquire", { token: "b" })).toMatchObject({ ok: true, users: 1 });
      lab.socket("late").slow(0);
      await eventually("it was switched off and on again", () => clicks("late").length === 3);
      await lab.untilObject("late", { state: "available", phase: "in-use", problem: null });
      expect(clicks("late")).toEqual(["on", "off", "on"]);
    });

    it("a socket that heeds nothing becomes unknown with switch-unreachable, and is found again", async () => {
      await acquire("deaf");
      lab.socket("deaf").fault("deaf");
      await lab.ask("deaf/release", { token: "a" });
      await lab.untilObject("deaf", { state: "unknown", problem: { code: "switch-unreachable" } }, 10_000);
      await untilNotReady("deaf");
      await eventually("its switcher is shown offline", () =>
        lab.observer.last("lastout/switcher/deaf-plug")?.includes('"online":false'),
      );
      lab.socket("deaf").fault("none");
      await lab.untilObject("deaf", { state: "off", problem: null, phase: "idle" }, 15_000);
      expect(clicks("deaf")).toEqual(["on", "off"]);
    });

    it("a socket without mains becomes unknown, its tokens stay, and it is put right when power is back", async () => {
      await acquire("cut");
      lab.socket("cut").powerCut();
      await lab.untilObject(
        "cut",
        { state: "unknown", users: 1, problem: { code: "switch-unreachable" } },
        10_000,
      );
      lab.socket("cut").powerUp({ into: ["off"] });
      await lab.untilObject("cut", { state: "available", problem: null }, 15_000);
      expect(clicks("cut").at(-1)).toBe("on");
      expect(lab.events("cut", "external-off")).toEqual([]);
    });

    it("rule 9: a hand that switches off is respected, with external-off, until a new acquire", async () => {
      await acquire("button");
      lab.socket("button").press();
      await lab.untilObject("button", { state: "off", users: 1, problem: { code: "external-off" } });
      expect(await lab.ask("button/renew", { token: "a" })).toMatchObject({ ok: true });
      expect(await lab.ask("button/acquire", { token: "a" })).toMatchObject({
        ok: true,
        users: 1,
        state: "off",
      });
      await systemClock.sleep(millis(500)); // a repetition of the same token is no new want
      expect(clicks("button")).toEqual(["on", "off"]);
      await acquire("button", "b");
      await lab.untilObject("button", { state: "available", users: 2, problem: null });
      expect(clicks("button")).toEqual(["on", "off", "on"]);
      expect(lab.events("button", "external-off")).toHaveLength(1);
    });

    it("rule 9: with onExternalOff: restore a hand's OFF is undone", async () => {
      await acquire("restore");
      lab.socket("restore").press();
      await eventually("it clicks off and on", () => clicks("restore").length === 3);
      await lab.untilObject("restore", { state: "available", users: 1, problem: null });
      expect(clicks("restore")).toEqual(["on", "off", "on"]);
    });

    it("rule 8: switched on by hand it is adopted, and left alone until it is used", async () => {
      lab.socket("adopt").press();
      await lab.untilObject("adopt", { state: "available", phase: "held", users: 0 });
      expect(await lab.untilEvent("adopt", "external-on")).toMatchObject({ policy: "adopt" });
      await systemClock.sleep(millis(900)); // three times the off delay
      expect(clicks("adopt")).toEqual(["on"]);
      await acquire("adopt");
      await lab.untilObject("adopt", { phase: "in-use" });
      await lab.ask("adopt/release", { token: "a" });
      await lab.untilState("adopt", "off");
      expect(commands("adopt").map(({ payload }) => payload)).toEqual(["OFF"]);
    });

    it("rule 8: with onExternalOn: reclaim it goes off after offDelay", async () => {
      lab.socket("reclaim").press();
      await lab.untilObject("reclaim", { phase: "lingering" });
      await lab.untilObject("reclaim", { state: "off", phase: "idle" });
      expect(clicks("reclaim")).toEqual(["on", "off"]);
    });

    it("rule 8: with onExternalOn: ignore nothing happens, and a hand switches it off again", async () => {
      lab.socket("ignore").press();
      await lab.untilObject("ignore", { state: "available", phase: "held" });
      await systemClock.sleep(millis(600));
      lab.socket("ignore").press();
      await lab.untilObject("ignore", { state: "off", phase: "idle", problem: null });
      expect(commands("ignore")).toEqual([]);
    });

    it("rule 9: a socket that comes back from a reboot switched off is put right", async () => {
      await acquire("reboot");
      lab.socket("reboot").restart({ into: ["off"] });
      await eventually("it clicks off and on", () => clicks("reboot").length === 3);
      await lab.untilObject("reboot", { state: "available", problem: null, users: 1 });
      expect(lab.events("reboot", "external-off")).toEqual([]);
    });

    it("rule 9: a socket that comes back from a reboot switched on without a token goes off after offDelay", async () => {
      lab.socket("rebootOn").restart({ into: ["on"] });
      await lab.untilObject("rebootOn", { phase: "lingering" });
      const on = lab.socket("rebootOn").relay(1).history[0]?.at ?? 0;
      await lab.untilObject("rebootOn", { phase: "idle" });
      expect(clicks("rebootOn")).toEqual(["on", "off"]);
      expect((lab.socket("rebootOn").relay(1).history[1]?.at ?? 0) - on).toBeGreaterThanOrEqual(700);
      expect(lab.events("rebootOn", "external-on")).toEqual([]);
    });

    it("a socket whose connection flaps is not commanded", async () => {
      await acquire("flap");
      for (let time = 0; time < 5; time += 1) {
        lab.socket("flap").dropConnection();
        await lab.socket("flap").untilConnected();
      }
      await eventually("it was asked again", () => lab.socket("flap").received.at(-1)?.command === "POWER0");
      await lab.untilObject("flap", { state: "available", problem: null });
      expect(commands("flap")).toHaveLength(1);
    });

    it("2: tells when a resource should be ready, learned from its earlier boots", async () => {
      await acquire("boots", "a", { wait: "available" });
      await lab.ask("boots/release", { token: "a" });
      await lab.untilObject("boots", { state: "off" });
      await acquire("boots", "b");
      await lab.untilObject("boots", { phase: "starting", state: "powered" });
      const readyAt = Date.parse(String(lab.object("boots")["readyAt"]));
      await lab.untilObject("boots", { state: "available" });
      expect(Math.abs(readyAt - Date.now())).toBeLessThan(2500);
      expect(lab.object("boots")).toMatchObject({ readyAt: null });
    });

    it("rule 6: boot-timeout is told, the token of a holder who did not wait stays, and it stays on", async () => {
      lab.machine("noBoot").bootable(false);
      await lab.ask("noBoot/acquire", { token: "holder" });
      const waiting = await lab.begin("noBoot/acquire", { token: "waiter", wait: "available" });
      await lab.untilObject("noBoot", {
        problem: { code: "boot-timeout" },
        state: "powered",
        phase: "starting",
      });
      expect(await eventually("the waiter is told", () => waiting.replies()[0])).toMatchObject({
        error: "power-failed",
      });
      expect(lab.object("noBoot")).toMatchObject({ users: 1 });
      expect(clicks("noBoot")).toEqual(["on"]);
      lab.machine("noBoot").bootable(true);
      await lab.untilObject("noBoot", { problem: null, state: "available", phase: "in-use" });
    });

    it("rule 6: a machine that does not boot is power-cycled bootRetries times, minOff kept", async () => {
      lab.machine("retry").bootable(false);
      const reply = await lab.ask("retry/acquire", { token: "a", wait: "available" });
      expect(reply).toMatchObject({ ok: false, error: "power-failed" });
      expect(clicks("retry").slice(0, 3)).toEqual(["on", "off", "on"]);
      expect(lab.events("retry", "cycle")).toHaveLength(1);
      const [, off, on] = lab.socket("retry").relay(1).history;
      expect((on?.at ?? 0) - (off?.at ?? 0)).toBeGreaterThanOrEqual(600);
      await lab.untilState("retry", "off");
      expect(lab.machine("retry").boots).toBe(2);
    });

    it("rule 6: never cycles a machine on which somebody was told ok", async () => {
      lab.machine("told").bootable(false);
      await lab.ask("told/acquire", { token: "a" });
      await lab.untilObject("told", { problem: { code: "boot-timeout" } });
      await systemClock.sleep(millis(800)); // more than another bootTimeout
      expect(clicks("told")).toEqual(["on"]);
    });

    it("rule 6: never cycles a machine that it did not power on itself", async () => {
      lab.machine("outside").bootable(false);
      lab.socket("outside").press();
      await lab.untilObject("outside", { phase: "held" });
      const reply = await lab.ask("outside/acquire", { token: "a", wait: "available" });
      expect(reply).toMatchObject({ error: "power-failed" });
      expect(lab.events("outside", "cycle")).toEqual([]);
    });

    it("rule 6: never cycles a machine that was available; it is not-answering, and nothing is switched", async () => {
      await lab.publish("lastout/wasUp/acquire", "a");
      await lab.untilState("wasUp", "available");
      lab.machine("wasUp").stopAnswering();
      try {
        await lab.untilObject("wasUp", {
          state: "powered",
          phase: "in-use",
          problem: { code: "not-answering" },
        });
        await untilNotReady("wasUp");
        await systemClock.sleep(millis(1000)); // more than bootTimeout
        expect(clicks("wasUp")).toEqual(["on"]);
      } finally {
        lab.machine("wasUp").recover();
      }
      await lab.untilObject("wasUp", { state: "available", phase: "in-use", problem: null });
      expect(lab.events("wasUp", "recovered")).toMatchObject([{ code: "not-answering" }]);
    });

    it("rule 4: keeps minOff between off and on", async () => {
      await acquire("rested");
      await lab.ask("rested/release", { token: "a" });
      await lab.untilObject("rested", { state: "off" });
      await acquire("rested", "b");
      const [, off, on] = lab.socket("rested").relay(1).history;
      expect((on?.at ?? 0) - (off?.at ?? 0)).toBeGreaterThanOrEqual(1450); // counted from the report, some ms later than the click
    });

    it("rule 4: keeps minOn between on and off", async () => {
      await acquire("warm");
      await lab.ask("warm/release", { token: "a" });
      await lab.untilState("warm", "off");
      const [on, off] = lab.socket("warm").relay(1).history;
      expect((off?.at ?? 0) - (on?.at ?? 0)).toBeGreaterThanOrEqual(1500);
    });
  });
});
