// What may happen to a controller in a random test, as plain data that fast-check can shrink. What it means is in chaos.ts, the labs
// that it happens in are made in labs.ts.

import * as fc from "fast-check";
import type { CheckLevel, Mode, Position } from "../../../src/core/settings.ts";
import type { Millis } from "../../../src/core/time.ts";
import { length, operator } from "./labs.ts";
import type { Habits } from "./machine.ts";

/** How a plug takes commands. `deaf` does as it is told and says nothing. */
export type Temper = "follows" | "slow" | "stuck" | "mute" | "deaf";

export type Action =
  | {
      readonly do: "acquire";
      /** Of the resources and pools; several make a token over several. */
      readonly on: readonly number[];
      readonly token: string | undefined;
      readonly owner: string | undefined;
      readonly ttl: Millis | undefined;
      readonly mode: Mode;
      readonly priority: number;
      readonly wait: CheckLevel;
      readonly timeout: Millis | undefined;
      readonly reply: boolean;
    }
  | {
      readonly do: "renew";
      /** `undefined`: over `controller/renew`. */
      readonly on: number | undefined;
      readonly token: string;
      readonly owner: string | undefined;
      readonly ttl: Millis | undefined;
      readonly reply: boolean;
    }
  | {
      readonly do: "release";
      readonly on: number | undefined;
      readonly token: string;
      readonly owner: string | undefined;
      readonly lost: boolean;
      readonly reply: boolean;
    }
  | {
      readonly do: "override";
      readonly on: number;
      readonly mode: "auto" | "on" | "off";
      readonly until: Millis | undefined;
      readonly force: boolean;
      readonly owner: string | undefined;
      readonly reply: boolean;
    }
  | {
      readonly do: "cycle";
      readonly on: number;
      readonly force: boolean;
      readonly owner: string | undefined;
      readonly reply: boolean;
    }
  | { readonly do: "tokens"; readonly on: number }
  | { readonly do: "refused"; readonly reply: boolean }
  | { readonly do: "pass"; readonly length: Millis }
  | { readonly do: "wake" }
  | { readonly do: "temper"; readonly on: number; readonly temper: Temper }
  | { readonly do: "hand"; readonly on: number; readonly position: Position }
  | { readonly do: "reboot"; readonly on: number; readonly position: Position; readonly says: boolean }
  | { readonly do: "habits"; readonly on: number; readonly habits: Partial<Habits> }
  /** Somebody halts a machine, or presses its button. */
  | { readonly do: "halt" | "press"; readonly on: number }
  | { readonly do: "guard"; readonly on: number; readonly finds: "up" | "down" | "error" }
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
  /** A resource leaves the configuration or comes back; `undefined`: it is read again and says what it said. */
  | { readonly do: "reconfigure"; readonly on: number | undefined; readonly offDelay: Millis | undefined }
  /** `late`: after the commit of the next event, before anything of it is carried out. */
  | { readonly do: "crash"; readonly late: boolean; readonly away: Millis };

const on = fc.nat(3);
/** Resources, and pools behind them. */
const name = fc.nat(5);
const token = fc.constantFrom("a", "b", "c", "d");
const owner = fc.constantFrom(undefined, undefined, "ci", "eve");
const boss = fc.constantFrom(operator, operator, operator, "eve");
const reply = fc.boolean();
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const position = fc.constantFrom<Position>("on", "off");
const ttl = maybe(length("1s", "10s", "1m", "10h", "11h"));
const constant = <const Value>(value: Value): fc.Arbitrary<Value> => fc.constant(value);
const finds = fc.constantFrom("up" as const, "down" as const, "down" as const, "error" as const);

const requests: readonly fc.WeightedArbitrary<Action>[] = [
  {
    weight: 14,
    arbitrary: fc.record({
      do: constant("acquire"),
      on: fc.oneof(
        { weight: 5, arbitrary: fc.tuple(name) },
        { weight: 1, arbitrary: fc.uniqueArray(name, { minLength: 2, maxLength: 3 }) },
      ),
      token: fc.option(token, { nil: undefined, freq: 8 }),
      owner,
      ttl,
      mode: fc.constantFrom<Mode>("shared", "shared", "shared", "exclusive"),
      priority: fc.constantFrom(0, 0, 0, 5, -1),
      wait: fc.constantFrom<CheckLevel>("granted", "powered", "available"),
      timeout: maybe(length("0", "1s", "10s", "1m")),
      reply,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: constant("renew"),
      on: fc.option(name, { nil: undefined, freq: 6 }),
      token,
      owner,
      ttl,
      reply,
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: constant("release"),
      on: fc.option(name, { nil: undefined, freq: 5 }),
      token,
      owner,
      lost: fc.boolean(),
      reply,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: constant("override"),
      on: name,
      mode: fc.constantFrom("auto" as const, "auto" as const, "on" as const, "off" as const),
      until: maybe(length("3s", "30s", "1h")),
      force: fc.boolean(),
      owner: boss,
      reply,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: constant("cycle"), on: name, force: fc.boolean(), owner: boss, reply }),
  },
  { weight: 1, arbitrary: fc.record({ do: constant("tokens"), on: name }) },
  { weight: 1, arbitrary: fc.record({ do: constant("refused"), reply }) },
];

const devices: readonly fc.WeightedArbitrary<Action>[] = [
  {
    weight: 4,
    arbitrary: fc.record({
      do: constant("temper"),
      on,
      temper: fc.constantFrom<Temper>("follows", "follows", "slow", "stuck", "mute", "deaf"),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: constant("hand"), on, position }) },
  { weight: 3, arbitrary: fc.record({ do: constant("reboot"), on, position, says: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: constant("habits"),
      on,
      habits: fc.oneof(
        fc.record({ answers: fc.constantFrom<Habits["answers"]>("truly", "truly", "no", "error") }),
        fc.record({ boots: fc.constantFrom<Habits["boots"]>("soon", "late", "never") }),
        fc.record({
          stops: fc.constantFrom<Habits["stops"]>("soon", "late", "hangs"),
          says: fc.constantFrom<Habits["says"]>("done", "accepted", "failed", "unsure", "nothing"),
        }),
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("halt" as const, "press" as const), on }) },
  { weight: 3, arbitrary: fc.record({ do: constant("guard"), on, finds }) },
  { weight: 1, arbitrary: fc.record({ do: constant("metered"), on, watts: fc.nat(9) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: constant("switcher"),
      on,
      event: fc.constantFrom(
        "switcherConnected" as const,
        "switcherLost" as const,
        "switcherHinted" as const,
      ),
    }),
  },
];

const troubles: readonly fc.WeightedArbitrary<Action>[] = [
  {
    weight: 12,
    arbitrary: fc.record({
      do: constant("pass"),
      length: length("1ms", "20ms", "50ms", "500ms", "1s", "2s", "3s", "5s", "10s", "30s", "1m"),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: constant("wake") }) },
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
  { weight: 4, arbitrary: fc.record({ do: constant("link"), up: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: constant("markers"), return: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: constant("store"), refuses: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: constant("rival"), there: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: constant("clocks"), still: fc.boolean(), by: length("6s", "1h") }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: constant("reconfigure"),
      on: maybe(on),
      offDelay: maybe(length("0", "2s", "15s")),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: constant("crash"),
      late: fc.boolean(),
      away: length("0", "1s", "20s", "2m"),
    }),
  },
];

export const action: fc.Arbitrary<Action> = fc.oneof(...requests, ...devices, ...troubles);
