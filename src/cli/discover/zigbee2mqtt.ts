// What Zigbee2MQTT tells of its devices (BASE/bridge/devices): which have switches, and where they are commanded.
// Source: Zigbee2MQTT documentation, "MQTT topics and messages" and "Exposes".

import type { Found, LeftOut, Told } from "./findings.ts";
import { field, list, numberOf, textOf } from "./json.ts";
import { zigbeeOptions } from "./mqtt-options.ts";

/** Bits of `access`: it is published, can be set, and can be asked for. */
const published = 1;
const settable = 2;
const gettable = 4;

/** A network has some hundred devices at most, and a device some dozen switches. */
const mostDevices = 1000;
const mostSwitches = 32;

/** @param base what stands before `/bridge/devices` */
export function zigbeeTold(base: string, devices: unknown): Told {
  const told = list(devices)
    .slice(0, mostDevices)
    .map((device) => deviceTold(base, device));
  return {
    found: told.flatMap(({ found }) => found),
    leftOut: told.flatMap(({ leftOut }) => leftOut),
  };
}

function deviceTold(base: string, device: unknown): Told {
  const name = textOf(field(device, "friendly_name"));
  const definition = field(device, "definition");
  const exposes = list(field(definition, "exposes"));
  const kinds = new Set(exposes.map((expose) => field(expose, "type")));
  if (name === undefined || field(device, "type") === "Coordinator") {
    return { found: [], leftOut: [] };
  }
  const switches = exposes
    .filter((expose) => field(expose, "type") === "switch")
    .slice(0, mostSwitches)
    .flatMap((expose) => list(field(expose, "features")))
    .flatMap((feature) => switchOf(feature));
  if (switches.length === 0) {
    const other = ["light", "cover", "lock", "fan", "climate"].find((kind) => kinds.has(kind));
    return other === undefined
      ? { found: [], leftOut: [] } // Sensors and remote controls: nobody looks for them here.
      : left(name, `no switch: it is a ${other}`);
  }
  if (field(device, "disabled") === true) {
    return left(name, "it is disabled in Zigbee2MQTT");
  }
  const gangs = switches.map(({ property }) => property.replace(/^state_?/, ""));
  /** `l1`, `l2` and so on are one group; others are named one by one. */
  const group = gangs.length > 1 && gangs.every((gang, index) => gang === `l${index + 1}`);
  const entry = (which: readonly number[]): Found => ({
    family: "zigbee2mqtt",
    wish: group || gangs.length === 1 ? name : `${name}-${which.map((index) => gangs[index]).join("-")}`,
    label: undefined,
    facts: [
      modelOf(definition),
      ...[textOf(field(definition, "description"))].filter((word) => word !== undefined),
      `Zigbee2MQTT at ${base}`,
      textOf(field(device, "ieee_address")) ?? "no address",
    ],
    options: zigbeeOptions({
      base,
      name,
      ...(group
        ? { outlets: gangs.length, channel: "" }
        : { outlets: 1, channel: which.map((index) => gangs[index]).join("") }),
      askable: which.every((index) => switches[index]?.askable === true),
    }),
    outlets: which.map((index) => (gangs.length === 1 ? name : `${name} ${gangs[index] ?? ""}`)),
    relays: which.map((index) => `${base}/${name}/set ${gangs[index] ?? ""}`),
    commandTopics: [`${base}/${name}/set`],
    cautions: [],
    cures: [],
  });
  const indexes = switches.map((_, index) => index);
  return { found: group ? [entry(indexes)] : indexes.map((index) => entry([index])), leftOut: [] };
}

const modelOf = (definition: unknown): string => {
  const words = [textOf(field(definition, "vendor")), textOf(field(definition, "model"))];
  return words.some((word) => word !== undefined)
    ? words.filter((word) => word !== undefined).join(" ")
    : "a device without a model";
};

const left = (called: string, reason: string): { found: readonly Found[]; leftOut: readonly LeftOut[] } => ({
  found: [],
  leftOut: [{ family: "zigbee2mqtt", called, reason, commandTopics: [] }],
});

interface ZigbeeSwitch {
  /** The key in the JSON: `state`, or `state_l1` for a gang of several. */
  readonly property: string;
  /** Its position can be asked for. */
  readonly askable: boolean;
}

/** The preset knows the words ON and OFF, and no others. */
function switchOf(feature: unknown): readonly ZigbeeSwitch[] {
  const property = textOf(field(feature, "property"), 64);
  const access = numberOf(field(feature, "access")) ?? 0;
  const isSwitch =
    field(feature, "type") === "binary" &&
    field(feature, "value_on") === "ON" &&
    field(feature, "value_off") === "OFF" &&
    (access & settable) !== 0 &&
    (access & published) !== 0;
  return isSwitch && property !== undefined && /^state(_|$)/.test(property)
    ? [{ property, askable: (access & gettable) !== 0 }]
    : [];
}
