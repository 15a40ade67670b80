// A lean MQTT client for the scripts of this folder that make load: packets over a socket, callbacks, nothing queued, no reconnection.
// Not the client library of the program, so that a mistake there is not made twice, and so that the load costs little.

import { createConnection } from "node:net";
import { generate, type IPublishPacket, type Packet, parser } from "mqtt-packet";

export interface WireOptions {
  readonly port: number;
  readonly version: 4 | 5;
  readonly clientId: string;
  /** Called for every message; it has been acknowledged already. */
  readonly heard: (message: IPublishPacket) => void;
}

type Properties = NonNullable<IPublishPacket["properties"]>;

export interface Wire {
  readonly version: 4 | 5;
  /** QoS 1. `taken` is called when the broker has acknowledged it. */
  publish(
    topic: string,
    payload: string,
    options?: { readonly retain?: boolean; readonly properties?: Properties; readonly taken?: () => void },
  ): void;
  /** QoS 1; resolves when the broker has acknowledged it. */
  subscribe(filters: readonly string[]): Promise<void>;
  /** Resolves when the connection is over, whoever ended it. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

const nothing = (): void => undefined;

/** Resolves when the broker has accepted the connection. The session is clean. */
export async function connectWire({ port, version, clientId, heard }: WireOptions): Promise<Wire> {
  const socket = createConnection({ host: "127.0.0.1", port, noDelay: true });
  const connected = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const acknowledged = new Map<number, () => void>();
  const incoming = parser({ protocolVersion: version });
  let lastId = 0;

  const send = (packet: Packet): void => {
    if (socket.writable) {
      socket.write(generate(packet, { protocolVersion: version }));
    }
  };
  const expectAnswer = (then: () => void): number => {
    do {
      lastId = (lastId % 65_535) + 1;
    } while (acknowledged.has(lastId));
    acknowledged.set(lastId, then);
    return lastId;
  };
  const take = (id: number | undefined): void => {
    const then = acknowledged.get(id ?? 0);
    acknowledged.delete(id ?? 0);
    then?.();
  };

  incoming.on("packet", (packet) => {
    if (packet.cmd === "publish") {
      if (packet.qos === 1) {
        send({ cmd: "puback", messageId: packet.messageId ?? 0 });
      }
      heard(packet);
    } else if (packet.cmd === "puback" || packet.cmd === "suback") {
      take(packet.messageId);
    } else if (packet.cmd === "connack") {
      const code = packet.reasonCode ?? packet.returnCode ?? 0;
      if (code === 0) {
        connected.resolve();
      } else {
        connected.reject(new Error(`the broker refused ${clientId} with ${code}`));
      }
    }
  });
  incoming.on("error", () => socket.destroy());
  socket.on("data", (bytes) => incoming.parse(bytes));
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    connected.reject(new Error(`the connection of ${clientId} was closed`));
    over.resolve();
  });
  socket.on("connect", () =>
    send({
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: version,
      clientId,
      clean: true,
      keepalive: 0,
      ...(version === 5 ? { properties: { receiveMaximum: 65_535 } } : {}),
    }),
  );
  await connected.promise;

  return {
    version,
    closed: over.promise,
    publish(topic, payload, { retain = false, properties, taken = nothing } = {}) {
      send({
        cmd: "publish",
        topic,
        payload,
        qos: 1,
        retain,
        dup: false,
        messageId: expectAnswer(taken),
        ...(properties === undefined ? {} : { properties }),
      });
    },
    subscribe: (filters) =>
      new Promise((resolve) => {
        const subscriptions = filters.map((topic) => ({
          topic,
          qos: 1 as const,
          nl: false,
          rap: true,
          rh: 0,
        }));
        send({ cmd: "subscribe", messageId: expectAnswer(resolve), subscriptions });
      }),
    async close() {
      send({ cmd: "disconnect", ...(version === 5 ? { reasonCode: 0 } : {}) });
      socket.end();
      await over.promise;
    },
  };
}

/** The fields of a JSON object; none for anything else. */
export function fieldsIn(payload: string): ReadonlyMap<string, unknown> {
  try {
    return fieldsOf(JSON.parse(payload));
  } catch {
    return new Map();
  }
}

export const fieldsOf = (value: unknown): ReadonlyMap<string, unknown> =>
  new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
