// What a client asks, and the replies: which is whose, what is sent again because a connection broke or the controller started anew (all
// requests may be repeated), and when to give up. Not the connection, nor whether the controller is there: client.ts.

import type { Connection } from "../adapters/mqtt/connection-port.ts";
import { type Instant, instant, type Millis, millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import { noAnswer, noController, refusal, stillAway } from "./client-failures.ts";
import type { ClientSettings } from "./client-settings.ts";
import { replySpace, requestTopic, topicHint } from "./client-topics.ts";
import type { CommandError } from "./exit-codes.ts";
import { randomHex } from "./random.ts";
import type { WakeUps } from "./wake-ups.ts";
import type { Reply } from "./wire.ts";

export type Fields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface RequestOptions {
  /** Below the base: `build1/acquire`. */
  readonly topic: string;
  /** Called for each sending, since a repeated request has less time left. */
  readonly fields: (elapsed: Millis) => Fields;
  /** How long in all; `undefined`: as long as the controller takes. */
  readonly patience: Millis | undefined;
  /** Ends the waiting; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** True: send it even when the controller is away, for the broker to keep. */
  readonly evenAway?: boolean;
}

/** How the connection and the controller stand. Whoever changes it wakes those who wait. */
export interface Standing {
  /** The broker has taken the subscriptions. */
  readonly ready: boolean;
  /** Grows whenever what was sent before may be lost: with every connection and every start of the controller. */
  readonly session: number;
  /** The controller's: `online`, `offline`, or `undefined` when nothing is retained. */
  readonly status: string | undefined;
  /** Since when there is no connection, or no controller. */
  readonly awaySince: Instant | undefined;
  /** Stays, however often it is tried. */
  readonly failure: CommandError | undefined;
}

export interface Requests {
  /** @throws CommandError `unreachable`, `no-controller`, `no-answer` */
  request(request: RequestOptions): Promise<Reply>;
  /** Hand a message to the broker without waiting for a reply. @throws CommandError `not-authorised`, `unreachable` */
  tell(topic: string, fields: Fields): Promise<void>;
  /** One has come, to whatever. */
  replied(reply: Reply): void;
}

/** A request that the controller answers at once has its answer within a round trip; this is for a broker under load. */
export const promptly = millis(10_000);
/** How long a request that waits bears a broker or a controller that is away: a restart takes seconds. */
const longestAway = millis(120_000);

export function createRequests(parts: {
  readonly settings: ClientSettings;
  readonly clock: Clock;
  readonly connection: Pick<Connection, "publish">;
  readonly replyTopic: string;
  readonly standing: Standing;
  readonly wakeUps: Pick<WakeUps, "changed" | "wake">;
}): Requests {
  const { settings, clock, connection, replyTopic, standing } = parts;
  const { changed, wake } = parts.wakeUps;
  const { base, url } = settings;
  const waiting = new Map<string, (reply: Reply) => void>();

  async function request(asked: RequestOptions): Promise<Reply> {
    const start = clock.now();
    const id = randomHex(8);
    const end = asked.patience === undefined ? undefined : instant(start + asked.patience);
    let reply: Reply | undefined;
    let sentIn = 0;
    let refusedHere: CommandError | undefined;
    /** One of its own, because several requests may share a signal. */
    const look = { handleEvent: changed };
    waiting.set(id, (given) => {
      reply = given;
    });
    asked.signal?.addEventListener("abort", look);
    try {
      for (;;) {
        // First, so that a grant in the same moment as a ^C is taken back and not kept by nobody.
        asked.signal?.throwIfAborted();
        if (reply !== undefined) {
          return reply;
        }
        const broken = standing.failure ?? refusedHere;
        if (broken !== undefined) {
          throw broken;
        }
        const patienceOver = end !== undefined && clock.now() >= end;
        const away = standing.awaySince;
        if (patienceOver || (away !== undefined && clock.now() >= away + longestAway)) {
          throw unanswered(asked);
        }
        const { ready, session, status } = standing;
        if (ready && sentIn !== session && (status === "online" || asked.evenAway === true)) {
          sentIn = session;
          send(
            asked.topic,
            { ...asked.fields(millis(clock.now() - start)), id, replyTo: replyTopic },
            (error) => {
              refusedHere = error;
              changed();
            },
          );
        }
        await wake([end, away === undefined ? undefined : instant(away + longestAway)]);
      }
    } finally {
      asked.signal?.removeEventListener("abort", look);
      waiting.delete(id);
    }
  }

  function unanswered({ topic, fields, patience }: RequestOptions): CommandError {
    const { ready, status } = standing;
    if (!ready) {
      return stillAway(url);
    }
    const given = fields(millis(0));
    const topics = {
      asked: requestTopic(settings, topic, given),
      replies: replySpace(settings),
      hint: topicHint(settings, given),
    };
    return status === "online" ? noAnswer(url, topics, patience) : noController(url, base, status);
  }

  /** Not waited for: patience ends also while a broker is silent. A connection that breaks is seen by the caller, which sends again. */
  function send(topic: string, fields: Fields, refused: (error: CommandError) => void): void {
    publish(topic, fields).catch((error: unknown) => {
      const no = refusal(url, error, topicHint(settings, fields));
      if (no !== undefined) {
        refused(no);
      }
    });
  }

  async function tell(topic: string, fields: Fields): Promise<void> {
    try {
      await publish(topic, fields);
    } catch (error) {
      throw refusal(url, error, topicHint(settings, fields)) ?? stillAway(url);
    }
  }

  async function publish(topic: string, fields: Fields): Promise<void> {
    await connection.publish(requestTopic(settings, topic, fields), JSON.stringify(fields), {
      qos: 1,
      retain: false,
      contentType: "application/json",
      responseTopic: fields["replyTo"] === undefined ? undefined : replyTopic,
    });
  }

  return { request, tell, replied: (reply) => waiting.get(reply.id ?? "")?.(reply) };
}
