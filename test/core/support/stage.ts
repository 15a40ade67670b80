// The world of one transcript: a core, and around it plugs, machines and a broker that answer by hand or by themselves.
// Not the commands of a transcript, which are in commands.ts.

import type { Effect } from "../../../src/core/effects.ts";
import type { Position, ResourceSettings } from "../../../src/core/settings.ts";
import { after, instant, millis, type Millis } from "../../../src/core/time.ts";
import type { Happening } from "../../../src/runtime/loop.ts";
import { type ControllerSettings, settingsOf, usualController } from "./lab.ts";
import { since, wordsOf } from "./words.ts";
import { createWorld, type World } from "./world.ts";

export interface Stage {
  readonly world: World;
  readonly resources: Map<string, ResourceSettings>;
  controller: ControllerSettings;
  readonly spareOutlets: Set<string>;
  /** Relays, and whether they follow commands and answer questions by themselves. */
  readonly plugs: Map<string, { position: Position; obeys: boolean }>;
  /** What checks find, by resource; none: nothing answers unless the transcript does. */
  readonly machines: Map<string, "up" | "down" | "error">;
  /** Markers come back at once. */
  markersReturn: boolean;
  latestMarker: number;
  readonly latestChecks: Map<string, number>;
}

export const createStage = (): Stage => ({
  world: createWorld(),
  resources: new Map(),
  controller: usualController,
  spareOutlets: new Set(),
  plugs: new Map(),
  machines: new Map(),
  markersReturn: false,
  latestMarker: 0,
  latestChecks: new Map(),
});

export function open(stage: Stage): void {
  stage.world.open(settingsOf([...stage.resources.values()], stage.controller, [...stage.spareOutlets]));
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
      return stage.machines.has(effect.resource);
    case "prove":
      return stage.markersReturn;
    case "ask":
      return outletsOf(stage, effect.switcher).every((id) => stage.plugs.get(id)?.obeys === true);
    case "announce":
    case "command":
    case "forget":
    case "ignored":
    case "persist":
    case "publish":
    case "publishController":
    case "reply":
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
      stage.latestChecks.set(effect.resource, effect.attempt);
      const outcome = stage.machines.get(effect.resource);
      return outcome === undefined
        ? []
        : [
            {
              said: `check finds ${effect.resource} ${outcome}`,
              answer: checked(effect.resource, effect.attempt, outcome),
            },
          ];
    }
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

export const reported = (outlet: string, position: Position, uptime: Millis | undefined): Happening => ({
  kind: "outletReported",
  outlet,
  position,
  uptime,
});

export const checked = (resource: string, attempt: number, outcome: "up" | "down" | "error"): Happening => ({
  kind: "checked",
  resource,
  attempt,
  outcome,
  message: { up: "answered", down: "no answer", error: "no such host" }[outcome],
});

const outletsOf = (stage: Stage, switcher: string): readonly string[] =>
  stage.world.book.switchers.get(switcher)?.settings.outlets ?? [];
