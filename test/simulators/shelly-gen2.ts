// A simulated Shelly of the second generation on the wire, made after the vendor's API documentation ("RPC Protocol", "Notifications",
// "Mqtt", "Switch"): it shares no code with the program.

import { createDeviceLink } from "./device-link.ts";
import { type BoardOptions, createBoard, type RelayDevice } from "./relay-board.ts";

export interface ShellyGen2Options extends BoardOptions {
  /** Its MQTT prefix, for example `shellyplus1-a8032abe54dc`. */
  readonly prefix: string;
  /** Its settings: notifications (on as delivered), and the whole status of a switch at each change (off). */
  readonly rpcNtf?: boolean;
  readonly statusNtf?: boolean;
}

export async function startShellyGen2(options: ShellyGen2Options): Promise<RelayDevice> {
  const { prefix, rpcNtf = true, statusNtf = false } = options;
  const link = createDeviceLink(
    {
      port: options.port,
      clientId: prefix,
      keepalive: options.keepalive ?? 60,
      will: { topic: `${prefix}/online`, payload: "false", retain: false },
      subscriptions: [`${prefix}/rpc`],
    },
    {
      connected: () => board.say(`${prefix}/online`, "true"),
      message(topic, payload) {
        if (board.heeds(topic, payload)) {
          hear(payload);
        }
      },
    },
  );
  const board = createBoard(options, () => link, notify);

  const statusOf = (relay: number) => ({
    id: relay,
    source: "MQTT",
    output: board.device.position(relay) === "on",
    apower: board.watts(relay),
    voltage: 230.1,
    current: 0.3,
    aenergy: { total: 1500.5, by_minute: [0, 0, 0], minute_ts: 1_790_000_000 }, // watt-hours
    temperature: { tC: 41.2, tF: 106.2 },
  });

  /** Only what has changed. */
  function notify(relay: number): void {
    const { id, output, source } = statusOf(relay);
    if (rpcNtf) {
      const params = { ts: 1_790_000_000.5, [`switch:${relay}`]: { id, output, source } };
      board.say(
        `${prefix}/events/rpc`,
        JSON.stringify({ src: prefix, dst: `${prefix}/events`, method: "NotifyStatus", params }),
      );
    }
    if (statusNtf) {
      board.say(`${prefix}/status/switch:${relay}`, JSON.stringify(statusOf(relay)));
    }
  }

  const hear = (payload: string): void => {
    const frame = objectIn(payload);
    const { id, src, method, params } = frame;
    if (typeof src !== "string" || (typeof id !== "number" && typeof id !== "string")) {
      return; // Nobody could be answered.
    }
    board.say(`${src}/rpc`, JSON.stringify({ id, src: prefix, dst: src, ...outcomeOf(method, params) }));
  };

  const outcomeOf = (method: unknown, params: unknown): object => {
    const { id, on } =
      typeof params === "object" && params !== null ? { id: -1, on: undefined, ...params } : {};
    const relay = Number(id);
    if (method !== "Switch.Set" && method !== "Switch.GetStatus") {
      return { error: { code: 404, message: `No handler for ${String(method)}` } };
    }
    if (board.relays[relay] === undefined) {
      return { error: { code: -105, message: `Argument 'id', value ${String(id)} not found!` } };
    }
    if (method === "Switch.GetStatus") {
      return { result: statusOf(relay) };
    }
    if (typeof on !== "boolean") {
      return { error: { code: -103, message: "Missing required argument 'on'!" } };
    }
    const wasOn = board.device.position(relay) === "on";
    if (board.move(relay, on ? "on" : "off")) {
      notify(relay);
    }
    return { result: { was_on: wasOn } };
  };

  link.begin();
  if (options.awaitConnection !== false) {
    await link.untilSubscribed();
  }
  return board.device;
}

function objectIn(payload: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(payload);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
