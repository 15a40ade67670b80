// What the simulated families other than Tasmota have in common behind their antennas: relays with a history, what arrived, faults, mains.
// How a family speaks is in its own file; nothing here knows of MQTT topics.

import type { DeviceLink } from "./device-link.ts";

export type Position = "on" | "off";

interface BoardRelay {
  position: Position;
  readonly history: Position[];
}

export interface BoardOptions {
  readonly port: number;
  /** Seconds, as sent in CONNECT: the broker misses a device that fell silent after one and a half of these. */
  readonly keepalive?: number;
  readonly relays?: number;
  readonly initial?: Position;
  /** Watts of each relay that is on. */
  readonly watts?: number;
  /** False: do not wait for the first connection (there may be no broker yet). */
  readonly awaitConnection?: boolean;
}

/** What a test may do with any of them. */
export interface RelayDevice {
  readonly connected: boolean;
  /** Everything that arrived, heeded or not. */
  readonly received: readonly { readonly topic: string; readonly payload: string }[];
  /** Relay from 0. */
  position(relay?: number): Position;
  /** Every change since the start. */
  history(relay?: number): readonly Position[];
  /** A hand at its button: switched at once, connected or not, and told if the family tells it. */
  press(relay?: number): void;
  /** `deaf`: heeds no command and no question. `mute`: does as told and says nothing. */
  fault(fault: "none" | "deaf" | "mute"): void;
  /** The next so many messages to it are lost on the way. */
  lose(messages: number): void;
  /** Serve every packet that many milliseconds late, in order. */
  slow(ms: number): void;
  /** The mains goes. Nobody tells the broker, unless `reset`, as some routers do. */
  powerCut(how?: "freeze" | "reset"): void;
  /** And comes back, with the relays as they were, or `into`. */
  powerUp(into?: Position): void;
  /** The WiFi goes without a word; relays and button go on. */
  loseLink(): void;
  regainLink(): void;
  untilConnected(): Promise<void>;
  stop(): Promise<void>;
}

export interface Board {
  readonly relays: readonly BoardRelay[];
  readonly device: RelayDevice;
  /** @returns whether it moved */
  move(relay: number, position: Position): boolean;
  /** To be asked of each message that arrives: it is noted, and lost, or not heeded, or good. */
  heeds(topic: string, payload: string): boolean;
  /** Publishes unless it is mute. */
  say(topic: string, payload: string, retain?: boolean): void;
  watts(relay: number): number;
}

export function createBoard(
  options: BoardOptions,
  link: () => DeviceLink,
  told: (relay: number) => void,
): Board {
  const { initial = "off", relays: count = 1 } = options;
  const relays: readonly BoardRelay[] = Array.from({ length: count }, () => ({
    position: initial,
    history: [],
  }));
  const received: { topic: string; payload: string }[] = [];
  let fault: "none" | "deaf" | "mute" = "none";
  let losing = 0;
  let mains = true;

  const relayAt = (relay: number): BoardRelay => {
    const found = relays[relay];
    if (found === undefined) {
      throw new RangeError(`there is no relay ${relay}`);
    }
    return found;
  };

  const move = (relay: number, position: Position): boolean => {
    const one = relayAt(relay);
    if (one.position === position) {
      return false;
    }
    one.position = position;
    one.history.push(position);
    return true;
  };

  return {
    relays,
    move,
    heeds(topic, payload) {
      received.push({ topic, payload });
      if (losing > 0) {
        losing -= 1;
        return false;
      }
      return mains && fault !== "deaf";
    },
    say(topic, payload, retain) {
      if (fault !== "mute") {
        link().publish(topic, payload, retain);
      }
    },
    watts: (relay) => (relayAt(relay).position === "on" ? (options.watts ?? 0) : 0),
    device: {
      get connected() {
        return link().connected;
      },
      received,
      position: (relay = 0) => relayAt(relay).position,
      history: (relay = 0) => relayAt(relay).history,
      press(relay = 0) {
        move(relay, relayAt(relay).position === "on" ? "off" : "on");
        told(relay);
      },
      fault: (next) => {
        fault = next;
      },
      lose: (messages) => {
        losing = messages;
      },
      slow: (ms) => link().lag(ms),
      powerCut(how = "freeze") {
        mains = false;
        link().end(how);
      },
      powerUp(into) {
        mains = true;
        if (into !== undefined) {
          relays.forEach((_, relay) => move(relay, into));
        }
        link().begin();
      },
      loseLink: () => link().end("freeze"),
      regainLink: () => link().begin(),
      untilConnected: () => link().untilSubscribed(),
      async stop() {
        link().close();
      },
    },
  };
}
