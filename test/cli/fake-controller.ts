// A broker and a controller in one, just enough of the protocol for the command line to talk to: it keeps tokens, answers requests
// and publishes what a test tells it to. It shares no code with the program. Not a model of the real controller's decisions.

import { createServer, type Socket } from "node:net";
import { Aedes } from "aedes";

export interface HeardRequest {
  /** Without the user at its end. */
  readonly topic: string;
  /** The user at the end of the topic. */
  readonly user: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

type Answer = Readonly<Record<string, unknown>> | "silence";

export interface FakeController {
  readonly url: string;
  readonly port: number;
  /** Everything on request topics, wills included, oldest first. */
  readonly requests: HeardRequest[];
  /** Filters that clients have subscribed to, oldest first. */
  readonly subscribed: string[];
  /** Topics of all that clients have published, oldest first. */
  readonly published: string[];
  /** Ids of tokens that are held, by resource. */
  readonly held: Map<string, Set<string>>;
  /** Answers before the default does; `undefined` leaves it to the default. */
  answer: (request: HeardRequest) => Answer | undefined;
  /** Seconds, in replies to acquire and renew. */
  ttl: number;
  publish(topic: string, payload: unknown, retain?: boolean): Promise<void>;
  reply(request: HeardRequest, answer: Readonly<Record<string, unknown>>): Promise<void>;
  /** Break all connections without a farewell, as a broker that is killed does. */
  dropClients(): void;
  /** Take no connections, and break those there are. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
  readonly clients: () => number;
  close(): Promise<void>;
}

export interface FakeOptions {
  readonly resources?: readonly string[];
  readonly status?: string | undefined;
  readonly base?: string;
  readonly users?: Readonly<Record<string, string>>;
}

export async function startFakeController(options: FakeOptions = {}): Promise<FakeController> {
  const { resources = ["build1", "build2"], base = "lastout", users } = options;
  const broker = await Aedes.createBroker(
    users === undefined
      ? {}
      : {
          authenticate: (_client, username, password, done) => {
            done(null, users[username ?? ""] === password?.toString());
          },
        },
  );
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    broker.handle(socket);
  });
  broker.on("clientError", () => {});
  broker.on("connectionError", () => {});
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => resolve());
    });
  await listen(0);
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;

  const publish = (topic: string, payload: unknown, retain = false): Promise<void> =>
    new Promise((resolve, reject) => {
      const text = typeof payload === "string" ? payload : JSON.stringify(payload);
      broker.publish(
        { cmd: "publish", qos: 1, dup: false, retain, topic: `${base}/${topic}`, payload: Buffer.from(text) },
        (error) => (error === undefined || error === null ? resolve() : reject(error)),
      );
    });
  const held = new Map(resources.map((name) => [name, new Set<string>()]));
  const fake: FakeController = {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    requests: [],
    subscribed: [],
    published: [],
    held,
    answer: () => undefined,
    ttl: 3600,
    publish,
    reply: async (request, answer) => {
      const topic = request.fields["replyTo"];
      if (typeof topic === "string") {
        await publish(topic.slice(base.length + 1), { ...answer, id: request.fields["id"] });
      }
    },
    dropClients: () => {
      for (const socket of sockets) {
        socket.destroy();
      }
    },
    goAway: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        fake.dropClients();
      }),
    comeBack: () => listen(port),
    clients: () => broker.connectedClients,
    close: async () => {
      await new Promise<void>((resolve) => broker.close(() => resolve()));
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        fake.dropClients();
      });
    },
  };

  broker.on("publish", ({ topic }, client) => {
    if (client !== null) {
      fake.published.push(topic);
    }
  });
  broker.on("subscribe", (subscriptions) => {
    fake.subscribed.push(...subscriptions.map(({ topic }) => topic));
  });

  function standard({ topic, fields }: HeardRequest): Answer {
    const [resource = "", verb = ""] = topic.split("/");
    const token = String(fields["token"]);
    const several = fields["resources"];
    // One token over several is kept under the names of all of them, separated by commas.
    const ids = held.get(Array.isArray(several) ? several.join(",") : resource);
    const about = resource === "controller" ? { resources: several, token } : { resource, token };
    if (ids === undefined) {
      return {
        ok: false,
        ...about,
        error: "unknown-resource",
        message: `no resource or pool is named '${resource}'`,
      };
    }
    const granted = {
      ok: true,
      ...about,
      owner: fields["owner"] ?? "anonymous",
      state: "available",
      users: ids.size,
      ttl: fake.ttl,
      expires: "2030-01-01T00:00:00.000Z",
    };
    switch (verb) {
      case "acquire":
        ids.add(token);
        return { ...granted, users: ids.size };
      case "renew":
        return ids.has(token)
          ? granted
          : { ok: false, ...about, error: "unknown-token", message: `${token} expired` };
      case "release":
        return ids.delete(token)
          ? { ok: true, ...about, state: "available", users: ids.size }
          : { ok: false, ...about, error: "unknown-token", message: `${token} is not held` };
      case "override":
        return { ok: true, resource, override: fields["mode"], state: "available", users: ids.size };
      case "cycle":
        return { ok: true, resource, override: "auto", state: "available", users: ids.size };
      default:
        return {
          ok: true,
          resource,
          total: ids.size,
          holders: [...ids].map((id) => ({
            token: id,
            owner: "ci",
            since: "2026-01-01T00:00:00.000Z",
            expires: null,
            purpose: null,
          })),
          queue: [],
        };
    }
  }
  const verbs = ["acquire", "renew", "release", "tokens", "override", "cycle"];
  for (const filter of verbs.flatMap((verb) => [`+/${verb}`, `+/${verb}/+`])) {
    await new Promise<void>((resolve) => {
      broker.subscribe(
        `${base}/${filter}`,
        (packet, done) => {
          done();
          const fields: unknown = JSON.parse(packet.payload.toString());
          const [resource, verb, user] = packet.topic.slice(base.length + 1).split("/");
          const request = {
            topic: `${resource}/${verb}`,
            user,
            fields: typeof fields === "object" && fields !== null ? { ...fields } : {},
          };
          fake.requests.push(request);
          const answer = fake.answer(request) ?? standard(request);
          if (answer !== "silence") {
            void fake.reply(request, answer);
          }
        },
        resolve,
      );
    });
  }
  if (!("status" in options) || options.status !== undefined) {
    await publish("controller/status", options.status ?? "online", true);
  }
  return fake;
}

/** A state object as a controller publishes it. */
export const stateObject = (
  fields: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> => ({
  state: "off",
  level: 0,
  since: "2026-11-22T08:00:00.000Z",
  phase: "idle",
  users: 0,
  dependents: 0,
  queue: 0,
  exclusive: false,
  override: "auto",
  offAt: null,
  readyAt: null,
  problem: null,
  watts: null,
  kwh: null,
  time: "2026-11-22T08:00:00.000Z",
  ...fields,
});
