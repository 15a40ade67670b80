// Obtaining a token and giving it back, as `acquire`, `run` and `hold` do it: the request, and taking it back when it is given up. Not what the
// token is for, nor what the user sees while it waits (progress.ts).

import { type Millis, millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import { type Client, promptly } from "./client.ts";
import type { Reply } from "./wire.ts";
import { acquireFields, topicOf, type Wish } from "./wish.ts";

/**
 * Ask for the token and wait for the reply. What was asked is taken back when no reply comes, so that nobody is granted what nobody waits
 * for.
 * @throws CommandError, or the reason of `signal`
 */
export async function obtain(
  client: Client,
  wish: Wish,
  parts: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Reply> {
  try {
    return await client.request({
      topic: topicOf(wish.names, "acquire"),
      fields: (elapsed) => acquireFields(wish, elapsed),
      patience: patienceFor(wish),
      signal: parts.signal,
    });
  } catch (error) {
    await takeBack(client, wish, parts.clock);
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
  const limit = new AbortController();
  const told = client
    .tell(topicOf(names, "release"), { token, owner })
    .catch(() => client.close(true))
    .finally(() => limit.abort());
  await Promise.race([told, clock.sleep(millis(2000), limit.signal)]);
}
