// A machine behind a relay: it boots for a while, then listens on a TCP port of the loopback, draws watts, and dies at once when its
// power goes. Real sockets, so that a real checker can ask it. Nothing about relays or MQTT here: it is plugged into a simulated socket.

import { createServer, type Server, type Socket } from "node:net";

export interface MachineOptions {
  readonly bootMs: number;
  readonly watts?: { readonly boot: number; readonly idle: number; readonly down?: number };
  /** From `shutDown` until it is down; 200 by default. */
  readonly goDownMs?: number;
  /** A fixed port of 127.0.0.1; a free one by default. */
  readonly port?: number;
}

export interface Machine {
  readonly port: number;
  /**
   * `hung`: its kernel takes connections, nobody answers them. `silent`: connections are refused although it runs. `down`: it has shut
   * down and waits for its power to go; it boots at the next power-on.
   */
  readonly state: "off" | "booting" | "up" | "hung" | "silent" | "down";
  /** How often it was powered on. */
  readonly boots: number;
  /** How often it lost its power while it was running: neither off nor down. */
  readonly cuts: number;
  power(live: boolean): void;
  watts(): number;
  /** From the next power-on it stays booting forever; `true` again makes it boot, at once if it is booting. */
  bootable(able: boolean): void;
  /** As if somebody had typed `poweroff` on it. */
  shutDown(): void;
  /** From now on `shutDown` has no effect: a service that never ends; `true` again obeys the next one. */
  obedient(obeys: boolean): void;
  /** While it is down it draws so many watts from now on. */
  draws(watts: number): void;
  hang(): void;
  stopAnswering(): void;
  /** Ends `hang` and `stopAnswering`. */
  recover(): void;
  stop(): Promise<void>;
}

export async function startMachine(options: MachineOptions): Promise<Machine> {
  const port = options.port ?? (await freePort());
  const draw = options.watts ?? { boot: 90, idle: 60 };
  const connections = new Set<Socket>();
  let state: Machine["state"] = "off";
  let able = true;
  let obeys = true;
  let downDraw = options.watts?.down ?? 2;
  let boots = 0;
  let cuts = 0;
  let server: Server | undefined;
  let bootTimer: NodeJS.Timeout | undefined;

  function bootSoon(): void {
    clearTimeout(bootTimer);
    if (able) {
      bootTimer = setTimeout(() => {
        state = "up";
        listen();
      }, options.bootMs);
    }
  }

  function listen(): void {
    const mine = createServer((connection) => {
      connections.add(connection);
      connection.on("close", () => connections.delete(connection));
      connection.on("error", () => connection.destroy());
      if (state !== "hung") {
        connection.end("ready\r\n");
      }
    });
    server = mine;
    // Somebody else's outgoing connection may sit on the port for a moment: try again until it is free.
    mine.on("error", () => {
      if (server === mine && state !== "off") {
        bootTimer = setTimeout(listen, 20);
      }
    });
    mine.listen(port, "127.0.0.1");
  }

  function deafen(): void {
    server?.close();
    server = undefined;
    connections.forEach((connection) => connection.resetAndDestroy());
  }

  function off(): void {
    clearTimeout(bootTimer);
    deafen();
    state = "off";
  }

  return {
    port,
    get state() {
      return state;
    },
    get boots() {
      return boots;
    },
    get cuts() {
      return cuts;
    },
    power: (live) => {
      if (live && state === "off") {
        state = "booting";
        boots += 1;
        bootSoon();
      } else if (!live && state !== "off") {
        cuts += state === "down" ? 0 : 1;
        off();
      }
    },
    watts: () => {
      switch (state) {
        case "off":
          return 0;
        case "down":
          return downDraw;
        case "booting":
          return draw.boot;
        case "up":
        case "hung":
        case "silent":
          return draw.idle;
      }
    },
    shutDown: () => {
      if (obeys && state !== "off" && state !== "down") {
        clearTimeout(bootTimer);
        bootTimer = setTimeout(() => {
          deafen();
          state = "down";
        }, options.goDownMs ?? 200);
      }
    },
    draws: (watts) => {
      downDraw = watts;
    },
    obedient: (now) => {
      obeys = now;
    },
    bootable: (can) => {
      able = can;
      if (state === "booting") {
        bootSoon();
      }
    },
    hang: () => {
      if (state === "up") {
        state = "hung";
      }
    },
    stopAnswering: () => {
      if (state === "up" || state === "hung") {
        state = "silent";
        deafen();
      }
    },
    recover: () => {
      if (state === "silent") {
        listen();
      }
      if (state === "silent" || state === "hung") {
        state = "up";
      }
    },
    stop: async () => {
      off();
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    },
  };
}

/** Below 32768, where Linux begins to give out ports to outgoing connections: so it stays free while the machine is off. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) {
      return port;
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
