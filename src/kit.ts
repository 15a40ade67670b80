// What a checked configuration means for the parts that a reload may change: how each device is made, and what the front takes in. Used at
// a start and at every reload, so that both come to the same.

import { createChecker } from "./adapters/checkers/registry.ts";
import { createShutdown } from "./adapters/shutdowns/registry.ts";
import { createSwitcher } from "./adapters/switchers/registry.ts";
import type { Config } from "./config/config.ts";
import { millis } from "./core/time.ts";
import type { Bus } from "./ports/bus.ts";
import type { Clock } from "./ports/clock.ts";
import type { FrontSettings } from "./ports/front.ts";
import type { Kit } from "./runtime/devices.ts";

export function kitOf(config: Config, parts: { readonly bus: Bus; readonly clock: Clock }): Kit {
  const { resources } = config.settings;
  return {
    switchers: mapped(config.switchers, (name, { options, timeout }) => ({
      options,
      timeout,
      make: () => createSwitcher(options, { name, ...parts }),
    })),
    checkers: mapped(config.checks, (name, options) => ({
      options,
      timeout: resources.get(name)?.check?.timeout ?? millis(2000),
      make: () => createChecker(options, parts),
    })),
    guards: mapped(config.guards, (name, options) => ({
      options,
      timeout: resources.get(name)?.keepWhile?.timeout ?? millis(2000),
      make: () => createChecker(options, parts),
    })),
    shutdowns: mapped(config.shutdowns, (name, options) => ({
      options,
      timeout: resources.get(name)?.shutdown?.timeout ?? millis(120_000),
      make: () => createShutdown(options, parts),
    })),
  };
}

export const frontSettingsOf = ({ settings, limits }: Config): FrontSettings => ({
  access: settings.access,
  payloadLimit: limits.payload,
  observe: settings.observe,
  counts: { resources: settings.resources.size, pools: settings.pools.size },
});

const mapped = <From, To>(
  map: ReadonlyMap<string, From>,
  to: (name: string, value: From) => To,
): ReadonlyMap<string, To> => new Map([...map].map(([name, value]) => [name, to(name, value)]));
