// A bare MQTT 3.1.1 client for the broker's tests: packets in and out as they are on the wire, nothing done by itself.

import { connect, type Socket } from "node:net";
import * as mqttPacket from "mqtt-packet";

export interface RawClient {
  readonly socket: Socket;
  send(packet: mqttPacket.Packet): void;
  /** The next packet that was not asked for yet, or `closed`. */
  next(): Promise<mqttPacket.Packet | "closed">;
  end(): void;
}

export async function dial(port: number, host = "127.0.0.1"): Promise<RawClient> {
  const socket = connect({ port, host, noDelay: true });
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  const arrived: (mqttPacket.Packet | "closed")[] = [];
  const waiting: ((packet: mqttPacket.Packet | "closed") => void)[] = [];
  const arrive = (packet: mqttPacket.Packet | "closed"): void => {
    const first = waiting.shift();
    if (first === undefined) {
      arrived.push(packet);
    } else {
      first(packet);
    }
  };
  parser.on("packet", arrive);
  socket.on("data", (chunk) => parser.parse(chunk));
  socket.on("error", () => undefined); // `close` follows.
  socket.on("close", () => arrive("closed"));
  await new Promise((done) => {
    socket.once("connect", done);
    socket.once("close", done);
  });
  return {
    socket,
    send: (packet) => void socket.write(mqttPacket.generate(packet, { protocolVersion: 4 })),
    next: () =>
      new Promise((resolve) => {
        const first = arrived.shift();
        if (first === undefined) {
          waiting.push(resolve);
        } else {
          resolve(first);
        }
      }),
    end: () => socket.destroy(),
  };
}

export interface Login {
  readonly clientId: string;
  readonly clean?: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly will?: NonNullable<mqttPacket.IConnectPacket["will"]>;
}

/** Connect and log in; what the broker answered is in `connack`. */
export async function login(
  port: number,
  { password, ...options }: Login,
): Promise<RawClient & { readonly connack: mqttPacket.Packet | "closed" }> {
  const client = await dial(port);
  client.send({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    keepalive: 60,
    clean: true,
    ...options,
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
  });
  return { ...client, connack: await client.next() };
}

export const publish = (
  topic: string,
  payload: string | Buffer,
  more: { qos?: 0 | 1; retain?: boolean; messageId?: number } = {},
): mqttPacket.Packet => ({
  cmd: "publish",
  topic,
  payload,
  qos: 0,
  dup: false,
  retain: false,
  ...more,
});

export const subscribe = (topic: string, qos: 0 | 1): mqttPacket.Packet => ({
  cmd: "subscribe",
  messageId: 1,
  subscriptions: [{ topic, qos }],
});
