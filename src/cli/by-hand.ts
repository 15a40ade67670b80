// One switcher of a configuration, spoken to without a controller: the parts it needs, its broker too, for as long as one question or
// one command takes. Every wait ends. Not what is printed: switch.ts.

import { startBroker } from "../adapters/broker/broker.ts";
import { BrokerError } from "../adapters/broker/broker-error.ts";
import { createBus } from "../adapters/mqtt/bus.ts";
import { lockHolder } from "../adapters/store/lock.ts";
import { createSwitcher } from "../adapters/switchers/registry.ts";
import { isLoopback, ownUrl } from "../adapters/own-address.ts";
import type { Config, SwitcherConfig } from "../config/config.ts";
import { topicsOf } from "../config/devices.ts";
import { after, type Millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { messageOf } from "../ports/message-of.ts";
import { CommandError } from "./exit-codes.ts";
import { comesTrue, type Device, deviceOf, hearing } from "./hand-device.ts";

export interface ByHand {
  readonly config: Config;
  readonly switcher: SwitcherConfig;
  readonly clock: Clock;
  /** How long to wait for the device, once for each step. */
  readonly wait: (embedded: boolean) => Millis;
}

/**
 * A controller must be the only one that switches.
 * @throws CommandError when one has the store, or it cannot be known
 */
export async function refuseWhileServed(storePath: string): Promise<void> {
  let holder: ReturnType<typeof lockHolder>;
  try {
    holder = lockHolder(storePath);
  } catch (error) {
    throw new CommandError(
      "not-authorised",
      `whether a controller runs on the store ${storePath} cannot be known: ${messageOf(error)}. Call it as the user that lastout runs as, or as root`,
      { cause: error },
    );
  }
  if (holder !== undefined) {
    const who =
      holder === "unnamed" ? "a process that is just starting" : `process ${holder.pid} on ${holder.host}`;
    throw new CommandError(
      "controller-runs",
      `a controller runs on the store ${storePath} (${who}), and it alone may switch: ` +
        "use 'lastout override RESOURCE on' or 'off', or stop it first (systemctl stop lastout, which changes no outlet)",
    );
  }
}

/**
 * Open what the switcher needs, use it, close all of it.
 * @param say notes for a person on the way
 * @throws CommandError
 */
export async function withSwitcher<Result>(
  { config, switcher: { name, options, timeout }, clock, wait }: ByHand,
  say: (text: string) => void,
  use: (device: Device) => Promise<Result>,
): Promise<Result> {
  const { mqtt } = config;
  const trouble = troubles();
  const opened: (() => Promise<void>)[] = [];
  const usesBroker = topicsOf(options).length > 0;
  const embedded = usesBroker ? ownBroker(config) : undefined;
  const patience = wait(embedded !== undefined);
  try {
    // Its own client id: with that of a controller it would take over the connection of one that is elsewhere.
    const clientId = `${mqtt.clientId}-switch-${process.pid}`;
    const bus = createBus({ broker: mqtt, clientId }, { clock, log: trouble.log });
    const switcher = createSwitcher(options, { name, bus, clock });
    const heard = hearing(say);
    switcher.start((said) => heard.hear(said));
    opened.push(() => switcher.close());
    if (usesBroker) {
      if (embedded !== undefined) {
        const broker = await openBroker(embedded, trouble.log);
        opened.push(() => broker.close());
        say(`the embedded broker runs at ${mqtt.url} until this is done; waiting for ${name} to find it`);
      }
      bus.start();
      opened.push(() => bus.close());
      const end = after(clock.now(), patience);
      if (
        !(await comesTrue(clock, end, () => heard.connected || trouble.last() !== undefined)) ||
        !heard.connected
      ) {
        throw new CommandError(
          "unreachable",
          `${trouble.last() ?? `${mqtt.url} does not answer`}; is the broker running, and section mqtt right?`,
        );
      }
    }
    return await use(deviceOf(switcher, heard, { clock, timeout, patience, waits: embedded !== undefined }));
  } finally {
    for (const close of opened.toReversed()) {
      await close();
    }
  }
}

/** The broker that runs only as a part of the controller, if that is the one that the configuration connects to. */
function ownBroker({ broker, mqtt }: Config): Config["broker"] {
  if (broker === undefined) {
    return undefined;
  }
  const { hostname, port, protocol } = new URL(mqtt.url);
  const here = protocol === "mqtt:" && isLoopback(hostname.replace(/^\[|\]$/g, ""));
  return mqtt.url === ownUrl(broker) || (here && Number(port === "" ? 1883 : port) === broker.port)
    ? broker
    : undefined;
}

async function openBroker(
  broker: NonNullable<Config["broker"]>,
  log: Log,
): Promise<Awaited<ReturnType<typeof startBroker>>> {
  try {
    return await startBroker(broker, { log });
  } catch (error) {
    if (error instanceof BrokerError) {
      throw new CommandError(
        error.code === "cannot-listen" ? "unreachable" : "configuration",
        `the embedded broker cannot be started: ${error.message}`,
        { cause: error },
      );
    }
    throw error;
  }
}

const silent = (): void => undefined;

/** What the parts would log, of which only the last trouble is of interest. */
function troubles(): { readonly log: Log; last(): string | undefined } {
  let last: string | undefined;
  const note = (fields: Readonly<Record<string, unknown>>): void => {
    const { reason } = fields;
    last = typeof reason === "string" ? reason : last;
  };
  return { log: { debug: silent, info: silent, warn: note, error: note, fatal: note }, last: () => last };
}
