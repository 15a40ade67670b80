// An MQTT client for tests that writes and reads packets itself, in 3.1.1 or 5: it shows what came with every flag, never reconnects,
// and can vanish without a word. Not the client library of the program, so that a mistake there is not made twice.

import { createConnection } from "node:net";
import { generate, type IPublishPacket, type Packet, parser } from "mqtt-packet";

export interface Heard {
  /** As `performance.now` counts. */
  readonly at: number;
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
  readonly qos: number;
  readonly properties: NonNullable<IPublishPacket["properties"]>;
}

export interface PublishOptions {
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
  readonly properties?: NonNullable<IPublishPacket["properties"]>;
}

export interface WireOptions {
  readonly port: number;
  readonly version?: 4 | 5;
  readonly clientId?: string;
  readonly clean?: boolean;
  /** Seconds; 0, the default: none. */
  readonly keepalive?: number;
  readonly username?: string;
  readonly password?: string;
  readonly will?: { readonly topic: string; readonly payload: string };
}

export interface WireClient {
  /** Everything that arrived, in order. */
  readonly heard: readonly Heard[];
  readonly open: boolean;
  /** Resolves when the connection is over, whoever ended it. */
  readonly closed: Promise<void>;
  /**
   * QoS 1 unless said otherwise; resolves when the broker has acknowledged it, to its reason code (MQTT 5: 0x87 not authorised; over
   * 3.1.1 and with QoS 0 it says 0 to everything).
   */
  publish(topic: string, payload: string | Uint8Array, options?: PublishOptions): Promise<number>;
  /** QoS 1. */
  subscribe(...filters: readonly string[]): Promise<void>;
  /** Bytes as they are, for what no encoder would make. */
  write(bytes: Uint8Array): void;
  /** DISCONNECT: the broker drops the will. */
  disconnect(): Promise<void>;
  /** Reset the connection: the broker sends the will. */
  vanish(): void;
}

let clients = 0;

/** Resolves when the broker has accepted the connection. */
export async function connectWire(
  options: WireOptions,
  listener?: (heard: Heard) => void,
): Promise<WireClient> {
  const { version = 4, clean = true, keepalive = 0 } = options;
  clients += 1;
  const clientId = options.clientId ?? `test-${process.pid}-${clients}`;
  const socket = createConnection({ host: "127.0.0.1", port: options.port, noDelay: true });
  const heard: Heard[] = [];
  const over = Promise.withResolvers<void>();
  const connected = Promise.withResolvers<void>();
  const acknowledged = new Map<number, PromiseWithResolvers<number>>();
  let open = false;
  let lastId = 0;

  const incoming = parser({ protocolVersion: version });
  const send = (packet: Packet): void => {
    if (socket.writable) {
      socket.write(generate(packet, { protocolVersion: version }));
    }
  };

  /** An id and a promise for the broker's word on it. */
  function expectAnswer(): { readonly messageId: number; readonly answered: Promise<number> } {
    lastId = (lastId % 65_000) + 1;
    const answer = Promise.withResolvers<number>();
    if (!open) {
      answer.reject(new Error(`${clientId} is not connected`));
    }
    acknowledged.set(lastId, answer);
    return { messageId: lastId, answered: answer.promise };
  }

  function hear(packet: IPublishPacket): void {
    const message = {
      at: performance.now(),
      topic: packet.topic,
      payload: packet.payload.toString(),
      retain: packet.retain,
      qos: packet.qos,
      properties: packet.properties ?? {},
    };
    heard.push(message);
    listener?.(message);
    if (packet.qos === 1) {
      send({ cmd: "puback", messageId: packet.messageId ?? 0 });
    }
  }

  incoming.on("packet", (packet) => {
    if (packet.cmd === "connack") {
      const code = packet.reasonCode ?? packet.returnCode ?? 0;
      open = code === 0;
      if (open) {
        connected.resolve();
      } else {
        connected.reject(new Error(`the broker refused ${clientId} with ${code}`));
      }
    } else if (packet.cmd === "publish") {
      hear(packet);
    } else if (packet.cmd === "pubrec" && (packet.reasonCode ?? 0) < 0x80) {
      send({ cmd: "pubrel", messageId: packet.messageId ?? 0 });
    } else if (packet.cmd === "suback") {
      acknowledged.get(packet.messageId ?? 0)?.resolve(0);
      acknowledged.delete(packet.messageId ?? 0);
    } else if (packet.cmd === "puback" || packet.cmd === "pubrec" || packet.cmd === "pubcomp") {
      acknowledged.get(packet.messageId ?? 0)?.resolve(packet.reasonCode ?? 0);
      acknowledged.delete(packet.messageId ?? 0);
    }
  });
  incoming.on("error", () => socket.destroy());
  socket.on("data", (bytes) => incoming.parse(bytes));
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    open = false;
    const gone = new Error(`the connection of ${clientId} was closed`);
    connected.reject(gone);
    acknowledged.forEach((answer) => answer.reject(gone));
    over.resolve();
  });
  socket.on("connect", () =>
    send({
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: version,
      clientId,
      clean,
      keepalive,
      ...(options.username === undefined ? {} : { username: options.username }),
      ...(options.password === undefined ? {} : { password: Buffer.from(options.password) }),
      ...(options.will === undefined
        ? {}
        : {
            will: {
              topic: options.will.topic,
              payload: Buffer.from(options.will.payload),
              qos: 1,
              retain: false,
            },
          }),
      ...(version === 5 ? { properties: { sessionExpiryInterval: clean ? 0 : 3600 } } : {}),
    }),
  );
  await connected.promise;

  return {
    heard,
    get open() {
      return open;
    },
    closed: over.promise,
    async publish(topic, payload, { qos = 1, retain = false, properties } = {}) {
      const packet: IPublishPacket = {
        cmd: "publish",
        topic,
        payload: Buffer.from(payload),
        qos,
        retain,
        dup: false,
        ...(properties === undefined ? {} : { properties }),
      };
      if (qos === 0) {
        send(packet);
        return 0;
      }
      const { messageId, answered } = expectAnswer();
      send({ ...packet, messageId });
      return answered;
    },
    async subscribe(...filters) {
      const { messageId, answered } = expectAnswer();
      // No Local, Retain As Published and Retain Handling are of MQTT 5; 3.1.1 has no place for them.
      const subscriptions = filters.map((topic) => ({ topic, qos: 1 as const, nl: false, rap: true, rh: 0 }));
      send({ cmd: "subscribe", messageId, subscriptions });
      await answered;
    },
    write: (bytes) => {
      socket.write(bytes);
    },
    async disconnect() {
      send({ cmd: "disconnect", ...(version === 5 ? { reasonCode: 0 } : {}) });
      socket.end();
      await over.promise;
    },
    vanish() {
      socket.resetAndDestroy();
    },
  };
}
