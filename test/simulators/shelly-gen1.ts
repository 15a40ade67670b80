// A simulated Shelly of the first generation on the wire, made after the vendor's API reference for Gen1 ("MQTT"): it shares no code with
// the program.

import { createDeviceLink } from "./device-link.ts";
import { type BoardOptions, createBoard, type Position, type RelayDevice } from "./relay-board.ts";

export interface ShellyGen1Options extends BoardOptions {
  /** For example `shellyplug-s-1A2B3C`. */
  readonly id: string;
  /** Its setting "retain" for its states; the will is never retained. */
  readonly retain?: boolean;
  /** Milliseconds between two full publications by itself, 30 s as delivered; 0: none. */
  readonly periodMs?: number;
}

export async function startShellyGen1(options: ShellyGen1Options): Promise<RelayDevice> {
  const { id, retain = false, periodMs = 30_000 } = options;
  const root = `shellies/${id}`;
  const link = createDeviceLink(
    {
      port: options.port,
      clientId: id,
      keepalive: options.keepalive ?? 60,
      will: { topic: `${root}/online`, payload: "false", retain: false },
      subscriptions: [`${root}/relay/+/command`, `${root}/command`, "shellies/command"],
    },
    {
      connected() {
        board.say(`${root}/online`, "true");
        announce();
        tellAll();
      },
      message(topic, payload) {
        if (board.heeds(topic, payload)) {
          hear(topic, payload);
        }
      },
    },
  );
  const board = createBoard(options, () => link, tell);
  let period: NodeJS.Timeout | undefined;

  const announce = (): void => {
    const about = JSON.stringify({
      id,
      model: "SHPLG-S",
      mac: "1A2B3C4D5E6F",
      ip: "10.0.0.9",
      fw_ver: "1.14",
    });
    board.say("shellies/announce", about);
    board.say(`${root}/announce`, about);
  };

  function tell(relay: number): void {
    board.say(`${root}/relay/${relay}`, board.device.position(relay), retain);
  }

  const tellAll = (): void =>
    board.relays.forEach((_, relay) => {
      tell(relay);
      board.say(`${root}/relay/${relay}/power`, board.watts(relay).toFixed(2), retain);
      board.say(`${root}/relay/${relay}/energy`, "90000", retain); // watt-minutes: 1.5 kWh
    });

  /** Every command is answered, also one for the present position. */
  const hear = (topic: string, payload: string): void => {
    const relay = /\/relay\/(\d+)\/command$/.exec(topic)?.[1];
    if (relay === undefined) {
      if (payload === "update") {
        tellAll();
      } else if (payload === "announce") {
        announce();
      }
      return;
    }
    const number = Number(relay);
    const wanted = wantedBy(payload, board.relays[number]?.position);
    if (wanted !== undefined) {
      board.move(number, wanted);
      tell(number);
    }
  };

  link.begin();
  if (periodMs > 0) {
    period = setInterval(tellAll, periodMs);
  }
  if (options.awaitConnection !== false) {
    await link.untilSubscribed();
  }
  return {
    ...board.device,
    get connected() {
      return link.connected;
    },
    async stop() {
      clearInterval(period);
      await board.device.stop();
    },
  };
}

/** Case counts; other words are not heeded. */
function wantedBy(payload: string, present: Position | undefined): Position | undefined {
  if (present === undefined) {
    return undefined;
  }
  if (payload === "toggle") {
    return present === "on" ? "off" : "on";
  }
  return payload === "on" || payload === "off" ? payload : undefined;
}
