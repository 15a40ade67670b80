// What `lastout discover` makes of what devices say of themselves, honest ones and others, without a broker. How it listens and asks is in
// discover-listening.test.ts.

import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { pathOf } from "../../src/cli/discover/home-assistant.ts";
import { mqttLines } from "../../src/cli/discover/acceptance.ts";
import { printed } from "../../src/cli/discover/print.ts";
import { questionsFor } from "../../src/cli/discover/tasmota-settings.ts";
import { clientOptions, readArguments } from "../../src/cli/arguments.ts";
import { acceptedBy } from "./discover-accepted.ts";
import {
  checkedText,
  esphome,
  findingsOf,
  type Said,
  setting,
  tasmota,
  tasmotaConfig,
  zigbeeDevice,
  zigbeeMuteSwitch,
  zigbeeSwitch,
} from "./discover-lab.ts";

// Thousands of devices are checked, and the machine may be busy.
vi.setConfig({ testTimeout: 60_000 });

const answersOf = (topic: string, fields: { readonly [command: string]: object }): readonly Said[] =>
  Object.entries(fields).map(([last, payload]) => ({
    topic: `stat/${topic}/${last}`,
    payload,
    retain: false,
  }));

const quietSettings = (topic: string): readonly Said[] =>
  answersOf(topic, {
    STATUS: { Status: { PowerOnState: 3, PowerRetain: 0, ButtonRetain: 0, SwitchRetain: 0 } },
    STATUS3: { StatusLOG: { TelePeriod: 60 } },
    RESULT: { SetOption21: "ON" },
  });

describe("A whole lab", () => {
  test("becomes a configuration that a person can go on with", async () => {
    const said: readonly Said[] = [
      ...tasmota({ fn: ["Build server", null] }, true),
      ...tasmota({
        mac: "C4DD57000002",
        t: "strip1",
        md: "Sonoff 4CHPROR3",
        dn: "Rack strip",
        fn: ["Switch", "Router", null, "Build server"],
        rl: [1, 1, 1, 1],
        hn: "strip1-99",
        ft: "hall2/%hostname%/%prefix%/",
        tp: ["cmd", "stat", "tele"],
      }),
      ...tasmota({ mac: "C4DD57000003", t: "board1", rl: [2, 1, 0, 1] }),
      ...tasmota({ mac: "C4DD57000004", t: "blinds", rl: [3, 3] }),
      ...tasmota({ mac: "C4DD57000005", t: "lamp", rl: [2] }),
      ...tasmota({ mac: "C4DD57000006", t: "thermometer", rl: [0] }),
      ...tasmota({ mac: "C4DD57000007", t: "plug1", ip: "192.0.2.99" }),
      {
        topic: "zigbee2mqtt/bridge/devices",
        payload: [
          { ieee_address: "0x00", type: "Coordinator", friendly_name: "Coordinator", definition: null },
          zigbeeDevice("office/amplifier", zigbeeSwitch()),
          zigbeeDevice("double", zigbeeSwitch("l1", "l2")),
          zigbeeDevice("sides", zigbeeSwitch("left", "right")),
          zigbeeDevice("mute", zigbeeMuteSwitch),
          zigbeeDevice("bulb", [{ type: "light", features: [] }]),
          zigbeeDevice("unplugged", zigbeeSwitch(), { disabled: true }),
          zigbeeDevice("thermometer", [{ type: "numeric", property: "temperature", access: 1 }]),
        ],
      },
      esphome("relay-board", "amplifier"),
      {
        topic: "homeassistant/switch/0x000b57fffec6a5b2/switch/config",
        payload: { cmd_t: "zigbee2mqtt/office/amplifier/set", stat_t: "zigbee2mqtt/office/amplifier" },
      },
      {
        topic: "homeassistant/switch/pump/config",
        payload: {
          "~": "garden/pump",
          name: "Pump",
          cmd_t: "~/set",
          stat_t: "~/state",
          val_tpl: "{{ value_json.relays[0].state }}",
          pl_on: '{"on":true}',
          pl_off: '{"on":false}',
          stat_on: "running",
          stat_off: "stopped",
          ret: true,
          avty: [{ t: "~/alive", pl_avail: "yes", pl_not_avail: "no" }],
        },
      },
      {
        topic: "homeassistant/switch/secret/config",
        payload: {
          name: "Formula",
          cmd_t: "f/set",
          stat_t: "f",
          val_tpl: "{{ 'ON' if value == '7' else 'OFF' }}",
        },
      },
      { topic: "shellies/shellyplug-s-B1E31E/relay/0", payload: "off", retain: false },
      {
        topic: "shellies/announce",
        payload: {
          id: "shellyplug-s-B1E31E",
          model: "SHPLG-S",
          ip: "192.0.2.30",
          fw_ver: "20230913-114008/v1.14.0",
        },
        retain: false,
      },
      {
        topic: "shellypro2-a8032abe54dc/events/rpc",
        payload: {
          src: "x",
          method: "NotifyStatus",
          params: { "switch:0": { id: 0 }, "switch:1": { id: 1 } },
        },
        retain: false,
      },
      { topic: "cmnd/board1/POWER2", payload: "OFF" },
      { topic: "cmnd/tasmotas/POWER0", payload: "ON" },
      { topic: "cmnd/board1/MqttPassword", payload: "engage" },
    ];
    const answers = [
      ...answersOf("plug1", {
        STATUS: { Status: { PowerOnState: 1, PowerRetain: 1, ButtonRetain: 0, SwitchRetain: 0 } },
        STATUS3: { StatusLOG: { TelePeriod: 300 } },
        RESULT: { SetOption21: "OFF" },
      }),
      ...quietSettings("board1"),
      { topic: "hall2/strip1-99/tele/LWT", payload: "Offline" },
    ];
    const text = checkedText(findingsOf(said, answers, true));
    await expect(text).toMatchFileSnapshot("discover-lab.txt");
    expect(text).not.toContain("engage");
  });

  test("comes out the same in whatever order it is heard", () => {
    const said = [
      ...tasmota({}),
      ...tasmota({ mac: "C4DD57000002", t: "aaa" }),
      { topic: "zigbee2mqtt/bridge/devices", payload: [zigbeeDevice("plug", zigbeeSwitch())] },
      esphome("node", "relay"),
    ];
    expect(checkedText(findingsOf(said.toReversed()))).toBe(checkedText(findingsOf(said)));
  });
});

const codesIn = (said: readonly Said[], answers: readonly Said[], ask: boolean): readonly string[] =>
  findingsOf(said, answers, ask).switchers.flatMap(({ cautions }) => cautions.map(({ code }) => code));

/** Of a device that was asked. */
const codes = (answers: readonly Said[], meter = true): readonly string[] =>
  codesIn(tasmota({}, meter), answers, true);

describe("A Tasmota device", () => {
  test("is asked only what reads: Status and SetOption21 without a value, never POWER, Backlog or TelePeriod", () => {
    expect(questionsFor(true)).toEqual([
      { command: "STATUS", payload: "" },
      { command: "STATUS", payload: "3" },
      { command: "SETOPTION21", payload: "" },
    ]);
    expect(questionsFor(false)).toHaveLength(2);
  });

  test("with the settings that the documentation recommends has no warning", () => {
    expect(codes(quietSettings("plug1"))).toEqual([]);
  });

  test.each([
    [0, []],
    [1, ["PowerOnState"]],
    [2, ["PowerOnState"]],
    [3, []],
    [4, ["PowerOnState"]],
    [5, ["PowerOnState"]],
  ])("with PowerOnState %i is warned of by %j", (state, expected) => {
    const answer = answersOf("plug1", { STATUS: { Status: { PowerOnState: state } } });
    expect(codes([...quietSettings("plug1"), ...answer])).toEqual(expected);
  });

  test.each([
    [0, ["TelePeriod"]],
    [10, []],
    [60, []],
    [61, ["TelePeriod"]],
  ])("with TelePeriod %i is warned of by %j", (period, expected) => {
    const answer = answersOf("plug1", { STATUS3: { StatusLOG: { TelePeriod: period } } });
    expect(codes([...quietSettings("plug1"), ...answer])).toEqual(expected);
  });

  test("without SetOption21 is warned of where it has a meter, and only there", () => {
    const answer = answersOf("plug1", { RESULT: { SetOption21: "OFF" } });
    expect(codes([...quietSettings("plug1"), ...answer])).toEqual(["SetOption21"]);
    expect(codes([...quietSettings("plug1"), ...answer], false)).toEqual([]);
  });

  test("that does not answer may be gone; a retained answer is none", () => {
    expect(codes([])).toEqual(["no-answer"]);
    const past = quietSettings("plug1").map(({ topic, payload }) => ({ topic, payload, retain: true }));
    expect(codes(past)).toEqual(["no-answer"]);
  });

  test("that was not asked is warned of only when its last will says that it is offline", () => {
    const will = { topic: "tele/plug1/LWT", payload: "Offline" };
    expect(codesIn(tasmota({}), [], false)).toEqual([]);
    expect(codesIn(tasmota({}), [will], false)).toEqual(["offline"]);
    expect(codesIn(tasmota({}), [{ ...will, payload: "Online" }], false)).toEqual([]);
  });

  test("that publishes an empty discovery message is gone", () => {
    const [config] = tasmota({});
    const gone = { topic: config?.topic ?? "", payload: "" };
    expect(findingsOf([...tasmota({}), gone]).switchers).toEqual([]);
  });

  test.each([
    ["%prefix%/%topic%/", undefined],
    ["%topic%/%prefix%/", "%topic%/%prefix%/"],
    ["lab/%id%/%prefix%/", "lab/C4DD57000001/%prefix%/"],
    ["%hostname%/%prefix%/%topic%", "plug1-4711/%prefix%/%topic%"],
  ])("with the template %s gets the fullTopic %s", (ft, fullTopic) => {
    const { switchers } = findingsOf(tasmota({ ft }));
    expect(switchers[0]?.options["fullTopic"]).toBe(fullTopic);
  });

  test("known to Home Assistant only is left out with the cure", () => {
    const { switchers, leftOut } = findingsOf([
      {
        topic: "homeassistant/switch/4711_RL_1/config",
        payload: {
          name: "Plug",
          cmd_t: "cmnd/plug9/POWER1",
          stat_t: "tele/plug9/STATE",
          val_tpl: "{{value_json.POWER1}}",
        },
      },
    ]);
    expect(switchers).toEqual([]);
    expect(leftOut[0]?.reason).toContain("SetOption19 0");
  });
});

describe("Names", () => {
  test.each([
    ["Plug One", "plug-one"],
    ["tasmota_C4DD57", "tasmota_c4dd57"],
    ["hall/2/plug", "hall-2-plug"],
    ["Büro", "buro"],
    ["-x-", "x"],
    ["東京", "tasmota"],
    ["controller", "controller-2"],
    ["on", "on"],
    ["x".repeat(90), "x".repeat(48)],
  ])("made from the topic %j: %j", (t, name) => {
    const findings = findingsOf(tasmota({ t }));
    expect(findings.switchers.map((one) => one.name)).toEqual([name]);
    checkedText(findings);
  });

  test("are each its own, also where topics differ only in case", () => {
    const findings = findingsOf([
      ...tasmota({ t: "plug" }),
      ...tasmota({ mac: "C4DD57000002", t: "Plug" }),
      ...tasmota({ mac: "C4DD57000003", t: "PLUG" }),
    ]);
    expect(findings.switchers.map(({ name }) => name)).toEqual(["plug", "plug-2", "plug-3"]);
    checkedText(findings);
  });

  test("of resources are those that people gave the outlets, and unlike each other", () => {
    const config = acceptedBy(
      printed(
        findingsOf(tasmota({ rl: [1, 1, 1], fn: ["Reply", "Monitor", "Monitor"], t: "strip" })),
        setting,
      ),
    );
    expect([...config.settings.resources.keys()]).toEqual(["reply-2", "monitor", "monitor-2"]);
  });
});

describe("The same thing twice", () => {
  test("Two devices with one topic are one switcher, with a warning, and the other is left out", () => {
    const findings = findingsOf([...tasmota({}), ...tasmota({ mac: "C4DD57000002" })]);
    expect(findings.switchers.map(({ cautions }) => cautions.map(({ code }) => code))).toEqual([
      ["named-twice"],
    ]);
    expect(findings.leftOut).toHaveLength(1);
    checkedText(findings);
  });

  test("An outlet's name on two outlets is warned of", () => {
    const findings = findingsOf([
      ...tasmota({ fn: ["Oven"] }),
      ...tasmota({ mac: "C4DD57000002", t: "plug2", fn: ["Oven"] }),
    ]);
    expect(findings.switchers[1]?.cautions[0]?.message).toBe("an outlet of 'plug1' is called 'Oven', too");
  });

  test("What a device also announces to Home Assistant is not told again", () => {
    const findings = findingsOf([
      ...tasmota({}),
      {
        topic: "homeassistant/switch/a/config",
        payload: { cmd_t: "cmnd/plug1/POWER", stat_t: "stat/plug1/POWER" },
      },
      { topic: "zigbee2mqtt/bridge/devices", payload: [zigbeeDevice("plug", zigbeeSwitch("l1", "l2"))] },
      {
        topic: "homeassistant/switch/b/config",
        payload: { cmd_t: "zigbee2mqtt/plug/l1/set", stat_t: "zigbee2mqtt/plug" },
      },
    ]);
    expect(findings.switchers.map(({ family }) => family)).toEqual(["tasmota", "zigbee2mqtt"]);
    expect(findings.leftOut).toEqual([]);
  });

  test("Our own switches for Home Assistant are no sockets", () => {
    const own = { command_topic: "lastout/build1/override", state_topic: "lastout/build1/state" };
    const findings = findingsOf([
      { topic: "homeassistant/switch/own/config", payload: own },
      {
        topic: "homeassistant/device/own/config",
        payload: { components: { hold: { platform: "switch", ...own } } },
      },
    ]);
    expect([findings.switchers, findings.leftOut]).toEqual([[], []]);
  });
});

describe("Announcements to Home Assistant", () => {
  test("for a whole device are read, the shared defaults included, and only its switches are taken", () => {
    const findings = findingsOf([
      {
        topic: "homeassistant/device/box/config",
        payload: {
          dev: { ids: "box", name: "Box" },
          o: { name: "firmware" },
          state_topic: "box/state",
          cmps: {
            a: {
              p: "switch",
              name: "A",
              cmd_t: "box/a/set",
              val_tpl: "{{ value_json['a b'] }}",
              uniq_id: "a",
            },
            b: { p: "sensor", uniq_id: "b" },
            c: { p: "switch", name: "C", cmd_t: "box/c/set", stat_t: "box/c", uniq_id: "c" },
          },
        },
      },
    ]);
    expect(findings.switchers.map(({ name, options }) => [name, options])).toEqual([
      [
        "box-a",
        { type: "mqtt", command: "box/a/set", on: "ON", off: "OFF", state: "box/state", path: '"a b"' },
      ],
      ["box-c", { type: "mqtt", command: "box/c/set", on: "ON", off: "OFF", state: "box/c" }],
    ]);
    checkedText(findings);
  });

  test("by ESPHome become its preset, with the prefix where it is another", () => {
    const findings = findingsOf([esphome("node", "relay"), esphome("other", "relay_2", "lab/other")]);
    expect(findings.switchers.map(({ options }) => options)).toEqual([
      { type: "mqtt", preset: "esphome", device: "node", channel: "relay" },
      { type: "mqtt", preset: "esphome", device: "other", base: "lab/other", channel: "relay_2" },
    ]);
    checkedText(findings);
  });

  test.each([
    ["no command topic", { stat_t: "x" }, "command topic"],
    ["no state topic", { cmd_t: "x/set" }, "does not tell its position"],
    ["a command template", { cmd_t: "x/set", stat_t: "x", cmd_tpl: "{{ value }}" }, "template"],
    ["a wildcard", { cmd_t: "+/set", stat_t: "x" }, "wildcard"],
    ["the same topic for both", { cmd_t: "x", stat_t: "x" }, "taken for the device's word"],
    [
      "the same word for on and off",
      { cmd_t: "x/set", stat_t: "x", pl_on: "1", pl_off: "1" },
      "could not tell them apart",
    ],
  ])("with %s are left out, and why is told", (_, payload, reason) => {
    const { switchers, leftOut } = findingsOf([{ topic: "homeassistant/switch/x/config", payload }]);
    expect(switchers).toEqual([]);
    expect(leftOut[0]?.reason).toContain(reason);
  });

  test.each([
    ["{{ value_json.state }}", "state"],
    ["{{value_json.a.b}}", "a.b"],
    ["{{ value_json['switch:0'].output }}", '"switch:0".output'],
    ['{{ value_json["a"][2].b }}', '"a"[2].b'],
    ["{{ value }}", ""],
    ["{{ value_json }}", undefined],
    ["{{ value_json.state | upper }}", undefined],
    ["{{ value.x }}", undefined],
    ["on", undefined],
    [7, undefined],
  ])("with the template %j have the path %j", (template, path) => {
    expect(pathOf(template)).toBe(path);
  });
});

describe("Retained commands", () => {
  test("are told at their device with how to clear them, and elsewhere when no device takes them", () => {
    const { switchers, strays } = findingsOf([
      ...tasmota({}),
      { topic: "cmnd/plug1/POWER", payload: "ON" },
      { topic: "cmnd/plug1/POWER1", payload: "ON", retain: false },
      { topic: "cmnd/gone/POWER", payload: "OFF" },
    ]);
    expect(switchers[0]?.cautions.map(({ message }) => message)).toEqual([
      "a retained command stands on cmnd/plug1/POWER (ON): the device carries it out at every connection; clear it: " +
        "mosquitto_pub -r -n -t cmnd/plug1/POWER",
    ]);
    expect(strays).toEqual([{ topic: "cmnd/gone/POWER", payload: "OFF" }]);
  });

  test("on a topic that would mean something to a shell are not put into a command", () => {
    const { strays } = findingsOf([...tasmota({}), { topic: "cmnd/x'; reboot #/POWER", payload: "ON" }]);
    expect(strays).toHaveLength(1);
    const text = checkedText(
      findingsOf([...tasmota({}), { topic: "cmnd/x'; reboot #/POWER", payload: "ON" }]),
    );
    expect(text.replaceAll("\n#  ", "")).toContain("clear it by an empty retained message");
    expect(text).not.toContain("mosquitto_pub");
  });

  test("on the topics of other families are told, too", () => {
    const { switchers } = findingsOf(
      [{ topic: "zigbee2mqtt/bridge/devices", payload: [zigbeeDevice("plug", zigbeeSwitch())] }],
      [{ topic: "zigbee2mqtt/plug/set", payload: '{"state":"ON"}' }],
    );
    expect(switchers[0]?.cautions.map(({ code }) => code)).toEqual(["retained-command"]);
  });

  test("whose payload may be a secret are told without it", () => {
    const { strays } = findingsOf([{ topic: "cmnd/x/Password1", payload: "engage" }]);
    expect(strays).toEqual([{ topic: "cmnd/x/Password1", payload: undefined }]);
  });
});

describe("Hostile devices", () => {
  test.each([
    ["a line break and a key", "x\nbroker: { listen: 0.0.0.0:1883 }"],
    ["quotes", `a"b'c\\`],
    ["a comment's end", "x # y"],
    ["marks of YAML", "!!js/function & * - ? | > % @ `"],
    ["a line separator", "a\u2028b\u0085c"],
    ["direction marks", "a\u202Eb"],
    ["an escape sequence", "\u001B[2J"],
    ["half a pair", "a\uD800b"],
    ["a very long text", "y".repeat(10_000)],
  ])("with names that have %s add nothing but a name to the configuration", (_, name) => {
    const findings = findingsOf([
      ...tasmota({ dn: name, fn: [name], md: name, sw: name, ip: name }),
      {
        topic: "zigbee2mqtt/bridge/devices",
        payload: [zigbeeDevice(name, zigbeeSwitch(), { ieee_address: name })],
      },
      { topic: "homeassistant/switch/x/config", payload: { name, cmd_t: "x/set", stat_t: "x", pl_on: name } },
    ]);
    const text = checkedText(findings);
    expect(text).not.toMatch(/^broker:/m);
    expect(text).not.toMatch(/[^\n\P{C}]/u);
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThan(1200);
  });

  test.each([
    ["${file:/etc/shadow}"],
    ["${HOME}"],
    ["$${HOME}"],
    ["a$\u{E0F1}HOME\u{E0F2}"],
    ["{{id}}"],
    ["~"],
    ["null"],
    ["1e3"],
    ["a: b"],
  ])("cannot have anything put in their place by the topic %j", (topic) => {
    const said = {
      topic: "homeassistant/switch/x/config",
      payload: { cmd_t: `${topic}/set`, stat_t: topic },
    };
    const findings = findingsOf([
      ...tasmota({ t: topic }),
      said,
      ...tasmota({ mac: "C4DD57000002", t: "good" }),
    ]);
    const config = acceptedBy(printed(findings, setting));
    for (const { options } of config.switchers.values()) {
      if (options.type === "tasmota") {
        expect([topic, "good"]).toContain(options.topic);
      } else if (options.type === "mqtt") {
        expect(options.state).toBe(topic);
      }
    }
    expect(findings.switchers.map(({ name }) => name)).toContain("good");
  });

  test.each([
    ["wildcards", { t: "+" }],
    ["the wildcard of all", { t: "plug/#" }],
    ["our own base topic", { ft: "lastout/%prefix%/%topic%/" }],
    ["one prefix for all", { tp: ["x", "x", "x"] }],
    ["an unknown token", { ft: "%prefix%/%hello%/" }],
    ["no topic", { t: undefined }],
    ["numbers for texts", { t: 7, ft: 8 }],
    ["too few prefixes", { tp: ["cmnd"] }],
    ["a template that is too long", { ft: `%prefix%/${"x".repeat(200)}/` }],
  ])("with %s are left out with a reason", (_, fields) => {
    const { switchers, leftOut } = findingsOf([
      ...tasmota(fields),
      ...tasmota({ mac: "C4DD57000002", t: "good" }),
    ]);
    expect(switchers.map(({ name }) => name)).toEqual(["good"]);
    expect(leftOut).toHaveLength(1);
    expect(leftOut[0]?.reason).toMatch(/\w/);
  });

  test.each([
    ["no JSON", "{"],
    ["a list", "[]"],
    ["no UTF-8", new Uint8Array([0xff, 0xfe])],
    ["more than any device says", `{"x":"${"y".repeat(70_000)}"}`],
    ["nested without end", "[".repeat(60_000)],
  ])("that send %s are counted and left out", (_, payload) => {
    const { switchers, notes } = findingsOf([
      { topic: "tasmota/discovery/C4DD57000009/config", payload },
      ...tasmota({}),
    ]);
    expect(switchers.map(({ name }) => name)).toEqual(["plug1"]);
    expect(notes[0]).toContain("1 discovery message was left out");
  });

  test("by the thousand are bounded, and that is said", () => {
    const many = Array.from({ length: 1010 }, (_, index) =>
      tasmota({ mac: index.toString(16).toUpperCase().padStart(12, "0"), t: `plug${index}` }),
    ).flat();
    const { switchers, notes } = findingsOf(many);
    expect(switchers).toHaveLength(1000);
    expect(notes[0]).toContain("20 discovery messages were left out");
  });

  test("cannot make anything be printed that the check refuses, whatever they send", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "cmnd",
        "plug",
        "%prefix%/%topic%/",
        "%topic%",
        "${X}",
        "a/b",
        "~",
        "lastout",
        "tasmota",
        "x\ny: z",
      ),
    );
    const value = fc.oneof(
      text,
      fc.jsonValue(),
      fc.array(fc.oneof(text, fc.integer({ min: -1, max: 4 })), { maxLength: 9 }),
    );
    const fields = fc.dictionary(
      fc.constantFrom("t", "ft", "tp", "rl", "fn", "dn", "hn", "if", "state", "md"),
      value,
    );
    const announcement = fc.dictionary(
      fc.constantFrom(
        "~",
        "cmd_t",
        "stat_t",
        "pl_on",
        "pl_off",
        "val_tpl",
        "stat_on",
        "avty_t",
        "avty",
        "name",
        "dev",
      ),
      value,
    );
    const device = fc.record({
      friendly_name: value,
      gangs: fc.array(text, { maxLength: 3 }),
      disabled: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(fields, { maxLength: 4 }),
        fc.array(announcement, { maxLength: 4 }),
        fc.array(device),
        (configs, announcements, devices) => {
          const findings = findingsOf([
            ...configs.flatMap((one, index) => tasmota({ ...one, mac: `C4DD5700000${index}` })),
            ...announcements.map((payload, index) => ({
              topic: `homeassistant/switch/n/o${index}/config`,
              payload,
            })),
            {
              topic: "zigbee2mqtt/bridge/devices",
              payload: devices.map(({ friendly_name, gangs, disabled }) =>
                zigbeeDevice("", zigbeeSwitch(...gangs), { friendly_name, disabled }),
              ),
            },
            { topic: "tasmota/discovery/C4DD5700000F/config", payload: tasmotaConfig({ t: "always-there" }) },
          ]);
          checkedText(findings);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("The section mqtt", () => {
  const settings = {
    url: "mqtts://hub.lab",
    username: "lastout",
    password: "engage",
    base: "lab/lastout",
    ca: "PEM",
    cert: undefined,
    key: undefined,
  };
  const lines = (words: readonly string[], env: Readonly<Record<string, string>>): string =>
    mqttLines(settings, readArguments(words, clientOptions), env)
      .map(({ text, active }) => `${active ? "" : "#"}${text}`)
      .join("\n");

  test("names where the password comes from, and never the password", () => {
    const common = "url: mqtts://hub.lab\nbase: lab/lastout\nusername: lastout\n";
    expect(lines(["--password-file", "/etc/lastout/pw"], { LASTOUT_CA: "/etc/ssl/lab.pem" })).toBe(
      `${common}password: \${file:/etc/lastout/pw}\nca: "/etc/ssl/lab.pem"`,
    );
    expect(lines([], { LASTOUT_PASSWORD: "engage" })).toContain("\npassword: ${LASTOUT_PASSWORD}\n");
    expect(lines([], {})).toContain("\n#password: ${file:/etc/lastout/mqtt-password}");
    expect(lines([], {})).not.toContain("engage");
  });
});
