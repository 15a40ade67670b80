// The queues (protocol 4.3 rule 6): a request stands in those of everything that it may be granted on, and leaves them all at once.
// Only heads are served, so nobody overtakes; the order is one over the whole controller, so two requests never wait for each other.

import { announce, publish } from "./announce.ts";
import { type Book, endedKey, isKnown, type Queued, type Resource, touch, type Turn } from "./book.ts";
import type { QueuedRecord } from "./changes.ts";
import { setDeadline } from "./deadlines.ts";
import { choose, type Claim, comesBefore, grant, standingOf } from "./grant.ts";
import { usersOf } from "./pools.ts";
import type { ErrorCode } from "./requests.ts";
import { soonerOf } from "./time.ts";
import { remember, subjectOf } from "./tokens.ts";
import { answerLater, tellWaiters } from "./waits.ts";

/** Grant what can be granted now to those who stand ahead of all others here. */
export function serveQueue(turn: Turn, resource: Resource): void {
  for (;;) {
    const [head] = resource.queue;
    const chosen = head && choose(turn.book, head.record, head.resources, () => true);
    if (head === undefined || chosen === undefined) {
      return;
    }
    leaveQueue(turn, head);
    grant(turn, head.record, chosen, answerLater);
  }
}

export function enqueue(turn: Turn, record: QueuedRecord, standing: readonly Resource[]): void {
  const { book } = turn;
  const queued = enter(book, record, standing);
  putQueued(turn, queued, record);
  look(turn, queued);
  const position = Math.max(...standing.map(({ queue }) => placeIn(queue, record) + 1));
  for (const name of record.asked) {
    announce(turn, name, "queued", {
      token: record.token,
      owner: record.owner,
      users: usersOf(book, name),
      position,
    });
  }
}

/** What changed of a request that stays in the queue; its place does not. */
export function putQueued(turn: Turn, queued: Queued, record: QueuedRecord): void {
  queued.record = record;
  turn.effects.push({ kind: "persist", change: { kind: "queued", number: record.number, record } });
  setQueuedDeadline(turn.book, record);
}

/** From the store into the book, after the tokens. @returns false if something that it asks for has left the configuration */
export function restoreQueued(book: Book, record: QueuedRecord): boolean {
  if (!record.asked.every((name) => isKnown(book, name))) {
    return false;
  }
  enter(book, record, standingOf(book, record));
  setQueuedDeadline(book, record);
  return true;
}

function enter(book: Book, record: QueuedRecord, resources: readonly Resource[]): Queued {
  const pools = record.asked.flatMap((name) => book.pools.get(name) ?? []);
  const queued: Queued = { record, resources, pools };
  for (const { queue } of [...resources, ...pools]) {
    queue.splice(placeIn(queue, record), 0, queued);
  }
  for (const key of keysOf(queued)) {
    book.queuedIds.set(key, queued);
  }
  book.queued.set(record.number, queued);
  book.nextNumber = Math.max(book.nextNumber, record.number + 1);
  return queued;
}

/** It leaves ungranted, and the event says why. */
export function endQueued(
  turn: Turn,
  queued: Queued,
  event: "released" | "lost" | "rejected",
  fields: Readonly<Record<string, string>>,
): void {
  const { record } = queued;
  leaveQueue(turn, queued);
  remember(turn, { ...record, resources: [] }, event);
  for (const name of record.asked) {
    announce(turn, name, event, {
      token: record.token,
      owner: record.owner,
      users: usersOf(turn.book, name),
      heldSeconds: 0,
      ...fields,
    });
  }
}

/** It leaves, and all that wait for it hear why. */
export function failQueued(turn: Turn, queued: Queued, error: ErrorCode, message: string): void {
  tellWaiters(turn, queued.record, queued.record.waiters, error, message);
  endQueued(turn, queued, "rejected", { error, message });
}

function leaveQueue(turn: Turn, queued: Queued): void {
  const { book } = turn;
  const { record } = queued;
  for (const { queue } of [...queued.resources, ...queued.pools]) {
    queue.splice(placeIn(queue, record), 1);
  }
  for (const key of keysOf(queued)) {
    book.queuedIds.delete(key);
  }
  book.queued.delete(record.number);
  setDeadline(book.deadlines, { kind: "queued", number: record.number }, undefined);
  turn.effects.push({
    kind: "persist",
    change: { kind: "queued", number: record.number, record: undefined },
  });
  look(turn, queued);
}

/** All tokens and queued requests are off the book, so that the durable part can be loaded again. */
export function forgetClaims(book: Book): void {
  for (const resource of book.resources.values()) {
    for (const { record } of resource.tokens.values()) {
      setDeadline(book.deadlines, subjectOf(record), undefined);
    }
    resource.tokens.clear();
    resource.waiting.clear();
    resource.queue.length = 0;
  }
  for (const { queue } of book.pools.values()) {
    queue.length = 0;
  }
  for (const number of book.queued.keys()) {
    setDeadline(book.deadlines, { kind: "queued", number }, undefined);
  }
  book.queued.clear();
  book.queuedIds.clear();
  book.several.clear();
  book.fromPools.clear();
  book.overdue.clear();
  book.tokenCount = 0;
}

/** Over each of these names the id is looked for. */
const keysOf = ({ record, resources }: Queued): string[] =>
  [
    ...(record.several ? ["controller"] : record.asked),
    ...resources.map(({ settings }) => settings.name),
  ].map((name) => endedKey(name, record.token));

/** The index of the first that does not come before it, by binary search: its own, if it stands there. */
function placeIn(queue: readonly Queued[], order: Pick<Claim, "priority" | "number">): number {
  let low = 0;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = queue[middle];
    if (other !== undefined && comesBefore(other.record, order)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

const setQueuedDeadline = (book: Book, { number, deadline, lostAt }: QueuedRecord): void =>
  setDeadline(book.deadlines, { kind: "queued", number }, soonerOf(deadline, lostAt));

function look(turn: Turn, { resources, pools }: Queued): void {
  for (const resource of resources) {
    publish(turn, resource);
    touch(turn, resource);
  }
  for (const pool of pools) {
    turn.touchedPools.add(pool);
  }
}
