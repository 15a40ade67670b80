// What may happen to a controller in a random test, as plain data that fast-check can shrink. What it means is in chaos.ts.

import * as fc from "fast-check";
import type { CheckLevel, Position, ResourceSettings } from "../../../src/core/settings.ts";
import type { Millis } from "../../../src/core/time.ts";
import { type ControllerSettings, duration, usualResource } from "./lab.ts";

/** How a plug takes commands. `deaf` does as it is told and says nothing. */
export type Temper = "follows" | "slow" | "stuck" | "mute" | "deaf";

export type Action =
  | {
      readonly do: "acquire";
      readonly on: number;
      readonly token: string | undefined;
      readonly owner: string | undefined;
      readonly ttl: Millis | undefined;
      readonly wait: CheckLevel;
      readonly timeout: Millis | undefined;
      readonly reply: boolean;
    }
  | {
      readonly do: "renew";
      readonly on: number;
      readonly token: string;
      readonly owner: string | undefined;
      readonly ttl: Millis | undefined;
      readonly reply: boolean;
    }
  | {
      readonly do: "release";
      readonly on: number;
      readonly token: string;
      readonly lost: boolean;
      readonly reply: boolean;
    }
  | { readonly do: "tokens"; readonly on: number }
  | { readonly do: "refused"; readonly reply: boolean }
  | { readonly do: "pass"; readonly length: Millis }
  | { readonly do: "wake" }
  | { readonly do: "temper"; readonly on: number; readonly temper: Temper }
  | { readonly do: "hand"; readonly on: number; readonly position: Position }
  | { readonly do: "reboot"; readonly on: number; readonly position: Position; readonly says: boolean }
  | { readonly do: "machine"; readonly on: number; readonly finds: "up" | "down" | "error" }
  | { readonly do: "staleCheck" | "staleProof" | "commandFailed" | "again"; readonly on: number }
  | { readonly do: "metered"; readonly on: number; readonly watts: number }
  | {
      readonly do: "switcher";
      readonly on: number;
      readonly event: "switcherConnected" | "switcherLost" | "switcherHinted";
    }
  | { readonly do: "link"; readonly up: boolean }
  | { readonly do: "markers"; readonly return: boolean }
  | { readonly do: "store"; readonly refuses: boolean }
  | { readonly do: "rival"; readonly there: boolean }
  | { readonly do: "clocks"; readonly still: boolean; readonly by: Millis }
  /** `late`: after the commit of the next event, before anything of it is carried out. */
  | { readonly do: "crash"; readonly late: boolean; readonly away: Millis };

const on = fc.nat(2);
const token = fc.constantFrom("a", "b", "c");
const owner = fc.constantFrom(undefined, undefined, "ci", "eve");
const length = (...texts: readonly string[]): fc.Arbitrary<Millis> => fc.constantFrom(...texts.map(duration));
const maybe = (arbitrary: fc.Arbitrary<Millis>): fc.Arbitrary<Millis | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const position = fc.constantFrom<Position>("on", "off");
const ttl = maybe(length("1s", "10s", "1m", "10h", "11h"));

const acquire = fc.record({
  do: fc.constant("acquire" as const),
  on,
  token: fc.option(token, { nil: undefined, freq: 8 }),
  owner,
  ttl,
  wait: fc.constantFrom<CheckLevel>("granted", "powered", "available"),
  timeout: maybe(length("0", "1s", "10s", "1m")),
  reply: fc.boolean(),
});

export const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 12, arbitrary: acquire },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("renew" as const), on, token, owner, ttl, reply: fc.boolean() }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant("release" as const),
      on,
      token,
      lost: fc.boolean(),
      reply: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("tokens" as const), on }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("refused" as const), reply: fc.boolean() }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("pass" as const),
      length: length("1ms", "20ms", "50ms", "500ms", "1s", "2s", "3s", "5s", "10s", "30s", "1m"),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("wake" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("temper" as const),
      on,
      temper: fc.constantFrom<Temper>("follows", "follows", "slow", "stuck", "mute", "deaf"),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("hand" as const), on, position }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("reboot" as const), on, position, says: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("machine" as const),
      on,
      finds: fc.constantFrom("up" as const, "up" as const, "down" as const, "error" as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "staleCheck" as const,
        "staleProof" as const,
        "commandFailed" as const,
        "again" as const,
      ),
      on,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("metered" as const), on, watts: fc.nat(9) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("switcher" as const),
      on,
      event: fc.constantFrom(
        "switcherConnected" as const,
        "switcherLost" as const,
        "switcherHinted" as const,
      ),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("link" as const), up: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("markers" as const), return: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("store" as const), refuses: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rival" as const), there: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("clocks" as const), still: fc.boolean(), by: length("6s", "1h") }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("crash" as const),
      late: fc.boolean(),
      away: length("0", "1s", "20s", "2m"),
    }),
  },
);

const resource = fc.record({
  offDelay: length("0", "2s", "15s"),
  bootTimeout: length("5s", "20s"),
  bootRetries: fc.nat(2),
  minOn: length("0", "4s"),
  minOff: length("0", "6s"),
  switchTimeout: length("4s", "10s"),
  onExternalOn: fc.constantFrom<ResourceSettings["onExternalOn"]>("adopt", "reclaim", "ignore"),
  onExternalOff: fc.constantFrom<ResourceSettings["onExternalOff"]>("respect", "restore"),
  total: length("0", "0", "30s"),
  check: fc.option(
    fc.record({ rise: fc.integer({ min: 1, max: 2 }), fall: fc.integer({ min: 1, max: 2 }) }),
    {
      nil: undefined,
    },
  ),
});

export interface LabSettings {
  readonly resources: readonly ResourceSettings[];
  readonly controller: ControllerSettings;
}

/** One to three resources; the second and third are on one strip. */
export const lab: fc.Arbitrary<LabSettings> = fc
  .record({
    resources: fc.array(resource, { minLength: 1, maxLength: 3 }),
    tokens: fc.integer({ min: 2, max: 6 }),
    restartGrace: length("0", "5s"),
    lostGrace: length("0", "3s"),
  })
  .map(({ resources, tokens, restartGrace, lostGrace }) => ({
    resources: resources.map(({ total, check, ...settings }, index) => ({
      ...usualResource(`r${index}`, index === 0 ? "plug" : `strip/${index}`),
      ...settings,
      ttl: { default: duration("20s"), max: duration("10h"), total },
      check:
        check === undefined ? undefined : { ...check, interval: duration("3s"), timeout: duration("2s") },
    })),
    controller: { limits: { tokens }, restartGrace, lostGrace, observe: false },
  }));
