// The devices' connection: a clean session of its own, in which nothing waits. What is published without a connection fails at once,
// because a command that arrives late may cut the power under a running job. Not for requests: that is the front.

import type { Clock } from "../../ports/clock.ts";
import { type Bus, BusError, type BusMessage } from "../../ports/bus.ts";
import type { Log } from "../../ports/log.ts";
import { openConnection } from "./connection.ts";
import type { Connection, ConnectionOptions, Incoming } from "./connection-port.ts";
import { covers, matches } from "./filters.ts";

export interface BusOptions {
  readonly broker: Pick<ConnectionOptions, "url" | "username" | "password" | "ca" | "cert" | "key">;
  /** The front's client id; the bus adds `-devices`. */
  readonly clientId: string;
}

/** Seconds: a dead link is noticed after one and a half of these. */
const keepaliveSeconds = 15;
/** Copies of one message, which some brokers send for filters that overlap, follow each other at once. */
const copyMs = 50;

type Listener = (message: BusMessage) => void;

export function createBus(
  options: BusOptions,
  parts: { readonly clock: Clock; readonly log: Log },
): Bus & { start(): void; close(): Promise<void> } {
  const { clock, log } = parts;
  const listeners = new Map<string, Set<Listener>>();
  /** What the broker was asked for over this connection. */
  const asked = new Set<string>();
  const onConnected: (() => void)[] = [];
  const onLost: (() => void)[] = [];
  let connection: Connection | undefined;
  /** Subscriptions that the broker has not acknowledged yet. */
  let unacknowledged = 0;
  let told = false;
  let lastLoss = "";
  let last: { readonly message: Incoming; readonly at: number; copies: number } | undefined;

  async function ask(filters: readonly string[]): Promise<void> {
    unacknowledged += 1;
    for (const filter of filters) {
      asked.add(filter);
    }
    try {
      await connection?.subscribe(filters.map((filter) => ({ filter, qos: 1 })));
    } catch (error) {
      const lost = connection?.connected !== true;
      log[lost ? "debug" : "error"]({ reason: String(error) }, "Cannot hear a device");
      if (lost) {
        return;
      }
      // The other filters of the same request are in force all the same.
    }
    unacknowledged -= 1;
    tellConnected();
  }

  function tellConnected(): void {
    if (unacknowledged > 0 || told || connection?.connected !== true) {
      return;
    }
    told = true;
    for (const listener of onConnected) {
      listener();
    }
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
            lastLoss = "";
            unacknowledged = 0;
            told = false;
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
            told = false;
            if (why.wasConnected) {
              for (const listener of onLost) {
                listener();
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
    },
    publish(topic, payload) {
      if (connection?.connected !== true) {
        throw new BusError("there is no connection to the broker");
      }
      connection.publish(topic, payload, { qos: 0, retain: false }).catch((error: unknown) => {
        log.warn({ topic, reason: String(error) }, "A message to a device was lost");
      });
    },
    onConnected(listener) {
      onConnected.push(listener);
      if (told) {
        listener();
      }
    },
    onLost(listener) {
      onLost.push(listener);
    },
    async close() {
      await connection?.close();
    },
  };
}

/** Without the filters that another one covers. */
function widest(filters: readonly string[]): readonly string[] {
  return filters.filter((filter) => !filters.some((other) => other !== filter && covers(other, filter)));
}
