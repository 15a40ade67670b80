// The Bus port over the simulated broker: a clean session of its own, nothing kept for later.

import { type Bus, BusError, type BusMessage } from "../../src/ports/bus.ts";
import { type Broker, matches } from "./broker.ts";
import type { Process } from "./clock.ts";
import type { Random } from "./random.ts";
import { keepConnected, type Line } from "./redial.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Watch } from "./watch.ts";

const busId = "lastout-bus";

export interface SimulatedBus extends Bus {
  start(): void;
  close(): void;
}

interface Parts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly broker: Broker;
  readonly process: Process;
  readonly watch: Watch;
  /** Messages on different topics may overtake each other. */
  readonly shuffled: boolean;
}

export function createBus({ scheduler, random, broker, process, watch, shuffled }: Parts): SimulatedBus {
  let listeners: { readonly filter: string; readonly listener: (message: BusMessage) => void }[] = [];
  let connectedListeners: (() => void)[] = [];
  let lostListeners: (() => void)[] = [];
  let line: Line | undefined;
  let ready = false;

  process.onDeath(() => line?.end(true));

  return {
    subscribe(filter, listener) {
      const one = { filter, listener };
      listeners.push(one);
      return () => {
        listeners = listeners.filter((other) => other !== one);
      };
    },
    publish(topic, payload) {
      const connection = line?.connection;
      if (!ready || connection === undefined) {
        throw new BusError("there is no connection");
      }
      process.act(() => {
        watch.commanded(topic, payload);
        connection.publish({ topic, payload, qos: 0, retain: false }, () => undefined);
      });
    },
    send(topic, payload) {
      const connection = line?.connection;
      if (!ready || connection === undefined) {
        return Promise.reject(new BusError("there is no connection"));
      }
      // Where the wire breaks first, the deadline of the caller ends this.
      return new Promise((resolve) => {
        process.act(() => {
          watch.commanded(topic, payload);
          connection.publish({ topic, payload, qos: 1, retain: false }, () => process.enter(resolve));
        });
      });
    },
    onConnected(listener) {
      connectedListeners.push(listener);
      if (ready) {
        listener();
      }
      return () => {
        connectedListeners = connectedListeners.filter((other) => other !== listener);
      };
    },
    onLost(listener) {
      lostListeners.push(listener);
      return () => {
        lostListeners = lostListeners.filter((other) => other !== listener);
      };
    },
    start() {
      line = keepConnected({
        scheduler,
        random,
        broker,
        options: { clientId: busId, clean: true, will: undefined, delay: 2, shuffled },
        pause: [500, 3000],
        enter: (run) => process.enter(run),
        connected(connection) {
          connection.subscribe(
            listeners.map(({ filter }) => ({ filter, qos: 0, noLocal: true })),
            () =>
              process.enter(() => {
                if (line?.connection === connection) {
                  ready = true;
                  watch.busConnected();
                  for (const listener of connectedListeners) {
                    listener();
                  }
                }
              }),
          );
        },
        message({ topic, payload, retain }) {
          watch.heard(topic, payload, retain);
          const message = { topic, payload: new TextEncoder().encode(payload), retained: retain };
          for (const { filter, listener } of listeners) {
            if (matches(filter, topic)) {
              listener(message);
            }
          }
        },
        lost() {
          if (ready) {
            ready = false;
            watch.busLost();
            for (const listener of lostListeners) {
              listener();
            }
          }
        },
      });
    },
    close() {
      line?.end(false);
    },
  };
}
