// The end of every run: the faults are over, the jobs go home, and everything must settle (the liveness promises L1 to L8). Each step has
// a time in which it must come true, made of the settings and of the longest back-offs.

import type { CheckLevel } from "../../src/core/settings.ts";
import type { Client } from "./clients.ts";
import type { Asked } from "./form.ts";
import { base } from "./front.ts";
import { poweredBy, withNeeds } from "./wanted.ts";
import type { World } from "./world.ts";

/** A cut that one end notices late, the pause before the next attempt, the drain: until the link is up again. */
const linkMs = 22_000 + 5000 + 6000;
/** Commands and questions back off to one a minute. */
const backOffMs = 60_000;
const socketMs = 20_000;
/** The longest boot of a machine, and the longest pause between two checks, several in a row. */
const bootMs = 30_000;
/** The longest shutdown of an honest one: it answers, writes, is asked, has settled. */
const shutdownMs = 11_000 + 15_000 + 15_000 + 10_000;

/** The longest that a job queues; one that has gone home may be granted what it then forgets. */
const queueMs = 120_000;

/** The prober holds everything; it has let go; nothing is to happen any more. */
type Stage = "held" | "released" | "silent";

export async function settleDown(world: World): Promise<void> {
  const { scenario, clients, scheduler } = world;
  const { settings } = scenario;
  const resources = [...settings.resources.values()];
  const names = resources.map(({ name }) => name);
  const prober = world.addClient("prober", "prober");
  for (const client of clients) {
    client.retire();
  }
  await scheduler.runUntil(scheduler.now + linkMs + socketMs);
  const longest = Math.max(...resources.map(({ ttl }) => ttl.max));
  const delay = Math.max(...resources.map(({ offDelay, minOn }) => offDelay + minOn));
  /** A need goes off after what needs it, and each takes its time. */
  const offMs = (delay + shutdownMs) * names.length + backOffMs + settings.restartGrace + 10_000;

  let stage: Stage = "held";
  keepReloading(world);
  keepLifting(world, prober); // a request of an operator may have been on its way for long
  const lifted = names.map((name) =>
    insist(world, prober, { verb: "override", resource: name, token: null }),
  );
  await eventually(world, "L3", longest + 120_000, "every override is lifted", () =>
    lifted.every((done) => done()),
  );

  if (!settings.observe) {
    keepCycling(world, prober, names, () => stage); // also a need that went down, which keeps who waits for it waiting
    // Whoever holds it exclusively, or fills it, has forgotten it, and is found out.
    const granted = names.map((name) => hold(world, prober, name, "granted"));
    await eventually(world, "L3", longest + queueMs + 60_000, "a token is granted to the prober", () =>
      granted.every((done) => done()),
    );
    const most = Math.max(...resources.map(({ minOff }) => minOff));
    const slowest = Math.max(0, ...resources.map(checkMs));
    const bootAll = (bootMs + slowest + most + 5000) * names.length;
    const available = names.map((name) => hold(world, prober, name, "available"));
    const allUp = (): boolean =>
      available.every((done) => done()) && names.every((name) => world.machines.get(name)?.up === true);
    const upMs = backOffMs + bootAll + offMs + 300_000;
    const { lockOffers } = world.facts;
    await eventually(world, "L1", upMs, "every wanted resource is available", allUp);
    await eventually(world, "L1", backOffMs + telemetryMs(world), "every wanted outlet is on", () =>
      names.every((name) => outletsOf(world, name).every((outlet) => isOn(world, outlet))),
    );
    // A lockout that was on its way all the time, and is lifted by now, has it all begin anew.
    const wholly = world.facts.lockOffers === lockOffers ? 0 : upMs;
    await eventually(world, "L4", 20_000 + wholly, "the picture says available", () =>
      names.every((name) => world.broker.retained.get(`${base}/${name}/state`) === "available"),
    );
    stage = "released";
    prober.rest();
    for (const name of names) {
      const token = `probe-${name}`;
      prober.ask({ verb: "release", ...asOperator, resource: name, token }, () => undefined);
    }
  }

  // A job whose request got lost asks again after its timeout and more.
  await eventually(world, "L3", 400_000, "every request was answered", () =>
    clients.every(({ unanswered }) => unanswered.length === 0),
  );
  await eventually(
    world,
    "L5",
    longest + settings.restartGrace + linkMs + 120_000,
    "every token has ended",
    () => [...world.disk.tokens()].length === 0 && [...world.disk.queued()].length === 0,
  );
  if (settings.observe) {
    await scheduler.runUntil(scheduler.now + delay + settings.restartGrace + 10_000);
  } else {
    await eventually(world, "L2", offMs, "every outlet is off", () => {
      const kept = outletsUnder(world, [...warmMembers(world), ...leftOn(world)]);
      return names
        .flatMap((name) => outletsOf(world, name))
        .every((outlet) => kept.has(outlet) || !isOn(world, outlet));
    });
    await eventually(world, "L2", offMs, "nothing is under way any more", () =>
      names.every((name) => isAtRest(world, name)),
    );
    await eventually(world, "L1", offMs + 300_000, "every pool has its warm members", () =>
      [...settings.pools.values()].every((pool) => isWarm(world, pool)),
    );
  }
  const telemetry = telemetryMs(world); // also makes up for news that overtook each other
  await eventually(world, "L6", 75_000 + telemetry, "the picture is the truth, without a problem", () =>
    names.every((name) => pictureIsTrue(world, name)),
  );
  await eventually(
    world,
    "L3",
    5000,
    "no reply is left over",
    () => [...world.disk.outboxIds()].length === 0,
  );

  stage = "silent";
  await eventually(world, "L8", offMs + 300_000, "120 s without a command or a picture", silence(world));
}

/** What is kept warm may have an off delay before it, so that the silence need not begin at once. */
function silence({ facts, scheduler }: World): () => boolean {
  let last = "";
  let since = scheduler.now;
  return () => {
    const now = [facts.commands, facts.pictures, facts.shutdownsSent].join();
    since = now === last ? since : scheduler.now;
    last = now;
    return scheduler.now - since >= 120_000;
  };
}

const checkMs = ({
  check,
}: {
  readonly check: { readonly interval: number; readonly rise: number; readonly timeout: number } | undefined;
}): number => (check === undefined ? 0 : (check.interval + check.timeout) * (check.rise + 1));

/** A message that got lost is made up for by the next telemetry. */
const telemetryMs = ({ scenario }: World): number =>
  Math.max(...scenario.sockets.map(({ telePeriod }) => telePeriod)) + socketMs + 5000;

const outletsOf = ({ scenario }: World, name: string): readonly string[] =>
  scenario.settings.resources.get(name)?.outlets ?? [];

const isOn = ({ facts }: World, outlet: string): boolean => facts.relays.get(outlet)?.position === "on";

/** What a pool may keep on: its members. */
const warmMembers = ({ scenario }: World): readonly string[] =>
  [...scenario.settings.pools.values()].flatMap(({ warm, members }) => (warm > 0 ? members : []));

/**
 * L2 asks for off, or for a visible problem that names the reason: a machine that could not be told to shut down (its command found it
 * booting, and nothing but a checker could say that it answers later) is left on. So is what a hand switched on, if that is the policy.
 */
function leftOn(world: World): readonly string[] {
  const { disk, facts, scenario } = world;
  const byHand = new Set(
    [...disk.outlets()].flatMap(({ outlet, own }) => (own === "outside" ? [outlet] : [])),
  );
  return [...scenario.settings.resources.values()].flatMap(({ name, outlets, onExternalOn }) => {
    const byPolicy = onExternalOn !== "reclaim" && outlets.some((one) => byHand.has(one));
    return byPolicy || facts.problems.get(name)?.has("shutdown-timeout") === true ? [name] : [];
  });
}

/** Outlets that these may keep on: their own, those of what they need, and of what shares an outlet with any of these. */
function outletsUnder({ facts, scenario }: World, roots: readonly string[]): Set<string> {
  const { resources } = scenario.settings;
  const names = new Set(roots);
  const outlets = new Set<string>();
  for (const name of names) {
    for (const outlet of resources.get(name)?.outlets ?? []) {
      outlets.add(outlet);
      for (const other of poweredBy(facts, outlet)) {
        names.add(other); // the walk goes on over it
      }
    }
    for (const need of withNeeds(facts, name)) {
      names.add(need);
    }
  }
  return outlets;
}

const fieldsOf = ({ broker }: World, name: string): ReadonlyMap<string, unknown> => {
  const object: unknown = JSON.parse(broker.retained.get(`${base}/${name}`) ?? "{}");
  return new Map<string, unknown>(
    typeof object === "object" && object !== null ? Object.entries(object) : [],
  );
};

/** Off, or kept on for good. */
const isAtRest = (world: World, name: string): boolean =>
  ["idle", "held"].includes(String(fieldsOf(world, name).get("phase")));

const isWarm = (
  { broker }: World,
  { members, warm }: { readonly members: readonly string[]; readonly warm: number },
): boolean =>
  members.filter((name) => broker.retained.get(`${base}/${name}/state`) === "available").length >= warm;

/**
 * An operator's way out: nothing but its power brings a machine back that went down while somebody wants it, and what a hand switched
 * off, or seems to have, stays off for those who hold it already.
 */
function keepCycling(world: World, prober: Client, names: readonly string[], stage: () => Stage): void {
  world.scheduler.after(30_000, () => {
    if (stage() === "silent" || world.broken.length > 0) {
      return;
    }
    for (const name of names) {
      // What nobody holds any more has halted to have its power cut, unless something else wants it.
      const wanted = stage() === "held" || world.facts.problems.get(name)?.has("not-answering") === true;
      if (wanted && world.machines.get(name)?.halted === true) {
        prober.ask(
          { verb: "cycle", ...asOperator, resource: name, token: null, force: true },
          () => undefined,
        );
      } else if (world.facts.problems.get(name)?.has("external-off") === true) {
        prober.ask({ verb: "override", ...asOperator, resource: name, token: null }, () => undefined);
      }
    }
    keepCycling(world, prober, names, stage);
  });
}

/** The first configuration, which may be refused as long as somebody holds what it would bring under a lockout. */
function keepReloading(world: World): void {
  world.scheduler.after(10_000, () => {
    if (world.file.settings !== world.scenario.settings) {
      world.reload({ ...world.file, settings: world.scenario.settings });
      keepReloading(world);
    }
  });
}

function keepLifting(world: World, prober: Client): void {
  world.scheduler.after(15_000, () => {
    for (const { resource } of world.disk.overrides()) {
      prober.ask({ verb: "override", ...asOperator, resource, token: null }, () => undefined);
    }
    keepLifting(world, prober);
  });
}

const asOperator = { user: "operator1", owner: "operator1" } as const;

/** Asks until the answer is `ok`. */
function insist(
  world: World,
  prober: Client,
  asked: Partial<Asked>,
  again = (): Partial<Asked> => asked,
): () => boolean {
  let done = false;
  const ask = (fields: Partial<Asked>): void => {
    prober.ask({ ...asOperator, ...fields }, (reply) => {
      done = reply["ok"] === true;
      if (!done) {
        world.scheduler.after(1000, () => ask(again()));
      }
    });
  };
  ask(asked);
  return () => done;
}

/** Asks until the answer is `ok`, and goes on renewing; taken away by a late request of an operator, it is acquired again. */
function hold(world: World, prober: Client, resource: string, wait: CheckLevel): () => boolean {
  const token = `probe-${resource}`;
  const ttl = world.scenario.settings.resources.get(resource)?.ttl.max ?? 0;
  const timeout = wait === "granted" ? null : 60_000;
  const asked = { verb: "acquire", resource, token, wait, timeout, ttl } as const;
  const done = insist(world, prober, asked);
  if (wait === "available" && ttl > 0) {
    prober.every(ttl / 3, () => {
      prober.ask({ ...asOperator, ...asked, wait: "granted", timeout: null }, () => undefined);
    });
  }
  return done;
}

async function eventually(
  world: World,
  rule: string,
  within: number,
  what: string,
  holds: () => boolean,
): Promise<void> {
  const until = world.scheduler.now + within;
  while (world.broken.length === 0 && !holds()) {
    if (world.scheduler.now >= until) {
      const open = world.clients.flatMap(({ unanswered }) => unanswered).join(" ");
      world.break(rule, `not within ${within / 1000} s: ${what} (unanswered: ${open}); ${situation(world)}`);
      return;
    }
    await world.scheduler.runUntil(world.scheduler.now + 500);
  }
}

/** For whoever reads why it did not settle. */
const situation = ({ broker, scenario, machines }: World): string =>
  [...scenario.settings.resources.keys()]
    .map((name) => {
      const machine = machines.get(name);
      const halted = machine?.halted === true ? "halted" : machine?.running === true ? "running" : "not up";
      return `${name} (${halted}) ${broker.retained.get(`${base}/${name}`)}`;
    })
    .join("; ");

function pictureIsTrue(world: World, name: string): boolean {
  const { broker, machines, scenario } = world;
  const { retained } = broker;
  const checked = scenario.settings.resources.get(name)?.check !== undefined;
  const on = outletsOf(world, name).some((outlet) => isOn(world, outlet));
  const truth = !on ? "off" : !checked || machines.get(name)?.up === true ? "available" : "powered";
  const fields = fieldsOf(world, name);
  return (
    retained.get(`${base}/controller/status`) === "online" &&
    retained.get(`${base}/${name}/state`) === truth &&
    (retained.get(`${base}/${name}/ready`) === "1") === (truth === "available") &&
    fields.get("state") === truth &&
    fields.get("users") === 0 &&
    fields.get("queue") === 0 &&
    fields.get("override") === "auto" &&
    (fields.get("problem") === null || isExplained(world, name) || world.scenario.settings.observe)
  );
}

/** It could not be shut down, or it stands on one of its outlets, because a neighbour keeps that one on. */
function isExplained(world: World, name: string): boolean {
  const problems = world.facts.problems.get(name) ?? new Set();
  const positions = new Set(outletsOf(world, name).map((outlet) => isOn(world, outlet)));
  return problems.has("shutdown-timeout") || (problems.has("switch-mismatch") && positions.size === 2);
}
