// A simulated Zigbee2MQTT with one plug behind it, on the wire, made after lib/extension/publish.ts, availability.ts and controller.ts of
// its source: it shares no code with the program. What the bridge remembers and what the plug does are two things here, as there.

import { createDeviceLink } from "./device-link.ts";
import { type BoardOptions, createBoard, type Position, type RelayDevice } from "./relay-board.ts";

export interface Zigbee2mqttOptions extends BoardOptions {
  /** The plug's friendly name. */
  readonly name: string;
  readonly base?: string;
  /** Endpoints of a device with several switches, such as `l1`; none for one with one. */
  readonly endpoints?: readonly string[];
  /** Whether the feature "availability" is enabled; off as delivered. */
  readonly availability?: boolean;
  /** Old versions say `online` in plain words. */
  readonly legacy?: boolean;
}

export interface Zigbee2mqtt extends RelayDevice {
  /** The plug cannot be reached by radio any more, or can again; the bridge finds out when it tries. */
  plugReachable(reachable: boolean): void;
  /** The bridge ends, as when its service is stopped, and starts again with what it remembers of each relay. */
  restartBridge(remembered?: Position): void;
}

export async function startZigbee2mqtt(options: Zigbee2mqttOptions): Promise<Zigbee2mqtt> {
  const { name, base = "zigbee2mqtt", endpoints = [""], availability = false, legacy = false } = options;
  const root = `${base}/${name}`;
  const word = (state: string): string => (legacy ? state : JSON.stringify({ state }));
  const link = createDeviceLink(
    {
      port: options.port,
      clientId: `mqttjs_${name.replaceAll(/\W/g, "")}`,
      keepalive: options.keepalive ?? 60,
      will: { topic: `${base}/bridge/state`, payload: word("offline"), retain: true },
      subscriptions: [`${root}/set`, `${root}/get`],
    },
    {
      connected() {
        board.say(`${base}/bridge/state`, word("online"), true);
        tellAvailability();
        publish(); // What it remembers, once.
      },
      message(topic, payload) {
        if (board.heeds(topic, payload)) {
          hear(topic, payload);
        }
      },
    },
  );
  const board = createBoard({ ...options, relays: endpoints.length }, () => link, report);
  /** By key of the JSON. */
  const cache = new Map<string, unknown>(
    endpoints.map((_, relay) => [key("state", relay), (options.initial ?? "off").toUpperCase()]),
  );
  let reachable = true;

  function key(what: string, relay: number): string {
    const endpoint = endpoints[relay] ?? "";
    return endpoint === "" ? what : `${what}_${endpoint}`;
  }

  /** All that it remembers, whatever has changed. */
  const publish = (): void =>
    board.say(root, JSON.stringify({ ...Object.fromEntries(cache), linkquality: 120 }));

  const tellAvailability = (): void => {
    if (availability) {
      board.say(`${root}/availability`, word(reachable ? "online" : "offline"), true);
    }
  };

  /** A report of the plug by radio, of a hand or of a switch that was commanded. */
  function report(relay: number): void {
    if (reachable) {
      cache.set(key("state", relay), board.device.position(relay).toUpperCase());
      publish();
    }
  }

  const fail = (what: string): void => {
    tellAvailability();
    board.say(
      `${base}/bridge/logging`,
      JSON.stringify({ level: "error", message: `Publish '${what}' to '${name}' failed` }),
    );
  };

  const hear = (topic: string, payload: string): void => {
    const asked = objectIn(payload);
    for (const [field, value] of Object.entries(asked)) {
      const relay = endpoints.findIndex((_, index) => field === key("state", index));
      const meter = endpoints.findIndex((_, index) => field === key("power", index));
      if (!reachable) {
        fail(field); // and no state at all
      } else if (meter >= 0 && topic.endsWith("/get")) {
        cache.set(field, board.watts(meter));
        cache.set(key("energy", meter), 1.5);
        publish();
      } else if (relay >= 0 && topic.endsWith("/get")) {
        report(relay);
      } else if (relay >= 0) {
        const wanted = String(value).toLowerCase();
        if (wanted === "on" || wanted === "off") {
          board.move(relay, wanted); // acknowledged by radio
          report(relay);
        }
      }
    }
  };

  link.begin();
  if (options.awaitConnection !== false) {
    await link.untilSubscribed();
  }
  return Object.assign(board.device, {
    plugReachable(next: boolean) {
      reachable = next;
      tellAvailability();
    },
    restartBridge(remembered?: Position) {
      board.say(`${base}/bridge/state`, word("offline"), true);
      link.end("finish");
      if (remembered !== undefined) {
        endpoints.forEach((_, relay) => cache.set(key("state", relay), remembered.toUpperCase()));
      }
      link.begin();
    },
  });
}

function objectIn(payload: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(payload);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
