// "Did you mean": the sentence about a name that there is not. Which names there are is the rules' knowledge.

import { nearestName } from "../core/names.ts";

/** More than are shown; in a file that is wrong throughout, comparing every name with every other would take minutes. */
const mostCompared = 60;

const mostListed = 10;

/**
 * What to say behind a wrong name: the nearest known one, else which there are. `undefined` when nothing is near.
 * @returns for the first 60 wrong names; for more, as if nothing were near
 */
export function suggester(known: readonly string[]): (wrong: string) => string | undefined {
  const found = new Map<string, string | undefined>();
  return (wrong) => {
    // Every name is near to a single letter.
    if (wrong.length > 1 && !found.has(wrong) && found.size < mostCompared) {
      found.set(wrong, nearestName(wrong, known));
    }
    return found.get(wrong);
  };
}

export const listOf = (known: readonly string[]): string =>
  known.slice(0, mostListed).join(", ") + (known.length > mostListed ? ", ..." : "");
