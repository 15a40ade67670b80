// What a Tasmota device tells of itself in its discovery messages: which of its relays lastout can switch, and under which options.
// Source: Tasmota 15.2.0.2, xdrv_12_discovery.ino. What its settings mean is in tasmota-settings.ts.

import {
  type DeviceTopics,
  type DeviceNaming,
  deviceTopics,
} from "../../adapters/switchers/tasmota-topics.ts";
import type { Found, LeftOut, Options, Told } from "./findings.ts";
import { field, isJson, type Json, list, numberOf, textOf } from "./json.ts";
import { type DeviceSettings, settingsAdvice } from "./tasmota-settings.ts";

/** What is known of one device, by its MAC address. */
export interface TasmotaDevice {
  readonly mac: string;
  readonly config: Json;
  /** From its discovery message of sensors. */
  readonly meter: boolean;
  readonly settings: DeviceSettings;
}

/** Values of `rl`: what a relay is used for. */
const plainRelay = 1;
const light = 2;
const shutter = 3;

const mostRelays = 32;

/** `undefined` for what is no discovery message, or one of which no topic can be made. */
function namingOf(config: Json): DeviceNaming | undefined {
  const topic = textOf(field(config, "t"));
  const template = textOf(field(config, "ft"));
  const [commands, replies, telemetry] = list(field(config, "tp")).map((prefix) => textOf(prefix));
  if (topic === undefined || template === undefined) {
    return undefined;
  }
  if (commands === undefined || replies === undefined || telemetry === undefined) {
    return undefined;
  }
  const fullTopic = template
    .replaceAll("%hostname%", () => textOf(field(config, "hn")) ?? "%hostname%")
    .replaceAll("%id%", () => textOf(field(config, "mac")) ?? "%id%");
  return { topic, fullTopic, prefixes: [commands, replies, telemetry] };
}

/** Where it listens and speaks; `undefined` for what is no discovery message. */
export function topicsOf(config: Json): DeviceTopics | undefined {
  const naming = namingOf(config);
  return naming === undefined ? undefined : deviceTopics(naming);
}

export const hasMeter = (sensors: unknown): boolean => isJson(field(field(sensors, "sn"), "ENERGY"));

export function tasmotaTold(device: TasmotaDevice): Told {
  const { config, mac } = device;
  const naming = namingOf(config);
  if (naming === undefined) {
    return left(mac, "its discovery message lacks topic, template or prefixes (t, ft, tp)");
  }
  const relays = list(field(config, "rl"))
    .slice(0, mostRelays)
    .flatMap((kind, index) => (kind === 0 || kind === undefined ? [] : [{ kind, number: index + 1 }]));
  const switchable = relays.filter(({ kind }) => kind === plainRelay).map(({ number }) => number);
  if (numberOf(field(config, "if")) === 1) {
    return left(naming.topic, "a fan controller: its relays set the speed");
  }
  if (switchable.length === 0) {
    return left(naming.topic, reasonWithout(relays.map(({ kind }) => kind)));
  }
  const all =
    switchable.length === relays.length && switchable.every((number, index) => number === index + 1);
  const entries = all
    ? [entryOf(device, naming, switchable, switchable.length === 1 ? {} : { outlets: switchable.length })]
    : switchable.map((number) => entryOf(device, naming, [number], { outlet: number }));
  return { found: entries, leftOut: [] };
}

const left = (called: string, reason: string): { found: readonly Found[]; leftOut: readonly LeftOut[] } => ({
  found: [],
  leftOut: [{ family: "tasmota", called, reason, commandTopics: [] }],
});

function reasonWithout(kinds: readonly unknown[]): string {
  if (kinds.length === 0) {
    return "it has no relay";
  }
  const has = (kind: number): boolean => kinds.includes(kind);
  return has(shutter)
    ? "its relays move shutters, which must not be switched like sockets"
    : has(light)
      ? "its relays are lights"
      : "the use of its relays is not known here";
}

function entryOf(
  { mac, config, meter, settings }: TasmotaDevice,
  naming: DeviceNaming,
  relays: readonly number[],
  more: Options,
): Found {
  const command = deviceTopics(naming).command("");
  const { cautions, cures } = settingsAdvice(settings, meter);
  const whole = more["outlet"] === undefined;
  return {
    family: "tasmota",
    wish: whole ? naming.topic : `${naming.topic}-${relays.join("-")}`,
    label: ownName(textOf(field(config, "dn"))),
    facts: [
      textOf(field(config, "md")) ?? "a device without a model",
      `Tasmota ${textOf(field(config, "sw")) ?? "of an unknown version"}`,
      textOf(field(config, "ip")) ?? "no address",
      mac,
      ...(whole ? [] : [`relay ${relays.join(", ")} of it`]),
      ...(meter ? ["with a meter"] : []),
    ],
    options: {
      type: "tasmota",
      topic: naming.topic,
      ...(naming.fullTopic === "%prefix%/%topic%/" ? {} : { fullTopic: naming.fullTopic }),
      ...(naming.prefixes.join(" ") === "cmnd stat tele" ? {} : { prefixes: naming.prefixes }),
      ...more,
    },
    outlets: relays.map((relay) => ownName(textOf(list(field(config, "fn"))[relay - 1]))),
    relays: relays.map((relay) => `${command}POWER${relay}`),
    commandTopics: [command.replace(/\/$/, "")],
    cautions,
    cures,
  };
}

/** `Tasmota` and `Tasmota2` are the names from the factory, and tell nothing. */
const ownName = (name: string | undefined): string | undefined =>
  name === undefined || /^tasmota\d*$/i.test(name) ? undefined : name;
