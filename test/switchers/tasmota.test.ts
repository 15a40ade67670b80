// What a Tasmota device says and what is made of it: each row of a table is a fact about the firmware. Messages go through a bus in
// memory, so that topics count as much as payloads.

import { describe, expect, it } from "vitest";
import { createSwitcher, switcherOptions } from "../../src/adapters/switchers/registry.ts";
import type { SwitcherReport } from "../../src/ports/switcher.ts";
import { handClock } from "../support/hand-clock.ts";
import { memoryBus } from "../support/memory-bus.ts";

const notAborted = new AbortController().signal;

function running(options: Readonly<Record<string, unknown>> = {}) {
  const bus = memoryBus();
  const parsed = switcherOptions.parse({ type: "tasmota", topic: "plug1", ...options });
  const switcher = createSwitcher(parsed, { name: "sw", bus, clock: handClock() });
  const reports: SwitcherReport[] = [];
  switcher.start((report) => reports.push(report));
  bus.connect();
  reports.length = 0;
  return { bus, switcher, reports };
}

/** Reports in short: `sw on`, `sw/2 off 10000` (with uptime), `sw 12W 3.4kWh`, `hint true`. */
function short(reports: readonly SwitcherReport[]): string[] {
  return reports.map((report) => {
    switch (report.kind) {
      case "position":
        return `${report.outlet} ${report.position}${report.uptime === undefined ? "" : ` ${report.uptime}`}`;
      case "reading":
        return `${report.outlet} ${report.watts ?? "-"}W ${report.kwh ?? "-"}kWh`;
      case "hint":
        return `hint ${report.online}`;
      case "retained-command":
        return `retained ${report.topic}`;
      case "connected":
      case "lost":
      case "rebooted":
        return report.kind;
    }
  });
}

const state =
  '{"Time":"1970-01-01T00:00:10","Uptime":"0T00:00:10","UptimeSec":10,"POWER":"ON","Wifi":{"RSSI":80}}';
const states = '{"UptimeSec":10,"POWER1":"ON","POWER2":"OFF","POWER3":"ON"}';

describe("Positions of a device with one relay", () => {
  it.each([
    ["stat/plug1/RESULT", '{"POWER":"ON"}', ["sw on"], "the JSON reply"],
    ["stat/plug1/RESULT", '{"POWER1":"OFF"}', ["sw off"], "the JSON reply with SetOption26"],
    ["stat/plug1/POWER", "ON", ["sw on"], "the plain reply"],
    ["stat/plug1/POWER1", "OFF", ["sw off"], "the plain reply with SetOption26"],
    [
      "stat/plug1/POWER",
      '{"POWER":"ON"}',
      ["sw on"],
      "the JSON reply with SetOption4, on the plain reply's topic",
    ],
    ["stat/plug1/POWER1", '{"POWER1":"ON"}', ["sw on"], "the JSON reply with SetOption4 and SetOption26"],
    ["tele/plug1/STATE", state, ["sw on 10000"], "telemetry, which SetOption59 sends at each command"],
    ["stat/plug1/RESULT", state, ["sw on 10000"], "the answer to State"],
    ["stat/plug1/STATE", state, ["sw on 10000"], "the answer to State with SetOption4"],
    ["stat/plug1/STATUS11", `{"StatusSTS":${state}}`, ["sw on 10000"], "the answer to Status 11"],
    [
      "tele/plug1/STATE",
      '{"Uptime":"3T02:01:05","POWER":"OFF"}',
      ["sw off 266465000"],
      "telemetry of firmware that says the uptime as text",
    ],
    ["tele/plug1/STATE", '{"UptimeSec":-1,"POWER":"OFF"}', ["sw off"], "an uptime that cannot be"],
    ["tele/plug1/STATE", '{"UptimeSec":1e300,"POWER":"OFF"}', ["sw off"], "an uptime of ages"],
    ["tele/plug1/STATE", '{"Uptime":"soon","POWER":"OFF"}', ["sw off"], "an uptime that is none"],
    ["stat/plug1/RESULT", '{"POWER":"Blink ON"}', [], "blinking, which is no position"],
    ["stat/plug1/POWER", "Blink OFF", [], "the end of blinking"],
    ["stat/plug1/POWER", "", [], "an empty message"],
    ["stat/plug1/POWER", "ON ", [], "a word that is not quite the device's"],
    ["stat/plug1/POWER", "TOGGLE", [], "a word that is no position"],
    ["stat/plug1/POWER", "1", [], "a number that the device was not set to say"],
    ["stat/plug1/RESULT", "ON", [], "a plain word where only JSON is spoken"],
    ["stat/plug1/RESULT", '{"POWER2":"ON"}', [], "another relay"],
    ["stat/plug1/RESULT", '{"POWER":true}', [], "a position that is no word"],
    ["stat/plug1/RESULT", '{"POWER":null}', [], "a position that is nothing"],
    ["stat/plug1/RESULT", '{"Command":"Error","Input":"POWER7 ON"}', [], "a wrong use of a command"],
    ["stat/plug1/RESULT", '{"Command":"Unknown"}', [], "an unknown command"],
    ["stat/plug1/RESULT", '{"TelePeriod":300}', [], "the reply to another command"],
    ["stat/plug1/RESULT", '{"Button1":{"Action":"SINGLE"}}', [], "a detached button"],
    ["stat/plug1/RESULT", '{"PowerMonitor":"ON"}', [], "the power monitor"],
    [
      "stat/plug1/STATUS",
      '{"Status":{"Topic":"plug1","Power":"1"}}',
      [],
      "Status, whose form changed between versions",
    ],
    ["cmnd/plug1/POWER", "ON", [], "a command, of whomever"],
    ["cmnd/plug1/POWER", "", [], "the empty command that the device itself publishes as it connects"],
    ["cmnd/tasmotas/POWER0", "ON", [], "a command to the group"],
    ["stat/DVES_123456_fb/POWER", "ON", [], "a reply to a command to the fallback topic"],
    ["stat/plug2/POWER", "ON", [], "another device"],
  ])("%s %s says %j: %s", (topic, payload, expected) => {
    const { bus, reports } = running();
    bus.say(topic, payload);
    expect(short(reports)).toEqual(expected);
  });
});

describe("Positions of a group, and of one outlet of a bigger device", () => {
  it.each([
    [{ outlets: 3 }, "tele/plug1/STATE", states, ["sw/1 on 10000", "sw/2 off 10000", "sw/3 on 10000"]],
    [{ outlets: 2 }, "tele/plug1/STATE", states, ["sw/1 on 10000", "sw/2 off 10000"]],
    [{ outlets: 4 }, "tele/plug1/STATE", states, ["sw/1 on 10000", "sw/2 off 10000", "sw/3 on 10000"]],
    [{ outlets: 3 }, "stat/plug1/RESULT", '{"POWER2":"ON"}', ["sw/2 on"]],
    [{ outlets: 3 }, "stat/plug1/POWER3", "OFF", ["sw/3 off"]],
    [{ outlets: 3 }, "stat/plug1/POWER4", "OFF", []],
    [{ outlets: 3 }, "stat/plug1/POWER2", '{"POWER2":"ON"}', ["sw/2 on"]],
    [{ outlets: 1 }, "stat/plug1/RESULT", '{"POWER":"ON"}', ["sw/1 on"]],
    [{ outlets: 1 }, "stat/plug1/POWER", "ON", ["sw/1 on"]],
    [{ outlet: 2 }, "tele/plug1/STATE", states, ["sw off 10000"]],
    [{ outlet: 2 }, "stat/plug1/POWER2", "ON", ["sw on"]],
    [{ outlet: 2 }, "stat/plug1/POWER", "ON", []],
    [{ outlet: 2 }, "stat/plug1/RESULT", '{"POWER1":"ON"}', []],
    [{ outlet: 2 }, "stat/plug1/RESULT", '{"POWER":"ON"}', []],
    [{ outlet: 1 }, "stat/plug1/RESULT", '{"POWER1":"ON"}', ["sw on"]],
    [{ outlet: 1 }, "stat/plug1/RESULT", '{"POWER":"ON"}', ["sw on"]],
    [{}, "tele/plug1/STATE", states, ["sw on 10000"]],
  ] as const)("%j: %s %s says %j", (options, topic, payload, expected) => {
    const { bus, reports } = running(options);
    bus.say(topic, payload);
    expect(short(reports)).toEqual(expected);
  });
});

describe("Readings go to the outlet that draws, or to none", () => {
  const one = '{"ENERGY":{"Total":1.5,"Power":12,"Voltage":230}}';
  const two = '{"ENERGY":{"Total":[1.5,2.5],"Power":[12,30],"Voltage":230}}';
  it.each([
    [{}, "tele/plug1/SENSOR", one, ["sw 12W 1.5kWh"], "telemetry"],
    [{}, "stat/plug1/STATUS8", `{"StatusSNS":${one}}`, ["sw 12W 1.5kWh"], "the answer to Status 8"],
    [{}, "stat/plug1/STATUS10", `{"StatusSNS":${one}}`, ["sw 12W 1.5kWh"], "the answer to Status 10"],
    [{}, "tele/plug1/SENSOR", '{"ENERGY":{"Power":0}}', ["sw 0W -kWh"], "nothing drawn"],
    [{}, "tele/plug1/SENSOR", '{"ENERGY":{"Total":0}}', ["sw -W 0kWh"], "a total alone"],
    [
      {},
      "tele/plug1/SENSOR",
      '{"ENERGY":{"Power":[1,2,3],"Total":9}}',
      ["sw 6W 9kWh"],
      "three phases of one load",
    ],
    [{}, "tele/plug1/SENSOR", '{"ENERGY":{"Power":[1,2,"x"]}}', [], "a phase that cannot be read"],
    [{}, "tele/plug1/SENSOR", '{"ENERGY":{"Power":[]}}', [], "no phase at all"],
    [{}, "tele/plug1/SENSOR", '{"ENERGY":{"Power":"12"}}', [], "a text for a number"],
    [{}, "tele/plug1/SENSOR", '{"ENERGY":{"Power":1e999}}', [], "a number without end"],
    [{}, "tele/plug1/SENSOR", '{"ENERGY":null}', [], "no meter"],
    [{}, "tele/plug1/SENSOR", '{"Time":"x","DS18B20":{"Temperature":20}}', [], "other sensors"],
    [
      { outlets: 2 },
      "tele/plug1/SENSOR",
      two,
      ["sw/1 12W 1.5kWh", "sw/2 30W 2.5kWh"],
      "a channel for each relay, SetOption129",
    ],
    [
      { outlets: 2 },
      "tele/plug1/SENSOR",
      '{"ENERGY":{"Power":[12,30],"Total":4}}',
      ["sw/1 12W -kWh", "sw/2 30W -kWh"],
      "the total is a sum without SetOption129",
    ],
    [{ outlets: 2 }, "tele/plug1/SENSOR", one, [], "one meter over two relays"],
    [{ outlets: 4 }, "tele/plug1/SENSOR", two, [], "fewer channels than relays"],
    [{ outlets: 1 }, "tele/plug1/SENSOR", one, ["sw/1 12W 1.5kWh"], "a group of one"],
    [{ outlet: 2 }, "tele/plug1/SENSOR", two, ["sw 30W 2.5kWh"], "the second of two"],
    [{ outlet: 2 }, "tele/plug1/SENSOR", one, [], "one meter over several relays"],
    [{ outlet: 3 }, "tele/plug1/SENSOR", two, [], "a relay without a channel"],
  ])("%j: %s %s says %j: %s", (options, topic, payload, expected, _title) => {
    const { bus, reports } = running(options);
    bus.say(topic, payload);
    expect(short(reports)).toEqual(expected);
  });
});

describe("What was retained by the broker tells of the past", () => {
  it.each([
    ["tele/plug1/STATE", state],
    ["tele/plug1/SENSOR", '{"ENERGY":{"Power":12}}'],
    ["stat/plug1/POWER", "ON"],
    ["stat/plug1/RESULT", '{"POWER":"ON"}'],
    ["stat/plug1/STATUS11", `{"StatusSTS":${state}}`],
    ["tele/plug1/INFO3", '{"Info3":{"RestartReason":"Power on","BootCount":7}}'],
  ])("so a retained %s is no report", (topic, payload) => {
    const { bus, reports } = running();
    bus.keep(topic, payload);
    expect(reports).toEqual([]);
    bus.say(topic, payload);
    expect(reports).toHaveLength(1);
  });

  it("but a last will is a hint, retained or not", () => {
    const { bus, reports } = running();
    bus.keep("tele/plug1/LWT", "Online");
    bus.say("tele/plug1/LWT", "Offline");
    bus.say("tele/plug1/LWT", "");
    bus.say("tele/plug1/LWT", "{}");
    bus.say("tele/plug1/LWT", "Asleep");
    expect(short(reports)).toEqual(["hint true", "hint false"]);
  });
});

describe("A reboot is known from INFO3", () => {
  it.each([
    ['{"Info3":{"RestartReason":"Power on","BootCount":7}}', ["rebooted"]],
    ['{"RestartReason":"Software/System restart"}', ["rebooted"]],
    ['{"RestartReason":{"Exception":28,"Reason":"Exception"}}', ["rebooted"]],
    ['{"Info1":{"Module":"x"}}', []],
    ['{"Info3":{}}', []],
    ['{"RestartReason":null}', []],
    ["{}", []],
    ["Power on", []],
    ["", []],
  ])("%s: %j", (payload, expected) => {
    const { bus, reports } = running();
    bus.say("tele/plug1/INFO3", payload);
    expect(short(reports)).toEqual(expected);
  });
});

describe("Hostile and broken messages are nothing, on every topic", () => {
  const deep = `{"POWER":${"[".repeat(60_000)}`;
  it.each([
    ["JSON nested without end", deep],
    ["broken JSON", '{"POWER":"ON"'],
    ["JSON with more behind it", '{"POWER":"ON"}{"POWER":"OFF"}'],
    ["a list", '[{"POWER":"ON"}]'],
    ["a message of 65,537 bytes", `{"POWER":"ON","x":"${"x".repeat(65_516)}"}`],
    ["bytes that are no text", new Uint8Array([0xff, 0xfe, 0x4f, 0x4e])],
    [
      "JSON with bytes that are no text",
      new Uint8Array([...new TextEncoder().encode('{"POWER":"ON","a":"'), 0xff, 0x22, 0x7d]),
    ],
    ["positions inherited, not said", '{"__proto__":{"POWER":"ON"}}'],
    [
      "everything of the wrong kind",
      '{"StatusSTS":7,"StatusSNS":[],"ENERGY":"x","POWER":{},"UptimeSec":"x","Uptime":4}',
    ],
    ["a null everywhere", '{"StatusSTS":null,"StatusSNS":null,"Info3":null}'],
  ])("%s", (_title, payload) => {
    const { bus, reports } = running({ outlets: 2 });
    for (const filter of bus.filters) {
      bus.say(filter.replace("+", "POWER"), payload);
    }
    expect(reports).toEqual([]);
  });

  it("but a message of 65,536 bytes is read", () => {
    const { bus, reports } = running();
    const payload = `{"POWER":"ON","x":"${"x".repeat(65_536 - 21)}"}`;
    expect(payload).toHaveLength(65_536);
    bus.say("stat/plug1/RESULT", payload);
    expect(short(reports)).toEqual(["sw on"]);
  });
});

const config = (more: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    t: "plug1",
    ft: "%prefix%/%topic%/",
    tp: ["cmnd", "stat", "tele"],
    state: ["AUS", "AN", "TOGGLE", "HOLD"],
    onln: "Da",
    ofln: "Weg",
    ...more,
  });
const heard = (
  discovery: string,
  options: Readonly<Record<string, unknown>> = {},
  base = "stat/plug1",
): string[] => {
  const { bus, reports } = running(options);
  bus.keep("tasmota/discovery/A1B2C3D4E5F6/config", discovery);
  bus.say(`${base}/POWER`, "AN");
  bus.say(`${base}/POWER`, "AUS");
  return short(reports);
};

describe("A device that was taught other words", () => {
  it("is understood once its discovery message was read", () => {
    expect(heard(config())).toEqual(["sw on", "sw off"]);
    expect(heard("{}")).toEqual([]);
  });

  it("has a last will in its own words, too", () => {
    const { bus, reports } = running();
    bus.keep("tasmota/discovery/A1B2C3D4E5F6/config", config());
    bus.keep("tele/plug1/LWT", "Weg");
    bus.say("tele/plug1/LWT", "Da");
    expect(short(reports)).toEqual(["hint false", "hint true"]);
  });

  it("is understood with its topic template, in which discovery tells host name and MAC address", () => {
    const discovery = config({ ft: "%prefix%/%id%/%hostname%/%topic%/", hn: "host-1", mac: "A1B2C3D4E5F6" });
    const options = { fullTopic: "%prefix%/A1B2C3D4E5F6/host-1/%topic%/" };
    expect(heard(discovery, options, "stat/A1B2C3D4E5F6/host-1/plug1")).toEqual(["sw on", "sw off"]);
    expect(heard(discovery)).toEqual([]);
  });

  it.each([
    ["another topic", { t: "plug2" }],
    ["another template", { ft: "%topic%/%prefix%/" }],
    ["other prefixes", { tp: ["c", "s", "t"] }],
    ["no prefixes", { tp: 7 }],
    ["words that are none", { state: [1, 2] }],
    ["empty words", { state: ["", ""] }],
    ["words longer than the device has room for", { state: ["A".repeat(33), "B".repeat(33)] }],
    ["no words", { state: null }],
  ])("is not confused with one that has %s", (_title, more) => {
    expect(heard(config(more))).toEqual([]);
  });

  it("says nothing with a word that stands for both positions", () => {
    const { bus, reports } = running();
    bus.keep("tasmota/discovery/A1B2C3D4E5F6/config", config({ state: ["ON", "OFF"] }));
    bus.say("stat/plug1/POWER", "ON");
    bus.say("stat/plug1/POWER", "OFF");
    expect(reports).toEqual([]);
  });

  it("cannot teach words without end", () => {
    const { bus, reports } = running();
    for (let word = 0; word < 1000; word += 1) {
      bus.say("tasmota/discovery/A1B2C3D4E5F6/config", config({ state: [`off${word}`, `on${word}`] }));
    }
    bus.say("stat/plug1/POWER", "on0");
    bus.say("stat/plug1/POWER", "on999");
    bus.say("stat/plug1/POWER", "ON");
    expect(short(reports)).toEqual(["sw on", "sw on"]);
  });
});

describe("Commands to a Tasmota device", () => {
  it.each([
    [{}, "sw", "cmnd/plug1/POWER"],
    [{ outlets: 1 }, "sw/1", "cmnd/plug1/POWER1"],
    [{ outlets: 4 }, "sw/3", "cmnd/plug1/POWER3"],
    [{ outlet: 2 }, "sw", "cmnd/plug1/POWER2"],
    [{ outlet: 1 }, "sw", "cmnd/plug1/POWER1"],
    [{ fullTopic: "lab/%topic%/" }, "sw", "lab/plug1/cmnd/POWER"],
    [{ prefixes: ["do", "did", "says"] }, "sw", "do/plug1/POWER"],
  ])("%j: %s is switched with %s, ON or OFF", async (options, outlet, topic) => {
    const { bus, switcher, reports } = running(options);
    await switcher.set(outlet, "on", notAborted);
    await switcher.set(outlet, "off", notAborted);
    expect(bus.published).toEqual([
      { topic, payload: "ON" },
      { topic, payload: "OFF" },
    ]);
    expect(reports).toEqual([]);
  });

  it("A question is an empty STATE, which is answered for all relays with the uptime, and an empty POWER0", async () => {
    const { bus, switcher } = running({ outlets: 4 });
    await switcher.ask(notAborted);
    expect(bus.published).toEqual([
      { topic: "cmnd/plug1/STATE", payload: "" },
      { topic: "cmnd/plug1/POWER0", payload: "" },
    ]);
  });

  it("Its meter is asked with Status 10, once for all relays", async () => {
    const { bus, switcher } = running({ outlets: 4 });
    await switcher.measure(notAborted);
    expect(bus.published).toEqual([{ topic: "cmnd/plug1/STATUS", payload: "10" }]);
  });

  it("Without a connection a command fails at once and is not kept", async () => {
    const { bus, switcher } = running();
    bus.lose();
    await expect(switcher.set("sw", "off", notAborted)).rejects.toMatchObject({
      name: "SwitcherError",
      code: "unreachable",
      message: "sw cannot be reached: there is no connection to the MQTT broker",
    });
    await expect(switcher.ask(notAborted)).rejects.toMatchObject({ code: "unreachable" });
    await expect(switcher.measure(notAborted)).rejects.toMatchObject({ code: "unreachable" });
    bus.connect();
    expect(bus.published).toEqual([]);
  });
});

describe("The connection of a Tasmota switcher", () => {
  it("subscribes before it reports that it is connected, so that no answer is missed, and reports each loss and return", () => {
    const bus = memoryBus();
    const parsed = switcherOptions.parse({ type: "tasmota", topic: "plug1" });
    const switcher = createSwitcher(parsed, { name: "sw", bus, clock: handClock() });
    const reports: string[] = [];
    bus.connect();
    switcher.start((report) => reports.push(`${report.kind} after ${bus.filters.length} subscriptions`));
    const all = bus.filters.length;
    bus.lose();
    bus.connect();
    expect(all).toBeGreaterThan(0);
    expect(reports).toEqual(
      ["connected", "lost", "connected"].map((kind) => `${kind} after ${all} subscriptions`),
    );
  });

  it("subscribes to what it needs and not to all that a device says", () => {
    expect(running({ outlets: 2 }).bus.filters.toSorted()).toEqual([
      "cmnd/plug1/+",
      "stat/plug1/POWER",
      "stat/plug1/POWER1",
      "stat/plug1/POWER2",
      "stat/plug1/RESULT",
      "stat/plug1/STATE",
      "stat/plug1/STATUS10",
      "stat/plug1/STATUS11",
      "stat/plug1/STATUS8",
      "tasmota/discovery/+/config",
      "tele/plug1/INFO3",
      "tele/plug1/LWT",
      "tele/plug1/SENSOR",
      "tele/plug1/STATE",
    ]);
  });
});

describe("A retained command, which the device would carry out at each of its connections, is reported", () => {
  it.each([
    [{}, "cmnd/plug1/POWER", "ON", true],
    [{}, "cmnd/plug1/power", "OFF", true],
    [{}, "cmnd/plug1/POWER1", "TOGGLE", true],
    [{}, "cmnd/plug1/POWER0", "0", true],
    [{}, "cmnd/plug1/POWER", "", false],
    [{}, "cmnd/plug1/POWER2", "ON", false],
    [{}, "cmnd/plug1/TelePeriod", "10", false],
    [{}, "cmnd/plug1/PowerOnState", "3", false],
    [{}, "cmnd/plug2/POWER", "ON", false],
    [{ outlet: 2 }, "cmnd/plug1/POWER2", "ON", true],
    [{ outlet: 2 }, "cmnd/plug1/POWER", "ON", false],
    [{ outlets: 2 }, "cmnd/plug1/POWER2", "ON", true],
    [{ outlets: 2 }, "cmnd/plug1/POWER3", "ON", false],
  ])("%j: %s %j: %s", (options, topic, payload, told) => {
    const { bus, reports } = running(options);
    bus.say(topic, payload);
    expect(reports).toEqual([]);
    bus.keep(topic, payload);
    expect(short(reports)).toEqual(told ? [`retained ${topic}`] : []);
  });

  it("once for each topic and connection", () => {
    const { bus, reports } = running();
    bus.keep("cmnd/plug1/POWER", "ON");
    bus.keep("cmnd/plug1/POWER", "OFF");
    bus.keep("cmnd/plug1/POWER1", "OFF");
    expect(short(reports)).toEqual(["retained cmnd/plug1/POWER", "retained cmnd/plug1/POWER1"]);
    reports.length = 0;
    bus.lose();
    bus.connect();
    expect(short(reports)).toEqual([
      "lost",
      "retained cmnd/plug1/POWER",
      "retained cmnd/plug1/POWER1",
      "connected",
    ]);
  });
});
