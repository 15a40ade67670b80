// `lastout switch`: one outlet by hand from a configuration. Method: the command in this process, with real programs, a real broker and
// a simulated Tasmota on the wire; only the controller that is in its way is a process of its own.

import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { lockStore } from "../../src/adapters/store/lock.ts";
import { startAedes } from "../support/aedes.ts";
import { freePort } from "../support/mosquitto.ts";
import { startTasmota, type TasmotaOptions } from "../simulators/tasmota.ts";
import { endAll, eventually, lastoutHere, start, temporaryDirectory } from "./processes.ts";

afterEach(endAll);

type Fields = Readonly<Record<string, unknown>>;

interface Given {
  readonly switchers: Readonly<Record<string, Fields>>;
  readonly resources?: Readonly<Record<string, Fields>>;
  readonly more?: Fields;
}

const nowhere = { mqtt: { url: "mqtt://127.0.0.1:9" } };

function lab({ switchers, resources = {}, more = nowhere }: Given) {
  const folder = temporaryDirectory();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "lab.yaml");
  const store = join(folder, "lastout.db");
  writeFileSync(file, JSON.stringify({ ...more, store: { path: store }, switchers, resources }));
  return {
    file,
    store,
    folder,
    by: (...words: readonly string[]) => lastoutHere(["switch", ...words, "--config", file]),
  };
}

const relay = join(temporaryDirectory(), "relay");
const lamp = {
  type: "exec",
  on: ["touch", relay],
  off: ["rm", "-f", relay],
  read: ["test", "-e", relay],
};

describe("lastout switch, with an outlet that programs switch", () => {
  test("tells what is on it, switches, and says where it stands then", async () => {
    const { by } = lab({
      switchers: { lamp },
      resources: { build1: { switcher: "lamp", description: "64 cores" }, build2: { switcher: "lamp" } },
    });
    expect(await by("lamp", "on")).toEqual({
      exit: 0,
      out: "lamp is on\n",
      err: "lastout: switching lamp on gives power to build1 (64 cores), build2\n",
    });
    expect(existsSync(relay)).toBe(true);
    expect(await by("lamp", "read")).toEqual({ exit: 0, out: "lamp is on\n", err: "" });
    expect(await by("lamp", "off", "--quiet")).toEqual({ exit: 0, out: "lamp is off\n", err: "" });
    expect(existsSync(relay)).toBe(false);
    expect((await by("lamp", "off")).err).toBe(
      "lastout: switching lamp off cuts the power of build1 (64 cores), build2; nothing is shut down before\n",
    );
  });

  test("says as JSON where it stands and which resources are on it", async () => {
    const { by } = lab({ switchers: { lamp }, resources: { build1: { switcher: "lamp" } } });
    const { exit, out } = await by("lamp", "read", "--json");
    expect(exit).toBe(0);
    expect(JSON.parse(out)).toEqual({
      ok: true,
      outlet: "lamp",
      position: "off",
      assumed: false,
      resources: ["build1"],
    });
  });

  test("that fails is exit 75 with its first line; that cannot say where it stands is not switched, exit 69", async () => {
    const fails = { ...lamp, on: ["/bin/sh", "-c", "echo fuse blown; exit 4"] };
    const mute = { ...lamp, read: ["/bin/sh", "-c", "echo no device >&2; exit 2"] };
    const { by } = lab({ switchers: { fails, mute } });
    expect(await by("fails", "on", "--quiet")).toEqual({
      exit: 75,
      out: "",
      err: "lastout: fails: /bin/sh ended with status 4: fuse blown\n",
    });
    expect(await by("mute", "on", "--quiet")).toEqual({
      exit: 69,
      out: "",
      err: "lastout: mute: /bin/sh ended with status 2: no device\n",
    });
    expect(existsSync(relay)).toBe(false);
  });

  test("that does not follow is exit 75 when time is up", async () => {
    const { by } = lab({ switchers: { stuck: { ...lamp, on: ["/bin/true"] } } });
    expect(await by("stuck", "on", "--quiet", "--timeout", "300ms")).toEqual({
      exit: 75,
      out: "",
      err: "lastout: stuck was told on, and is still off after 0.3 s: does something hold its relay?\n",
    });
  });

  test("that hangs is ended at the switcher's timeout, exit 75", async () => {
    const { by } = lab({ switchers: { hangs: { ...lamp, off: ["/bin/sleep", "300"], timeout: "200ms" } } });
    expect(await by("hangs", "off", "--quiet")).toEqual({
      exit: 75,
      out: "",
      err: "lastout: hangs: /bin/sleep did not end in time and was ended\n",
    });
  });

  test("that tells nothing is switched on trust, and cannot be read", async () => {
    const blind = { type: "exec", on: ["/bin/true"], off: ["/bin/true"], assume: "off" };
    const { by } = lab({ switchers: { blind } });
    expect(await by("blind", "on")).toEqual({
      exit: 0,
      out: "blind was told on; it cannot say where it stands\n",
      err: "lastout: no resource is on blind\n",
    });
    expect(await by("blind", "read")).toEqual({
      exit: 65,
      out: "",
      err: "lastout: blind cannot be read: with these options blind says nothing of its position\n",
    });
  });
});

async function socket(options: Partial<TasmotaOptions> & { readonly port: number }) {
  const device = await startTasmota({ topic: "plug1", speed: 20, ...options });
  onTestFinished(() => device.stop());
  return device;
}

describe("A Tasmota", () => {
  test("is switched, read and metered over the configured broker, and nothing retained is left there", async () => {
    const broker = await startAedes();
    onTestFinished(() => broker.stop());
    const device = await socket({ port: broker.port, meter: 1 });
    device.relay(1).plug({ power: () => undefined, watts: () => 40 });
    const { by } = lab({
      switchers: { plug1: { type: "tasmota", topic: "plug1" } },
      more: { mqtt: { url: broker.url } },
    });
    const on = await by("plug1", "on", "--quiet");
    expect(on).toMatchObject({ exit: 0, err: "" });
    expect(on.out).toMatch(/^plug1 is on(, [\d.]+ W(, [\d.]+ kWh)?)?\n$/);
    expect(device.relay(1).position).toBe("on");
    const read = JSON.parse((await by("plug1", "read", "--json")).out);
    expect(read).toMatchObject({ ok: true, position: "on", watts: expect.any(Number) });
    expect((await by("plug1", "off", "--quiet")).out).toMatch(/^plug1 is off/);
    expect(device.relay(1).position).toBe("off");
    expect(broker.seen.filter(({ topic, retain }) => topic.startsWith("cmnd/") && retain)).toEqual([]);
  });

  test("that is not there is not switched: exit 69 when time is up", async () => {
    const broker = await startAedes();
    onTestFinished(() => broker.stop());
    const { by } = lab({
      switchers: { plug1: { type: "tasmota", topic: "plug1" } },
      more: { mqtt: { url: broker.url } },
    });
    expect(await by("plug1", "on", "--quiet", "--timeout", "300ms")).toEqual({
      exit: 69,
      out: "",
      err:
        "lastout: plug1 did not say within 0.3 s where plug1 stands; nothing was switched. " +
        "Is the device on, is it on this broker, and are the options of plug1 right?\n",
    });
    expect(broker.seen.filter(({ payload }) => payload === "ON")).toEqual([]);
  });

  test("finds the embedded broker, which runs for as long as the command takes", async () => {
    const port = await freePort();
    const device = await socket({ port, awaitConnection: false });
    const { by } = lab({
      switchers: { plug1: { type: "tasmota", topic: "plug1" } },
      more: { broker: { listen: `127.0.0.1:${port}` } },
    });
    const { exit, out, err } = await by("plug1", "on");
    expect([exit, out, err]).toEqual([
      0,
      "plug1 is on\n",
      `lastout: no resource is on plug1\nlastout: the embedded broker runs at mqtt://127.0.0.1:${port} until this is done; waiting for plug1 to find it\n`,
    ]);
    expect(device.relay(1).position).toBe("on");
  });

  test("is exit 69 without a broker, with its address and the reason", async () => {
    const port = await freePort();
    const { by } = lab({
      switchers: { plug1: { type: "tasmota", topic: "plug1" } },
      more: { mqtt: { url: `mqtt://127.0.0.1:${port}` } },
    });
    expect(await by("plug1", "read")).toEqual({
      exit: 69,
      out: "",
      err: `lastout: mqtt://127.0.0.1:${port} refuses connections: nothing listens there; is the broker running, and section mqtt right?\n`,
    });
  });

  test("is exit 69 when something else listens where the embedded broker would", async () => {
    const broker = await startAedes();
    onTestFinished(() => broker.stop());
    const { by } = lab({
      switchers: { plug1: { type: "tasmota", topic: "plug1" } },
      more: { broker: { listen: `127.0.0.1:${broker.port}` } },
    });
    const { exit, err } = await by("plug1", "read");
    expect(exit).toBe(69);
    expect(err).toContain("the embedded broker cannot be started");
  });
});

describe("While a controller runs on the store", () => {
  const switchers = { sim: { type: "simulated" } };

  test("it is refused, exit 75, with what to do instead", async () => {
    const port = await freePort();
    const here = lab({
      switchers,
      resources: { build1: { switcher: "sim" } },
      more: { broker: { listen: `127.0.0.1:${port}` } },
    });
    const controller = start(["serve", "--config", here.file]);
    await eventually("it serves", () => controller.err().includes('"msg":"Connected to the broker"}'));
    const { exit, out, err } = await here.by("sim", "on");
    expect([exit, out]).toEqual([75, ""]);
    expect(err).toMatch(
      /^lastout: a controller runs on the store .*lastout\.db \(process \d+ on .*\), and it alone may switch: use 'lastout override RESOURCE on' or 'off', or stop it first/,
    );
    controller.child.kill("SIGTERM");
    expect(await controller.ended).toBe(0);
    expect((await here.by("sim", "on")).exit).toBe(0);
  });

  test("reading is refused as well, by the lock alone", async () => {
    const here = lab({ switchers });
    const lock = lockStore(here.store);
    expect((await here.by("sim", "read")).exit).toBe(75);
    lock.release();
    expect(await here.by("sim", "read")).toEqual({ exit: 0, out: "sim is off\n", err: "" });
  });

  test("no controller can run on a store whose folder is not there yet", async () => {
    const here = lab({ switchers });
    const store = { path: join(here.folder, "not", "made", "yet.db") };
    writeFileSync(here.file, JSON.stringify({ ...nowhere, store, switchers }));
    expect(await here.by("sim", "read")).toEqual({ exit: 0, out: "sim is off\n", err: "" });
  });

  test("a lock that cannot be looked at is exit 77 or told as what it is", async () => {
    const here = lab({ switchers });
    writeFileSync(
      `${here.store}.lock`,
      "this is no lock file, and longer than the header of a database: ".repeat(9),
    );
    const { exit, err } = await here.by("sim", "on");
    expect(exit).toBe(77);
    expect(err).toContain("cannot be known");
  });
});

describe("What is wrong with the words", () => {
  const switchers = { lamp, strip: { type: "simulated", outlets: 4 } };
  const resources = {
    build1: { switcher: "lamp" },
    twin: { switcher: ["strip/1", "strip/2"] },
  };

  test.each([
    [["lmap", "on"], 65, "there is no outlet 'lmap' in FILE; did you mean 'lamp'?"],
    [["strip/9", "on"], 65, "there is no outlet 'strip/9' in FILE; did you mean 'strip/1'?"],
    [
      ["strip", "on"],
      65,
      "there is no outlet 'strip' in FILE; it is a group, its outlets are strip/1 to strip/4",
    ],
    [
      ["build1", "on"],
      65,
      "there is no outlet 'build1' in FILE; the resource of that name is on the outlet lamp",
    ],
    [
      ["twin", "on"],
      65,
      "there is no outlet 'twin' in FILE; the resource of that name is on the outlets strip/1 and strip/2",
    ],
    [
      ["something", "on"],
      65,
      "there is no outlet 'something' in FILE; there are lamp, strip/1, strip/2, strip/3, strip/4",
    ],
    [[], 64, "no outlet is named; usage: lastout switch OUTLET on|off|read --config FILE [--timeout D]"],
    [
      ["lamp"],
      64,
      "what to do is not said; usage: lastout switch OUTLET on|off|read --config FILE [--timeout D]",
    ],
    [
      ["lamp", "ON"],
      64,
      "'ON' is none of on, off and read; usage: lastout switch OUTLET on|off|read --config FILE [--timeout D]",
    ],
    [
      ["lamp", "on", "off"],
      64,
      "one word too many: 'off'; usage: lastout switch OUTLET on|off|read --config FILE [--timeout D]",
    ],
    [["lamp", "read", "--timeout", "0"], 65, "--timeout must be longer than 0: no device answers at once"],
    [
      ["lamp", "read", "--timeout", "soon"],
      65,
      "--timeout soon is no duration; write seconds (90) or 90s, 15m, 2h, 1h30m, 1d",
    ],
  ])("%j is exit %i", async (words, exit, message) => {
    const { by, file } = lab({ switchers, resources });
    expect(await by(...words)).toEqual({
      exit,
      out: "",
      err: `lastout: ${message.replace("FILE;", `${file};`)}\n`,
    });
  });

  test("an unknown outlet as JSON", async () => {
    const { by } = lab({ switchers });
    const { exit, out } = await by("lmap", "on", "--json");
    expect(exit).toBe(65);
    expect(JSON.parse(out)).toMatchObject({ ok: false, error: "unknown-outlet" });
  });

  test("the configuration has to be named, exit 64, and be without mistakes, exit 78", async () => {
    expect(await lastoutHere(["switch", "lamp", "on"])).toEqual({
      exit: 64,
      out: "",
      err: "lastout: the configuration has to be named: --config FILE\n",
    });
    const { by } = lab({ switchers: { lamp: { ...lamp, on: undefined } } });
    const { exit, err } = await by("lamp", "on");
    expect(exit).toBe(78);
    expect(err).toContain("switchers.lamp.on");
  });
});
