// Power policy over the wire: shutdown before the cut, what vetoes it, needs, shared and several outlets, lockouts, cycles, spacing. With
// simulated sockets and machines that shut down, are slow, or refuse. Every test has resources of its own.

import { beforeAll, describe, expect, it } from "vitest";
import { millis } from "../../src/core/time.ts";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/mosquitto.ts";
import { brokers, inLab, type Lab, poweroff, startLab } from "./lab.ts";

const host = (name: string, shutdown = {}, resource = {}) => ({
  machine: { bootMs: 200, goDownMs: 400 },
  resource: { offDelay: "100ms", shutdown: poweroff(name, shutdown), ...resource },
});

const clicksOf = (lab: Lab, name: string): readonly string[] =>
  lab
    .socket(name)
    .relay(1)
    .history.map(({ position }) => position);

describe.concurrent.each(brokers.map((one) => [one.title, one] as const))("over %s:", (_title, one) => {
  describe("the controller", one.options, () => {
    const { broker } = one;
    let lab: Lab;
    beforeAll(async () => {
      const door = await freePort();
      const somebody = { type: "tcp", host: "127.0.0.1", port: door, interval: "200ms", fall: 1 };
      lab = await startLab({
        broker,
        defaults: { switchTimeout: "2s" },
        sockets: {
          host: host("host"),
          stays: host("stays", { timeout: "1s" }, { offDelay: 0 }),
          cut: host("cut", { timeout: "1s", onTimeout: "cut" }),
          metered: {
            ...host("metered", { idleBelow: 10, timeout: "20s" }),
            device: { meter: 1 },
            machine: { bootMs: 200, goDownMs: 300, watts: { boot: 90, idle: 60, down: 30 } },
          },
          again: host("again", { timeout: "20s" }),
          door: { machine: { bootMs: 1, port: door } },
          kept: { resource: { offDelay: "100ms", keepWhile: somebody } },
          gate: { machine: { bootMs: 300 } },
          rack: { machine: { bootMs: 300 }, resource: { needs: ["gate"] } },
          leaf: { machine: { bootMs: 100 }, resource: { needs: ["rack"] } },
          deadGate: { machine: { bootMs: 300 }, resource: { bootTimeout: "1s" } },
          cutOff: { resource: { needs: ["deadGate"] } },
          one: {},
          left: {},
          right: {},
          strip: { device: { relays: 4 }, switcher: { stagger: "400ms" } },
          onHand: {},
          box: host("box", { timeout: "20s" }, { minOff: "500ms" }),
        },
        resources: { two: { switcher: "one-plug" }, server: { switcher: ["left-plug", "right-plug"] } },
      });
      return () => lab.stop();
    }, 60_000);

    const clicks = (name: string): readonly string[] => clicksOf(lab, name);
    const usedAndReleased = async (name: string, token = "a"): Promise<void> => {
      expect(await lab.ask(`${name}/acquire`, { token, wait: "available" }, 20_000)).toMatchObject({
        ok: true,
      });
      expect(await lab.ask(`${name}/release`, { token })).toMatchObject({ ok: true });
    };

    it("5 rule 2: tells the machine, waits until it has been gone for settle, and cuts", async () => {
      await usedAndReleased("host");
      await lab.untilObject("host", { phase: "stopping" });
      await eventually("the machine is down", () => lab.machine("host").state === "down");
      expect(clicks("host")).toEqual(["on"]);
      await lab.untilObject("host", { phase: "idle", state: "off" }, 15_000);
      expect(lab.machine("host").cuts).toBe(0);
      expect(lab.events("host", "shutdown").map(({ stage }) => stage)).toEqual(["sent", "accepted"]);
    });

    it("5 rule 2: leaves on what does not go down, and says so, until it is used or goes down after all", async () => {
      lab.machine("stays").obedient(false);
      await usedAndReleased("stays");
      await lab.untilObject("stays", { phase: "held", problem: { code: "shutdown-timeout" } });
      expect(await lab.ask("stays/acquire", { token: "b", wait: "available" })).toMatchObject({ ok: true });
      await lab.untilObject("stays", { phase: "in-use", problem: null });
      await lab.ask("stays/release", { token: "b" });
      await lab.untilObject("stays", { phase: "held", problem: { code: "shutdown-timeout" } });
      expect(clicks("stays")).toEqual(["on"]);
      lab.machine("stays").obedient(true);
      lab.machine("stays").shutDown();
      await lab.untilObject("stays", { phase: "idle", state: "off", problem: null }, 20_000);
      expect(lab.machine("stays").cuts).toBe(0);
    });

    it("5 rule 2: with onTimeout: cut it is cut then", async () => {
      lab.machine("cut").obedient(false);
      await usedAndReleased("cut");
      await lab.untilObject("cut", { phase: "idle", state: "off" }, 15_000);
      expect(lab.machine("cut").cuts).toBe(1);
    });

    it("5 rule 2: with idleBelow it waits for the meter, too", async () => {
      await usedAndReleased("metered");
      await eventually("the machine is down", () => lab.machine("metered").state === "down");
      await systemClock.sleep(millis(3000)); // settle and a meter's question have passed: it still draws 30 W
      expect(clicks("metered")).toEqual(["on"]);
      expect(lab.object("metered")).toMatchObject({ phase: "stopping", state: "powered" });
      lab.machine("metered").draws(2);
      await lab.untilObject("metered", { phase: "idle", state: "off" }, 15_000);
    });

    it("5 rule 3: a token that comes meanwhile is granted; the shutdown is seen through and the machine boots again", async () => {
      await usedAndReleased("again");
      await lab.untilObject("again", { phase: "stopping" });
      const reply = await lab.begin("again/acquire", { token: "b", wait: "available", timeout: 60 });
      await lab.untilObject("again", { users: 1 });
      expect(await eventually("it is answered", () => reply.replies()[0], 30_000)).toMatchObject({
        ok: true,
      });
      expect(clicks("again")).toEqual(["on", "off", "on"]);
      expect(lab.machine("again").cuts).toBe(0);
    });

    it("5 rule 2: keepWhile vetoes it: held as long as the check says up", async () => {
      await lab.ask("door/acquire", { token: "somebody", wait: "available" });
      await usedAndReleased("kept");
      await lab.untilObject("kept", { phase: "held", users: 0 });
      expect(clicks("kept")).toEqual(["on"]);
      await lab.ask("door/release", { token: "somebody" });
      await lab.untilObject("kept", { phase: "idle", state: "off" });
    });

    it("5 rule 1: on in order, each available before the next, and off the other way round", async () => {
      const reply = await lab.ask("leaf/acquire", { token: "a", wait: "available", timeout: 30 }, 30_000);
      expect(reply).toMatchObject({ ok: true, state: "available" });
      const at = (name: string, click: number): number => lab.socket(name).relay(1).history[click]?.at ?? 0;
      expect(at("rack", 0) - at("gate", 0)).toBeGreaterThanOrEqual(299);
      expect(at("leaf", 0) - at("rack", 0)).toBeGreaterThanOrEqual(299);
      await lab.untilObject("gate", { dependents: 1, users: 0, phase: "in-use" });
      await lab.ask("leaf/release", { token: "a" });
      await lab.untilState("gate", "off", 15_000);
      expect(at("leaf", 1)).toBeGreaterThan(0);
      expect(at("rack", 1)).toBeGreaterThan(at("leaf", 1));
      expect(at("gate", 1)).toBeGreaterThan(at("rack", 1));
    });

    it("8.2: tells that a need failed, and fails who waits", async () => {
      lab.machine("deadGate").bootable(false);
      const reply = await lab.ask("cutOff/acquire", { token: "a", wait: "available" }, 20_000);
      expect(reply).toMatchObject({ ok: false, error: "power-failed" });
      expect(clicks("cutOff")).toEqual([]);
      expect(lab.events("cutOff", "problem").map(({ code }) => code)).toContain("needs-failed");
    });

    it("5 rule 7: an outlet shared by two is on while one of them is wanted", async () => {
      await lab.ask("one/acquire", { token: "a", wait: "powered" });
      await lab.ask("two/acquire", { token: "b", wait: "powered" });
      await lab.ask("one/release", { token: "a" });
      await lab.untilObject("one", { phase: "held", state: "available", users: 0 });
      expect(clicks("one")).toEqual(["on"]);
      await lab.ask("two/release", { token: "b" });
      await lab.untilState("one", "off");
      await lab.untilState("two", "off");
      expect(clicks("one")).toEqual(["on", "off"]);
    });

    it("10: two power supplies go on together; one that does not follow is a mismatch; off is when both are off", async () => {
      lab.socket("right").relay(1).stick("off");
      await lab.ask("server/acquire", { token: "a", wait: "powered" });
      await lab.untilObject("server", { state: "available", problem: { code: "switch-mismatch" } });
      lab.socket("right").relay(1).heal();
      await lab.untilObject("server", { problem: null }, 20_000);
      expect(clicks("right")).toEqual(["on"]);
      await lab.ask("server/release", { token: "a" });
      await lab.untilState("server", "off");
      expect([clicks("left"), clicks("right")]).toEqual([
        ["on", "off"],
        ["on", "off"],
      ]);
    });

    it("5 rule 4: stagger keeps the switch-ons of a group apart", async () => {
      const names = ["strip1", "strip2", "strip3", "strip4"];
      await Promise.all(names.map((name) => lab.ask(`${name}/acquire`, { token: "a" })));
      const told = await Promise.all(names.map((name) => lab.untilEvent(name, "switch-on")));
      const times = told.map(({ time }) => Date.parse(String(time))).toSorted((a, b) => a - b);
      for (const [place, time] of times.slice(1).entries()) {
        expect(time - (times[place] ?? 0)).toBeGreaterThanOrEqual(399);
      }
      await Promise.all(names.map((name) => lab.untilState(name, "available")));
    });

    it("6 on: kept on without tokens; until passes by itself, and auto gives it back", async () => {
      await lab.publish("lastout/onHand/override", "on");
      await lab.untilObject("onHand", { phase: "held", override: "on", state: "available" });
      await lab.publish("lastout/onHand/override", "auto");
      await lab.untilObject("onHand", { phase: "idle", override: "auto", state: "off" });
      await lab.ask("onHand/override", { mode: "on", until: "1s" });
      await lab.untilObject("onHand", { phase: "held", state: "available" });
      await lab.untilObject("onHand", { phase: "idle", override: "auto", state: "off" });
    });

    it("4 cycle: refused while others hold tokens; else shutdown, off, minOff, on; force cuts", async () => {
      await lab.ask("box/acquire", { token: "a", owner: "ci", wait: "available" });
      expect(await lab.ask("box/cycle", { owner: "laforge" })).toMatchObject({ error: "busy" });
      expect(await lab.ask("box/cycle", { owner: "ci" })).toMatchObject({ ok: true, users: 1 });
      await lab.untilState("box", "off", 15_000);
      await lab.untilObject("box", { state: "available", phase: "in-use", users: 1 });
      expect(lab.machine("box").cuts).toBe(0);
      const [, off, on] = lab.socket("box").relay(1).history;
      expect((on?.at ?? 0) - (off?.at ?? 0)).toBeGreaterThanOrEqual(499);
      expect(await lab.ask("box/cycle", { owner: "laforge", force: true })).toMatchObject({ ok: true });
      await eventually("it was cut", () => lab.machine("box").cuts === 1);
      await lab.untilObject("box", { state: "available", users: 1 });
    });
  });

  describe("a controller that is killed", one.options, () => {
    const { broker } = one;

    it("while a machine shuts down goes on with the shutdown, and does not cut", () =>
      inLab(
        {
          broker,
          sockets: {
            killed: { ...host("killed", { timeout: "30s" }), machine: { bootMs: 200, goDownMs: 3000 } },
          },
        },
        async (lab) => {
          await lab.ask("killed/acquire", { token: "a", wait: "available" });
          await lab.ask("killed/release", { token: "a" });
          await lab.untilObject("killed", { phase: "stopping" });
          await lab.crash();
          await lab.untilObject("killed", { phase: "idle", state: "off" }, 30_000);
          expect(lab.machine("killed").cuts).toBe(0);
          expect(clicksOf(lab, "killed")).toEqual(["on", "off"]);
        },
      ));

    it("6: does not lift a lockout, and shut down in order what it locked out", () =>
      inLab(
        { broker, sockets: { rack: {}, worker: host("worker", {}, { needs: ["rack"] }) } },
        async (lab) => {
          await lab.ask("worker/acquire", { token: "a", owner: "ci", wait: "available" });
          const reply = await lab.ask("rack/override", { mode: "off", by: "laforge", reason: "new switch" });
          expect(reply).toMatchObject({ ok: true, resource: "rack", override: "off" });
          expect(await lab.untilEvent("worker", "locked-out")).toMatchObject({ token: "a", owner: "ci" });
          await lab.untilObject("rack", { phase: "locked", override: "off", state: "off" }, 15_000);
          await lab.untilObject("worker", { phase: "locked", state: "off", users: 0 });
          expect(lab.machine("worker").cuts).toBe(0);
          const rackOff = lab.socket("rack").relay(1).history[1]?.at ?? 0;
          expect(rackOff).toBeGreaterThan(
            lab.socket("worker").relay(1).history[1]?.at ?? Number.POSITIVE_INFINITY,
          );
          await lab.crash();
          const refused = await lab.ask("worker/acquire", { token: "b" });
          expect(refused).toMatchObject({ ok: false, error: "locked-out" });
          expect(String(refused["message"])).toMatch(/laforge.*new switch/);
          lab.socket("rack").press();
          await lab.untilObject("rack", { phase: "locked", problem: { code: "external-on" } });
          lab.socket("rack").press();
          await lab.untilObject("rack", { state: "off", problem: null });
          await lab.ask("rack/override", { mode: "auto" });
          expect(await lab.ask("worker/acquire", { token: "c", wait: "available" }, 15_000)).toMatchObject({
            ok: true,
          });
        },
      ));
  });
});
