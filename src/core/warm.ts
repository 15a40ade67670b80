// Which members a pool keeps available ahead of any request (`warm`): so many without a token, those that are warm already before
// others, none that is locked out or did not boot. A view of the pool, made anew whenever one of its members has changed.

import { type Book, type Pool, type Resource, touch, type Turn } from "./book.ts";
import { isExclusivelyHeld } from "./holders.ts";
import { lockoutOf } from "./lockout.ts";
import { compare, isGoingOff, rankOf } from "./pools.ts";

/** Choose the warm ones, and look at those for which that changed; tell the pool's picture if it changed. */
export function reviewPool(turn: Turn, pool: Pool): void {
  keepWarm(turn, pool);
  const face = faceOf(turn.book, pool);
  if (face !== pool.face) {
    pool.face = face;
    publishPool(turn, pool);
  }
}

/** Like a resource, a pool is not shown before the state of all its members is known. */
function publishPool(turn: Turn, { settings, members }: Pool): void {
  if (members.every(({ shown }) => shown)) {
    turn.effects.push({ kind: "publish", what: "pool", name: settings.name });
  }
}

/** Choose the warm ones, before anything follows for its members. */
export function keepWarm(turn: Turn, pool: Pool): void {
  const { book } = turn;
  const chosen = new Set(
    pool.members
      .filter(mayBeWarm)
      .flatMap((member) => orderOf(book, member))
      .toSorted((a, b) => compare(a.order, b.order))
      .slice(0, pool.settings.warm)
      .map(({ member }) => member),
  );
  for (const member of pool.members) {
    const warm = member.pools.some((one) => (one === pool ? chosen.has(member) : one.warm.has(member)));
    if (member.warm !== warm) {
      member.warm = warm;
      touch(turn, member);
    }
  }
  pool.warm = chosen;
}

/**
 * Free, and not one whose last boot failed: it would be tried for ever. One that is going off is not called back, it is chosen when it is
 * off: its OFF may have been decided in this very step.
 */
const mayBeWarm = (member: Resource): boolean =>
  member.tokens.size === 0 && !member.unfitToBeWarm && (member.warm || !isGoingOff(member.activity.name));

/** Those that are warm already come first; after a restart, those that were left on (their rank). None that cannot be had. */
function orderOf(
  book: Book,
  member: Resource,
): { readonly member: Resource; readonly order: readonly number[] }[] {
  const rank = rankOf(book, member);
  return rank === undefined ? [] : [{ member, order: [member.warm ? 0 : 1, ...rank] }];
}

const faceOf = (book: Book, { members, queue }: Pool): string =>
  [
    queue.length,
    ...members.map((member) =>
      [
        member.state,
        member.shown,
        member.tokens.size,
        member.queue.length,
        isExclusivelyHeld(member),
        lockoutOf(book, member) !== undefined,
      ].join(" "),
    ),
  ].join();
