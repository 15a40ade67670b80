// What the core wants done, as lines that people can read. Times are relative to the beginning of the scenario: `+1m30s`.

import type { Change } from "../../../src/core/changes.ts";
import { formatDuration } from "../../../src/core/duration.ts";
import type { Effect } from "../../../src/core/effects.ts";
import type { StateObject } from "../../../src/core/pictures.ts";
import type { Reply } from "../../../src/core/requests.ts";
import { type Instant, millis } from "../../../src/core/time.ts";
import { resourcePicture, switcherPicture } from "../../../src/core/view.ts";
import { beginWall, type World } from "./world.ts";

/** As the loop carries them out: everything to persist, replies, relays, questions, then what is only told. */
const order: readonly (readonly Effect["kind"][])[] = [
  ["persist"],
  ["reply"],
  ["command"],
  ["ask", "check", "prove"],
  ["announce", "ignored"],
  ["forget", "publishController", "publish"],
];

export function wordsOf(world: World, effects: readonly Effect[]): string[] {
  const lines = order.flatMap((kinds) =>
    effects.filter(({ kind }) => kinds.includes(kind)).map((effect) => wordOf(world, effect)),
  );
  // Publications of one batch are merged by topic.
  return lines.filter((line, index) => !line.startsWith("publish ") || lines.indexOf(line) === index);
}

export const since = (world: World, at: Instant): string => relative(at - world.begin);

const relative = (ms: number): string => `${ms < 0 ? "-" : "+"}${formatDuration(millis(Math.abs(ms)))}`;

const wire = (iso: string): string => relative(Date.parse(iso) - beginWall);

function wordOf(world: World, effect: Effect): string {
  switch (effect.kind) {
    case "persist":
      return `persist ${changeOf(world, effect.change)}`;
    case "reply": {
      const { topic, correlation, id } = effect.to;
      const echo = `${id === undefined ? "" : ` id=${id}`}${correlation === undefined ? "" : ` correlation=${correlation}`}`;
      const kept = effect.outbox === undefined ? "" : ` (kept as ${effect.outbox} until taken)`;
      return `reply ${topic}${echo} ${replyOf(effect.reply)}${kept}`;
    }
    case "command":
      return `command ${effect.outlet} ${effect.position} #${effect.attempt}`;
    case "ask":
      return `ask ${effect.switcher}`;
    case "check":
      return `check ${effect.resource} #${effect.attempt}`;
    case "prove":
      return `send marker #${effect.attempt}`;
    case "announce": {
      const { event, resource, fields } = effect.announcement;
      return ["event", resource ?? "-", event, ...Object.entries(fields).map(fieldOf)].join(" ");
    }
    case "ignored":
      return `ignored ${effect.event} ${effect.about}: ${effect.because}`;
    case "forget":
      return `clear the topics of ${effect.what} ${effect.name}`;
    case "publishController":
      return "publish controller";
    case "publish":
      return effect.what === "resource"
        ? `publish ${viewOf(world, effect.name)}`
        : `publish switcher ${switcherOf(world, effect.name)}`;
  }
}

function changeOf(world: World, change: Change): string {
  const at = (label: string, when: Instant | undefined): string[] =>
    when === undefined ? [] : [`${label}=${since(world, when)}`];
  switch (change.kind) {
    case "token": {
      const { record } = change;
      const about = `token ${change.resource}/${change.token}`;
      return record === undefined
        ? `${about} gone`
        : [
            about,
            record.owner === "anonymous" ? [] : [`owner=${record.owner}`],
            at("expires", record.expires),
            at("lost", record.lostAt),
            record.told ? ["told"] : [],
            record.waiters.length === 0 ? [] : [`waits=${record.waiters.map(({ wait }) => wait).join(",")}`],
            at("deadline", record.deadline),
          ]
            .flat()
            .join(" ");
    }
    case "ended":
      return `ended ${change.resource}/${change.token} ${change.record?.reason ?? "forgotten"}`;
    case "outlet":
      return `outlet ${change.record.outlet} ${change.record.own}`;
    case "resource": {
      const { resource, wasAvailable, boots } = change.record;
      const took = boots.length === 0 ? "" : ` boots=${boots.map(formatDuration).join(",")}`;
      return `resource ${resource} ${wasAvailable ? "wasAvailable" : "not wasAvailable"}${took}`;
    }
    case "outbox":
      return change.record === undefined
        ? `outbox ${change.id} taken`
        : `outbox ${change.id} for ${change.record.replyTo.topic}`;
    case "published":
      return `published ${change.record.kind} ${change.record.name}${change.gone ? " gone" : ""}`;
  }
}

function replyOf(reply: Reply): string {
  if (!reply.ok) {
    return [
      "error",
      reply.error,
      reply.resource ?? "-",
      reply.token ?? "-",
      `"${timesIn(reply.message)}"`,
    ].join(" ");
  }
  if ("total" in reply) {
    const holders = reply.holders.map(
      ({ token, owner, expires }) => `${token}/${owner}/${expires === null ? "waits" : wire(expires)}`,
    );
    return ["ok", reply.resource, `total=${reply.total}`, ...holders].join(" ");
  }
  const said = `ok ${reply.resource} ${reply.token} ${reply.state} users=${reply.users}`;
  return "expires" in reply
    ? `${said} owner=${reply.owner} ttl=${reply.ttl}s expires=${reply.expires === null ? "null" : wire(reply.expires)}`
    : said;
}

const fieldOf = ([key, value]: readonly [string, string | number | boolean | null]): string =>
  typeof value === "string" && /\s/.test(value)
    ? `${key}="${timesIn(value)}"`
    : `${key}=${timesIn(String(value))}`;

const timesIn = (text: string): string => text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, wire);

/** The state object: its three main words, and what else is not at rest in it. */
export function viewOf(world: World, name: string): string {
  const resource = world.book.resources.get(name);
  if (resource === undefined) {
    return `${name} is no resource`;
  }
  const { object } = resourcePicture(world.book, resource, world.now);
  return `${name}: ${object.state} ${object.phase} users=${object.users}${detailsOf(object)}`;
}

function detailsOf({ offAt, readyAt, watts, kwh, problem }: StateObject): string {
  return [
    offAt === null ? "" : ` offAt=${wire(offAt)}`,
    readyAt === null ? "" : ` readyAt=${wire(readyAt)}`,
    watts === null ? "" : ` watts=${watts}`,
    kwh === null ? "" : ` kwh=${kwh}`,
    problem === null ? "" : ` problem=${problem.code}`,
  ].join("");
}

/** All of it, as it is published. */
export function objectOf(world: World, name: string): string[] {
  const resource = world.book.resources.get(name);
  if (resource === undefined) {
    return [`${name} is no resource`];
  }
  const { object, holders } = resourcePicture(world.book, resource, world.now);
  const shown = Object.entries({ ...object, problem: object.problem?.code ?? null }).map(
    ([key, value]) => `${key}=${timesIn(String(value))}`,
  );
  const message = object.problem === null ? [] : [`problem: ${timesIn(object.problem.message)}`];
  const held = holders.holders.map(
    ({ token, purpose }) => `${token}${purpose === null ? "" : `(${purpose})`}`,
  );
  return [
    `${name}: ${shown.join(" ")}`,
    ...message,
    `holders: ${held.join(" ")}${holders.more === 0 ? "" : ` and ${holders.more} more`}`,
  ];
}

function switcherOf(world: World, name: string): string {
  const switcher = world.book.switchers.get(name);
  if (switcher === undefined) {
    return `${name} is no switcher`;
  }
  const { online, outlets, problem } = switcherPicture(switcher).object;
  const seen = Object.entries(outlets).map(([outlet, position]) => `${outlet}=${position}`);
  return `${name}: ${online ? "online" : "offline"} ${seen.join(" ")}${problem === null ? "" : ` problem="${problem}"`}`;
}
