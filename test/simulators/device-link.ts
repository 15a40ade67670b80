// The MQTT connection of a simulated device over its life, for families that simply come back: connecting, being cut off in the several
// ways in which that happens, trying again. What is said over it is the device's.

import { openWire, type Wire } from "./wire.ts";

export interface DeviceLinkOptions {
  readonly port: number;
  readonly clientId: string;
  /** Seconds, as sent in CONNECT. */
  readonly keepalive: number;
  readonly will: { readonly topic: string; readonly payload: string; readonly retain: boolean };
  readonly subscriptions: readonly string[];
  /** Real milliseconds between two attempts. */
  readonly retryMs?: number;
}

export interface DeviceLink {
  readonly connected: boolean;
  publish(topic: string, payload: string, retain?: boolean): void;
  /** Connect now, and again whenever the connection breaks. */
  begin(): void;
  /** End and stay away before `begin`: `freeze` without a word, as when the mains or the WiFi goes; `reset`; `finish` with a FIN. */
  end(how: "freeze" | "reset" | "finish"): void;
  /** Serve every packet that many real milliseconds late, in order. */
  lag(ms: number): void;
  untilSubscribed(): Promise<void>;
  /** For good; closes what the broker still believes to be open. */
  close(): void;
}

export function createDeviceLink(
  options: DeviceLinkOptions,
  listener: { connected(): void; message(topic: string, payload: string): void },
): DeviceLink {
  const halfOpen: Wire[] = [];
  const waiting: (() => void)[] = [];
  let wire: Wire | undefined;
  let online = false;
  let running = false;
  let subscribed = 0;
  let lagMs = 0;
  let retry: NodeJS.Timeout | undefined;

  const isReady = (): boolean => online && subscribed >= options.subscriptions.length;

  function connect(): void {
    subscribed = 0;
    const mine = openWire(
      {
        ...options,
        host: "127.0.0.1",
        clean: true,
        username: undefined,
        password: undefined,
        serviceMs: 1,
        receiveLimit: 8192,
      },
      {
        connected() {
          online = true;
          for (const filter of options.subscriptions) {
            mine.subscribe(filter);
          }
          listener.connected();
        },
        subscribed() {
          subscribed += 1;
          if (isReady()) {
            waiting.splice(0).forEach((resolve) => resolve());
          }
        },
        message: (topic, payload) => listener.message(topic, payload),
        closed() {
          online = false;
          wire = undefined;
          if (running) {
            retry = setTimeout(connect, options.retryMs ?? 50);
          }
        },
      },
    );
    mine.lag(lagMs);
    wire = mine;
  }

  function end(how: "freeze" | "reset" | "finish"): void {
    running = false;
    online = false;
    clearTimeout(retry);
    if (how === "freeze" && wire !== undefined) {
      wire.freeze();
      halfOpen.push(wire);
    } else if (how === "reset") {
      wire?.destroy();
    } else {
      wire?.finish();
    }
    wire = undefined;
  }

  return {
    get connected() {
      return online;
    },
    publish: (topic, payload, retain = false) => wire?.publish(topic, payload, retain),
    begin() {
      if (!running) {
        running = true;
        connect();
      }
    },
    end,
    lag(ms) {
      lagMs = ms;
      wire?.lag(ms);
    },
    untilSubscribed: () =>
      isReady()
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting.push(resolve);
          }),
    close() {
      end("reset");
      halfOpen.forEach((left) => left.destroy());
    },
  };
}
