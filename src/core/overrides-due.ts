// When overrides end by themselves (`until`). Making, lifting and what they do to a resource is in override.ts.

import type { Book } from "./book.ts";
import { setDeadline } from "./deadlines.ts";

/** Set the deadline of every override that has one. */
export function scheduleOverrides(book: Book): void {
  for (const { resource, until } of book.overrides.values()) {
    setDeadline(book.deadlines, { kind: "override", resource }, until);
  }
}
