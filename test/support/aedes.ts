// An aedes broker on a free port of the loopback interface: MQTT 3.1.1 only, with a hand on its connections.

import { createServer, type Socket } from "node:net";
import { Aedes } from "aedes";

export interface TestBroker {
  readonly port: number;
  readonly url: string;
  readonly aedes: Aedes;
  /** Every message that went through, in order. */
  readonly seen: readonly {
    readonly topic: string;
    readonly payload: string;
    readonly qos: number;
    readonly retain: boolean;
  }[];
  /** Break all connections without a word, as a dead network does. */
  cut(): void;
  /** Publish as somebody else. */
  publish(topic: string, payload: string | Uint8Array, retain?: boolean): Promise<void>;
  stop(): Promise<void>;
}

export async function startAedes(listenOn = 0): Promise<TestBroker> {
  const aedes = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const seen: { topic: string; payload: string; qos: number; retain: boolean }[] = [];
  aedes.on("publish", (packet) => {
    if (!packet.topic.startsWith("$SYS")) {
      seen.push({
        topic: packet.topic,
        payload: packet.payload.toString(),
        qos: packet.qos,
        retain: packet.retain,
      });
    }
  });
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    aedes.handle(socket);
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(listenOn, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  return {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    aedes,
    seen,
    cut() {
      for (const socket of sockets) {
        socket.resetAndDestroy();
      }
    },
    publish: (topic, payload, retain = false) =>
      new Promise((resolve, reject) => {
        aedes.publish(
          { cmd: "publish", topic, payload: Buffer.from(payload), qos: 1, retain, dup: false },
          (error) => {
            if (error) {
              reject(error);
            } else {
              resolve();
            }
          },
        );
      }),
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) {
          socket.destroy();
        }
        server.close(() => {
          aedes.close(() => {
            resolve();
          });
        });
      }),
  };
}
