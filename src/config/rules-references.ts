// Rules for resources and pools that name each other: needs, members, circles, and how many members a pool can keep warm.

import { atValue, type Finding } from "./explain.ts";
import { type Path, quote } from "./mistakes.ts";
import type { Subject } from "./subject.ts";
import { listOf, suggester } from "./suggest.ts";

export const referenceRules = (subject: Subject): readonly Finding[] => [
  ...references(subject),
  ...circles(subject),
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

/** In a circle nobody can be the first to be switched on. Each is told once, at the need that closes it. */
function circles({ values: { resources } }: Subject): Finding[] {
  const needsOf = (name: string): readonly string[] | undefined =>
    Object.hasOwn(resources, name) ? resources[name]?.needs : undefined;
  const findings: Finding[] = [];
  const done = new Set<string>();
  for (const start of Object.keys(resources)) {
    // The way down from the start, and at each resource on it the need that is looked at next. Not by recursion: a chain of
    // needs may be as long as the file.
    const way: { readonly name: string; next: number }[] = done.has(start) ? [] : [{ name: start, next: 0 }];
    const onWay = new Map([[start, 0]]);
    for (let here = way.at(-1); here !== undefined; here = way.at(-1)) {
      const index = here.next;
      here.next += 1;
      const need = needsOf(here.name)?.[index];
      const place = need === undefined ? undefined : onWay.get(need);
      if (need === undefined) {
        way.pop();
        onWay.delete(here.name);
        done.add(here.name);
      } else if (place !== undefined) {
        const circle = way.slice(place).map(({ name }) => name);
        findings.push(atValue(["resources", here.name, "needs", index], sayCircle(circle)));
      } else if (!done.has(need) && needsOf(need) !== undefined) {
        onWay.set(need, way.length);
        way.push({ name: need, next: 0 });
      }
    }
  }
  return findings;
}

/** Longer ones than anybody would read are cut in the middle. */
const mostNamed = 30;

/** @param circle in the order of the needs; the last needs the first, and is where this is told */
function sayCircle(circle: readonly string[]): string {
  const last = circle.at(-1);
  if (circle.length < 2 || last === undefined) {
    return "a resource cannot need itself; take this out";
  }
  const steps = circle.map(
    (name, index) => `${index === 0 ? last : String(circle[index - 1])} needs ${name}`,
  );
  const shown =
    steps.length <= mostNamed ? steps : [...steps.slice(0, mostNamed - 1), "...", ...steps.slice(-1)];
  return `needs in a circle: ${shown.join(", ")}; none of them could be the first to be switched on: take one of these needs out`;
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
