// A lab in which anything may happen: plugs with tempers, hands, reboots, lost links, crashes, full disks. It plays actions
// against the core, watched by watch.ts. Deterministic: the same actions give the same story.

import { deepStrictEqual, ok } from "node:assert/strict";
import type { Effect } from "../../../src/core/effects.ts";
import type { Request } from "../../../src/core/requests.ts";
import type { Position, Settings } from "../../../src/core/settings.ts";
import { after, type Instant, instant, type Millis, millis } from "../../../src/core/time.ts";
import { resourcePicture } from "../../../src/core/view.ts";
import type { Happening } from "../../../src/runtime/loop.ts";
import type { Action, LabSettings, Temper } from "./actions.ts";
import { duration, settingsOf } from "./lab.ts";
import { createWatch, must, type Watch } from "./watch.ts";
import { createWorld, type World } from "./world.ts";

interface Plug {
  position: Position;
  temper: Temper;
  bootedAt: Instant;
}

/** Something on its way; what is on its way to the controller is lost when it crashes. */
interface Delivery {
  readonly at: Instant;
  readonly toController: boolean;
  readonly arrive: () => void;
}

export interface Chaos {
  readonly world: World;
  readonly watch: Watch;
  readonly plugs: ReadonlyMap<string, Plug>;
  /** Everything that was carried out, for comparing two runs. */
  readonly story: string[];
  play(action: Action): void;
  /** All faults end; then time passes. */
  calm(length: Millis): void;
  /** Commands sent and pictures published so far. */
  readonly busy: { commands: number; publications: number };
}

export function createChaos(lab: LabSettings): Chaos {
  const world = createWorld();
  const watch = createWatch(lab);
  const settings: Settings = settingsOf(lab.resources, lab.controller);
  const plugs = new Map<string, Plug>();
  const machines = new Map<string, "up" | "down" | "error">();
  const story: string[] = [];
  const busy = { commands: 0, publications: 0 };
  let deliveries: Delivery[] = [];
  /** What the running controller gave to its link, which keeps it until the broker has taken it. */
  const heldReplies = new Set<number>();
  let linked = false;
  let markersReturn = true;
  let crashNext: Millis | undefined;
  let requests = 0;
  let last: Happening = { kind: "wokeUp" };
  let lastMarker = 0;
  for (const { name, outlet } of lab.resources) {
    plugs.set(outlet, { position: "off", temper: "follows", bootedAt: instant(world.now - 3_600_000) });
    machines.set(name, "up");
  }
  open();

  function open(): void {
    world.open(settings);
    connect();
  }

  function connect(): void {
    linked = true;
    heldReplies.forEach(deliver);
    happen({ kind: "linkConnected" });
    for (const switcher of settings.switchers.keys()) {
      happen({ kind: "switcherConnected", switcher });
    }
  }

  function happen(happening: Happening): void {
    if (!world.running) {
      return;
    }
    last = happening;
    watch.before(world.now, happening, world.disk.snapshot(), world.storeRefuses);
    const effects = world.take(happening);
    watch.after(world.now, happening, effects, world.disk.snapshot());
    story.push(JSON.stringify([world.now, happening.kind, effects]));
    checkUsers();
    if (crashNext !== undefined) {
      const away = crashNext;
      crashNext = undefined;
      crash(away);
      if (happening.kind === "requested") {
        happen(happening); // it was not acknowledged, so the broker sends it once more
      }
      return;
    }
    for (const effect of effects) {
      carryOut(effect);
    }
  }

  /** I19: the published count is the number of tokens. */
  function checkUsers(): void {
    const tokens = world.disk.snapshot().tokens;
    for (const [name, resource] of world.book.resources) {
      const { object, holders } = resourcePicture(world.book, resource, world.now);
      deepStrictEqual(object.users, tokens.filter((token) => token.resource === name).length, "I19");
      deepStrictEqual(holders.users, object.users);
    }
  }

  function carryOut(effect: Effect): void {
    switch (effect.kind) {
      case "command":
        busy.commands += 1;
        obey(effect.outlet, effect.position);
        return;
      case "ask":
        for (const outlet of must(settings.switchers.get(effect.switcher)).outlets) {
          say(outlet, "20ms");
        }
        return;
      case "check": {
        const { resource, attempt } = effect;
        later("100ms", true, () => {
          const outlet = must(settings.resources.get(resource)).outlet;
          const finds = must(plugs.get(outlet)).position === "off" ? "down" : must(machines.get(resource));
          happen({ kind: "checked", resource, attempt, outcome: finds, message: finds });
        });
        return;
      }
      case "prove":
        lastMarker = effect.attempt;
        if (linked && markersReturn) {
          later("10ms", true, () => happen({ kind: "linkProved", attempt: effect.attempt }));
        }
        return;
      case "reply": {
        const { outbox } = effect;
        if (outbox !== undefined) {
          heldReplies.add(outbox);
          if (linked) {
            deliver(outbox);
          }
        }
        return;
      }
      case "publish":
        busy.publications += 1;
        return;
      case "announce":
      case "forget":
      case "ignored":
      case "persist":
      case "publishController":
        return;
    }
  }

  /** The broker takes a held-back reply. */
  function deliver(outbox: number): void {
    later("10ms", true, () => {
      if (linked && heldReplies.delete(outbox)) {
        happen({ kind: "replied", outbox });
      }
    });
  }

  function obey(outlet: string, position: Position): void {
    const plug = must(plugs.get(outlet));
    if (plug.temper === "stuck" || plug.temper === "mute") {
      say(outlet, "50ms");
      return;
    }
    later(plug.temper === "slow" ? "3s" : "50ms", false, () => {
      plug.position = position;
      say(outlet, "0");
    });
  }

  function say(outlet: string, in_: string): void {
    later(in_, true, () => {
      const { position, temper, bootedAt } = must(plugs.get(outlet));
      if (temper !== "mute" && temper !== "deaf") {
        happen({ kind: "outletReported", outlet, position, uptime: millis(world.now - bootedAt) });
      }
    });
  }

  function later(in_: string, toController: boolean, arrive: () => void): void {
    deliveries.push({ at: after(world.now, duration(in_)), toController, arrive });
  }

  function pass(length: Millis): void {
    const until = after(world.now, length);
    for (let spins = 0; ; ) {
      const delivery = deliveries.reduce<Delivery | undefined>(
        (first, next) => (first === undefined || next.at < first.at ? next : first),
        undefined,
      );
      const wake = world.nextWakeUp();
      const next = Math.min(delivery?.at ?? Number.POSITIVE_INFINITY, wake ?? Number.POSITIVE_INFINITY);
      if (next > until) {
        break;
      }
      const before = world.now;
      world.pass(millis(Math.max(0, next - world.now)));
      spins = world.now === before ? spins + 1 : 0;
      ok(spins < 200, "no busy loop");
      if (delivery !== undefined && delivery.at <= world.now) {
        deliveries.splice(deliveries.indexOf(delivery), 1);
        delivery.arrive();
      } else {
        wakeUp();
      }
    }
    world.pass(millis(Math.max(0, until - world.now))); // a crash on the way may have taken longer
  }

  const isDue = (): boolean => (world.nextWakeUp() ?? Number.POSITIVE_INFINITY) <= world.now;

  /**
   * Handling `wokeUp` at `nextWakeUp` moves it later or removes it. One wake may make another due at the same moment (a grace of 0
   * that begins, a batch that was refused), which may happen once or twice, and not for ever.
   */
  function wakeUp(): void {
    for (let wakes = 0; wakes < 3 && isDue(); wakes += 1) {
      happen({ kind: "wokeUp" });
    }
    ok(!isDue(), "being woken moves the next wake-up");
    checkExpiry();
  }

  /** I17: while it runs and holders could have renewed, nothing that is over is still held. */
  function checkExpiry(): void {
    const { link, store } = world.book;
    if (link.name === "up" && world.now >= link.graceUntil && store === "writing") {
      const over = world.disk
        .snapshot()
        .tokens.filter(
          ({ expires, waiters }) => waiters.length === 0 && expires !== undefined && expires <= world.now,
        );
      deepStrictEqual(over, [], "I17: each token ends in time");
    }
  }

  function crash(away: Millis): void {
    world.crash();
    watch.crashed();
    deliveries = deliveries.filter(({ toController }) => !toController);
    linked = false;
    heldReplies.clear();
    pass(away);
    open();
  }

  function ask(request: Request): void {
    const happening = { kind: "requested", request } as const;
    if (request.replyTo !== undefined) {
      watch.asked.set(request.replyTo.topic, { happening, replies: [] });
    }
    if (linked) {
      happen(happening);
    } else {
      watch.asked.delete(request.replyTo?.topic ?? "");
    }
  }

  function nextReply(wanted: boolean): Request["replyTo"] {
    requests += 1;
    return wanted
      ? { topic: `reply/${requests}`, correlation: undefined, id: undefined, format: "json" }
      : undefined;
  }

  const resourceOf = (index: number): string => must(lab.resources[index % lab.resources.length]).name;
  const outletOf = (index: number): string => must(lab.resources[index % lab.resources.length]).outlet;
  const plugOf = (index: number): Plug => must(plugs.get(outletOf(index)));
  const switcherOf = (index: number): string => must(outletOf(index).split("/")[0]);

  function play(action: Action): void {
    switch (action.do) {
      case "acquire": {
        const { token, owner, ttl, wait, timeout } = action;
        const replyTo = nextReply(action.reply);
        const about = { resource: resourceOf(action.on), owner, replyTo };
        ask({
          kind: "acquire",
          ...about,
          token,
          madeUpToken: `made-up-${requests}`,
          purpose: undefined,
          ttl,
          wait,
          timeout,
        });
        return;
      }
      case "renew":
        ask({
          kind: "renew",
          resource: resourceOf(action.on),
          owner: action.owner,
          replyTo: nextReply(action.reply),
          token: action.token,
          ttl: action.ttl,
        });
        return;
      case "release":
        ask({
          kind: "release",
          resource: resourceOf(action.on),
          owner: undefined,
          replyTo: nextReply(action.reply),
          token: action.token,
          lost: action.lost,
        });
        return;
      case "tokens":
        ask({
          kind: "tokens",
          resource: resourceOf(action.on),
          owner: undefined,
          replyTo: nextReply(true),
          offset: 0,
          limit: 100,
        });
        return;
      case "refused":
        ask({
          kind: "refused",
          resource: "r9",
          token: undefined,
          error: "invalid-request",
          message: "no",
          replyTo: nextReply(action.reply),
        });
        return;
      case "pass":
        pass(action.length);
        return;
      case "wake": {
        const next = world.nextWakeUp();
        pass(millis(Math.max(0, (next ?? world.now) - world.now)));
        return;
      }
      case "temper":
        plugOf(action.on).temper = action.temper;
        return;
      case "hand":
        plugOf(action.on).position = action.position;
        say(outletOf(action.on), "0");
        return;
      case "reboot":
        plugOf(action.on).position = action.position;
        plugOf(action.on).bootedAt = world.now;
        if (action.says && plugOf(action.on).temper !== "mute" && plugOf(action.on).temper !== "deaf") {
          happen({ kind: "switcherRebooted", switcher: switcherOf(action.on) });
        }
        return;
      case "machine":
        machines.set(resourceOf(action.on), action.finds);
        return;
      case "staleCheck":
        happen({ kind: "checked", resource: resourceOf(action.on), attempt: 0, outcome: "up", message: "" });
        return;
      case "staleProof":
        happen({ kind: "linkProved", attempt: lastMarker - 1 });
        return;
      case "commandFailed":
        happen({ kind: "commandFailed", outlet: outletOf(action.on), attempt: 1, reason: "unreachable" });
        return;
      case "again":
        if (
          last.kind === "outletReported" ||
          last.kind === "checked" ||
          last.kind === "linkProved" ||
          last.kind === "replied"
        ) {
          happen(last);
        }
        return;
      case "metered":
        happen({ kind: "metered", outlet: outletOf(action.on), watts: action.watts, kwh: undefined });
        return;
      case "switcher":
        happen(
          action.event === "switcherHinted"
            ? { kind: "switcherHinted", switcher: switcherOf(action.on), online: false }
            : { kind: action.event, switcher: switcherOf(action.on) },
        );
        return;
      case "link":
        if (action.up) {
          connect();
        } else {
          linked = false;
          happen({ kind: "linkLost" });
        }
        return;
      case "markers":
        markersReturn = action.return;
        return;
      case "store":
        world.storeRefuses = action.refuses;
        if (!action.refuses && world.book.store === "refusing") {
          happen({ kind: "storeRecovered" });
        }
        return;
      case "rival":
        happen(action.there ? { kind: "rivalHeard", instance: "other" } : { kind: "rivalGone" });
        return;
      case "clocks":
        happen(
          action.still
            ? { kind: "stoodStill", length: action.by }
            : { kind: "wallClockMoved", offset: millis(world.book.wallOffset + action.by) },
        );
        return;
      case "crash":
        if (action.late) {
          crashNext = action.away;
        } else {
          crash(action.away);
        }
        return;
    }
  }

  return {
    world,
    watch,
    plugs,
    story,
    busy,
    play,
    calm(length) {
      crashNext = undefined;
      markersReturn = true;
      for (const plug of plugs.values()) {
        plug.temper = "follows";
      }
      for (const name of machines.keys()) {
        machines.set(name, "up");
      }
      play({ do: "store", refuses: false });
      play({ do: "rival", there: false });
      play({ do: "link", up: true });
      pass(length);
    },
  };
}
