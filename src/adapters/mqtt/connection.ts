// One MQTT connection that tells the truth: connected or not, nothing queued, nothing sent again. The only importer of the
// `mqtt` library. Each attempt gets a new client of the library, because a used one sends what it kept to the next connection:
// a stale command would reach a socket. Not here: what to subscribe to, and what to do about a loss.

import { createConnection, Socket } from "node:net";
import mqttClient from "mqtt/lib/client";
import type { IClientOptions, IClientSubscribeProperties, IPublishPacket, MqttClient } from "mqtt";
import { millis } from "../../core/time.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { ConnectionError } from "./connection-port.ts";
import type {
  Connection,
  ConnectionListener,
  ConnectionOptions,
  Outgoing,
  Subscription,
} from "./connection-port.ts";
import { brokerName, clientOptions, isPlain } from "./broker-address.ts";
import { type Failure, failureOf } from "./failures.ts";
import { checkOutgoing, refusedFilter, refusedMessage } from "./refusals.ts";
import { createSendWindow, type SendWindow } from "./send-window.ts";
import { type Arrived, createTurns } from "./turns.ts";

/** A connection that held this long was a good one: the pauses begin at their shortest again. */
const goodAfterMs = 10_000;
/** Closed by the broker without an error this soon after it accepted us: as when somebody connects with our client id. */
const takenOverWithinMs = 5000;
const shortestPauseMs = 500;
const longestPauseMs = 30_000;

/** One attempt and, when it succeeds, the connection it became. */
interface Link {
  readonly client: MqttClient;
  readonly protocol: 4 | 5;
  up: boolean;
  /** Rejections of everything that waits for the broker. */
  readonly pending: Set<(error: ConnectionError) => void>;
  readonly window: SendWindow;
  /** Called when nothing waits for the broker any more. */
  idle: () => void;
}

interface Arrival extends Arrived {
  readonly packet: IPublishPacket;
}

/** What the library's objects for one packet take in memory, about. */
const bytesPerPacket = 500;
/** Tells the library to go on without a PUBACK. Nobody sees it. */
const withheld = new Error("acknowledged later");

interface Ended {
  readonly failure: Failure;
  readonly wasConnected: boolean;
  readonly takenOver: boolean;
  readonly heldMs: number;
  /** The broker may speak 3.1.1 only: it said so, or closed without an answer. */
  readonly otherVersion: "said" | "perhaps" | "no";
}

export function openConnection(
  options: ConnectionOptions,
  listener: ConnectionListener,
  parts: { readonly clock: Clock; readonly log: Log },
): Connection {
  const { clock, log } = parts;
  const stop = new AbortController();
  const broker = brokerName(options.url);
  /** Ids of QoS 2 messages that were handed over, until the broker releases them: kept over connections of one session. */
  const handedOver = new Set<number>();
  let link: Link | undefined;
  let protocol: 4 | 5 = options.protocol ?? 5;
  let protocolWorked = false;

  async function run(): Promise<void> {
    let failures = 0;
    // Before the first look whether it was closed meanwhile: to load the other libraries takes a while.
    const connect = isPlain(options.url) ? connectPlainly : (await import("mqtt")).default.connect;
    while (!stop.signal.aborted) {
      const ended = await attempt(connect);
      link = undefined;
      if (stop.signal.aborted) {
        return;
      }
      if (options.protocol === undefined && protocol === 5 && fallsBack(ended, protocolWorked)) {
        log.debug({ broker }, "The broker does not take MQTT 5, trying 3.1.1");
        protocol = 4;
        continue;
      }
      if (!protocolWorked && options.protocol === undefined) {
        protocol = 5;
      }
      failures = ended.heldMs >= goodAfterMs ? 0 : failures;
      const { code, sentence } = ended.failure;
      log.debug({ broker, code, reason: sentence }, "The connection to the broker ended");
      listener.lost({ code, sentence, wasConnected: ended.wasConnected, takenOver: ended.takenOver });
      if (!options.reconnect) {
        return;
      }
      await clock.sleep(pause(failures), stop.signal);
      failures += 1;
    }
  }

  function attempt(connect: typeof connectPlainly): Promise<Ended> {
    return new Promise((resolve) => {
      const tried = protocol;
      let error: unknown;
      let reason: number | undefined;
      let refusal: number | undefined;
      let since: number | undefined;
      const end = (): void => {
        const wasConnected = since !== undefined;
        const heldMs = since === undefined ? 0 : clock.now() - since;
        const silent = error === undefined && refusal === undefined && reason === undefined;
        resolve({
          failure: failureOf({
            broker,
            error,
            reason,
            refusal,
            protocol: tried,
            wasConnected,
            keepalive: options.keepalive,
          }),
          wasConnected,
          heldMs,
          // 0x8E; brokers that name no reason just close (mosquitto before 2.0.15, and every broker over 3.1.1).
          takenOver: reason === 0x8e || (wasConnected && silent && heldMs < takenOverWithinMs),
          otherVersion:
            refusal === 1 || refusal === 132 ? "said" : !wasConnected && silent ? "perhaps" : "no",
        });
      };
      let client: MqttClient;
      try {
        client = connect(clientOptions(options, tried));
      } catch (thrown) {
        error = thrown;
        end();
        return;
      }
      const mine: Link = {
        client,
        protocol: tried,
        up: false,
        pending: new Set(),
        window: createSendWindow(),
        idle: () => {},
      };
      link = mine;
      withoutDelay(client);
      const deliver = receive(mine);
      client.on("connect", (connack) => {
        since = clock.now();
        mine.up = true;
        protocolWorked = true;
        if (!connack.sessionPresent) {
          handedOver.clear();
        }
        log.debug({ broker, protocol: tried, session: connack.sessionPresent }, "Connected to the broker");
        listener.connected({ present: connack.sessionPresent, protocol: tried });
        deliver.begin();
      });
      client.on("disconnect", (packet) => {
        reason = packet.reasonCode ?? 0;
      });
      client.on("error", (raised) => {
        const code: unknown = "code" in raised ? raised.code : undefined;
        if (since === undefined && typeof code === "number") {
          refusal ??= code;
        } else {
          error ??= raised;
        }
        // After a malformed packet the library would go on listening to a stream that it no longer understands.
        client.stream.destroy();
      });
      client.on("close", () => {
        mine.up = false;
        const broken = new ConnectionError("closed", "the connection broke before the broker had taken it");
        for (const fail of mine.pending) {
          fail(broken);
        }
        end();
      });
    });
  }

  /**
   * Hand over messages one at a time. The library answers the broker (PUBACK, PUBREC) when it is called back, and takes the next
   * packet only then; called back with an error, it leaves the PUBACK to us. A message of a connection that is gone is dropped here: it
   * was not acknowledged and comes again.
   */
  function receive(mine: Link): { begin(): void } {
    // A resumed session sends its backlog right after CONNACK, before the library has said "connect".
    let early: (() => void) | undefined;
    const handOver = (packet: IPublishPacket, acknowledge: () => void): void => {
      const start = (): void => {
        let open = true;
        listener.message(incomingOf(packet), () => {
          if (open && mine.up) {
            open = false;
            acknowledge();
          }
        });
      };
      if (mine.up) {
        start();
      } else if (link === mine && !mine.client.disconnected) {
        early = start;
      }
    };
    const { client } = mine;
    const turns = createTurns<Arrival>({
      window: mine.window,
      handOver({ packet }, done) {
        handOver(packet, done);
      },
      swamped() {
        log.warn({ broker }, "The broker sends without end and takes nothing: the connection is broken off");
        client.stream.destroy();
      },
    });
    client.handleMessage = (packet, callback) => {
      // QoS 2 was handed over with its PUBLISH, see below; here it has been released.
      if (packet.qos === 2) {
        handedOver.delete(packet.messageId ?? 0);
        callback();
        return;
      }
      const arrival: Arrival = {
        packet,
        bytes: packet.payload.length + packet.topic.length + bytesPerPacket,
        acknowledge() {
          if (packet.qos === 1 && mine.up) {
            client.stream.write(puback(packet.messageId ?? 0));
          }
        },
      };
      turns.take(arrival, (acknowledge) => {
        callback(acknowledge ? undefined : withheld);
      });
    };
    // The library would acknowledge a QoS 2 message first and keep it in memory until the broker releases it: lost in a crash.
    // Here it is handed over before PUBREC (MQTT 5 section 4.3.3, method A), once per packet id.
    client.options.customHandleAcks = (_topic, _payload, packet: IPublishPacket, callback) => {
      const id = packet.messageId ?? 0;
      if (packet.qos !== 2 || handedOver.has(id)) {
        callback(0);
      } else {
        handOver(packet, () => {
          handedOver.add(id);
          callback(0);
        });
      }
    };
    return {
      begin() {
        const start = early;
        early = undefined;
        start?.();
      },
    };
  }

  function live(): Link {
    if (link?.up !== true || stop.signal.aborted) {
      throw new ConnectionError("closed", `there is no connection to ${broker}`);
    }
    return link;
  }

  /** Waits for the broker's answer, and no longer than the connection lives. */
  function answered(
    mine: Link,
    ask: (settle: (error: ConnectionError | undefined) => void) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error: ConnectionError | undefined): void => {
        if (mine.pending.delete(settle)) {
          if (mine.pending.size === 0) {
            mine.idle();
          }
          if (error === undefined) {
            resolve();
          } else {
            reject(error);
          }
        }
      };
      mine.pending.add(settle);
      ask(settle);
    });
  }

  async function subscribe(subscriptions: readonly Subscription[]): Promise<void> {
    const mine = live();
    if (subscriptions.length === 0) {
      return;
    }
    await answered(mine, (settle) => {
      mine.client.subscribe(
        Object.fromEntries(subscriptions.map((one) => [one.filter, subscriptionOf(one)])),
        (error, _granted, suback) => {
          settle(error === null ? undefined : refusedFilter(error, subscriptions, suback?.granted));
        },
      );
    });
  }

  async function unsubscribe(filters: readonly string[]): Promise<void> {
    const mine = live();
    await answered(mine, (settle) => {
      mine.client.unsubscribe([...filters], (error) => {
        settle(
          error === undefined || error === null
            ? undefined
            : new ConnectionError("closed", `unsubscribing failed: ${error.message}`, { cause: error }),
        );
      });
    });
  }

  async function publish(topic: string, payload: string | Uint8Array, outgoing: Outgoing): Promise<void> {
    const mine = live();
    const bytes = Buffer.from(payload);
    const limits = mine.client.serverProperties;
    checkOutgoing(topic, bytes, outgoing, limits?.maximumPacketSize ?? Number.POSITIVE_INFINITY);
    if (outgoing.retain && limits?.retainAvailable === false) {
      throw new ConnectionError("refused", `${broker} does not keep retained messages`);
    }
    await answered(mine, (settle) => {
      const properties = mine.protocol === 5 ? propertiesOf(outgoing) : undefined;
      const send = (done: () => void): void => {
        const qos = limits?.maximumQoS === 0 ? 0 : outgoing.qos;
        mine.client.publish(topic, bytes, { qos, retain: outgoing.retain, ...properties }, (error) => {
          done();
          settle(error === undefined || error === null ? undefined : refusedMessage(topic, error));
        });
      };
      if (outgoing.qos === 0) {
        send(() => {});
      } else {
        mine.window.send(outgoing.urgent === true, limits?.receiveMaximum, send);
      }
    });
  }

  /** @param farewell how a connection that is up ends */
  async function stopWith(farewell: (mine: Link) => Promise<void> | void): Promise<void> {
    const first = !stop.signal.aborted;
    const mine = link;
    const wasUp = mine?.up === true;
    stop.abort();
    if (mine !== undefined && first) {
      await (wasUp ? farewell(mine) : breakOff(mine));
    }
    await running;
  }

  const running = run();
  return {
    get connected() {
      return link?.up === true && !stop.signal.aborted;
    },
    subscribe,
    unsubscribe,
    publish,
    close: () => stopWith((mine) => disconnect(mine, clock)),
    abort: () => stopWith(breakOff),
  };
}

function breakOff({ client }: Link): void {
  client.stream.destroy();
}

/** DISCONNECT after what is under way, but not after everything: a broker that has stopped answering must not hold up our end. */
async function disconnect(mine: Link, clock: Clock): Promise<void> {
  const { client } = mine;
  const gone = new AbortController();
  client.once("close", () => {
    gone.abort();
  });
  if (mine.pending.size > 0) {
    const answered = new AbortController();
    mine.idle = () => {
      answered.abort();
    };
    await clock.sleep(millis(1000), AbortSignal.any([gone.signal, answered.signal]));
  }
  // The library sends no DISCONNECT while it waits for acknowledgements, so it is told to forget what is left of them.
  for (const id of Object.keys(client.outgoing)) {
    client.removeOutgoingMessage(Number(id));
  }
  client.end(false);
  await clock.sleep(millis(1000), gone.signal);
  client.stream.destroy();
}

function fallsBack(ended: Ended, protocolWorked: boolean): boolean {
  return ended.otherVersion === "said" || (ended.otherVersion === "perhaps" && !protocolWorked);
}

/** Doubling from the shortest to the longest, each cut by up to half, so that a lab's clients do not come back as one. */
function pause(failures: number): ReturnType<typeof millis> {
  const whole = Math.min(longestPauseMs, shortestPauseMs * 2 ** Math.min(failures, 10));
  return millis(Math.round(Math.max(shortestPauseMs, whole * (0.5 + Math.random() / 2))));
}

/**
 * Not by `mqtt.connect`: that loads TLS, WebSocket and proxy libraries first, whatever the scheme is, which costs a command that asks one
 * question a quarter of its time.
 */
function connectPlainly(options: IClientOptions): MqttClient {
  const { host = "localhost", port = 1883 } = options;
  return new mqttClient.default(() => createConnection({ host, port }), options);
}

/** Without this an idle request takes 44 ms instead of 0.2 ms: Nagle waits for the broker's delayed TCP acknowledgement. */
function withoutDelay(client: MqttClient): void {
  // A WebSocket is a stream around its socket, for which `ws` does the same by itself.
  const stream: unknown = client.stream;
  if (stream instanceof Socket) {
    stream.setNoDelay(true);
  }
}

/** In both versions of the protocol: without a reason code it means success (MQTT 5 section 3.4.2.1). */
const puback = (id: number): Uint8Array => Uint8Array.of(0x40, 2, id >> 8, id & 0xff);

const incomingOf = (packet: IPublishPacket): Parameters<ConnectionListener["message"]>[0] => ({
  topic: packet.topic,
  payload: Buffer.from(packet.payload),
  qos: packet.qos,
  retain: packet.retain,
  responseTopic: packet.properties?.responseTopic,
  correlation: packet.properties?.correlationData,
});

const subscriptionOf = (
  one: Subscription,
): Pick<IClientSubscribeProperties, "properties"> & {
  qos: 0 | 1;
  nl: boolean;
  rap: boolean;
  rh: 0 | 1 | 2;
} => ({
  qos: one.qos,
  nl: one.noLocal ?? false,
  rap: one.retainAsPublished ?? false,
  rh: one.retainHandling ?? 0,
});

const propertiesOf = (outgoing: Outgoing): { properties: NonNullable<IPublishPacket["properties"]> } => ({
  properties: {
    ...(outgoing.contentType === undefined ? {} : { contentType: outgoing.contentType }),
    ...(outgoing.responseTopic === undefined ? {} : { responseTopic: outgoing.responseTopic }),
    ...(outgoing.correlation === undefined ? {} : { correlationData: Buffer.from(outgoing.correlation) }),
    ...(outgoing.messageExpiry === undefined ? {} : { messageExpiryInterval: outgoing.messageExpiry }),
  },
});
