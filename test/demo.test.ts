// The demo lab: its sockets speak like real ones, its machines boot and die with their power, and its configuration and guide are such
// that a newcomer can use them. Over a real aedes broker, without a controller.

import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../src/adapters/clock/system-clock.ts";
import { loadConfig } from "../src/config/load.ts";
import { millis } from "../src/core/time.ts";
import { demoGuide } from "../src/demo/guide.ts";
import { type DemoLab, demoConfig, startDemoLab } from "../src/demo/lab.ts";
import { startDemoMachine } from "../src/demo/machine.ts";
import { type DemoLoad, type DemoSocket, startDemoSocket } from "../src/demo/socket.ts";
import { startAedes, type TestBroker } from "./support/aedes.ts";
import { eventually } from "./support/eventually.ts";
import { silentLog } from "./support/silent-log.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) {
    await end();
  }
});

async function broker(): Promise<TestBroker> {
  const started = await startAedes();
  ends.push(() => started.stop());
  return started;
}

const nothing: DemoLoad = { power: () => undefined, watts: () => 42 };

async function socket(on: TestBroker, load = nothing): Promise<DemoSocket> {
  const started = startDemoSocket({
    brokerUrl: on.url,
    topic: "plug1",
    serial: "DE0001",
    load,
    log: silentLog,
    clock: systemClock,
  });
  ends.push(() => started.close());
  await eventually("it told its power state", () =>
    on.seen.some(({ topic }) => topic === "stat/plug1/POWER"),
  );
  return started;
}

const lines = (of: TestBroker, since = 0): string[] =>
  of.seen
    .slice(since)
    .map(({ topic, payload, retain }) => `${topic}${retain ? " r" : ""} ${payload}`.trimEnd());

async function ask(to: TestBroker, command: string, payload: string, answers: number): Promise<string[]> {
  const since = to.seen.length + 1;
  await to.publish(`cmnd/plug1/${command}`, payload);
  await eventually(`${command} '${payload}' is answered`, () => to.seen.length >= since + answers);
  return lines(to, since);
}

function reaches(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(port, "127.0.0.1");
    connection.once("connect", () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", () => resolve(false));
  });
}

describe("a demo socket", () => {
  it("introduces itself as a socket that was just powered up does", async () => {
    const b = await broker();
    await socket(b);
    const told = lines(b).map((text) => text.replace(/ \{.*/, " {}"));
    // This broker stores a retained message before it passes it on, so that the next one overtakes it.
    expect(told.slice(0, 2)).toContain("tele/plug1/LWT r Online");
    expect(told.filter((text) => !text.includes("LWT"))).toEqual([
      "cmnd/plug1/POWER",
      "tele/plug1/INFO1 {}",
      "tele/plug1/INFO2 {}",
      "tele/plug1/INFO3 {}",
      "stat/plug1/RESULT {}",
      "stat/plug1/POWER OFF",
    ]);
    expect(b.seen.every(({ qos }) => qos === 0)).toBe(true);
  });

  it("tells no power state when it only connects again", async () => {
    const b = await broker();
    const plug = await socket(b);
    const since = b.seen.length;
    b.cut();
    await eventually("it is back", () => lines(b, since).includes("cmnd/plug1/POWER"));
    plug.press();
    await eventually("the press is told", () => lines(b, since).includes("stat/plug1/POWER ON"));
    expect(lines(b, since)).not.toContain("stat/plug1/POWER OFF");
  });

  it("answers every POWER with RESULT and POWER, and takes what is no word for a state as a question", async () => {
    const b = await broker();
    const seen: boolean[] = [];
    const plug = await socket(b, { power: (live) => seen.push(live), watts: () => 0 });
    const on = ['stat/plug1/RESULT {"POWER":"ON"}', "stat/plug1/POWER ON"];
    const off = ['stat/plug1/RESULT {"POWER":"OFF"}', "stat/plug1/POWER OFF"];
    expect(await ask(b, "POWER", "ON", 2)).toEqual(on);
    expect(await ask(b, "power1", "1", 2)).toEqual(on);
    expect(await ask(b, "POWER0", "", 2)).toEqual(on);
    expect(await ask(b, "POWER", "ON\n", 2)).toEqual(on);
    expect(plug.on).toBe(true);
    expect(await ask(b, "POWER", "YES", 2)).toEqual(on);
    expect(await ask(b, "POWER", "off", 2)).toEqual(off);
    expect(await ask(b, "POWER", "TOGGLE", 2)).toEqual(on);
    expect(seen).toEqual([true, false, true]);
  });

  it("answers a group command on its own topic, and one on its fallback topic there", async () => {
    const b = await broker();
    await socket(b);
    await b.publish("cmnd/tasmotas/POWER0", "ON");
    await eventually("answered", () => lines(b).includes("stat/plug1/POWER ON"));
    await b.publish("cmnd/DVES_DE0001_fb/POWER", "OFF");
    await eventually("answered there", () => lines(b).includes("stat/DVES_DE0001_fb/POWER OFF"));
  });

  it("answers State with its uptime, and Status 11 and 10 likewise", async () => {
    const b = await broker();
    await socket(b);
    await ask(b, "POWER", "ON", 2);
    const [state = ""] = await ask(b, "State", "", 1);
    expect(state).toMatch(/^stat\/plug1\/RESULT \{.*"Uptime":"0T00:00:0\d","UptimeSec":\d,.*"POWER":"ON"/);
    expect((await ask(b, "Status", "11", 1))[0]).toMatch(
      /^stat\/plug1\/STATUS11 \{"StatusSTS":\{.*"POWER":"ON"/,
    );
    expect((await ask(b, "Status", "10", 1))[0]).toMatch(
      /^stat\/plug1\/STATUS10 \{"StatusSNS":\{.*"Power":42,/,
    );
  });

  it("meters nothing while it is off", async () => {
    const b = await broker();
    await socket(b);
    expect((await ask(b, "Status", "8", 1))[0]).toMatch(/"Power":0,.*"Voltage":0,"Current":0/);
  });

  it.each([
    ["1", 300],
    ["5", 10],
    ["60", 60],
    ["0", 0],
    ["3601", 10],
    ["", 10],
  ])("TelePeriod '%s' becomes %i, and telemetry follows at once", async (given, period) => {
    const b = await broker();
    await socket(b);
    const answers = await ask(b, "TelePeriod", given, 3);
    expect(answers.map((text) => text.replace(/ \{"T(?!ele).*/, ""))).toEqual([
      `stat/plug1/RESULT {"TelePeriod":${period}}`,
      "tele/plug1/STATE",
      "tele/plug1/SENSOR",
    ]);
  });

  it("says of a command that it has not that it is unknown", async () => {
    const b = await broker();
    await socket(b);
    expect(await ask(b, "Foo", "bar", 1)).toEqual([
      'stat/plug1/RESULT {"Command":"Unknown","Input":"FOO bar"}',
    ]);
    expect(await ask(b, "Status", "77", 1)).toEqual([
      'stat/plug1/RESULT {"Command":"Error","Input":"STATUS 77"}',
    ]);
  });

  it("leaves without a word, so that the broker sends its will", async () => {
    const b = await broker();
    const plug = await socket(b);
    await plug.close();
    await eventually("the will is there", () => lines(b).includes("tele/plug1/LWT r Offline"));
  });
});

describe("a demo machine", () => {
  it("boots, answers, and is gone with its power", async () => {
    const machine = await startDemoMachine(millis(60), systemClock);
    ends.push(() => machine.close());
    expect([machine.state, machine.watts(), await reaches(machine.port)]).toEqual(["off", 0, false]);
    machine.power(true);
    expect([machine.state, await reaches(machine.port)]).toEqual(["booting", false]);
    const booting = machine.watts();
    await eventually("it is up", () => machine.state === "up");
    expect(await reaches(machine.port)).toBe(true);
    expect(machine.watts()).toBeLessThan(booting);
    machine.power(false);
    expect([machine.state, await reaches(machine.port)]).toEqual(["off", false]);
    machine.power(true);
    await eventually("it is up again on the same port", () => reaches(machine.port));
  });

  it("does not come up when the power goes during the boot", async () => {
    const machine = await startDemoMachine(millis(30), systemClock);
    ends.push(() => machine.close());
    machine.power(true);
    machine.power(false);
    const other = await startDemoMachine(millis(60), systemClock);
    ends.push(() => other.close());
    other.power(true);
    await eventually("another, slower one is up", () => other.state === "up");
    expect([machine.state, await reaches(machine.port)]).toEqual(["off", false]);
  });
});

async function lab(on: TestBroker): Promise<DemoLab> {
  const started = await startDemoLab({ brokerUrl: on.url, log: silentLog, clock: systemClock });
  ends.push(() => started.close());
  return started;
}

describe("the demo lab", () => {
  it("puts every machine behind its own socket", async () => {
    const b = await broker();
    const { resources } = await lab(b);
    expect(resources.map(({ name }) => name)).toEqual(["build1", "build2", "basestation", "switch", "lamp"]);
    const rackSwitch = resources.find(({ name }) => name === "switch");
    await eventually("all sockets are online", () =>
      resources.every(({ topic }) => lines(b).includes(`stat/${topic}/POWER OFF`)),
    );
    await b.publish("cmnd/demo-switch/POWER", "ON");
    await eventually("the switch is up", () => reaches(rackSwitch?.port ?? 0));
    await b.publish("cmnd/demo-switch/POWER", "OFF");
    await eventually("it is gone", async () => !(await reaches(rackSwitch?.port ?? 0)));
  });

  it("has a configuration that the ordinary check accepts, warning only that machines are cut without a shutdown", async () => {
    const b = await broker();
    const started = await lab(b);
    const text = demoConfig(started, {
      brokerPort: b.port,
      storePath: "/tmp/a folder: with #signs/lastout.db",
    });
    const loaded = loadConfig({
      file: "demo.yaml",
      env: {},
      readFile: () => ({ ok: true, text, open: false }),
    });
    if (!loaded.ok) {
      throw new Error(loaded.mistakes.map(({ path, message }) => `${path}: ${message}`).join("\n"));
    }
    expect(loaded.warnings.filter(({ message }) => !message.includes("will cut the power"))).toEqual([]);
    expect([...loaded.config.settings.resources.keys()]).toEqual(started.resources.map(({ name }) => name));
    expect(loaded.config.store.path).toBe("/tmp/a folder: with #signs/lastout.db");
    expect(loaded.config.broker).toMatchObject({ host: "127.0.0.1", port: b.port });
    expect(loaded.config.checks.size).toBe(4);
    expect(loaded.config.settings.resources.get("build1")).toMatchObject({
      offDelay: 10_000,
      check: { interval: 1000 },
    });
  });

  it.each([1883, 18_883])(
    "has a guide for a broker on port %i that fits a terminal of 80 by 24",
    async (port) => {
      const b = await broker();
      const guide = demoGuide(await lab(b), port);
      const rows = guide.split("\n");
      expect(rows.filter((row) => row.length > 80)).toEqual([]);
      expect(rows.length).toBeLessThanOrEqual(24);
      expect(guide).toContain("npx lastout run build1 -- echo hello");
      expect(guide.includes("LASTOUT_URL=mqtt://127.0.0.1:18883")).toBe(port !== 1883);
      const tools = rows.filter((row) => row.includes("mosquitto_") && !row.includes("apt install"));
      expect(tools.length).toBeGreaterThanOrEqual(4);
      expect(tools.every((row) => row.includes("-p 18883") === (port !== 1883))).toBe(true);
    },
  );
});
