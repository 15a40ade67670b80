// What the core wants done, as lines that people can read. Times are relative to the beginning of the scenario: `+1m30s`.

import type {
  Change,
  OverrideRecord,
  QueuedRecord,
  ResourceRecord,
  TokenRecord,
  Waiter,
} from "../../../src/core/changes.ts";
import { formatDuration } from "../../../src/core/duration.ts";
import type { Effect } from "../../../src/core/effects.ts";
import type { StateObject } from "../../../src/core/pictures.ts";
import type { Holder, QueueEntry, Reply } from "../../../src/core/requests.ts";
import { type Instant, millis } from "../../../src/core/time.ts";
import { poolPicture, resourcePicture, switcherPicture } from "../../../src/core/view.ts";
import { beginWall, type World } from "./world.ts";

/** As the loop carries them out: everything to persist, replies, relays, questions, then what is only told. */
const order: readonly (readonly Effect["kind"][])[] = [
  ["persist"],
  ["reply"],
  ["command", "shutdown"],
  ["ask", "measure", "check", "prove"],
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
    case "measure":
      return `measure ${effect.switcher}`;
    case "check": {
      const checker = effect.of === "keepWhile" ? `keepWhile of ${effect.resource}` : effect.resource;
      return `check ${checker} #${effect.attempt}`;
    }
    case "shutdown":
      return `shutdown ${effect.resource} #${effect.attempt}`;
    case "prove":
      return `send marker #${effect.attempt}`;
    case "announce": {
      const { event, resource, fields } = effect.announcement;
      return [
        effect.to === "log" ? "log" : "event",
        resource ?? "-",
        event,
        ...Object.entries(fields).map(fieldOf),
      ].join(" ");
    }
    case "ignored":
      return `ignored ${effect.event} ${effect.about}: ${effect.because}`;
    case "forget":
      return `clear the topics of ${effect.what} ${effect.name}`;
    case "publishController":
      return "publish controller";
    case "publish":
      return effect.what === "switcher"
        ? `publish switcher ${switcherOf(world, effect.name)}`
        : `publish ${viewOf(world, effect.name)}`;
  }
}

function changeOf(world: World, change: Change): string {
  switch (change.kind) {
    case "token": {
      const about = `token ${change.resource}/${change.token}`;
      return change.record === undefined ? `${about} gone` : `${about}${tokenOf(world, change.record)}`;
    }
    case "queued": {
      const about = `queued #${change.number}`;
      return change.record === undefined ? `${about} gone` : `${about} ${queuedOf(world, change.record)}`;
    }
    case "override": {
      const about = `override ${change.resource}`;
      return change.record === undefined ? `${about} lifted` : `${about} ${overrideOf(world, change.record)}`;
    }
    case "ended":
      return `ended ${change.resource}/${change.token} ${change.record?.reason ?? "forgotten"}`;
    case "outlet":
      return `outlet ${change.record.outlet} ${change.record.own}`;
    case "resource":
      return resourceRecordOf(world, change.record);
    case "outbox":
      return change.record === undefined
        ? `outbox ${change.id} taken`
        : `outbox ${change.id} for ${change.record.replyTo.topic}`;
    case "published":
      return `published ${change.record.kind} ${change.record.name}${change.gone ? " gone" : ""}`;
  }
}

/** Each part begins with a space, so that parts that are at rest leave nothing. */
const part = (label: string, text: string | undefined): string =>
  text === undefined || text === "" ? "" : ` ${label}=${text}`;

const at = (world: World, label: string, when: Instant | undefined): string =>
  part(label, when === undefined ? undefined : since(world, when));

const flag = (label: string, holds: boolean): string => (holds ? ` ${label}` : "");

const waitsOf = (waiters: readonly Waiter[]): string =>
  part("waits", waiters.map(({ wait }) => wait).join(","));

function tokenOf(world: World, record: TokenRecord): string {
  const { owner, resources, asked } = record;
  return [
    part("on", record.several ? resources.join(",") : undefined),
    part("asked", asked.join() === resources.join() ? undefined : asked.join(",")),
    part("owner", owner === "anonymous" ? undefined : owner),
    flag("exclusive", record.mode === "exclusive"),
    part("priority", record.priority === 0 ? undefined : String(record.priority)),
    part("tried", record.tried.join(",")),
    at(world, "expires", record.expires),
    at(world, "lost", record.lostAt),
    flag("told", record.told),
    waitsOf(record.waiters),
    at(world, "deadline", record.deadline),
  ].join("");
}

function queuedOf(world: World, record: QueuedRecord): string {
  const { asked, token, owner } = record;
  return [
    `${asked.join(",")}/${token}`,
    flag("several", record.several),
    part("owner", owner === "anonymous" ? undefined : owner),
    flag("exclusive", record.mode === "exclusive"),
    part("priority", record.priority === 0 ? undefined : String(record.priority)),
    part("tried", record.tried.join(",")),
    at(world, "lost", record.lostAt),
    waitsOf(record.waiters),
    at(world, "deadline", record.deadline),
  ].join("");
}

const overrideOf = (world: World, record: OverrideRecord): string =>
  [
    record.mode,
    part("outlets", record.outlets.join(",")),
    part("by", record.by),
    part("reason", record.reason),
    at(world, "until", record.until),
    flag("force", record.force),
  ].join("");

function resourceRecordOf(world: World, record: ResourceRecord): string {
  const { resource, wasAvailable, boots, shutdownAt, cycle } = record;
  return [
    `resource ${resource} ${wasAvailable ? "wasAvailable" : "not wasAvailable"}`,
    part("boots", boots.map(formatDuration).join(",")),
    at(world, "shutdownAt", shutdownAt),
    part("cycle", cycle?.stage),
    flag("force", cycle?.force === true),
    flag("adopted", cycle?.adopted === true),
  ].join("");
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
    const queue = reply.queue.length === 0 ? [] : ["queue:", ...reply.queue.map(entryOf)];
    return ["ok", reply.resource, `total=${reply.total}`, ...reply.holders.map(holderOf), ...queue].join(" ");
  }
  if ("override" in reply) {
    return `ok ${reply.resource} override=${reply.override} ${reply.state} users=${reply.users}`;
  }
  const named = reply.resources?.join(",") ?? reply.resource ?? "-";
  const said = `ok ${named} ${reply.token} ${reply.state} users=${reply.users}`;
  return "expires" in reply
    ? `${said} owner=${reply.owner} ttl=${reply.ttl}s expires=${reply.expires === null ? "null" : wire(reply.expires)}`
    : said;
}

function holderOf({ resource, token, owner, mode, expires }: Holder): string {
  const member = resource === undefined ? "" : `${resource}:`;
  const until = expires === null ? "waits" : wire(expires);
  return `${member}${token}/${owner}/${until}${mode === "exclusive" ? "/exclusive" : ""}`;
}

function entryOf({ token, owner, mode, priority, deadline }: QueueEntry): string {
  const urgent = priority === 0 ? "" : `/priority=${priority}`;
  return `${token}/${owner}${mode === "exclusive" ? "/exclusive" : ""}${urgent}/until${wire(deadline)}`;
}

const fieldOf = ([key, value]: readonly [string, string | number | boolean | null]): string =>
  typeof value === "string" && /\s/.test(value)
    ? `${key}="${timesIn(value)}"`
    : `${key}=${timesIn(String(value))}`;

const timesIn = (text: string): string => text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, wire);

/** The state object: its three main words, and what else is not at rest in it. Of a pool: all that it has. */
export function viewOf(world: World, name: string): string {
  const resource = world.book.resources.get(name);
  if (resource === undefined) {
    return poolOf(world, name);
  }
  const { object } = resourcePicture(world.book, resource, world.now);
  return `${name}: ${object.state} ${object.phase} users=${object.users}${detailsOf(object)}`;
}

function poolOf(world: World, name: string): string {
  const pool = world.book.pools.get(name);
  if (pool === undefined) {
    return `${name} is no resource`;
  }
  const { object, ready } = poolPicture(world.book, pool, world.now);
  const { state, users, queue, free, members } = object;
  return `pool ${name}: ${state} users=${users} queue=${queue} free=${free} of ${members}${ready ? " ready" : ""}`;
}

function detailsOf(object: StateObject): string {
  const { dependents, queue, exclusive, override, offAt, readyAt, watts, kwh, problem } = object;
  return [
    part("dependents", dependents === 0 ? undefined : String(dependents)),
    part("queue", queue === 0 ? undefined : String(queue)),
    flag("exclusive", exclusive),
    part("override", override === "auto" ? undefined : override),
    part("offAt", offAt === null ? undefined : wire(offAt)),
    part("readyAt", readyAt === null ? undefined : wire(readyAt)),
    part("watts", watts === null ? undefined : String(watts)),
    part("kwh", kwh === null ? undefined : String(kwh)),
    part("problem", problem?.code),
  ].join("");
}

/** All of it, as it is published. */
export function objectOf(world: World, name: string): string[] {
  const resource = world.book.resources.get(name);
  if (resource === undefined) {
    return [poolOf(world, name)];
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
