// The connection of a simulated Tasmota socket over its life: connecting, trying again with the firmware's pauses, being cut off in the
// several ways in which that happens. What is said over it is decided elsewhere.

import {
  type DeviceTimers,
  type Identity,
  type Settings,
  subscriptions,
  topicBase,
} from "./tasmota-settings.ts";
import { openWire, type Wire } from "./wire.ts";

export interface LinkOptions {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly keepalive: number;
  readonly serviceMs: number;
}

export interface Link {
  readonly connected: boolean;
  /** Successful connections so far in this boot. */
  readonly count: number;
  publish(topic: string, payload: string, retain: boolean): boolean;
  subscribeAll(): void;
  /** Begin: connect now, then check the link once a second. */
  begin(): void;
  /** End and do not come back before `begin`: `finish` with a FIN, `reset`, or `freeze` without a word. */
  end(how: "finish" | "reset" | "freeze"): void;
  /** Reset the connection; the device notices at its next check of the link. */
  drop(): void;
  lag(ms: number): void;
  untilSubscribed(): Promise<void>;
  /** Close what the broker still believes to be open. */
  close(): void;
}

const nothing = (): void => undefined;

export function createLink(
  options: LinkOptions,
  settings: Settings,
  identity: Identity,
  timers: DeviceTimers,
  listener: { connected(): void; message(topic: string, payload: string, retain: boolean): void },
): Link {
  const halfOpen: Wire[] = [];
  const waiters: (() => void)[] = [];
  let wire: Wire | undefined;
  let online = false;
  let subscribed = 0;
  let count = 0;
  let pauseS = 0;
  let retryInS = 0;
  let lagMs = 0;
  let running = false;
  let cancelCheck = nothing;

  function connect(): void {
    const mine: Wire = openWire(
      {
        ...options,
        clientId: identity.clientId,
        clean: !settings.options.has(140),
        will: {
          topic: `${topicBase(settings, identity, "tele")}LWT`,
          payload: "Offline",
          retain: !settings.options.has(104),
        },
        receiveLimit: 1200, // MAX_PACKET_SIZE
      },
      {
        connected: () => {
          online = true;
          count += 1;
          pauseS = 0;
          listener.connected();
        },
        subscribed: () => {
          subscribed += 1;
          if (ready()) {
            waiters.splice(0).forEach((resolve) => resolve());
          }
        },
        message: (topic, payload, retain) => listener.message(topic, payload, retain),
        closed: () => {
          if (!online) {
            pauseS = Math.min(120, pauseS + 10); // 10, 20, 30 ... 120 s after each failed attempt
            retryInS = pauseS;
          }
          wire = undefined;
          online = false;
        },
      },
    );
    mine.lag(lagMs);
    wire = mine;
    subscribed = 0;
  }

  const ready = (): boolean => online && subscribed >= subscriptions(settings, identity).length;

  function check(): void {
    retryInS = Math.max(0, retryInS - 1);
    if (running && wire === undefined && retryInS === 0) {
      connect();
    }
  }

  return {
    get connected() {
      return online;
    },
    get count() {
      return count;
    },
    publish: (topic, payload, retain) => {
      wire?.publish(topic, payload, retain);
      return online;
    },
    subscribeAll: () => subscriptions(settings, identity).forEach((filter) => wire?.subscribe(filter)),
    begin: () => {
      running = true;
      pauseS = 0;
      retryInS = 0;
      cancelCheck();
      cancelCheck = timers.every(1000, check);
      if (wire === undefined) {
        connect();
      }
    },
    end: (how) => {
      running = false;
      if (wire !== undefined) {
        if (how === "freeze") {
          wire.freeze();
          halfOpen.push(wire);
        } else if (how === "reset") {
          wire.destroy();
        } else {
          wire.finish();
        }
      }
      wire = undefined;
      online = false;
    },
    drop: () => {
      wire?.destroy();
      wire = undefined;
      online = false;
    },
    lag: (ms) => {
      lagMs = ms;
      wire?.lag(ms);
    },
    untilSubscribed: () =>
      ready()
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiters.push(resolve);
          }),
    close: () => halfOpen.forEach((left) => left.destroy()),
  };
}
