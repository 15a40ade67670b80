// What a checked configuration means for the parts that a reload may change: how each device is made, and what the front takes in. Used at
// a start and at every reload, so that both come to the same.

import { type CheckerOptions, createChecker } from "./adapters/checkers/registry.ts";
import { createShutdown } from "./adapters/shutdowns/registry.ts";
import { createSwitcher } from "./adapters/switchers/registry.ts";
import type { Config, KindConfig } from "./config/config.ts";
import type { Bus } from "./ports/bus.ts";
import type { Checker } from "./ports/checker.ts";
import type { Clock } from "./ports/clock.ts";
import type { FrontSettings } from "./ports/front.ts";
import type { Kit, Plan } from "./runtime/devices.ts";

export function kitOf(config: Config, parts: { readonly bus: Bus; readonly clock: Clock }): Kit {
  return {
    switchers: mapped(config.switchers, ({ name, options, timeout }) => ({
      options,
      timeout,
      make: () => createSwitcher(options, { name, ...parts }),
    })),
    checkers: mapped(config.checks, checkerOf),
    guards: mapped(config.guards, checkerOf),
    shutdowns: mapped(config.shutdowns, ({ options, timeout }) => ({
      options,
      timeout,
      make: () => createShutdown(options, parts),
    })),
  };

  function checkerOf({ options, timeout }: KindConfig<CheckerOptions>): Plan<Checker> {
    return { options, timeout, make: () => createChecker(options, parts) };
  }
}

export const frontSettingsOf = ({ settings, limits }: Config): FrontSettings => ({
  access: settings.access,
  payloadLimit: limits.payload,
  observe: settings.observe,
  counts: { resources: settings.resources.size, pools: settings.pools.size },
});

const mapped = <From, To>(map: ReadonlyMap<string, From>, to: (value: From) => To): ReadonlyMap<string, To> =>
  new Map([...map].map(([name, value]) => [name, to(value)]));
