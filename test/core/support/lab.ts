// Settings for tests of the core: the defaults of the configuration file, and a way to say only what differs.

import { parseDuration } from "../../../src/core/duration.ts";
import type {
  CheckSettings,
  OutletSettings,
  ResourceSettings,
  Settings,
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

export const usualResource = (name: string, outlet: string): ResourceSettings => ({
  name,
  outlet,
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
});

export type ControllerSettings = Pick<Settings, "limits" | "restartGrace" | "lostGrace" | "observe">;

export const usualController: ControllerSettings = {
  limits: { tokens: 100_000 },
  restartGrace: duration("30s"),
  lostGrace: duration("30s"),
  observe: false,
};

/** Outlets and switchers follow from the resources: `strip/2` is outlet 2 of the switcher `strip`, `plug1` is its switcher's only one. */
export function settingsOf(
  resources: readonly ResourceSettings[],
  controller: ControllerSettings = usualController,
  spareOutlets: readonly string[] = [],
): Settings {
  const outlets = new Map<string, OutletSettings>();
  const switchers = new Map<string, SwitcherSettings>();
  for (const id of [...resources.map((resource) => resource.outlet), ...spareOutlets]) {
    const [switcher = id, outlet = "1"] = id.split("/");
    outlets.set(id, { id, switcher, outlet });
    switchers.set(switcher, {
      name: switcher,
      type: "simulated",
      outlets: [...(switchers.get(switcher)?.outlets ?? []), id],
    });
  }
  return {
    ...controller,
    resources: new Map(resources.map((resource) => [resource.name, resource])),
    outlets,
    switchers,
  };
}
