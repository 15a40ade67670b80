// Findings as a configuration to go on with: what is sure as settings, what only its user can know commented out, what matters as
// comments beside it. The same findings give the same text.

import type { Findings, LeftOut, Named, Options, RetainedCommand } from "./findings.ts";
import { clearing, slug } from "./merge.ts";
import { reservedNames } from "../../core/names.ts";
import { commentLines, shortText, yamlLines, yamlValue } from "./yaml-text.ts";

export interface Setting {
  /** ISO 8601. */
  readonly time: string;
  readonly version: string;
  /** Without user and password. */
  readonly url: string;
  readonly seconds: number;
  /** The section `mqtt`; `${...}` in it is meant. */
  readonly mqtt: readonly MqttLine[];
}

/** Commented out where only the user can fill it in. */
export interface MqttLine {
  readonly text: string;
  readonly active: boolean;
}

/** A name that never resolves (RFC 2606): a check on it never succeeds by accident. */
const nobody = "CHANGE-ME.invalid";

export function printed(findings: Findings, setting: Setting): string {
  const { switchers } = findings;
  return [
    ...heading(findings, setting),
    "",
    "mqtt:",
    ...setting.mqtt.map(({ text, active }) => `${active ? "" : "#"}  ${text}`),
    "",
    "switchers:",
    ...switchers.flatMap((named, index) => [...(index === 0 ? [] : [""]), ...switcher(named)]),
    ...section("Not here, and why:", findings.leftOut.map(leftOutText)),
    ...section(
      "Retained commands that no device above takes:",
      findings.strays.map((stray) => `- ${strayText(stray)}`),
    ),
    "",
    ...resources(switchers),
  ].join("\n");
}

function heading({ switchers, notes }: Findings, { time, version, url, seconds }: Setting): string[] {
  const warnings = switchers.reduce((sum, { cautions }) => sum + cautions.length, 0);
  return [
    `Found by lastout ${version} at ${url} on ${time}, listening for ${seconds} s.`,
    "To go on: read the warnings, put names and hosts into 'resources' at the end, and run 'lastout check'.",
    ...(warnings === 0 ? [] : [`${count(warnings, "warning")}, each beside its device.`]),
    ...notes.map((note) => `${note}.`),
  ].flatMap((text) => commentLines("", text));
}

function switcher({ name, label, facts, outlets, options, cautions, cures }: Named): string[] {
  const named = isGroup(options) ? outlets : [];
  const about = facts.map(shortText).join(", ");
  const called = label ?? (isGroup(options) ? undefined : outlets[0]);
  return [
    called === undefined ? about : `${shortText(called)}: ${about}`,
    ...named.flatMap((outlet, index) =>
      outlet === undefined ? [] : [`${name}/${index + 1}: ${shortText(outlet)}`],
    ),
    ...cautions.map(({ message }) => `WARNING: ${message}`),
    ...(cures.length === 0 ? [] : [`In its console: Backlog ${cures.join("; ")}`]),
  ]
    .flatMap((text) => commentLines("  ", text))
    .concat(`  ${yamlValue(name)}:`, ...yamlLines(options).map((line) => `    ${line}`));
}

/** From `#resources:` on, every line is YAML when its first `#` is taken away. */
function resources(switchers: readonly Named[]): string[] {
  const taken = new Set<string>(reservedNames);
  return [
    ...commentLines(
      "",
      "What is switched on while somebody uses it. Take the first # of every line below away, then give each resource the name and the host " +
        "of what is plugged in there. Without 'check' it is available as soon as its outlet is on. A machine that writes to disks needs a " +
        "'shutdown', too: see docs/policies.md.",
    ),
    "#resources:",
    ...switchers.flatMap(outletsOf).flatMap((outlet) => resource(outlet, taken)),
  ];
}

interface Outlet {
  readonly outlet: string;
  readonly label: string | undefined;
}

const outletsOf = ({ name, options, outlets }: Named): readonly Outlet[] =>
  outlets.map((label, index) => ({
    outlet: isGroup(options) ? `${name}/${index + 1}` : name,
    label,
  }));

const isGroup = (options: Options): boolean => options["outlets"] !== undefined;

/** Named after what people call the outlet, else after the outlet. */
function resource({ outlet, label }: Outlet, taken: Set<string>): readonly string[] {
  const plain = outlet.replace("/", "-");
  const name = free(slug(label ?? plain) || plain, taken);
  taken.add(name);
  const description =
    label === undefined || label === name ? [] : [`#    description: ${yamlValue(shortText(label))}`];
  return [
    `#  ${yamlValue(name)}:`,
    ...description,
    `#    switcher: ${yamlValue(outlet)}`,
    `#    check: { type: icmp, host: ${nobody} }`,
  ];
}

function free(name: string, taken: ReadonlySet<string>): string {
  let candidate = name;
  for (let number = 2; taken.has(candidate); number += 1) {
    candidate = `${name}-${number}`;
  }
  return candidate;
}

const leftOutText = ({ called, family, reason }: LeftOut): string =>
  `- ${shortText(called)} (${family}): ${reason}`;

export const strayText = ({ topic, payload }: RetainedCommand): string =>
  `${shortText(topic)}${payload === undefined ? "" : ` (${shortText(payload)})`}: a retained command, which whoever takes it carries out at every ` +
  `connection; ${clearing(topic)}`;

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ["", ...[title, ...lines].flatMap((line) => commentLines("", line))];

export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`;
