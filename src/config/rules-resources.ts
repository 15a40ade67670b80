// Rules for resources and switchers: their names, whose outlet is whose, times that contradict each other, and power that goes
// without warning.

import { formatDuration } from "../core/duration.ts";
import { isName, nearestName, reservedNames } from "../core/names.ts";
import type { Millis } from "../core/time.ts";
import { outletsOf } from "./devices.ts";
import { atKey, atValue, type Finding } from "./explain.ts";
import { type Path, quote } from "./mistakes.ts";
import { type Behaviour, behaviourDefaults } from "./schema.ts";
import type { Subject } from "./subject.ts";

export const resourceRules = (subject: Subject): readonly Finding[] => [
  ...names(subject),
  ...outlets(subject),
  ...validities(subject, "mistakes"),
];

export const resourceWarnings = (subject: Subject): readonly Finding[] => [
  ...validities(subject, "warnings"),
  ...unused(subject),
  ...hardCuts(subject),
];

function names({ names: { switchers, resources } }: Subject): Finding[] {
  return [
    ...switchers.flatMap((name) => wrongName("switchers", name)),
    ...resources.flatMap((name) => wrongName("resources", name)),
    ...resources
      .filter((name) => reservedNames.includes(name))
      .map((name) =>
        atKey(
          ["resources", name],
          `'${name}' is reserved for the controller's own topics; take another name`,
        ),
      ),
  ];
}

const wrongName = (section: string, name: string): Finding[] =>
  isName(name)
    ? []
    : [
        atKey(
          [section, name],
          `${quote(name)} is no possible name: letters, digits, '_', '.' and '-', up to 64, beginning with a letter or digit`,
        ),
      ];

function outlets({ values: { switchers, resources }, names: known, broken }: Subject): Finding[] {
  const findings: Finding[] = [];
  const users = new Map<string, string>();
  for (const [resource, { switcher: outlet }] of Object.entries(resources)) {
    const path = ["resources", resource, "switcher"];
    const [name = "", ...rest] = outlet.split("/");
    const options = Object.hasOwn(switchers, name) ? switchers[name] : undefined;
    const user = users.get(outlet);
    if (options === undefined) {
      if (!broken("switchers", name) && !broken("switchers")) {
        findings.push(atValue(path, sayUnknownSwitcher(outlet, name, known.switchers)));
      }
      continue;
    }
    const ids = outletsOf(name, options);
    if (!ids.includes(outlet)) {
      findings.push(atValue(path, sayWrongOutlet(outlet, name, rest, ids)));
    } else if (user === undefined) {
      users.set(outlet, resource);
    } else {
      findings.push(
        atValue(
          path,
          `the outlet '${outlet}' belongs to the resource '${user}' already; an outlet has one resource`,
        ),
      );
    }
  }
  return findings;
}

function sayUnknownSwitcher(outlet: string, name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  const behind = outlet.slice(name.length);
  if (known.length === 0) {
    return `there is no switcher for ${quote(outlet)}: the section 'switchers' is missing or empty`;
  }
  const listed = known.slice(0, 10).join(", ") + (known.length > 10 ? ", ..." : "");
  return near === undefined
    ? `there is no switcher for ${quote(outlet)}; known are ${listed}`
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

/** Validities, where a section sets them: once in `defaults`, once in each resource that changes something. */
function validities(
  { values: { defaults, resources }, broken }: Subject,
  kind: "mistakes" | "warnings",
): Finding[] {
  const sections: (readonly [Path, Behaviour["ttl"], Behaviour["ttl"]])[] = [
    [["defaults", "ttl"], defaults.ttl, undefined],
    ...Object.entries(resources).map(
      ([name, { ttl }]) => [["resources", name, "ttl"], ttl, defaults.ttl] as const,
    ),
  ];
  return sections.flatMap(([path, own, shared]): Finding[] => {
    if (own === undefined || broken("defaults")) {
      return [];
    }
    const length = (field: "default" | "max" | "total"): Millis =>
      own[field] ?? shared?.[field] ?? behaviourDefaults.ttl[field];
    const given = (...fields: readonly ("default" | "max" | "total")[]): Path => [
      ...path,
      fields.find((field) => own[field] !== undefined) ?? "default",
    ];
    const [usual, most, total] = [length("default"), length("max"), length("total")].map(formatDuration);
    if (kind === "mistakes") {
      return length("default") > length("max")
        ? [
            atValue(
              given("default", "max"),
              `the usual validity (ttl.default ${usual}) is longer than the longest (ttl.max ${most})`,
            ),
          ]
        : [];
    }
    return length("total") > 0 && length("total") < length("default")
      ? [
          atValue(
            given("total", "default"),
            `every token ends after ttl.total ${total}, also one of the usual validity (ttl.default ${usual})`,
          ),
        ]
      : [];
  });
}

function unused({ values: { resources }, names: known, namedOutlets, broken }: Subject): Finding[] {
  if (Object.keys(resources).length === 0 && known.resources.length === 0 && !broken("resources")) {
    return [atKey(["resources"], "there are no resources: nothing can be acquired")];
  }
  const named = new Set(namedOutlets.map((outlet) => outlet.split("/")[0]));
  return known.switchers
    .filter((name) => !named.has(name))
    .map((name) => atKey(["switchers", name], "no resource uses this switcher"));
}

/** A host whose power goes without its operating system being told. */
function hardCuts({ values: { resources } }: Subject): Finding[] {
  return Object.entries(resources).flatMap(([name, { check, shutdown }]) =>
    check === undefined || check.type === "exec" || shutdown === "none"
      ? []
      : [
          atKey(
            ["resources", name],
            `lastout will cut the power of the host ${quote(check.host)} without shutting it down; leave it at that only for what may be cut`,
          ),
        ],
  );
}
