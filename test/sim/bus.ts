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
  const listeners: { readonly filter: string; readonly listener: (message: BusMessage) => void }[] = [];
  const connectedListeners: (() => void)[] = [];
  const lostListeners: (() => void)[] = [];
  let line: Line | undefined;
  let ready = false;

  process.onDeath(() => line?.end(true));

  return {
    subscribe(filter, listener) {
      listeners.push({ filter, listener });
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
    onConnected(listener) {
      connectedListeners.push(listener);
      if (ready) {
        listener();
      }
    },
    onLost(listener) {
      lostListeners.push(listener);
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
