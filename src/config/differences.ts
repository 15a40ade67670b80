// What differs between two checked configurations, in sentences for a log, and what of it cannot be taken over by a running controller.
// Whether it may be taken over now is not asked here.

import { isDeepStrictEqual } from "node:util";
import type { Config } from "./config.ts";

/** Sections that are read at a start only. */
const atStartOnly = ["mqtt", "broker", "store"] as const;

/** @returns the top-level keys that differ and need a restart */
export const needingRestart = (before: Config, after: Config): readonly string[] =>
  atStartOnly.filter((key) => !isDeepStrictEqual(before[key], after[key]));

/** The fields of one thing, as they are named in the file. */
type Fields = Readonly<Record<string, unknown>>;

/** More names than these are counted. */
const mostNames = 10;

/** @returns a sentence for every change that needs no restart; none when there is none */
export function differences(before: Config, after: Config): readonly string[] {
  return [
    ...changesOf("resource", resourcesOf(before), resourcesOf(after)),
    ...changesOf("pool", poolsOf(before), poolsOf(after)),
    ...changesOf("switcher", switchersOf(before), switchersOf(after)),
    ...fieldsThatDiffer(generalOf(before), generalOf(after)).map((field) => `${field} changed`),
  ];
}

function changesOf(
  noun: string,
  before: ReadonlyMap<string, Fields>,
  after: ReadonlyMap<string, Fields>,
): readonly string[] {
  const changed = new Map<string, string[]>();
  for (const [name, fields] of after) {
    const known = before.get(name);
    const which = known === undefined ? [] : fieldsThatDiffer(known, fields);
    if (which.length > 0) {
      const key = which.join(", ");
      changed.set(key, [...(changed.get(key) ?? []), name]);
    }
  }
  const added = [...after.keys()].filter((name) => !before.has(name));
  const removed = [...before.keys()].filter((name) => !after.has(name));
  return [
    ...(removed.length > 0 ? [`${named(noun, removed)} removed`] : []),
    ...(added.length > 0 ? [`${named(noun, added)} added`] : []),
    ...[...changed].map(([fields, names]) => `${named(noun, names)} changed: ${fields}`),
  ];
}

function named(noun: string, names: readonly string[]): string {
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : "";
  return `${noun}${names.length === 1 ? "" : "s"} ${names.slice(0, mostNames).join(", ")}${more}`;
}

const fieldsThatDiffer = (before: Fields, after: Fields): readonly string[] =>
  Object.keys({ ...before, ...after }).filter((field) => !isDeepStrictEqual(before[field], after[field]));

function resourcesOf(config: Config): ReadonlyMap<string, Fields> {
  const { settings, checks, guards, shutdowns, descriptions } = config;
  return new Map(
    [...settings.resources].map(([name, { name: _name, outlets, ...fields }]) => [
      name,
      {
        ...fields,
        switcher: outlets,
        description: descriptions.get(name),
        check: [fields.check, checks.get(name)],
        keepWhile: [fields.keepWhile, guards.get(name)],
        shutdown: [fields.shutdown, shutdowns.get(name)],
      },
    ]),
  );
}

const poolsOf = ({ settings }: Config): ReadonlyMap<string, Fields> =>
  new Map([...settings.pools].map(([name, { name: _name, ...fields }]) => [name, fields]));

const switchersOf = ({ settings, switchers }: Config): ReadonlyMap<string, Fields> =>
  new Map(
    [...switchers].map(([name, { options, timeout }]) => [
      name,
      { ...options, timeout, stagger: settings.switchers.get(name)?.stagger },
    ]),
  );

const generalOf = ({ settings, limits, log }: Config): Fields => ({
  access: settings.access,
  operators: settings.operators,
  observe: settings.observe,
  limits: { ...settings.limits, ...limits },
  restartGrace: settings.restartGrace,
  lostGrace: settings.lostGrace,
  log,
});
