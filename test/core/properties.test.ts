// Anything may happen to a controller, in any order; its promises hold after every step, and when the trouble is over everything
// is as it should be. A failure prints the seed and the shortest story that fast-check found.

import { deepStrictEqual, ok } from "node:assert/strict";
import * as fc from "fast-check";
import { describe, test } from "vitest";
import type { StateObject } from "../../src/core/pictures.ts";
import { resourcePicture } from "../../src/core/view.ts";
import { action, type Action } from "./support/actions.ts";
import { type Chaos, createChaos } from "./support/chaos.ts";
import { isWanted, lockoutOf, must, resourcesOn } from "./support/facts.ts";
import { duration } from "./support/lab.ts";
import { lab, type LabSettings } from "./support/labs.ts";

const runs = Number(process.env["LASTOUT_RUNS"] ?? 250);
/**
 * The same stories every time, so that a change is judged by the change; LASTOUT_SEED=N takes others, and shows a failure again.
 * Shrinking a failure is given a minute.
 */
const repeatable = {
  seed: Number(process.env["LASTOUT_SEED"] ?? 20_261_122),
  interruptAfterTimeLimit: 60_000,
};
const actions = fc.array(action, { maxLength: 120, size: "max" });

function played(settings: LabSettings, played_: readonly Action[]): Chaos {
  const chaos = createChaos(settings);
  for (const each of played_) {
    chaos.play(each);
  }
  return chaos;
}

describe("Whatever happens", () => {
  test("the promises hold after every step, and all is well again when the trouble is over", {
    timeout: 120_000,
  }, () => {
    fc.assert(
      fc.property(lab, actions, (settings, happened) => {
        const chaos = played(settings, happened);
        chaos.calm(duration("15m"));
        checkWell(settings.resources, chaos);
        checkQuiet(chaos);
      }),
      { numRuns: runs, ...repeatable },
    );
  });

  test("the same events give the same effects", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(lab, actions, (settings, happened) => {
        deepStrictEqual(played(settings, happened).story, played(settings, happened).story);
      }),
      { numRuns: Math.ceil(runs / 10), ...repeatable },
    );
  });
});

/** L1, L2, L3, L5, L6. */
function checkWell(
  everything: LabSettings["resources"],
  { settings, world, watch, plugs, machines }: Chaos,
): void {
  const disk = world.disk.snapshot();
  const { tokens, outbox, queued } = disk;
  const isOn = (outlet: string): boolean => must(plugs.get(outlet)).position === "on";
  const objectOf = (name: string): StateObject =>
    resourcePicture(world.book, must(world.book.resources.get(name)), world.now).object;
  const shared = (outlets: readonly string[]): boolean =>
    outlets.some((outlet) => resourcesOn(settings, outlet).length > 1);
  /** Locked out, and not cut under what a hand has switched on since, nor under a neighbour that cannot be shut down. */
  const waitsForOthers = (name: string, { phase, dependents }: StateObject): boolean => {
    const { outlets } = must(settings.resources.get(name));
    const neighbours = outlets.flatMap((outlet) => resourcesOn(settings, outlet));
    const stuck = neighbours.some(
      (one) =>
        one.name !== name && (isWanted(settings, disk, one.name) || objectOf(one.name).problem !== null),
    );
    return lockoutOf(settings, disk, name) !== undefined && phase === "stopping" && (dependents > 0 || stuck);
  };
  /** Somebody started it again; or nobody can tell that it went down: without a checker, or on a meter that others are on, too. */
  const mayStay = (name: string): boolean => {
    const { check, shutdown, outlets } = must(settings.resources.get(name));
    const onIts = everything.filter((one) => one.outlets.some((id) => outlets.includes(id)));
    const running = onIts.filter((one) => must(machines.get(one.name)).running);
    return (
      check === undefined ||
      (shutdown?.idleBelow === undefined ? running.some((one) => one.name === name) : running.length > 0)
    );
  };
  const isWarmMember = (name: string): boolean =>
    [...settings.pools.values()].some(({ warm, members }) => warm > 0 && members.includes(name));
  for (const { name, outlets, needs, check } of settings.resources.values()) {
    const object = objectOf(name);
    const said = `${name}: ${JSON.stringify(object)}`;
    const alike = outlets.every(isOn) || !outlets.some(isOn);
    const excused: Readonly<Record<string, boolean>> = {
      "external-off": !outlets.every(isOn),
      "external-on": outlets.some(isOn) && lockoutOf(settings, disk, name) !== undefined,
      "switch-mismatch": !alike,
      "needs-failed": needs.some((need) => objectOf(need).problem !== null),
      "shutdown-timeout": mayStay(name),
      // It went down, and the outlet stayed on: for another one, or for the pool after a power cycle that took too long was called off.
      "not-answering": (shared(outlets) || isWarmMember(name)) && !must(machines.get(name)).running,
    };
    if (object.problem !== null) {
      ok(excused[object.problem.code] === true, `L6: each problem clears by itself; ${said}`);
      continue;
    }
    const wanted = isWanted(settings, disk, name);
    ok(!wanted || outlets.every(isOn), `L1: wanted is on; ${said}`);
    const warm = [...settings.pools.values()].some((pool) => pool.warm > 0);
    ok(
      wanted || warm || !outlets.some(isOn) || object.phase === "held" || waitsForOthers(name, object),
      `L2: not wanted is off; ${said}`,
    );
    const answers = check === undefined || must(machines.get(name)).running;
    deepStrictEqual(object.state, outlets.some(isOn) ? (answers ? "available" : "powered") : "off", said);
    ok(!wanted || answers || shared(outlets), `L1: wanted is available; ${said}`);
  }
  for (const [topic, { replies, happening }] of watch.asked) {
    ok(replies.length > 0, `L3: every request is answered; ${topic} ${JSON.stringify(happening)}`);
  }
  ok(
    tokens.every(({ expires }) => expires !== undefined && expires > world.now),
    "L5: every token that is over is gone",
  );
  deepStrictEqual(queued, [], "L5: nobody queues any more");
  deepStrictEqual(outbox, [], "I29: every reply was taken");
}

/** L8: with nothing happening, nothing is done. */
function checkQuiet(chaos: Chaos): void {
  const before = { ...chaos.busy };
  chaos.play({ do: "pass", length: duration("1m") });
  deepStrictEqual(chaos.busy, before, "L8: nothing happens, nothing is done");
}
