// Options of the switcher `mqtt` for what was found: by a preset where the family has one, else topic by topic.

import type { Family, Options } from "./findings.ts";
import type { Announced } from "./home-assistant.ts";

export const zigbeeOptions = (device: {
  readonly base: string;
  readonly name: string;
  readonly outlets: number;
  /** `l1`, `left`; empty for the only one, and for a group, whose channels the preset knows. */
  readonly channel: string;
  readonly askable: boolean;
}): Options => ({
  type: "mqtt",
  preset: "zigbee2mqtt",
  device: device.name,
  ...(device.base === "zigbee2mqtt" ? {} : { base: device.base }),
  ...(device.channel === "" ? {} : { channel: device.channel }),
  ...(device.outlets === 1 ? {} : { outlets: device.outlets }),
  ...(device.askable ? {} : { query: "none" }),
});

/** @param channels from 0; several of them all, in order */
export const shellyOptions = (
  preset: "shelly-gen1" | "shelly-gen2",
  device: string,
  channels: readonly number[],
  base = "shellies",
): Options => ({
  type: "mqtt",
  preset,
  device,
  ...(preset === "shelly-gen2" || base === "shellies" ? {} : { base }),
  ...(channels.length > 1
    ? { outlets: channels.length }
    : channels[0] === 0
      ? {}
      : { channel: String(channels[0] ?? 0) }),
});

/**
 * The family that an announced switch belongs to, by its topics.
 * @param node the level before the object in the announcement's topic: with ESPHome the node's name
 */
export function presetOf(
  { command, state }: Announced,
  node: string | undefined,
): { readonly family: Family; readonly options: Options } | undefined {
  const [, base, device, channel] = /^(.+)\/([^/]+)\/relay\/(\d{1,2})\/command$/.exec(command) ?? [];
  if (base !== undefined && device !== undefined && state === `${base}/${device}/relay/${channel ?? ""}`) {
    return { family: "shelly-gen1", options: shellyOptions("shelly-gen1", device, [Number(channel)], base) };
  }
  const [, prefix, object] = /^(.+)\/switch\/([a-z0-9_-]{1,64})\/command$/.exec(command) ?? [];
  if (
    prefix !== undefined &&
    object !== undefined &&
    node !== undefined &&
    state === `${prefix}/switch/${object}/state`
  ) {
    const options = {
      type: "mqtt",
      preset: "esphome",
      device: node,
      ...(prefix === node ? {} : { base: prefix }),
      channel: object,
    };
    return { family: "esphome", options };
  }
  return undefined;
}

export function genericOptions(announced: Announced): Options {
  const { command, on, off, state, stateOn, stateOff, path, availability } = announced;
  // What a device is told as JSON is never what it says, for all that the configuration knows.
  const sameWords = stateOn === on && stateOff === off && ![on, off].some((word) => /^\s*[{[]/.test(word));
  const printed = availability.map(({ topic, path: into, online, offline }) => ({
    topic,
    ...(into === undefined ? {} : { path: into }),
    online,
    offline,
  }));
  return {
    type: "mqtt",
    command,
    on,
    off,
    state,
    ...(sameWords ? {} : { stateOn, stateOff }),
    ...(path === undefined ? {} : { path }),
    ...(availability.length === 0 ? {} : { availability: availability.length === 1 ? printed[0] : printed }),
  };
}
