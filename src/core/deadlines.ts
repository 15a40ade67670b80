// Every deadline of the book in one binary heap with an index by key, so that setting, moving and clearing one costs O(log n)
// and the next is known at once. It decides nothing: what is due is handed back to step.ts.

import type { Instant } from "./time.ts";

/** Whose deadline it is. There is at most one per subject. */
export type Subject =
  | { readonly kind: "token"; readonly resource: string; readonly token: string }
  | { readonly kind: "resource"; readonly name: string }
  | { readonly kind: "outlet"; readonly name: string }
  | { readonly kind: "switcher"; readonly name: string }
  | { readonly kind: "check"; readonly name: string }
  | { readonly kind: "guard"; readonly name: string }
  | { readonly kind: "queued"; readonly number: number }
  | { readonly kind: "override"; readonly resource: string }
  | { readonly kind: "meter"; readonly name: string }
  | { readonly kind: "link" }
  | { readonly kind: "ended" };

interface Entry {
  readonly key: string;
  readonly subject: Subject;
  at: Instant;
  index: number;
}

export interface Deadlines {
  readonly heap: Entry[];
  readonly byKey: Map<string, Entry>;
}

export const noDeadlines = (): Deadlines => ({ heap: [], byKey: new Map() });

/** Set or move the subject's deadline; `undefined` clears it. */
export function setDeadline(deadlines: Deadlines, subject: Subject, at: Instant | undefined): void {
  const key = keyOf(subject);
  const entry = deadlines.byKey.get(key);
  if (entry === undefined) {
    if (at !== undefined) {
      const added = { key, subject, at, index: deadlines.heap.length };
      deadlines.byKey.set(key, added);
      deadlines.heap.push(added);
      rise(deadlines.heap, added);
    }
  } else if (at === undefined) {
    remove(deadlines, entry);
  } else {
    entry.at = at;
    rise(deadlines.heap, entry);
    sink(deadlines.heap, entry);
  }
}

export const nextDeadline = (deadlines: Deadlines): Instant | undefined => deadlines.heap[0]?.at;

/** Takes out every subject whose deadline is at or before `at`, the earliest first. */
export function takeDue(deadlines: Deadlines, at: Instant): Subject[] {
  const due: Subject[] = [];
  for (let first = deadlines.heap[0]; first !== undefined && first.at <= at; first = deadlines.heap[0]) {
    remove(deadlines, first);
    due.push(first.subject);
  }
  return due;
}

function keyOf(subject: Subject): string {
  switch (subject.kind) {
    case "token":
      return `token ${subject.resource} ${subject.token}`;
    case "resource":
    case "outlet":
    case "switcher":
    case "check":
    case "guard":
    case "meter":
      return `${subject.kind} ${subject.name}`;
    case "queued":
      return `queued ${subject.number}`;
    case "override":
      return `override ${subject.resource}`;
    case "link":
    case "ended":
      return subject.kind;
  }
}

function remove(deadlines: Deadlines, entry: Entry): void {
  deadlines.byKey.delete(entry.key);
  const last = deadlines.heap.pop();
  if (last !== undefined && last !== entry) {
    last.index = entry.index;
    deadlines.heap[last.index] = last;
    rise(deadlines.heap, last);
    sink(deadlines.heap, last);
  }
}

function rise(heap: Entry[], entry: Entry): void {
  for (;;) {
    const parent = heap[(entry.index - 1) >> 1];
    if (parent === undefined || parent.at <= entry.at) {
      return;
    }
    swap(heap, parent, entry);
  }
}

function sink(heap: Entry[], entry: Entry): void {
  for (;;) {
    const left = heap[entry.index * 2 + 1];
    const right = heap[entry.index * 2 + 2];
    const child = right !== undefined && left !== undefined && right.at < left.at ? right : left;
    if (child === undefined || child.at >= entry.at) {
      return;
    }
    swap(heap, entry, child);
  }
}

function swap(heap: Entry[], above: Entry, below: Entry): void {
  const index = above.index;
  above.index = below.index;
  below.index = index;
  heap[above.index] = above;
  heap[below.index] = below;
}
