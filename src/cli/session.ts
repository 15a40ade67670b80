// A token for as long as something lasts: obtain it, keep it, warn when it ends, release it at the end, with a will for a violent one. What
// it is for, and when that is over, is the command's business (run, hold).

import { messageOf } from "../ports/message-of.ts";
import { type Client, openClient } from "./client.ts";
import { promptly } from "./client-requests.ts";
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
  /** What is said when it was released by somebody else, and is not to be had again. */
  readonly without: string;
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
  const { settings, wish, signal, meanwhile, without } = parts;
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
        hearEnd(message, wish, stage, { say: (text) => terminal.say(text), without });
      },
      say: (text) => terminal.say(text),
      back: () => stage.keeper?.reconnected(),
      signal,
    });
    let released: number = exits.done;
    try {
      progress.follow(client);
      await client.needController();
      const reply = await obtain(client, wish, { clock, say: (text) => terminal.say(text), signal });
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

/**
 * Of a lockout, a release by somebody else, and a resource that left: nothing that we do brings the token back at once, and who can still save
 * something is left to do so. All other ends are found by the next renewal, which acquires it again.
 */
function hearEnd(
  { topic, payload }: { readonly topic: string; readonly payload: string },
  { token }: Wish,
  { granted, keeper }: Stage,
  { say, without }: { readonly say: (text: string) => void; readonly without: string },
): void {
  const name = granted.find((one) => topic === `${one}/event`);
  const event = keeper === undefined || name === undefined ? undefined : readEvent(payload);
  if (event === undefined || event["token"] !== token) {
    return;
  }
  const { message, by } = event;
  switch (event.event) {
    case "locked-out":
      keeper?.ended(`${typeof message === "string" ? message : `${name} is locked out`}; its power goes off`);
      return;
    case "removed":
      // Of several resources the token is kept on the others; so it is only said, and the renewals go on.
      say(
        `${name}: has left the configuration, and the token has ended on it; its outlets are left as they are`,
      );
      return;
    case "released":
      // Our own comes when the keeper has stopped.
      keeper?.releasedBySomebody(
        `${token} was released by ${typeof by === "string" ? by : "somebody else"}, and is not acquired again: its power may go off; ${without}`,
      );
      return;
    default:
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
        `${resource}: the token was not released: ${reply.message} (${reply.error}); ` +
          (reply.error === "unknown-resource" && names.length === 1
            ? "it has ended with its resource"
            : "it ends when it expires"),
      );
      return exitOfReply(reply.error);
    }
    return exits.done;
  } catch (error) {
    const why = messageOf(error);
    terminal.say(
      `${resource}: the release of ${token} could not be confirmed: ${why}${/[.?]$/.test(why) ? "" : "."} It ends by this client's will or when it expires`,
    );
    return exits.unreachable;
  }
}
