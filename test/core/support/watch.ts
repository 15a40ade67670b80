// The promises of the protocol, watched from outside: what is known here comes from what was reported to the core, what is on
// the disk, and what the core wants done. It looks at nothing that the core keeps for itself.

import { ok } from "node:assert/strict";
import type { Snapshot, TokenRecord } from "../../../src/core/changes.ts";
import type { Effect } from "../../../src/core/effects.ts";
import type { Reply } from "../../../src/core/requests.ts";
import type { OutletSettings, Position, ResourceSettings } from "../../../src/core/settings.ts";
import type { Instant } from "../../../src/core/time.ts";
import type { Happening } from "../../../src/runtime/loop.ts";
import type { LabSettings } from "./actions.ts";

interface Seen {
  /** As last reported; `undefined`: not since something made it doubtful. */
  fresh: Position | undefined;
  last: Position | undefined;
  movedAt: number;
  /** That it moved could not be written: after a crash nobody knows. */
  unwritten: boolean;
  /** The commands since the last report that fulfilled one. */
  sent: { readonly position: Position; readonly at: number }[];
}

interface Known {
  lastTokenAt: number;
  cycling: boolean;
  cycles: number;
  available: boolean;
  /** That it was available could not be written: after a crash nobody knows. */
  unwritten: boolean;
}

export interface Asked {
  readonly happening: Extract<Happening, { kind: "requested" }>;
  readonly replies: Reply[];
}

export interface Watch {
  /** By reply topic. */
  readonly asked: Map<string, Asked>;
  crashed(): void;
  /** @param diskRefuses what is reported now cannot be written */
  before(at: Instant, happening: Happening, disk: Snapshot, diskRefuses: boolean): void;
  after(at: Instant, happening: Happening, effects: readonly Effect[], disk: Snapshot): void;
}

export function createWatch(lab: LabSettings): Watch {
  const { restartGrace } = lab.controller;
  const seen = new Map<string, Seen>();
  const known = new Map<string, Known>();
  for (const { name, outlet } of lab.resources) {
    seen.set(outlet, {
      fresh: undefined,
      last: undefined,
      movedAt: Number.NEGATIVE_INFINITY,
      unwritten: false,
      sent: [],
    });
    known.set(name, {
      lastTokenAt: Number.NEGATIVE_INFINITY,
      cycling: false,
      cycles: 0,
      available: false,
      unwritten: false,
    });
  }
  const asked = new Map<string, Asked>();
  let upAt = Number.POSITIVE_INFINITY;
  let rival = false;
  let storeRefuses = false;
  let diskRefused = false;
  let earlier: Snapshot | undefined;

  const doubt = (which: (outlet: string) => boolean): void => {
    for (const [outlet, sight] of seen) {
      if (which(outlet)) {
        sight.fresh = undefined;
      }
    }
  };

  function hear(at: Instant, happening: Happening, diskRefuses: boolean): void {
    switch (happening.kind) {
      case "linkConnected":
      case "linkLost":
      case "stoodStill":
        upAt = Number.POSITIVE_INFINITY;
        doubt(() => true);
        return;
      case "switcherConnected":
      case "switcherLost":
      case "switcherRebooted":
        doubt((outlet) => outlet.split("/")[0] === happening.switcher);
        return;
      case "outletReported": {
        const sight = must(seen.get(happening.outlet));
        if (sight.last !== happening.position) {
          sight.movedAt = sight.last === undefined ? sight.movedAt : at;
          sight.unwritten = diskRefuses;
        }
        sight.sent = sight.sent.filter(({ position }) => position !== happening.position);
        sight.last = happening.position;
        sight.fresh = happening.position;
        for (const { name, outlet } of lab.resources) {
          if (outlet === happening.outlet && happening.position === "off") {
            must(known.get(name)).available = false;
          }
        }
        return;
      }
      case "rivalHeard":
        rival = true;
        return;
      case "rivalGone":
        rival = false;
        return;
      case "storeRecovered":
        storeRefuses = false;
        return;
      case "checked":
      case "commandFailed":
      case "linkProved":
      case "metered":
      case "replied":
      case "requested":
      case "retainedCommandFound":
      case "storeRefused":
      case "switcherHinted":
      case "wallClockMoved":
      case "wokeUp":
        return;
    }
  }

  return {
    asked,
    crashed() {
      upAt = Number.POSITIVE_INFINITY;
      rival = false;
      storeRefuses = false;
      doubt(() => true);
      for (const sight of seen.values()) {
        sight.sent = [];
        if (sight.unwritten) {
          sight.movedAt = Number.NEGATIVE_INFINITY;
          sight.last = undefined;
        }
      }
      for (const about of known.values()) {
        about.cycling = false;
        about.cycles = 0;
        about.available &&= !about.unwritten;
      }
    },
    before(at, happening, disk, diskRefuses) {
      earlier = disk;
      diskRefused = diskRefuses;
      hear(at, happening, diskRefuses);
      for (const { name } of lab.resources) {
        if (disk.tokens.some(({ resource }) => resource === name)) {
          must(known.get(name)).lastTokenAt = at;
        }
      }
    },
    after(at, happening, effects, disk) {
      const before = must(earlier);
      const { kind } = happening;
      const refused =
        kind === "requested" &&
        effects.some(
          (effect) => effect.kind === "reply" && !effect.reply.ok && effect.reply.error === "unavailable",
        );
      storeRefuses ||= refused;
      if (effects.some((effect) => effect.kind === "publishController")) {
        upAt = at;
        doubt(() => true);
      }
      ok(kind !== "wallClockMoved" || effects.length === 0, "I43: a wall clock that moves causes nothing");
      ok(disk.tokens.length <= lab.controller.limits.tokens, "I23: never more tokens than limits.tokens");
      checkRefusal(effects);
      for (const effect of effects) {
        if (effect.kind === "command") {
          const settings = must(lab.resources.find(({ outlet }) => outlet === effect.outlet));
          const held = disk.tokens.filter(({ resource }) => resource === settings.name);
          const anew = effects.some((other) => isFirstSend(other, settings.name));
          checkCommand(at, settings, effect, held, anew);
        } else if (effect.kind === "announce") {
          follow(at, effect, before);
        } else if (effect.kind === "reply") {
          checkReply(effect, disk);
        }
      }
    },
  };

  function checkCommand(
    at: Instant,
    settings: ResourceSettings,
    { outlet, position }: { readonly outlet: OutletSettings["id"]; readonly position: Position },
    held: readonly TokenRecord[],
    anew: boolean,
  ): void {
    const sight = must(seen.get(outlet));
    const about = must(known.get(settings.name));
    ok(upAt <= at, "I9: a command is sent only over a proved connection");
    ok(!rival, "I40: nothing is commanded while another controller is heard");
    ok(!storeRefuses, "I6: nothing is commanded while the store refuses");
    ok(
      sight.fresh !== undefined && sight.fresh !== position,
      `I6: ${position} is sent on missing information`,
    );
    const same = sight.sent.filter((sent) => sent.position === position);
    const last = same.at(-1);
    ok(last === undefined || at - last.at >= 1000, "I10: repeats are at least 1 s apart");
    // Doubling, from 1 s to a minute.
    const pause = Math.min(60_000, 1000 * 2 ** same.length);
    ok(anew || last === undefined || at - last.at >= pause, "I10: repeats back off");
    sight.sent = anew ? [{ position, at }] : [...sight.sent, { position, at }];
    if (position === "on") {
      ok(held.length > 0, "L2: ON is sent only for a token");
      ok(at - sight.movedAt >= settings.minOff, "I11: minOff is kept");
      return;
    }
    ok(at - sight.movedAt >= settings.minOn, "I11: minOn is kept");
    ok(at - upAt >= restartGrace, "I5: no OFF within restartGrace of a connection");
    if (about.cycling) {
      about.cycles += anew ? 1 : 0;
      ok(about.cycles <= settings.bootRetries, "I18: no more cycles than bootRetries");
      ok(!held.some(({ told }) => told), "I18: no cycle when somebody was told ok");
    } else {
      ok(held.length === 0, "I1: no OFF while it is wanted");
      ok(at - about.lastTokenAt >= settings.offDelay, "I4: no OFF within offDelay of the last token");
    }
  }

  function follow(
    at: Instant,
    { announcement: { event, resource, fields } }: Announced,
    before: Snapshot,
  ): void {
    const about = resource === undefined ? undefined : known.get(resource);
    const token = before.tokens.find(
      (record) => record.resource === resource && record.token === fields["token"],
    );
    if (about === undefined) {
      return;
    }
    if (["released", "rejected", "lost", "expired"].includes(event) && fields["users"] === 0) {
      about.cycling = false; // a cycle goes on while anybody is left who waits for the machine
      about.cycles = 0;
    }
    if (event === "state" && fields["to"] === "available") {
      about.available = true;
      about.unwritten = diskRefused;
      about.cycling = false;
    } else if (event === "cycle") {
      about.cycling = true;
      ok(!about.available, "I18: no cycle of a machine that was available since power-on");
    } else if (event === "switch-on") {
      about.cycling = false;
    } else if (event === "expired") {
      ok(token?.expires !== undefined && token.expires <= at, "I16: no token expires before its time");
      ok(token.waiters.length === 0, "I16: no token expires while its request waits");
    }
    if (event === "granted" || event === "external-off") {
      about.cycles = 0;
    }
    if (event === "lost" && lab.controller.lostGrace > 0) {
      ok(token?.lostAt !== undefined && token.lostAt <= at, "I16: no token is lost before lostGrace is over");
    }
  }

  function checkReply({ to, reply, outbox }: Extract<Effect, { kind: "reply" }>, disk: Snapshot): void {
    const about = must(asked.get(to.topic));
    about.replies.push(reply);
    const { request } = about.happening;
    const record = disk.tokens.find(
      (token) => token.resource === reply.resource && "token" in reply && token.token === reply.token,
    );
    if (!reply.ok) {
      ok(
        outbox === undefined || !(record?.waiters ?? []).some(({ replyTo }) => replyTo?.topic === to.topic),
        "I26: a failed request does not wait any more",
      );
      return;
    }
    ok("total" in reply || !storeRefuses, "I37: no ok while the store refuses");
    if ("expires" in reply && outbox === undefined) {
      ok(record !== undefined, "I25: who hears ok holds a token that is on the disk");
    }
    if (request.kind === "acquire" && request.wait === "available") {
      ok("state" in reply && reply.state === "available", "I25: who waits for available hears ok when it is");
    }
    if (request.kind === "release" && !request.lost) {
      ok(record === undefined, "I15: who hears that it is released finds it gone from the disk");
    }
  }
}

const isFirstSend = (effect: Effect, resource: string): boolean =>
  effect.kind === "announce" &&
  effect.announcement.resource === resource &&
  (effect.announcement.event === "switch-on" || effect.announcement.event === "switch-off");

type Announced = Extract<Effect, { kind: "announce" }>;

/** I24: what is refused at once changes nothing. */
function checkRefusal(effects: readonly Effect[]): void {
  const refused = effects.some(
    (effect) => effect.kind === "reply" && effect.outbox === undefined && !effect.reply.ok,
  );
  ok(!refused || !effects.some(({ kind }) => kind === "persist"), "I24: a refused request changes nothing");
}

export function must<Value>(value: Value | undefined): Value {
  ok(value !== undefined);
  return value;
}
