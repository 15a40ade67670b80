// Rules for which resource is on which outlets: outlets that there are not, the same one twice, and orders of switching that
// outlets shared by several resources make impossible.

import { outletsNamed, outletsOf, switcherOf } from "./devices.ts";
import { atValue, type Finding } from "./explain.ts";
import { quote } from "./mistakes.ts";
import type { Subject } from "./subject.ts";
import { listOf, suggester } from "./suggest.ts";

export const outletRules = (subject: Subject): readonly Finding[] => [...outlets(subject)];

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
