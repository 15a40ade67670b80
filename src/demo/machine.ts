// A machine of the demo lab: it boots for some seconds, then takes connections on a TCP port of the loopback, and is gone the moment its
// power is. Not a model of any real machine: just enough for a checker to find it, and a meter to measure it.

import { createServer, type Server, type Socket } from "node:net";
import type { Millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";

export interface DemoMachine {
  /** Of 127.0.0.1; the same over all its boots. */
  readonly port: number;
  readonly state: "off" | "booting" | "up";
  power(live: boolean): void;
  watts(): number;
  close(): Promise<void>;
}

/** Linux and most others give out ports from 32768 on to outgoing connections: one below that stays free while the machine is off. */
const firstPort = 20_000;
const lastPort = 32_000;

/** Typical of a small server: a processor at full speed while booting, then idle. */
const bootWatts = 85;
const idleWatts = 48;

export async function startDemoMachine(bootTime: Millis, clock: Clock): Promise<DemoMachine> {
  const port = await freePort();
  const connections = new Set<Socket>();
  let state: DemoMachine["state"] = "off";
  let server: Server | undefined;
  let powered = new AbortController();

  async function boot(signal: AbortSignal): Promise<void> {
    await clock.sleep(bootTime, signal);
    if (!signal.aborted) {
      server = answering(connections);
      server.once("listening", () => {
        if (!signal.aborted) {
          state = "up";
        }
      });
      // Somebody took the port meanwhile: this machine then stays booting, as a broken one does.
      server.on("error", () => undefined);
      server.listen(port, "127.0.0.1");
    }
  }

  function cut(): Promise<void> {
    powered.abort();
    state = "off";
    const was = server;
    server = undefined;
    connections.forEach((connection) => connection.destroy());
    return new Promise((resolve) => {
      if (was === undefined) {
        resolve();
      } else {
        was.close(() => resolve());
      }
    });
  }

  return {
    port,
    get state() {
      return state;
    },
    power: (live) => {
      if (live && state === "off") {
        state = "booting";
        powered = new AbortController();
        void boot(powered.signal);
      } else if (!live && state !== "off") {
        void cut();
      }
    },
    watts: () => (state === "off" ? 0 : state === "booting" ? bootWatts : idleWatts),
    close: cut,
  };
}

function answering(connections: Set<Socket>): Server {
  return createServer((connection) => {
    connections.add(connection);
    connection.on("error", () => connection.destroy());
    connection.on("close", () => connections.delete(connection));
    connection.end("This machine of the lastout demo is up.\r\n");
  });
}

async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort));
    if (await isFree(port)) {
      return port;
    }
  }
  throw new Error(`no free port of 127.0.0.1 was found between ${firstPort} and ${lastPort}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => {
      probe.close(() => resolve(true));
    });
  });
}
