// Everything in the file that comes in kinds: switchers, checks, shutdowns. Each kind brings its own fields from its registry;
// here are those that all kinds of a sort share. Not for what one kind alone has.

import { z } from "zod";
import { type CheckerOptions, checkerKinds } from "../adapters/checkers/registry.ts";
import { duration } from "../adapters/options.ts";
import { type ShutdownOptions, shutdownKinds } from "../adapters/shutdowns/registry.ts";
import { type SwitcherOptions, switcherKinds } from "../adapters/switchers/registry.ts";
import { type Millis, millis } from "../core/time.ts";
import { positive } from "./fields.ts";

const switcherTimes = {
  timeout: positive.prefault("5s").meta({
    description: "How long one call to the device may take; a duration above 0.",
  }),
  stagger: duration.optional().meta({
    description:
      "Time between two switch-ons of its outlets, so that not all start drawing at once; a duration. Default 1s for a group, 0 (none) for one outlet.",
  }),
};

const checkTimes = {
  interval: duration
    .refine((length) => length >= 10, {
      error: "is shorter than 10ms; a check would hardly do anything else",
    })
    .prefault("10s")
    .meta({
      description:
        "Time from the end of one check to the next; a duration of at least 10ms. While it starts or stops: 2s, or `interval` when that is shorter.",
    }),
  timeout: positive.optional().meta({
    description:
      "How long one check may take, after which it counts as down; a duration above 0. Default 2s.",
  }),
  rise: z.int().min(1).max(1000).default(1).meta({
    description: "This many successes in a row make it available, 1 to 1000.",
  }),
  fall: z.int().min(1).max(1000).default(3).meta({
    description: "This many failures in a row make it not available, 1 to 1000.",
  }),
};

const shutdownTimes = {
  timeout: positive.prefault("2m").meta({
    description:
      "From the shutdown command until it must be seen to be gone; `settle` comes after that. A duration above 0.",
  }),
  settle: duration.prefault("10s").meta({
    description:
      "It must have been gone for that long before its power is cut; a duration. Machines stop answering " +
      "before their disks are quiet.",
  }),
  idleBelow: z
    .number()
    .gt(0, { error: "is no power that a meter could show less than; write watts above 0" })
    .max(100_000)
    .optional()
    .meta({
      description:
        "Gone means also: fresh readings of the meter are below so many watts, above 0 and up to 100000. Only where the switcher " +
        "measures. Absent: the meter is not asked.",
    }),
  onTimeout: z.enum(["keep", "cut"]).default("keep").meta({
    description:
      "When it is not gone in time: `keep` leaves it on, with the problem `shutdown-timeout`; `cut` cuts its power all the same.",
  }),
};

interface CheckTimes {
  readonly interval: Millis;
  readonly timeout?: Millis | undefined;
  readonly rise: number;
  readonly fall: number;
}

interface ShutdownTimes {
  readonly timeout: Millis;
  readonly settle: Millis;
  readonly idleBelow?: number | undefined;
  readonly onTimeout: "keep" | "cut";
}

interface SwitcherTimes {
  readonly timeout: Millis;
  readonly stagger?: Millis | undefined;
}

export type CheckEntry = CheckerOptions & CheckTimes;
export type ShutdownEntry = ShutdownOptions & ShutdownTimes;
export type SwitcherEntry = SwitcherOptions & SwitcherTimes;

/** Checks take this long at most where the file does not say. */
export const checkTimeoutDefault = millis(2_000);

/** Where the file does not say, and there are several outlets. */
export const groupStaggerDefault = millis(1_000);

/** All kinds, each with the common fields; the kinds' own checks stay. */
function kindsWith<Entry>(
  kinds: readonly { readonly options: z.ZodObject }[],
  common: z.core.$ZodShape,
  description: string,
): z.ZodType<Entry> {
  const [first, ...rest] = kinds.map(({ options }) => options.safeExtend(common));
  if (first === undefined) {
    throw new TypeError("a registry is empty");
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Entry is the union of the kinds' outputs with the common fields', which the type of `map` cannot say
  return z.discriminatedUnion("type", [first, ...rest]).meta({ description }) as unknown as z.ZodType<Entry>;
}

export const switcherEntry = kindsWith<SwitcherEntry>(
  switcherKinds,
  switcherTimes,
  "A device that switches outlets. One outlet is named by the switcher's name alone, those of a group NAME/1, NAME/2 and so on.",
);

export const checkEntry = kindsWith<CheckEntry>(
  checkerKinds,
  checkTimes,
  "How to find out whether the resource answers. Absent: it is available as soon as it is powered.",
);

/** A check of any kind, asked for another reason. */
export const guardEntry = kindsWith<CheckEntry>(
  checkerKinds,
  checkTimes,
  "While this check says up (somebody is logged in, a backup runs), the resource is neither shut down nor switched off. " +
    "Absent: nothing keeps it on but its users.",
);

export const shutdownEntry = kindsWith<ShutdownEntry>(
  shutdownKinds,
  shutdownTimes,
  "How it is told to shut down before its power is cut.",
);
