// One connection, over both versions of MQTT, against real brokers: aedes speaks 3.1.1, mosquitto 5.

import { afterEach, describe, expect, test } from "vitest";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { openConnection } from "../../src/adapters/mqtt/connection.ts";
import type {
  Connection,
  ConnectionListener,
  ConnectionOptions,
  Incoming,
} from "../../src/adapters/mqtt/connection-port.ts";
import { type TestBroker, startAedes } from "../support/aedes.ts";
import { eventually } from "../support/eventually.ts";
import { freePort, type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { silentLog } from "../support/silent-log.ts";
import { expiredCertificate, otherHostCertificate, testKey } from "../support/tls.ts";

const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    await cleanup();
  }
});

interface Open {
  readonly connection: Connection;
  readonly messages: { readonly message: Incoming; readonly done: () => void }[];
  readonly sessions: Parameters<ConnectionListener["connected"]>[0][];
  readonly losses: Parameters<ConnectionListener["lost"]>[0][];
}

function open(url: string, options: Partial<ConnectionOptions> = {}, acknowledge = true): Open {
  const messages: Open["messages"] = [];
  const sessions: Open["sessions"] = [];
  const losses: Open["losses"] = [];
  const connection = openConnection(
    { url, clientId: `test-${Math.random()}`, clean: true, keepalive: 15, reconnect: true, ...options },
    {
      connected: (session) => sessions.push(session),
      message: (message, done) => {
        messages.push({ message, done });
        if (acknowledge) {
          done();
        }
      },
      lost: (why) => losses.push(why),
    },
    { clock: systemClock, log: silentLog },
  );
  cleanups.push(() => connection.close());
  return { connection, messages, sessions, losses };
}

async function connected(
  url: string,
  options: Partial<ConnectionOptions> = {},
  acknowledge = true,
): Promise<Open> {
  const opened = open(url, options, acknowledge);
  await eventually("connected", () => opened.connection.connected);
  return opened;
}

const will = (n: number): Partial<ConnectionOptions> => ({
  will: { topic: `will/${n}`, payload: "gone", qos: 1, retain: false },
});

const text = (message: Incoming): string => Buffer.from(message.payload).toString();

async function withAedes(): Promise<TestBroker> {
  const broker = await startAedes();
  cleanups.push(() => broker.stop());
  return broker;
}

async function withMosquitto(lines: readonly string[] = []): Promise<Mosquitto> {
  const broker = await startMosquitto(lines);
  cleanups.push(() => broker.stop());
  return broker;
}

/** A broker played by hand: bytes in, bytes out. */
async function withServer(serve: (socket: Socket) => void): Promise<{ url: string; server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    serve(socket);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => {
    server.listen(port, "127.0.0.1", resolve);
  });
  cleanups.push(
    () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) {
          socket.destroy();
        }
        server.close(() => {
          resolve();
        });
      }),
  );
  return { url: `mqtt://127.0.0.1:${port}`, server };
}

describe("the version of MQTT", () => {
  test("is 3.1.1 with a broker that refuses 5, without a report of a loss", async () => {
    const broker = await withAedes();
    const { sessions, losses } = await connected(broker.url);
    expect(sessions).toEqual([{ present: false, protocol: 4 }]);
    expect(losses).toEqual([]);
  });

  test("is 5 with a broker that speaks it", needing("mosquitto"), async () => {
    const broker = await withMosquitto();
    const { sessions } = await connected(broker.url);
    expect(sessions).toEqual([{ present: false, protocol: 5 }]);
  });

  test("can be set to 3.1.1", needing("mosquitto"), async () => {
    const broker = await withMosquitto();
    const { sessions } = await connected(broker.url, { protocol: 4 });
    expect(sessions).toEqual([{ present: false, protocol: 4 }]);
  });

  test("falls back to 3.1.1 when a broker closes at the sight of 5 without an answer", async () => {
    const versions: (number | undefined)[] = [];
    const { url } = await withServer((socket) => {
      socket.once("data", (bytes) => {
        versions.push(bytes[8]);
        if (bytes[8] === 5) {
          socket.end();
        } else {
          socket.write(Uint8Array.of(0x20, 2, 0, 0));
        }
      });
    });
    const { sessions, losses } = await connected(url);
    expect(versions).toEqual([5, 4]);
    expect(sessions).toEqual([{ present: false, protocol: 4 }]);
    expect(losses).toEqual([]);
  });
});

const brokers = [
  { name: "aedes, MQTT 3.1.1", start: withAedes, needs: needing() },
  { name: "mosquitto, MQTT 5", start: withMosquitto, needs: needing("mosquitto") },
];

for (const { name, start, needs } of brokers) {
  describe(`with ${name}`, needs, () => {
    test("a message arrives with its topic, QoS, retain flag and bytes", async () => {
      const broker = await start();
      const { connection, messages } = await connected(broker.url);
      await connection.subscribe([{ filter: "a/+", qos: 1 }]);
      await connection.publish("a/b", Uint8Array.of(0, 255, 10), { qos: 1, retain: true });
      await eventually("it came", () => messages.length === 1);
      expect(messages[0]?.message).toMatchObject({ topic: "a/b", qos: 1, retain: false });
      expect([...(messages[0]?.message.payload ?? [])]).toEqual([0, 255, 10]);
    });

    test("the next message is handed over only when the last one is done", async () => {
      const broker = await start();
      const { connection, messages } = await connected(broker.url, {}, false);
      await connection.subscribe([{ filter: "a", qos: 1 }]);
      const other = await connected(broker.url);
      for (const payload of ["1", "2", "3"]) {
        await other.connection.publish("a", payload, { qos: 1, retain: false });
      }
      await eventually("the first came", () => messages.length > 0);
      // A round trip of the other connection: the broker has long sent all three.
      await other.connection.subscribe([{ filter: "z", qos: 0 }]);
      expect(messages.map(({ message }) => text(message))).toEqual(["1"]);
      messages[0]?.done();
      await eventually("the second came", () => messages.length === 2);
      messages[1]?.done();
      await eventually("the third came", () => messages.length === 3);
    });

    test("a message that was not done comes again after the connection broke, one that was done does not", async () => {
      const broker = await start();
      const session = { clientId: "link", clean: false, sessionExpiry: 60 };
      const first = await connected(broker.url, { ...session, reconnect: false }, false);
      await first.connection.subscribe([{ filter: "a", qos: 1 }]);
      const other = await connected(broker.url);
      await other.connection.publish("a", "1", { qos: 1, retain: false });
      await other.connection.publish("a", "2", { qos: 1, retain: false });
      await eventually("the first came", () => first.messages.length === 1);
      first.messages[0]?.done();
      await eventually("the second came", () => first.messages.length === 2);
      // When this has come through, the broker has seen the acknowledgement that was sent before it.
      await other.connection.subscribe([{ filter: "z", qos: 0 }]);
      await first.connection.publish("z", "", { qos: 0, retain: false });
      await eventually("the broker has the acknowledgement", () => other.messages.length === 1);
      await first.connection.abort();
      const second = await connected(broker.url, session);
      await eventually("it came again", () => second.messages.length > 0);
      expect(second.messages.map(({ message }) => text(message))).toEqual(["2"]);
      expect(second.sessions[0]?.present).toBe(true);
    });

    test("what is published without a connection is refused at once and never sent", async () => {
      const broker = await start();
      const { connection, messages, losses } = await connected(broker.url, {}, true);
      const watcher = await connected(broker.url);
      await watcher.connection.subscribe([{ filter: "cmnd/#", qos: 1 }]);
      await connection.abort();
      await expect(
        connection.publish("cmnd/p/POWER", "OFF", { qos: 1, retain: false }),
      ).rejects.toMatchObject({
        code: "closed",
      });
      await watcher.connection.publish("cmnd/end", "", { qos: 1, retain: false });
      await eventually("the end came", () => watcher.messages.length > 0);
      expect(watcher.messages.map(({ message }) => message.topic)).toEqual(["cmnd/end"]);
      expect(messages).toEqual([]);
      expect(losses).toEqual([]);
    });

    test("two of the same client id: the first learns that it was taken over", async () => {
      const broker = await start();
      const first = await connected(broker.url, { clientId: "same", reconnect: false });
      await connected(broker.url, { clientId: "same" });
      await eventually("the first is lost", () => first.losses.length === 1);
      expect(first.losses[0]).toMatchObject({ wasConnected: true, takenOver: true, code: "closed" });
    });

    test("closing sends no will, aborting does", async () => {
      const broker = await start();
      const watcher = await connected(broker.url);
      await watcher.connection.subscribe([{ filter: "will/+", qos: 1 }]);
      await (await connected(broker.url, will(1))).connection.close();
      await (await connected(broker.url, will(2))).connection.abort();
      await eventually("a will came", () => watcher.messages.length > 0);
      expect(watcher.messages.map(({ message }) => message.topic)).toEqual(["will/2"]);
    });

    test("a connection that broke is made again, and a QoS 1 publication under way is refused", async () => {
      const broker = await start();
      const proxy = await withProxy(broker.port);
      const { connection, sessions, losses } = await connected(proxy.url);
      const watcher = await connected(broker.url);
      await watcher.connection.subscribe([{ filter: "a/#", qos: 1 }]);
      proxy.hold();
      const held = connection.publish("a/held", "1", { qos: 1, retain: false });
      const refused = expect(held).rejects.toMatchObject({ code: "closed" });
      proxy.cut();
      await refused;
      await eventually("it is back", () => sessions.length === 2);
      expect(losses).toHaveLength(1);
      expect(losses[0]).toMatchObject({ wasConnected: true, code: "closed", takenOver: false });
      await connection.publish("a/later", "2", { qos: 1, retain: false });
      await eventually("the later one came", () => watcher.messages.length > 0);
      expect(watcher.messages.map(({ message }) => message.topic)).toEqual(["a/later"]);
    });

    test("a message of 1 MB does not break the connection", async () => {
      const broker = await start();
      const { connection, messages, losses } = await connected(broker.url);
      await connection.subscribe([{ filter: "a", qos: 1 }]);
      const other = await connected(broker.url);
      await other.connection.publish("a", Buffer.alloc(1_000_000), { qos: 1, retain: false });
      await other.connection.publish("a", "small", { qos: 1, retain: false });
      await eventually("the small one came", () =>
        messages.some(({ message }) => message.payload.length === 5),
      );
      expect(losses).toEqual([]);
    });
  });
}

describe("with MQTT 5", needing("mosquitto"), () => {
  test("response topic, correlation data and content type arrive", async () => {
    const broker = await withMosquitto();
    const { connection, messages } = await connected(broker.url);
    await connection.subscribe([{ filter: "a", qos: 1 }]);
    await connection.publish("a", "x", {
      qos: 1,
      retain: false,
      responseTopic: "r/1",
      correlation: Uint8Array.of(1, 2),
      contentType: "text/plain",
      messageExpiry: 60,
    });
    await eventually("it came", () => messages.length === 1);
    expect(messages[0]?.message.responseTopic).toBe("r/1");
    expect([...(messages[0]?.message.correlation ?? [])]).toEqual([1, 2]);
  });

  test("a retained message shows its flag live when that was asked for", async () => {
    const broker = await withMosquitto();
    const { connection, messages } = await connected(broker.url);
    await connection.subscribe([{ filter: "a", qos: 1, retainAsPublished: true }]);
    await connection.publish("a", "x", { qos: 1, retain: true });
    await eventually("it came", () => messages.length === 1);
    expect(messages[0]?.message.retain).toBe(true);
  });

  test("a broker without room for retained messages is named as the reason", async () => {
    const broker = await withMosquitto(["retain_available false"]);
    const { connection } = await connected(broker.url);
    await expect(connection.publish("a", "x", { qos: 1, retain: true })).rejects.toMatchObject({
      code: "refused",
      message: expect.stringContaining("does not keep retained messages"),
    });
  });

  test("no more is sent at once than the broker's receive maximum allows", async () => {
    const broker = await withMosquitto(["max_inflight_messages 2"]);
    const { connection, losses } = await connected(broker.url);
    await Promise.all(
      Array.from({ length: 100 }, (_, n) => connection.publish("a", String(n), { qos: 1, retain: false })),
    );
    expect(losses).toEqual([]);
  });

  test("what is urgent finds room within the broker's receive maximum, however much waits for it", async () => {
    const broker = await withMosquitto(["max_inflight_messages 20"]);
    const observer = await connected(broker.url);
    await observer.connection.subscribe([{ filter: "#", qos: 0 }]);
    const { connection } = await connected(broker.url);
    const sent = Array.from({ length: 100 }, () =>
      connection.publish("picture", "", { qos: 1, retain: false }),
    );
    await Promise.all([...sent, connection.publish("reply", "", { qos: 1, retain: false, urgent: true })]);
    await eventually("all came", () => observer.messages.length === 101);
    expect(observer.messages.findIndex(({ message }) => message.topic === "reply")).toBeLessThan(20);
  });
});

const lossOf = async (
  url: string,
  options: Partial<ConnectionOptions> = {},
): Promise<Open["losses"][number]> => {
  const { losses } = open(url, { reconnect: false, ...options });
  return eventually("the attempt failed", () => losses[0], 15_000);
};

test.each(["mqtt", "mqtts", "ws", "wss"])(
  "%s: one that is closed at once is gone, and no attempt begins after it",
  async (scheme) => {
    const sockets: Socket[] = [];
    const { url } = await withServer((socket) => sockets.push(socket));
    const { connection } = open(url.replace("mqtt:", `${scheme}:`));
    await connection.close();
    await eventually("nothing is left of it", () =>
      sockets.every(({ readableEnded, destroyed }) => readableEnded || destroyed),
    );
  },
);

describe("what went wrong is named", () => {
  test("nothing listens", async () => {
    const port = await freePort();
    expect(await lossOf(`mqtt://127.0.0.1:${port}`)).toEqual({
      code: "unreachable",
      sentence: `mqtt://127.0.0.1:${port} refuses connections: nothing listens there`,
      wasConnected: false,
      takenOver: false,
    });
  });

  test("a host name that does not exist", async () => {
    expect(await lossOf("mqtt://no-such-host.invalid")).toMatchObject({
      code: "unreachable",
      sentence: expect.stringContaining("DNS"),
    });
  });

  test("a wrong password, without the password in the sentence", async () => {
    const broker = await withAedes();
    broker.aedes.authenticate = (_client, _user, _password, done) => {
      done(Object.assign(new Error("no"), { returnCode: 4 }) as Parameters<typeof done>[0], false);
    };
    const loss = await lossOf(broker.url.replace("mqtt://", "mqtt://me:secret@"));
    expect(loss).toMatchObject({
      code: "not-authorised",
      sentence: expect.stringContaining("user name or password"),
    });
    expect(loss.sentence).not.toContain("secret");
  });

  test("a client that is not authorised", needing("mosquitto"), async () => {
    const broker = await withMosquitto(["allow_anonymous false"]);
    expect(await lossOf(broker.url)).toMatchObject({
      code: "not-authorised",
      sentence: expect.stringContaining("not authorised"),
    });
  });

  test("something that is no broker", async () => {
    const { url } = await withServer((socket) => {
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    expect(await lossOf(url)).toMatchObject({ code: "protocol" });
  });

  test("a port without TLS", async () => {
    const broker = await withAedes();
    expect(await lossOf(broker.url.replace("mqtt:", "mqtts:"))).toMatchObject({ wasConnected: false });
  });

  test("a TLS certificate that nobody vouches for", async () => {
    const url = await withTls(otherHostCertificate);
    expect(await lossOf(url)).toMatchObject({
      code: "protocol",
      sentence: `${url}: its TLS certificate is signed by nobody that is trusted here; name its authority with \`ca\``,
    });
  });

  test("a TLS certificate for another host", async () => {
    const url = await withTls(otherHostCertificate);
    expect(await lossOf(url, { ca: otherHostCertificate })).toMatchObject({
      code: "protocol",
      sentence: `${url}: its TLS certificate is for another host name`,
    });
  });

  test("a TLS certificate that has expired", async () => {
    const url = await withTls(expiredCertificate);
    expect(await lossOf(url, { ca: expiredCertificate })).toMatchObject({
      code: "protocol",
      sentence: `${url}: its TLS certificate has expired`,
    });
  });

  test("a URL that is none", async () => {
    expect(await lossOf("http://127.0.0.1:1")).toMatchObject({
      code: "protocol",
      sentence: expect.stringContaining("use mqtt, mqtts, ws or wss"),
    });
  });
});

describe("a QoS 2 message", () => {
  const connack = Uint8Array.of(0x20, 2, 1, 0);
  const publish2 = Uint8Array.of(0x34, 6, 0, 1, 0x61, 0, 9, 0x78); // topic a, packet id 9, payload x
  const duplicate = Uint8Array.of(0x3c, 6, 0, 1, 0x61, 0, 9, 0x78);
  const pubrel = Uint8Array.of(0x62, 2, 0, 9);

  test("is handed over before PUBREC, which waits until it is done, and once however often it is sent", async () => {
    const received: number[] = [];
    let broker: Socket | undefined;
    const { url } = await withServer((socket) => {
      broker = socket;
      socket.on("data", (bytes) => {
        received.push(bytes[0] ?? 0);
        if (bytes[0] === 0x10) {
          socket.write(connack);
        }
      });
    });
    const { messages } = await connected(url, { protocol: 4, clean: false }, false);
    broker?.write(publish2);
    await eventually("it came", () => messages.length === 1);
    expect(messages[0]?.message).toMatchObject({ topic: "a", qos: 2 });
    expect(received).toEqual([0x10]);
    messages[0]?.done();
    await eventually("PUBREC", () => received.includes(0x50));
    broker?.write(duplicate);
    await eventually("PUBREC again", () => received.filter((byte) => byte === 0x50).length === 2);
    broker?.write(pubrel);
    await eventually("PUBCOMP", () => received.includes(0x70));
    expect(messages).toHaveLength(1);
  });

  test("that was handed over is not handed over again when the connection broke before its release", async () => {
    const received: number[][] = [];
    const { url } = await withServer((socket) => {
      const mine: number[] = [];
      received.push(mine);
      socket.on("data", (bytes) => {
        mine.push(bytes[0] ?? 0);
        if (bytes[0] === 0x10) {
          socket.write(connack);
          socket.write(received.length === 1 ? publish2 : duplicate);
        } else if (bytes[0] === 0x50 && received.length === 1) {
          socket.resetAndDestroy();
        } else if (bytes[0] === 0x50) {
          socket.write(pubrel);
        }
      });
    });
    const { messages } = await connected(url, { protocol: 4, clean: false });
    await eventually("PUBCOMP", () => received[1]?.includes(0x70));
    expect(messages).toHaveLength(1);
  });
});

async function withTls(certificate: string): Promise<string> {
  const server = createTlsServer({ cert: certificate, key: testKey });
  server.on("tlsClientError", () => {});
  const port = await freePort();
  await new Promise<void>((resolve) => {
    server.listen(port, "127.0.0.1", resolve);
  });
  cleanups.push(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  );
  return `mqtts://127.0.0.1:${port}`;
}

interface Proxy {
  readonly url: string;
  /** Hand on nothing more from the client. */
  hold(): void;
  /** Reset the connections; new ones are handed on again. */
  cut(): void;
}

async function withProxy(port: number): Promise<Proxy> {
  const pairs = new Set<Socket>();
  let holding = false;
  const { url } = await withServer((client) => {
    const server = connect(port, "127.0.0.1");
    server.on("error", () => {});
    pairs.add(client);
    client.on("data", (bytes) => {
      if (!holding) {
        server.write(bytes);
      }
    });
    server.pipe(client);
    client.on("close", () => {
      pairs.delete(client);
      server.destroy();
    });
  });
  return {
    url,
    hold() {
      holding = true;
    },
    cut() {
      holding = false;
      for (const client of pairs) {
        client.resetAndDestroy();
      }
    },
  };
}
