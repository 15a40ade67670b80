// A lab in which anything may happen: plugs with tempers, machines with habits, hands, reboots, lost links, crashes, full disks. It
// plays actions against the core, watched by watch.ts. Deterministic: the same actions give the same story.

import { deepStrictEqual, ok } from "node:assert/strict";
import type { Effect } from "../../../src/core/effects.ts";
import type { Request } from "../../../src/core/requests.ts";
import type { Position, ResourceSettings, Settings } from "../../../src/core/settings.ts";
import { after, type Instant, instant, type Millis, millis } from "../../../src/core/time.ts";
import { poolPicture, resourcePicture } from "../../../src/core/view.ts";
import type { Happening } from "../../../src/runtime/loop.ts";
import type { Action, Temper } from "./actions.ts";
import { dependentsOf, must } from "./facts.ts";
import { duration, settingsOf } from "./lab.ts";
import type { LabSettings } from "./labs.ts";
import { createMachine, goodHabits, type Machine } from "./machine.ts";
import { shutdownEnded, type Verdict } from "./stage.ts";
import { standsAt } from "./token-rules.ts";
import { createWatch, type Watch } from "./watch.ts";
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
  readonly machines: ReadonlyMap<string, Machine>;
  /** As last configured. */
  readonly settings: Settings;
  /** Everything that was carried out, for comparing two runs. */
  readonly story: string[];
  play(action: Action): void;
  /** All faults end; then time passes. */
  calm(length: Millis): void;
  /** Commands sent, machines shut down, and pictures published so far. */
  readonly busy: { commands: number; publications: number };
}

export function createChaos(lab: LabSettings): Chaos {
  const world = createWorld();
  let settings: Settings = settingsOf(lab.resources, lab.controller, lab.furniture);
  const watch = createWatch(settings);
  const plugs = new Map<string, Plug>();
  const machines = new Map<string, Machine>();
  const guards = new Map<string, Verdict>();
  const removed = new Set<string>();
  const offDelays = new Map<string, Millis>();
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
  for (const outlet of settings.outlets.keys()) {
    plugs.set(outlet, { position: "off", temper: "follows", bootedAt: instant(world.now - 3_600_000) });
  }
  for (const { name } of lab.resources) {
    machines.set(
      name,
      createMachine((in_, then) => later(in_, false, then)),
    );
    guards.set(name, "down");
  }

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
    story.push(JSON.stringify([world.now, happening.kind, effects]));
    watch.after(world.now, happening, effects, world.disk.snapshot());
    checkPictures();
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

  /** Else it ends as soon as that can be written. */
  const isConfigured = (names: readonly string[]): boolean =>
    names.every((name) => settings.resources.has(name) || settings.pools.has(name));

  /** I19, I31: what is published says what is on the disk. */
  function checkPictures(): void {
    const { tokens, queued, overrides } = world.disk.snapshot();
    for (const [name, resource] of world.book.resources) {
      const { object, holders } = resourcePicture(world.book, resource, world.now);
      const held = tokens.filter((token) => token.resources.includes(name));
      deepStrictEqual(object.users, held.length, "I19");
      deepStrictEqual(holders.users, object.users);
      deepStrictEqual(
        object.exclusive,
        held.some(({ mode }) => mode === "exclusive"),
        "I31: exclusive",
      );
      deepStrictEqual(
        object.queue,
        queued.filter((record) => isConfigured(record.asked) && standsAt(settings, record, name)).length,
        "I31: queue",
      );
      const override = overrides.find((record) => record.resource === name)?.mode ?? "auto";
      const locked = overrides.some(
        (record) => record.mode === "off" && record.outlets.some((id) => outletsOf(name).includes(id)),
      );
      deepStrictEqual(object.override, locked ? "off" : override, "I31: override");
      ok(object.dependents <= dependentsOf(settings, name).length, "I31: dependents");
    }
    for (const [name, pool] of world.book.pools) {
      const { object } = poolPicture(world.book, pool, world.now);
      const { members } = must(settings.pools.get(name));
      const used = (member: string): boolean => tokens.some(({ resources }) => resources.includes(member));
      deepStrictEqual(object.members, members.length, "I31: members");
      deepStrictEqual(object.free, members.filter((member) => !used(member)).length, "I31: free");
    }
  }

  function carryOut(effect: Effect): void {
    switch (effect.kind) {
      case "command":
        busy.commands += 1;
        obey(effect.outlet, effect.position);
        return;
      case "ask":
        for (const outlet of outletsAt(effect.switcher)) {
          say(outlet, "20ms");
        }
        return;
      case "measure":
        for (const outlet of outletsAt(effect.switcher)) {
          later(duration("50ms"), true, () => measure(outlet));
        }
        return;
      case "check": {
        const { resource, of, attempt } = effect;
        later(duration("100ms"), true, () => {
          const finds = of === "keepWhile" ? must(guards.get(resource)) : must(machines.get(resource)).find();
          happen({ kind: "checked", resource, of, attempt, outcome: finds, message: finds });
        });
        return;
      }
      case "shutdown": {
        const { resource, attempt } = effect;
        busy.commands += 1;
        later(duration("200ms"), false, () => {
          const outcome = must(machines.get(resource)).told();
          if (outcome !== undefined) {
            later(duration("50ms"), true, () => happen(shutdownEnded(resource, attempt, outcome)));
          }
        });
        return;
      }
      case "prove":
        lastMarker = effect.attempt;
        if (linked && markersReturn) {
          later(duration("10ms"), true, () => happen({ kind: "linkProved", attempt: effect.attempt }));
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
        busy.publications += isMetered ? 0 : 1;
        return;
      case "announce":
      case "forget":
      case "ignored":
      case "persist":
      case "publishController":
        return;
    }
  }

  /** Readings are shown at most every 30 s, and may change nothing: where meters are asked, publications are not counted. */
  const isMetered = lab.resources.some(({ shutdown }) => shutdown?.idleBelow !== undefined);

  /** The broker takes a held-back reply. */
  function deliver(outbox: number): void {
    later(duration("10ms"), true, () => {
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
    later(duration(plug.temper === "slow" ? "3s" : "50ms"), false, () => {
      move(outlet, position);
      say(outlet, "0");
    });
  }

  function move(outlet: string, position: Position): void {
    must(plugs.get(outlet)).position = position;
    for (const { name, outlets } of lab.resources) {
      if (outlets.includes(outlet)) {
        must(machines.get(name)).power(outlets.some((id) => must(plugs.get(id)).position === "on"));
      }
    }
  }

  function say(outlet: string, in_: string): void {
    later(duration(in_), true, () => {
      const { position, temper, bootedAt } = must(plugs.get(outlet));
      if (temper !== "mute" && temper !== "deaf") {
        happen({ kind: "outletReported", outlet, position, uptime: millis(world.now - bootedAt) });
      }
    });
  }

  function measure(outlet: string): void {
    const { position, temper } = must(plugs.get(outlet));
    const drawn = lab.resources
      .filter(({ outlets }) => outlets.find((id) => must(plugs.get(id)).position === "on") === outlet)
      .reduce((sum, { name }) => sum + must(machines.get(name)).watts(), 0);
    if (temper !== "mute" && temper !== "deaf") {
      happen({ kind: "metered", outlet, watts: position === "on" ? drawn : 0, kwh: undefined });
    }
  }

  function later(in_: Millis, toController: boolean, arrive: () => void): void {
    deliveries.push({ at: after(world.now, in_), toController, arrive });
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

  const resourceAt = (index: number): string => must(lab.resources[index % lab.resources.length]).name;
  const outletsOf = (name: string): readonly string[] => must(settings.resources.get(name)).outlets;
  const outletsAt = (switcher: string): readonly string[] => settings.switchers.get(switcher)?.outlets ?? [];
  const outletAt = (index: number): string => must([...plugs.keys()][index % plugs.size]);
  const plugAt = (index: number): Plug => must(plugs.get(outletAt(index)));
  const switcherAt = (index: number): string => must(outletAt(index).split("/")[0]);
  const machineAt = (index: number): Machine => must(machines.get(resourceAt(index)));

  /** Resources, and pools behind them; also what is not configured now. */
  function nameAt(index: number): string {
    const names = [...lab.resources, ...lab.furniture.pools].map(({ name }) => name);
    return must(names[index % names.length]);
  }

  /** Where access is for users, everybody names one. */
  function who(owner: string | undefined): Pick<Request & { kind: "renew" }, "user" | "owner"> {
    const user = settings.access === "users" ? (owner ?? "ci") : undefined;
    return { user, owner: user ?? owner };
  }

  function reconfigure(index: number | undefined, offDelay: Millis | undefined): void {
    if (index !== undefined) {
      const name = resourceAt(index);
      if (offDelay !== undefined) {
        offDelays.set(name, offDelay);
      } else if (!removed.delete(name) && removed.size + 1 < lab.resources.length) {
        removed.add(name);
      }
    }
    settings = without(lab, removed, offDelays);
    happen({ kind: "reconfigured", settings, changed: new Set(), rechecked: new Set() });
  }

  function play(action: Action): void {
    switch (action.do) {
      case "acquire": {
        const { token, ttl, wait, timeout, mode, priority } = action;
        const names = [...new Set(action.on.map(nameAt))];
        ask({
          kind: "acquire",
          ...who(action.owner),
          resource: names.length === 1 ? names[0] : undefined,
          names,
          replyTo: nextReply(action.reply),
          token,
          madeUpToken: `made-up-${requests}`,
          purpose: undefined,
          ttl,
          mode,
          priority,
          wait,
          timeout,
        });
        return;
      }
      case "renew":
        ask({
          kind: "renew",
          resource: action.on === undefined ? undefined : nameAt(action.on),
          ...who(action.owner),
          replyTo: nextReply(action.reply),
          token: action.token,
          ttl: action.ttl,
        });
        return;
      case "release":
        ask({
          kind: "release",
          resource: action.on === undefined ? undefined : nameAt(action.on),
          ...who(action.owner),
          replyTo: nextReply(action.reply),
          token: action.token,
          lost: action.lost,
        });
        return;
      case "override": {
        const { user, owner } = who(action.owner);
        ask({
          kind: "override",
          resource: nameAt(action.on),
          user,
          owner,
          replyTo: nextReply(action.reply),
          mode: action.mode,
          by: user ?? owner,
          reason: undefined,
          until: action.until === undefined ? undefined : { kind: "after", length: action.until },
          force: action.force,
        });
        return;
      }
      case "cycle":
        ask({
          kind: "cycle",
          resource: nameAt(action.on),
          ...who(action.owner),
          replyTo: nextReply(action.reply),
          force: action.force,
        });
        return;
      case "tokens":
        ask({
          kind: "tokens",
          resource: nameAt(action.on),
          ...who(undefined),
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
          owner: undefined,
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
        plugAt(action.on).temper = action.temper;
        return;
      case "hand":
        move(outletAt(action.on), action.position);
        say(outletAt(action.on), "0");
        return;
      case "reboot":
        move(outletAt(action.on), action.position);
        plugAt(action.on).bootedAt = world.now;
        if (action.says && plugAt(action.on).temper !== "mute" && plugAt(action.on).temper !== "deaf") {
          happen({ kind: "switcherRebooted", switcher: switcherAt(action.on) });
        }
        return;
      case "habits":
        machineAt(action.on).habits = { ...machineAt(action.on).habits, ...action.habits };
        return;
      case "halt":
        machineAt(action.on).halt();
        return;
      case "press":
        machineAt(action.on).press();
        return;
      case "guard":
        guards.set(resourceAt(action.on), action.finds);
        return;
      case "staleCheck":
        happen({
          kind: "checked",
          resource: resourceAt(action.on),
          of: "availability",
          attempt: 0,
          outcome: "up",
          message: "",
        });
        return;
      case "staleProof":
        happen({ kind: "linkProved", attempt: lastMarker - 1 });
        return;
      case "commandFailed":
        happen({ kind: "commandFailed", outlet: outletAt(action.on), attempt: 1, reason: "unreachable" });
        return;
      case "again":
        if (
          last.kind === "outletReported" ||
          last.kind === "checked" ||
          last.kind === "shutdownEnded" ||
          last.kind === "linkProved" ||
          last.kind === "replied"
        ) {
          happen(last);
        }
        return;
      case "metered":
        happen({ kind: "metered", outlet: outletAt(action.on), watts: action.watts, kwh: undefined });
        return;
      case "switcher":
        happen({ kind: action.event, switcher: switcherAt(action.on) });
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
            ? { kind: "stoodStill" }
            : { kind: "wallClockMoved", offset: millis(world.book.wallOffset + action.by) },
        );
        return;
      case "reconfigure":
        reconfigure(action.on, action.offDelay);
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

  open();
  return {
    world,
    watch,
    plugs,
    machines,
    get settings() {
      return settings;
    },
    story,
    busy,
    play,
    calm(in_) {
      crashNext = undefined;
      markersReturn = true;
      for (const plug of plugs.values()) {
        plug.temper = "follows";
      }
      for (const name of guards.keys()) {
        guards.set(name, "down");
      }
      const leaving = world.disk.snapshot().resources.filter(({ shutdownAt }) => shutdownAt !== undefined);
      for (const [name, machine] of machines) {
        machine.habits = goodHabits;
        const stays = !leaving.some(({ resource }) => resource === name);
        if (stays || machine.running || machine.booting) {
          machine.press(); // somebody comes and starts what does not run, and what hangs goes down
        }
      }
      play({ do: "store", refuses: false });
      play({ do: "rival", there: false });
      play({ do: "link", up: true });
      pass(in_);
    },
  };
}

/** The lab's settings without some of its resources, and with other off delays. */
function without(
  { resources, controller, furniture }: LabSettings,
  removed: ReadonlySet<string>,
  offDelays: ReadonlyMap<string, Millis>,
): Settings {
  const named = (names: readonly string[]): string[] => names.filter((name) => !removed.has(name));
  const kept = resources.flatMap((resource): ResourceSettings[] =>
    removed.has(resource.name)
      ? []
      : [
          {
            ...resource,
            needs: named(resource.needs),
            offDelay: offDelays.get(resource.name) ?? resource.offDelay,
          },
        ],
  );
  const pools = furniture.pools.flatMap((pool) => {
    const members = named(pool.members);
    return members.length === 0 ? [] : [{ ...pool, members }];
  });
  return settingsOf(kept, controller, { ...furniture, pools });
}
