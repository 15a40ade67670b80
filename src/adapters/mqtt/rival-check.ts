// One controller per base (protocol section 8.3), before we serve it: whether another one does, asked over a connection of its own. While
// we serve: rivals.ts.

import { millis } from "../../core/time.ts";
import type { Clock } from "../../ports/clock.ts";
import { FrontError } from "../../ports/front.ts";
import type { Log } from "../../ports/log.ts";
import { orAborted } from "../or-aborted.ts";
import { openConnection } from "./connection.ts";
import type { BrokerOptions } from "./connection-port.ts";
import { answerMs, instanceIn, pongIn, textOf } from "./rival-messages.ts";
import type { Topics } from "./topics.ts";

/** Retained messages follow right behind the acknowledgement of their subscription. */
const retainedMs = 500;

interface CheckOptions {
  readonly broker: BrokerOptions;
  readonly clientId: string;
  readonly topics: Topics;
  readonly instance: string;
}

interface CheckParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly lost: (sentence: string) => void;
}

/**
 * Look whether a controller with another instance id serves this base; again when the connection breaks under the question.
 * @returns the instance of a stale `online` that nobody answered for, or undefined
 * @throws FrontError `rival`
 */
export async function checkForRival(options: CheckOptions, parts: CheckParts): Promise<string | undefined> {
  for (;;) {
    const found = await look(options, parts);
    if (found.answered !== undefined) {
      throw new FrontError(
        "rival",
        `another controller (instance ${found.answered}) serves ${options.topics.base} already; stop it, or use another mqtt.base`,
      );
    }
    if (!found.broken || parts.signal.aborted) {
      return found.named;
    }
  }
}

interface Found {
  /** The instance that the retained `info` names. */
  readonly named: string | undefined;
  /** The instance that answered the ping. */
  readonly answered: string | undefined;
  /** The connection broke, so that silence says nothing. */
  readonly broken: boolean;
}

async function look(options: CheckOptions, parts: CheckParts): Promise<Found> {
  const { topics, instance } = options;
  const { clock, signal } = parts;
  let online = false;
  let named: string | undefined;
  let answered: string | undefined;
  const ready = Promise.withResolvers<void>();
  const heard = new AbortController();
  const broken = new AbortController();
  const over = AbortSignal.any([signal, heard.signal, broken.signal]);
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
      connected: () => ready.resolve(),
      message(message, done) {
        done();
        if (message.topic === topics.status) {
          online = textOf(message) === "online";
        } else if (message.topic === topics.info) {
          named = instanceIn(message);
        } else if (message.topic === topics.controllerEvent) {
          answered = pongIn(message, instance) ?? answered;
          if (answered !== undefined) {
            heard.abort();
          }
        }
      },
      lost(why) {
        parts.lost(why.sentence);
        if (why.wasConnected) {
          broken.abort();
        }
      },
    },
    parts,
  );
  try {
    await orAborted(ready.promise, signal);
    if (signal.aborted) {
      return { named: undefined, answered: undefined, broken: false };
    }
    await connection.subscribe(
      [topics.controllerEvent, topics.status, topics.info].map((filter) => ({ filter, qos: 1 })),
    );
    await clock.sleep(millis(retainedMs), over);
    if (online && named !== instance) {
      parts.log.info({ instance: named }, "Another controller is said to be online on this base, asking it");
      await connection.publish(topics.ping, instance, { qos: 1, retain: false });
      await clock.sleep(millis(answerMs), over);
    }
    return { named, answered, broken: broken.signal.aborted };
  } catch (error) {
    if (signal.aborted || !broken.signal.aborted) {
      throw error;
    }
    return { named, answered: undefined, broken: true };
  } finally {
    await connection.close();
  }
}
