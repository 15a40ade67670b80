// One MQTT connection as the two links, the bus and the command line see it: connected or not, nothing queued, nothing sent
// again. Only the shape; connection.ts makes it and is the only file that imports the MQTT library.

export interface ConnectionOptions {
  /** mqtt, mqtts, ws or wss. */
  readonly url: string;
  readonly clientId: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM texts, already read. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** False: the broker keeps the session, with what it queues for it. */
  readonly clean: boolean;
  /** Seconds a broker keeps the session (MQTT 5); with 3.1.1 the broker decides. */
  readonly sessionExpiry?: number | undefined;
  /** Messages of QoS 1 and 2 that the broker may have under way to us (MQTT 5 Receive Maximum); `undefined`: as many as it likes. */
  readonly receiveMaximum?: number | undefined;
  /** Bytes, announced to MQTT 5 brokers, which then keep bigger packets to themselves; `undefined`: 64 KiB. */
  readonly largestPacket?: number | undefined;
  /** Seconds. */
  readonly keepalive: number;
  readonly will?:
    | { readonly topic: string; readonly payload: string; readonly qos: 0 | 1; readonly retain: boolean }
    | undefined;
  /** `undefined`: MQTT 5 first, 3.1.1 where the broker refuses it. */
  readonly protocol?: 4 | 5 | undefined;
  /** False: one attempt, `lost` at the first failure. True: again after a pause, 0.5 s to 30 s with jitter. */
  readonly reconnect: boolean;
}

/** How to reach the broker: the same for every connection of the controller. */
export type BrokerOptions = Pick<ConnectionOptions, "url" | "username" | "password" | "ca" | "cert" | "key">;

export interface Subscription {
  readonly filter: string;
  readonly qos: 0 | 1;
  /** MQTT 5 only, ignored over 3.1.1. */
  readonly retainAsPublished?: boolean;
  readonly retainHandling?: 0 | 1 | 2;
  readonly noLocal?: boolean;
}

export interface Incoming {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly responseTopic: string | undefined;
  readonly correlation: Uint8Array | undefined;
}

export interface Outgoing {
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly contentType?: string | undefined;
  readonly responseTopic?: string | undefined;
  readonly correlation?: Uint8Array | undefined;
  /** Seconds (MQTT 5). */
  readonly messageExpiry?: number | undefined;
  /** Does not wait behind others for the broker's Receive Maximum (MQTT 5 section 4.9), of which a part is kept free for such. */
  readonly urgent?: boolean | undefined;
}

export interface ConnectionListener {
  /** After every CONNACK. */
  connected(session: { readonly present: boolean; readonly protocol: 4 | 5 }): void;
  /** Call `done` when the message may be acknowledged; the next message is handed over only then. */
  message(message: Incoming, done: () => void): void;
  /** The connection ended, or an attempt failed (`wasConnected` false). `takenOver`: it looks like somebody with our client id. */
  lost(why: {
    readonly sentence: string;
    readonly wasConnected: boolean;
    readonly takenOver: boolean;
    readonly code: LostCode;
  }): void;
}

export type LostCode = "unreachable" | "not-authorised" | "protocol" | "closed";

export interface Connection {
  readonly connected: boolean;
  /** @throws ConnectionError when not connected, or when the broker refuses a filter (naming it) */
  subscribe(subscriptions: readonly Subscription[]): Promise<void>;
  /** Resolves when the broker has acknowledged it. @throws ConnectionError when not connected, or the connection breaks before */
  unsubscribe(filters: readonly string[]): Promise<void>;
  /**
   * Resolves when the broker has taken it (QoS 1: PUBACK; QoS 0: handed to the socket). Nothing is kept when the connection breaks.
   * @throws ConnectionError
   */
  publish(topic: string, payload: string | Uint8Array, options: Outgoing): Promise<void>;
  /** End with DISCONNECT: no will. */
  close(): Promise<void>;
  /** End the socket without it: the will is sent. */
  abort(): Promise<void>;
}

export class ConnectionError extends Error {
  readonly code: LostCode | "refused";

  constructor(code: ConnectionError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConnectionError";
    this.code = code;
  }
}
