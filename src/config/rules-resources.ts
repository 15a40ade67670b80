// Rules for what stands in the file by name: the names themselves, validities that contradict each other, and what nothing uses.
// Outlets, references among resources, and shutdowns have their own files beside.

import { formatDuration } from "../core/duration.ts";
import { isName, reservedNames } from "../core/names.ts";
import type { Millis } from "../core/time.ts";
import { atKey, atValue, type Finding } from "./explain.ts";
import { type Path, quote } from "./mistakes.ts";
import { type Behaviour, behaviourDefaults } from "./schema-behaviour.ts";
import type { Subject } from "./subject.ts";

export const resourceRules = (subject: Subject): readonly Finding[] => [
  ...names(subject),
  ...validities(subject, "mistakes"),
];

export const resourceWarnings = (subject: Subject): readonly Finding[] => [
  ...validities(subject, "warnings"),
  ...unused(subject),
];

function names({ names: { switchers, resources, pools } }: Subject): Finding[] {
  const shared = new Set(resources);
  return [
    ...switchers.flatMap((name) => wrongName("switchers", name)),
    ...resources.flatMap((name) => [...wrongName("resources", name), ...reservedName("resources", name)]),
    ...pools.flatMap((name) => [...wrongName("pools", name), ...reservedName("pools", name)]),
    ...pools
      .filter((name) => shared.has(name))
      .map((name) =>
        atKey(
          ["pools", name],
          `a resource is named ${quote(name)}, too, and both are asked for under their names; take another for the pool`,
        ),
      ),
  ];
}

const reservedName = (section: string, name: string): Finding[] =>
  reservedNames.includes(name)
    ? [atKey([section, name], `'${name}' is reserved for the controller's own topics; take another name`)]
    : [];

const wrongName = (section: string, name: string): Finding[] =>
  isName(name)
    ? []
    : [
        atKey(
          [section, name],
          `${quote(name)} is no possible name: letters, digits, '_', '.' and '-', up to 64, beginning with a letter or digit`,
        ),
      ];

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
              `the usual validity (ttl.default ${usual}) is longer than the longest (ttl.max ${most}); write a ttl.default of at most ${most}, or a longer ttl.max`,
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
