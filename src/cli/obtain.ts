// Obtaining a token and giving it back, as `acquire`, `run` and `hold` do it: the request, and taking it back when it is given up. Not what the
// token is for, nor what the user sees while it waits (progress.ts).

import { type Millis, millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import { inTime } from "../ports/in-time.ts";
import type { Client } from "./client.ts";
import { promptly } from "./client-requests.ts";
import { CommandError } from "./exit-codes.ts";
import type { Reply } from "./wire.ts";
import { acquireFields, topicOf, type Wish } from "./wish.ts";

/**
 * Ask for the token and wait for the reply. What was asked under an id of our own is taken back when no reply comes, so that nobody is
 * granted what nobody waits for. Under an id that the user named it is not: an earlier call may have been given that token, and a
 * release would end it (protocol 4.2: a failure undoes what that request created and nothing else).
 * @throws CommandError, or the reason of `signal`
 */
export async function obtain(
  client: Client,
  wish: Wish,
  parts: {
    readonly clock: Clock;
    readonly say: (text: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<Reply> {
  try {
    return await client.request({
      topic: topicOf(wish.names, "acquire"),
      fields: (elapsed) => acquireFields(wish, elapsed),
      patience: patienceFor(wish),
      signal: parts.signal,
    });
  } catch (error) {
    if (wish.isNew) {
      await takeBack(client, wish, parts.clock);
    } else if (!(error instanceof CommandError && error.code === "not-authorised")) {
      parts.say(
        `${wish.names.join(",")}: the request is not taken back, because ${wish.token} may have been held before: ` +
          "the controller may still carry it out, and the token ends by its release or when it expires",
      );
    }
    throw error;
  }
}

/** The controller keeps to `timeout`; past that by a round trip, it is not there. */
function patienceFor({ wait, timeout }: Wish): Millis | undefined {
  if (timeout !== undefined) {
    return millis(timeout + promptly);
  }
  return wait === "granted" ? promptly : undefined;
}

/** Without a connection the will does it, where there is one, else the expiry. */
async function takeBack(client: Client, { names, token, owner }: Wish, clock: Clock): Promise<void> {
  const told = client.tell(topicOf(names, "release"), { token, owner }).catch(() => client.close(true));
  await inTime(clock, told, millis(2000));
}
