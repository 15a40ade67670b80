// One MQTT 3.1.1 connection as a small device with the PubSubClient library makes it: packets written by hand over TCP, one received
// packet served per interval, a receive buffer of fixed size. Not a client for tests to observe with, and no reconnection in it.

import { createConnection } from "node:net";
import { generate, type Packet, parser } from "mqtt-packet";

export interface WireOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly clean: boolean;
  /** Seconds. A PINGREQ follows when nothing was sent for that long. */
  readonly keepalive: number;
  readonly will: { readonly topic: string; readonly payload: string; readonly retain: boolean };
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Milliseconds between two received packets. */
  readonly serviceMs: number;
  /** Bytes of a whole received packet; longer ones are dropped without a word. */
  readonly receiveLimit: number;
}

export interface WireListener {
  connected(): void;
  subscribed(): void;
  message(topic: string, payload: string, retain: boolean): void;
  /** The connection or the attempt ended; called once, and never after `freeze`, `finish` or `destroy`. */
  closed(): void;
}

export interface Wire {
  /** QoS 0, always. */
  publish(topic: string, payload: string, retain: boolean): void;
  /** QoS 0; one SUBSCRIBE packet for each filter. */
  subscribe(filter: string): void;
  /** Close TCP in order, without an MQTT DISCONNECT: the broker sends the will at once. */
  finish(): void;
  /** Reset TCP: the broker sends the will at once. */
  destroy(): void;
  /** Neither read nor write any more, and do not close: what a mains cut or lost WiFi looks like from the broker. */
  freeze(): void;
  /** Serve each received packet so many milliseconds later than usual. */
  lag(ms: number): void;
}

export function openWire(options: WireOptions, listener: WireListener): Wire {
  const socket = createConnection({ host: options.host, port: options.port, noDelay: true });
  const waiting: Packet[] = [];
  let over = false;
  let messageId = 0;
  let lagMs = 0;
  let pingUnanswered = false;
  let serviceTimer: NodeJS.Timeout | undefined;
  let pingTimer: NodeJS.Timeout | undefined;

  const incoming = parser({ protocolVersion: 4 });
  incoming.on("packet", (packet) => {
    if (wholeLength(packet) <= options.receiveLimit) {
      waiting.push(packet);
      serve();
    }
  });
  incoming.on("error", () => fail());

  socket.on("connect", () =>
    send({
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: 4,
      clientId: options.clientId,
      clean: options.clean,
      keepalive: options.keepalive,
      will: { ...options.will, qos: 1 },
      ...(options.username === undefined ? {} : { username: options.username }),
      ...(options.password === undefined ? {} : { password: Buffer.from(options.password) }),
    }),
  );
  socket.on("data", (bytes) => {
    if (!over) {
      incoming.parse(bytes);
    }
  });
  socket.on("error", () => fail());
  socket.on("close", () => fail());

  function send(packet: Packet): void {
    if (over || !socket.writable) {
      return;
    }
    socket.write(generate(packet, { protocolVersion: 4 }));
    clearTimeout(pingTimer);
    pingTimer = setTimeout(ping, options.keepalive * 1000);
  }

  function ping(): void {
    if (pingUnanswered) {
      fail();
    } else {
      pingUnanswered = true;
      send({ cmd: "pingreq" });
    }
  }

  function serve(): void {
    if (serviceTimer !== undefined || over) {
      return;
    }
    serviceTimer = setTimeout(() => {
      serviceTimer = undefined;
      const packet = waiting.shift();
      if (packet !== undefined) {
        handle(packet);
      }
      if (waiting.length > 0) {
        serve();
      }
    }, options.serviceMs + lagMs);
  }

  function handle(packet: Packet): void {
    if (packet.cmd === "connack") {
      if (packet.returnCode === 0) {
        listener.connected();
      } else {
        fail();
      }
    } else if (packet.cmd === "suback") {
      listener.subscribed();
    } else if (packet.cmd === "publish") {
      listener.message(packet.topic, packet.payload.toString(), packet.retain);
    } else if (packet.cmd === "pingresp") {
      pingUnanswered = false;
    }
  }

  function fail(): void {
    if (!over) {
      quiet();
      socket.destroy();
      listener.closed();
    }
  }

  function quiet(): void {
    over = true;
    clearTimeout(serviceTimer);
    clearTimeout(pingTimer);
  }

  return {
    publish: (topic, payload, retain) => send({ cmd: "publish", topic, payload, retain, qos: 0, dup: false }),
    subscribe: (filter) => {
      messageId += 1;
      send({ cmd: "subscribe", messageId, subscriptions: [{ topic: filter, qos: 0 }] });
    },
    finish: () => {
      quiet();
      socket.end(() => socket.destroy());
    },
    destroy: () => {
      quiet();
      socket.resetAndDestroy();
    },
    freeze: () => {
      quiet();
      socket.pause();
    },
    lag: (ms) => {
      lagMs = ms;
    },
  };
}

/** Fixed header, remaining-length field and the rest (MQTT 3.1.1, 2.2.3: seven bits of length a byte). */
function wholeLength(packet: Packet): number {
  const rest = packet.length ?? 0;
  const lengthBytes = rest < 128 ? 1 : rest < 16_384 ? 2 : rest < 2_097_152 ? 3 : 4;
  return 1 + lengthBytes + rest;
}
