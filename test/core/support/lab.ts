// Settings for tests of the core: the defaults of the configuration file, and a way to say only what differs.

import { parseDuration } from "../../../src/core/duration.ts";
import type {
  CheckSettings,
  OutletSettings,
  PoolSettings,
  ResourceSettings,
  Settings,
  ShutdownSettings,
  SwitcherSettings,
} from "../../../src/core/settings.ts";
import type { Millis } from "../../../src/core/time.ts";

export function duration(text: string): Millis {
  const length = parseDuration(text);
  if (length === undefined) {
    throw new Error(`'${text}' is no duration`);
  }
  return length;
}

export const usualCheck: CheckSettings = {
  interval: duration("10s"),
  timeout: duration("2s"),
  rise: 1,
  fall: 3,
};

export const usualShutdown: ShutdownSettings = {
  timeout: duration("2m"),
  settle: duration("10s"),
  idleBelow: undefined,
  onTimeout: "keep",
};

export const usualResource = (name: string, ...outlets: readonly string[]): ResourceSettings => ({
  name,
  outlets,
  needs: [],
  capacity: 0,
  ttl: { default: duration("12h"), max: duration("7d"), total: duration("0") },
  offDelay: duration("1m"),
  bootTimeout: duration("5m"),
  bootRetries: 0,
  minOn: duration("5s"),
  minOff: duration("10s"),
  switchTimeout: duration("30s"),
  onExternalOn: "adopt",
  onExternalOff: "respect",
  check: undefined,
  shutdown: undefined,
  keepWhile: undefined,
});

export type ControllerSettings = Omit<Settings, "resources" | "outlets" | "switchers" | "pools">;

export const usualController: ControllerSettings = {
  limits: { tokens: 100_000, starting: 0 },
  access: "open",
  operators: new Set(),
  restartGrace: duration("30s"),
  lostGrace: duration("30s"),
  observe: false,
};

/** What a lab has beside its resources. */
export interface Furniture {
  /** Outlets that power nothing that is configured. */
  readonly spareOutlets: Iterable<string>;
  readonly pools: Iterable<PoolSettings>;
  /** By switcher; none: no pause between two switch-ons. */
  readonly stagger: ReadonlyMap<string, Millis>;
}

export const unfurnished: Furniture = { spareOutlets: [], pools: [], stagger: new Map() };

/** Outlets and switchers follow from the resources: `strip/2` is outlet 2 of the switcher `strip`, `plug1` is its switcher's only one. */
export function settingsOf(
  resources: readonly ResourceSettings[],
  controller: ControllerSettings = usualController,
  { spareOutlets, pools, stagger }: Furniture = unfurnished,
): Settings {
  const outlets = new Map<string, OutletSettings>();
  const switchers = new Map<string, SwitcherSettings>();
  for (const id of new Set([...resources.flatMap((resource) => resource.outlets), ...spareOutlets])) {
    const [switcher = id, outlet = "1"] = id.split("/");
    outlets.set(id, { id, switcher, outlet });
    switchers.set(switcher, {
      name: switcher,
      type: "simulated",
      outlets: [...(switchers.get(switcher)?.outlets ?? []), id],
      stagger: stagger.get(switcher) ?? duration("0"),
    });
  }
  return {
    ...controller,
    resources: new Map(resources.map((resource) => [resource.name, resource])),
    outlets,
    switchers,
    pools: new Map([...pools].map((pool) => [pool.name, pool])),
  };
}
