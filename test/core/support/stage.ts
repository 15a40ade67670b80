// The world of one transcript: a core, and around it plugs, machines and a broker that answer by hand or by themselves.
// Not the commands of a transcript, which are in commands.ts.

import type { Effect } from "../../../src/core/effects.ts";
import type { PoolSettings, Position, ResourceSettings, Settings } from "../../../src/core/settings.ts";
import { after, instant, millis, type Millis } from "../../../src/core/time.ts";
import type { Happening } from "../../../src/runtime/loop.ts";
import { type ControllerSettings, settingsOf, usualController } from "./lab.ts";
import { since, wordsOf } from "./words.ts";
import { createWorld, type World } from "./world.ts";

export type Verdict = "up" | "down" | "error";
export type ShutdownOutcome = Extract<Happening, { kind: "shutdownEnded" }>["outcome"];
type CheckOf = Extract<Effect, { kind: "check" }>["of"];

export interface Stage {
  readonly world: World;
  readonly resources: Map<string, ResourceSettings>;
  /** So many names of resources were used; the next one's plug has the next number. */
  named: number;
  readonly pools: Map<string, PoolSettings>;
  readonly stagger: Map<string, Millis>;
  controller: ControllerSettings;
  readonly spareOutlets: Set<string>;
  /** Relays, and whether they follow commands and answer questions by themselves. */
  readonly plugs: Map<string, { position: Position; obeys: boolean }>;
  /** What checks find, by resource; none: nothing answers unless the transcript does. */
  readonly machines: Map<string, Verdict>;
  /** The same for the checkers `keepWhile`. */
  readonly guards: Map<string, Verdict>;
  /** How shutdown commands end, by resource; none: when the transcript says so. */
  readonly shutdowns: Map<string, ShutdownOutcome>;
  /** What the meters read, by outlet; none: they say nothing unless the transcript does. */
  readonly meters: Map<string, { readonly watts: number; readonly kwh: number | undefined }>;
  /** Markers come back at once. */
  markersReturn: boolean;
  latestMarker: number;
  /** By resource and what the check is of. */
  readonly latestChecks: Map<string, number>;
  readonly latestShutdowns: Map<string, number>;
}

export const createStage = (): Stage => ({
  world: createWorld(),
  resources: new Map(),
  named: 0,
  pools: new Map(),
  stagger: new Map(),
  controller: usualController,
  spareOutlets: new Set(),
  plugs: new Map(),
  machines: new Map(),
  guards: new Map(),
  shutdowns: new Map(),
  meters: new Map(),
  markersReturn: false,
  latestMarker: 0,
  latestChecks: new Map(),
  latestShutdowns: new Map(),
});

export const settings = ({ resources, controller, spareOutlets, pools, stagger }: Stage): Settings =>
  settingsOf([...resources.values()], controller, { spareOutlets, pools: pools.values(), stagger });

export function open(stage: Stage): void {
  stage.world.open(settings(stage));
}

/** Something happens: what the core does, and what those do that answer by themselves. */
export function happen(stage: Stage, happening: Happening): string[] {
  const { world } = stage;
  const effects = world.take(happening);
  const lines = wordsOf(
    world,
    effects.filter((effect) => !isAnswered(stage, effect)),
  );
  const answers = effects.flatMap((effect) => answersTo(stage, effect));
  for (const { said, answer } of answers) {
    const more = happen(stage, answer);
    lines.push(...(more.length === 0 || said === undefined ? [] : [`> ${said}`]), ...more);
  }
  return lines;
}

/** What became due in a batch that the store refused is due once more when the durable part was loaded again. */
const mostSpins = 1;

/** Time passes; the core is woken whenever it asked to be. */
export function advance(stage: Stage, length: Millis): string[] {
  const { world } = stage;
  const until = after(world.now, length);
  const lines: string[] = [];
  let spins = 0;
  for (let next = world.nextWakeUp(); next !== undefined && next <= until; next = world.nextWakeUp()) {
    world.pass(millis(Math.max(0, next - world.now)));
    const woken = happen(stage, { kind: "wokeUp" });
    if (woken.length > 0) {
      lines.push(`${since(world, world.now)}:`, ...woken);
    }
    spins = (world.nextWakeUp() ?? until) <= world.now && world.now < until ? spins + 1 : 0;
    if (spins > mostSpins) {
      throw new Error("being woken did not move the next wake-up: the loop would spin");
    }
  }
  world.pass(millis(until - instant(world.now)));
  return lines;
}

/** Answered by somebody who does so by himself: not worth a line. */
function isAnswered(stage: Stage, effect: Effect): boolean {
  switch (effect.kind) {
    case "check":
      return findingsOf(stage, effect.of).has(effect.resource);
    case "prove":
      return stage.markersReturn;
    case "ask":
      return outletsOf(stage, effect.switcher).every((id) => stage.plugs.get(id)?.obeys === true);
    case "measure":
      return outletsOf(stage, effect.switcher).some((id) => stage.meters.has(id));
    case "announce":
    case "command":
    case "forget":
    case "ignored":
    case "persist":
    case "publish":
    case "publishController":
    case "reply":
    case "shutdown":
      return false;
  }
}

interface Answer {
  readonly said: string | undefined;
  readonly answer: Happening;
}

function answersTo(stage: Stage, effect: Effect): Answer[] {
  switch (effect.kind) {
    case "check": {
      const { resource, of, attempt } = effect;
      stage.latestChecks.set(checkKey(resource, of), attempt);
      const outcome = findingsOf(stage, of).get(resource);
      const finder = of === "keepWhile" ? "keepWhile" : "check";
      return outcome === undefined
        ? []
        : [
            {
              said: `${finder} finds ${resource} ${outcome}`,
              answer: checked(resource, of, attempt, outcome),
            },
          ];
    }
    case "shutdown": {
      const { resource, attempt } = effect;
      stage.latestShutdowns.set(resource, attempt);
      const outcome = stage.shutdowns.get(resource);
      return outcome === undefined
        ? []
        : [
            {
              said: `the shutdown of ${resource} is ${outcome}`,
              answer: shutdownEnded(resource, attempt, outcome),
            },
          ];
    }
    case "measure":
      return outletsOf(stage, effect.switcher).flatMap((id) => readingOf(stage, id));
    case "prove":
      stage.latestMarker = effect.attempt;
      return stage.markersReturn
        ? [{ said: "marker returns", answer: { kind: "linkProved", attempt: effect.attempt } }]
        : [];
    case "ask":
      return outletsOf(stage, effect.switcher).flatMap((id) => reportOf(stage, id));
    case "command": {
      const plug = stage.plugs.get(effect.outlet);
      if (plug?.obeys === true) {
        plug.position = effect.position;
      }
      return reportOf(stage, effect.outlet);
    }
    case "announce":
    case "forget":
    case "ignored":
    case "persist":
    case "publish":
    case "publishController":
    case "reply":
      return [];
  }
}

function reportOf(stage: Stage, outlet: string): Answer[] {
  const plug = stage.plugs.get(outlet);
  return plug?.obeys === true
    ? [{ said: `${outlet} reports ${plug.position}`, answer: reported(outlet, plug.position, undefined) }]
    : [];
}

function readingOf(stage: Stage, outlet: string): Answer[] {
  const meter = stage.meters.get(outlet);
  return meter === undefined
    ? []
    : [{ said: `${outlet} draws ${meter.watts} W`, answer: { kind: "metered", outlet, ...meter } }];
}

const findingsOf = (stage: Stage, of: CheckOf): ReadonlyMap<string, Verdict> =>
  of === "keepWhile" ? stage.guards : stage.machines;

export const checkKey = (resource: string, of: CheckOf): string => `${of} ${resource}`;

export const reported = (outlet: string, position: Position, uptime: Millis | undefined): Happening => ({
  kind: "outletReported",
  outlet,
  position,
  uptime,
});

export const checked = (resource: string, of: CheckOf, attempt: number, outcome: Verdict): Happening => ({
  kind: "checked",
  resource,
  of,
  attempt,
  outcome,
  message: { up: "answered", down: "no answer", error: "no such host" }[outcome],
});

export const shutdownEnded = (resource: string, attempt: number, outcome: ShutdownOutcome): Happening => ({
  kind: "shutdownEnded",
  resource,
  attempt,
  outcome,
  message: {
    done: "exited with 0",
    accepted: "the connection was closed",
    failed: "permission denied",
    unsure: "could not connect",
  }[outcome],
});

const outletsOf = (stage: Stage, switcher: string): readonly string[] =>
  stage.world.book.switchers.get(switcher)?.settings.outlets ?? [];
