// The retained state objects of all resources, as a map that is kept up to date, and the names somebody asked for among them.

import { nearestName } from "../core/names.ts";
import { readStateObject, type StateObject } from "./wire.ts";

export interface Picture {
  readonly objects: Map<string, StateObject>;
  /** A message on `<base>/+`. @returns the object, `undefined` when it is none */
  take(name: string, payload: string): StateObject | undefined;
}

/** Far more than a lab has; a broker full of other retained JSON must not fill our memory. */
const mostObjects = 100_000;

export function openPicture(): Picture {
  const objects = new Map<string, StateObject>();
  return {
    objects,
    take: (name, payload) => {
      const object = readStateObject(payload);
      if (object === undefined) {
        objects.delete(name);
      } else if (objects.has(name) || objects.size < mostObjects) {
        objects.set(name, object);
      }
      return object;
    },
  };
}

/** All, sorted, when none is asked for. */
export function choose(
  asked: readonly string[],
  known: ReadonlyMap<string, StateObject>,
): { readonly names: readonly string[]; readonly problems: readonly string[] } {
  const all = [...known.keys()].toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));
  if (asked.length === 0) {
    return { names: all, problems: [] };
  }
  const unique = [...new Set(asked)];
  return {
    names: unique.filter((name) => known.has(name)),
    problems: unique.filter((name) => !known.has(name)).map((name) => unknownResource(name, all)),
  };
}

function unknownResource(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  const cure =
    near === undefined
      ? known.length === 0
        ? "there are none"
        : "'lastout status' lists them"
      : `did you mean '${near}'?`;
  return `no resource or pool is named '${name}'; ${cure} (unknown-resource)`;
}
