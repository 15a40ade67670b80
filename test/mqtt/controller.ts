// A front with a written-down inbox in place of the core, its clients, and the brokers to try them with: MQTT 3.1.1 (aedes) and MQTT 5
// (mosquitto). Everything is closed after each test.

import { afterEach } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { openConnection } from "../../src/adapters/mqtt/connection.ts";
import type { Connection, ConnectionOptions, Incoming } from "../../src/adapters/mqtt/connection-port.ts";
import { createFront, type FrontOptions } from "../../src/adapters/mqtt/front.ts";
import { millis } from "../../src/core/time.ts";
import type { ResourcePicture } from "../../src/core/pictures.ts";
import type { Request, TokenReply } from "../../src/core/requests.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Front, Inbox } from "../../src/ports/front.ts";
import { startAedes } from "../support/aedes.ts";
import { eventually } from "../support/eventually.ts";
import { fastClock } from "../support/fast-clock.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { keepingLog, type Line, silentLog } from "../support/silent-log.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    await cleanup();
  }
});

export interface Controller {
  readonly front: Front;
  readonly heard: string[];
  readonly requests: { readonly request: Request; readonly taken: (taken: boolean) => void }[];
  readonly lines: Line[];
  readonly started: Promise<void>;
}

/** Twenty times as fast as life: the three seconds for a pong take 150 ms. */
const quick = fastClock(20);
export const quick20 = millis(20);

export function launch(
  url: string,
  {
    answer = true,
    clock = quick,
    onLost,
    alone = () => {},
    ...more
  }: Partial<FrontOptions> & {
    answer?: boolean;
    clock?: Clock;
    onLost?: (front: Front) => void;
    alone?: () => void;
  } = {},
): Controller {
  const heard: string[] = [];
  const requests: Controller["requests"] = [];
  const { log, lines } = keepingLog();
  const front = createFront(
    {
      broker: { url },
      clientId: "controller",
      base: "lastout",
      sessionExpiry: 3600,
      replyPrefixes: [],
      payloadLimit: 16_384,
      access: "open",
      instance: "instance-1",
      version: "0.0.0",
      started: "2026-11-22T08:00:00.000Z",
      observe: false,
      counts: { resources: 1, pools: 0 },
      ...more,
    },
    { clock, log },
  );
  const inbox: Inbox = {
    request(request, taken) {
      requests.push({ request, taken });
      if (answer) {
        taken(true);
      }
    },
    alone,
    linkConnected: () => heard.push("connected"),
    linkLost() {
      heard.push("lost");
      onLost?.(front);
    },
    linkProved: (attempt) => heard.push(`proved ${attempt}`),
    replied: (outbox) => heard.push(`replied ${outbox}`),
    rivalHeard: (instance) => heard.push(`rival ${instance}`),
    rivalGone: () => heard.push("rival gone"),
    failed: (sentence) => heard.push(`failed: ${sentence}`),
  };
  const started = front.start(inbox);
  cleanups.push(async () => {
    await front.close();
    await started.catch(() => {});
  });
  return { front, heard, requests, lines, started };
}

export async function running(url: string, more: Parameters<typeof launch>[1] = {}): Promise<Controller> {
  const controller = launch(url, more);
  await controller.started;
  return controller;
}

export interface Client {
  readonly connection: Connection;
  readonly messages: Incoming[];
  /** `topic payload`, with `!` behind the topic when the retain flag is set. */
  lines(): string[];
}

export async function client(
  url: string,
  filters: readonly string[] = [],
  more: Partial<ConnectionOptions> = {},
): Promise<Client> {
  const messages: Incoming[] = [];
  const connection = openConnection(
    { url, clientId: `client-${Math.random()}`, clean: true, keepalive: 15, reconnect: true, ...more },
    {
      connected() {},
      message(message, done) {
        messages.push(message);
        done();
      },
      lost() {},
    },
    { clock: systemClock, log: silentLog },
  );
  cleanups.push(() => connection.close());
  await eventually("the client is connected", () => connection.connected);
  await connection.subscribe(filters.map((filter) => ({ filter, qos: 1 })));
  return {
    connection,
    messages,
    lines: () =>
      messages.map(({ topic, payload, retain }) =>
        `${topic}${retain ? "!" : ""} ${Buffer.from(payload).toString()}`.trim(),
      ),
  };
}

/** What stands retained on the broker below a filter. */
export async function retained(url: string, filter: string): Promise<Record<string, string>> {
  const reader = await client(url, [filter, "end-of-retained"]);
  await reader.connection.publish("end-of-retained", "", { qos: 1, retain: false });
  await eventually("all was read", () => reader.messages.some(({ topic }) => topic === "end-of-retained"));
  await systemClock.sleep(quick20);
  await reader.connection.close();
  return Object.fromEntries(
    reader.messages
      .filter(({ retain }) => retain)
      .map(({ topic, payload }) => [topic, Buffer.from(payload).toString()]),
  );
}

export const say = (
  one: Client,
  topic: string,
  payload: string | Uint8Array,
  retain = false,
): Promise<void> => one.connection.publish(topic, payload, { qos: 1, retain });

export function picture(state: ResourcePicture["object"]["state"], time = "T1", users = 0): ResourcePicture {
  return {
    name: "build1",
    object: {
      state,
      level: state === "available" ? 2 : 0,
      since: "T0",
      phase: "idle",
      users,
      dependents: 0,
      queue: 0,
      exclusive: false,
      override: "auto",
      offAt: null,
      readyAt: null,
      problem: null,
      watts: null,
      kwh: null,
      time,
    },
    holders: { users, holders: [], more: 0 },
  };
}

export const granted: TokenReply = {
  ok: true,
  resource: "build1",
  resources: undefined,
  token: "t",
  owner: "anonymous",
  state: "off",
  users: 1,
  ttl: 60,
  expires: "T2",
};

export const kindOf = ({ request }: Controller["requests"][number]): string =>
  request.kind === "refused" ? `refused ${request.error}` : request.kind;

interface Broker {
  readonly url: string;
  /** Break all connections, without DISCONNECT. */
  cut(): Promise<void>;
}

export const brokers: {
  name: string;
  five: boolean;
  needs: ReturnType<typeof needing>;
  readonly start: () => Promise<Broker>;
}[] = [
  {
    name: "aedes, MQTT 3.1.1",
    five: false,
    needs: needing(),
    async start() {
      const broker = await startAedes();
      cleanups.push(() => broker.stop());
      return { url: broker.url, cut: async () => broker.cut() };
    },
  },
  {
    name: "mosquitto, MQTT 5",
    five: true,
    needs: needing("mosquitto"),
    async start() {
      const broker = await startMosquitto(["persistence true"]);
      cleanups.push(() => broker.stop());
      return { url: broker.url, cut: () => broker.restart("SIGTERM") };
    },
  },
];
