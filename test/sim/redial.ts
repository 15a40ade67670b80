// Staying connected, as every client of a broker does: connect, and when that is over, or was in vain, again after a while.

import type { Broker, Connection, ConnectOptions, Message } from "./broker.ts";
import type { Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";

export interface Line {
  /** Present and able to carry messages. */
  readonly connection: Connection | undefined;
  /** Ends it for good; `silently`: without a goodbye. */
  end(silently: boolean): void;
}

export interface LineOptions {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly broker: Broker;
  readonly options: ConnectOptions;
  /** Between two attempts, ms. */
  readonly pause: readonly [number, number];
  /** How its callbacks get in; a dead process hears nothing. */
  readonly enter: (run: () => void) => void;
  readonly connected: (connection: Connection) => void;
  readonly message: (message: Message, taken: () => void) => void;
  readonly lost: () => void;
}

export function keepConnected(line: LineOptions): Line {
  const { scheduler, random, broker, enter } = line;
  let present: Connection | undefined;
  let trying: Connection | undefined;
  let ended = false;

  function dial(): void {
    if (ended) {
      return;
    }
    const mine = broker.connect(line.options, {
      connected: () =>
        enter(() => {
          if (!ended && trying === mine && mine !== undefined) {
            present = mine;
            line.connected(mine);
          }
        }),
      message: (message, taken) =>
        enter(() => {
          if (!ended && trying === mine) {
            line.message(message, taken);
          }
        }),
      lost: () =>
        enter(() => {
          if (trying === mine) {
            gone();
          }
        }),
    });
    trying = mine;
    if (mine === undefined) {
      redial();
    }
  }

  function gone(): void {
    const was = present;
    present = undefined;
    trying = undefined;
    if (was !== undefined) {
      line.lost();
    }
    redial();
  }

  function redial(): void {
    scheduler.after(random.int(...line.pause), () => enter(dial));
  }

  dial();
  return {
    get connection() {
      return present;
    },
    end(silently) {
      if (!ended) {
        ended = true;
        const was = trying;
        present = undefined;
        trying = undefined;
        if (silently) {
          was?.wire.cut();
        } else {
          was?.disconnect();
        }
      }
    },
  };
}
