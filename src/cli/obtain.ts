// Obtaining a token and giving it back, as `acquire` and `run` do it: the request, what the user sees while it waits, and taking it
// back when it is given up. Not what the token is for.

import { type Millis, millis } from "../core/time.ts";
import type { CheckLevel } from "../core/settings.ts";
import type { Clock } from "../ports/clock.ts";
import { type Client, type Fields, promptly } from "./client.ts";
import { changeKey, changeText, progressText } from "./describe.ts";
import type { Terminal } from "./terminal.ts";
import { type Reply, readStateObject, type StateObject } from "./wire.ts";

export interface Wish {
  readonly resource: string;
  readonly token: string;
  readonly owner: string | undefined;
  readonly purpose: string | undefined;
  readonly ttl: Millis | undefined;
  readonly timeout: Millis | undefined;
  readonly wait: CheckLevel;
}

export function acquireFields(wish: Wish, elapsed: Millis): Fields {
  const { token, owner, purpose, wait, ttl, timeout } = wish;
  return {
    token,
    owner,
    purpose,
    wait,
    ttl: ttl === undefined ? undefined : ttl / 1000,
    timeout: timeout === undefined ? undefined : Math.max(0, timeout - elapsed) / 1000,
  };
}

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
      topic: `${wish.resource}/acquire`,
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
async function takeBack(client: Client, { resource, token, owner }: Wish, clock: Clock): Promise<void> {
  const limit = new AbortController();
  const told = client
    .tell(`${resource}/release`, { token, owner })
    .catch(() => client.close(true))
    .finally(() => limit.abort());
  await Promise.race([told, clock.sleep(millis(2000), limit.signal)]);
}

/** How a resource stands before our request counts; a line about it would only puzzle. */
const restingPhases: ReadonlySet<string> = new Set(["idle", "lingering"]);

export interface Progress {
  /** A message on the resource's state topic. */
  heard(payload: string): void;
  stop(): void;
}

/** On a terminal a line that moves with time, elsewhere a line for each change. */
export function showProgress(
  resource: string,
  parts: { readonly terminal: Terminal; readonly clock: Clock },
): Progress {
  const { terminal, clock } = parts;
  const start = clock.now();
  const stopped = new AbortController();
  let object: StateObject | undefined;
  let lastKey: string | undefined;

  function draw(): void {
    terminal.progress(progressText(resource, object, millis(clock.now() - start), clock.wall()));
  }
  async function tick(): Promise<void> {
    while (!stopped.signal.aborted) {
      draw();
      await clock.sleep(millis(1000), stopped.signal);
    }
  }
  if (terminal.hasProgress) {
    void tick();
  }
  return {
    heard: (payload) => {
      const read = readStateObject(payload);
      if (read === undefined || stopped.signal.aborted) {
        return;
      }
      object = read;
      if (terminal.hasProgress) {
        draw();
      } else if (changeKey(read) !== lastKey && !restingPhases.has(read.phase ?? "")) {
        terminal.say(changeText(resource, read));
      }
      lastKey = changeKey(read);
    },
    stop: () => {
      stopped.abort();
      terminal.progress(undefined);
    },
  };
}
