// A simulated ESPHome node on the wire, made after components/mqtt of its firmware (mqtt_client.cpp, mqtt_component.cpp, mqtt_switch.cpp):
// it shares no code with the program.

import { createDeviceLink } from "./device-link.ts";
import { type BoardOptions, createBoard, type RelayDevice } from "./relay-board.ts";

export interface EsphomeOptions extends BoardOptions {
  readonly name: string;
  /** `topic_prefix`; the name by default. */
  readonly prefix?: string;
  /** Object ids of its switches. */
  readonly switches?: readonly string[];
  /** `discover_ip`, on by default: it answers pings. */
  readonly discoverIp?: boolean;
}

export async function startEsphome(options: EsphomeOptions): Promise<RelayDevice & { shutDown(): void }> {
  const { name, prefix = name, switches = ["relay"], discoverIp = true } = options;
  const link = createDeviceLink(
    {
      port: options.port,
      clientId: `${name}-a1b2c3d4e5f6`,
      keepalive: options.keepalive ?? 15,
      will: { topic: `${prefix}/status`, payload: "offline", retain: true },
      subscriptions: [
        ...switches.map((id) => `${prefix}/switch/${id}/command`),
        ...(discoverIp ? ["esphome/discover", `esphome/ping/${name}`] : []),
      ],
    },
    {
      connected() {
        board.say(`${prefix}/status`, "online", true);
        switches.forEach((_, relay) => tell(relay));
      },
      message(topic, payload) {
        if (board.heeds(topic, payload)) {
          hear(topic, payload);
        }
      },
    },
  );
  const board = createBoard({ ...options, relays: switches.length }, () => link, tell);

  function tell(relay: number): void {
    const position = board.device.position(relay).toUpperCase();
    board.say(`${prefix}/switch/${switches[relay] ?? ""}/state`, position, true);
  }

  /** A command for the present position is not answered; what is no command is only logged. */
  const hear = (topic: string, payload: string): void => {
    if (topic.startsWith("esphome/")) {
      const about = { ip: "10.0.0.7", name, port: 6053, version: "2025.11.0", mac: "a1b2c3d4e5f6" };
      board.say(`esphome/discover/${name}`, JSON.stringify(about), true);
      return;
    }
    const relay = switches.findIndex((id) => topic === `${prefix}/switch/${id}/command`);
    const word = payload.toLowerCase();
    const present = board.device.position(relay);
    const wanted = word === "toggle" ? (present === "on" ? "off" : "on") : word;
    if ((wanted === "on" || wanted === "off") && board.move(relay, wanted)) {
      tell(relay);
    }
  };

  link.begin();
  if (options.awaitConnection !== false) {
    await link.untilSubscribed();
  }
  return Object.assign(board.device, {
    /** As before an update: it says that it goes. */
    shutDown() {
      board.say(`${prefix}/status`, "offline", true);
      link.end("finish");
    },
  });
}
