// What devices on MQTT say and what is made of it, for each preset and for plain options. Messages go through a bus in memory, so that
// topics, retained flags and the order of messages count as much as payloads.

import { describe, expect, it } from "vitest";
import { capabilitiesOf, createSwitcher, switcherOptions } from "../../src/adapters/switchers/registry.ts";
import type { SwitcherReport } from "../../src/ports/switcher.ts";
import { handClock } from "../support/hand-clock.ts";
import { memoryBus } from "../support/memory-bus.ts";

const notAborted = new AbortController().signal;

function made(options: Readonly<Record<string, unknown>>) {
  const bus = memoryBus();
  const parsed = switcherOptions.parse({ type: "mqtt", ...options });
  const switcher = createSwitcher(parsed, { name: "sw", bus, clock: handClock() });
  const reports: SwitcherReport[] = [];
  /** What it reported since the last call. */
  const news = (): readonly string[] => reports.splice(0).map(short);
  return { bus, switcher, reports, news, start: () => switcher.start((report) => reports.push(report)) };
}

function running(options: Readonly<Record<string, unknown>>) {
  const all = made(options);
  all.start();
  all.bus.connect();
  all.news();
  return all;
}

/** Reports in short: `sw on`, `sw 12W`, `sw 3.4kWh`, `hint true`. */
function short(report: SwitcherReport): string {
  switch (report.kind) {
    case "position":
      return `${report.outlet} ${report.position}`;
    case "reading":
      return `${report.outlet} ${report.watts === undefined ? `${report.kwh}kWh` : `${report.watts}W`}`;
    case "hint":
      return `hint ${report.online}`;
    case "retained-command":
      return `retained ${report.topic}`;
    case "connected":
    case "lost":
    case "rebooted":
      return report.kind;
  }
}

const gen1 = { preset: "shelly-gen1", device: "shelly1-A" };
const gen2 = { preset: "shelly-gen2", device: "plus1" };
const zigbee = { preset: "zigbee2mqtt", device: "rack/plug" };
const node = { preset: "esphome", device: "node", channel: "relay" };
const plain = { command: "c", state: "s" };

describe("A live message says where the relay stands", () => {
  it.each([
    [gen1, "shellies/shelly1-A/relay/0", "on", ["sw on"], "plain words"],
    [gen1, "shellies/shelly1-A/relay/0", "off", ["sw off"], "plain words"],
    [gen1, "shellies/shelly1-A/relay/0", "overpower", [], "a word that is no position"],
    [gen1, "shellies/shelly1-A/relay/1", "on", [], "another relay"],
    [gen1, "shellies/shelly1-A/relay/0/command", "on", [], "a command, of whomever"],
    [{ ...gen1, channel: 1 }, "shellies/shelly1-A/relay/1", "on", ["sw on"], "the second relay"],
    [
      { ...gen1, outlets: 2 },
      "shellies/shelly1-A/relay/1",
      "on",
      ["sw/2 on"],
      "outlets count from 1, relays from 0",
    ],
    [{ ...gen1, base: "lab" }, "lab/shelly1-A/relay/0", "on", ["sw on"], "another base"],
    [
      gen2,
      "plus1/lastout/sw/0/rpc",
      '{"id":1,"src":"plus1","result":{"id":0,"output":true,"source":"MQTT"}}',
      ["sw on"],
      "the answer to Switch.GetStatus",
    ],
    [
      gen2,
      "plus1/lastout/sw/0/rpc",
      '{"id":1,"src":"plus1","result":{"was_on":false}}',
      [],
      "the answer to Switch.Set, which does not tell the position",
    ],
    [gen2, "plus1/lastout/sw/0/rpc", '{"id":1,"error":{"code":-105,"message":"no"}}', [], "an error"],
    [
      gen2,
      "plus1/events/rpc",
      '{"method":"NotifyStatus","params":{"ts":1,"switch:0":{"id":0,"output":false}}}',
      ["sw off"],
      "a notification",
    ],
    [
      gen2,
      "plus1/events/rpc",
      '{"method":"NotifyStatus","params":{"ts":1,"switch:0":{"id":0,"temperature":{"tC":40}}}}',
      [],
      "a notification without the changed key says nothing, and never off",
    ],
    [gen2, "plus1/events/rpc", '{"params":{"switch:1":{"id":1,"output":true}}}', [], "another switch"],
    [gen2, "plus1/status/switch:0", '{"id":0,"output":true}', ["sw on"], "the status of a switch"],
    [{ ...gen2, outlets: 2 }, "plus1/status/switch:1", '{"output":false}', ["sw/2 off"], "a group"],
    [gen2, "plus1/status/switch:0", '{"output":"true"}', ["sw on"], "a boolean as a text is the same word"],
    [gen2, "plus1/status/switch:0", '{"output":null}', [], "nothing"],
    [gen2, "plus1/status/switch:0", '{"output":1}', [], "a number is no boolean"],
    [zigbee, "zigbee2mqtt/rack/plug", '{"state":"ON","linkquality":9}', ["sw on"], "a name with a slash"],
    [zigbee, "zigbee2mqtt/rack/plug", '{"linkquality":9}', [], "a message without a state"],
    [zigbee, "zigbee2mqtt/rack/plug", '{"state":null}', [], "a state that was never reported"],
    [zigbee, "zigbee2mqtt/rack/plug", "ON", [], "a plain word where JSON is spoken"],
    [
      { ...zigbee, channel: "l2" },
      "zigbee2mqtt/rack/plug",
      '{"state_l1":"ON","state_l2":"OFF"}',
      ["sw off"],
      "a gang",
    ],
    [
      { ...zigbee, outlets: 2 },
      "zigbee2mqtt/rack/plug",
      '{"state_l1":"ON","state_l2":"OFF"}',
      ["sw/1 on", "sw/2 off"],
      "a group of gangs",
    ],
    [{ ...zigbee, base: "z" }, "z/rack/plug", '{"state":"OFF"}', ["sw off"], "another base"],
    [node, "node/switch/relay/state", "ON", ["sw on"], "plain words"],
    [node, "node/switch/relay/state", "on", [], "another case is another word"],
    [{ ...node, base: "lab/node" }, "lab/node/switch/relay/state", "OFF", ["sw off"], "a topic_prefix"],
    [
      { ...node, channel: "relay_{{outlet}}", outlets: 2 },
      "node/switch/relay_2/state",
      "ON",
      ["sw/2 on"],
      "switches with numbers in their names",
    ],
    [plain, "s", "ON", ["sw on"], "the words of the commands, without others"],
    [plain, "s", "ON\n", [], "nothing is stripped"],
    [plain, "s", "", [], "an empty message"],
    [plain, "s", new Uint8Array([0xff, 0xfe]), [], "bytes that are no text"],
    [{ ...plain, on: 1, off: 0 }, "s", "1", ["sw on"], "numbers as texts"],
    [{ ...plain, path: "a[1].b" }, "s", '{"a":[0,{"b":"OFF"}]}', ["sw off"], "a path into a list"],
    [{ ...plain, path: "a", stateOn: 1, stateOff: 0 }, "s", '{"a":1.0}', ["sw on"], "numbers by their value"],
    [{ ...plain, path: "a", stateOn: true, stateOff: false }, "s", '{"a":false}', ["sw off"], "booleans"],
    [{ ...plain, path: "a" }, "s", '{"a":', [], "broken JSON"],
    [
      { ...plain, state: [{ topic: "s" }, { topic: "t", path: "POWER" }] },
      "t",
      '{"POWER":"ON"}',
      ["sw on"],
      "several topics, each with its own path",
    ],
    [
      { ...plain, outlets: 2, command: "c{{outlet}}", state: "s{{index}}" },
      "s1",
      "ON",
      ["sw/2 on"],
      "a plain group",
    ],
  ])("%j: %s %s says %j: %s", (options, topic, payload, expected, _title) => {
    const { bus, news } = running(options);
    bus.say(topic, payload);
    expect(news()).toEqual(expected);
  });
});

describe("What is retained is of the past", () => {
  it.each([
    [gen1, "shellies/shelly1-A/relay/0", "on"],
    [gen2, "plus1/status/switch:0", '{"output":true}'],
    [zigbee, "zigbee2mqtt/rack/plug", '{"state":"ON"}'],
    [node, "node/switch/relay/state", "ON"],
    [plain, "s", "ON"],
    [{ ...plain, query: { topic: "q" }, availability: { topic: "a" } }, "s", "ON"],
  ])("so with %j a retained %s %s says nothing", async (options, topic, payload) => {
    const { bus, switcher, news } = running(options);
    bus.keep("a", "online");
    bus.keep("node/status", "online");
    news();
    bus.keep(topic, payload);
    await switcher.ask(notAborted);
    expect(news()).toEqual([]);
    bus.say(topic, payload);
    expect(news()).toEqual(["sw on"]);
  });

  it("but ESPHome's is its last word once it has answered a ping that was sent", async () => {
    const { bus, switcher, news } = running(node);
    bus.keep("node/switch/relay/state", "ON");
    bus.keep("esphome/discover/node", '{"name":"node"}'); // an answer of some earlier day
    await switcher.ask(notAborted);
    expect(news()).toEqual([]);
    expect(bus.published).toContainEqual({ topic: "esphome/ping/node", payload: "" });
    bus.say("esphome/discover/node", '{"name":"node"}');
    expect(news()).toEqual(["sw on"]);
  });

  it("and an answer to somebody else's ping, or to one before the connection was lost, proves nothing", async () => {
    const { bus, switcher, news } = running(node);
    bus.keep("node/switch/relay/state", "ON");
    bus.say("esphome/discover/node", "{}");
    await switcher.ask(notAborted);
    bus.lose();
    bus.connect();
    bus.say("esphome/discover/node", "{}");
    expect(news()).toEqual(["lost", "connected"]);
  });

  it("and once its will has come, a node has to answer again", async () => {
    const { bus, switcher, news } = running(node);
    bus.keep("node/switch/relay/state", "ON");
    await switcher.ask(notAborted);
    bus.say("esphome/discover/node", "{}");
    bus.say("node/status", "offline");
    news();
    bus.keep("node/switch/relay/state", "OFF");
    expect(news()).toEqual([]);
  });

  it("and where nothing can be asked it counts while the availability says online, and only then", async () => {
    const { bus, switcher, news } = running({ ...plain, availability: { topic: "a" } });
    bus.keep("s", "ON");
    await switcher.ask(notAborted);
    expect(news()).toEqual([]);
    bus.keep("a", "online");
    expect(news()).toEqual(["hint true"]);
    await switcher.ask(notAborted);
    expect(news()).toEqual(["sw on"]);
    bus.keep("a", "offline");
    news();
    await switcher.ask(notAborted);
    expect(news()).toEqual([]);
  });

  it("of several availabilities all have to say online", async () => {
    const { bus, switcher, news } = running({
      ...plain,
      availability: [{ topic: "a" }, { topic: "b", path: "state" }],
    });
    bus.keep("s", "OFF");
    bus.keep("a", "online");
    await switcher.ask(notAborted);
    expect(news()).toEqual(["hint true"]);
    bus.keep("b", '{"state":"online"}');
    await switcher.ask(notAborted);
    expect(news()).toEqual(["hint true", "sw off"]);
  });

  it("and a word that is neither takes back that the device is there", async () => {
    const homie = { ...plain, availability: { topic: "a", path: "state", online: "ready", offline: "lost" } };
    const { bus, switcher, news } = running(homie);
    bus.keep("s", "ON");
    bus.keep("a", '{"state":"ready"}');
    bus.say("a", '{"stats":5}');
    await switcher.ask(notAborted);
    expect(news()).toEqual(["hint true", "sw on"]);
    bus.say("a", '{"state":"disconnected"}');
    bus.say("a", '{"state":"sleeping"}');
    await switcher.ask(notAborted);
    expect(news()).toEqual(["hint false"]);
  });

  it("and without the ping (discover_ip: false) so it is with ESPHome", async () => {
    const { bus, switcher, news } = running({ ...node, query: "none" });
    bus.keep("node/status", "online");
    bus.keep("node/switch/relay/state", "ON");
    news();
    await switcher.ask(notAborted);
    expect(news()).toEqual(["sw on"]);
    expect(bus.published).toEqual([]);
  });

  it("and readings are never taken from it", async () => {
    const { bus, switcher, news } = running({
      ...node,
      query: "none",
      power: { topic: "node/sensor/power/state" },
    });
    bus.keep("node/status", "online");
    bus.keep("node/sensor/power/state", "12.5");
    await switcher.ask(notAborted);
    expect(news()).toEqual(["hint true"]);
    bus.say("node/sensor/power/state", "12.5");
    expect(news()).toEqual(["sw 12.5W"]);
  });
});

describe("Availability is a hint", () => {
  it.each([
    [gen1, "shellies/shelly1-A/online", "true", ["hint true"]],
    [gen1, "shellies/shelly1-A/online", "false", ["hint false"]],
    [gen1, "shellies/shelly1-A/online", "perhaps", []],
    [gen2, "plus1/online", "false", ["hint false"]],
    [zigbee, "zigbee2mqtt/rack/plug/availability", '{"state":"offline"}', ["hint false"]],
    [zigbee, "zigbee2mqtt/rack/plug/availability", "online", ["hint true"]],
    [zigbee, "zigbee2mqtt/bridge/state", '{"state":"online"}', ["hint true"]],
    [zigbee, "zigbee2mqtt/bridge/state", "offline", ["hint false"]],
    [node, "node/status", "offline", ["hint false"]],
    [{ ...plain, availability: { topic: "a", online: 1, offline: 0 } }, "a", "0", ["hint false"]],
  ])("%j: %s %s, retained or not", (options, topic, payload, expected) => {
    const { bus, news } = running(options);
    bus.say(topic, payload);
    expect(news()).toEqual(expected);
    bus.keep(topic, payload); // no news
    expect(news()).toEqual([]);
    const other = running(options);
    other.bus.keep(topic, payload);
    expect(other.news()).toEqual(expected);
  });

  it("and a return that was not heard is found in what the broker keeps when the device is asked", async () => {
    const { bus, switcher, news } = running(zigbee);
    bus.keep("zigbee2mqtt/bridge/state", "online");
    bus.say("zigbee2mqtt/bridge/state", "offline");
    expect(news()).toEqual(["hint true", "hint false"]);
    await switcher.ask(notAborted);
    expect(news()).toEqual(["hint true"]);
    await switcher.ask(notAborted);
    expect(news()).toEqual([]);
  });

  it("so a device that speaks is heard although its will says that it is gone", () => {
    const { bus, news } = running(gen1);
    bus.say("shellies/shelly1-A/online", "false");
    bus.say("shellies/shelly1-A/relay/0", "on");
    expect(news()).toEqual(["hint false", "sw on"]);
  });

  it("but what a bridge remembers of a plug that it calls offline says nothing, nor do its readings", () => {
    const { bus, news } = running(zigbee);
    bus.say("zigbee2mqtt/rack/plug/availability", '{"state":"offline"}');
    bus.say("zigbee2mqtt/rack/plug", '{"state":"OFF","power":0,"energy":1}');
    expect(news()).toEqual(["hint false"]);
    bus.say("zigbee2mqtt/rack/plug/availability", '{"state":"online"}');
    bus.say("zigbee2mqtt/rack/plug", '{"state":"OFF","power":0,"energy":1}');
    expect(news()).toEqual(["hint true", "sw off", "sw 0W", "sw 1kWh"]);
  });

  it("and what was said before the connection was lost counts no more", () => {
    const { bus, news } = running(zigbee);
    bus.say("zigbee2mqtt/bridge/state", "offline");
    bus.lose();
    bus.connect();
    bus.say("zigbee2mqtt/rack/plug", '{"state":"OFF"}');
    expect(news()).toEqual(["hint false", "lost", "connected", "sw off"]);
  });
});

describe("Readings are watts and kilowatt-hours", () => {
  it.each([
    [gen1, "shellies/shelly1-A/relay/0/power", "23.45", ["sw 23.45W"]],
    [gen1, "shellies/shelly1-A/relay/0/energy", "90000", ["sw 1.5kWh"]],
    [gen1, "shellies/shelly1-A/relay/0/power", "", []],
    [gen1, "shellies/shelly1-A/relay/0/power", "nan", []],
    [gen1, "shellies/shelly1-A/relay/0/power", "0x10", []],
    [
      gen2,
      "plus1/lastout/sw/0/rpc",
      '{"id":1,"result":{"apower":12.5,"aenergy":{"total":1500}}}',
      ["sw 12.5W", "sw 1.5kWh"],
    ],
    [gen2, "plus1/events/rpc", '{"params":{"switch:0":{"apower":7}}}', ["sw 7W"]],
    [gen2, "plus1/events/rpc", '{"params":{"switch:0":{"apower":null}}}', []],
    [zigbee, "zigbee2mqtt/rack/plug", '{"power":3,"energy":0.5}', ["sw 3W", "sw 0.5kWh"]],
    [{ ...zigbee, outlets: 2 }, "zigbee2mqtt/rack/plug", '{"power_l2":3}', ["sw/2 3W"]],
    [
      {
        ...plain,
        power: { topic: "m", path: "mW", scale: 0.001 },
        energy: { topic: "m", path: "Wh", scale: 0.001 },
      },
      "m",
      '{"mW":2000,"Wh":500}',
      ["sw 2W", "sw 0.5kWh"],
    ],
    [{ ...gen1, power: { topic: "other" } }, "other", "5", ["sw 5W"]],
    [{ ...gen1, power: { topic: "other" } }, "shellies/shelly1-A/relay/0/power", "5", []],
  ])("%j: %s %s says %j", (options, topic, payload, expected) => {
    const { bus, news } = running(options);
    bus.say(topic, payload);
    expect(news()).toEqual(expected);
  });
});

const rpc = (id: number, method: string, params: string): string =>
  `{"id":${id},"src":"plus1/lastout/sw/0","method":"${method}","params":{"id":0${params}}}`;

describe("A device is told and asked on its own topics", () => {
  it.each([
    [
      gen1,
      "sw",
      [
        "shellies/shelly1-A/relay/0/command on",
        "shellies/shelly1-A/command update",
        "shellies/shelly1-A/command update",
      ],
    ],
    [
      gen2,
      "sw",
      [
        `plus1/rpc ${rpc(1, "Switch.Set", ',"on":true')}`,
        `plus1/rpc ${rpc(2, "Switch.GetStatus", "")}`,
        `plus1/rpc ${rpc(3, "Switch.GetStatus", "")}`,
      ],
    ],
    [
      zigbee,
      "sw",
      [
        'zigbee2mqtt/rack/plug/set {"state":"ON"}',
        'zigbee2mqtt/rack/plug/get {"state":""}',
        'zigbee2mqtt/rack/plug/get {"power":""}',
      ],
    ],
    [
      { ...zigbee, outlets: 2 },
      "sw/2",
      [
        'zigbee2mqtt/rack/plug/set {"state_l2":"ON"}',
        'zigbee2mqtt/rack/plug/get {"state_l1":""}',
        'zigbee2mqtt/rack/plug/get {"state_l2":""}',
        'zigbee2mqtt/rack/plug/get {"power_l1":""}',
        'zigbee2mqtt/rack/plug/get {"power_l2":""}',
      ],
    ],
    [
      { ...gen1, outlets: 2 },
      "sw/2",
      [
        "shellies/shelly1-A/relay/1/command on",
        "shellies/shelly1-A/command update",
        "shellies/shelly1-A/command update",
      ],
    ],
    [node, "sw", ["node/switch/relay/command ON", "esphome/ping/node "]],
    [plain, "sw", ["c ON"]],
    [{ ...plain, on: 1, off: 0, query: { topic: "q", payload: "?" } }, "sw", ["c 1", "q ?"]],
    [{ ...plain, query: { topic: "q" }, power: { topic: "m" } }, "sw", ["c ON", "q ", "q "]],
    [
      { ...plain, on: '{"n":{{id}},"of":"{{name}}","on":1}', off: "x", stateOn: 1 },
      "sw",
      ['c {"n":1,"of":"sw","on":1}'],
    ],
  ])("%j", async (options, outlet, expected) => {
    const { bus, switcher } = running(options);
    await switcher.set(outlet, "on", notAborted);
    await switcher.ask(notAborted);
    await switcher.measure(notAborted);
    expect(bus.published.map(({ topic, payload }) => `${topic} ${payload}`)).toEqual(expected);
  });

  it("with a new id for every call", async () => {
    const { bus, switcher } = running(gen2);
    await switcher.ask(notAborted);
    await switcher.set("sw", "off", notAborted);
    await switcher.set("sw", "off", notAborted);
    const ids = bus.published.map(({ payload }) => /"id":(\d+)/.exec(payload)?.[1]);
    expect(new Set(ids).size).toBe(3);
  });

  it("and its own commands, which the broker sends back, say nothing", async () => {
    for (const options of [gen1, gen2, zigbee, node, plain]) {
      const { switcher, news } = running(options);
      await switcher.set("sw", "off", notAborted);
      expect(news()).toEqual([]);
    }
  });

  it("and a retained command is told once in each connection, and left alone", () => {
    const { bus, news } = running(gen1);
    bus.keep("shellies/shelly1-A/relay/0/command", "on");
    bus.keep("shellies/shelly1-A/relay/0/command", "on");
    expect(news()).toEqual(["retained shellies/shelly1-A/relay/0/command"]);
    bus.lose();
    bus.connect();
    expect(news()).toContain("retained shellies/shelly1-A/relay/0/command");
    expect(bus.published).toEqual([]);
  });
});

describe("Where nothing tells the position", () => {
  const blind = { command: "c", assume: "on" };

  it("it is what is assumed, and from the first command on what it was told", async () => {
    const { switcher, news } = running(blind);
    await switcher.ask(notAborted);
    expect(news()).toEqual(["sw on"]);
    await switcher.set("sw", "off", notAborted);
    expect(news()).toEqual(["sw off"]);
    await switcher.ask(notAborted);
    expect(news()).toEqual(["sw off"]);
  });

  it("a command that could not be sent changes nothing", async () => {
    const { bus, switcher, news } = running(blind);
    bus.lose();
    await expect(switcher.set("sw", "off", notAborted)).rejects.toMatchObject({ code: "unreachable" });
    await expect(switcher.ask(notAborted)).rejects.toMatchObject({ code: "unreachable" });
    bus.connect();
    await switcher.ask(notAborted);
    expect(news()).toEqual(["lost", "connected", "sw on"]);
  });

  it("a device that is said to be away has no position, and afterwards the assumed one", async () => {
    const { bus, switcher, news } = running({ ...blind, availability: { topic: "a" } });
    await switcher.set("sw", "off", notAborted);
    bus.say("a", "offline");
    await switcher.ask(notAborted);
    await switcher.set("sw", "off", notAborted);
    expect(news()).toEqual(["sw off", "hint false"]);
    bus.say("a", "online");
    await switcher.ask(notAborted);
    expect(news()).toEqual(["hint true", "sw on"]);
  });

  it("each outlet of a group has its own", async () => {
    const { switcher, news } = running({ command: "c/{{outlet}}", outlets: 2, assume: "off" });
    await switcher.set("sw/2", "on", notAborted);
    news();
    await switcher.ask(notAborted);
    expect(news()).toEqual(["sw/1 off", "sw/2 on"]);
  });
});

/** As it is told before it is made, and by itself. */
const abilities = (options: Readonly<Record<string, unknown>>): string => {
  const parsed = switcherOptions.parse({ type: "mqtt", ...options });
  const { readback, push, meter } = capabilitiesOf(parsed);
  expect(made(options).switcher.capabilities).toEqual({ readback, push, meter });
  return `${readback}${push ? " push" : ""}${meter ? " meter" : ""}`;
};

it("What a switcher can do follows from its options", () => {
  expect(abilities(gen1)).toBe("hardware push meter");
  expect(abilities(gen2)).toBe("hardware push meter");
  expect(abilities(zigbee)).toBe("inferred push meter");
  expect(abilities(node)).toBe("inferred push");
  expect(abilities({ ...node, power: { topic: "p" } })).toBe("inferred push meter");
  expect(abilities({ ...node, energy: { topic: "p" } })).toBe("inferred push");
  expect(abilities(plain)).toBe("inferred push");
  expect(abilities({ command: "c", assume: "off" })).toBe("assumed");
});
