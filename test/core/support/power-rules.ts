// What must be true, seen from outside, when the core has a relay moved or a machine shut down. The table of all promises is in
// watch.ts.

import { ok } from "node:assert/strict";
import type { Snapshot } from "../../../src/core/changes.ts";
import type { Effect } from "../../../src/core/effects.ts";
import type { Position, ResourceSettings } from "../../../src/core/settings.ts";
import type { Instant } from "../../../src/core/time.ts";
import {
  dependentsOf,
  type Facts,
  isForced,
  isUrgent,
  isWanted,
  lockoutOf,
  mayBeWarm,
  must,
  recordOf,
  resourcesOn,
  sightOf,
} from "./facts.ts";

export function checkCommand(
  facts: Facts,
  at: Instant,
  { outlet, position }: { readonly outlet: string; readonly position: Position },
  effects: readonly Effect[],
  disk: Snapshot,
): void {
  const sight = must(facts.outlets.get(outlet));
  const users = resourcesOn(facts.settings, outlet);
  const anew = effects.some((effect) => isFirstSend(effect, outlet));
  ok(users.length > 0, "I8: an outlet of nobody is not commanded");
  checkAny(facts, at, `${outlet} ${position}`);
  ok(sight.fresh !== undefined && sight.fresh !== position, `I6: ${position} is sent on missing information`);
  const same = sight.sent.filter((sent) => sent.position === position);
  const last = same.at(-1);
  ok(last === undefined || at - last.at >= 1000, "I10: repeats are at least 1 s apart");
  // Doubling, from 1 s to a minute.
  const pause = Math.min(60_000, 1000 * 2 ** same.length);
  ok(anew || last === undefined || at - last.at >= pause, "I10: repeats back off");
  sight.sent = anew ? [{ position, at }] : [...sight.sent, { position, at }];
  if (position === "on") {
    checkOn(facts, at, outlet, users, disk);
    return;
  }
  const urgent = users.some(({ name }) => isUrgent(facts.settings, disk, name));
  const minOn = Math.max(...users.map((settings) => settings.minOn));
  ok(urgent || at - sight.movedAt >= minOn, "I11: minOn is kept");
  ok(at - facts.upAt >= facts.settings.restartGrace, "I5: no OFF within restartGrace of a connection");
  for (const settings of users) {
    const forced = isForced(facts.settings, disk, settings.name) || isOutletForced(users, outlet, disk);
    checkOff(facts, at, settings, disk, forced);
  }
}

/** An operator cuts it under whoever is on it: by a lockout of this very outlet, or by a cycle of one that is on it. */
const isOutletForced = (users: readonly ResourceSettings[], outlet: string, disk: Snapshot): boolean =>
  disk.overrides.some(({ mode, force, outlets }) => mode === "off" && force && outlets.includes(outlet)) ||
  users.some(({ name }) => {
    const cycle = recordOf(disk, name)?.cycle;
    return cycle?.stage === "off" && cycle.force;
  });

function checkAny(facts: Facts, at: Instant, what: string): void {
  ok(facts.upAt <= at, `I9: only over a proved connection: ${what}`);
  ok(!facts.rival, `I40: nothing is commanded while another controller is heard: ${what}`);
  ok(!facts.storeRefuses, `I6: nothing is commanded while the store refuses: ${what}`);
  ok(!facts.settings.observe, `I8: nothing is commanded by a controller that only observes: ${what}`);
}

function checkOn(
  facts: Facts,
  at: Instant,
  outlet: string,
  users: readonly ResourceSettings[],
  disk: Snapshot,
): void {
  const { settings } = facts;
  const sight = must(facts.outlets.get(outlet));
  const locked = disk.overrides.some((record) => record.mode === "off" && record.outlets.includes(outlet));
  ok(!locked, "I7: nothing is switched on that is locked out");
  const wanting = users.filter(
    ({ name }) => isWanted(settings, disk, name) || mayBeWarm(settings, disk, name),
  );
  ok(wanting.length > 0, "I7, L2: ON is sent only for somebody who wants it");
  const minOff = Math.max(...users.map((user) => user.minOff));
  ok(at - sight.movedAt >= minOff, "I11: minOff is kept");
  ok(
    wanting.some((user) => sightOf(facts, user) === "on" || user.needs.every((need) => isThere(facts, need))),
    "I13: everything that it needs is on and available before it is switched on",
  );
  checkStagger(facts, at, outlet);
  checkStarting(facts, at, wanting, disk);
}

const isThere = (facts: Facts, need: string): boolean =>
  facts.known(need).available && sightOf(facts, must(facts.settings.resources.get(need))) === "on";

/** I12. */
function checkStagger(facts: Facts, at: Instant, outlet: string): void {
  const { switcher } = must(facts.settings.outlets.get(outlet));
  const { stagger } = must(facts.settings.switchers.get(switcher));
  const last = facts.lastOn.get(switcher);
  ok(
    last === undefined || last.outlet === outlet || at - last.at >= stagger,
    "I12: no two switch-ons in one group within its stagger",
  );
  facts.lastOn.set(switcher, { outlet, at });
}

/** I12: what was switched on by a command and is not up yet. */
function checkStarting(
  facts: Facts,
  at: Instant,
  wanting: readonly ResourceSettings[],
  disk: Snapshot,
): void {
  const { starting } = facts.settings.limits;
  for (const user of wanting) {
    // What has power already, by another supply, is not started by this one.
    const about = facts.known(user.name);
    about.boots ||= user.check !== undefined && sightOf(facts, user) === "off";
  }
  // Where a plug is silent nobody knows whether it goes on: others are not kept waiting for that.
  const booting = [...facts.settings.resources.values()]
    .filter(({ outlets }) => outlets.every((id) => must(facts.outlets.get(id)).fresh !== undefined))
    .filter(({ name }) => facts.known(name).boots)
    // What nobody waits for any more, after a power cycle perhaps, has given its place back.
    .filter(({ name }) => isWanted(facts.settings, disk, name) || mayBeWarm(facts.settings, disk, name))
    // One that does not follow lets others go first, and is told again nevertheless.
    .filter(({ outlets, switchTimeout }) => {
      const first = outlets
        .flatMap((id) => must(facts.outlets.get(id)).sent)
        .find(({ position }) => position === "on");
      return first === undefined || at - first.at < switchTimeout;
    })
    // An ON on its way to what has lost its need meanwhile is called off.
    .filter((user) => sightOf(facts, user) === "on" || user.needs.every((need) => isThere(facts, need)))
    // Those that share an outlet have no choice but to boot when the first of them does.
    .filter(({ outlets }) => outlets.every((id) => resourcesOn(facts.settings, id).length === 1))
    .map(({ name }) => name);
  ok(
    starting === 0 || booting.length <= starting,
    `I12: no more than limits.starting boot at once: ${booting.join(" ")}`,
  );
}

function checkOff(facts: Facts, at: Instant, user: ResourceSettings, disk: Snapshot, forced: boolean): void {
  const { settings } = facts;
  const { name } = user;
  const about = facts.known(name);
  if (about.cycling) {
    const told = disk.tokens.some((record) => record.told && record.resources.includes(name));
    ok(!told, "I18: no cycle when somebody was told ok");
    return;
  }
  if (forced) {
    return;
  }
  const gone = isGone(facts, at, user);
  const cycled = recordOf(disk, name)?.cycle?.stage === "off";
  ok(gone || cycled || !isWanted(settings, disk, name), `I1: no OFF while ${name} is wanted`);
  if (!gone) {
    checkDependentsAreOff(facts, user);
  }
  if (user.shutdown === undefined) {
    checkIsUnused(facts, at, user, disk);
    return;
  }
  const since = recordOf(disk, name)?.shutdownAt;
  const cut =
    user.shutdown.onTimeout === "cut" &&
    !isWanted(settings, disk, name) &&
    since !== undefined &&
    at - since >= user.shutdown.timeout;
  ok(gone || cut, `I3: ${name} is switched off before its machine was seen gone for settle`);
}

/** I13. */
function checkDependentsAreOff(facts: Facts, { name }: ResourceSettings): void {
  for (const dependent of dependentsOf(facts.settings, name)) {
    ok(sightOf(facts, dependent) === "off", `I13: ${name} goes off before ${dependent.name}, which needs it`);
  }
}

/** The off delay is over, and its guard lets it go. */
function checkIsUnused(facts: Facts, at: Instant, user: ResourceSettings, disk: Snapshot): void {
  const about = facts.known(user.name);
  const urgent = isUrgent(facts.settings, disk, user.name);
  ok(
    urgent || at - about.lastWantedAt >= Math.min(user.offDelay, about.offDelay),
    `I4: ${user.name} goes off within offDelay of the last want`,
  );
  if (user.keepWhile !== undefined) {
    ok(about.guard.last === "down", `keepWhile of ${user.name} says ${about.guard.last}, and it goes off`);
  }
}

/** A machine is told to go down. @param earlier the disk before: a shutdown that was begun is seen through */
export function checkShutdown(
  facts: Facts,
  at: Instant,
  name: string,
  earlier: Snapshot,
  disk: Snapshot,
): void {
  const { settings } = facts;
  const user = must(settings.resources.get(name));
  const cycled = recordOf(disk, name)?.cycle?.stage === "off";
  checkAny(facts, at, `shutdown of ${name}`);
  ok(user.shutdown !== undefined, "only where one is configured");
  ok(recordOf(disk, name)?.shutdownAt !== undefined, "a shutdown is on the disk before the machine is told");
  ok(at - facts.upAt >= settings.restartGrace, "I5: no shutdown within restartGrace of a connection");
  ok(cycled || !isWanted(settings, disk, name), `I1: no shutdown while ${name} is wanted`);
  checkDependentsAreOff(facts, user);
  for (const other of user.outlets.flatMap((outlet) => resourcesOn(settings, outlet))) {
    const leaves = recordOf(disk, other.name)?.shutdownAt !== undefined; // that is seen through, whoever came since
    const stays = other.name !== name && !leaves && isWanted(settings, disk, other.name);
    ok(!stays, `I2: ${name} is shut down though ${other.name} keeps its outlet on`);
  }
  if (recordOf(earlier, name)?.shutdownAt === undefined) {
    checkIsUnused(facts, at, user, disk);
  }
}

/** As its checker says (without one: as the command's exit says) and its meters, for `settle`. */
function isGone(facts: Facts, at: Instant, { name, check, shutdown }: ResourceSettings): boolean {
  if (shutdown === undefined) {
    return false;
  }
  const about = facts.known(name);
  const silentSince = check === undefined ? about.shutdown.doneAt : about.check.downSince;
  const idleSince = shutdown.idleBelow === undefined ? silentSince : about.idleSince;
  return (
    silentSince !== undefined &&
    idleSince !== undefined &&
    at - Math.max(silentSince, idleSince) >= shutdown.settle
  );
}

const isFirstSend = (effect: Effect, outlet: string): boolean =>
  effect.kind === "announce" &&
  effect.announcement.fields["outlet"] === outlet &&
  (effect.announcement.event === "switch-on" || effect.announcement.event === "switch-off");

/** Remember until when each resource was in use. */
export function noteWants(facts: Facts, at: Instant, disk: Snapshot): void {
  for (const { name, offDelay } of facts.settings.resources.values()) {
    const needed = dependentsOf(facts.settings, name).some(
      (dependent) =>
        sightOf(facts, dependent) === "on" && lockoutOf(facts.settings, disk, name) === undefined,
    );
    if (needed || isWanted(facts.settings, disk, name)) {
      const about = facts.known(name);
      about.lastWantedAt = at;
      about.offDelay = offDelay;
    }
  }
}
