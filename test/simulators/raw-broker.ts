// The barest broker: takes one connection after the other, writes down every packet in order, acknowledges, forwards nothing. For
// tests of what exactly a device puts on the wire, down to CONNECT and the place of SUBSCRIBE.

import { createServer, type Socket } from "node:net";
import { generate, type Packet, parser } from "mqtt-packet";

export interface RawBroker {
  readonly port: number;
  /** Packets of all connections, in order of arrival; `closed` marks the end of a connection. */
  readonly packets: readonly (Packet | { readonly cmd: "closed" })[];
  send(topic: string, payload: string): void;
  /** Refuse the next connections with this CONNACK code; 0 accepts again. */
  refuse(code: number): void;
  stop(): Promise<void>;
}

export async function startRawBroker(): Promise<RawBroker> {
  const packets: (Packet | { cmd: "closed" })[] = [];
  const sockets = new Set<Socket>();
  let returnCode = 0;
  let latest: Socket | undefined;
  const server = createServer({ noDelay: true }, (socket) => {
    const incoming = parser({ protocolVersion: 4 });
    const answer = (packet: Packet): void => {
      socket.write(generate(packet, { protocolVersion: 4 }));
    };
    sockets.add(socket);
    latest = socket;
    incoming.on("packet", (packet) => {
      packets.push(packet);
      if (packet.cmd === "connect") {
        answer({ cmd: "connack", returnCode, sessionPresent: false });
      } else if (packet.cmd === "subscribe") {
        answer({
          cmd: "suback",
          messageId: packet.messageId ?? 0,
          granted: packet.subscriptions.map(() => 0),
        });
      } else if (packet.cmd === "pingreq") {
        answer({ cmd: "pingresp" });
      }
    });
    socket.on("data", (bytes) => incoming.parse(bytes));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      packets.push({ cmd: "closed" });
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  return {
    port: address !== null && typeof address === "object" ? address.port : 0,
    packets,
    send: (topic, payload) => {
      latest?.write(generate({ cmd: "publish", topic, payload, qos: 0, retain: false, dup: false }));
    },
    refuse: (code) => {
      returnCode = code;
    },
    stop: () =>
      new Promise((resolve) => {
        sockets.forEach((socket) => socket.destroy());
        server.close(() => resolve());
      }),
  };
}
