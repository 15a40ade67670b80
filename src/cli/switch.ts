// `lastout switch`: try one outlet by hand, as the configuration describes it, without a controller. What is on the outlet is told
// before; nothing is asked back. How the switcher is spoken to is by-hand.ts.

import type { Config } from "../config/config.ts";
import { nearestName } from "../core/names.ts";
import type { Position } from "../core/settings.ts";
import { millis } from "../core/time.ts";
import { type Arguments, helpOption } from "./arguments.ts";
import type { Command, Context } from "./command.ts";
import { showMistakes } from "./config-file.ts";
import { CommandError, exits, WrongWords } from "./exit-codes.ts";
import type { Found } from "./hand-device.ts";
import type { Terminal } from "./terminal.ts";
import { durationOption } from "./values.ts";

export const switchCommand: Command = {
  usage: "OUTLET on|off|read --config FILE [--timeout D]",
  about:
    "Switch one outlet by hand, or ask where it stands, as the configuration file describes its switcher, and print what the device\n" +
    "says. For trying a configuration: no controller takes part, no token is asked for, no machine is shut down before. While a\n" +
    "controller runs on the file's store it is refused (75). A device on the embedded broker is given one for as long as this takes.",
  options: {
    config: { value: "FILE", help: "configuration file" },
    timeout: {
      value: "D",
      help: "how long to wait for the device (10s; 30s with the embedded broker, which it has to find first)",
    },
    json: { value: undefined, help: "print JSON" },
    quiet: { value: undefined, help: "say nothing on standard error but errors" },
    ...helpOption,
  },
  exits: {
    65: "unknown outlet, or it cannot be read",
    69: "broker or device cannot be reached, or the device does not answer",
    75: "a controller runs on this store, or the outlet does not follow",
    77: "this user may not look at the store's lock",
  },
  examples: [
    ["lastout switch build1-plug read --config lab.yaml", "is it reached, and does it meter?"],
    ["lastout switch rack-strip/3 on --config lab.yaml", "which machine is on the third outlet?"],
  ],
  run: switchByHand,
};

const actions = ["on", "off", "read"] as const;
type Action = (typeof actions)[number];

const patience = millis(10_000);
/** A Tasmota tries to connect every 10 s (MqttRetry). */
const patienceEmbedded = millis(30_000);

async function switchByHand({ args, env, terminal, clock }: Context): Promise<number> {
  const { outlet, action } = readWords(args);
  const timeout = durationOption(args, "timeout");
  if (timeout === 0) {
    throw new CommandError("invalid-request", "--timeout must be longer than 0: no device answers at once");
  }
  const { findConfigFile, loadConfig } = await import("../config/load.ts");
  const file = args.value("config");
  if (file === undefined) {
    const near = findConfigFile(env, process.cwd());
    throw new CommandError(
      "usage",
      `the configuration has to be named: --config FILE${near === undefined ? "" : `; did you mean --config ${near}?`}`,
    );
  }
  const loaded = loadConfig({ file, env });
  if (!loaded.ok) {
    await showMistakes(loaded.mistakes, terminal);
    return exits.configuration;
  }
  const { config } = loaded;
  const switcher = switcherOf(outlet, config);
  const { refuseWhileServed, withSwitcher } = await import("./by-hand.ts");
  await refuseWhileServed(config.store.path);
  const resources = resourcesOn(outlet, config);
  if (action !== "read") {
    warn(outlet, action, resources, config, terminal);
  }
  const found = await withSwitcher(
    { config, switcher, clock, wait: (embedded) => timeout ?? (embedded ? patienceEmbedded : patience) },
    (text) => terminal.say(text),
    (device) => (action === "read" ? device.read(outlet) : device.set(outlet, action)),
  );
  terminal.out(
    args.has("json")
      ? JSON.stringify({ ok: true, outlet, ...found, resources }, undefined, 2)
      : textOf(outlet, found),
  );
  return exits.done;
}

function readWords({ words: [outlet, word, extra], rest }: Arguments): {
  readonly outlet: string;
  readonly action: Action;
} {
  if (outlet === undefined) {
    throw new WrongWords("no outlet is named");
  }
  if (extra !== undefined || rest !== undefined) {
    throw new WrongWords(`one word too many: '${extra ?? "--"}'`);
  }
  const action = actions.find((known) => known === word);
  if (action === undefined) {
    const said = word === undefined ? "what to do is not said" : `'${word}' is none of on, off and read`;
    throw new WrongWords(said);
  }
  return { outlet, action };
}

function switcherOf(outlet: string, config: Config): NonNullable<ReturnType<Config["switchers"]["get"]>> {
  const known = [...config.settings.switchers.values()];
  const own = known.find(({ outlets }) => outlets.includes(outlet));
  const found = own && config.switchers.get(own.name);
  if (found !== undefined) {
    return found;
  }
  const unknown = (cure: string): CommandError =>
    new CommandError("unknown-outlet", `there is no outlet '${outlet}' in ${config.file}; ${cure}`);
  const group = config.settings.switchers.get(outlet);
  if (group !== undefined) {
    throw unknown(`it is a group, its outlets are ${group.outlets[0]} to ${group.outlets.at(-1)}`);
  }
  const resource = config.settings.resources.get(outlet);
  if (resource !== undefined) {
    const { outlets } = resource;
    throw unknown(
      `the resource of that name is on the outlet${outlets.length === 1 ? "" : "s"} ${outlets.join(" and ")}`,
    );
  }
  const names = known.flatMap(({ outlets }) => outlets);
  const near = nearestName(outlet, names);
  throw unknown(near === undefined ? `there are ${listOf(names)}` : `did you mean '${near}'?`);
}

const mostListed = 10;

const listOf = (names: readonly string[]): string =>
  names.length === 0
    ? "none"
    : names.slice(0, mostListed).join(", ") + (names.length > mostListed ? ", ..." : "");

const resourcesOn = (outlet: string, { settings }: Config): readonly string[] =>
  [...settings.resources.values()].filter(({ outlets }) => outlets.includes(outlet)).map(({ name }) => name);

function warn(
  outlet: string,
  position: Position,
  resources: readonly string[],
  { descriptions }: Config,
  terminal: Terminal,
): void {
  if (resources.length === 0) {
    terminal.say(`no resource is on ${outlet}`);
    return;
  }
  const named = resources.map((name) => {
    const description = descriptions.get(name) ?? "";
    return description === "" ? name : `${name} (${description})`;
  });
  terminal.say(
    position === "on"
      ? `switching ${outlet} on gives power to ${named.join(", ")}`
      : `switching ${outlet} off cuts the power of ${named.join(", ")}; nothing is shut down before`,
  );
}

function textOf(outlet: string, { position, assumed, watts, kwh }: Found): string {
  const meter = [
    ...(watts === undefined ? [] : [`${watts} W`]),
    ...(kwh === undefined ? [] : [`${kwh} kWh`]),
  ];
  const where = assumed
    ? `${outlet} was told ${position}; it cannot say where it stands`
    : `${outlet} is ${position}`;
  return [where, ...meter].join(", ");
}
