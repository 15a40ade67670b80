// The lab that `lastout serve --demo` plays with: a handful of simulated sockets with machines behind them, and the configuration
// for it. The controller over it is the real one and knows nothing of this.

import { formatDuration } from "../core/duration.ts";
import { type Millis, millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { startDemoMachine } from "./machine.ts";
import { type DemoSocket, startDemoSocket } from "./socket.ts";

export interface DemoLab {
  readonly resources: readonly DemoResource[];
  /** Ends machines and sockets; their wills tell the broker. */
  close(): Promise<void>;
}

interface DemoResource {
  readonly name: string;
  readonly description: string;
  /** The Tasmota topic of its socket. */
  readonly topic: string;
  /** Of 127.0.0.1, where its machine answers when it is up; `undefined`: nothing to ask, like a lamp. */
  readonly port: number | undefined;
  /** From power-on until it answers. */
  readonly bootTime: Millis;
}

interface Plan {
  readonly name: string;
  readonly description: string;
  readonly bootTime: Millis | undefined;
}

const plans: readonly Plan[] = [
  { name: "build1", description: "Build server, 64 cores", bootTime: millis(6000) },
  { name: "build2", description: "Build server, 32 cores", bootTime: millis(4000) },
  { name: "basestation", description: "Radio base station under test", bootTime: millis(8000) },
  { name: "switch", description: "Network switch of the test rack", bootTime: millis(2000) },
  { name: "lamp", description: "Signal lamp above the rack", bootTime: undefined },
];

const lampWatts = 7;

/**
 * @param brokerUrl where a broker runs already; sockets that cannot reach it go on trying
 */
export async function startDemoLab(parts: {
  readonly brokerUrl: string;
  readonly log: Log;
  readonly clock: Clock;
}): Promise<DemoLab> {
  const ends: (() => Promise<void>)[] = [];
  const resources: DemoResource[] = [];
  const close = async (): Promise<void> => {
    for (const end of ends.splice(0).toReversed()) {
      await end();
    }
  };
  try {
    for (const [index, plan] of plans.entries()) {
      const machine =
        plan.bootTime === undefined ? undefined : await startDemoMachine(plan.bootTime, parts.clock);
      if (machine !== undefined) {
        ends.push(() => machine.close());
      }
      const topic = `demo-${plan.name}`;
      const socket: DemoSocket = startDemoSocket({
        ...parts,
        topic,
        serial: `DE000${index + 1}`,
        load: machine ?? { power: () => undefined, watts: () => lampWatts },
      });
      ends.push(() => socket.close());
      resources.push({
        name: plan.name,
        description: plan.description,
        topic,
        port: machine?.port,
        bootTime: plan.bootTime ?? millis(0),
      });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { resources, close };
}

/**
 * The text of a configuration for this lab, as a user would write it, with times that a watcher has patience for.
 * @param brokerPort where the embedded broker listens on 127.0.0.1
 */
export function demoConfig(
  lab: DemoLab,
  options: { readonly brokerPort: number; readonly storePath: string },
): string {
  const switchers = lab.resources.map(
    ({ name, topic }) => `  ${name}-plug: { type: tasmota, topic: ${topic} }`,
  );
  const resources = lab.resources.map(({ name, description, port, bootTime }) =>
    [
      `  ${name}:`,
      ...(port === undefined ? [] : [`    # Boots in ${formatDuration(bootTime)}.`]),
      // A JSON text is YAML, too, whatever characters are in it.
      `    description: ${JSON.stringify(description)}`,
      `    switcher: ${name}-plug`,
      ...(port === undefined
        ? []
        : [`    check: { type: tcp, host: 127.0.0.1, port: ${port}, interval: 1s }`]),
    ].join("\n"),
  );
  return `# The demo lab of lastout: simulated sockets and machines behind them.
mqtt:
  url: mqtt://127.0.0.1:${options.brokerPort}
broker:
  listen: 127.0.0.1:${options.brokerPort}
store:
  path: ${JSON.stringify(options.storePath)}
access: open
restartGrace: 5s
lostGrace: 5s
defaults:
  offDelay: 10s
  minOff: 3s
  bootTimeout: 1m
switchers:
${switchers.join("\n")}
resources:
${resources.join("\n")}
`;
}
