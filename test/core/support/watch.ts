// The promises of the protocol, watched from outside while anything may happen: what is known here comes from what was reported to the
// core, what is on the disk, and what the core wants done. It looks at nothing that the core keeps for itself.
//
// | promise                                                              | checked in                                  |
// | I1 no OFF, no shutdown while it is wanted                            | power-rules: checkOff, checkShutdown        |
// | I2 an outlet that others want stays on                               | power-rules: checkOff of each, checkShutdown |
// | I3 no cut before the machine was seen gone for settle                | power-rules: checkOff                       |
// | I4 no OFF within offDelay, keepWhile heard                           | power-rules: checkIsUnused                  |
// | I5 no OFF soon after a connection                                    | power-rules: checkCommand, checkShutdown    |
// | I6 nothing by missing information                                    | power-rules: checkCommand, checkAny         |
// | I7 nothing is switched on that is locked out                         | power-rules: checkOn                        |
// | I8 a reload without a change switches nothing                        | here                                        |
// | I9 commands follow from the present                                  | power-rules: checkAny                       |
// | I10 repeats are apart and back off                                   | power-rules: checkCommand                   |
// | I11 minOn, minOff                                                    | power-rules: checkCommand, checkOn          |
// | I12 stagger, limits.starting                                         | power-rules: checkStagger, checkStarting    |
// | I13 needs first, and last                                            | power-rules: checkOn, checkDependentsAreOff |
// | I14, I25 told is durable                                             | world: checkDurable; token-rules: checkReply |
// | I15 released and locked out stay so                                  | token-rules: checkReply, checkRights        |
// | I16 no token ends before its time, or untold                         | token-rules: checkEnd, checkAnnounced       |
// | I17 none ends late                                                   | chaos: checkExpiry                          |
// | I18 boot retries                                                     | here: follow; power-rules: checkOff         |
// | I19 counts                                                           | chaos: checkPictures                        |
// | I20 one id, one token                                                | disk: keyed by it; token-rules: checkDisk   |
// | I21 exclusive, and nobody overtakes                                  | token-rules: checkDisk, checkGrant          |
// | I22 several: all or nothing                                          | token-rules: checkDisk, checkGranted        |
// | I23 capacity, limits.tokens                                          | token-rules: checkDisk                      |
// | I24 a refusal changes nothing                                        | token-rules: checkRefusal                   |
// | I26 a failed wait leaves nothing                                     | token-rules: checkReply                     |
// | I29 every request is answered once                                   | here; properties: checkWell                 |
// | I31 the pictures agree                                               | chaos: checkPictures                        |
// | I32 only one's own                                                   | token-rules: checkRights                    |
// | I35 the durable part comes back the same                             | world: checkDurable                         |
// | I37 no ok while the store refuses                                    | token-rules: checkReply                     |
// | I40 silence while another controller is heard                        | power-rules: checkAny                       |
// | I43 the wall clock moves nothing                                     | here                                        |
// | L1 to L3, L5, L6, L8                                                 | properties: checkWell, checkQuiet           |
//
// I27, I28, I30, I33, I34, I36, I38 and I39 are about the wire, the store and the process, and are checked with those.

import { deepStrictEqual, ok } from "node:assert/strict";
import type { Snapshot } from "../../../src/core/changes.ts";
import type { Announcement, Effect } from "../../../src/core/effects.ts";
import type { Settings } from "../../../src/core/settings.ts";
import type { Instant } from "../../../src/core/time.ts";
import type { Happening } from "../../../src/runtime/loop.ts";
import { createFacts, type Facts, must } from "./facts.ts";
import { checkCommand, checkShutdown, noteWants } from "./power-rules.ts";
import {
  type Asked,
  checkAnnounced,
  checkDisk,
  checkRefusal,
  checkReply,
  checkRights,
  checkTokens,
  type Turned,
} from "./token-rules.ts";

export interface Watch {
  /** By reply topic. */
  readonly asked: Map<string, Asked>;
  crashed(): void;
  /** @param diskRefuses what is reported now cannot be written */
  before(at: Instant, happening: Happening, disk: Snapshot, diskRefuses: boolean): void;
  after(at: Instant, happening: Happening, effects: readonly Effect[], disk: Snapshot): void;
}

export function createWatch(settings: Settings): Watch {
  const facts = createFacts(settings);
  const asked = new Map<string, Asked>();
  let earlier: Snapshot | undefined;
  let settingsBefore = settings;

  return {
    asked,
    crashed() {
      facts.crashed();
    },
    before(at, happening, disk, diskRefuses) {
      earlier = disk;
      settingsBefore = facts.settings;
      facts.diskRefuses = diskRefuses;
      facts.hear(at, happening);
      noteWants(facts, at, disk);
    },
    after(at, happening, effects, disk) {
      const turned: Turned = { at, happening, effects, before: must(earlier), after: disk };
      noteLink(facts, turned);
      checkNoCause(turned, settingsBefore);
      checkDisk(facts.settings, turned);
      checkTokens(facts, turned);
      checkRights(facts, turned);
      checkRefusal(turned);
      for (const effect of effects) {
        if (effect.kind === "announce") {
          follow(facts, at, effect.announcement, turned.before);
        }
      }
      for (const effect of effects) {
        if (effect.kind === "command") {
          checkCommand(facts, at, effect, effects, disk);
        } else if (effect.kind === "shutdown") {
          checkShutdown(facts, at, effect.resource, turned.before, disk);
        } else if (effect.kind === "reply") {
          checkReply(facts, must(asked.get(effect.to.topic)), effect, disk);
        }
      }
      facts.noteAsked(effects);
    },
  };
}

function noteLink(facts: Facts, { at, happening, effects }: Turned): void {
  const refused =
    happening.kind === "requested" &&
    effects.some(
      (effect) => effect.kind === "reply" && !effect.reply.ok && effect.reply.error === "unavailable",
    );
  facts.storeRefuses ||= refused;
  if (facts.upAt === Number.POSITIVE_INFINITY && effects.some(({ kind }) => kind === "publishController")) {
    facts.upAt = at;
    facts.doubtAll();
  }
}

/** I43, and I8 of a reload: what does not change goes on undisturbed. */
function checkNoCause({ happening, effects }: Turned, before: Settings): void {
  ok(
    happening.kind !== "wallClockMoved" || effects.length === 0,
    "I43: a wall clock that moves causes nothing",
  );
  if (happening.kind === "reconfigured") {
    const moves = effects.filter(({ kind }) => kind === "command" || kind === "shutdown");
    const asItWas = isSame(before, happening.settings);
    ok(!asItWas || moves.length === 0, "I8: a reload without a change moves nothing");
  }
}

function isSame(one: Settings, other: Settings): boolean {
  try {
    deepStrictEqual(one, other);
    return true;
  } catch {
    return false;
  }
}

/** What the core says that it does or has noticed. */
function follow(facts: Facts, at: Instant, said: Announcement, before: Snapshot): void {
  checkAnnounced(facts, at, said, before);
  const { event, resource, fields } = said;
  if (resource === undefined || !facts.settings.resources.has(resource)) {
    return;
  }
  const about = facts.known(resource);
  // A request that was refused at once has ended nothing, and has no time for which it was held.
  const isEnd =
    ["released", "rejected", "lost", "expired", "locked-out"].includes(event) && "heldSeconds" in fields;
  if (isEnd && fields["users"] === 0) {
    about.cycling = false; // a cycle goes on while anybody is left who waits for the machine
    about.cycles = 0;
    about.boots = false;
  }
  if (event === "state") {
    about.available = fields["to"] === "available";
    about.unwritten = facts.diskRefuses;
    about.cycling &&= !about.available;
    about.boots &&= fields["to"] === "powered";
  } else if (event === "cycle" && typeof fields["retry"] === "number") {
    about.cycling = true;
    about.cycles += 1;
    const { bootRetries } = must(facts.settings.resources.get(resource));
    ok(about.cycles <= bootRetries, "I18: no more cycles than bootRetries");
    ok(!about.available, "I18: no cycle of a machine that was available since power-on");
  } else if (event === "switch-on") {
    about.cycling = false;
  } else if (event === "problem" && fields["code"] === "boot-timeout") {
    about.boots = false;
  }
  if (event === "granted" || event === "external-off" || (event === "cycle" && fields["stage"] === "begun")) {
    about.cycles = 0;
  }
}
