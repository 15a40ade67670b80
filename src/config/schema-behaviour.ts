// How resources behave: what may stand in `defaults` and in each resource, and what holds where neither says anything.

import { z } from "zod";
import { duration } from "../adapters/options.ts";
import { millis } from "../core/time.ts";
import { positive } from "./fields.ts";

/** Nothing below a second: expiry is exact to a second. */
const validity = duration.refine((length) => length >= 1000, {
  error: "is shorter than 1s, the least validity of a token",
});

const ttl = z
  .strictObject({
    default: validity.optional().meta({
      description: "Validity of a token that names none; a duration. Default 12h.",
    }),
    max: validity.optional().meta({
      description: "The longest validity that may be asked for at once; a duration. Default 7d.",
    }),
    total: duration.optional().meta({
      description:
        "What renewals may add up to, from the first reply `ok`; a duration. Default 0, which is no limit.",
    }),
  })
  .meta({ description: "How long tokens are valid." });

/** What may stand in `defaults` and in each resource. Absent in a resource: as in `defaults`; absent there, too: the default told. */
export const behaviour = {
  ttl: ttl.optional(),
  offDelay: duration.optional().meta({
    description: "From the last release to power-off; a duration. Default 1m. 0: at once.",
  }),
  bootTimeout: positive.optional().meta({
    description:
      "From power-on to available; after it the problem `boot-timeout`. A duration above 0. Default 5m.",
  }),
  bootRetries: z.int().min(0).max(100).optional().meta({
    description:
      "How many power cycles are tried before `boot-timeout` is told, 0 to 100. Default 0, which is none.",
  }),
  minOn: duration.optional().meta({
    description: "The least time between power-on and power-off; a duration. Default 5s. 0: none.",
  }),
  minOff: duration.optional().meta({
    description: "The least time between power-off and power-on; a duration. Default 10s. 0: none.",
  }),
  switchTimeout: positive.optional().meta({
    description:
      "How long a switcher may take to confirm a command, repeats included, until the problem `switch-mismatch` is told. " +
      "A duration above 0. Default 30s.",
  }),
  onExternalOn: z
    .enum(["adopt", "reclaim", "ignore"])
    .optional()
    .meta({
      description:
        "What happens when it is switched on from outside with no token: `adopt` leaves it alone, `reclaim` switches it off after " +
        "`offDelay`, `ignore` does nothing. Default adopt.",
    }),
  onExternalOff: z
    .enum(["respect", "restore"])
    .optional()
    .meta({
      description:
        "What happens when it is switched off by hand while wanted: `respect` leaves it off and tells the problem `external-off`, " +
        "`restore` switches it on again, three times in ten minutes; a fourth time it is left off. Default respect.",
    }),
};

const behaviours = z.strictObject(behaviour);
export type Behaviour = z.output<typeof behaviours>;

/** What holds where neither the resource nor `defaults` says anything. */
export const behaviourDefaults = {
  ttl: { default: millis(12 * 3_600_000), max: millis(7 * 86_400_000), total: millis(0) },
  offDelay: millis(60_000),
  bootTimeout: millis(5 * 60_000),
  bootRetries: 0,
  minOn: millis(5_000),
  minOff: millis(10_000),
  switchTimeout: millis(30_000),
  onExternalOn: "adopt",
  onExternalOff: "respect",
} as const;
