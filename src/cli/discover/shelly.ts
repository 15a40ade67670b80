// Shelly devices, which have no discovery of their own for us: they are found by what they say of their relays. Those of the first
// generation can be asked to say it, later ones only when something changes. Source: Shelly API reference, Gen1 and Gen2, "MQTT".

import type { Found, Told } from "./findings.ts";
import { field, isJson, parsed, textOf } from "./json.ts";
import { shellyOptions } from "./mqtt-options.ts";

export interface ShellyDevice {
  readonly family: "shelly-gen1" | "shelly-gen2";
  /** Its id, for the first generation; its topic prefix for the others. */
  readonly device: string;
  readonly channels: ReadonlySet<number>;
  readonly facts: readonly string[];
}

/** Everything that a device says about its relays, and the announcement of the first generation. */
export const shellyFilters: readonly string[] = [
  "shellies/+/relay/+",
  "shellies/announce",
  "shellies/+/announce",
  "+/events/rpc",
  "+/status/+",
];

/** Asks all devices of the first generation who they are and how their relays stand; nothing is switched by it. */
export const shellyQuestions: readonly { readonly topic: string; readonly payload: string }[] = [
  { topic: "shellies/command", payload: "announce" },
  { topic: "shellies/command", payload: "update" },
];

/** Devices of either generation have up to four relays; leave room. */
const mostChannel = 15;
const mostBytes = 65_536;

export interface ShellySaying {
  readonly family: ShellyDevice["family"];
  readonly device: string;
  readonly channels: readonly number[];
  readonly facts: readonly string[];
}

/** @returns `undefined` when it is not a Shelly's, or tells of no relay */
export function shellySaying(topic: string, payload: Uint8Array): ShellySaying | undefined {
  const [first = "", second = "", third = "", fourth = "", ...rest] = topic.split("/");
  if (rest.length > 0 || payload.byteLength === 0) {
    return undefined;
  }
  if (first === "shellies") {
    return fourth === "" ? announcement(second, third, payload) : relaySaying(second, third, fourth, payload);
  }
  const known = fourth === "" && second === "events" && third === "rpc";
  if (known) {
    const channels = channelsIn(field(parsed(payload, mostBytes), "params"));
    return channels.length === 0 ? undefined : later(first, channels);
  }
  const status = second === "status" && fourth === "" ? channelOf(third) : undefined;
  return status === undefined || typeof field(parsed(payload, mostBytes), "output") !== "boolean"
    ? undefined
    : later(first, [status]);
}

function relaySaying(
  device: string,
  relay: string,
  number: string,
  payload: Uint8Array,
): ShellySaying | undefined {
  const word = Buffer.from(payload.subarray(0, 8)).toString("latin1");
  const right = relay === "relay" && /^\d{1,2}$/.test(number) && Number(number) <= mostChannel;
  return right && ["on", "off", "overpower"].includes(word)
    ? { family: "shelly-gen1", device, channels: [Number(number)], facts: [] }
    : undefined;
}

function announcement(second: string, third: string, payload: Uint8Array): ShellySaying | undefined {
  const told = parsed(payload, mostBytes);
  const device = second === "announce" && third === "" ? textOf(field(told, "id"), 64) : second;
  if ((second !== "announce" && third !== "announce") || device === undefined || !isJson(told)) {
    return undefined;
  }
  const facts = [field(told, "model"), field(told, "fw_ver"), field(told, "ip"), field(told, "mac")];
  return {
    family: "shelly-gen1",
    device,
    channels: [],
    facts: facts.map((fact) => textOf(fact, 64)).filter((fact) => fact !== undefined),
  };
}

const later = (device: string, channels: readonly number[]): ShellySaying => ({
  family: "shelly-gen2",
  device,
  channels,
  facts: [],
});

function channelsIn(params: unknown): readonly number[] {
  return (isJson(params) ? Object.keys(params) : [])
    .map(channelOf)
    .filter((channel) => channel !== undefined);
}

function channelOf(component: string): number | undefined {
  const digits = /^switch:(\d{1,2})$/.exec(component)?.[1];
  const channel = digits === undefined ? Number.NaN : Number(digits);
  return channel <= mostChannel ? channel : undefined;
}

export const withSaying = (known: ShellyDevice | undefined, said: ShellySaying): ShellyDevice => ({
  family: said.family,
  device: said.device,
  channels: new Set([...(known?.channels ?? []), ...said.channels]),
  facts: said.facts.length > 0 ? said.facts : (known?.facts ?? []),
});

/** A roller shutter announces itself, too, and never tells of a relay: nothing comes of it here. */
export function shellyTold({ family, device, channels, facts }: ShellyDevice): Told {
  const numbers = [...channels].toSorted((a, b) => a - b);
  /** Told of all from 0 on: one group. */
  const whole = numbers.every((channel, index) => channel === index);
  const entries = numbers.length === 0 ? [] : whole ? [numbers] : numbers.map((channel) => [channel]);
  return {
    found: entries.map(
      (entry): Found => ({
        family,
        wish: whole ? device : `${device}-${entry.map((channel) => channel + 1).join("-")}`,
        label: undefined,
        facts: [`Shelly ${device}`, ...facts],
        options: shellyOptions(family, device, entry),
        outlets: entry.map(() => undefined),
        relays: entry.map((channel) =>
          family === "shelly-gen1" ? `${gen1Command(device, channel)} on` : `${device}/rpc ${channel}`,
        ),
        commandTopics:
          family === "shelly-gen1"
            ? entry.map((channel) => gen1Command(device, channel))
            : [`${device}/rpc`, ...entry.map((channel) => `${device}/command/switch:${channel}`)],
        cautions: [],
        cures: [],
      }),
    ),
    leftOut: [],
  };
}

const gen1Command = (device: string, channel: number): string =>
  `shellies/${device}/relay/${channel}/command`;
