// What the options of a generic MQTT switcher come to: for each outlet the topics, payloads and words, with all placeholders but the id
// of a request filled in. Pure, and tolerant: whether the options fit together is found out elsewhere.

import type { Position } from "../../core/settings.ts";
import type { Capabilities } from "../../ports/switcher.ts";
import { outletIds } from "./define.ts";
import type { MqttOptions } from "./mqtt-options.ts";
import { presets } from "./mqtt-presets.ts";
import { fill, type Names, type Wiring, wiringOf } from "./mqtt-wiring.ts";

export interface OutletPlan {
  readonly outlet: string;
  /** Which switch of the device, for people: `0`, `l1`, or its place in the group. */
  readonly channel: string;
  readonly wiring: Wiring;
}

export interface Plan {
  readonly outlets: readonly OutletPlan[];
  /** Only where nothing tells the position. */
  readonly assume: Position | undefined;
  readonly capabilities: Capabilities;
}

export function planOf(given: MqttOptions, name: string): Plan {
  const template = templateOf(given);
  return {
    outlets: outletIds(name, given.outlets).map((outlet, index): OutletPlan => {
      const names = namesOf(given, name, index);
      const channel = names["channel"] ?? "";
      return {
        outlet,
        channel: channel === "" ? String(index + 1) : channel,
        wiring: wiringOf(template, names),
      };
    }),
    assume: template.state.length > 0 ? undefined : (given.assume ?? "on"),
    capabilities: {
      readback: template.state.length === 0 ? "assumed" : (presetOf(given)?.readback ?? "inferred"),
      push: template.state.length > 0,
      meter: template.power.length > 0,
    },
  };
}

export const presetOf = ({ preset }: MqttOptions) => (preset === undefined ? undefined : presets[preset]);

/** What stands for the placeholders of the outlet with that index, from 0. */
function namesOf(given: MqttOptions, name: string, index: number): Names {
  const place = { name, outlet: String(index + 1), index: String(index) };
  const channel = fill(given.channel ?? presetOf(given)?.channel(given.outlets === undefined) ?? "", place);
  return { ...place, channel, _channel: channel === "" ? "" : `_${channel}` };
}

/** With the placeholders as they are written; `power`, `energy`, `query` and `availability` win over a preset's. */
export function templateOf(given: MqttOptions): Wiring {
  const own = ownWiring(given);
  const preset = presetOf(given)?.wiring({
    device: given.device ?? "",
    base: given.base,
    alone: given.outlets === undefined,
  });
  if (preset === undefined) {
    return own;
  }
  const power = own.power.length > 0 ? own.power : preset.power;
  const query = given.query === undefined ? preset.query : own.query;
  return {
    ...preset,
    query,
    // A question that was put in another's place asks for the meter, too; one that is taken away leaves none.
    measure: given.query === undefined ? preset.measure : asksForMeter(query),
    availability: own.availability.length > 0 ? own.availability : preset.availability,
    power,
    energy: own.energy.length > 0 ? own.energy : preset.energy,
  };
}

/** What is written beside a preset, or without one. */
export function ownWiring(given: MqttOptions): Wiring {
  const { on = "ON", off = "OFF", state = [], availability = [], power, energy } = given;
  const query = given.query === undefined || given.query === "none" ? undefined : given.query;
  return {
    command: { topic: given.command ?? "", on, off },
    state:
      typeof state === "string"
        ? [{ topic: state, path: given.path }]
        : state.map(({ topic, path }) => ({ topic, path })),
    stateOn: given.stateOn ?? on,
    stateOff: given.stateOff ?? off,
    query: query && { ...query, answer: query.answer },
    measure: power === undefined ? undefined : asksForMeter(query),
    availability: (Array.isArray(availability) ? availability : [availability]).map(
      ({ topic, path, online, offline }) => ({ topic, path, online, offline }),
    ),
    bridged: false,
    power: power === undefined ? [] : [{ ...power, path: power.path }],
    energy: energy === undefined ? [] : [{ ...energy, path: energy.path }],
  };
}

/** A question whose answer stands elsewhere is a ping: no meter answers it. */
const asksForMeter = <Asked extends { readonly answer?: string | undefined }>(query: Asked | undefined) =>
  query === undefined || query.answer !== undefined ? undefined : query;

/** Every topic that it listens to or speaks on. */
export const topicsIn = ({ wiring }: OutletPlan): readonly string[] => [
  ...new Set([...publishedIn(wiring), ...heardIn(wiring)]),
];

export const publishedIn = ({ command, query, measure }: Wiring): readonly string[] =>
  [command.topic, query?.topic, measure?.topic].filter((topic) => topic !== undefined);

export const heardIn = ({ state, query, availability, power, energy }: Wiring): readonly string[] => [
  ...[...state, ...availability, ...power, ...energy].map(({ topic }) => topic),
  ...(query?.answer === undefined ? [] : [query.answer]),
];
