// Builds the tree of places while YAML is read: fed with what begins and ends, in file order. It finds duplicate keys and
// aliases that would grow out of bounds on the way, because only here are they seen before they are resolved.

import { pathText } from "./mistakes.ts";
import type { PlaceNode } from "./places.ts";

interface OffsetMistake {
  readonly offset: number;
  readonly path: string;
  readonly message: string;
}

export interface PlaceMap {
  readonly root: PlaceNode | undefined;
  readonly mistakes: readonly OffsetMistake[];
  /** True: the next scalar is a key. */
  awaitsKey(): boolean;
  open(kind: Frame["kind"], start: number, anchor: string | undefined): void;
  close(): void;
  key(name: string, offset: number, merge: boolean): void;
  /** @param offset -1 for an empty one */
  scalar(offset: number, anchor: string | undefined): void;
  /** @returns false when reading must end here; `mistakes` says why */
  alias(name: string, offset: number): boolean;
  mistake(offset: number, name: string, message: string): void;
}

/** A mapping, a list or the document, while it is being read. */
interface Frame {
  readonly kind: "mapping" | "sequence" | "document";
  readonly start: number;
  readonly anchor: string | undefined;
  readonly children: Map<string, PlaceNode>;
  /** Names that came from a merge key: an own key may replace them. */
  readonly merged: Set<string>;
  /** Where its own key or item stands, and its name in what it stands in. */
  readonly keyOffset: number;
  readonly name: string;
  key: { readonly name: string; readonly offset: number; readonly merge: boolean } | undefined;
  size: number;
}

/** A few hundred bytes of nested aliases can stand for billions of values; a real file repeats some thousand. */
export const mostAliased = 100_000;

export function createPlaceMap(): PlaceMap {
  const mistakes: OffsetMistake[] = [];
  const anchors = new Map<string, PlaceNode | "open">();
  const frames: Frame[] = [];
  let aliased = 0;
  let root: PlaceNode | undefined;

  const mistake = (offset: number, name: string, message: string): void => {
    const path = pathText([...frames.map((frame) => frame.name), name].filter((part) => part !== ""));
    mistakes.push({ offset, path, message });
  };

  /** What the next node is called, and where its key (or itself, in a list) stands. */
  const slot = (offset: number): { readonly name: string; readonly keyOffset: number } => {
    const frame = frames.at(-1);
    if (frame?.key !== undefined) {
      return { name: frame.key.name, keyOffset: frame.key.offset };
    }
    return {
      name: frame?.kind === "sequence" ? String(frame.children.size) : "",
      keyOffset: Math.max(offset, 0),
    };
  };

  const place = (node: PlaceNode): void => {
    const frame = frames.at(-1);
    if (frame === undefined) {
      return;
    }
    frame.size += node.size;
    if (frame.kind === "document") {
      root = node;
    } else if (frame.kind === "sequence") {
      frame.children.set(String(frame.children.size), node);
    } else if (frame.key !== undefined) {
      const { name, offset, merge } = frame.key;
      frame.key = undefined;
      if (merge) {
        mergeInto(frame, node);
        return;
      }
      if (frame.children.has(name) && !frame.merged.has(name)) {
        mistake(offset, name, "is given twice in the same place; keep one of the two");
      }
      frame.merged.delete(name);
      frame.children.set(name, node);
    }
  };

  return {
    get root() {
      return root;
    },
    mistakes,
    mistake,
    awaitsKey: () => frames.at(-1)?.kind === "mapping" && frames.at(-1)?.key === undefined,
    open: (kind, start, anchor) => {
      if (anchor !== undefined) {
        anchors.set(anchor, "open");
      }
      const { name, keyOffset } = slot(start);
      frames.push({
        kind,
        start,
        anchor,
        name,
        keyOffset,
        children: new Map(),
        merged: new Set(),
        key: undefined,
        size: 1,
      });
    },
    close: () => {
      const closed = frames.pop();
      if (closed === undefined || closed.kind === "document") {
        return;
      }
      const { keyOffset, start, kind, children, size, anchor } = closed;
      const node = { keyOffset, valueOffset: start, list: kind === "sequence", children, size };
      if (anchor !== undefined) {
        anchors.set(anchor, node);
      }
      place(node);
    },
    key: (name, offset, merge) => {
      const frame = frames.at(-1);
      if (frame !== undefined) {
        frame.key = { name, offset: Math.max(offset, 0), merge };
      }
      if (name === "__proto__") {
        mistake(offset, name, "is not a possible name");
      }
    },
    scalar: (offset, anchor) => {
      const { keyOffset } = slot(offset);
      const node = leaf(keyOffset, offset === -1 ? keyOffset : offset);
      if (anchor !== undefined) {
        anchors.set(anchor, node);
      }
      place(node);
    },
    alias: (name, offset) => {
      const target = anchors.get(name);
      const own = slot(offset);
      if (target === "open") {
        mistake(offset, own.name, `the alias *${name} stands inside what it stands for`);
        return false;
      }
      if (target === undefined) {
        // The parser words this one.
        place(leaf(own.keyOffset, offset));
        return true;
      }
      aliased += target.size;
      if (aliased > mostAliased) {
        mistake(
          offset,
          own.name,
          `the aliases of this file stand for over ${mostAliased} values; use fewer of them`,
        );
        return false;
      }
      place({ ...target, keyOffset: own.keyOffset, valueOffset: offset });
      return true;
    },
  };
}

const leaf = (keyOffset: number, valueOffset: number): PlaceNode => ({
  keyOffset,
  valueOffset,
  list: false,
  children: new Map(),
  size: 1,
});

/** `<<: *a` or `<<: [*a, *b]`: what is not given here stands where it was written. The first source wins. */
function mergeInto(frame: Frame, node: PlaceNode): void {
  for (const source of node.list ? node.children.values() : [node]) {
    for (const [name, child] of source.children) {
      if (!frame.children.has(name)) {
        frame.children.set(name, child);
        frame.merged.add(name);
      }
    }
  }
}
