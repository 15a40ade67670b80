// One controller per base (protocol section 8.3): is there another one, does it live? Asks with a ping, hears the pong, answers the
// pings of others. Decides nothing: the core stops commanding while a rival is unsettled.

import { type Instant, between, isoOf, millis } from "../../core/time.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { FrontError } from "../../ports/front.ts";
import { openConnection } from "./connection.ts";
import type { ConnectionOptions, Incoming } from "./connection-port.ts";
import type { OwnAnnouncement } from "./encode.ts";
import type { Topics } from "./topics.ts";

/** A live controller answers a ping within this. */
const answerMs = 3000;
/** A rival that lives is asked again after this. */
const againMs = 10_000;
/** Retained messages follow right behind the acknowledgement of their subscription. */
const retainedMs = 500;

/** How to reach the broker: shared by the check before the start and the link. */
export type BrokerOptions = Pick<ConnectionOptions, "url" | "username" | "password" | "ca" | "cert" | "key">;

/**
 * Look, over a connection of its own, whether a controller with another instance id serves this base.
 * @returns the instance of a stale `online` that nobody answered for, or undefined
 * @throws FrontError `rival`
 */
export async function checkForRival(
  options: {
    readonly broker: BrokerOptions;
    readonly clientId: string;
    readonly topics: Topics;
    readonly instance: string;
  },
  parts: {
    readonly clock: Clock;
    readonly log: Log;
    readonly signal: AbortSignal;
    readonly lost: (sentence: string) => void;
  },
): Promise<string | undefined> {
  const { topics, instance } = options;
  const { clock } = parts;
  for (;;) {
    let online = false;
    let named: string | undefined;
    let answered: string | undefined;
    const heard = new AbortController();
    const ready = new AbortController();
    const over = AbortSignal.any([parts.signal, heard.signal]);
    const broken = new AbortController();
    const connection = openConnection(
      {
        ...options.broker,
        // A temporary id: the fixed one would end a rival's connection before it was asked.
        clientId: `${options.clientId}-check-${instance.slice(0, 8)}`,
        clean: true,
        keepalive: 15,
        reconnect: true,
      },
      {
        connected: () => {
          ready.abort();
        },
        message: (message, done) => {
          done();
          if (message.topic === topics.status) {
            online = textOf(message) === "online";
          } else if (message.topic === topics.info) {
            named = instanceIn(message);
          } else if (message.topic === topics.controllerEvent) {
            const from = pongIn(message, instance);
            if (from !== undefined) {
              answered = from;
              heard.abort();
            }
          }
        },
        lost: (why) => {
          parts.lost(why.sentence);
          if (why.wasConnected) {
            broken.abort();
          }
        },
      },
      parts,
    );
    try {
      await aborted(AbortSignal.any([ready.signal, parts.signal]));
      if (parts.signal.aborted) {
        return undefined;
      }
      await connection.subscribe([
        { filter: topics.controllerEvent, qos: 1 },
        { filter: topics.status, qos: 1 },
        { filter: topics.info, qos: 1 },
      ]);
      await clock.sleep(millis(retainedMs), AbortSignal.any([over, broken.signal]));
      const lives = online && named !== instance;
      if (lives) {
        parts.log.info(
          { instance: named },
          "Another controller is said to be online on this base, asking it",
        );
        await connection.publish(topics.ping, instance, { qos: 1, retain: false });
        await clock.sleep(millis(answerMs), AbortSignal.any([over, broken.signal]));
      }
      if (answered !== undefined) {
        throw new FrontError(
          "rival",
          `another controller (instance ${answered}) serves ${topics.status.replace(/\/controller\/status$/, "")} already; stop it, or use another mqtt.base`,
        );
      }
      if (!broken.signal.aborted || parts.signal.aborted) {
        return named;
      }
    } catch (error) {
      if (error instanceof FrontError || parts.signal.aborted || !broken.signal.aborted) {
        throw error;
      }
      // The connection broke under the question: ask again over the next one.
    } finally {
      await connection.close();
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
    } else {
      signal.addEventListener(
        "abort",
        () => {
          resolve();
        },
        { once: true },
      );
    }
  });
}

export interface RivalWatch {
  /** Our retained `info`, or an event of a controller. @returns true when it speaks of another controller than us */
  heard(message: Incoming): boolean;
  /** Somebody asks whether we live. */
  pinged(message: Incoming): void;
  /** Once a second. */
  tend(): void;
}

export interface RivalParts {
  readonly topics: Topics;
  readonly instance: string;
  readonly clock: Clock;
  /** An instance that was found dead at the start: its retained `info` is a left-over. */
  readonly stale: () => string | undefined;
  ping(): void;
  announce(announcement: OwnAnnouncement): void;
  rivalHeard(instance: string): void;
  rivalGone(): void;
}

/** Answers to pings in one second: a flood of pings must not become a flood of events. */
const mostPongs = 10;

export function createRivalWatch(parts: RivalParts): RivalWatch {
  const { topics, instance, clock } = parts;
  let rival: { readonly instance: string; askedAt: Instant | undefined; answered: boolean } | undefined;
  let pongs = 0;

  return {
    heard(message) {
      const isInfo = message.topic === topics.info;
      const other = isInfo ? instanceIn(message) : pongIn(message, undefined);
      if (
        other === undefined ||
        other === instance ||
        (isInfo && message.retain && other === parts.stale())
      ) {
        return false;
      }
      if (rival?.instance !== other) {
        rival = { instance: other, askedAt: undefined, answered: false };
        parts.rivalHeard(other);
      }
      if (!isInfo && pongIn(message, instance) !== undefined) {
        rival.answered = true;
      }
      return true;
    },
    pinged(message) {
      const from = textOf(message);
      // A retained ping is not from somebody who waits.
      if (message.retain || from === instance || !/^[\w.:-]{1,128}$/.test(from) || pongs >= mostPongs) {
        return;
      }
      pongs += 1;
      parts.announce({
        event: "pong",
        resource: undefined,
        time: isoOf(clock.wall()),
        fields: { instance, to: from },
      });
    },
    tend() {
      pongs = 0;
      if (rival === undefined) {
        return;
      }
      const now = clock.now();
      if (rival.askedAt === undefined || (rival.answered && between(rival.askedAt, now) >= againMs)) {
        rival.askedAt = now;
        rival.answered = false;
        parts.ping();
      } else if (!rival.answered && between(rival.askedAt, now) >= answerMs) {
        rival = undefined;
        parts.rivalGone();
      }
    },
  };
}

const textOf = (message: Incoming): string =>
  message.payload.length > 4096 ? "" : Buffer.from(message.payload).toString("utf8");

/** The instance that an `info` object names. */
function instanceIn(message: Incoming): string | undefined {
  return textField(message, "instance");
}

/** Who sent the `pong` in an event message; with `to`, only one that answers that instance. */
function pongIn(message: Incoming, to: string | undefined): string | undefined {
  if (message.retain || textField(message, "event") !== "pong") {
    return undefined;
  }
  return to === undefined || textField(message, "to") === to ? textField(message, "instance") : undefined;
}

function textField(message: Incoming, name: string): string | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(textOf(message));
  } catch {
    return undefined; // Not ours to judge: anybody may write anything there.
  }
  if (typeof parsed !== "object" || parsed === null) {
    return undefined;
  }
  const value: unknown = Object.entries(parsed).find(([key]) => key === name)?.[1];
  return typeof value === "string" && value.length <= 128 ? value : undefined;
}
