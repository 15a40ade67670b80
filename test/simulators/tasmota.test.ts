// Goal: the simulated socket behaves as the firmware does, so that what is proven against it means something. Each rule of the fact
// sheet on Tasmota is one test; titles begin with its section. Method: a real aedes broker (or a bare one that shows every packet),
// raw commands in, and a look at every message that went through and at the relay itself.

import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { startAedes, type TestBroker } from "../support/aedes.ts";
import { eventually } from "../support/eventually.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { startMachine } from "./machine.ts";
import { type RawBroker, startRawBroker } from "./raw-broker.ts";
import { startTasmota, type Tasmota, type TasmotaOptions } from "./tasmota.ts";
import { leadingNumber } from "./tasmota-commands.ts";
import { openWire } from "./wire.ts";

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

async function rawBroker(): Promise<RawBroker> {
  const started = await startRawBroker();
  ends.push(() => started.stop());
  return started;
}

async function socket(port: number, options: Partial<TasmotaOptions> = {}): Promise<Tasmota> {
  const started = await startTasmota({ port, topic: "plug1", speed: 100, serviceMs: 0, ...options });
  ends.push(() => started.stop());
  return started;
}

type Seen = TestBroker["seen"][number];
const line = (message: Seen): string =>
  `${message.topic}${message.retain ? " r" : ""} ${message.payload.replaceAll(/"Time":"[^"]*",/g, "")}`.trimEnd();
/** Lines of what came below `stat/` since `from`. */
const stats = (from: TestBroker, since = 0): string[] =>
  from.seen
    .slice(since)
    .filter((message) => message.topic.startsWith("stat/"))
    .map(line);

/** Sends a command and gives the answers on `stat/`, as soon as there are so many. */
async function ask(to: TestBroker, command: string, payload: string, answers = 2): Promise<string[]> {
  const since = to.seen.length;
  await to.publish(`cmnd/plug1/${command}`, payload);
  return eventually(
    `${command} ${payload} is answered ${answers} times, not ${stats(to, since).join(" | ")}`,
    () => (stats(to, since).length >= answers ? stats(to, since) : undefined),
  );
}

/** Both a wait and a proof of silence: commands are answered in order, so nothing can be under way any more. */
async function roundTrip(to: TestBroker, since: number): Promise<string[]> {
  await to.publish("cmnd/plug1/Status", "2");
  await eventually("the probe is answered", () =>
    to.seen.slice(since).some((message) => message.topic.endsWith("/STATUS2")),
  );
  return stats(to, since).filter((text) => !text.startsWith("stat/plug1/STATUS2"));
}

const last = (from: TestBroker, topic: string): Seen | undefined =>
  from.seen.findLast((message) => message.topic === topic);

/** The value at a path such as `StatusSNS.ENERGY.Power` of a message's JSON; without a path all of it. */
function json(message: Seen | undefined, path = ""): unknown {
  let value: unknown = JSON.parse(message?.payload ?? "null");
  for (const key of path === "" ? [] : path.split(".")) {
    value = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  }
  return value;
}

describe("2 topics", () => {
  it("FullTopic: all four tokens are replaced, %id% by the full MAC in upper case", async () => {
    const b = await broker();
    const device = await socket(b.port, {
      fullTopic: "lab/%topic%/%hostname%/%id%/%prefix%",
      mac: "C4DD5712AB01",
    });
    await b.publish(`lab/plug1/plug1-${0x12ab01 % 8192}/C4DD5712AB01/cmnd/POWER`, "ON");
    await eventually("the relay is on", () => device.relay(1).position === "on");
    await eventually("answered below the template", () =>
      last(b, `lab/plug1/plug1-${0x12ab01 % 8192}/C4DD5712AB01/stat/POWER`),
    );
  });

  it("FullTopic: # is removed, double slashes become one, a final slash is added, a topic may hold slashes", async () => {
    const b = await broker();
    const device = await socket(b.port, { fullTopic: "%prefix%//#x/%topic%", topic: "rack/plug1" });
    await b.publish("cmnd/x/rack/plug1/POWER", "ON");
    await eventually("the relay is on", () => device.relay(1).position === "on");
  });

  it("FullTopic without %prefix%: commands go below /cmnd, answers have no prefix", async () => {
    const b = await broker();
    const device = await socket(b.port, { fullTopic: "home/%topic%/" });
    await b.publish("home/plug1/cmnd/POWER", "ON");
    await eventually("answered", () => last(b, "home/plug1/POWER")?.payload === "ON");
    expect(device.relay(1).position).toBe("on");
    expect(last(b, "home/plug1/LWT")?.payload).toBe("Online");
  });

  it("all three prefixes may be changed", async () => {
    const b = await broker();
    await socket(b.port, { prefixes: ["befehl", "zustand", "messung"] });
    await b.publish("befehl/plug1/POWER", "ON");
    await eventually("answered", () => last(b, "zustand/plug1/POWER")?.payload === "ON");
    expect(last(b, "messung/plug1/LWT")?.payload).toBe("Online");
  });

  it("a group command switches every device, each answers on its own topic", async () => {
    const b = await broker();
    const one = await socket(b.port);
    const two = await socket(b.port, { topic: "plug2" });
    await b.publish("cmnd/tasmotas/POWER0", "ON");
    await eventually("both are on", () => one.relay(1).position === "on" && two.relay(1).position === "on");
    await eventually("both answered", () => last(b, "stat/plug1/POWER") && last(b, "stat/plug2/POWER"));
  });

  it("with SetOption75 group topics are fixed below cmnd/", async () => {
    const b = await broker();
    const device = await socket(b.port, { fullTopic: "lab/%prefix%/%topic%", setup: ["SetOption75 1"] });
    await b.publish("cmnd/tasmotas/POWER0", "ON");
    await eventually("the relay is on", () => device.relay(1).position === "on");
  });

  it("a fallback command is answered below the fallback topic, with literal prefixes, POWER included", async () => {
    const b = await broker();
    const device = await socket(b.port, { prefixes: ["a", "b", "c"], mac: "C4DD5712AB01" });
    const since = b.seen.length;
    await b.publish("cmnd/DVES_12AB01_fb/POWER", "ON");
    await eventually("answered there", () => last(b, "stat/DVES_12AB01_fb/POWER"));
    expect(device.relay(1).position).toBe("on");
    expect(b.seen.slice(since).filter((message) => message.topic.startsWith("b/"))).toEqual([]);
  });

  it("a FullTopic without %topic% has neither groups nor fallback", async () => {
    const b = await rawBroker();
    await startTasmota({
      port: b.port,
      topic: "plug1",
      fullTopic: "lab/%prefix%/7",
      speed: 100,
      serviceMs: 0,
    }).then((device) => ends.push(() => device.stop()));
    expect(b.packets.filter((packet) => packet.cmd === "subscribe")).toHaveLength(1);
  });

  it("relay names: POWER for a single relay, POWER1 with SetOption26; POWER and POWER1 and power all reach it", async () => {
    const b = await broker();
    await socket(b.port);
    expect(await ask(b, "POWER1", "ON")).toEqual(['stat/plug1/RESULT {"POWER":"ON"}', "stat/plug1/POWER ON"]);
    expect(await ask(b, "power", "OFF")).toEqual([
      'stat/plug1/RESULT {"POWER":"OFF"}',
      "stat/plug1/POWER OFF",
    ]);
    expect(await ask(b, "POWER0", "ON")).toEqual(['stat/plug1/RESULT {"POWER":"ON"}', "stat/plug1/POWER ON"]);
    await ask(b, "SetOption26", "1", 1);
    expect(await ask(b, "POWER", "")).toEqual(['stat/plug1/RESULT {"POWER1":"ON"}', "stat/plug1/POWER1 ON"]);
  });

  it("relay names: POWER is POWER1 of many, replies always carry the number, POWER0 is all", async () => {
    const b = await broker();
    const device = await socket(b.port, { relays: 3 });
    expect(await ask(b, "POWER", "ON")).toEqual([
      'stat/plug1/RESULT {"POWER1":"ON"}',
      "stat/plug1/POWER1 ON",
    ]);
    expect(await ask(b, "POWER0", "1", 6)).toEqual([
      'stat/plug1/RESULT {"POWER1":"ON"}',
      "stat/plug1/POWER1 ON",
      'stat/plug1/RESULT {"POWER2":"ON"}',
      "stat/plug1/POWER2 ON",
      'stat/plug1/RESULT {"POWER3":"ON"}',
      "stat/plug1/POWER3 ON",
    ]);
    expect([1, 2, 3].map((n) => device.relay(n).position)).toEqual(["on", "on", "on"]);
  });

  it("up to 32 relays", async () => {
    const b = await broker();
    const device = await socket(b.port, { relays: 32 });
    await ask(b, "POWER32", "ON");
    expect(device.relay(32).position).toBe("on");
    await expect(startTasmota({ port: b.port, topic: "x", relays: 33 })).rejects.toThrow("1 to 32");
  });

  it("the rest of the topic is case-sensitive", async () => {
    const b = await broker();
    const device = await socket(b.port);
    const since = b.seen.length;
    await b.publish("cmnd/PLUG1/POWER", "ON");
    expect(await roundTrip(b, since)).toEqual([]);
    expect(device.relay(1).history).toEqual([]);
  });
});

describe("3.1 POWER", () => {
  it.each(["0", "OFF", "off", "FALSE", "Stop", "DOWN", "CLOSE", "  OFF", "00", "0x0", "08"])(
    "payload %j is off",
    async (word) => {
      const b = await broker();
      await socket(b.port, { initial: ["on"] });
      expect(await ask(b, "POWER", word)).toEqual([
        'stat/plug1/RESULT {"POWER":"OFF"}',
        "stat/plug1/POWER OFF",
      ]);
    },
  );

  it.each(["1", "ON", "on", "TRUE", "start", " ON", "0x1", "01", "1 please", "2", "TOGGLE"])(
    "payload %j is on, from off",
    async (word) => {
      const b = await broker();
      await socket(b.port);
      expect(await ask(b, "POWER", word)).toEqual([
        'stat/plug1/RESULT {"POWER":"ON"}',
        "stat/plug1/POWER ON",
      ]);
    },
  );

  it.each(["", "?", '{"state":"ON"}', "YES", "ON\n", "ON ", "EIN", "5", "-1"])(
    "payload %j is a query",
    async (word) => {
      const b = await broker();
      const device = await socket(b.port, { setup: ["StateText2 EIN"] });
      expect(await ask(b, "POWER", word)).toEqual([
        'stat/plug1/RESULT {"POWER":"OFF"}',
        "stat/plug1/POWER OFF",
      ]);
      expect(device.relay(1).history).toEqual([]);
    },
  );

  it("numbers are read as C's strtol with base 0 does", () => {
    expect(["1", "0x1F", "010", "08", "12ab", " 7", "-3", "x", ""].map(leadingNumber)).toEqual([
      1,
      31,
      8,
      0,
      12,
      7,
      -3,
      undefined,
      undefined,
    ]);
  });

  it("both messages follow also when already in that state; the text is retained only with PowerRetain", async () => {
    const b = await broker();
    await socket(b.port, { initial: ["on"] });
    expect(await ask(b, "POWER", "ON")).toEqual(['stat/plug1/RESULT {"POWER":"ON"}', "stat/plug1/POWER ON"]);
    await ask(b, "PowerRetain", "1", 1);
    expect(await ask(b, "POWER", "ON")).toEqual([
      'stat/plug1/RESULT {"POWER":"ON"}',
      "stat/plug1/POWER r ON",
    ]);
  });

  it("SetOption4: JSON and text on the same topic, other replies on the command's", async () => {
    const b = await broker();
    await socket(b.port, { setup: ["SetOption4 1"] });
    expect(await ask(b, "POWER", "ON")).toEqual(['stat/plug1/POWER {"POWER":"ON"}', "stat/plug1/POWER ON"]);
    expect(await ask(b, "TelePeriod", "60", 1)).toEqual(['stat/plug1/TELEPERIOD {"TelePeriod":60}']);
  });

  it("SetOption90: no text; PowerRetain 1 resets it", async () => {
    const b = await broker();
    await socket(b.port, { setup: ["SetOption90 1"] });
    const since = b.seen.length;
    await b.publish("cmnd/plug1/POWER", "ON");
    expect(await roundTrip(b, since)).toEqual(['stat/plug1/RESULT {"POWER":"ON"}']);
    await ask(b, "PowerRetain", "1", 1);
    expect(await ask(b, "POWER", "ON")).toEqual([
      'stat/plug1/RESULT {"POWER":"ON"}',
      "stat/plug1/POWER r ON",
    ]);
  });

  it("SetOption59: STATE before the answer for a single relay, after all for POWER0, none for a query", async () => {
    const b = await broker();
    await socket(b.port, { setup: ["SetOption59 1", "TelePeriod 0"], relays: 2 });
    const kinds = (since: number): string[] =>
      b.seen
        .slice(since)
        .map((message) => message.topic)
        .filter((topic) => /STATE$|RESULT$|POWER\d$/.test(topic) && !topic.startsWith("cmnd"))
        .map((topic) => topic.replace(/.*\//, ""));
    let since = b.seen.length;
    await ask(b, "POWER2", "ON");
    expect(kinds(since)).toEqual(["STATE", "RESULT", "POWER2"]);
    expect(json(last(b, "tele/plug1/STATE"), "POWER2")).toBe("ON");
    since = b.seen.length;
    await ask(b, "POWER0", "OFF", 4);
    await eventually("STATE follows", () => kinds(since).length === 5);
    expect(kinds(since)).toEqual(["RESULT", "POWER1", "RESULT", "POWER2", "STATE"]);
    since = b.seen.length;
    await b.publish("cmnd/plug1/POWER0", "");
    await roundTrip(b, since);
    expect(kinds(since)).toEqual(["RESULT", "POWER1", "RESULT", "POWER2"]);
  });

  it("SetOption104: nothing is retained, the will included", async () => {
    const b = await rawBroker();
    await socket(b.port, { setup: ["SetOption104 1", "PowerRetain 1"] });
    expect(b.packets[0]).toMatchObject({ cmd: "connect", will: { retain: false } });
    await eventually("the discovery is published", () =>
      b.packets.some((packet) => packet.cmd === "publish" && packet.topic.startsWith("tasmota/")),
    );
    expect(b.packets.filter((packet) => packet.cmd === "publish" && packet.retain)).toEqual([]);
  });

  it("StateText1 and 2 are the words in replies and telemetry", async () => {
    const b = await broker();
    await socket(b.port, { setup: ["StateText1 AUS", "StateText2 EIN"] });
    expect(await ask(b, "POWER", "ON")).toEqual([
      'stat/plug1/RESULT {"POWER":"EIN"}',
      "stat/plug1/POWER EIN",
    ]);
    await ask(b, "State", "", 1);
    expect(json(last(b, "stat/plug1/RESULT"), "POWER")).toBe("EIN");
  });

  it("Interlock: the others of the group go off first, each with its messages", async () => {
    const b = await broker();
    const device = await socket(b.port, {
      relays: 3,
      setup: ["Interlock 1,2", "Interlock 1"],
      initial: ["off", "on", "on"],
    });
    expect(await ask(b, "POWER1", "ON", 4)).toEqual([
      'stat/plug1/RESULT {"POWER2":"OFF"}',
      "stat/plug1/POWER2 OFF",
      'stat/plug1/RESULT {"POWER1":"ON"}',
      "stat/plug1/POWER1 ON",
    ]);
    expect(device.relay(3).position).toBe("on");
  });

  it("PowerOnState 4: OFF is refused and the reply says ON", async () => {
    const b = await broker();
    const device = await socket(b.port, { setup: ["PowerOnState 4"], initial: ["on"] });
    expect(await ask(b, "POWER", "OFF")).toEqual(['stat/plug1/RESULT {"POWER":"ON"}', "stat/plug1/POWER ON"]);
    expect(device.relay(1).history.map((change) => change.position)).toEqual(["on"]);
  });

  it("PowerLock: a command becomes a query", async () => {
    const b = await broker();
    const device = await socket(b.port, { relays: 2, setup: ["PowerLock2 1"] });
    expect(await ask(b, "POWER2", "ON")).toEqual([
      'stat/plug1/RESULT {"POWER2":"OFF"}',
      "stat/plug1/POWER2 OFF",
    ]);
    expect(device.relay(2).history).toEqual([]);
  });

  it("PulseTime: off again after its time, unsolicited", async () => {
    const b = await broker();
    const device = await socket(b.port, { setup: ["PulseTime1 112"] });
    expect((await ask(b, "POWER", "ON", 4)).map((text) => text.replace("stat/plug1/", ""))).toEqual([
      'RESULT {"POWER":"ON"}',
      "POWER ON",
      'RESULT {"POWER":"OFF"}',
      "POWER OFF",
    ]);
    const [on, off] = device.relay(1).history;
    expect((off?.at ?? 0) - (on?.at ?? 0)).toBeGreaterThanOrEqual(115); // 12 s on a clock a hundred times as fast
  });

  it("a relay that is not there is an error that repeats the input", async () => {
    const b = await broker();
    await socket(b.port, { relays: 2 });
    expect(await ask(b, "POWER7", "ON", 1)).toEqual([
      'stat/plug1/RESULT {"Command":"Error","Input":"POWER7 ON"}',
    ]);
  });

  it("blinking is told at begin and end only, and ends where it began", async () => {
    const b = await broker();
    const device = await socket(b.port);
    expect(await ask(b, "POWER", "BLINK", 1)).toEqual(['stat/plug1/RESULT {"POWER":"Blink ON"}']);
    await eventually("it blinks", () => device.relay(1).history.length >= 3);
    expect(await ask(b, "POWER", "4", 1)).toEqual(['stat/plug1/RESULT {"POWER":"Blink OFF"}']);
    expect(device.relay(1).position).toBe("off");
    expect(device.relay(1).said).toBe("off");
  });
});

describe("3.2 other commands", () => {
  it("reply on RESULT under the command's name, none with an underscore before it", async () => {
    const b = await broker();
    await socket(b.port);
    expect(await ask(b, "PowerOnState", "1", 1)).toEqual(['stat/plug1/RESULT {"PowerOnState":1}']);
    const since = b.seen.length;
    await b.publish("cmnd/plug1/_PowerOnState", "3");
    await b.publish("cmnd/plug1/_POWER", "");
    await b.publish("cmnd/plug1/_POWER9", "");
    expect(await roundTrip(b, since)).toEqual([
      'stat/plug1/RESULT {"POWER":"OFF"}',
      "stat/plug1/POWER OFF",
      'stat/plug1/RESULT {"Command":"Error","Input":"POWER9"}',
    ]);
    expect(await ask(b, "PowerOnState", "", 1)).toEqual(['stat/plug1/RESULT {"PowerOnState":3}']);
  });

  it("an unknown command says so, one for an absent driver too", async () => {
    const b = await broker();
    await socket(b.port);
    expect(await ask(b, "foo", "bar", 1)).toEqual([
      'stat/plug1/RESULT {"Command":"Unknown","Input":"FOO bar"}',
    ]);
    expect(await ask(b, "PowerDelta", "50", 1)).toEqual([
      'stat/plug1/RESULT {"Command":"Unknown","Input":"POWERDELTA 50"}',
    ]);
    expect(await ask(b, "Status", "9", 1)).toEqual([
      'stat/plug1/RESULT {"Command":"Error","Input":"STATUS 9"}',
    ]);
  });

  it("Backlog: no reply of its own, each command as usual; 3 without replies; Reset refused", async () => {
    const b = await broker();
    await socket(b.port);
    expect(await ask(b, "Backlog", "POWER ON; PowerOnState 1 ;Reset 1;Delay 2; POWER", 6)).toEqual([
      'stat/plug1/RESULT {"POWER":"ON"}',
      "stat/plug1/POWER ON",
      'stat/plug1/RESULT {"PowerOnState":1}',
      'stat/plug1/RESULT {"Delay":2}',
      'stat/plug1/RESULT {"POWER":"ON"}',
      "stat/plug1/POWER ON",
    ]);
    expect(await ask(b, "Backlog3", "PowerOnState 2; POWER OFF", 2)).toEqual([
      'stat/plug1/RESULT {"POWER":"OFF"}',
      "stat/plug1/POWER OFF",
    ]);
  });

  it("an empty Backlog aborts what waits", async () => {
    const b = await broker();
    const device = await socket(b.port, { speed: 2 });
    await ask(b, "Backlog", "POWER; POWER ON");
    const since = b.seen.length;
    await b.publish("cmnd/plug1/Backlog", "");
    expect(await roundTrip(b, since)).toEqual([]);
    expect(device.relay(1).history).toEqual([]);
  });

  it("Restart 1 replies, then goes down with the will, and says everything anew", async () => {
    const b = await broker();
    const device = await socket(b.port, { initial: ["on"] });
    const since = b.seen.length;
    await b.publish("cmnd/plug1/Restart", "1");
    await eventually("it is back", () =>
      b.seen.slice(since).some((message) => message.topic === "tele/plug1/INFO3"),
    );
    const lines = b.seen.slice(since).map(line);
    expect(lines[1]).toBe('stat/plug1/RESULT {"Restart":"Restarting"}');
    expect(lines.filter((text) => text.includes("LWT"))).toEqual([
      "tele/plug1/LWT r Offline",
      "tele/plug1/LWT r Online",
    ]);
    expect(device.relay(1).history.map((change) => change.position)).toEqual(["on"]);
    expect(json(last(b, "tele/plug1/INFO3"))).toEqual({
      Info3: { RestartReason: "Software/System restart", BootCount: 2 },
    });
  });
});

describe("3.3 Status", () => {
  it("each number on its own topic, not affected by SetOption4, retained only with StatusRetain", async () => {
    const b = await broker();
    await socket(b.port, { setup: ["SetOption4 1"], meter: 1 });
    const wanted: Record<string, string> = {
      "": "Status",
      "1": "StatusPRM",
      "2": "StatusFWR",
      "5": "StatusNET",
      "6": "StatusMQT",
      "8": "StatusSNS",
      "9": "StatusPTH",
      "10": "StatusSNS",
      "11": "StatusSTS",
    };
    for (const [payload, key] of Object.entries(wanted)) {
      const [answer = ""] = await ask(b, "Status", payload, 1);
      expect(answer).toContain(`stat/plug1/STATUS${payload} {"${key}":{`);
    }
    await ask(b, "StatusRetain", "1", 1);
    expect((await ask(b, "Status", "11", 1))[0]).toContain("STATUS11 r ");
  });

  it("Status 0 is all of them as separate messages in order, Status0 one message of more than 1200 bytes", async () => {
    const b = await broker();
    await socket(b.port, { meter: 1 });
    const answers = await ask(b, "Status", "0", 11);
    expect(answers.map((text) => text.replace(/.*\/STATUS(\d*).*/, "$1"))).toEqual([
      "",
      "1",
      "2",
      "3",
      "4",
      "5",
      "6",
      "7",
      "9",
      "10",
      "11",
    ]);
    await ask(b, "Status0", "", 1);
    const merged = last(b, "stat/plug1/STATUS0");
    expect([...(merged?.payload ?? "").matchAll(/"(Status\w*)":\{/g)].map(([, key]) => key)).toEqual([
      "Status",
      "StatusPRM",
      "StatusFWR",
      "StatusLOG",
      "StatusMEM",
      "StatusNET",
      "StatusMQT",
      "StatusTIM",
      "StatusPTH",
      "StatusSNS",
      "StatusSTS",
    ]);
    expect(merged?.payload.length).toBeGreaterThan(1200);
  });

  it("Status.Power is a text of binary digits, the most significant relay first", async () => {
    const b = await broker();
    await socket(b.port, { relays: 2, initial: ["off", "on"] });
    await ask(b, "Status", "", 1);
    expect(json(last(b, "stat/plug1/STATUS"), "Status.Power")).toBe("10");
  });

  it("State tells all relays in one message on RESULT, with the uptime", async () => {
    const b = await broker();
    await socket(b.port, { relays: 2, initial: ["off", "on"], age: 90_061 });
    await ask(b, "State", "", 1);
    const answer = last(b, "stat/plug1/RESULT");
    expect(json(answer)).toMatchObject({ POWER1: "OFF", POWER2: "ON" });
    expect(json(answer, "Uptime")).toMatch(/^1T01:01:\d\d$/);
    expect(json(answer, "UptimeSec")).toBeGreaterThanOrEqual(90_061);
  });
});

describe("4 connection life cycle", () => {
  it("CONNECT: MQTT 3.1.1, keepalive 30, clean session, DVES id and user, will Offline QoS 1 retained", async () => {
    const b = await rawBroker();
    await socket(b.port, { mac: "C4DD5712AB01" });
    expect(b.packets[0]).toMatchObject({
      cmd: "connect",
      protocolVersion: 4,
      keepalive: 30,
      clean: true,
      clientId: "DVES_12AB01",
      username: "DVES_USER",
      will: { topic: "tele/plug1/LWT", qos: 1, retain: true, payload: Buffer.from("Offline") },
    });
  });

  it("the first connection of a boot: LWT, empty POWER, subscriptions, INFO1-3, each relay, then telemetry, then discovery", async () => {
    const b = await rawBroker();
    await socket(b.port, { relays: 2, meter: 1, mac: "C4DD5712AB01" });
    await eventually("discovery is published", () =>
      b.packets.some((packet) => packet.cmd === "publish" && packet.topic.endsWith("/sensors")),
    );
    const order = b.packets.map((packet) =>
      packet.cmd === "publish"
        ? `${packet.topic}${packet.retain ? " r" : ""}${packet.payload.length === 0 ? " empty" : ""}`
        : packet.cmd === "subscribe"
          ? packet.subscriptions.map(({ topic, qos }) => `subscribe ${topic} ${qos}`).join()
          : packet.cmd,
    );
    expect(order).toEqual([
      "connect",
      "tele/plug1/LWT r",
      "cmnd/plug1/POWER empty",
      "subscribe cmnd/plug1/# 0",
      "subscribe cmnd/tasmotas/# 0",
      "subscribe cmnd/DVES_12AB01_fb/# 0",
      "tele/plug1/INFO1",
      "tele/plug1/INFO2",
      "tele/plug1/INFO3",
      "stat/plug1/RESULT",
      "stat/plug1/POWER1",
      "stat/plug1/RESULT",
      "stat/plug1/POWER2",
      "tele/plug1/STATE",
      "tele/plug1/SENSOR",
      "tasmota/discovery/C4DD5712AB01/config r",
      "tasmota/discovery/C4DD5712AB01/sensors r",
    ]);
    expect(b.packets.every((packet) => packet.cmd !== "publish" || packet.qos === 0)).toBe(true);
  });

  it("a later connection: LWT, empty POWER, subscriptions, discovery, and no power state at all", async () => {
    const b = await broker();
    const device = await socket(b.port, { setup: ["TelePeriod 0"] });
    await eventually("the boot is over", () => b.seen.some((message) => message.topic.endsWith("/sensors")));
    const since = b.seen.length;
    device.dropConnection();
    await eventually("discovery is published", () =>
      b.seen.slice(since).some((message) => message.topic.endsWith("/sensors")),
    );
    const topics = b.seen
      .slice(since)
      .map((message) => message.topic.replace(/discovery\/\w+/, "discovery/MAC"));
    // The will of the old connection may reach the broker before or after the new connection's messages.
    expect(topics.filter((topic) => topic.endsWith("LWT"))).toHaveLength(2);
    expect(topics.filter((topic) => !topic.endsWith("LWT"))).toEqual([
      "cmnd/plug1/POWER",
      "tasmota/discovery/MAC/config",
      "tasmota/discovery/MAC/sensors",
    ]);
  });

  it("a press while the broker is away switches and is never reported later", async () => {
    const b = await broker();
    const device = await socket(b.port, { setup: ["TelePeriod 0"] });
    device.loseLink();
    device.press();
    await eventually("the relay is on", () => device.relay(1).position === "on");
    const since = b.seen.length;
    device.regainLink();
    await device.untilConnected();
    expect(await roundTrip(b, since)).toEqual([]);
    expect(await ask(b, "POWER", "")).toEqual(['stat/plug1/RESULT {"POWER":"ON"}', "stat/plug1/POWER ON"]);
  });

  it("a socket that boots while the broker is down tells everything when it finally connects", async () => {
    const b = await rawBroker();
    b.refuse(3);
    const device = await socket(b.port, { awaitConnection: false, speed: 1000 });
    await eventually(
      "it tried more than once",
      () => b.packets.filter(({ cmd }) => cmd === "connect").length >= 3,
    );
    b.refuse(0);
    await device.untilConnected();
    await eventually("INFO3 is published", () =>
      b.packets.some((packet) => packet.cmd === "publish" && packet.topic === "tele/plug1/INFO3"),
    );
  });

  it("failed attempts are followed by pauses of 10, 20, 30 seconds", async () => {
    const b = await rawBroker();
    const times: number[] = [];
    b.refuse(3);
    await socket(b.port, { awaitConnection: false, speed: 200 });
    await eventually("four attempts", () => {
      const attempts = b.packets.filter(({ cmd }) => cmd === "connect").length;
      if (attempts > times.length) {
        times.push(performance.now());
      }
      return times.length >= 4;
    });
    const pauses = times.slice(1).map((time, index) => (time - (times[index] ?? 0)) * 0.2);
    expect(pauses[1]).toBeGreaterThan(pauses[0] ?? 0);
    expect(pauses[2]).toBeGreaterThan(pauses[1] ?? 0);
    expect(pauses[0]).toBeGreaterThan(8);
  });

  it("never sends DISCONNECT: a restart closes TCP, and the will follows", async () => {
    const b = await rawBroker();
    const device = await socket(b.port);
    device.restart();
    await eventually("TCP is closed", () => b.packets.some(({ cmd }) => cmd === "closed"));
    expect(b.packets.filter(({ cmd }) => cmd === "disconnect")).toEqual([]);
  });

  it("a mains cut sends no FIN: the broker notices one and a half keepalives later", async () => {
    const b = await broker();
    const device = await socket(b.port, { keepalive: 1 });
    const cut = performance.now();
    device.powerCut();
    await eventually("the will is sent", () => last(b, "tele/plug1/LWT")?.payload === "Offline");
    expect(performance.now() - cut).toBeGreaterThan(900);
  });

  it("keeps a connection alive by pinging when there is nothing to say", async () => {
    const b = await rawBroker();
    await socket(b.port, { keepalive: 1, setup: ["TelePeriod 0"] });
    await eventually("it pings", () => b.packets.some(({ cmd }) => cmd === "pingreq"));
    expect(b.packets.some(({ cmd }) => cmd === "closed")).toBe(false);
  });

  it("back with the same client id: Offline and Online within moments, and no power state", async () => {
    const b = await broker();
    const device = await socket(b.port, { setup: ["TelePeriod 0"] });
    const since = b.seen.length;
    device.takeOver();
    await eventually(
      "Offline and Online came",
      () => b.seen.slice(since).filter(({ topic }) => topic === "tele/plug1/LWT").length >= 2,
    );
    await device.untilConnected();
    const words = b.seen.slice(since).filter(({ topic }) => topic === "tele/plug1/LWT");
    expect(words.map(line)).toEqual(["tele/plug1/LWT r Offline", "tele/plug1/LWT r Online"]);
    expect(await roundTrip(b, since)).toEqual([]);
  });

  it("a renamed socket clears its old LWT, or sets it to Offline with SetOption10", async () => {
    const b = await broker();
    const device = await socket(b.port);
    await b.publish("cmnd/plug1/Topic", "plug9");
    await eventually("it is there under the new name", () => last(b, "tele/plug9/LWT")?.payload === "Online");
    expect(b.seen.map(line)).toContain("tele/plug1/LWT r");
    device.console("SetOption10 1");
    device.console("Topic plug1");
    await eventually("the old one says Offline", () => last(b, "tele/plug9/LWT")?.payload === "Offline");
  });

  it("a retained command is executed at every connection", async () => {
    const b = await broker();
    await b.publish("cmnd/plug1/POWER", "ON", true);
    const device = await socket(b.port);
    await eventually("the relay is on", () => device.relay(1).position === "on");
    expect(device.received.find((command) => command.payload === "ON")?.retain).toBe(true);
    device.console("POWER OFF");
    device.dropConnection();
    await eventually("it is on again", () => device.relay(1).position === "on");
  });

  it("with the service interval one packet at a time, in order", async () => {
    const b = await broker();
    const device = await socket(b.port, { serviceMs: 20 });
    const begin = performance.now();
    const answers = ask(b, "POWER", "ON", 10);
    for (const word of ["OFF", "ON", "OFF", "ON"]) {
      await b.publish("cmnd/plug1/POWER", word);
    }
    expect(
      (await answers).filter((text) => text.startsWith("stat/plug1/POWER")).map((text) => text.slice(17)),
    ).toEqual(["ON", "OFF", "ON", "OFF", "ON"]);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(95);
    expect(device.received.filter(({ payload }) => payload !== "")).toHaveLength(5);
  });

  it("a packet of 1200 bytes is taken, one of 1201 silently dropped", async () => {
    const b = await broker();
    const device = await socket(b.port);
    const topic = "cmnd/plug1/POWER";
    const headers = 1 + 2 + 2 + topic.length; // fixed header, two bytes of length, topic length, topic
    const since = b.seen.length;
    await b.publish(topic, " ".repeat(1201 - headers - 2) + "ON");
    await b.publish("cmnd/plug1/POWER", " ".repeat(1200 - headers - 3) + "OFF");
    expect(await roundTrip(b, since)).toEqual(['stat/plug1/RESULT {"POWER":"OFF"}', "stat/plug1/POWER OFF"]);
    expect(device.relay(1).history).toEqual([]);
  });
});

describe("5 button", () => {
  it("a press toggles after half a second and is published like a reply; at once with SetOption13", async () => {
    const b = await broker();
    const device = await socket(b.port);
    const since = b.seen.length;
    const pressed = performance.now();
    device.press();
    await eventually("told", () => stats(b, since).length === 2);
    expect(stats(b, since)).toEqual(['stat/plug1/RESULT {"POWER":"ON"}', "stat/plug1/POWER ON"]);
    // On a clock a hundred times as fast.
    expect((device.relay(1).history[0]?.at ?? 0) - pressed).toBeGreaterThanOrEqual(4);
    device.console("SetOption13 1");
    device.press();
    await eventually("switched back", () => device.relay(1).position === "off");
  });

  it("a double press on button 1 toggles relay 2", async () => {
    const b = await broker();
    const device = await socket(b.port, { relays: 2 });
    device.press(1, 2);
    await eventually("relay 2 is on", () => device.relay(2).position === "on");
    expect(device.relay(1).position).toBe("off");
  });

  it("is ignored during the first four seconds after boot", async () => {
    const b = await broker();
    const device = await socket(b.port, { bootMs: 100, speed: 10 });
    device.restart();
    await device.untilConnected();
    const since = b.seen.length;
    expect(device.uptime).toBeLessThan(4);
    device.press();
    expect(await roundTrip(b, since)).not.toContain("stat/plug1/POWER ON");
    device.grow(4);
    device.press();
    await eventually("now it switches", () => device.relay(1).position === "on");
    expect(device.relay(1).history).toHaveLength(1);
  });

  it("ButtonTopic: the press is published, the relay is not switched; the own topic gets ON or OFF and obeys it", async () => {
    const b = await broker();
    const device = await socket(b.port, { setup: ["ButtonTopic lamp"] });
    device.press();
    await eventually("published", () => last(b, "cmnd/lamp/POWER")?.payload === "TOGGLE");
    expect(device.relay(1).history).toEqual([]);
    device.console("ButtonTopic plug1");
    device.press();
    await eventually("it obeyed itself", () => device.relay(1).position === "on");
    expect(last(b, "cmnd/plug1/POWER")).toMatchObject({ payload: "ON", retain: false });
  });

  it("ButtonTopic falls back to the relay while the broker is away", async () => {
    const b = await broker();
    const device = await socket(b.port, { setup: ["ButtonTopic lamp"] });
    device.loseLink();
    device.press();
    await eventually("switched", () => device.relay(1).position === "on");
    expect(last(b, "cmnd/lamp/POWER")).toBeUndefined();
  });

  it("SetOption73: detached, only an action on RESULT", async () => {
    const b = await broker();
    const device = await socket(b.port, { setup: ["SetOption73 1"] });
    const since = b.seen.length;
    device.press();
    await eventually("told", () => stats(b, since).length > 0);
    device.press(1, 2);
    await eventually("told again", () => stats(b, since).length > 1);
    expect(stats(b, since)).toEqual([
      'stat/plug1/RESULT {"Button1":{"Action":"SINGLE"}}',
      'stat/plug1/RESULT {"Button1":{"Action":"DOUBLE"}}',
    ]);
    expect(device.relay(1).history).toEqual([]);
  });
});

describe("6 restart, power loss, safety", () => {
  it.each([
    [0, "on", "off"],
    [1, "off", "on"],
    [2, "on", "off"],
    [2, "off", "on"],
    [3, "on", "on"],
    [3, "off", "off"],
    [4, "off", "on"],
  ] as const)("PowerOnState %i, saved %s: after a power-up %s", async (setting, saved, then) => {
    const b = await broker();
    const device = await socket(b.port, { setup: [`PowerOnState ${setting}`], initial: [saved] });
    device.powerCut({ silent: false });
    expect(device.relay(1).position).toBe("off");
    device.powerUp();
    await device.untilConnected();
    expect(device.relay(1).position).toBe(then);
    await eventually("it says so", () => last(b, "stat/plug1/POWER")?.payload === then.toUpperCase());
    expect(json(last(b, "tele/plug1/INFO3"), "Info3.RestartReason")).toBe("Power On");
  });

  it("PowerOnState 5: off, then on after PulseTime", async () => {
    const b = await broker();
    const device = await socket(b.port, { setup: ["PowerOnState 5", "PulseTime1 120"], initial: ["on"] });
    device.powerCut({ silent: false });
    device.powerUp();
    await eventually("on in the end", () => device.relay(1).position === "on");
    const [, off, on] = device.relay(1).history;
    expect((on?.at ?? 0) - (off?.at ?? 0)).toBeGreaterThanOrEqual(195); // 20 s on a clock a hundred times as fast
  });

  it("a warm restart restores what was saved, whatever PowerOnState says", async () => {
    const b = await broker();
    const device = await socket(b.port, { setup: ["PowerOnState 0"], initial: ["on"] });
    device.restart();
    await device.untilConnected();
    expect(device.relay(1).history.map(({ position }) => position)).toEqual(["on"]);
  });

  it("a cut within a second of a change restores the older state; a later one the new", async () => {
    const b = await broker();
    const device = await socket(b.port, { speed: 10 });
    device.console("POWER ON");
    device.powerCut({ silent: false });
    device.powerUp();
    await device.untilConnected();
    expect(device.relay(1).position).toBe("off");
    device.console("POWER ON");
    const before = device.uptime;
    await eventually("more than a second went by", () => device.uptime > before + 2);
    device.powerCut({ silent: false });
    device.powerUp();
    await device.untilConnected();
    expect(device.relay(1).position).toBe("on");
  });

  it("a crash closes no connection and saves nothing; the broker hears of it when it is back", async () => {
    const b = await broker();
    const device = await socket(b.port, { setup: ["SaveData 3600"] });
    device.console("POWER ON");
    const since = b.seen.length;
    device.restart({ crash: true });
    await device.untilConnected();
    expect(device.relay(1).history.map(({ position }) => position)).toEqual(["on", "off"]);
    await eventually("it told its boot", () => last(b, "tele/plug1/INFO3"));
    expect(b.seen.slice(since).map(line)).toContain("tele/plug1/LWT r Offline");
  });

  it("SetOption0 0: nothing is saved", async () => {
    const b = await broker();
    const device = await socket(b.port, { setup: ["SetOption0 0"] });
    device.console("POWER ON");
    device.restart();
    await device.untilConnected();
    expect(device.relay(1).position).toBe("off");
  });

  it("over-temperature: all relays off even if locked, only RESULT and POWER", async () => {
    const b = await broker();
    const device = await socket(b.port, { relays: 2, initial: ["on"], setup: ["PowerLock1 1"] });
    const since = b.seen.length;
    device.overheat();
    await eventually("told", () => stats(b, since).length === 4);
    expect(stats(b, since)).toEqual([
      'stat/plug1/RESULT {"POWER1":"OFF"}',
      "stat/plug1/POWER1 OFF",
      'stat/plug1/RESULT {"POWER2":"OFF"}',
      "stat/plug1/POWER2 OFF",
    ]);
  });
});

describe("7 telemetry", () => {
  it.each([
    ["1", 300],
    ["5", 10],
    ["10", 10],
    ["0", 0],
    ["3600", 3600],
    ["3601", 300],
  ])("TelePeriod %s becomes %i", async (given, becomes) => {
    const b = await broker();
    await socket(b.port);
    expect(await ask(b, "TelePeriod", given, 1)).toEqual([`stat/plug1/RESULT {"TelePeriod":${becomes}}`]);
  });

  it("an empty TelePeriod triggers telemetry within a second", async () => {
    const b = await broker();
    await socket(b.port, { setup: ["TelePeriod 0"], meter: 1 });
    expect(last(b, "tele/plug1/STATE")).toBeUndefined();
    await b.publish("cmnd/plug1/TelePeriod", "");
    await eventually(
      "SENSOR follows STATE",
      () => last(b, "tele/plug1/STATE") && last(b, "tele/plug1/SENSOR"),
    );
  });

  it("a device without sensors sends no SENSOR; the periodic one has Period, an answer has none", async () => {
    const b = await broker();
    await socket(b.port, { setup: ["TelePeriod 10"] });
    await eventually(
      "two periods",
      () => b.seen.filter(({ topic }) => topic === "tele/plug1/STATE").length >= 2,
    );
    expect(last(b, "tele/plug1/SENSOR")).toBeUndefined();
    await socket(b.port, { topic: "plug2", meter: 1 });
    await eventually("a periodic one", () => last(b, "tele/plug2/SENSOR"));
    expect(json(last(b, "tele/plug2/SENSOR"), "ENERGY")).toHaveProperty("Period");
    await b.publish("cmnd/plug2/Status", "10");
    await eventually("an answer", () => last(b, "stat/plug2/STATUS10"));
    expect(json(last(b, "stat/plug2/STATUS10"), "StatusSNS.ENERGY")).not.toHaveProperty("Period");
  });

  it("one channel gives numbers, several give arrays; sums stay scalar without SetOption129", async () => {
    const b = await broker();
    const load = { power: () => undefined, watts: () => 100 };
    await socket(b.port, { relays: 2, meter: 2, initial: ["on"], loads: [load, load] });
    await eventually("a sample was taken", async () => {
      await ask(b, "Status", "8", 1);
      return json(last(b, "stat/plug1/STATUS8"), "StatusSNS.ENERGY.Power.0") === 100;
    });
    const energy = json(last(b, "stat/plug1/STATUS8"), "StatusSNS.ENERGY");
    expect(energy).toMatchObject({ Power: [100, 100], Voltage: 230, Factor: [0.95, 0.95] });
    expect(json(last(b, "stat/plug1/STATUS8"), "StatusSNS.ENERGY.Total")).toBeTypeOf("number");
    await ask(b, "SetOption129", "1", 1);
    await ask(b, "Status", "8", 1);
    expect(json(last(b, "stat/plug1/STATUS8"), "StatusSNS.ENERGY.Total")).toHaveLength(2);
  });

  it("while all relays are off the meter reports 0 W and 0 V, a welded contact shows only with SetOption21", async () => {
    const b = await broker();
    const device = await socket(b.port, {
      meter: 1,
      initial: ["on"],
      loads: [{ power: () => undefined, watts: () => 75 }],
    });
    const power = async (): Promise<unknown> => {
      await ask(b, "Status", "8", 1);
      return json(last(b, "stat/plug1/STATUS8"), "StatusSNS.ENERGY.Power");
    };
    await eventually("75 W", async () => (await power()) === 75);
    device.relay(1).lie();
    await ask(b, "POWER", "OFF");
    expect(await power()).toBe(0);
    await ask(b, "SetOption21", "1", 1);
    expect(await power()).toBe(75);
  });

  it("PowerDelta: MARGINS, SENSOR, and SENSOR again", async () => {
    const b = await broker();
    let watts = 20;
    await socket(b.port, {
      meter: 1,
      initial: ["on"],
      setup: ["TelePeriod 0", "PowerDelta 110"],
      loads: [{ power: () => undefined, watts: () => watts }],
    });
    await eventually("the first is told", () => last(b, "tele/plug1/MARGINS"));
    await eventually(
      "SENSOR twice",
      () => b.seen.filter(({ topic }) => topic === "tele/plug1/SENSOR").length === 2,
    );
    const since = b.seen.length;
    watts = 55;
    await eventually("SENSOR twice again", () => b.seen.slice(since).length >= 3);
    expect(b.seen.slice(since).map(({ topic }) => topic.slice(11))).toEqual(["MARGINS", "SENSOR", "SENSOR"]);
    expect(json(last(b, "tele/plug1/MARGINS"))).toEqual({ MARGINS: { PowerDelta: 35 } });
  });
});

describe("retain flags", () => {
  it("InfoRetain, StateRetain and SensorRetain retain INFO3, STATE and SENSOR", async () => {
    const b = await broker();
    await socket(b.port, { meter: 1, setup: ["InfoRetain 1", "StateRetain 1", "SensorRetain 1"] });
    await eventually("all were published", () => last(b, "tele/plug1/SENSOR"));
    const retained = b.seen
      .filter(({ retain }) => retain)
      .map(({ topic }) => topic.replace("tele/plug1/", ""));
    expect(retained.toSorted()).toEqual(["INFO3", "LWT", "SENSOR", "STATE"]);
  });

  it("without them only LWT and discovery are retained", async () => {
    const b = await broker();
    const { mac } = await socket(b.port, { meter: 1 });
    await eventually("all were published", () => last(b, `tasmota/discovery/${mac}/sensors`));
    const retained = b.seen.filter(({ retain }) => retain).map(({ topic }) => topic);
    expect(retained.toSorted()).toEqual([
      `tasmota/discovery/${mac}/config`,
      `tasmota/discovery/${mac}/sensors`,
      "tele/plug1/LWT",
    ]);
  });
});

describe("8 discovery", () => {
  it("config and sensors are retained; SetOption19 1 removes them, and a boot forces it back", async () => {
    const b = await broker();
    const device = await socket(b.port, { relays: 2, meter: 1, setup: ["SetOption4 1"] });
    const config = `tasmota/discovery/${device.mac}/config`;
    await eventually("published", () => last(b, config));
    expect(json(last(b, config))).toMatchObject({
      t: "plug1",
      ft: "%prefix%/%topic%/",
      tp: ["cmnd", "stat", "tele"],
      ofln: "Offline",
      onln: "Online",
      state: ["OFF", "ON", "TOGGLE", "HOLD"],
      so: { "4": 1, "73": 0 },
      ver: 1,
    });
    expect([0, 1, 2].map((n) => json(last(b, config), `rl.${n}`))).toEqual([1, 1, 0]);
    expect(json(last(b, config), "rl")).toHaveLength(32);
    expect(last(b, config)?.retain).toBe(true);
    device.console("SetOption19 1");
    await eventually("removed", () => last(b, config)?.payload === "");
    device.restart();
    await eventually("back", () => last(b, config)?.payload !== "");
  });
});

describe("faults", () => {
  it("deaf: neither commands nor queries are heeded, yet they are written down", async () => {
    const b = await broker();
    const device = await socket(b.port, { setup: ["TelePeriod 0"] });
    device.fault("deaf");
    const since = b.seen.length;
    await b.publish("cmnd/plug1/POWER", "ON");
    await eventually("it arrived", () => device.received.some(({ payload }) => payload === "ON"));
    expect(device.relay(1).history).toEqual([]);
    expect(stats(b, since)).toEqual([]);
    device.fault("none");
    await ask(b, "POWER", "ON");
  });

  it("mute: does what it is told and says nothing", async () => {
    const b = await broker();
    const device = await socket(b.port);
    device.fault("mute");
    const since = b.seen.length;
    await b.publish("cmnd/plug1/POWER", "ON");
    await eventually("the relay is on", () => device.relay(1).position === "on");
    expect(b.seen.slice(since).map(line)).toEqual(["cmnd/plug1/POWER ON"]);
  });

  it("slow: every command is served that much later", async () => {
    const b = await broker();
    const device = await socket(b.port);
    device.slow(150);
    const begin = performance.now();
    await ask(b, "POWER", "ON");
    expect(performance.now() - begin).toBeGreaterThanOrEqual(145);
  });

  it.each(["on", "off"] as const)(
    "stuck %s: it does not move away, and the answers tell the truth",
    async (position) => {
      const b = await broker();
      const device = await socket(b.port, { initial: [position] });
      const changes = device.relay(1).history.length;
      device.relay(1).stick(position);
      expect(await ask(b, "POWER", position === "on" ? "OFF" : "ON")).toEqual([
        `stat/plug1/RESULT {"POWER":"${position.toUpperCase()}"}`,
        `stat/plug1/POWER ${position.toUpperCase()}`,
      ]);
      expect(device.relay(1).history).toHaveLength(changes);
      device.relay(1).heal();
      await ask(b, "POWER", position === "on" ? "OFF" : "ON");
      expect(device.relay(1).position).not.toBe(position);
    },
  );

  it("lying: it says what was commanded while the relay stays", async () => {
    const b = await broker();
    const device = await socket(b.port, { initial: ["on"] });
    device.relay(1).lie();
    expect(await ask(b, "POWER", "OFF")).toEqual([
      'stat/plug1/RESULT {"POWER":"OFF"}',
      "stat/plug1/POWER OFF",
    ]);
    expect(device.relay(1).position).toBe("on");
    device.relay(1).heal();
    expect(device.relay(1).position).toBe("off");
  });

  it("a reboot into a chosen position, warm or after a power cut", async () => {
    const b = await broker();
    const device = await socket(b.port, { initial: ["on"] });
    device.restart({ into: ["off"] });
    await device.untilConnected();
    expect(device.relay(1).position).toBe("off");
    device.powerCut({ silent: false });
    device.powerUp({ into: ["on"] });
    await device.untilConnected();
    expect(device.relay(1).position).toBe("on");
  });

  it("without mains every outlet is dead, a stuck relay included, and nobody hears of it", async () => {
    const b = await broker();
    const seen: string[] = [];
    const device = await socket(b.port, {
      initial: ["on"],
      onRelay: (relay, position) => seen.push(`${relay} ${position}`),
    });
    device.relay(1).stick("on");
    const since = b.seen.length;
    device.powerCut();
    expect(device.relay(1).position).toBe("off");
    expect(seen).toEqual(["1 on", "1 off"]);
    expect(stats(b, since)).toEqual([]);
    device.powerUp();
    expect(device.relay(1).position).toBe("on");
  });
});

/** What a machine says, or why it cannot be reached. */
function reachable(port: number): Promise<string> {
  return new Promise((resolve) => {
    const connection = connect(port, "127.0.0.1");
    connection.once("data", (text) => {
      connection.destroy();
      resolve(text.toString());
    });
    connection.once("error", (error) => resolve(error.message));
  });
}

/** A connection that is kept, and how it ends. */
async function held(port: number): Promise<{ connection: Socket; ended: Promise<string> }> {
  const connection = connect(port, "127.0.0.1");
  const ended = new Promise<string>((resolve) => {
    connection.once("error", (error) => resolve("code" in error ? String(error.code) : error.message));
  });
  await new Promise<void>((resolve) => {
    connection.once("connect", resolve);
  });
  return { connection, ended };
}

describe("over mosquitto", needing("mosquitto"), () => {
  it("is understood, takes its session over, and is heard", async () => {
    const m = await startMosquitto();
    ends.push(() => m.stop());
    const heard: string[] = [];
    const observer = openWire(
      {
        host: "127.0.0.1",
        port: m.port,
        clientId: "observer",
        clean: true,
        keepalive: 30,
        will: { topic: "observer", payload: "gone", retain: false },
        username: undefined,
        password: undefined,
        serviceMs: 0,
        receiveLimit: 100_000,
      },
      {
        connected: () => observer.subscribe("#"),
        subscribed: () => heard.push("subscribed"),
        message: (topic, payload) => heard.push(`${topic} ${payload}`),
        closed: () => heard.push("closed"),
      },
    );
    ends.push(async () => observer.destroy());
    await eventually("the observer listens", () => heard.includes("subscribed"));
    const device = await socket(m.port, { setup: ["TelePeriod 0"] });
    observer.publish("cmnd/plug1/POWER", "ON", false);
    await eventually("the answer is heard", () => heard.includes("stat/plug1/POWER ON"));
    const since = heard.length;
    device.takeOver();
    await device.untilConnected();
    await eventually("Offline and Online are heard", () =>
      heard.slice(since).includes("tele/plug1/LWT Online"),
    );
    expect(heard.slice(since).filter((text) => /LWT|stat/.test(text))).toEqual([
      "tele/plug1/LWT Offline",
      "tele/plug1/LWT Online",
    ]);
  });
});

describe("a machine behind a relay", () => {
  it("boots for a while, answers, draws watts, and dies with its power", async () => {
    const b = await broker();
    const machine = await startMachine({ bootMs: 80, watts: { boot: 90, idle: 60 } });
    ends.push(() => machine.stop());
    const device = await socket(b.port, { meter: 1, loads: [machine] });
    expect([machine.state, machine.watts()]).toEqual(["off", 0]);
    await ask(b, "POWER", "ON");
    expect([machine.state, machine.watts()]).toEqual(["booting", 90]);
    expect(await reachable(machine.port)).toContain("ECONNREFUSED");
    await eventually("it answers", async () => (await reachable(machine.port)) === "ready\r\n");
    await eventually("the meter shows it", async () => {
      await ask(b, "Status", "10", 1);
      return json(last(b, "stat/plug1/STATUS10"), "StatusSNS.ENERGY.Power") === 60;
    });
    device.console("POWER OFF");
    expect(await reachable(machine.port)).toContain("ECONNREFUSED");
    expect([machine.state, machine.boots, machine.cuts]).toEqual(["off", 1, 1]);
  });

  it("can never boot, stop answering, hang, and recover", async () => {
    const machine = await startMachine({ bootMs: 1 });
    ends.push(() => machine.stop());
    machine.bootable(false);
    machine.power(true);
    expect(await reachable(machine.port)).toContain("ECONNREFUSED");
    expect(machine.state).toBe("booting");
    machine.bootable(true);
    await eventually("it answers", async () => (await reachable(machine.port)) === "ready\r\n");
    machine.stopAnswering();
    expect(await reachable(machine.port)).toContain("ECONNREFUSED");
    machine.recover();
    await eventually("it answers again", async () => (await reachable(machine.port)) === "ready\r\n");
    machine.hang();
    expect(machine.state).toBe("hung");
    const { connection, ended } = await held(machine.port);
    expect(connection.readyState).toBe("open");
    machine.power(false);
    expect(await ended).toBe("ECONNRESET");
    expect(machine.cuts).toBe(1);
  });
});
