// Proof that the request link works: a marker goes out and comes back on the same link, after everything that was sent before it.
// What waits for a proof is kept in the book; what a proof allows is decided where it is needed.

import type { Book, Link, Resource, Turn } from "./book.ts";
import { setDeadline } from "./deadlines.ts";
import { after, type Instant, millis, soonerOf } from "./time.ts";

/** A marker is given so long before another one is sent; the drain of a backlog ends then in any case (protocol 4.3 rule 10). */
export const proofWithin = millis(5000);

type Up = Extract<Link, { name: "up" }>;

/** This resource's OFF waits for a proof. A marker already under way may have been sent too early, so one is sent unless it is fresh. */
export function proveLink(turn: Turn, resource: Resource, expiredAt: Instant): void {
  const { book } = turn;
  book.awaitingProof.add(resource.settings.name);
  if (book.link.name === "up" && (book.link.proving === undefined || book.link.proving.sentAt < expiredAt)) {
    sendProof(turn, book.link);
  }
}

export function sendProof(turn: Turn, link: Up): void {
  turn.book.proofs += 1;
  link.proving = { attempt: turn.book.proofs, sentAt: turn.at };
  turn.effects.push({ kind: "prove", attempt: turn.book.proofs });
  setLinkDeadline(turn.book);
}

/** The one deadline of the link: the end of a drain, of the time to learn, or of a marker's time. */
export function setLinkDeadline(book: Book): void {
  setDeadline(book.deadlines, { kind: "link" }, linkDeadline(book.link));
}

function linkDeadline(link: Link): Instant | undefined {
  switch (link.name) {
    case "down":
      return undefined;
    case "draining":
      return link.until;
    case "up":
      return soonerOf(
        link.learned ? undefined : link.learnUntil,
        link.proving === undefined ? undefined : after(link.proving.sentAt, proofWithin),
      );
  }
}
