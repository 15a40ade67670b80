// The users' side: the request link with its persistent session, the replies and events, and the retained picture, all over one
// connection, so that a reply that could not be sent belongs to a request that was not acknowledged. Not the devices' side: bus.ts.

import { type Instant, between, isoOf, millis } from "../../core/time.ts";
import type { Reply, ReplyTo } from "../../core/requests.ts";
import type { Clock } from "../../ports/clock.ts";
import { type Front, FrontError, type FrontSettings, type Inbox } from "../../ports/front.ts";
import { inTime } from "../../ports/in-time.ts";
import type { Log } from "../../ports/log.ts";
import { orAborted } from "../or-aborted.ts";
import { largestRequestBytes } from "../request-size.ts";
import { createClearings } from "./clearings.ts";
import { openConnection } from "./connection.ts";
import {
  type BrokerOptions,
  type Connection,
  ConnectionError,
  type ConnectionListener,
  type Incoming,
} from "./connection-port.ts";
import { encodeReply } from "./encode.ts";
import { createEvents } from "./events.ts";
import { createOutbox } from "./outbox.ts";
import { createPublications } from "./publications.ts";
import { readRequest } from "./requests.ts";
import { checkForRival } from "./rival-check.ts";
import { createRivalWatch } from "./rivals.ts";
import { keptForUrgent } from "./send-window.ts";
import { createStrays } from "./strays.ts";
import { subscriptionsOf } from "./subscriptions.ts";
import { countTakeOvers, takeOversToFail } from "./take-overs.ts";
import { parseRequestTopic, topicsOf } from "./topics.ts";

export interface FrontOptions extends FrontSettings {
  readonly broker: BrokerOptions;
  readonly clientId: string;
  readonly base: string;
  /** Seconds that the broker keeps requests while the controller is away (MQTT 5; over 3.1.1 the broker decides). */
  readonly sessionExpiry: number;
  readonly replyPrefixes: readonly string[];
  /** Names this run of the controller. */
  readonly instance: string;
  readonly version: string;
  /** ISO 8601. */
  readonly started: string;
}

/**
 * So many requests at most are under way to us (MQTT 5), as many as there is always room to answer: the broker sends the next one after it
 * has heard that an earlier one is done, and by then it has acknowledged that one's reply, too. mosquitto 2.0.11 (Debian 12) does not
 * keep to it: it sends so many at each acknowledgement, and after a reconnection all that it had sent. Then replies wait for room,
 * and with them the acknowledgement of their requests (turns.ts).
 */
const requestsUnderWay = keptForUrgent;
/** Seconds. A link that fell silent is noticed after one and a half of these. */
const keepaliveSeconds = 15;
/** A subscription that the broker refused is tried again: somebody may be mending its access rules. */
const subscribeAgainMs = 10_000;

export function createFront(
  options: FrontOptions,
  parts: { readonly clock: Clock; readonly log: Log },
): Front {
  const { clock, log } = parts;
  const topics = topicsOf(options.base);
  const stop = new AbortController();
  let inbox: Inbox | undefined;
  let link: Connection | undefined;
  let stale: string | undefined;
  let settings: FrontSettings = options;
  let protocol: 4 | 5 = 5;

  /** True between `linkConnected` and `linkLost`. */
  let announced = false;
  /** Rises with every connection, so that what an old one still brings is known to be old. */
  let generation = 0;
  let subscribed: "no" | "under way" | "yes" = "no";
  let refusedAt: Instant | undefined;
  const firstSubscription = Promise.withResolvers<void>();
  let lastLoss = "";
  const tooManyTakeOvers = countTakeOvers(clock);
  /** The one message that the store could not take: offered again until the connection ends. */
  let heldBack: (() => void) | undefined;

  /** QoS 1. Never rejects; false: the broker does not have it. */
  async function publish(topic: string, payload: string, retain: boolean): Promise<boolean> {
    if (link?.connected !== true) {
      return false;
    }
    try {
      await link.publish(topic, payload, { qos: 1, retain });
      return true;
    } catch (error) {
      logRefused(topic, error);
      return false;
    }
  }

  function logRefused(topic: string, error: unknown): void {
    if (error instanceof ConnectionError && error.code !== "closed") {
      log.warn({ topic, reason: error.message }, "The broker refused a message");
    } else {
      log.debug({ topic, reason: String(error) }, "A message was lost with the connection");
    }
  }

  const publications = createPublications({
    topics,
    clock,
    publish: (topic, payload) => publish(topic, payload, true),
    overwritten(topic, name) {
      log.warn({ topic }, "Somebody else wrote on a retained topic of the controller, it was put right");
      events.announce({ event: "overwritten", resource: name, time: isoOf(clock.wall()), fields: { topic } });
    },
  });

  const outbox = createOutbox({
    log,
    send: (to, reply) => sendReply(to, reply, false), // the store keeps these until the broker has taken them
    replied: (id) => inbox?.replied(id),
  });

  const clearings = createClearings({
    clock,
    clear(topic) {
      link?.publish(topic, "", { qos: protocol === 4 ? 0 : 1, retain: true }).catch((error: unknown) => {
        logRefused(topic, error); // if it was lost with the connection, the request is found again over the next one
      });
    },
    echoes: () => protocol === 4,
  });

  const strays = createStrays(parts);

  const rivals = createRivalWatch({
    topics,
    instance: options.instance,
    clock,
    stale: () => stale,
    ping: () => void publish(topics.ping, options.instance, false),
    announce: (announcement) => events.announce(announcement),
    rivalHeard(instance) {
      log.error(
        { instance },
        "Another controller was heard on this base: nothing is commanded until that is settled",
      );
      inbox?.rivalHeard(instance);
    },
    rivalGone() {
      log.info({}, "The other controller on this base does not answer: going on");
      publishOwn();
      inbox?.rivalGone();
    },
  });

  const events = createEvents({
    topics,
    connected: () => link?.connected === true,
    send(topic, payload) {
      link?.publish(topic, payload, { qos: 0, retain: false }).catch((error: unknown) => {
        logRefused(topic, error);
      });
    },
  });

  function publishOwn(): void {
    publications.own(topics.status, "online");
    publications.own(
      topics.info,
      JSON.stringify({
        version: options.version,
        instance: options.instance,
        started: options.started,
        base: options.base,
        resources: settings.counts.resources,
        pools: settings.counts.pools,
        observe: settings.observe,
      }),
    );
  }

  async function sendReply(to: ReplyTo, reply: Reply, urgent: boolean): Promise<void> {
    if (link === undefined) {
      throw new ConnectionError("closed", "there is no connection");
    }
    const { text, contentType } = encodeReply(reply, to);
    await link.publish(to.topic, text, {
      qos: 1,
      retain: false,
      contentType,
      urgent,
      correlation: to.correlation === undefined ? undefined : Buffer.from(to.correlation, "base64"),
    });
  }

  const listener: ConnectionListener = {
    connected(session) {
      generation += 1;
      protocol = session.protocol;
      lastLoss = "";
      publications.connected();
      clearings.connected();
      log.info(
        { protocol: session.protocol, session: session.present, clientId: options.clientId },
        "Connected to the broker",
      );
      if (session.protocol === 4 && generation === 1) {
        log.info(
          {},
          "The broker speaks MQTT 3.1.1: a request published with the retain flag cannot be told apart while it is live",
        );
      }
      events.connected();
      void subscribe();
    },
    message(message, done) {
      receive(message, done);
    },
    lost(why) {
      const mine = announced;
      announced = false;
      subscribed = "no";
      heldBack = undefined;
      if (why.sentence !== lastLoss) {
        log.warn({ reason: why.sentence }, why.wasConnected ? "Lost the broker" : "Cannot reach the broker");
        lastLoss = why.sentence;
      }
      if (mine) {
        inbox?.linkLost();
      }
      if (why.takenOver && tooManyTakeOvers() && !stop.signal.aborted) {
        giveWay();
      }
    },
  };

  function giveWay(): void {
    void link?.abort();
    inbox?.failed(
      `another client uses the client id '${options.clientId}': the connection was taken over ${takeOversToFail} times within 10 s. Give each client its own id (mqtt.clientId).`,
    );
  }

  async function subscribe(): Promise<void> {
    const mine = generation;
    subscribed = "under way";
    try {
      await link?.subscribe(subscriptionsOf(topics));
    } catch (error) {
      if (mine === generation && error instanceof ConnectionError && error.code === "refused") {
        subscribed = "no";
        refusedAt = clock.now();
        log.error({ reason: error.message }, "Cannot hear requests");
        firstSubscription.reject(new FrontError("refused", error.message, { cause: error }));
      }
      return;
    }
    if (mine !== generation || link?.connected !== true) {
      return;
    }
    subscribed = "yes";
    refusedAt = undefined;
    // After the subscription: a rival's retained `info` is on its way to us before ours replaces it.
    publishOwn();
    outbox.sendAll();
    announced = true;
    firstSubscription.resolve();
    inbox?.linkConnected();
  }

  function receive(message: Incoming, done: () => void): void {
    const target = parseRequestTopic(options.base, message.topic);
    if (target.kind === "none") {
      receiveOther(message);
      done();
      return;
    }
    if (message.payload.length === 0 && (message.retain || clearings.isEcho(message.topic))) {
      done(); // A clearing, ours or somebody else's.
      return;
    }
    if (message.retain) {
      clearings.request(message.topic);
    }
    const { access, payloadLimit } = settings;
    const request = readRequest(message, target, {
      topics,
      replyPrefixes: options.replyPrefixes,
      access,
      payloadLimit,
    });
    if (request.kind === "refused" && request.replyTo === undefined) {
      strays.refused(message.topic, request.message);
    }
    const mine = generation;
    const offer = (): void => {
      inbox?.request(request, (taken) => {
        if (taken) {
          done();
        } else if (mine === generation) {
          heldBack = offer;
        }
      });
    };
    offer();
  }

  function receiveOther(message: Incoming): void {
    const { topic } = message;
    if (topic === topics.marker) {
      const attempt = attemptIn(message.payload, options.instance);
      if (attempt !== undefined) {
        inbox?.linkProved(attempt);
      }
    } else if (topic === topics.ping) {
      rivals.pinged(message);
    } else if (topic === topics.controllerEvent) {
      rivals.heard(message);
    } else if (topic !== topics.info || !rivals.heard(message)) {
      publications.received(topic, Buffer.from(message.payload).toString("utf8"));
    }
  }

  return {
    async start(given) {
      inbox = given;
      stale = await checkForRival(
        { broker: options.broker, clientId: options.clientId, topics, instance: options.instance },
        {
          clock,
          log,
          signal: stop.signal,
          lost(sentence) {
            if (sentence !== lastLoss) {
              log.warn({ reason: sentence }, "Cannot reach the broker");
              lastLoss = sentence;
            }
          },
        },
      );
      if (stop.signal.aborted) {
        return;
      }
      given.alone();
      link = openConnection(
        {
          ...options.broker,
          clientId: options.clientId,
          clean: false,
          sessionExpiry: options.sessionExpiry,
          receiveMaximum: requestsUnderWay,
          largestPacket: largestRequestBytes,
          keepalive: keepaliveSeconds,
          will: { topic: topics.status, payload: "offline", qos: 1, retain: true },
          reconnect: true,
        },
        listener,
        parts,
      );
      await orAborted(firstSubscription.promise, stop.signal);
    },
    prove(attempt) {
      void publish(topics.marker, JSON.stringify({ instance: options.instance, attempt }), false);
    },
    reply(to, reply, id) {
      if (id !== undefined) {
        outbox.add(id, to, reply, announced);
        return;
      }
      sendReply(to, reply, true).catch((error: unknown) => {
        logRefused(to.topic, error);
      });
    },
    announce: events.announce,
    publishResource: publications.resource,
    publishPool: publications.pool,
    publishSwitcher: publications.switcher,
    publishController(counts) {
      settings = { ...settings, counts };
      publishOwn();
      publications.republish();
    },
    reconfigure(changed) {
      settings = changed;
      // Not while the connection is new: see subscribe. It publishes them then.
      if (subscribed === "yes") {
        publishOwn();
      }
    },
    forget: publications.forget,
    tend() {
      if (link?.connected !== true) {
        return;
      }
      if (
        subscribed === "no" &&
        refusedAt !== undefined &&
        between(refusedAt, clock.now()) >= subscribeAgainMs
      ) {
        void subscribe();
      }
      const again = heldBack;
      heldBack = undefined;
      again?.();
      clearings.tend();
      publications.tend();
      rivals.tend();
    },
    async close() {
      stop.abort();
      if (link?.connected === true) {
        await inTime(clock, publish(topics.status, "offline", true), millis(2000));
      }
      await link?.close();
    },
  };
}

/** The attempt in a marker of this run; `undefined` for one that an earlier run sent, or somebody else. */
function attemptIn(payload: Uint8Array, instance: string): number | undefined {
  const text = payload.length > 256 ? "" : Buffer.from(payload).toString("utf8");
  const attempt = /^\{"instance":"([^"]*)","attempt":(\d{1,15})\}$/.exec(text);
  return attempt?.[1] === instance ? Number(attempt[2]) : undefined;
}
