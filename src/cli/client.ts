// A client of one controller over one connection: requests and their replies, and what the controller publishes. A request that got
// no reply because a connection broke, or the controller started anew, is sent again: all requests may be repeated. Not here: what
// a command asks for, and how long its user is patient.

import type { LostCode } from "../adapters/mqtt/connection-port.ts";
import { type Instant, instant, type Millis, millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import { noAnswer, noController, notConnected, refusal, stillAway } from "./client-failures.ts";
import type { ClientSettings } from "./client-settings.ts";
import { replySpace, requestTopic, topicHint } from "./client-topics.ts";
import { CommandError } from "./exit-codes.ts";
import { randomHex } from "./random.ts";
import { createWakeUps } from "./wake-ups.ts";
import { readCount, readMarker, readReply, type Reply } from "./wire.ts";

export interface ClientOptions {
  readonly settings: ClientSettings;
  readonly clock: Clock;
  /** Topics below the base to listen to, besides replies and the controller's status; the broker must take them. */
  readonly filters: readonly string[];
  readonly will?: { readonly topic: string; readonly fields: Fields } | undefined;
  /** A message on one of the filters; `topic` is what follows the base. */
  readonly heard?: (message: { readonly topic: string; readonly payload: string }) => void;
  /** For notes to a person: the connection broke, is back, the controller went, came. */
  readonly say: (text: string) => void;
  /** After anything of the connection, the controller's status, or what was heard has changed. */
  readonly changed?: () => void;
  /** After the connection was lost and is there again. */
  readonly back?: () => void;
  /** Ends the connecting; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

export interface Client {
  /** The broker, for messages. */
  readonly url: string;
  readonly connected: boolean;
  /** `online`, `offline`, or `undefined` when nothing is retained. */
  readonly status: string | undefined;
  /** @throws CommandError `no-controller` when it is not online after a moment */
  needController(): Promise<void>;
  /** Resolves when everything that is retained for the filters has arrived. */
  pictureComplete(seen: () => number): Promise<void>;
  /** @throws CommandError `unreachable`, `no-controller`, `no-answer` */
  request(request: RequestOptions): Promise<Reply>;
  /** Listen to more topics below the base, for what is only shown: a broker that refuses them is not asked again. */
  listen(filters: readonly string[]): void;
  unlisten(filters: readonly string[]): void;
  /** Hand a message to the broker without waiting for a reply: for the end of things. @throws ConnectionError */
  tell(topic: string, fields: Fields): Promise<void>;
  /** @param abort end without a farewell, so that the broker sends the will */
  close(abort?: boolean): Promise<void>;
}

export type Fields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

interface RequestOptions {
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

/** A request that the controller answers at once has its answer within a round trip; this is for a broker under load. */
export const promptly = millis(10_000);
/** How long a request that waits bears a broker or a controller that is away: a restart takes seconds. */
const longestAway = millis(120_000);
/** A retained status arrives with the subscription; a controller that is just starting may take a little longer. */
const statusPatience = millis(2000);
const connectPatience = millis(15_000);
/** Seconds; a broker takes a silent client for dead after one and a half of it, and sends its will. */
const keepalive = 15;

const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore, fatal: ignore };
function ignore(): void {}

/** @throws CommandError `unreachable`, `not-authorised` */
export async function openClient(options: ClientOptions): Promise<Client> {
  const { settings, clock, say } = options;
  const { base, url } = settings;
  // The library is big: a command that only prints its help does not load it.
  const { openConnection } = await import("../adapters/mqtt/connection.ts");
  const random = randomHex(8);
  const replyTopic = `${replySpace(settings)}/${random}`;
  const { changed: wakeAll, wake, waitFor } = createWakeUps(clock);
  const waiting = new Map<string, (reply: Reply) => void>();
  const markers = new Set<string>();
  const filters = new Set(options.filters);
  let status: string | undefined;
  let resources: number | undefined;
  /** Grows whenever what was sent before may be lost: with every connection and every start of the controller. */
  let session = 0;
  let ready = false;
  let wasReady = false;
  let failure: CommandError | undefined;
  let awaySince: Instant | undefined = clock.now();
  let lastHeard: Instant = clock.now();
  let closed = false;

  const connection = openConnection(
    {
      url,
      clientId: `lastout-cli-${random.slice(0, 11)}`,
      username: settings.username,
      password: settings.password,
      ca: settings.ca,
      cert: settings.cert,
      key: settings.key,
      clean: true,
      keepalive,
      will:
        options.will === undefined
          ? undefined
          : {
              topic: requestTopic(settings, options.will.topic, options.will.fields),
              payload: JSON.stringify(options.will.fields),
              qos: 1,
              retain: false,
            },
      reconnect: true,
    },
    {
      connected: () => {
        void settle();
      },
      message: (message, done) => {
        receive(message.topic, Buffer.from(message.payload).toString("utf8"));
        done();
      },
      lost: (why) => {
        lost(why.sentence, why.code);
      },
    },
    { clock, log: silent },
  );

  function changed(): void {
    wakeAll();
    options.changed?.();
  }

  /** Nothing is sent before the broker has taken the subscriptions: a reply could come before them. Never rejects. */
  async function settle(): Promise<void> {
    try {
      // How large the picture is matters to who looks at it.
      const info = filters.size === 0 ? [] : ["controller/info"];
      const all = ["controller/status", ...info, ...filters].map((filter) => `${base}/${filter}`);
      await connection.subscribe([replyTopic, ...all].map((filter) => ({ filter, qos: 1 })));
    } catch (error) {
      // A broken connection is told by `lost`; a refusal stays one however often it is tried.
      const refused = refusal(url, error);
      if (refused !== undefined) {
        failure = refused;
        changed();
      }
      return;
    }
    ready = true;
    session += 1;
    judge();
    if (wasReady) {
      say(`connected to ${url} again`);
      options.back?.();
    }
    wasReady = true;
    changed();
  }

  function lost(sentence: string, code: LostCode): void {
    if (closed) {
      return;
    }
    if (!wasReady) {
      failure ??= notConnected(sentence, code);
    } else if (ready) {
      say(`${sentence}; connecting again`);
    }
    ready = false;
    // A broker that lost its memory has to hear of the controller first: until then nobody takes what is asked.
    status = undefined;
    judge();
    changed();
  }

  function receive(topic: string, payload: string): void {
    lastHeard = clock.now();
    if (topic === replyTopic) {
      const marker = readMarker(payload);
      if (marker === undefined) {
        const reply = readReply(payload);
        if (reply !== undefined) {
          waiting.get(reply.id ?? "")?.(reply);
        }
      } else {
        markers.delete(marker);
      }
    } else if (topic === `${base}/controller/status`) {
      statusIs(payload);
    } else if (topic === `${base}/controller/info`) {
      resources = readCount(payload);
    } else if (topic.startsWith(`${base}/`)) {
      options.heard?.({ topic: topic.slice(base.length + 1), payload });
    }
    changed();
  }

  function statusIs(payload: string): void {
    if (payload === status) {
      return;
    }
    const before = status;
    status = payload === "" ? undefined : payload;
    if (before !== undefined) {
      say(
        status === "online"
          ? "the controller is back"
          : `the controller is away (status: ${status ?? "none"})`,
      );
    }
    if (status === "online" && before !== undefined) {
      session += 1;
    }
    judge();
  }

  function judge(): void {
    awaySince = ready && status === "online" ? undefined : (awaySince ?? clock.now());
  }

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
        const broken = failure ?? refusedHere;
        if (broken !== undefined) {
          throw broken;
        }
        const patienceOver = end !== undefined && clock.now() >= end;
        const away = awaySince;
        if (patienceOver || (away !== undefined && clock.now() >= away + longestAway)) {
          throw unanswered(asked);
        }
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
    tell(topic, fields).catch((error: unknown) => {
      const no = refusal(url, error, topicHint(settings, fields));
      if (no !== undefined) {
        refused(no);
      }
    });
  }

  async function tell(topic: string, fields: Fields): Promise<void> {
    await connection.publish(requestTopic(settings, topic, fields), JSON.stringify(fields), {
      qos: 1,
      retain: false,
      contentType: "application/json",
      responseTopic: fields["replyTo"] === undefined ? undefined : replyTopic,
    });
  }

  /** Before there is a connection, and after it broke, `settle` subscribes to all. */
  function listen(more: readonly string[]): void {
    for (const filter of more) {
      filters.add(filter);
    }
    if (ready) {
      connection
        .subscribe(more.map((filter) => ({ filter: `${base}/${filter}`, qos: 1 })))
        .catch((error: unknown) => {
          if (refusal(url, error) !== undefined) {
            forget(more);
          }
        });
    }
  }

  function unlisten(less: readonly string[]): void {
    forget(less);
    if (ready) {
      // A connection that breaks meanwhile has no subscriptions left.
      connection.unsubscribe(less.map((filter) => `${base}/${filter}`)).catch(() => {});
    }
  }

  function forget(gone: readonly string[]): void {
    for (const filter of gone) {
      filters.delete(filter);
    }
  }

  async function pictureComplete(seen: () => number): Promise<void> {
    const marker = randomHex(8);
    markers.add(marker);
    let sentIn = 0;
    let refused: CommandError | undefined;
    // Published after the broker had taken the subscriptions, so it comes back after what was retained for them; again after a reconnection.
    const isBack = (): boolean => {
      if (ready && sentIn !== session) {
        sentIn = session;
        connection
          .publish(replyTopic, JSON.stringify({ marker }), { qos: 1, retain: false })
          .catch((error: unknown) => {
            refused = refusal(url, error);
            changed();
          });
      }
      return refused !== undefined || !markers.has(marker);
    };
    await waitFor(isBack, promptly, options.signal);
    if (refused !== undefined) {
      throw refused;
    }
    // Some brokers read retained messages from their store meanwhile: the controller says how many there are.
    while (seen() < (resources ?? 0) && clock.now() < lastHeard + 300) {
      await wake([instant(lastHeard + 300)]);
    }
  }

  async function close(abort = false): Promise<void> {
    closed = true;
    await (abort ? connection.abort() : connection.close());
  }

  options.signal?.addEventListener("abort", changed);
  await waitFor(() => ready || failure !== undefined, connectPatience, options.signal);
  if (!ready) {
    await close(true);
    options.signal?.throwIfAborted();
    throw failure ?? new CommandError("unreachable", `${url} does not answer`);
  }
  return {
    url,
    get connected() {
      return ready;
    },
    get status() {
      return status;
    },
    needController: async () => {
      if (!(await waitFor(() => status === "online", statusPatience, options.signal))) {
        options.signal?.throwIfAborted();
        throw noController(url, base, status);
      }
    },
    pictureComplete,
    request,
    listen,
    unlisten,
    tell,
    close,
  };
}
