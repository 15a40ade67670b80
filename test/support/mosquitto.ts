// A real mosquitto on a free port of the loopback interface, for what the embedded broker cannot do: MQTT 5, sessions on disk.
// Where mosquitto is not installed, `mosquittoMissing` says so, and tests are skipped for that reason, visibly.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";

const program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto"].find(
  (path) => existsSync(path),
);

/** Why tests with a real mosquitto are skipped; `undefined` where there is one. */
export const mosquittoMissing: string | undefined =
  program === undefined ? "mosquitto is not installed (Debian: apt install mosquitto)" : undefined;

export interface Mosquitto {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** The broker's log so far. */
  log(): string;
  /** End it with this signal (SIGKILL unless said otherwise) and start it again on the same port, with its persistence file if it wrote one. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

/** @param settings lines added to the usual configuration, for example `persistence true`; or the whole of another one */
export async function startMosquitto(
  settings: readonly string[] | ((place: { readonly port: number; readonly folder: string }) => string) = [],
): Promise<Mosquitto> {
  if (program === undefined) {
    throw new Error("mosquitto is not installed");
  }
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "lastout-mosquitto-"));
  const configuration = join(folder, "mosquitto.conf");
  const usual = (lines: readonly string[]): string =>
    [
      `listener ${port} 127.0.0.1`,
      "allow_anonymous true",
      "set_tcp_nodelay true",
      "max_inflight_messages 0",
      "max_queued_messages 0",
      `persistence_location ${folder}/`,
      ...lines,
    ].join("\n");
  const chosen = typeof settings === "function" ? settings({ port, folder }) : usual(settings);
  // Started as root it would change to a user that cannot write here.
  const root = process.getuid?.() === 0 ? "user root\n" : "";
  writeFileSync(configuration, `log_dest stderr\n${root}${chosen}\n`);
  let text = "";
  const start = async (): Promise<ChildProcess> => {
    const started = spawn(program, ["-c", configuration], { stdio: ["ignore", "ignore", "pipe"] });
    started.stderr.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    await eventually("mosquitto accepts connections", async () => {
      if (started.exitCode !== null) {
        throw new Error(`mosquitto ended with ${started.exitCode}: ${text}`);
      }
      return accepts(port);
    });
    return started;
  };
  let child = await start();
  return {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    get pid() {
      return child.pid ?? 0;
    },
    log: () => text,
    async restart(signal = "SIGKILL") {
      await end(child, signal);
      child = await start();
    },
    async stop() {
      await end(child, "SIGTERM");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    child.once("exit", () => {
      resolve();
    });
    child.kill(signal);
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === "object" && address !== null) {
          resolve(address.port);
        } else {
          reject(new Error("no address"));
        }
      });
    });
  });
}
