// What the configuration has to know of kinds beyond their schemas: outlets by name, relays of one device that are named twice,
// meters, hosts. The only place of the configuration that knows the options of a kind by name.

import type { CheckerOptions } from "../adapters/checkers/registry.ts";
import type { ShutdownOptions } from "../adapters/shutdowns/registry.ts";
import { outletIds } from "../adapters/switchers/define.ts";
import { planOf, topicsIn } from "../adapters/switchers/mqtt-plan.ts";
import { capabilitiesOf, type SwitcherOptions } from "../adapters/switchers/registry.ts";
import { deviceTopics } from "../adapters/switchers/tasmota-topics.ts";

/** Outlet ids of a switcher, in order. */
export function outletsOf(name: string, options: SwitcherOptions): readonly string[] {
  return outletIds(name, "outlets" in options ? options.outlets : undefined);
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
export const hasMeter = (options: SwitcherOptions): boolean => capabilitiesOf(options).meter;

/** True where nothing tells where the relay stands: what it was told is taken for what it does. */
export const isOnlyAssumed = (options: SwitcherOptions): boolean =>
  capabilitiesOf(options).readback === "assumed";

/** True where a device tells its position by itself, but nothing can be asked and nothing shows that it is there. */
export const speaksOnlyByItself = (options: SwitcherOptions): boolean =>
  options.type === "mqtt" &&
  planOf(options, "x").outlets.every(
    ({ wiring: { state, query, availability } }) =>
      state.length > 0 && query === undefined && availability.length === 0,
  );

/** The host that a check asks over the network; `undefined` for checks that ask something else. */
export const checkedHost = (check: CheckerOptions | undefined): string | undefined =>
  check !== undefined && "host" in check ? check.host : undefined;

/** The host that is told to shut down, where that is known. */
export const toldHost = (shutdown: ShutdownOptions): string | undefined =>
  "host" in shutdown ? shutdown.host : undefined;

/** True for a command, whose good end counts as the machine's where nothing else shows it; false for a request that somebody takes. */
export const tellsItsEnd = ({ type }: ShutdownOptions): boolean => type === "exec" || type === "ssh";

/** A relay as its device knows it. */
export interface Relay {
  /** The same for the same relay, whatever switcher it belongs to. */
  readonly key: string;
  /** For people: which one of the device. */
  readonly called: string;
}

/** So that a relay under two names is found. Empty for kinds without such an identity. */
export function relaysOf(options: SwitcherOptions): readonly Relay[] {
  switch (options.type) {
    case "tasmota": {
      const command = deviceTopics(options).command("");
      const relays =
        options.outlets === undefined
          ? [options.outlet ?? 1]
          : Array.from({ length: options.outlets }, (_, index) => index + 1);
      return relays.map((relay) => ({ key: `${command} ${relay}`, called: String(relay) }));
    }
    case "mqtt":
      // Without its name, which a payload may have in it.
      return planOf(options, "").outlets.map(({ channel, wiring: { command } }) => ({
        key: `${command.topic} ${command.on}`,
        called: channel,
      }));
    case "exec":
    case "simulated":
      return [];
  }
}

/** Topics, without `/` at the end, at or below which devices listen or speak. */
export function topicsOf(options: SwitcherOptions): readonly string[] {
  if (options.type === "mqtt") {
    return planOf(options, "x").outlets.flatMap(topicsIn);
  }
  if (options.type !== "tasmota") {
    return [];
  }
  const topics = deviceTopics(options);
  return [topics.command(""), topics.stat(""), topics.tele("")].map((topic) => topic.replace(/\/$/, ""));
}
