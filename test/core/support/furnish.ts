// The lines of a transcript that say what the lab is: `resource big outlet=psu1,psu2 needs=switch shutdown`, `pool builders
// m1,m2 warm=1`. What is not said is as in the configuration file's defaults (lab.ts).

import type {
  CheckSettings,
  PoolSettings,
  ResourceSettings,
  ShutdownSettings,
} from "../../../src/core/settings.ts";
import { usualCheck, usualResource, usualShutdown } from "./lab.ts";
import { lengthOf, type Line, listOf, numberOf, oneOf, type Options, word } from "./line.ts";

/** @param plugs its outlets unless the line names them */
export function resourceOf(
  name: string,
  plugs: readonly string[],
  { words, options }: Line,
): ResourceSettings {
  const outlets = options.has("outlet") ? listOf(options.get("outlet")) : plugs;
  const usual = usualResource(name, ...outlets);
  return {
    ...usual,
    needs: listOf(options.get("needs")),
    capacity: numberOf(options, "capacity") ?? usual.capacity,
    ttl: {
      default: lengthOf(options, "ttl") ?? usual.ttl.default,
      max: lengthOf(options, "ttlMax") ?? usual.ttl.max,
      total: lengthOf(options, "ttlTotal") ?? usual.ttl.total,
    },
    offDelay: lengthOf(options, "offDelay") ?? usual.offDelay,
    bootTimeout: lengthOf(options, "bootTimeout") ?? usual.bootTimeout,
    bootRetries: numberOf(options, "bootRetries") ?? usual.bootRetries,
    minOn: lengthOf(options, "minOn") ?? usual.minOn,
    minOff: lengthOf(options, "minOff") ?? usual.minOff,
    switchTimeout: lengthOf(options, "switchTimeout") ?? usual.switchTimeout,
    onExternalOn: oneOf(options, "onExternalOn", ["adopt", "reclaim", "ignore"]),
    onExternalOff: oneOf(options, "onExternalOff", ["respect", "restore"]),
    check: words.includes("check")
      ? checkOf(options, { interval: "interval", rise: "rise", fall: "fall" })
      : undefined,
    shutdown: words.includes("shutdown") ? shutdownOf(options) : undefined,
    keepWhile: words.includes("keepWhile")
      ? checkOf(options, { interval: "guardInterval", rise: "guardRise", fall: "guardFall" })
      : undefined,
  };
}

const checkOf = (
  options: Options,
  names: { readonly interval: string; readonly rise: string; readonly fall: string },
): CheckSettings => ({
  interval: lengthOf(options, names.interval) ?? usualCheck.interval,
  timeout: usualCheck.timeout,
  rise: numberOf(options, names.rise) ?? usualCheck.rise,
  fall: numberOf(options, names.fall) ?? usualCheck.fall,
});

const shutdownOf = (options: Options): ShutdownSettings => ({
  timeout: lengthOf(options, "shutdownTimeout") ?? usualShutdown.timeout,
  settle: lengthOf(options, "settle") ?? usualShutdown.settle,
  idleBelow: numberOf(options, "idleBelow"),
  onTimeout: oneOf(options, "onTimeout", ["keep", "cut"]),
});

export const poolOf = ({ words, options }: Line): PoolSettings => ({
  name: word(words, 0),
  members: listOf(word(words, 1)),
  warm: numberOf(options, "warm") ?? 0,
});
