// Rules for which resource is on which outlets: outlets that there are not, the same one twice, and orders of switching that
// outlets shared by several resources make impossible.

import { outletsNamed, outletsOf, switcherOf } from "./devices.ts";
import { atValue, type Finding } from "./explain.ts";
import { quote } from "./mistakes.ts";
import type { Subject } from "./subject.ts";
import { listOf, suggester } from "./suggest.ts";

export const outletRules = (subject: Subject): readonly Finding[] => [
  ...outlets(subject),
  ...neededOnSameOutlet(subject),
];

function outlets({ values: { switchers, resources }, names: known, broken }: Subject): Finding[] {
  const nearest = suggester(known.switchers);
  const problemOf = (outlet: string): string | undefined => {
    const [name = "", ...rest] = outlet.split("/");
    const options = switcherOf(outlet, switchers);
    if (options === undefined) {
      return broken("switchers", name) || broken("switchers")
        ? undefined
        : sayUnknownSwitcher(outlet, name, nearest(name), known.switchers);
    }
    const ids = outletsOf(name, options);
    return ids.includes(outlet) ? undefined : sayWrongOutlet(outlet, name, rest, ids);
  };
  return Object.entries(resources).flatMap(([resource, { switcher }]) => {
    const path = ["resources", resource, "switcher"];
    const seen = new Set<string>();
    return outletsNamed(switcher).flatMap((outlet, index) => {
      const twice = seen.has(outlet)
        ? `the outlet ${quote(outlet)} is named twice here; once is enough`
        : undefined;
      seen.add(outlet);
      const problem = twice ?? problemOf(outlet);
      return problem === undefined
        ? []
        : [atValue(typeof switcher === "string" ? path : [...path, index], problem)];
    });
  });
}

function sayUnknownSwitcher(
  outlet: string,
  name: string,
  near: string | undefined,
  known: readonly string[],
): string {
  const behind = outlet.slice(name.length);
  if (known.length === 0) {
    return `there is no switcher for ${quote(outlet)}: the section 'switchers' is missing or empty`;
  }
  return near === undefined
    ? `there is no switcher for ${quote(outlet)}; known are ${listOf(known)}`
    : `there is no switcher for ${quote(outlet)}; did you mean '${near}${/^\/\d+$/.test(behind) ? behind : ""}'?`;
}

function sayWrongOutlet(
  outlet: string,
  name: string,
  rest: readonly string[],
  ids: readonly string[],
): string {
  if (ids.length === 1 && ids[0] === name) {
    return `there is no outlet ${quote(outlet)}: ${name} has one outlet; write '${name}'`;
  }
  const all = ids.length === 1 ? "outlet 1" : `outlets 1 to ${ids.length}`;
  const example = ids.length === 1 ? `'${name}/1'` : `one of '${name}/1' to '${name}/${ids.length}'`;
  return rest.length === 0
    ? `${name} is a group: it has ${all}; write ${example}`
    : `there is no outlet ${quote(outlet)}: ${name} has ${all}; write ${example}`;
}

/** What needs another is switched on after it and off before it, which one outlet for both does not allow. */
function neededOnSameOutlet({ values: { resources } }: Subject): Finding[] {
  const named = new Map(
    Object.entries(resources).map(([name, { switcher }]) => [name, [...new Set(outletsNamed(switcher))]]),
  );
  const users = new Map<string, number>();
  for (const outlet of [...named.values()].flat()) {
    users.set(outlet, (users.get(outlet) ?? 0) + 1);
  }
  return [...named].flatMap(([name, own]) => {
    const shared = new Set(own.filter((outlet) => (users.get(outlet) ?? 0) > 1));
    return shared.size === 0 ? [] : neededOn(shared, name, named, resources);
  });
}

/** Down the needs of one resource, each once; told at its own need that leads there. */
function neededOn(
  shared: ReadonlySet<string>,
  name: string,
  named: ReadonlyMap<string, readonly string[]>,
  resources: Subject["values"]["resources"],
): Finding[] {
  const needsOf = (of: string): readonly string[] =>
    Object.hasOwn(resources, of) ? (resources[of]?.needs ?? []) : [];
  const seen = new Set([name]);
  return needsOf(name).flatMap((first, index): Finding[] => {
    const open = [first];
    for (let need = open.pop(); need !== undefined; need = open.pop()) {
      if (!seen.has(need)) {
        seen.add(need);
        const outlet = named.get(need)?.find((one) => shared.has(one));
        if (outlet !== undefined) {
          const way = need === first ? "" : ` (needed through ${quote(first)})`;
          return [
            atValue(
              ["resources", name, "needs", index],
              `${quote(name)} and ${quote(need)}${way} are both on the outlet ${quote(outlet)}, so that neither can be switched on before ` +
                "the other; give them outlets of their own, or take the need out",
            ),
          ];
        }
        open.push(...needsOf(need));
      }
    }
    return [];
  });
}
