// A simulated MQTT broker, as much of it as the two links of the controller, its clients and its sockets can tell apart: retained
// messages, last wills, QoS 1 with a persistent session and redelivery until acknowledged, QoS 0 that may be lost, take-overs, restarts.

import type { Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Trace } from "./trace.ts";
import { createWire, type Wire } from "./wire.ts";

export interface Message {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

export interface Subscription {
  readonly filter: string;
  readonly qos: 0 | 1;
  readonly noLocal: boolean;
}

export interface ConnectOptions {
  readonly clientId: string;
  readonly clean: boolean;
  readonly will: Message | undefined;
  /** Mean delay of its messages, ms. */
  readonly delay: number;
  /** QoS 0 messages to it come in order only within a topic. */
  readonly shuffled: boolean;
}

export interface ClientEnd {
  connected(sessionPresent: boolean): void;
  /** @param taken acknowledges a QoS 1 message */
  message(message: Message, taken: () => void): void;
  lost(): void;
}

export interface Connection {
  readonly open: boolean;
  readonly wire: Wire;
  /** @param taken the broker has it (QoS 1) */
  publish(message: Message, taken: () => void): void;
  subscribe(subscriptions: readonly Subscription[], done: () => void): void;
  /** A goodbye: no will. */
  disconnect(): void;
}

export interface Broker {
  readonly running: boolean;
  /** Probability that a QoS 0 message gets lost. */
  loss: number;
  /** Probability that a QoS 1 message is delivered twice. */
  duplicates: number;
  readonly retained: ReadonlyMap<string, string>;
  connect(options: ConnectOptions, end: ClientEnd): Connection | undefined;
  stop(how: {
    readonly wills: boolean;
    readonly loseRetained: boolean;
    readonly loseSessions: boolean;
  }): void;
  start(): void;
  /** Breaks a client's connection. */
  cut(clientId: string, late?: { readonly end: "client" | "broker"; readonly ms: number }): void;
  stall(clientId: string, ms: number): void;
}

export interface BrokerWatch {
  /** A message has reached the broker. */
  published(clientId: string, message: Message): void;
}

interface Session {
  readonly clientId: string;
  clean: boolean;
  subscriptions: readonly Subscription[];
  /** QoS 1 messages not yet acknowledged, oldest first. */
  queue: { readonly message: Message; sent: boolean }[];
  link: Link | undefined;
}

interface Link {
  readonly wire: Wire;
  readonly end: ClientEnd;
  readonly options: ConnectOptions;
  will: Message | undefined;
  readonly lastOn: Map<string, number>;
}

interface Parts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly trace: Trace;
  readonly watch: BrokerWatch;
}

export function createBroker({ scheduler, random, trace, watch }: Parts): Broker {
  const retained = new Map<string, string>();
  const sessions = new Map<string, Session>();
  let running = true;

  function accept(from: string, message: Message): void {
    watch.published(from, message);
    if (message.retain) {
      if (message.payload === "") {
        retained.delete(message.topic);
      } else {
        retained.set(message.topic, message.payload);
      }
    }
    const live = { ...message, retain: false };
    for (const session of sessions.values()) {
      const matching = session.subscriptions.find(({ filter }) => matches(filter, message.topic));
      if (matching !== undefined && !(matching.noLocal && session.clientId === from)) {
        offer(session, { ...live, qos: message.qos === 1 && matching.qos === 1 ? 1 : 0 });
      }
    }
  }

  function offer(session: Session, message: Message): void {
    const { link } = session;
    if (message.qos === 0) {
      if (link !== undefined && !random.chance(broker.loss)) {
        hand(link, message);
      }
      return;
    }
    if (link !== undefined || !session.clean) {
      session.queue.push({ message, sent: false });
      pump(session);
      if (random.chance(broker.duplicates)) {
        session.queue.push({ message, sent: false });
        pump(session);
      }
    }
  }

  /** QoS 0 to a client that sees topics in any order: in order within a topic only. */
  function hand(link: Link, message: Message): void {
    if (!link.options.shuffled) {
      link.wire.toClient(() => link.end.message(message, () => undefined));
      return;
    }
    const last = link.lastOn.get(message.topic) ?? 0;
    const arrives = Math.max(last, scheduler.now + random.int(0, 300));
    link.lastOn.set(message.topic, arrives);
    scheduler.after(arrives - scheduler.now, () => {
      link.wire.toClient(() => link.end.message(message, () => undefined));
    });
  }

  function pump(session: Session): void {
    const { link } = session;
    if (link === undefined) {
      return;
    }
    for (const queued of session.queue) {
      if (!queued.sent) {
        queued.sent = true;
        link.wire.toClient(() =>
          link.end.message(queued.message, () => {
            link.wire.toBroker(() => {
              session.queue = session.queue.filter((other) => other !== queued);
            });
          }),
        );
      }
    }
  }

  function lost(session: Session, link: Link): void {
    if (session.link !== link) {
      return;
    }
    session.link = undefined;
    for (const queued of session.queue) {
      queued.sent = false;
    }
    if (session.clean) {
      sessions.delete(session.clientId);
    }
    if (link.will !== undefined) {
      accept(session.clientId, link.will);
    }
  }

  function open(options: ConnectOptions, link: Link): Session {
    const old = sessions.get(options.clientId);
    if (old?.link !== undefined) {
      const before = old.link;
      lost(old, before); // a take-over ends the older connection
      before.wire.cut();
    }
    const kept = options.clean ? undefined : sessions.get(options.clientId);
    const session: Session = kept ?? {
      clientId: options.clientId,
      clean: options.clean,
      subscriptions: [],
      queue: [],
      link: undefined,
    };
    session.link = link;
    sessions.set(options.clientId, session);
    link.wire.toClient(() => link.end.connected(kept !== undefined));
    pump(session);
    return session;
  }

  const broker: Broker = {
    get running() {
      return running;
    },
    loss: 0,
    duplicates: 0,
    retained,
    connect(options, end) {
      if (!running) {
        return undefined;
      }
      const wire = createWire({
        scheduler,
        random,
        delay: options.delay,
        lostAtBroker: () => {
          if (session !== undefined) {
            lost(session, link);
          }
        },
        lostAtClient: () => end.lost(),
      });
      const link: Link = { wire, end, options, will: options.will, lastOn: new Map() };
      let session: Session | undefined;
      wire.toBroker(() => {
        session = open(options, link);
      });
      return {
        get open() {
          return wire.open;
        },
        wire,
        publish(message, taken) {
          wire.toBroker(() => {
            if (message.qos === 0 && random.chance(broker.loss)) {
              return;
            }
            accept(options.clientId, message);
            if (message.qos === 1) {
              wire.toClient(taken);
            }
          });
        },
        subscribe(subscriptions, done) {
          wire.toBroker(() => {
            if (session === undefined) {
              return;
            }
            session.subscriptions = subscriptions;
            wire.toClient(done);
            for (const [topic, payload] of retained) {
              if (subscriptions.some(({ filter }) => matches(filter, topic))) {
                const message: Message = { topic, payload, qos: 0, retain: true };
                wire.toClient(() => end.message(message, () => undefined));
              }
            }
          });
        },
        disconnect() {
          link.will = undefined;
          wire.cut();
        },
      };
    },
    stop({ wills, loseRetained, loseSessions }) {
      trace.note(
        `broker: stops${wills ? " with all wills" : ""}${loseRetained ? ", loses what was retained" : ""}${loseSessions ? ", loses sessions" : ""}`,
      );
      const links = [...sessions.values()].flatMap((session) =>
        session.link === undefined ? [] : [{ session, link: session.link }],
      );
      if (wills) {
        for (const { session, link } of links) {
          const { will } = link;
          link.will = undefined;
          if (will !== undefined) {
            accept(session.clientId, will);
          }
        }
      }
      for (const { session, link } of links) {
        link.will = undefined;
        lost(session, link);
        link.wire.cut();
      }
      running = false;
      if (loseRetained) {
        retained.clear();
      }
      if (loseSessions) {
        sessions.clear();
      }
    },
    start() {
      running = true;
      trace.note("broker: runs");
    },
    cut(clientId, late) {
      sessions.get(clientId)?.link?.wire.cut(late);
    },
    stall(clientId, ms) {
      sessions.get(clientId)?.link?.wire.stall(ms);
    },
  };
  return broker;
}

/** MQTT 5, section 4.7: `+` is one level, `#` at the end any number, none included. */
export function matches(filter: string, topic: string): boolean {
  if (filter === topic) {
    return true;
  }
  if (filter[0] !== topic[0] && filter[0] !== "+" && filter[0] !== "#") {
    return false;
  }
  if (!filter.includes("+") && !filter.endsWith("#")) {
    return false;
  }
  const wanted = filter.split("/");
  const levels = topic.split("/");
  for (const [index, level] of wanted.entries()) {
    if (level === "#") {
      return true;
    }
    if (level !== "+" && level !== levels[index]) {
      return false;
    }
    if (levels[index] === undefined) {
      return false;
    }
  }
  return wanted.length === levels.length;
}
