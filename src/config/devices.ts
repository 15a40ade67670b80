// What the configuration has to know of kinds beyond their schemas: outlets by name, relays of one device that are named twice,
// meters, hosts. The only place of the configuration that knows the options of a kind by name.

import type { CheckerOptions } from "../adapters/checkers/registry.ts";
import type { ShutdownOptions } from "../adapters/shutdowns/registry.ts";
import { outletIds } from "../adapters/switchers/define.ts";
import { type SwitcherOptions, switcherKinds } from "../adapters/switchers/registry.ts";
import { deviceTopics } from "../adapters/switchers/tasmota-topics.ts";

/** Outlet ids of a switcher, in order. */
export function outletsOf(name: string, options: SwitcherOptions): readonly string[] {
  return outletIds(name, options.outlets);
}

/** What a resource names as its outlets, one or several. */
export const outletsNamed = (switcher: string | readonly string[]): readonly string[] =>
  typeof switcher === "string" ? [switcher] : switcher;

/** The switcher of an outlet; `undefined` where there is none of that name. */
export function switcherOf<Options>(
  outlet: string,
  switchers: Readonly<Record<string, Options>>,
): Options | undefined {
  const [name = ""] = outlet.split("/");
  return Object.hasOwn(switchers, name) ? switchers[name] : undefined;
}

/** False only where it is sure that there is none. */
export function hasMeter(options: SwitcherOptions): boolean {
  const kind = switcherKinds.find(({ type }) => type === options.type);
  return kind?.capabilities.meter === true && !(options.type === "simulated" && options.watts === 0);
}

/** The host that a check asks over the network; `undefined` for checks that ask something else. */
export const checkedHost = (check: CheckerOptions | undefined): string | undefined =>
  check !== undefined && "host" in check ? check.host : undefined;

/** The host that is told to shut down, where that is known. */
export const toldHost = (shutdown: ShutdownOptions): string | undefined =>
  "host" in shutdown ? shutdown.host : undefined;

/** True for a command, whose good end counts as the machine's where nothing else shows it; false for a request that somebody takes. */
export const tellsItsEnd = ({ type }: ShutdownOptions): boolean => type === "exec" || type === "ssh";

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
