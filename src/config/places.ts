// Where things stand in a file: from an offset to line and column, and from a path to both. Filled by yaml.ts.

import type { Path } from "./mistakes.ts";

export interface Spot {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 code units. */
  readonly column: number;
}

export interface Places {
  /** Where the key of this path stands; for an item of a list, where the item stands. The nearest thing above it when it is missing. */
  key(path: Path): Spot;
  /** Where the value begins. */
  value(path: Path): Spot;
}

/** Where a node and what is in it stand. */
export interface PlaceNode {
  readonly keyOffset: number;
  readonly valueOffset: number;
  readonly list: boolean;
  readonly children: Map<string, PlaceNode>;
  /** How many values it stands for with all aliases written out. */
  readonly size: number;
}

export function placesOf(root: PlaceNode, spotAt: (offset: number) => Spot): Places {
  const find = (path: Path): { readonly node: PlaceNode; readonly whole: boolean } => {
    let node = root;
    for (const part of path) {
      const next = node.children.get(String(part));
      if (next === undefined) {
        return { node, whole: false };
      }
      node = next;
    }
    return { node, whole: true };
  };
  return {
    key: (path) => spotAt(find(path).node.keyOffset),
    value: (path) => {
      const { node, whole } = find(path);
      return spotAt(whole ? node.valueOffset : node.keyOffset);
    },
  };
}

/** Line and column of an offset; lines end with LF, CRLF or CR, as in YAML. */
export function spotFinder(text: string): (offset: number) => Spot {
  const starts = [0];
  for (const end of text.matchAll(/\r\n?|\n/g)) {
    starts.push(end.index + end[0].length);
  }
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return { line: low + 1, column: Math.max(offset, 0) - (starts[low] ?? 0) + 1 };
  };
}
