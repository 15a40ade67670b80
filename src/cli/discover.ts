// `lastout discover`: listens to a broker for a while and prints a configuration for the sockets that it has found there. It switches
// nothing. What is listened to and asked is in discover/listen.ts, what comes of it in the files beside that.

import { isoOf, type Millis, millis } from "../core/time.ts";
import { clientOptions, type Options } from "./arguments.ts";
import { clientSettings } from "./client-settings.ts";
import type { Command, Context } from "./command.ts";
import type { Findings, RetainedCommand } from "./discover/findings.ts";
import { CommandError, exits } from "./exit-codes.ts";
import { interruption } from "./signals.ts";
import { durationOption } from "./values.ts";

const options: Options = {
  seconds: { value: "N", help: "how long to listen, 1 to 3600 (10)" },
  "no-ask": { value: undefined, help: "publish nothing at all: only listen" },
  ...clientOptions,
};

export const discoverCommand: Command = {
  usage: "[--seconds N] [--no-ask]",
  about:
    "Find sockets at a broker and print a configuration for them, complete but for the resources, which stand at its end commented out:\n" +
    "Tasmota, Zigbee2MQTT, Shelly, and what announces itself to Home Assistant (ESPHome and others). Settings of the devices that matter\n" +
    "are told as comments, and on standard error. Nothing is switched and nothing retained is published. Unless --no-ask is given, Tasmota\n" +
    "devices are asked for their settings ('Status', 'Status 3', 'SetOption21' without a value) and Shelly devices to announce themselves.\n" +
    "The user at the broker should be the controller's: others may hear nothing, and the broker does not say so. With --json one object\n" +
    "with 'switchers', 'leftOut', 'retained', 'strays' and 'notes'.",
  options,
  examples: [
    ["lastout discover --url mqtt://hub.lab > lastout.yaml", "a configuration to begin with"],
    ["lastout discover --json | jq -r '.switchers[] | .name, .cautions[].message'", "what to look after"],
  ],
  run: discover,
};

const leastSeconds = 1;
const mostSeconds = 3600;

async function discover(context: Context): Promise<number> {
  const { args, env, terminal, clock } = context;
  const [word] = args.words;
  if (word !== undefined || args.rest !== undefined) {
    throw new CommandError(
      "usage",
      `discover takes no words${word === undefined ? "" : `: '${word}'`}; did you mean --seconds?`,
    );
  }
  const length = lengthOf(context);
  const settings = await clientSettings(args, env);
  const { openSurvey } = await import("./discover/survey.ts");
  const { listen } = await import("./discover/listen.ts");
  const { merged } = await import("./discover/merge.ts");
  const { mistakesWith, mqttLines } = await import("./discover/acceptance.ts");
  const { count, printed, strayText } = await import("./discover/print.ts");
  const { version } = await import("../version.ts");
  const survey = openSurvey(settings.base);
  const stop = interruption();
  const seconds = Math.round(length / 1000);
  try {
    if (!terminal.hasProgress) {
      terminal.say(`listening at ${settings.url} for ${seconds} s`);
    }
    await listen({
      settings,
      clock,
      length,
      ask: !args.has("no-ask"),
      survey,
      say: (text) => terminal.say(text),
      tick: (left) =>
        terminal.progress(
          `listening at ${settings.url}: ${survey.heardOf} heard of, ${Math.ceil(left / 1000)} s left`,
        ),
      signal: stop.signal,
    });
  } finally {
    terminal.progress(undefined);
    stop.dispose();
  }
  const findings = merged(survey.sources(), mistakesWith(settings));
  const time = isoOf(clock.wall());
  if (args.has("json")) {
    terminal.out(JSON.stringify({ time, url: settings.url, ...findings }, undefined, 2));
  } else if (findings.switchers.length > 0) {
    terminal.out(
      printed(findings, { time, version, url: settings.url, seconds, mqtt: mqttLines(settings, args, env) }),
    );
  }
  tell(context, findings, strayText);
  terminal.say(
    findings.switchers.length === 0
      ? `no sockets were found at ${settings.url} within ${seconds} s; ${whyNothing(settings.username)}`
      : `found ${count(findings.switchers.length, "switcher")} at ${settings.url}; put names and hosts into 'resources', then run 'lastout check'`,
  );
  return exits.done;
}

function lengthOf({ args }: Context): Millis {
  const length = durationOption(args, "seconds") ?? millis(10_000);
  if (length < leastSeconds * 1000 || length > mostSeconds * 1000) {
    throw new CommandError(
      "invalid-request",
      `--seconds ${args.value("seconds") ?? ""} is not from ${leastSeconds} to ${mostSeconds}`,
    );
  }
  return length;
}

/** For a person who looks at the terminal while the configuration goes into a file. */
function tell(
  { terminal }: Context,
  { switchers, leftOut, strays, notes }: Findings,
  strayText: (stray: RetainedCommand) => string,
): void {
  for (const { name, cautions } of switchers) {
    for (const { message } of cautions) {
      terminal.say(`warning: ${name}: ${message}`);
    }
  }
  for (const stray of strays) {
    terminal.say(`warning: ${strayText(stray)}`);
  }
  for (const { called, family, reason } of leftOut) {
    terminal.say(`left out: ${called} (${family}): ${reason}`);
  }
  for (const note of notes) {
    terminal.say(note);
  }
}

const whyNothing = (username: string | undefined): string =>
  "do they use this broker (a Tasmota device shows it under Information), and does it let " +
  `${username === undefined ? "a client without a user name" : `'${username}'`} read tasmota/discovery/#? Devices that seldom speak need more --seconds`;
