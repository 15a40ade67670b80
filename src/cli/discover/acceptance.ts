// What the configuration's own reader says to what would be printed, device by device, so that nothing is printed that 'lastout check'
// refuses; and the section `mqtt` for the broker at which it was found.

import { resolve } from "node:path";
import { loadConfig } from "../../config/load.ts";
import type { Mistake } from "../../config/mistakes.ts";
import type { Arguments } from "../arguments.ts";
import type { ClientSettings, Environment } from "../client-settings.ts";
import type { Named } from "./findings.ts";
import type { MqttLine } from "./print.ts";
import { yamlLines, yamlValue } from "./yaml-text.ts";

/** @returns by name what is wrong with each that would be refused if these stood in one file, in a sentence */
export const mistakesWith =
  ({ base }: Pick<ClientSettings, "base">) =>
  (all: readonly Named[]): ReadonlyMap<string, string> => {
    const mistakes = mistakesIn(base, all);
    // Told at the base topic, which one of them meets; it is found one by one.
    return all.length > 1 && mistakes.some(({ path }) => path === "mqtt.base")
      ? new Map(all.flatMap((one) => [...told(mistakesIn(base, [one]), [one])]))
      : told(mistakes, all);
  };

function told(mistakes: readonly Mistake[], all: readonly Named[]): ReadonlyMap<string, string> {
  return new Map(
    all.flatMap(({ name }): readonly (readonly [string, string])[] => {
      const own = `switchers.${name}`;
      const mistake = mistakes.find(
        ({ path }) => path === own || path.startsWith(`${own}.`) || path === "mqtt.base",
      );
      return mistake === undefined ? [] : [[name, sentence(mistake, own)]];
    }),
  );
}

function mistakesIn(base: string, all: readonly Named[]): readonly Mistake[] {
  const text = [
    "mqtt:",
    "  url: mqtt://localhost",
    `  base: ${yamlValue(base)}`,
    "switchers:",
    ...all.flatMap(({ name, options }) => [
      `  ${yamlValue(name)}:`,
      ...yamlLines(options).map((line) => `    ${line}`),
    ]),
  ].join("\n");
  const loaded = loadConfig({
    file: "/discovered.yaml",
    env: {},
    // It names no other file: a `${` in it is doubled.
    readFile: () => ({ ok: true, text, open: false }),
    hostName: "localhost",
  });
  return loaded.ok ? [] : loaded.mistakes;
}

const sentence = ({ path, message }: Mistake, own: string): string =>
  `${path.replace(own, "").replace(/^\./, "")} ${message}`.trimStart();

/** Passwords and keys are never printed: where they came from is, if that is a place that a configuration can name. */
export function mqttLines(settings: ClientSettings, args: Arguments, env: Environment): readonly MqttLine[] {
  const { url, base, username } = settings;
  return [
    set(`url: ${yamlValue(url)}`),
    ...(base === "lastout" ? [] : [set(`base: ${yamlValue(base)}`)]),
    ...(username === undefined ? [] : [set(`username: ${yamlValue(username)}`), password(args, env)]),
    ...(["ca", "cert", "key"] as const).flatMap((what) =>
      settings[what] === undefined ? [] : [fileLine(what, env[`LASTOUT_${what.toUpperCase()}`])],
    ),
  ];
}

function password(args: Arguments, env: Environment): MqttLine {
  const file = args.value("password-file");
  const path = file === undefined ? "" : resolve(file);
  if (/^[\w./@-]+$/.test(path)) {
    return set(`password: \${file:${path}}`);
  }
  return (env["LASTOUT_PASSWORD"] ?? "") === ""
    ? unset("password: ${file:/etc/lastout/mqtt-password}   # a file with the password, mode 600")
    : set("password: ${LASTOUT_PASSWORD}");
}

const fileLine = (what: string, path: string | undefined): MqttLine =>
  path === undefined || path === ""
    ? unset(`${what}: /etc/lastout/${what}.pem   # as in your client.yaml`)
    : set(`${what}: ${yamlValue(resolve(path))}`);

const set = (text: string): MqttLine => ({ text, active: true });
const unset = (text: string): MqttLine => ({ text, active: false });
