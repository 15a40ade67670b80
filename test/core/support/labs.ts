// Labs for random tests: up to four resources with needs, shared outlets and double supplies, in pools and out of them. Not what
// happens in them, which is in actions.ts.

import * as fc from "fast-check";
import type {
  CheckSettings,
  PoolSettings,
  ResourceSettings,
  ShutdownSettings,
} from "../../../src/core/settings.ts";
import type { Millis } from "../../../src/core/time.ts";
import { type ControllerSettings, duration, type Furniture, usualController, usualResource } from "./lab.ts";

export interface LabSettings {
  readonly resources: readonly ResourceSettings[];
  readonly controller: ControllerSettings;
  readonly furniture: Furniture & { readonly pools: readonly PoolSettings[] };
}

/** Who may override and cycle, where access is for users. */
export const operator = "laforge";

export const length = (...texts: readonly string[]): fc.Arbitrary<Millis> =>
  fc.constantFrom(...texts.map(duration));

const maybe = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });

const check: fc.Arbitrary<CheckSettings> = fc.record({
  interval: fc.constant(duration("3s")),
  timeout: fc.constant(duration("2s")),
  rise: fc.integer({ min: 1, max: 2 }),
  fall: fc.integer({ min: 1, max: 2 }),
});

const shutdown: fc.Arbitrary<ShutdownSettings> = fc.record({
  timeout: length("8s", "30s"),
  settle: length("0", "3s"),
  idleBelow: fc.constantFrom(undefined, undefined, 5),
  onTimeout: fc.constantFrom("keep", "keep", "cut"),
});

/**
 * `own`: an outlet of its own. `double`: a second one beside it. `shared`: the outlet of the resource before it. `mixed`: its own one and
 * that of the resource before it.
 */
const supply = fc.constantFrom("own", "own", "own", "double", "shared", "mixed");

const resource = fc.record({
  supply,
  /** Which of the resources before it are needed; a bit each. */
  needs: fc.constantFrom(0, 0, 0, 1, 2, 3, 5),
  capacity: fc.constantFrom(0, 0, 1, 2),
  offDelay: length("0", "2s", "15s"),
  bootTimeout: length("5s", "20s"),
  bootRetries: fc.nat(2),
  minOn: length("0", "4s"),
  minOff: length("0", "6s"),
  switchTimeout: length("4s", "10s"),
  onExternalOn: fc.constantFrom<ResourceSettings["onExternalOn"]>("adopt", "reclaim", "ignore"),
  onExternalOff: fc.constantFrom<ResourceSettings["onExternalOff"]>("respect", "restore"),
  total: length("0", "0", "30s"),
  check: fc.option(check, { nil: undefined }),
  shutdown: maybe(shutdown),
  keepWhile: fc.option(check, { nil: undefined, freq: 1 }),
});

const pool = fc.record({ members: fc.integer({ min: 1, max: 15 }), warm: fc.constantFrom(0, 0, 1, 2) });

export const lab: fc.Arbitrary<LabSettings> = fc
  .record({
    resources: fc.array(resource, { minLength: 1, maxLength: 4 }),
    pools: fc.array(pool, { maxLength: 2 }),
    tokens: fc.integer({ min: 2, max: 7 }),
    starting: fc.constantFrom(0, 0, 1, 2),
    stagger: length("0", "1s", "3s"),
    access: fc.constantFrom<ControllerSettings["access"]>("open", "open", "users"),
    restartGrace: length("0", "5s"),
    lostGrace: length("0", "3s"),
  })
  .map(({ resources, pools, tokens, starting, stagger, access, restartGrace, lostGrace }) => {
    const built: ResourceSettings[] = [];
    for (const [index, { supply: kind, needs, total, ...rest }] of resources.entries()) {
      const outlets = outletsOf(kind, index);
      built.push({
        ...usualResource(`r${index}`, ...outlets),
        ...rest,
        needs: chosen(needs, built).flatMap((need) => (shares(outlets, need, built) ? [] : [need.name])),
        ttl: { default: duration("20s"), max: duration("10h"), total },
      });
    }
    return {
      resources: built,
      controller: {
        ...usualController,
        limits: { tokens, starting },
        access,
        operators: new Set([operator]),
        restartGrace,
        lostGrace,
      },
      furniture: {
        // All outlets stay configured, whatever leaves: what is nobody's must be left alone.
        spareOutlets: built.flatMap(({ outlets }) => outlets),
        pools: pools.flatMap(({ members, warm }, index) => {
          const found = chosen(members, built).map(({ name }) => name);
          return found.length === 0 ? [] : [{ name: `p${index}`, members: found, warm }];
        }),
        stagger: new Map([["strip", stagger]]),
      },
    };
  });

const chosen = <Value>(bits: number, from: readonly Value[]): Value[] =>
  from.filter((_, index) => ((bits >> index) & 1) === 1);

/** A resource and what it needs, directly or not, have no outlet in common: the configuration refuses that. */
const shares = (
  outlets: readonly string[],
  need: ResourceSettings,
  all: readonly ResourceSettings[],
): boolean =>
  need.outlets.some((outlet) => outlets.includes(outlet)) ||
  all.some((deeper) => need.needs.includes(deeper.name) && shares(outlets, deeper, all));

/** The first one has a plug, the others are on one strip. */
function outletsOf(kind: "own" | "double" | "shared" | "mixed", index: number): string[] {
  const own = index === 0 ? "plug" : `strip/${index}`;
  const before = index <= 1 ? "plug" : `strip/${index - 1}`;
  switch (kind) {
    case "own":
      return [own];
    case "double":
      return [own, `pdu/${index + 1}`];
    case "shared":
      return [before];
    case "mixed":
      return own === before ? [own] : [own, before];
  }
}
