// From what each source tells to one list: every relay once, under a name that is valid and its own, and nothing that the configuration
// would refuse. Where two tell of the same device, the device's own family knows it best.

import { isName, reservedNames } from "../../core/names.ts";
import type { Caution, Findings, Found, LeftOut, Named, RetainedCommand, Told } from "./findings.ts";
import { isFit } from "./yaml-text.ts";

export interface Sources {
  /** In the order in which they are believed. */
  readonly native: readonly Told[];
  /** Announcements for others, of which many repeat what is known. */
  readonly announced: readonly Told[];
  readonly retained: readonly RetainedCommand[];
  readonly notes: readonly string[];
}

/** By name, why the configuration would refuse it if all these stood in it. */
type Judge = (all: readonly Named[]) => ReadonlyMap<string, string>;

export function merged(sources: Sources, judge: Judge): Findings {
  const native = sources.native.flatMap(({ found }) => found);
  const devices = new Set(native.flatMap(({ commandTopics }) => commandTopics.map(deviceOf)));
  const isNew = ({ commandTopics }: Pick<Found, "commandTopics">): boolean =>
    !commandTopics.some((topic) => lineOf(topic).some((above) => devices.has(above)));
  const announced = sources.announced.flatMap(({ found }) => found).filter(isNew);
  const leftOut: LeftOut[] = [
    ...sources.native.flatMap((told) => told.leftOut),
    ...sources.announced.flatMap((told) => told.leftOut).filter(isNew),
  ];
  const owners = new Map<string, Named>();
  const names = new Set<string>();
  const named: Named[] = [];
  const refuse = ({ family, wish, commandTopics }: Found, reason: string): void => {
    leftOut.push({ family, called: wish, reason, commandTopics });
  };
  for (const found of inOrder([...native, ...announced])) {
    const twice = found.relays.map((relay) => owners.get(relay)).find((owner) => owner !== undefined);
    if (twice !== undefined) {
      refuse(found, sayTwice(found, twice.name));
      replace(named, twice.name, (owner) => withCaution(owner, namedTwice(found)));
      continue;
    }
    if (!isFit(found.options)) {
      refuse(found, "its topics have characters that no topic should have, such as control characters");
      continue;
    }
    const entry = { ...found, name: freeName(found, names) };
    names.add(entry.name);
    named.push(entry);
    for (const relay of found.relays) {
      owners.set(relay, entry);
    }
  }
  const accepted = together(named, judge, refuse);
  return {
    switchers: namesakes(retainedTold(accepted, sources.retained)),
    leftOut: leftOut.toSorted((a, b) => compare(a.called, b.called)),
    retained: sources.retained,
    strays: sources.retained.filter(({ topic }) => !accepted.some((entry) => takes(entry, topic))),
    notes: sources.notes,
  };
}

/** Those that the configuration takes side by side: what is wrong goes, until nothing is. */
function together(
  named: readonly Named[],
  judge: Judge,
  refuse: (found: Found, reason: string) => void,
): readonly Named[] {
  let rest = named;
  for (let wrong = judge(rest); wrong.size > 0; wrong = judge(rest)) {
    const mistakes = wrong;
    for (const entry of rest.filter(({ name }) => mistakes.has(name))) {
      refuse(entry, `the configuration would refuse it: ${mistakes.get(entry.name) ?? ""}`);
    }
    rest = rest.filter(({ name }) => !mistakes.has(name));
  }
  return rest;
}

/** What stands for a device in its command topic: without the last level `set` of Zigbee2MQTT. */
const deviceOf = (command: string): string => command.replace(/\/set$/, "");

/** The topic itself and all above it. */
function lineOf(topic: string): readonly string[] {
  const levels = topic.split("/");
  return levels.map((_, index) => levels.slice(0, index + 1).join("/"));
}

const families = ["tasmota", "zigbee2mqtt", "shelly-gen1", "shelly-gen2", "esphome", "mqtt"];

const inOrder = (all: readonly Found[]): readonly Found[] =>
  all.toSorted((a, b) => families.indexOf(a.family) - families.indexOf(b.family) || compare(a.wish, b.wish));

/** By code units, so that the order is the same everywhere. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const sayTwice = ({ facts }: Found, owner: string): string =>
  `'${owner}' is commanded on the same topic; this is the second of them (${facts.join(", ")})`;

const namedTwice = ({ facts }: Found): Caution => ({
  code: "named-twice",
  message:
    `a second device has the same topic (${facts.join(", ")}): a command switches both. Give one of them another; if it is gone, clear its ` +
    "discovery message",
});

const withCaution = (named: Named, caution: Caution): Named => ({
  ...named,
  cautions: [...named.cautions, caution],
});

function replace(all: Named[], name: string, change: (named: Named) => Named): void {
  const place = all.findIndex((named) => named.name === name);
  const before = all[place];
  if (before !== undefined) {
    all[place] = change(before);
  }
}

/** Lower case, from the device's own name, cut so that a number fits behind it. */
function freeName({ wish, family }: Found, taken: ReadonlySet<string>): string {
  const plain = slug(wish);
  const name = isName(plain) ? plain : family;
  const free = (candidate: string): boolean => !taken.has(candidate) && !reservedNames.includes(candidate);
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    if (free(candidate)) {
      return candidate;
    }
  }
}

/** Without dots: a place in the configuration is told with dots. */
export const slug = (text: string): string =>
  text
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, 48)
    .replace(/[^a-z0-9]+$/, "");

const takes = ({ commandTopics }: Found, topic: string): boolean =>
  commandTopics.some((above) => topic === above || topic.startsWith(`${above}/`));

function retainedTold(named: readonly Named[], retained: readonly RetainedCommand[]): readonly Named[] {
  return named.map((entry) =>
    retained
      .filter(({ topic }) =>
        entry.commandTopics.some((above) => topic === above || topic.startsWith(`${above}/`)),
      )
      .reduce(
        (one, { topic, payload }) =>
          withCaution(one, {
            code: "retained-command",
            message:
              `a retained command stands on ${topic}${payload === undefined ? "" : ` (${payload})`}: the device carries it out at every ` +
              `connection; ${clearing(topic)}`,
          }),
        entry,
      ),
  );
}

/** A command to be copied into a shell has no topic that could mean something there. */
export const clearing = (topic: string): string =>
  /^[\w/.:@=-]+$/.test(topic)
    ? `clear it: mosquitto_pub -r -n -t ${topic}`
    : "clear it by an empty retained message";

/** Two outlets of one name are for people to tell apart. */
function namesakes(named: readonly Named[]): readonly Named[] {
  const first = new Map<string, string>();
  return named.map((entry) => {
    const twice = entry.outlets.flatMap((label) => {
      const owner = label === undefined ? undefined : first.get(label);
      if (label !== undefined && owner === undefined) {
        first.set(label, entry.name);
      }
      return label === undefined || owner === undefined ? [] : [{ label, owner }];
    });
    return twice.reduce(
      (one, { label, owner }) =>
        withCaution(one, {
          code: "named-twice",
          message: `an outlet of '${owner}' is called '${label}', too`,
        }),
      entry,
    );
  });
}
