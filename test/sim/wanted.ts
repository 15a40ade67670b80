// Who wants what, derived for the checks from what is on the disk and from the settings in force: the same questions that the core asks
// itself, answered once more without it.

import type { OverrideRecord } from "../../src/core/changes.ts";
import type { Facts } from "./facts.ts";

/** The resources that an outlet powers. */
export const poweredBy = ({ settings }: Facts, outlet: string): string[] =>
  [...settings.resources.values()].filter(({ outlets }) => outlets.includes(outlet)).map(({ name }) => name);

export const outletsOf = ({ settings }: Facts, resource: string): readonly string[] =>
  settings.resources.get(resource)?.outlets ?? [];

/** With itself. */
export function withNeeds({ settings }: Facts, resource: string): string[] {
  const all = [resource];
  for (const one of all) {
    all.push(...(settings.resources.get(one)?.needs ?? []).filter((need) => !all.includes(need)));
  }
  return all;
}

export const dependentsOf = ({ settings }: Facts, resource: string): string[] =>
  [...settings.resources.values()].filter(({ needs }) => needs.includes(resource)).map(({ name }) => name);

/** With itself. */
export function withDependents(facts: Facts, resource: string): string[] {
  const all = [resource];
  for (const one of all) {
    all.push(...dependentsOf(facts, one).filter((dependent) => !all.includes(dependent)));
  }
  return all;
}

export const lockoutOn = (facts: Facts, outlet: string): OverrideRecord | undefined =>
  [...facts.disk().overrides()].find(({ outlets }) => outlets.includes(outlet));

/** On its outlets, or on those of something that it needs. */
export function lockoutOf(facts: Facts, resource: string): OverrideRecord | undefined {
  for (const outlet of withNeeds(facts, resource).flatMap((one) => outletsOf(facts, one))) {
    const found = lockoutOn(facts, outlet);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** All that a lockout of this resource makes unusable: what is on its outlets, and what needs any of that. */
export const coveredBy = (facts: Facts, resource: string): Set<string> =>
  new Set(
    outletsOf(facts, resource)
      .flatMap((outlet) => poweredBy(facts, outlet))
      .flatMap((one) => withDependents(facts, one)),
  );

export const isCycledOff = (facts: Facts, resource: string): boolean =>
  facts.disk().resource(resource)?.cycle?.stage === "off";

/** An operator cuts it without a shutdown, whoever holds it. */
export const isForced = (facts: Facts, resource: string): boolean =>
  withNeeds(facts, resource)
    .flatMap((one) => outletsOf(facts, one))
    .some((outlet) =>
      [...facts.disk().overrides()].some(({ force, outlets }) => force && outlets.includes(outlet)),
    ) ||
  (isCycledOff(facts, resource) && facts.disk().resource(resource)?.cycle?.force === true);

/** An operator wants it off: neither `offDelay` nor `minOn` is waited for. */
export const isUrgent = (facts: Facts, resource: string): boolean =>
  lockoutOf(facts, resource) !== undefined || isCycledOff(facts, resource);

/** Someone may want it on: it or what needs it is held, kept on, kept warm, or on its way back from a power cycle. */
export const mayBeWanted = (facts: Facts, resource: string): boolean =>
  withDependents(facts, resource).some(
    (one) =>
      facts.tokensOf(one).length > 0 ||
      facts.disk().resource(one)?.cycle?.stage === "on" ||
      [...facts.disk().overrides()].some((record) => record.mode === "on" && record.resource === one) ||
      [...facts.settings.pools.values()].some(({ warm, members }) => warm > 0 && members.includes(one)),
  );
