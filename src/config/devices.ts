// What several switchers may have in common: outlets by name, and relays of one device that are named twice. The only place
// of the configuration that knows the options of a kind by name.

import { outletIds } from "../adapters/switchers/define.ts";
import type { SwitcherOptions } from "../adapters/switchers/registry.ts";
import { deviceTopics } from "../adapters/switchers/tasmota-topics.ts";

/** Outlet ids of a switcher, in order. */
export function outletsOf(name: string, options: SwitcherOptions): readonly string[] {
  return outletIds(name, options.outlets);
}

/** Relays as the device knows them, so that the same one under two names is found. Empty for kinds without such an identity. */
export function relaysOf(options: SwitcherOptions): readonly string[] {
  if (options.type !== "tasmota") {
    return [];
  }
  const command = deviceTopics(options).command("");
  const relays =
    options.outlets === undefined
      ? [options.outlet ?? 1]
      : Array.from({ length: options.outlets }, (_, index) => index + 1);
  return relays.map((relay) => `${command} ${relay}`);
}

/** Topics, without `/` at the end, at or below which devices listen or speak. */
export function topicsOf(options: SwitcherOptions): readonly string[] {
  if (options.type !== "tasmota") {
    return [];
  }
  const topics = deviceTopics(options);
  return [topics.command(""), topics.stat(""), topics.tele("")].map((topic) => topic.replace(/\/$/, ""));
}
