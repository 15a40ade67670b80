// A client of one controller over one connection: whether both are there, and what the controller publishes. Requests and their replies are
// client-requests.ts's, when all that is retained has arrived is client-picture.ts's. Not here: what a command asks for, and how long its
// user is patient.

import type { LostCode } from "../adapters/mqtt/connection-port.ts";
import { largestRequestBytes } from "../adapters/request-size.ts";
import { millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import { noController, notConnected, refusal } from "./client-failures.ts";
import { createPictureEnd } from "./client-picture.ts";
import { createRequests, type Fields, type RequestOptions, type Standing } from "./client-requests.ts";
import type { ClientSettings } from "./client-settings.ts";
import { replySpace, requestTopic } from "./client-topics.ts";
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
  const wakeUps = createWakeUps(clock);
  const { waitFor } = wakeUps;
  const filters = new Set(options.filters);
  const standing: { -readonly [Key in keyof Standing]: Standing[Key] } = {
    ready: false,
    session: 0,
    status: undefined,
    awaySince: clock.now(),
    failure: undefined,
  };
  let wasReady = false;
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
      largestPacket: largestRequestBytes, // a page of holders is as long
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
  const parts = { settings, url, clock, connection, replyTopic, standing, wakeUps: { ...wakeUps, changed } };
  const requests = createRequests(parts);
  const picture = createPictureEnd(parts);

  function changed(): void {
    wakeUps.changed();
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
        standing.failure = refused;
        changed();
      }
      return;
    }
    standing.ready = true;
    standing.session += 1;
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
      standing.failure ??= notConnected(sentence, code);
    } else if (standing.ready) {
      say(`${sentence}; connecting again`);
    }
    standing.ready = false;
    // A broker that lost its memory has to hear of the controller first: until then nobody takes what is asked.
    standing.status = undefined;
    judge();
    changed();
  }

  function receive(topic: string, payload: string): void {
    picture.heard();
    if (topic === replyTopic) {
      const marker = readMarker(payload);
      if (marker === undefined) {
        const reply = readReply(payload);
        if (reply !== undefined) {
          requests.replied(reply);
        }
      } else {
        picture.marked(marker);
      }
    } else if (topic === `${base}/controller/status`) {
      statusIs(payload);
    } else if (topic === `${base}/controller/info`) {
      picture.counted(readCount(payload));
    } else if (topic.startsWith(`${base}/`)) {
      options.heard?.({ topic: topic.slice(base.length + 1), payload });
    }
    changed();
  }

  function statusIs(payload: string): void {
    if (payload === standing.status) {
      return;
    }
    const before = standing.status;
    standing.status = payload === "" ? undefined : payload;
    if (before !== undefined) {
      say(
        standing.status === "online"
          ? "the controller is back"
          : `the controller is away (status: ${standing.status ?? "none"})`,
      );
    }
    if (standing.status === "online" && before !== undefined) {
      standing.session += 1;
    }
    judge();
  }

  function judge(): void {
    standing.awaySince =
      standing.ready && standing.status === "online" ? undefined : (standing.awaySince ?? clock.now());
  }

  /** Before there is a connection, and after it broke, `settle` subscribes to all. */
  function listen(more: readonly string[]): void {
    for (const filter of more) {
      filters.add(filter);
    }
    if (standing.ready) {
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
    if (standing.ready) {
      // A connection that breaks meanwhile has no subscriptions left.
      connection.unsubscribe(less.map((filter) => `${base}/${filter}`)).catch(() => {});
    }
  }

  function forget(gone: readonly string[]): void {
    for (const filter of gone) {
      filters.delete(filter);
    }
  }

  async function close(abort = false): Promise<void> {
    closed = true;
    await (abort ? connection.abort() : connection.close());
  }

  options.signal?.addEventListener("abort", changed);
  await waitFor(() => standing.ready || standing.failure !== undefined, connectPatience, options.signal);
  if (!standing.ready) {
    await close(true);
    options.signal?.throwIfAborted();
    throw standing.failure ?? new CommandError("unreachable", `${url} does not answer`);
  }
  return {
    url,
    get connected() {
      return standing.ready;
    },
    get status() {
      return standing.status;
    },
    needController: async () => {
      if (!(await waitFor(() => standing.status === "online", statusPatience, options.signal))) {
        options.signal?.throwIfAborted();
        throw noController(url, base, standing.status);
      }
    },
    pictureComplete: (seen) => picture.complete(seen, options.signal),
    request: (asked) => requests.request(asked),
    listen,
    unlisten,
    tell: (topic, fields) => requests.tell(topic, fields),
    close,
  };
}
