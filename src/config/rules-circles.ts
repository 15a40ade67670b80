// Rules against needs that lead back to where they came from: no resource of such a circle could be the first to go on, or, where the way
// leads over a shared outlet, the first to go off.

import { outletsNamed } from "./devices.ts";
import { atValue, type Finding } from "./explain.ts";
import { quote } from "./mistakes.ts";
import type { Subject } from "./subject.ts";

export const circleRules = (subject: Subject): readonly Finding[] => [
  ...circles(subject),
  ...circlesOverOutlets(subject),
];

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

/** One of the needs of a resource, seen as a step from all that share outlets with it to all that share outlets with the need. */
interface Step {
  readonly name: string;
  readonly index: number;
  readonly need: string;
  /** The resource that stands for all that share outlets with the need. */
  readonly to: string;
}

/**
 * What shares an outlet goes off together, after all that needs any of it. So seen no group may need itself. Each independent circle is
 * told once, at the need that closes it.
 */
function circlesOverOutlets({ values: { resources } }: Subject): Finding[] {
  const groupOf = groups(resources);
  const steps = new Map<string, Step[]>();
  for (const [name, { needs }] of Object.entries(resources)) {
    for (const [index, need] of needs.entries()) {
      const to = groupOf.get(need);
      if (to !== undefined && need !== name) {
        const from = groupOf.get(name) ?? name;
        add(steps, from, { name, index, need, to });
      }
    }
  }
  const findings: Finding[] = [];
  const done = new Set<string>();
  for (const start of steps.keys()) {
    const way: { readonly group: string; next: number }[] = done.has(start)
      ? []
      : [{ group: start, next: 0 }];
    const onWay = new Map([[start, 0]]);
    for (let here = way.at(-1); here !== undefined; here = way.at(-1)) {
      const step = steps.get(here.group)?.[here.next];
      const place = step === undefined ? undefined : onWay.get(step.to);
      if (step === undefined) {
        way.pop();
        onWay.delete(here.group);
        done.add(here.group);
      } else {
        here.next += 1;
        if (place !== undefined) {
          const circle = way.slice(place).flatMap(({ group, next }) => steps.get(group)?.[next - 1] ?? []);
          if (circle.some(({ need }, at) => need !== circle[(at + 1) % circle.length]?.name)) {
            findings.push(
              atValue(["resources", step.name, "needs", step.index], sayShared(circle, resources)),
            );
          } // else a circle of needs alone, which is told above
        } else if (!done.has(step.to)) {
          onWay.set(step.to, way.length);
          way.push({ group: step.to, next: 0 });
        }
      }
    }
  }
  return findings;
}

/** Every resource with the one that stands for it and for all that are switched together with it. */
function groups(resources: Subject["values"]["resources"]): ReadonlyMap<string, string> {
  const usersOf = new Map<string, string[]>();
  for (const [name, { switcher }] of Object.entries(resources)) {
    for (const outlet of outletsNamed(switcher)) {
      add(usersOf, outlet, name);
    }
  }
  const groupOf = new Map<string, string>();
  for (const first of Object.keys(resources)) {
    const open = groupOf.has(first) ? [] : [first];
    for (const name of open) {
      if (!groupOf.has(name)) {
        groupOf.set(name, first);
        for (const outlet of outletsNamed(resources[name]?.switcher ?? [])) {
          open.push(...(usersOf.get(outlet) ?? [])); // a list goes on over what is added
          usersOf.delete(outlet);
        }
      }
    }
  }
  return groupOf;
}

function add<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) {
    lists.set(key, [value]);
  } else {
    list.push(value);
  }
}

function sayShared(circle: readonly Step[], resources: Subject["values"]["resources"]): string {
  const outletsOf = (name: string): readonly string[] => outletsNamed(resources[name]?.switcher ?? []);
  const steps = circle.map(({ name, need }, at) => {
    const next = circle[(at + 1) % circle.length]?.name ?? name;
    const outlet = outletsOf(need).find((one) => outletsOf(next).includes(one));
    const together = outlet === undefined ? "is switched together" : `is on the outlet ${quote(outlet)}`;
    return `${quote(name)} needs ${quote(need)}${next === need ? "" : `, which ${together} with ${quote(next)}`}`;
  });
  const shown =
    steps.length <= mostNamed ? steps : [...steps.slice(0, mostNamed - 1), "...", ...steps.slice(-1)];
  return (
    `${shown.join("; ")}; neither can be switched on before, nor off after the other: ` +
    "take the need out, or give them outlets of their own"
  );
}
