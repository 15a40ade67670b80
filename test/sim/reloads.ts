// How the configuration file is edited in a run: a resource is taken out or put back, settings change, a switcher is reached in another
// way, or nothing changes at all. Outlets keep their places, because machines stay plugged in.

import type { PoolSettings, ResourceSettings, Settings } from "../../src/core/settings.ts";
import { millis } from "../../src/core/time.ts";
import type { File } from "./controller.ts";
import type { Random } from "./random.ts";

/** @returns the file as it is to be, from the present one and the first one */
export function drawReload(random: Random): (file: File, first: Settings) => File {
  const what = random.pick(["nothing", "back", "remove", "change", "change", "way"] as const);
  const draw = random.next();
  const offDelay = millis(random.pick([0, 5000, 60_000]));
  const capacity = random.pick([0, 1, 3]);
  const bootRetries = random.pick([0, 1]);
  const bare = random.chance(0.3);
  return (file, first) => {
    const { settings, ways } = file;
    const names = [...settings.resources.keys()];
    const name = names[Math.floor(draw * names.length)] ?? "";
    switch (what) {
      case "nothing":
        return { settings: { ...settings }, ways };
      case "back":
        return { settings: first, ways };
      case "remove":
        return { settings: names.length > 1 ? without(settings, name) : first, ways };
      case "change":
        return {
          settings: changed(settings, name, (one) => ({
            ...one,
            offDelay,
            capacity,
            bootRetries,
            shutdown: bare ? undefined : one.shutdown,
            keepWhile: bare ? undefined : one.keepWhile,
          })),
          ways,
        };
      case "way": {
        const switchers = [...settings.switchers.keys()];
        const switcher = switchers[Math.floor(draw * switchers.length)] ?? "";
        return { settings, ways: new Map(ways).set(switcher, (ways.get(switcher) ?? 0) + 1) };
      }
    }
  };
}

const changed = (
  settings: Settings,
  name: string,
  change: (one: ResourceSettings) => ResourceSettings,
): Settings => ({
  ...settings,
  resources: new Map([...settings.resources].map(([key, one]) => [key, key === name ? change(one) : one])),
});

/** A file without it that `check` would accept: nothing names it any more. */
function without(settings: Settings, name: string): Settings {
  const pools = [...settings.pools.values()].flatMap((pool): PoolSettings[] => {
    const members = pool.members.filter((member) => member !== name);
    return members.length === 0 ? [] : [{ ...pool, members, warm: Math.min(pool.warm, members.length) }];
  });
  return {
    ...settings,
    resources: new Map(
      [...settings.resources.values()]
        .filter((one) => one.name !== name)
        .map((one) => [one.name, { ...one, needs: one.needs.filter((need) => need !== name) }]),
    ),
    pools: new Map(pools.map((pool) => [pool.name, pool])),
  };
}
