// The embedded MQTT broker, for a lab that has none: aedes on a TCP port, with users and bounds. The only importer of aedes.
// Not a client: the controller connects to it over TCP like everybody else.

import type { EventEmitter } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { Aedes, type AuthenticateError } from "aedes";
import type { Log } from "../../ports/log.ts";
import { isLoopback, ownUrl } from "../own-address.ts";
import { largestRequestBytes } from "../request-size.ts";
import { BrokerError } from "./broker-error.ts";
import { limitPackets, limitQueues, type Queues } from "./limits.ts";
import { keepOrder, type Retained } from "./order.ts";
import { openUsers, type Users } from "./users.ts";

export interface BrokerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** A password file as mosquitto_passwd writes it; `undefined`: no passwords, and then only this machine may connect. */
  readonly users: string | undefined;
}

export interface Broker {
  readonly port: number;
  /** Where a client on this machine reaches it. */
  readonly url: string;
  close(): Promise<void>;
}

const mostConnections = 1000;
/** For one session that is away. With packets of the usual 500 bytes, 5 MB. */
const mostQueued = 10_000;
/** A client that does not take what it is sent holds up the others: the library waits for it. Its default is a minute. */
const drainTimeoutMs = 5000;
/** For the first packet, CONNECT. */
const connectTimeoutMs = 10_000;

/**
 * It speaks MQTT 3.1 and 3.1.1. Retained messages, sessions and what is queued for them are in memory: they outlive a client's
 * connection, and do not outlive this process. So a restart of the controller is a restart of its broker, too: clients that were away meanwhile
 * find no session, and the controller publishes its retained picture anew. Messages of QoS 1 and 2 for a session that is away
 * (clean session off) are queued, 10,000 at most, and dropped beyond that. The number of sessions and of retained messages has no bound, as in
 * mosquitto: those who may connect are trusted that far.
 * @throws BrokerError
 */
export async function startBroker(options: BrokerOptions, parts: { readonly log: Log }): Promise<Broker> {
  const { log } = parts;
  if (options.users === undefined && !isLoopback(options.host)) {
    throw new BrokerError(
      "open",
      `broker.listen: on ${options.host} anybody in the network could switch outlets, since no passwords are set: ` +
        "set broker.users to a file made with mosquitto_passwd, or listen on 127.0.0.1",
    );
  }
  const users = options.users === undefined ? undefined : await openUsers(options.users, parts);
  const aedes = await Aedes.createBroker({
    connectTimeout: connectTimeoutMs,
    drainTimeout: drainTimeoutMs,
    authenticate: (_client, user, password, done) => {
      const judged = async (): Promise<void> => {
        const refusal = await judge(users, user, password, log);
        done(refusal, refusal === null);
      };
      void judged(); // `judge` never rejects.
    },
  });
  // aedes has made its persistence in memory by now, and that has these methods; only its types do not tell of it.
  const { persistence } = aedes as Aedes & { readonly persistence: Queues & Retained }; // oxlint-disable-line typescript/no-unsafe-type-assertion -- see above
  keepOrder(persistence);
  limitQueues(persistence, mostQueued, (client) =>
    log.warn(
      { client, most: mostQueued },
      "A client that is away has too much queued; what comes now is dropped for it",
    ),
  );
  aedes.on("clientError", (client, error) =>
    log.debug({ client: client.id, error: error.message }, "A client of the broker was cut off"),
  );
  aedes.on("connectionError", (_client, error) =>
    log.debug({ error: error.message }, "A connection to the broker was refused"),
  );
  const emitter: EventEmitter = aedes; // Its types leave out the event, which would end the process if nobody listened.
  emitter.on("error", (error: unknown) => log.error({ error }, "The broker failed at something"));

  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    aedes.handle(socket);
    limitPackets(socket, largestRequestBytes, (bytes) => {
      log.warn(
        { from: socket.remoteAddress, bytes, most: largestRequestBytes },
        "Cut off a client of the broker: its packet is too large",
      );
      socket.destroy();
    });
  });
  server.on("error", (error) => log.debug({ error }, "The broker's port failed"));
  server.maxConnections = mostConnections;
  server.on("drop", (dropped) =>
    log.warn(
      { from: dropped?.remoteAddress, most: mostConnections },
      "The broker has too many connections; one was refused",
    ),
  );

  const close = async (): Promise<void> => {
    const closed = new Promise<void>((done) => void server.close(() => done()));
    await new Promise<void>((done) => aedes.close(() => done()));
    for (const socket of sockets) {
      socket.destroy();
    }
    await closed;
  };
  try {
    const port = await listen(server, options);
    return { port, url: ownUrl({ host: options.host, port }), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @returns null when the client may come in */
async function judge(
  users: Users | undefined,
  user: string | undefined,
  password: Buffer | undefined,
  log: Log,
): Promise<AuthenticateError | null> {
  if (users === undefined) {
    return null;
  }
  // Return codes of CONNACK, MQTT 3.1.1, table 3.1: 4 bad user name or password, 5 not authorized.
  if (user === undefined) {
    return Object.assign(new Error("the broker wants a user name and a password"), {
      returnCode: 5 as const,
    });
  }
  try {
    if (await users.allows(user, password ?? Buffer.alloc(0))) {
      return null;
    }
    log.warn({ user }, "A client gave the broker a wrong user name or password");
  } catch (error) {
    log.error({ user, error }, "The broker could not check a password");
  }
  return Object.assign(new Error("bad user name or password"), { returnCode: 4 as const });
}

function listen(server: Server, { host, port }: BrokerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(explainListen(error, host, port)));
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function explainListen(error: Error, host: string, port: number): BrokerError {
  const cures: Readonly<Record<string, string>> = {
    EADDRINUSE: `something listens on port ${port} already, perhaps a mosquitto: use that with mqtt.url and leave out broker, or choose another port`,
    EACCES: "ports below 1024 need a privilege: choose a higher one",
    EADDRNOTAVAIL: "this machine has no such address",
    ENOTFOUND: "there is no such host",
  };
  const cure = "code" in error ? cures[String(error.code)] : undefined;
  return new BrokerError(
    "cannot-listen",
    `broker.listen: cannot listen on ${host}:${port} (${error.message})${cure === undefined ? "" : `: ${cure}`}`,
    { cause: error },
  );
}
