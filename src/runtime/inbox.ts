// What the front tells, as events of the loop: nothing is decided between the two.

import type { Inbox } from "../ports/front.ts";
import type { Loop } from "./loop.ts";

/** @param failed the front cannot go on, with a sentence that says why */
export const inboxOf = (loop: Loop, { alone, failed }: Pick<Inbox, "alone" | "failed">): Inbox => ({
  request: (request, taken) => loop.request(request, taken),
  linkConnected: () => loop.submit({ kind: "linkConnected" }),
  linkLost: () => loop.submit({ kind: "linkLost" }),
  linkProved: (attempt) => loop.submit({ kind: "linkProved", attempt }),
  replied: (outbox) => loop.submit({ kind: "replied", outbox }),
  rivalHeard: (instance) => loop.submit({ kind: "rivalHeard", instance }),
  rivalGone: () => loop.submit({ kind: "rivalGone" }),
  alone,
  failed,
});
