// The end of every run: the faults are over, the jobs go home, and everything must settle (the liveness promises L1 to L8). Each step has
// a time in which it must come true, made of the settings and of the longest back-offs.

import type { Client } from "./clients.ts";
import { base } from "./front.ts";
import type { World } from "./world.ts";

/** A cut that one end notices late, the pause before the next attempt, the drain: until the link is up again. */
const linkMs = 22_000 + 5000 + 6000;
/** Commands and questions back off to one a minute. */
const backOffMs = 60_000;
const socketMs = 20_000;
/** The longest boot of a machine, and the longest pause between two checks, several in a row. */
const bootMs = 30_000;

export async function settleDown(world: World): Promise<void> {
  const { scenario, clients } = world;
  const names = [...scenario.settings.resources.keys()];
  const prober = world.addClient("prober", true);
  for (const client of clients) {
    client.retire();
  }
  await world.scheduler.runUntil(world.scheduler.now + linkMs + socketMs);

  if (!scenario.settings.observe) {
    const granted = names.map((name) => insist(world, prober, name, "granted"));
    await eventually(world, "L3", 15_000, "a token is granted to the prober", () =>
      granted.every((done) => done()),
    );
    const most = Math.max(...[...scenario.settings.resources.values()].map(({ minOff }) => minOff));
    const slowest = Math.max(0, ...[...scenario.settings.resources.values()].map(checkMs));
    await eventually(world, "L1", backOffMs + most + socketMs + 5000, "every wanted outlet is on", () =>
      names.every((name) => world.facts.relays.get(name)?.position === "on"),
    );
    const available = names.map((name) => insist(world, prober, name, "available"));
    await eventually(
      world,
      "L1",
      backOffMs + bootMs + slowest + 300_000,
      "every wanted resource is available",
      () => available.every((done) => done()),
    );
    await eventually(world, "L4", 5000, "the picture says available", () =>
      names.every((name) => world.broker.retained.get(`${base}/${name}/state`) === "available"),
    );
    for (const name of names) {
      prober.ask({ verb: "release", resource: name, token: `probe-${name}` }, () => undefined);
    }
  }

  // A job whose request got lost asks again after its timeout and more.
  await eventually(world, "L3", 400_000, "every request was answered", () =>
    clients.every(({ unanswered }) => unanswered.length === 0),
  );
  const longest = Math.max(...[...scenario.settings.resources.values()].map(({ ttl }) => ttl.max));
  await eventually(
    world,
    "L5",
    longest + scenario.settings.restartGrace + linkMs + 120_000,
    "every token has ended",
    () => [...world.disk.tokens()].length === 0,
  );
  const delay = Math.max(
    ...[...scenario.settings.resources.values()].map(({ offDelay, minOn }) => offDelay + minOn),
  );
  if (scenario.settings.observe) {
    await world.scheduler.runUntil(world.scheduler.now + delay + scenario.settings.restartGrace + 10_000);
  } else {
    await eventually(
      world,
      "L2",
      delay + backOffMs + scenario.settings.restartGrace + 10_000,
      "every outlet is off",
      () => names.every((name) => world.facts.relays.get(name)?.position === "off"),
    );
  }
  await eventually(world, "L6", 75_000, "the picture is the truth, without a problem", () =>
    names.every((name) => pictureIsTrue(world, name)),
  );
  await eventually(
    world,
    "L3",
    5000,
    "no reply is left over",
    () => [...world.disk.outboxIds()].length === 0,
  );

  const { commands, pictures } = world.facts;
  await world.scheduler.runUntil(world.scheduler.now + 120_000);
  if (world.broken.length === 0 && (world.facts.commands !== commands || world.facts.pictures !== pictures)) {
    world.break(
      "L8",
      `in 120 s of silence ${world.facts.commands - commands} commands and ${world.facts.pictures - pictures} pictures were sent`,
    );
  }
}

const checkMs = ({
  check,
}: {
  readonly check: { readonly interval: number; readonly rise: number; readonly timeout: number } | undefined;
}): number => (check === undefined ? 0 : (check.interval + check.timeout) * (check.rise + 1));

/** Asks until the answer is `ok`. */
function insist(
  world: World,
  prober: Client,
  resource: string,
  wait: "granted" | "available",
): () => boolean {
  let done = false;
  const ask = (): void => {
    const timeout = wait === "granted" ? null : 60_000;
    prober.ask(
      {
        verb: "acquire",
        resource,
        token: `probe-${resource}`,
        wait,
        timeout,
        ttl: shortest(world, resource),
      },
      (reply) => {
        done = reply["ok"] === true;
        if (!done) {
          world.scheduler.after(1000, ask);
        }
      },
    );
  };
  ask();
  return () => done;
}

/** Renewed by nobody, so as long as it may be; a limit over all renewals must not end it either. */
const shortest = (world: World, resource: string): number =>
  world.scenario.settings.resources.get(resource)?.ttl.max ?? 0;

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
      world.break(rule, `not within ${within / 1000} s: ${what} (unanswered: ${open})`);
      return;
    }
    await world.scheduler.runUntil(world.scheduler.now + 500);
  }
}

function pictureIsTrue({ broker, facts, machines, scenario }: World, name: string): boolean {
  const { retained } = broker;
  const relay = facts.relays.get(name);
  const checked = scenario.settings.resources.get(name)?.check !== undefined;
  const truth =
    relay?.position === "off" ? "off" : !checked || machines.get(name)?.up === true ? "available" : "powered";
  const object: unknown = JSON.parse(retained.get(`${base}/${name}`) ?? "{}");
  const fields = new Map<string, unknown>(
    typeof object === "object" && object !== null ? Object.entries(object) : [],
  );
  return (
    retained.get(`${base}/controller/status`) === "online" &&
    retained.get(`${base}/${name}/state`) === truth &&
    (retained.get(`${base}/${name}/ready`) === "1") === (truth === "available") &&
    fields.get("state") === truth &&
    fields.get("users") === 0 &&
    fields.get("problem") === null
  );
}
