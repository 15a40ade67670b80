// Simulated devices of the families on real brokers: what each answers, what it keeps to itself, and what happens when it goes and comes
// back. The simulators share no code with the program; the facts are those of the families.

import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { createBus } from "../../src/adapters/mqtt/bus.ts";
import { createSwitcher, switcherOptions } from "../../src/adapters/switchers/registry.ts";
import { millis } from "../../src/core/time.ts";
import type { SwitcherReport } from "../../src/ports/switcher.ts";
import { startEsphome } from "../simulators/esphome.ts";
import type { RelayDevice } from "../simulators/relay-board.ts";
import { startShellyGen1 } from "../simulators/shelly-gen1.ts";
import { startShellyGen2 } from "../simulators/shelly-gen2.ts";
import { startZigbee2mqtt } from "../simulators/zigbee2mqtt.ts";
import { startAedes } from "../support/aedes.ts";
import { eventually } from "../support/eventually.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { silentLog } from "../support/silent-log.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) {
    await close();
  }
});

const notAborted = new AbortController().signal;

const brokers = [
  { title: "the embedded broker", options: needing(), start: () => startAedes() },
  { title: "mosquitto", options: needing("mosquitto"), start: () => startMosquitto() },
] as const;

type Broker = { readonly port: number; readonly url: string; stop(): Promise<void> };

async function broker(start: () => Promise<Broker>): Promise<Broker> {
  const one = await start();
  closing.push(() => one.stop());
  return one;
}

function kept<Device extends RelayDevice>(device: Device): Device {
  closing.push(() => device.stop());
  return device;
}

async function listening({ url }: Broker, options: Readonly<Record<string, unknown>>) {
  const bus = createBus({ broker: { url }, clientId: "lab" }, { clock: systemClock, log: silentLog });
  const parsed = switcherOptions.parse({ type: "mqtt", ...options });
  const switcher = createSwitcher(parsed, { name: "sw", bus, clock: systemClock });
  const reports: SwitcherReport[] = [];
  switcher.start((report) => reports.push(report));
  bus.start();
  closing.push(() => bus.close());
  await eventually("the switcher is connected", () => reports.some(({ kind }) => kind === "connected"));
  const positions = (): readonly string[] =>
    reports.flatMap((report) => (report.kind === "position" ? [report.position] : []));
  const hints = (): readonly boolean[] =>
    reports.flatMap((report) => (report.kind === "hint" ? [report.online] : []));
  return {
    bus,
    switcher,
    reports,
    hints,
    positions,
    /** Everything that was sent before has come and is forgotten. */
    quiet: async (): Promise<void> => {
      await roundTrip(bus);
      reports.length = 0;
    },
    untilPosition: (position: string) =>
      eventually(`it says ${position}`, () => positions().at(-1) === position),
    watts: () =>
      reports.flatMap((report) =>
        report.kind === "reading" && report.watts !== undefined ? [report.watts] : [],
      ),
    kwh: () =>
      reports.flatMap((report) =>
        report.kind === "reading" && report.kwh !== undefined ? [report.kwh] : [],
      ),
  };
}

let trips = 0;

/** What a device sent upon what we sent is here when a later message of ours has come back, and nothing more followed for a while. */
async function roundTrip(bus: ReturnType<typeof createBus>): Promise<void> {
  trips += 1;
  const topic = `test/trip/${trips}`;
  let back = false;
  const stop = bus.subscribe(topic, () => {
    back = true;
  });
  await eventually("a message of ours has come back", async () => {
    bus.publish(topic, "x");
    await systemClock.sleep(millis(10));
    return back;
  });
  stop();
}

/** What all families have in common: told, it answers; asked, it answers; by hand, it tells. */
const families = [
  {
    title: "Shelly Gen1",
    options: { preset: "shelly-gen1", device: "shelly1-A" },
    start: (port: number): Promise<RelayDevice> => startShellyGen1({ port, id: "shelly1-A", periodMs: 0 }),
  },
  {
    title: "Shelly Gen1 with retained states",
    options: { preset: "shelly-gen1", device: "shelly1-A" },
    start: (port: number): Promise<RelayDevice> =>
      startShellyGen1({ port, id: "shelly1-A", periodMs: 0, retain: true }),
  },
  {
    title: "Shelly Gen2",
    options: { preset: "shelly-gen2", device: "plus1" },
    start: (port: number): Promise<RelayDevice> => startShellyGen2({ port, prefix: "plus1" }),
  },
  {
    title: "Shelly Gen2 that publishes its whole status, too",
    options: { preset: "shelly-gen2", device: "plus1" },
    start: (port: number): Promise<RelayDevice> =>
      startShellyGen2({ port, prefix: "plus1", statusNtf: true }),
  },
  {
    title: "Zigbee2MQTT",
    options: { preset: "zigbee2mqtt", device: "rack/plug" },
    start: (port: number): Promise<RelayDevice> => startZigbee2mqtt({ port, name: "rack/plug" }),
  },
  {
    title: "Zigbee2MQTT with availability",
    options: { preset: "zigbee2mqtt", device: "rack/plug" },
    start: (port: number): Promise<RelayDevice> =>
      startZigbee2mqtt({ port, name: "rack/plug", availability: true }),
  },
  {
    title: "Zigbee2MQTT of old",
    options: { preset: "zigbee2mqtt", device: "plug" },
    start: (port: number): Promise<RelayDevice> =>
      startZigbee2mqtt({ port, name: "plug", availability: true, legacy: true }),
  },
  {
    title: "ESPHome",
    options: { preset: "esphome", device: "node", channel: "relay" },
    start: (port: number): Promise<RelayDevice> => startEsphome({ port, name: "node" }),
  },
  {
    title: "ESPHome without discover_ip, by its availability",
    options: { preset: "esphome", device: "node", channel: "relay", query: "none" },
    start: (port: number): Promise<RelayDevice> => startEsphome({ port, name: "node", discoverIp: false }),
  },
];

describe.each(brokers)("Over $title", ({ options: need, start }) => {
  describe("a device", need, () => {
    it.each(families)(
      "with $title that was there before tells where it stands when it is asked",
      async (family) => {
        const to = await broker(start);
        const device = kept(await family.start(to.port));
        const { switcher, positions, untilPosition } = await listening(to, family.options);
        await eventually("it has answered", async () => {
          await switcher.ask(notAborted);
          await systemClock.sleep(millis(30));
          return positions().length > 0;
        });
        await untilPosition(device.position());
      },
    );

    it.each(families)("with $title is switched, and tells so", async (family) => {
      const to = await broker(start);
      const device = kept(await family.start(to.port));
      const { switcher, untilPosition } = await listening(to, family.options);
      await switcher.set("sw", "on", notAborted);
      await untilPosition("on");
      await switcher.set("sw", "off", notAborted);
      await untilPosition("off");
      expect(device.history()).toEqual(["on", "off"]);
    });

    it.each(families)("with $title tells of a hand", async (family) => {
      const to = await broker(start);
      const device = kept(await family.start(to.port));
      const { untilPosition } = await listening(to, family.options);
      device.press();
      await untilPosition("on");
    });

    it.each(families)("with $title whose commands are lost tells nothing that is not so", async (family) => {
      const to = await broker(start);
      const device = kept(await family.start(to.port));
      const { switcher, positions, quiet } = await listening(to, family.options);
      await quiet();
      device.lose(1);
      const before = device.received.length;
      await switcher.set("sw", "on", notAborted);
      await eventually("the command has come there", () => device.received.length > before);
      await eventually("it has answered", async () => {
        await switcher.ask(notAborted);
        await systemClock.sleep(millis(30));
        return positions().length > 0;
      });
      expect(new Set(positions())).toEqual(new Set(["off"]));
    });

    it.each(families.filter(({ options }) => !("query" in options)))(
      "with $title that is silent has no position, and is believed again when it speaks",
      async (family) => {
        const to = await broker(start);
        const device = kept(await family.start(to.port));
        const { bus, switcher, positions, untilPosition, quiet } = await listening(to, family.options);
        await switcher.ask(notAborted);
        await untilPosition("off");
        device.powerCut();
        await quiet();
        await switcher.ask(notAborted);
        await switcher.set("sw", "on", notAborted);
        await roundTrip(bus);
        expect(positions()).toEqual([]);
        device.powerUp("on");
        await device.untilConnected();
        await eventually("it has answered", async () => {
          await switcher.ask(notAborted);
          await systemClock.sleep(millis(30));
          return positions().at(-1) === "on";
        });
        expect(device.history()).toEqual(["on"]);
      },
    );

    it.each(families)("with $title answers late, and what it says then counts", async (family) => {
      const to = await broker(start);
      const device = kept(await family.start(to.port));
      const { switcher, positions, untilPosition, quiet } = await listening(to, family.options);
      await quiet();
      device.slow(150);
      await switcher.set("sw", "on", notAborted);
      expect(positions()).not.toContain("on");
      await untilPosition("on");
    });

    it.each(families)("with $title whose link is reset is hinted at", async (family) => {
      const to = await broker(start);
      const device = kept(await family.start(to.port));
      const { switcher, hints, quiet } = await listening(to, family.options);
      await quiet();
      device.powerCut("reset");
      await eventually("its will has come", () => hints().includes(false));
      device.powerUp();
      await eventually("it is known to be back", async () => {
        await switcher.ask(notAborted);
        await systemClock.sleep(millis(30));
        return hints().at(-1) === true;
      });
    });

    it("with Shelly Gen1 answers a command for the position that it has", async () => {
      const to = await broker(start);
      kept(await startShellyGen1({ port: to.port, id: "shelly1-A", periodMs: 0 }));
      const { switcher, positions, quiet, untilPosition } = await listening(to, {
        preset: "shelly-gen1",
        device: "shelly1-A",
      });
      await quiet();
      expect(positions()).toEqual([]);
      await switcher.set("sw", "off", notAborted);
      await untilPosition("off");
    });

    it("with Shelly Gen2 does not, but a question shows it", async () => {
      const to = await broker(start);
      const device = kept(await startShellyGen2({ port: to.port, prefix: "plus1" }));
      const { bus, switcher, positions, untilPosition } = await listening(to, {
        preset: "shelly-gen2",
        device: "plus1",
      });
      await switcher.set("sw", "off", notAborted);
      await eventually("the call has come there", () => device.received.length === 1);
      await roundTrip(bus);
      expect(positions()).toEqual([]);
      await switcher.ask(notAborted);
      await untilPosition("off");
    });

    it("with Shelly Gen2 without notifications is known only when it is asked", async () => {
      const to = await broker(start);
      const device = kept(await startShellyGen2({ port: to.port, prefix: "plus1", rpcNtf: false }));
      const { bus, switcher, positions, untilPosition } = await listening(to, {
        preset: "shelly-gen2",
        device: "plus1",
      });
      device.press();
      await roundTrip(bus);
      expect(positions()).toEqual([]);
      await switcher.ask(notAborted);
      await untilPosition("on");
    });

    it("with ESPHome does not answer it either, and its retained state counts after a ping", async () => {
      const to = await broker(start);
      const device = kept(await startEsphome({ port: to.port, name: "node" }));
      const { bus, switcher, positions, untilPosition } = await listening(to, {
        preset: "esphome",
        device: "node",
        channel: "relay",
      });
      await switcher.set("sw", "off", notAborted);
      await eventually("the command has come there", () => device.received.length === 1);
      await roundTrip(bus);
      expect(positions()).toEqual([]);
      await switcher.ask(notAborted);
      await untilPosition("off");
    });

    it("with ESPHome that says goodbye is away at once", async () => {
      const to = await broker(start);
      const device = kept(await startEsphome({ port: to.port, name: "node" }));
      const { switcher, positions, hints, bus, quiet } = await listening(to, {
        preset: "esphome",
        device: "node",
        channel: "relay",
        query: "none",
      });
      await quiet();
      device.shutDown();
      await eventually("it says so", () => hints().includes(false));
      await switcher.ask(notAborted);
      await roundTrip(bus);
      expect(positions()).toEqual([]);
    });

    it("with Zigbee2MQTT whose plug is out of reach says nothing, and the command is not carried out", async () => {
      const to = await broker(start);
      const device = kept(await startZigbee2mqtt({ port: to.port, name: "plug" }));
      const { bus, switcher, positions, quiet, untilPosition } = await listening(to, {
        preset: "zigbee2mqtt",
        device: "plug",
      });
      await quiet();
      device.plugReachable(false);
      await switcher.set("sw", "on", notAborted);
      await switcher.ask(notAborted);
      await eventually("both have come there", () => device.received.length === 2);
      await roundTrip(bus);
      expect(positions()).toEqual([]);
      expect(device.history()).toEqual([]);
      device.plugReachable(true);
      await switcher.ask(notAborted);
      await untilPosition("off");
    });

    it("with Zigbee2MQTT is not believed to be off because the bridge remembers it so while it calls the plug offline", async () => {
      const to = await broker(start);
      const device = kept(
        await startZigbee2mqtt({ port: to.port, name: "plug", availability: true, initial: "on" }),
      );
      const { positions, hints, quiet } = await listening(to, { preset: "zigbee2mqtt", device: "plug" });
      device.plugReachable(false);
      await eventually("it is called offline", () => hints().includes(false));
      await quiet();
      device.restartBridge("off");
      await device.untilConnected();
      await quiet();
      expect(positions()).toEqual([]);
      expect(device.position()).toBe("on");
    });

    it("with Zigbee2MQTT that remembers another position than the plug's is put right by a question", async () => {
      const to = await broker(start);
      const device = kept(await startZigbee2mqtt({ port: to.port, name: "plug", initial: "on" }));
      const { switcher, positions } = await listening(to, { preset: "zigbee2mqtt", device: "plug" });
      device.restartBridge("off");
      await device.untilConnected();
      await eventually("it says where the plug stands", async () => {
        await switcher.ask(notAborted);
        await systemClock.sleep(millis(30));
        return positions().at(-1) === "on";
      });
    });

    it.each([
      { title: "Shelly Gen1", options: { preset: "shelly-gen1", device: "d" } },
      { title: "Shelly Gen2", options: { preset: "shelly-gen2", device: "d" } },
      { title: "Zigbee2MQTT", options: { preset: "zigbee2mqtt", device: "d" } },
    ])("with $title tells what it draws when it is asked", async ({ title, options }) => {
      const to = await broker(start);
      const common = { port: to.port, initial: "on", watts: 42 } as const;
      kept(
        title === "Shelly Gen1"
          ? await startShellyGen1({ ...common, id: "d", periodMs: 0 })
          : title === "Shelly Gen2"
            ? await startShellyGen2({ ...common, prefix: "d" })
            : await startZigbee2mqtt({ ...common, name: "d" }),
      );
      const { switcher, watts, kwh, quiet } = await listening(to, options);
      await quiet();
      await switcher.measure(notAborted);
      await eventually("it tells", () => watts().at(-1) === 42 && kwh().length > 0);
      expect(kwh().at(-1)).toBeCloseTo(1.5, 2);
    });

    it.each([
      {
        title: "Shelly Gen1",
        options: { preset: "shelly-gen1", device: "d", outlets: 2 },
        begin: (port: number): Promise<RelayDevice> =>
          startShellyGen1({ port, id: "d", relays: 2, periodMs: 0 }),
      },
      {
        title: "Shelly Gen2",
        options: { preset: "shelly-gen2", device: "d", outlets: 2 },
        begin: (port: number): Promise<RelayDevice> => startShellyGen2({ port, prefix: "d", relays: 2 }),
      },
      {
        title: "Zigbee2MQTT",
        options: { preset: "zigbee2mqtt", device: "d", outlets: 2 },
        begin: (port: number): Promise<RelayDevice> =>
          startZigbee2mqtt({ port, name: "d", endpoints: ["l1", "l2"] }),
      },
      {
        title: "ESPHome",
        options: { preset: "esphome", device: "d", outlets: 2, channel: "relay_{{outlet}}" },
        begin: (port: number): Promise<RelayDevice> =>
          startEsphome({ port, name: "d", switches: ["relay_1", "relay_2"] }),
      },
    ])(
      "with $title and two relays is a group, of which each is switched alone",
      async ({ options, begin }) => {
        const to = await broker(start);
        const device = kept(await begin(to.port));
        const { switcher, reports } = await listening(to, options);
        await switcher.set("sw/2", "on", notAborted);
        await eventually("the second says on", () =>
          reports.some((one) => one.kind === "position" && one.outlet === "sw/2" && one.position === "on"),
        );
        expect([device.position(0), device.position(1)]).toEqual(["off", "on"]);
        await switcher.ask(notAborted);
        await eventually("the first says off", () =>
          reports.some((one) => one.kind === "position" && one.outlet === "sw/1" && one.position === "off"),
        );
      },
    );
  });
});
