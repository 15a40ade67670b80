// `npm start` without a configuration: the demo lab with the real controller over it, in a temporary folder that is removed at
// the end. Nothing of the user's is read or written.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runController } from "../app.ts";
import { createLog } from "../adapters/log/log.ts";
import { systemClock as clock } from "../adapters/clock/system-clock.ts";
import { loadConfig } from "../config/load.ts";
import { printMistakes } from "../config/print.ts";
import { demoGuide } from "./guide.ts";
import { demoConfig, startDemoLab } from "./lab.ts";

/** MQTT's registered port, and as many after it as anybody may have taken. */
const firstPort = 1883;
const portsTried = 100;

/**
 * @param say where the guide goes
 * @param json log JSON, also on a terminal
 * @returns the exit status of the controller
 */
export async function serveDemo(say: (text: string) => void, json: boolean): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "lastout-demo-"));
  const port = await freePort();
  const lab = await startDemoLab({
    brokerUrl: `mqtt://127.0.0.1:${port}`,
    log: createLog({ level: "error" }),
    clock,
  });
  try {
    const file = join(folder, "lastout.yaml");
    await writeFile(file, demoConfig(lab, { brokerPort: port, storePath: join(folder, "lastout.db") }));
    const loaded = loadConfig({ file, env: {} });
    if (!loaded.ok) {
      throw new Error(`the demo's own configuration has mistakes:\n${printMistakes(loaded.mistakes)}`);
    }
    return await runController({
      config: loaded.config,
      json,
      readAgain: undefined, // the file is the demo's own
      started: () => say(demoGuide(lab, port)),
    });
  } finally {
    await lab.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  for (let port = firstPort; port < firstPort + portsTried; port += 1) {
    if (await isFree(port)) {
      return port;
    }
  }
  throw new Error(
    `no port of 127.0.0.1 between ${firstPort} and ${firstPort + portsTried - 1} is free for the demo's broker`,
  );
}

/** Taken by somebody, on this address or on all of them. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
