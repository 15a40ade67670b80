// The devices' MQTT connection in memory: filters, retained messages at subscription, connection and its loss, as the port says.

import { type Bus, BusError, type BusMessage } from "../../src/ports/bus.ts";

export interface MemoryBus extends Bus {
  /** What was published through the bus, in order. */
  readonly published: readonly { readonly topic: string; readonly payload: string }[];
  readonly filters: readonly string[];
  /** A message of a device, live. */
  say(topic: string, payload: string | Uint8Array): void;
  /** A message that the broker kept: now, and at every connection from now on. */
  keep(topic: string, payload: string | Uint8Array): void;
  connect(): void;
  lose(): void;
}

export function memoryBus(): MemoryBus {
  const published: { topic: string; payload: string }[] = [];
  let listeners: { filter: string; listener: (message: BusMessage) => void }[] = [];
  let onConnected: (() => void)[] = [];
  let onLost: (() => void)[] = [];
  const kept = new Map<string, Uint8Array>();
  let connected = false;

  const deliver = (topic: string, payload: string | Uint8Array, retained: boolean): void => {
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
    for (const { filter, listener } of listeners) {
      if (matches(filter, topic)) {
        listener({ topic, payload: bytes, retained });
      }
    }
  };

  return {
    published,
    get filters() {
      return listeners.map(({ filter }) => filter);
    },
    say: (topic, payload) => deliver(topic, payload, false),
    keep(topic, payload) {
      const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
      kept.set(topic, bytes);
      if (connected) {
        deliver(topic, bytes, true);
      }
    },
    connect() {
      connected = true;
      for (const [topic, payload] of kept) {
        deliver(topic, payload, true);
      }
      for (const listener of onConnected) {
        listener();
      }
    },
    lose() {
      connected = false;
      for (const listener of onLost) {
        listener();
      }
    },
    subscribe(filter, listener) {
      const one = { filter, listener };
      listeners.push(one);
      if (connected) {
        for (const [topic, payload] of kept) {
          if (matches(filter, topic)) {
            deliver(topic, payload, true); // to all who listen there, as the broker sends it once more
          }
        }
      }
      return () => {
        listeners = listeners.filter((other) => other !== one);
      };
    },
    publish(topic, payload) {
      if (!connected) {
        throw new BusError("there is no connection");
      }
      published.push({ topic, payload });
      deliver(topic, payload, false);
    },
    async send(topic, payload) {
      this.publish(topic, payload);
    },
    onConnected(listener) {
      onConnected.push(listener);
      if (connected) {
        listener();
      }
      return () => {
        onConnected = onConnected.filter((other) => other !== listener);
      };
    },
    onLost(listener) {
      onLost.push(listener);
      return () => {
        onLost = onLost.filter((other) => other !== listener);
      };
    },
  };
}

function matches(filter: string, topic: string): boolean {
  const wanted = filter.split("/");
  const levels = topic.split("/");
  return (
    wanted.length === levels.length &&
    wanted.every((level, index) => level === "+" || level === levels[index])
  );
}
