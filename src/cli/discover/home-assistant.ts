// Switches that devices announce to Home Assistant (homeassistant/switch/..., homeassistant/device/...): what of it a generic MQTT
// switcher can do as well. Source: Home Assistant documentation, "MQTT" (discovery, abbreviations) and "MQTT Switch".

import type { Family, Found, LeftOut, Told } from "./findings.ts";
import { field, isJson, type Json, list, textOf } from "./json.ts";
import { genericOptions, presetOf } from "./mqtt-options.ts";

/** A switch as announced, abbreviations and defaults resolved. */
export interface Announced {
  readonly command: string;
  readonly on: string;
  readonly off: string;
  readonly state: string;
  readonly stateOn: string;
  readonly stateOff: string;
  /** Into the JSON of the state topic; `undefined`: the payload as it is. */
  readonly path: string | undefined;
  readonly availability: readonly Availability[];
}

interface Availability {
  readonly topic: string;
  readonly online: string;
  readonly offline: string;
  readonly path: string | undefined;
}

const mostComponents = 64;

/** @param topic `homeassistant/switch/[NODE/]OBJECT/config` or `homeassistant/device/OBJECT/config` */
export function homeAssistantTold(topic: string, config: unknown, ownBase: string): Told {
  const [, component, ...rest] = topic.split("/");
  const object = rest.at(-2) ?? "switch";
  const node = rest.length === 3 ? rest[0] : undefined;
  if (!isJson(config) || rest.at(-1) !== "config") {
    return { found: [], leftOut: [] };
  }
  const configs =
    component === "device"
      ? Object.values(recordOf(field(expanded(config), "components")))
          .slice(0, mostComponents)
          .map((part) => expanded(recordOf(part)))
          .filter((part) => field(part, "platform") === "switch")
          .map((part) => Object.assign(expanded(config), part))
      : [expanded(config)];
  const told = configs.map((one) => switchTold({ object, node }, one, ownBase));
  return { found: told.flatMap(({ found }) => found), leftOut: told.flatMap(({ leftOut }) => leftOut) };
}

/** By abbreviation; of the hundreds that there are, those that matter here. */
const longNames: Readonly<Record<string, string>> = {
  dev: "device",
  mf: "manufacturer",
  mdl: "model",
  sw: "sw_version",
  cmps: "components",
  p: "platform",
  ret: "retain",
  opt: "optimistic",
  cmd_t: "command_topic",
  cmd_tpl: "command_template",
  stat_t: "state_topic",
  val_tpl: "value_template",
  pl_on: "payload_on",
  pl_off: "payload_off",
  stat_on: "state_on",
  stat_off: "state_off",
  avty: "availability",
  avty_t: "availability_topic",
  avty_tpl: "availability_template",
  pl_avail: "payload_available",
  pl_not_avail: "payload_not_available",
  t: "topic",
};

const long = (key: string): string => (Object.hasOwn(longNames, key) ? (longNames[key] ?? key) : key);

/** A copy with long names; a long name that is there wins. */
function expanded(config: Json): Record<string, unknown> {
  const entries = Object.entries(config);
  return Object.fromEntries([
    ...entries.map(([key, value]) => [long(key), value] as const),
    ...entries.filter(([key]) => long(key) === key),
  ]);
}

interface Place {
  readonly object: string;
  readonly node: string | undefined;
}

function switchTold({ object, node }: Place, config: Json, ownBase: string): Told {
  const device = expanded(recordOf(field(config, "device")));
  const own = textOf(field(config, "name"));
  const deviceName = textOf(field(device, "name"));
  const called = [deviceName, own].filter((word) => word !== undefined).join(" ") || object;
  const announced = announcedBy(config);
  if (typeof announced === "string") {
    return left(called, announced);
  }
  if (announced.command.startsWith(`${ownBase}/`)) {
    return { found: [], leftOut: [] }; // Our own, or another controller's: a token, not a switch.
  }
  if (/(^|\/)POWER\d*$/i.test(announced.command)) {
    return left(
      called,
      "a Tasmota device that announces itself to Home Assistant only: set SetOption19 0 in its console",
      "tasmota",
      [announced.command],
    );
  }
  const known = presetOf(announced, node);
  return {
    found: [
      {
        family: known?.family ?? "mqtt",
        wish: called,
        label: called === object ? undefined : called,
        facts: [
          [textOf(field(device, "manufacturer")), textOf(field(device, "model"))]
            .filter((word) => word !== undefined)
            .join(" ") || "a device without a model",
          ...[textOf(field(device, "sw_version"))].filter((word) => word !== undefined),
          "as announced to Home Assistant",
        ],
        options: known?.options ?? genericOptions(announced),
        outlets: [called === object ? undefined : called],
        relays: [relayOf(announced)],
        commandTopics: [announced.command],
        cautions: [
          ...(field(config, "retain") === true
            ? [
                {
                  code: "retains" as const,
                  message:
                    "Home Assistant is told to publish its commands retained: the device carries the last one out at every connection. Change that " +
                    "in the device's settings",
                },
              ]
            : []),
          ...(field(config, "optimistic") === true
            ? [
                {
                  code: "optimistic" as const,
                  message:
                    "it is announced as optimistic: what it says of its position may be what it was told, and not what is so",
                },
              ]
            : []),
        ],
        cures: [],
      },
    ],
    leftOut: [],
  };
}

const left = (
  called: string,
  reason: string,
  family: Family = "mqtt",
  commandTopics: readonly string[] = [],
): { found: readonly Found[]; leftOut: readonly LeftOut[] } => ({
  found: [],
  leftOut: [{ family, called, reason, commandTopics }],
});

/** Two switches on one topic differ in what they are told there. */
const relayOf = ({ command, on }: Announced): string => `${command} ${on}`;

const word = (value: unknown, otherwise: string): string => {
  const given = typeof value === "boolean" || typeof value === "number" ? String(value) : value;
  return textOf(given, 1024) ?? otherwise;
};

/** @returns why it cannot be switched by lastout, as a text */
function announcedBy(config: Json): Announced | string {
  const base = textOf(field(config, "~"));
  /** `~` stands for the base at either end of a topic. */
  const topicAt = (value: unknown): string | undefined => {
    const text = textOf(value);
    return base === undefined ? text : text?.replace(/^~/, () => base).replace(/~$/, () => base);
  };
  const command = topicAt(field(config, "command_topic"));
  if (command === undefined) {
    return "it is announced without a command topic";
  }
  if (field(config, "command_template") !== undefined) {
    return "its commands are made from a template of Home Assistant; write its payloads by hand";
  }
  const state = topicAt(field(config, "state_topic"));
  if (state === undefined) {
    return "it does not tell its position (no state topic), so that nothing would ever be confirmed";
  }
  const template = field(config, "value_template");
  const path = template === undefined ? undefined : pathOf(template);
  if (template !== undefined && path === undefined) {
    return "its position stands in a template of Home Assistant that cannot be read here; write its state, path and payloads by hand";
  }
  const on = word(field(config, "payload_on"), "ON");
  const off = word(field(config, "payload_off"), "OFF");
  return {
    command,
    on,
    off,
    state,
    stateOn: word(field(config, "state_on"), on),
    stateOff: word(field(config, "state_off"), off),
    path: path === "" ? undefined : path,
    availability: availabilityOf(config, topicAt),
  };
}

/**
 * All of them, or none: what is kept of a state is believed while every one says online, so a part of them would say too much. None, too,
 * where one of several is enough (`availability_mode: any`, and `latest`, Home Assistant's default), or a template cannot be read.
 */
function availabilityOf(
  config: Json,
  topicAt: (value: unknown) => string | undefined,
): readonly Availability[] {
  const given = field(config, "availability");
  const several = isJson(given) ? [given] : list(given);
  if (several.length === 0) {
    const template = field(config, "availability_template");
    return whole([availabilityFrom(config, topicAt(field(config, "availability_topic")), template)]);
  }
  if (several.length > 1 && field(config, "availability_mode") !== "all") {
    return [];
  }
  return whole(
    several.map((one) => {
      const from = isJson(one) ? expanded(one) : {};
      return availabilityFrom(from, topicAt(field(from, "topic")), field(from, "value_template"));
    }),
  );
}

const whole = (all: readonly (Availability | undefined)[]): readonly Availability[] => {
  const known = all.flatMap((one) => one ?? []);
  return known.length === all.length && all.length <= mostAvailabilities ? known : [];
};

/** What `availability` of the switcher mqtt takes. */
const mostAvailabilities = 8;

function availabilityFrom(
  from: Json,
  topic: string | undefined,
  template: unknown,
): Availability | undefined {
  const path = template === undefined ? "" : pathOf(template);
  if (topic === undefined || path === undefined) {
    return undefined;
  }
  return {
    topic,
    online: textOf(field(from, "payload_available")) ?? "online",
    offline: textOf(field(from, "payload_not_available")) ?? "offline",
    path: path === "" ? undefined : path,
  };
}

/**
 * The path of a template that does nothing but pick a value: `{{ value_json.state }}`, `{{ value_json['switch:0'].output }}`;
 * empty for `{{ value }}`, `undefined` for all others.
 */
export function pathOf(template: unknown): string | undefined {
  const inner =
    /^\s*\{\{-?\s*value(_json)?((?:\.\w+|\[\s*(?:'[^'"\\]*'|"[^'"\\]*"|\d+)\s*\])*)\s*-?\}\}\s*$/.exec(
      textOf(template, 512) ?? "",
    );
  if (inner === null) {
    return undefined;
  }
  const [, json, steps = ""] = inner;
  if (json === undefined) {
    return steps === "" ? "" : undefined;
  }
  const path = [...steps.matchAll(/\.(\w+)|\[\s*(?:'([^']*)'|"([^"]*)"|(\d+))\s*\]/g)].map(
    ([, plain, single, double, index]) =>
      index === undefined ? `.${plain ?? `"${single ?? double ?? ""}"`}` : `[${index}]`,
  );
  return path.length === 0 ? undefined : path.join("").replace(/^\./, "");
}

const recordOf = (value: unknown): Json => (isJson(value) ? value : {});
