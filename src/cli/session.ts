// A token for as long as something lasts: obtain it, keep it, warn of a lockout, release it at the end, with a will for a violent one. What
// it is for, and when that is over, is the command's business (run, hold).

import { type Client, openClient, promptly } from "./client.ts";
import type { ClientSettings } from "./client-settings.ts";
import type { Context } from "./command.ts";
import { exitOfReply, exits } from "./exit-codes.ts";
import { type Keeper, keepToken } from "./keep.ts";
import { obtain } from "./obtain.ts";
import { showProgress } from "./progress.ts";
import { refused } from "./refusal.ts";
import { type GoodReply, readEvent } from "./wire.ts";
import { lostWill, topicOf, type Wish } from "./wish.ts";

export interface SessionParts {
  readonly settings: ClientSettings;
  readonly wish: Wish;
  /** Ends the waiting for the token; its reason is thrown. */
  readonly signal: AbortSignal;
  /** What is said of trouble with a token that is held: `the command goes on`. */
  readonly meanwhile: string;
}

export interface Granted {
  readonly reply: GoodReply;
  /** What was granted: of a pool, its member. */
  readonly wish: Wish;
}

/**
 * @param use  what the token is for, while it is held; its exit status counts, or with `undefined` that of the release
 * @returns the exit status; that of the refusal when there is none to be had
 * @throws CommandError, or the reason of `signal`
 */
export async function withToken(
  context: Context,
  parts: SessionParts,
  use: (granted: Granted) => Promise<number | undefined>,
): Promise<number> {
  const { terminal, clock } = context;
  const { settings, wish, signal, meanwhile } = parts;
  const stage: Stage = { keeper: undefined, granted: [] };
  const progress = showProgress(wish, { terminal, clock });
  try {
    const client = await openClient({
      settings,
      clock,
      filters: progress.filters,
      will: lostWill(wish),
      heard: (message) => {
        progress.heard(message);
        hearLockout(message, wish, stage);
      },
      say: (text) => terminal.say(text),
      back: () => stage.keeper?.reconnected(),
      signal,
    });
    let released: number = exits.done;
    try {
      progress.follow(client);
      await client.needController();
      const reply = await obtain(client, wish, { clock, signal });
      progress.stop();
      if (!reply.ok) {
        return refused(context, reply);
      }
      stage.granted = grantedBy(reply, wish);
      client.listen(stage.granted.map((name) => `${name}/event`));
      // What was granted is kept, and not what was asked for: another member of a pool would be of no use to who uses this one.
      const kept = { ...wish, names: stage.granted };
      stage.keeper = keepToken(client, kept, reply, {
        clock,
        say: (text) => terminal.say(text),
        asked: wish.names,
        meanwhile,
      });
      const exit = await use({ reply, wish: kept });
      await stage.keeper.stop();
      released = await release(client, kept, context);
      return exit ?? released;
    } finally {
      // Without a farewell the broker sends the will: what could not be released is then at least lost.
      await client.close(released === exits.unreachable);
    }
  } finally {
    progress.stop();
  }
}

/** How far we are. */
interface Stage {
  keeper: Keeper | undefined;
  /** Resources on which the token is held. */
  granted: readonly string[];
}

const grantedBy = ({ resource, resources }: GoodReply, { names }: Wish): readonly string[] =>
  resources ?? (resource === undefined ? names : [resource]);

/** The power is going, whatever we do: who can still save something is left to do so. */
function hearLockout(
  { topic, payload }: { readonly topic: string; readonly payload: string },
  { token }: Wish,
  { granted, keeper }: Stage,
): void {
  const name = granted.find((one) => topic === `${one}/event`);
  const event = keeper === undefined || name === undefined ? undefined : readEvent(payload);
  if (event?.event === "locked-out" && event["token"] === token) {
    const message = event["message"];
    const why = typeof message === "string" ? message : `${name} is locked out`;
    keeper?.ended(`${why}; its power goes off`);
  }
}

/** @returns the exit status: that the controller, not only the broker, has it, or why not */
async function release(
  client: Client,
  { names, token, owner }: Wish,
  { terminal }: Context,
): Promise<number> {
  const resource = names.join(",");
  try {
    const reply = await client.request({
      topic: topicOf(names, "release"),
      fields: () => ({ token, owner }),
      patience: promptly,
      evenAway: true,
    });
    if (!reply.ok && reply.error !== "unknown-token") {
      terminal.say(
        `${resource}: the token was not released: ${reply.message} (${reply.error}); it ends when it expires`,
      );
      return exitOfReply(reply.error);
    }
    return exits.done;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    terminal.say(
      `${resource}: the release of ${token} could not be confirmed: ${why}. It ends by this client's will or when it expires`,
    );
    return exits.unreachable;
  }
}
