// How `lastout discover` listens and asks: over real brokers, with simulated sockets, from the command line to the file that passes the
// check. What it makes of messages is in discover.test.ts.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { startBroker } from "../../src/adapters/broker/broker.ts";
import { openConnection } from "../../src/adapters/mqtt/connection.ts";
import { runCommandLine } from "../../src/cli/command-line.ts";
import { startShellyGen1 } from "../simulators/shelly-gen1.ts";
import { startShellyGen2 } from "../simulators/shelly-gen2.ts";
import { startTasmota, type Tasmota, type TasmotaOptions } from "../simulators/tasmota.ts";
import { startAedes, type TestBroker } from "../support/aedes.ts";
import { passwordOf, startGuardedMosquitto } from "../support/guarded-mosquitto.ts";
import { freePort, startMosquitto } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { silentLog } from "../support/silent-log.ts";
import { acceptedBy, uncommented } from "./discover-accepted.ts";
import { tasmotaConfig, zigbeeDevice, zigbeeSwitch } from "./discover-lab.ts";
import { cleanEnv, endAll, eventually, lastoutHere, start, temporaryDirectory } from "./processes.ts";

// Listening takes whole seconds, and the machine may be busy.
vi.setConfig({ testTimeout: 60_000 });

/** In the order in which they were made; ended in the other. */
const running: (() => Promise<void>)[] = [];

afterEach(async () => {
  endAll();
  for (const stop of running.splice(0).toReversed()) {
    await stop();
  }
});

async function aedes(): Promise<TestBroker> {
  const broker = await startAedes();
  running.push(() => broker.stop());
  return broker;
}

/** Its clock is fast, so that it has told of itself within a tenth of a second. */
async function socket(options: TasmotaOptions): Promise<Tasmota> {
  const device = await startTasmota({ speed: 100, ...options });
  running.push(() => device.stop());
  return device;
}

/** Until its discovery message has gone out. */
const announced = (device: Tasmota): Promise<void> =>
  eventually("the device has announced itself", () =>
    device.sent.some(({ topic }) => topic.startsWith("tasmota/discovery/") && topic.endsWith("/sensors")),
  );

interface LabBroker {
  readonly port: number;
  readonly url: string;
}

async function embedded(): Promise<LabBroker> {
  const broker = await startBroker({ host: "127.0.0.1", port: 0, users: undefined }, { log: silentLog });
  running.push(() => broker.close());
  return broker;
}

async function mosquitto(): Promise<LabBroker> {
  const broker = await startMosquitto();
  running.push(() => broker.stop());
  return broker;
}

function whole(title: string, brokerOf: () => Promise<LabBroker>): void {
  test(title, async () => {
    const { port, url } = await brokerOf();
    const strip = await socket({
      port,
      topic: "strip1",
      relays: 4,
      meter: 4,
      initial: ["on", "off", "on", "off"],
      setup: ["PowerOnState 1", "TelePeriod 60", "ButtonRetain 1"],
    });
    const good = await socket({
      port,
      topic: "plug1",
      fullTopic: "hall/%topic%/%prefix%/",
      meter: 1,
      setup: ["SetOption21 1", "TelePeriod 60", "SetOption4 1"],
    });
    await announced(strip);
    await announced(good);
    const moves = (): readonly number[] => [1, 2, 3, 4].map((relay) => strip.relay(relay).history.length);
    const movesBefore = moves();
    const { exit, out, err } = await lastoutHere(["discover", "--seconds", "2", "--url", url]);
    expect(exit).toBe(0);
    const config = acceptedBy(out);
    expect([...config.switchers.values()].map(({ options }) => options)).toMatchObject([
      { type: "tasmota", topic: "plug1", fullTopic: "hall/%topic%/%prefix%/" },
      { type: "tasmota", topic: "strip1", outlets: 4 },
    ]);
    expect(out).toContain("Backlog PowerOnState 3; SetOption21 1; ButtonRetain 0\n");
    expect(err).toContain("warning: strip1: PowerOnState is 1");
    expect(err).toContain("warning: strip1: SetOption21 is off");
    expect(err).not.toContain("warning: plug1");
    expect(err).not.toContain("TelePeriod");

    const file = join(temporaryDirectory(), "lastout.yaml");
    writeFileSync(file, uncommented(out), { mode: 0o600 });
    const checked = await lastoutHere(["check", "--config", file]);
    expect([checked.exit, checked.out]).toEqual([0, `${file} is valid: 5 resources, 2 switchers\n`]);

    // Nothing moved, and nothing was sent that could have moved something.
    expect([1, 2, 3, 4].map((relay) => strip.relay(relay).position)).toEqual(["on", "off", "on", "off"]);
    expect(moves()).toEqual(movesBefore);
    for (const { command, payload, retain } of [...strip.received, ...good.received]) {
      expect(["STATUS ", "STATUS 3", "SETOPTION21 "]).toContain(`${command} ${payload}`);
      expect(retain).toBe(false);
    }
    expect(good.received).toHaveLength(3);
  });
}

describe("lastout discover finds, asks and switches nothing", () => {
  whole("over the embedded broker", embedded);
  describe("with mosquitto", needing("mosquitto"), () => {
    whole("over mosquitto", mosquitto);

    test("A list of devices that is larger than any request comes through MQTT 5", async () => {
      const broker = await mosquitto();
      const publisher = openConnection(
        { url: broker.url, clientId: "z2m", clean: true, keepalive: 30, reconnect: false },
        { connected: () => {}, message: () => {}, lost: () => {} },
        { clock: systemClock, log: silentLog },
      );
      running.push(() => publisher.close());
      await eventually("the bridge is connected", () => publisher.connected);
      const devices = Array.from({ length: 200 }, (_, index) =>
        zigbeeDevice(`plug ${index}`, zigbeeSwitch(), { note: "x".repeat(1000) }),
      );
      const payload = JSON.stringify(devices);
      expect(payload.length).toBeGreaterThan(200_000);
      await publisher.publish("lab/z2m/bridge/devices", payload, { qos: 1, retain: true });
      const { out } = await lastoutHere(["discover", "--seconds", "1", "--url", broker.url]);
      const config = acceptedBy(out);
      expect(config.switchers.size).toBe(200);
      expect([...config.switchers.values()][0]?.options).toMatchObject({
        preset: "zigbee2mqtt",
        base: "lab/z2m",
      });
    });

    test("With the shipped access rules the controller's user finds and asks sockets, and a job's hears of none", async () => {
      const broker = await startGuardedMosquitto({ users: ["lastout", "socket", "ci"] });
      running.push(() => broker.stop());
      const device = await socket({
        port: broker.port,
        topic: "plug1",
        username: "socket",
        password: passwordOf("socket"),
        setup: ["PowerOnState 1"],
      });
      await announced(device);
      const discover = (user: string) =>
        lastoutHere(["discover", "--seconds", "1", "--url", broker.url, "--username", user], {
          LASTOUT_PASSWORD: passwordOf(user),
        });
      const found = await discover("lastout");
      expect(found.exit).toBe(0);
      expect(found.out).toContain("  username: lastout\n  password: ${LASTOUT_PASSWORD}\n");
      expect(`${found.out}${found.err}`).not.toContain(passwordOf("lastout"));
      acceptedBy(found.out);
      expect(found.err.replace(/^lastout: listening at .*\n/, "")).toBe(
        [
          "lastout: warning: plug1: PowerOnState is 1: after every power cut it switches on, wanted or not",
          "lastout: warning: plug1: TelePeriod is 300: it tells position and meter only every 300 s by itself",
          `lastout: found 1 switcher at ${broker.url}; put names and hosts into 'resources', then run 'lastout check'`,
          "",
        ].join("\n"),
      );
      const none = await discover("ci");
      expect([none.exit, none.out]).toEqual([0, ""]);
      expect(none.err).toContain("does it let 'ci' read tasmota/discovery/#?");
    });

    test("A broker that does not let the user in is exit 77 with the cure", async () => {
      const broker = await startMosquitto(({ port }) => `listener ${port} 127.0.0.1\nallow_anonymous false`);
      running.push(() => broker.stop());
      const { exit, out, err } = await lastoutHere(["discover", "--seconds", "1", "--url", broker.url]);
      expect([exit, out]).toEqual([77, ""]);
      expect(err).toContain("--password-file");
    });
  });
});

describe("lastout discover", () => {
  test("publishes only its questions, none of them retained", async () => {
    const broker = await aedes();
    await announced(await socket({ port: broker.port, topic: "plug1" }));
    const before = broker.seen.length;
    await lastoutHere(["discover", "--seconds", "1", "--url", broker.url]);
    const own = broker.seen
      .slice(before)
      .filter(({ topic }) => !/^(stat|tele|tasmota)\//.test(topic))
      .map(({ topic, payload, retain }) => `${topic} ${payload} ${retain ? "retained" : "live"}`);
    expect(own).toEqual([
      "shellies/command announce live",
      "shellies/command update live",
      "cmnd/plug1/STATUS  live",
      "cmnd/plug1/STATUS 3 live",
    ]);
  });

  test("publishes nothing at all with --no-ask", async () => {
    const broker = await aedes();
    const device = await socket({ port: broker.port, topic: "plug1", setup: ["PowerOnState 1"] });
    await announced(device);
    const { out, err } = await lastoutHere(["discover", "--seconds", "1", "--url", broker.url, "--no-ask"]);
    acceptedBy(out);
    expect(device.received).toEqual([]);
    expect(broker.seen.filter(({ topic }) => !/^(stat|tele|tasmota|cmnd)\//.test(topic))).toEqual([]);
    expect(err).not.toContain("warning");
  });

  test("tells of a socket that does not answer, and does not wait for it for long", async () => {
    const broker = await aedes();
    const device = await socket({ port: broker.port, topic: "plug1" });
    await announced(device);
    device.fault("deaf");
    const began = systemClock.now();
    const { exit, err } = await lastoutHere(["discover", "--seconds", "1", "--url", broker.url]);
    expect(exit).toBe(0);
    expect(err).toContain("warning: plug1: it did not answer");
    expect(systemClock.now() - began).toBeLessThan(10_000);
  });

  test("asks a socket that announces itself while it listens", async () => {
    const broker = await aedes();
    const listening = lastoutHere(["discover", "--seconds", "3", "--url", broker.url]);
    await eventually("it listens", () => broker.seen.some(({ topic }) => topic === "shellies/command"));
    await socket({ port: broker.port, topic: "late", setup: ["PowerOnState 2"] });
    expect((await listening).err).toContain("warning: late: PowerOnState is 2");
  });

  test("finds Shelly devices: the first generation by asking, later ones when a relay moves", async () => {
    const broker = await aedes();
    const plug = await startShellyGen1({ port: broker.port, id: "shelly25-1A2B3C", relays: 2, periodMs: 0 });
    running.push(() => plug.stop());
    const pro = await startShellyGen2({ port: broker.port, prefix: "shellypro2-a8032abe54dc", relays: 2 });
    running.push(() => pro.stop());
    const listening = lastoutHere(["discover", "--seconds", "2", "--url", broker.url]);
    await eventually("it listens", () => broker.seen.some(({ topic }) => topic === "shellies/command"));
    pro.press(1);
    const config = acceptedBy((await listening).out);
    expect([...config.switchers.values()].map(({ options }) => options)).toMatchObject([
      { preset: "shelly-gen1", device: "shelly25-1A2B3C", outlets: 2 },
      { preset: "shelly-gen2", device: "shellypro2-a8032abe54dc", channel: "1" },
    ]);
    expect([plug.history(0), plug.history(1), pro.history(0), pro.history(1)]).toEqual([[], [], [], ["on"]]);
    expect(pro.received).toEqual([]);
  });

  test("asks nothing on topics that a stranger has put together", async () => {
    const broker = await aedes();
    const strange = [
      { tp: ["lastout", "stat", "tele"] },
      { t: "+" },
      { t: "a\u0000b" },
      { tp: ["$SYS", "stat", "tele"] },
      { t: "y".repeat(250) },
    ];
    for (const [index, fields] of strange.entries()) {
      await broker.publish(
        `tasmota/discovery/C4DD5700000${index}/config`,
        JSON.stringify(tasmotaConfig(fields)),
        true,
      );
    }
    const { exit } = await lastoutHere(["discover", "--seconds", "1", "--url", broker.url]);
    expect(exit).toBe(0);
    expect(broker.seen.filter(({ topic }) => /STATUS|SETOPTION/.test(topic))).toEqual([]);
  });

  test("finds retained commands, on topics of found devices and of none", async () => {
    const broker = await aedes();
    await announced(await socket({ port: broker.port, topic: "plug1", fullTopic: "%topic%/%prefix%/" }));
    await broker.publish("plug1/cmnd/POWER", "ON", true);
    await broker.publish("cmnd/tasmotas/POWER0", "OFF", true);
    await broker.publish(
      "zigbee2mqtt/bridge/devices",
      JSON.stringify([zigbeeDevice("a/b", zigbeeSwitch())]),
      true,
    );
    await broker.publish("zigbee2mqtt/a/b/set", '{"state":"OFF"}', true);
    const { out } = await lastoutHere(["discover", "--seconds", "1", "--url", broker.url, "--json"]);
    const findings: unknown = JSON.parse(out);
    expect(findings).toMatchObject({
      retained: [
        { topic: "cmnd/tasmotas/POWER0", payload: "OFF" },
        { topic: "plug1/cmnd/POWER", payload: "ON" },
        { topic: "zigbee2mqtt/a/b/set" },
      ],
      strays: [{ topic: "cmnd/tasmotas/POWER0", payload: "OFF" }],
      switchers: [
        {
          name: "plug1",
          cautions: expect.arrayContaining([expect.objectContaining({ code: "retained-command" })]),
        },
        { name: "a-b", cautions: [{ code: "retained-command" }] },
      ],
    });
  });

  test("finds nothing: exit 0, nothing on standard output, and why that may be", async () => {
    const broker = await aedes();
    const { exit, out, err } = await lastoutHere(["discover", "--seconds", "1", "--url", broker.url]);
    expect([exit, out]).toEqual([0, ""]);
    expect(err).toContain(`no sockets were found at ${broker.url} within 1 s; do they use this broker`);
  });

  test("prints one object with --json, also when there is nothing to find", async () => {
    const broker = await aedes();
    const { exit, out } = await lastoutHere([
      "discover",
      "--seconds",
      "1",
      "--url",
      broker.url,
      "--json",
      "--quiet",
    ]);
    expect(exit).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      url: broker.url,
      switchers: [],
      leftOut: [],
      retained: [],
      notes: [],
    });
  });

  test("that cannot reach the broker is exit 69", async () => {
    const url = `mqtt://127.0.0.1:${await freePort()}`;
    const { exit, out, err } = await lastoutHere(["discover", "--url", url]);
    expect([exit, out]).toEqual([69, ""]);
    expect(err).toContain("is the broker running");
  });

  test("whose connection breaks while it listens is exit 69, and prints nothing by halves", async () => {
    const broker = await aedes();
    const listening = lastoutHere(["discover", "--seconds", "30", "--url", broker.url]);
    await eventually("it listens", () => broker.seen.some(({ topic }) => topic === "shellies/command"));
    broker.cut();
    const { exit, out } = await listening;
    expect([exit, out]).toEqual([69, ""]);
  });

  test("that is interrupted prints nothing and exits with 130", async () => {
    const broker = await aedes();
    const run = start(["discover", "--seconds", "30", "--url", broker.url]);
    await eventually("it listens", () => broker.seen.some(({ topic }) => topic === "shellies/command"));
    run.child.kill("SIGINT");
    expect([await run.ended, run.out()]).toEqual([130, ""]);
  });

  test("shows on a terminal how long it still listens, and takes that away again", async () => {
    const broker = await aedes();
    let err = "";
    await runCommandLine(["discover", "--seconds", "1", "--url", broker.url], {
      stdout: { write: () => true },
      stderr: { isTTY: true, columns: 80, write: (text) => (err += text) },
      env: cleanEnv(),
    });
    expect(err).toContain("0 heard of, 1 s left");
    expect(err).toContain("\r\u001B[2Klastout: no sockets were found");
  });

  test.each([
    [["discover", "plug1"], 64, "takes no words"],
    [["discover", "--seconds", "0.9"], 65, "is not from 1 to 3600"],
    [["discover", "--seconds", "3601"], 65, "is not from 1 to 3600"],
    [["discover", "--seconds", "soon"], 65, "is no duration"],
    [["discover", "--ask"], 64, "unknown option --ask"],
  ])("with %j is exit %i", async (words, exit, text) => {
    const run = await lastoutHere(words);
    expect([run.exit, run.out]).toEqual([exit, ""]);
    expect(run.err).toContain(text);
  });
});
