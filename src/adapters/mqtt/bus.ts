// The devices' connection: a clean session of its own, in which nothing waits. What is published without a connection fails at once,
// because a command that arrives late may cut the power under a running job. Not for requests: that is the front.

import type { Clock } from "../../ports/clock.ts";
import { type Bus, BusError, type BusMessage, type StopListening } from "../../ports/bus.ts";
import type { Log } from "../../ports/log.ts";
import { openConnection } from "./connection.ts";
import { type BrokerOptions, type Connection, ConnectionError, type Incoming } from "./connection-port.ts";
import { covers, matches } from "./filters.ts";

export interface BusOptions {
  readonly broker: BrokerOptions;
  /** The front's client id; the bus adds `-devices`. */
  readonly clientId: string;
}

/** Seconds: a dead link is noticed after one and a half of these. */
const keepaliveSeconds = 15;
/** Copies of one message, which some brokers send for filters that overlap, follow each other at once. */
const copyMs = 50;

type Listener = (message: BusMessage) => void;

/** Its own object for every call, so that one function may be given twice. */
interface Notice {
  readonly call: () => void;
}

export function createBus(
  options: BusOptions,
  parts: { readonly clock: Clock; readonly log: Log },
): Bus & { start(): void; close(): Promise<void> } {
  const { clock, log } = parts;
  const listeners = new Map<string, Set<Listener>>();
  /** What the broker was asked for over this connection. */
  const asked = new Set<string>();
  const onConnected = new Set<Notice>();
  const onLost = new Set<Notice>();
  /** Who was told of this connection. */
  const told = new Set<Notice>();
  let connection: Connection | undefined;
  /** Rises with every connection, so that what belongs to an old one is known to be old. */
  let generation = 0;
  /** Subscriptions that the broker has not acknowledged yet. */
  let unacknowledged = 0;
  /** The first ones of this connection are acknowledged. */
  let inForce = false;
  let lastLoss = "";
  let last: { readonly message: Incoming; readonly at: number; copies: number } | undefined;

  async function ask(filters: readonly string[]): Promise<void> {
    const mine = generation;
    unacknowledged += 1;
    for (const filter of filters) {
      asked.add(filter);
    }
    try {
      await connection?.subscribe(filters.map((filter) => ({ filter, qos: 1 })));
    } catch (error) {
      const lost = mine !== generation || connection?.connected !== true;
      log[lost ? "debug" : "error"]({ reason: String(error) }, "Cannot hear a device");
      if (lost) {
        return;
      }
      // The other filters of the same request are in force all the same.
    }
    if (mine === generation) {
      unacknowledged -= 1;
      inForce ||= unacknowledged === 0;
      tellConnected();
    }
  }

  /** Who came later has subscriptions of its own, and is told when these are acknowledged. */
  function tellConnected(): void {
    for (const notice of onConnected) {
      if (inForce && unacknowledged === 0 && !told.has(notice) && connection?.connected === true) {
        told.add(notice);
        notice.call();
      }
    }
  }

  /** Nobody listens to this filter any more. The broker's failure to hear of it costs only messages that nobody reads. */
  async function leave(filter: string): Promise<void> {
    listeners.delete(filter);
    const stillWanted = [...listeners.keys()].some((other) => covers(filter, other));
    if (connection?.connected !== true || !asked.has(filter) || stillWanted) {
      return; // a wider filter than needed, for those that it covers
    }
    asked.delete(filter);
    try {
      await connection.unsubscribe([filter]);
    } catch (error) {
      log.debug({ filter, reason: String(error) }, "A filter could not be given back");
    }
  }

  function listen(notices: Set<Notice>, call: () => void): StopListening {
    const notice = { call };
    notices.add(notice);
    return () => {
      notices.delete(notice);
      told.delete(notice);
    };
  }

  function receive(message: Incoming): void {
    if (isCopy(message)) {
      return;
    }
    const called = new Set<Listener>();
    for (const [filter, those] of listeners) {
      if (matches(filter, message.topic)) {
        for (const listener of those) {
          called.add(listener);
        }
      }
    }
    for (const listener of called) {
      listener({ topic: message.topic, payload: message.payload, retained: message.retain });
    }
  }

  /** A broker may send one message once for each of our filters that match it (MQTT 5 section 3.3.4). */
  function isCopy(message: Incoming): boolean {
    const at = clock.now();
    const before = last;
    const same =
      before !== undefined &&
      at - before.at <= copyMs &&
      before.message.topic === message.topic &&
      before.message.retain === message.retain &&
      Buffer.compare(before.message.payload, message.payload) === 0;
    if (!same) {
      last = { message, at, copies: 1 };
      return false;
    }
    before.copies += 1;
    let most = 0;
    for (const filter of asked) {
      most += matches(filter, message.topic) ? 1 : 0;
    }
    if (before.copies <= most) {
      return true;
    }
    last = { message, at, copies: 1 };
    return false;
  }

  return {
    start() {
      connection = openConnection(
        {
          ...options.broker,
          clientId: `${options.clientId}-devices`,
          clean: true,
          keepalive: keepaliveSeconds,
          reconnect: true,
        },
        {
          connected() {
            generation += 1;
            lastLoss = "";
            unacknowledged = 0;
            inForce = false;
            told.clear();
            asked.clear();
            log.info({}, "Connected to the broker for the devices");
            void ask(widest([...listeners.keys()]));
          },
          message(message, done) {
            receive(message);
            done();
          },
          lost(why) {
            if (why.sentence !== lastLoss) {
              log.warn({ reason: why.sentence }, "No connection to the broker for the devices");
              lastLoss = why.sentence;
            }
            inForce = false;
            told.clear();
            if (why.wasConnected) {
              for (const { call } of onLost) {
                call();
              }
            }
          },
        },
        parts,
      );
    },
    subscribe(filter, listener) {
      const those = listeners.get(filter) ?? new Set();
      those.add(listener);
      listeners.set(filter, those);
      // Asked again for a filter that is in force, so that the new listener hears the retained messages, too.
      if (connection?.connected === true) {
        const wide = [...asked].find((one) => covers(one, filter));
        void ask([wide ?? filter]);
      }
      return () => {
        those.delete(listener);
        if (those.size === 0 && listeners.get(filter) === those) {
          void leave(filter);
        }
      };
    },
    publish(topic, payload) {
      if (connection?.connected !== true) {
        throw new BusError("there is no connection to the broker");
      }
      connection.publish(topic, payload, { qos: 0, retain: false }).catch((error: unknown) => {
        log.warn({ topic, reason: String(error) }, "A message to a device was lost");
      });
    },
    async send(topic, payload) {
      if (connection?.connected !== true) {
        throw new BusError("there is no connection to the broker");
      }
      try {
        await connection.publish(topic, payload, { qos: 1, retain: false });
      } catch (error) {
        if (error instanceof ConnectionError) {
          const code = error.code === "closed" ? "disconnected" : "refused";
          throw new BusError(error.message, code, { cause: error });
        }
        throw error;
      }
    },
    onConnected(listener) {
      const stop = listen(onConnected, listener);
      tellConnected();
      return stop;
    },
    onLost: (listener) => listen(onLost, listener),
    async close() {
      await connection?.close();
    },
  };
}

/** Without the filters that another one covers. */
function widest(filters: readonly string[]): readonly string[] {
  return filters.filter((filter) => !filters.some((other) => other !== filter && covers(other, filter)));
}
