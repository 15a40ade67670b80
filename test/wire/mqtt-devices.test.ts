// The presets of the `mqtt` switcher through the whole program: acquire, on, release, off, with simulated devices on both brokers; a
// device that is away, one that comes back, a hand; and one that never tells its position. What each family says is tested at the adapter.

import { describe, expect, it } from "vitest";
import { startEsphome } from "../simulators/esphome.ts";
import type { RelayDevice } from "../simulators/relay-board.ts";
import { startShellyGen1 } from "../simulators/shelly-gen1.ts";
import { startShellyGen2 } from "../simulators/shelly-gen2.ts";
import { startZigbee2mqtt } from "../simulators/zigbee2mqtt.ts";
import { eventually } from "../support/eventually.ts";
import { brokers, inLab, type Lab, patience } from "./lab.ts";
import type { Fields } from "./observer.ts";

interface Family {
  readonly name: string;
  readonly switcher: Fields;
  readonly start: (port: number) => Promise<RelayDevice>;
}

const families: readonly Family[] = [
  {
    name: "gen1",
    switcher: { preset: "shelly-gen1", device: "shelly1-A" },
    start: (port) => startShellyGen1({ port, id: "shelly1-A", periodMs: 0, awaitConnection: false }),
  },
  {
    name: "gen2",
    switcher: { preset: "shelly-gen2", device: "plus1" },
    start: (port) => startShellyGen2({ port, prefix: "plus1", awaitConnection: false }),
  },
  {
    name: "zigbee",
    switcher: { preset: "zigbee2mqtt", device: "rack/plug" },
    start: (port) =>
      startZigbee2mqtt({ port, name: "rack/plug", availability: true, awaitConnection: false }),
  },
  {
    name: "esphome",
    switcher: { preset: "esphome", device: "node", channel: "relay" },
    start: (port) => startEsphome({ port, name: "node", awaitConnection: false }),
  },
];

/** A lab whose controller runs with one resource for each family, named after it; all devices are there. */
async function withDevices(
  broker: "embedded" | "mosquitto",
  use: (lab: Lab, device: (name: string) => RelayDevice) => Promise<void>,
): Promise<void> {
  const lab = {
    broker,
    switchers: { spare: { type: "simulated" } },
    resources: { spare: { switcher: "spare" } },
  };
  await inLab(lab, async (running) => {
    const devices = new Map<string, RelayDevice>();
    try {
      for (const { name, start } of families) {
        devices.set(name, await start(running.port));
      }
      running.configure((config) => {
        config["switchers"] = Object.fromEntries(
          families.map(({ name, switcher }) => [name, { type: "mqtt", ...switcher }]),
        );
        config["resources"] = Object.fromEntries(families.map(({ name }) => [name, { switcher: name }]));
      });
      await running.controller.stop();
      running.start();
      await running.settled();
      await use(running, (name) => {
        const found = devices.get(name);
        if (found === undefined) {
          throw new Error(`there is no device ${name}`);
        }
        return found;
      });
    } finally {
      await Promise.all([...devices.values()].map((device) => device.stop()));
    }
  });
}

const names = families.map(({ name }) => name);

describe.concurrent.each(brokers.map((one) => [one.title, one] as const))("5 over %s:", (_title, one) => {
  describe("devices on MQTT", one.options, () => {
    it("are switched on for the first token and off after the last, each once", patience, async () => {
      await withDevices(one.broker, async (lab, device) => {
        for (const name of names) {
          expect(await lab.ask(`${name}/acquire`, { token: "a", wait: "powered" }), name).toMatchObject({
            ok: true,
            state: "available",
          });
          expect(device(name).position(), name).toBe("on");
        }
        for (const name of names) {
          await lab.ask(`${name}/release`, { token: "a" });
          await lab.untilObject(name, { phase: "idle", state: "off" });
          expect(device(name).history(), name).toEqual(["on", "off"]);
        }
      });
    });

    it("that go away are unknown, not off; a use fails and is not made up for later", patience, async () => {
      await withDevices(one.broker, async (lab, device) => {
        for (const name of names) {
          device(name).powerCut("reset");
        }
        const asked = names.map((name) =>
          lab.ask(`${name}/acquire`, { token: "a", wait: "powered", timeout: 8 }, 20_000),
        );
        for (const name of names) {
          await eventually(
            `${name} is unknown and has a problem`,
            () => lab.object(name)["state"] === "unknown" && lab.object(name)["problem"] !== null,
            15_000,
          );
        }
        for (const reply of await Promise.all(asked)) {
          expect(reply).toMatchObject({ ok: false });
        }
        for (const name of names) {
          device(name).powerUp();
          await lab.untilObject(name, { state: "off" }, 30_000);
          expect(device(name).history(), name).toEqual([]);
        }
      });
    });

    it("that were switched by hand are known to be", patience, async () => {
      await withDevices(one.broker, async (lab, device) => {
        for (const name of names) {
          device(name).press();
          await lab.untilObject(name, { state: "available", phase: "held" });
          await lab.ask(`${name}/acquire`, { token: "a", wait: "powered" });
          device(name).press();
          await lab.untilEvent(name, "external-off");
        }
      });
    });

    it(
      "are found in use again after a crash of the controller, and nothing is switched",
      patience,
      async () => {
        await withDevices(one.broker, async (lab, device) => {
          for (const name of names) {
            await lab.ask(`${name}/acquire`, { token: "a", wait: "powered" });
          }
          await lab.crash();
          await lab.settled();
          for (const name of names) {
            await lab.untilObject(name, { state: "available", phase: "in-use", users: 1 });
            expect(device(name).history(), name).toEqual(["on"]);
          }
        });
      },
    );
  });

  it("5 a device that never tells its position is taken for what it was told", {
    ...one.options,
    ...patience,
  }, async () => {
    await inLab(
      {
        broker: one.broker,
        switchers: { blind: { type: "mqtt", command: "lab/blind", assume: "on" } },
        resources: { blind: { switcher: "blind" } },
      },
      async (lab) => {
        const listener = await lab.connect();
        await listener.subscribe("lab/blind");
        const told = (): readonly string[] => listener.heard.map(({ payload }) => payload);
        await lab.untilObject("blind", { state: "available", phase: "held" });
        expect(await lab.ask("blind/acquire", { token: "a", wait: "powered" })).toMatchObject({ ok: true });
        await lab.ask("blind/release", { token: "a" });
        await lab.untilObject("blind", { state: "off", phase: "idle" });
        await lab.ask("blind/acquire", { token: "b", wait: "powered" });
        await lab.ask("blind/release", { token: "b" });
        await eventually("it was told all of it", () => told().length === 3);
        await lab.untilObject("blind", { state: "off", phase: "idle" });
        expect(told()).toEqual(["OFF", "ON", "OFF"]);
        await listener.disconnect();
      },
    );
  });
});
