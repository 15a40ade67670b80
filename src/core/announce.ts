// Small words that all rooms use to put effects into a turn: announce, publish, persist, ignore. No decisions.

import type { Resource, Turn } from "./book.ts";
import type { AnnouncementName } from "./effects.ts";
import type { Book } from "./book.ts";
import { type Instant, isoOf, wallTime } from "./time.ts";

type Fields = Readonly<Record<string, string | number | boolean | null>>;

export const wireTime = (book: Book, at: Instant): string => isoOf(wallTime(at + book.wallOffset));

/** @param resource its name; `undefined` for an event that belongs to no one resource */
export function announce(
  turn: Turn,
  resource: string | undefined,
  event: AnnouncementName,
  fields: Fields,
  to: "users" | "log" = "users",
): void {
  turn.effects.push({
    kind: "announce",
    announcement: { event, resource, time: wireTime(turn.book, turn.at), fields },
    to,
  });
}

/** What happens to tokens also without a connection is told with the next one. */
export function announceOnceUp(
  turn: Turn,
  resource: string | undefined,
  event: AnnouncementName,
  fields: Fields,
): void {
  const { book, at } = turn;
  if (book.link.name === "up") {
    announce(turn, resource, event, fields);
  } else {
    book.untold.push({ event, resource, time: wireTime(book, at), fields });
  }
}

/** The resource's picture changed. Before its state is known nothing is published. */
export function publish(turn: Turn, resource: Resource): void {
  if (resource.shown) {
    resource.publishedAt = turn.at;
    turn.effects.push({ kind: "publish", what: "resource", name: resource.settings.name });
  }
}

export function ignore(turn: Turn, event: string, about: string, because: string): void {
  turn.effects.push({ kind: "ignored", event, about, because });
}
