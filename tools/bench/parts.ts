// What the benchmark measures between: broker, controller and echo as processes of their own, on free ports of the loopback interface,
// with the store in a folder on the project's own disk. All of it is ended and removed at the end.

import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { freePort, mosquittoMissing, startMosquitto } from "../../test/support/mosquitto.ts";
import { must, root, startProgram } from "../steps.ts";
import { connectWire } from "../wire.ts";
import { quantile, type Target } from "./load.ts";

export interface Parts {
  readonly broker: "mosquitto" | "embedded";
  readonly folder: string;
  readonly controller: Target;
  /** Only with mosquitto: the embedded broker would have to share its process with the one or the other. */
  readonly echo: Target | undefined;
  /** CPU time of the controller's process so far in microseconds; `undefined` where the system does not tell. */
  readonly controllerCpu: () => number | undefined;
  stop(): Promise<void>;
}

const resourceCount = 100;
const startsWithinMs = 20_000;

export async function startParts(main: string): Promise<Parts> {
  const closing: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closing.toReversed()) {
      await close();
    }
  };
  try {
    const cache = join(root, "node_modules/.cache");
    mkdirSync(cache, { recursive: true });
    const folder = mkdtempSync(join(cache, "bench-")); // the system's folder for temporary files may be no disk at all
    closing.push(async () => rmSync(folder, { recursive: true, force: true }));
    const mosquitto =
      mosquittoMissing === undefined ? await startMosquitto(["persistence false"]) : undefined;
    closing.push(async () => mosquitto?.stop());
    const port = mosquitto?.port ?? (await freePort());
    const version = mosquitto === undefined ? 4 : 5;
    const resources = Array.from({ length: resourceCount }, (_, index) => `build${index + 1}`);

    const configFile = join(folder, "lastout.yaml");
    writeFileSync(
      configFile,
      JSON.stringify(configuration(folder, port, mosquitto === undefined, resources)),
    );
    const child = startController(main, configFile, join(folder, "controller.log"));
    closing.push(() => endOf(child));
    const controller: Target = { port, version, base: "lastout", resources };
    await anchorAll(controller, child);

    if (mosquitto === undefined) {
      return {
        broker: "embedded",
        folder,
        controller,
        echo: undefined,
        controllerCpu: () => cpuOf(child),
        stop,
      };
    }
    const responder = startProgram(
      process.execPath,
      [join(import.meta.dirname, "echo.ts"), String(port), "echo"],
      { cwd: root },
    );
    closing.push(async () => {
      await responder.stop();
    });
    await responder.waitFor(/ready/, startsWithinMs);
    const echo: Target = { ...controller, base: "echo" };
    return { broker: "mosquitto", folder, controller, echo, controllerCpu: () => cpuOf(child), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function configuration(
  folder: string,
  port: number,
  embedded: boolean,
  resources: readonly string[],
): unknown {
  return {
    mqtt: { url: `mqtt://127.0.0.1:${port}`, clientId: "lastout-bench" },
    ...(embedded ? { broker: { listen: `127.0.0.1:${port}` } } : {}),
    store: { path: join(folder, "lastout.db") },
    switchers: Object.fromEntries(resources.map((name) => [`${name}-plug`, { type: "simulated", delay: 0 }])),
    resources: Object.fromEntries(resources.map((name) => [name, { switcher: `${name}-plug` }])),
  };
}

/** With its log in a file, as a service has it. */
function startController(main: string, configFile: string, logFile: string): ChildProcess {
  const log = openSync(logFile, "w");
  const child = spawn(process.execPath, [main, "serve", "--config", configFile], {
    cwd: root,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  return child;
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => {
      child.once("exit", resolve);
    });
    child.kill("SIGTERM");
    await ended;
  }
}

/** A token on every resource that stays, so that no acquire or release of the load switches anything: it only counts. */
async function anchorAll({ port, version, base, resources }: Target, child: ChildProcess): Promise<void> {
  await connectable(port, child);
  const replyTo = `${base}/reply/bench/anchor`;
  const missing = new Set(resources);
  const online = Promise.withResolvers<void>();
  const anchored = Promise.withResolvers<void>();
  const wire = await connectWire({
    port,
    version,
    clientId: "bench-anchor",
    heard({ topic, payload }) {
      const text = payload.toString();
      if (topic !== replyTo) {
        if (text === "online") {
          online.resolve();
        }
        return;
      }
      must(text.startsWith('{"ok":true'), `no anchor: ${text}`);
      missing.delete(/"resource":"([^"]*)"/.exec(text)?.[1] ?? "");
      if (missing.size === 0) {
        anchored.resolve();
      }
    },
  });
  await wire.subscribe([replyTo, `${base}/controller/status`]);
  await within(online.promise, "the controller is not online");
  for (const resource of resources) {
    wire.publish(
      `${base}/${resource}/acquire`,
      JSON.stringify({ token: "anchor", wait: "available", replyTo }),
    );
  }
  await within(anchored.promise, "not every resource became available");
  await wire.close();
}

/** The embedded broker comes up with the controller. */
async function connectable(port: number, child: ChildProcess): Promise<void> {
  const giveUp = performance.now() + startsWithinMs;
  for (;;) {
    try {
      const wire = await connectWire({ port, version: 4, clientId: "bench-look", heard: () => undefined });
      await wire.close();
      return;
    } catch (error) {
      must(child.exitCode === null, `the controller ended with ${child.exitCode}`);
      if (performance.now() > giveUp) {
        throw error;
      }
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
  }
}

async function within(promise: Promise<void>, otherwise: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((_, reject) => {
    timer = setTimeout(() => reject(new Error(otherwise)), startsWithinMs);
  });
  await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** utime and stime of /proc/PID/stat, in ticks of 10 ms: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function cpuOf(child: ChildProcess): number | undefined {
  try {
    const text = readFileSync(`/proc/${child.pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return undefined;
  }
}

/** How long this disk takes to append and keep half a kilobyte, in milliseconds, median. */
export function diskP50Ms(folder: string): number {
  const file = join(folder, "disk");
  const descriptor = openSync(file, "a");
  const took: number[] = [];
  for (let count = 0; count < 300; count += 1) {
    const from = performance.now();
    writeSync(descriptor, Buffer.alloc(512));
    fdatasyncSync(descriptor);
    took.push(performance.now() - from);
  }
  closeSync(descriptor);
  rmSync(file);
  return quantile(
    took.toSorted((a, b) => a - b),
    0.5,
  );
}
