// Rules for resources and pools that name each other: needs, members, and how many members a pool can keep warm. Circles of needs are
// rules-circles.ts's.

import { atValue, type Finding } from "./explain.ts";
import { type Path, quote } from "./mistakes.ts";
import type { Subject } from "./subject.ts";
import { listOf, suggester } from "./suggest.ts";

export const referenceRules = (subject: Subject): readonly Finding[] => [
  ...references(subject),
  ...warmth(subject),
];

function references({ values: { resources, pools }, names }: Subject): Finding[] {
  const known = new Set(names.resources);
  const poolNames = new Set(names.pools.filter((name) => !known.has(name)));
  const nearest = suggester(names.resources);
  const sayUnknown = (name: string): string => {
    const near = nearest(name);
    const meant = near === undefined ? `; known are ${listOf(names.resources)}` : `; did you mean '${near}'?`;
    return known.size === 0
      ? `there is no resource ${quote(name)}: the section 'resources' is missing or empty`
      : `there is no resource ${quote(name)}${meant}`;
  };
  const listed = (list: readonly string[], path: Path, sayPool: (name: string) => string): Finding[] => {
    const seen = new Set<string>();
    return list.flatMap((name, index) => {
      const twice = seen.has(name);
      seen.add(name);
      if (known.has(name) && !twice) {
        return [];
      }
      const problem = twice
        ? `${quote(name)} is named twice here; once is enough`
        : poolNames.has(name)
          ? sayPool(name)
          : sayUnknown(name);
      return [atValue([...path, index], problem)];
    });
  };
  return [
    ...Object.entries(resources).flatMap(([name, { needs }]) =>
      listed(
        needs,
        ["resources", name, "needs"],
        (pool) =>
          `${quote(pool)} is a pool, and only resources can be needed; name those of its members that have to be on`,
      ),
    ),
    ...Object.entries(pools).flatMap(([name, { members }]) =>
      listed(
        members,
        ["pools", name, "members"],
        (pool) => `${quote(pool)} is a pool, and members are resources; name the resources`,
      ),
    ),
  ];
}

function warmth({ values: { pools } }: Subject): Finding[] {
  return Object.entries(pools).flatMap(([name, { members, warm }]) => {
    const count = new Set(members).size;
    return warm > count
      ? [
          atValue(
            ["pools", name, "warm"],
            `${warm} members cannot be kept available where there are ${count}; write 0 to ${count}`,
          ),
        ]
      : [];
  });
}
