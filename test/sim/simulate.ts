// One run: a seed in, a report out. First a rough time with faults and jobs, then a quiet one in which everything must settle.

import { drawFaults, heal } from "./faults.ts";
import { settleDown } from "./quiet.ts";
import { createWorld, type World } from "./world.ts";

export interface Report {
  readonly seed: number;
  /** `undefined`: every promise was kept. */
  readonly broken: { readonly rule: string; readonly what: string } | undefined;
  readonly hours: number;
  readonly crashes: number;
  readonly commands: number;
  readonly requests: number;
  readonly replies: number;
  /** Of the whole trace: the same seed gives the same. */
  readonly hash: string;
  /** Its last lines. */
  readonly trace: readonly string[];
}

/** @param share how much of the rough time to run: less is quicker, and finds less */
export async function simulate(seed: number, traced = 60, share = 1): Promise<Report> {
  const world = createWorld(seed, traced);
  const { scheduler, random, scenario } = world;
  const roughFor = scenario.roughFor * share;
  for (const socket of world.sockets.values()) {
    socket.restoreMains();
  }
  for (let index = 1; index <= scenario.clients; index += 1) {
    world.addClient(`job${index}`, "job");
  }
  for (const name of scenario.operators) {
    world.addClient(name, "operator");
  }
  for (const { at, name, strike } of drawFaults(random.fork("faults"), roughFor, scenario.faultEvery)) {
    scheduler.after(at, () => {
      world.trace.note(`fault: ${name}`);
      strike(world);
    });
  }
  world.startController();
  audit(world);
  await scheduler.runUntil(roughFor);
  if (world.broken.length === 0) {
    heal(world);
    await settleDown(world);
  }
  const asked = [...world.facts.asked.values()];
  const report: Report = {
    seed,
    broken: world.broken[0],
    hours: scheduler.now / 3_600_000,
    crashes: world.deaths,
    commands: world.facts.commands,
    requests: asked.length,
    replies: asked.reduce((sum, { answers }) => sum + answers, 0),
    hash: world.trace.hash,
    trace: world.trace.last(traced),
  };
  world.process?.kill();
  return report;
}

/** Once a second: I17, no token outlives its time by more than a second while nothing is in the controller's way. */
function audit(world: World): void {
  const { facts, host, disk } = world;
  world.scheduler.after(1000, () => {
    audit(world);
    if (
      facts.process === undefined ||
      facts.linkAt === undefined ||
      facts.storeRefuses ||
      disk.full ||
      disk.refusals > 0 ||
      disk.slowest > 100 || // what waits on the link comes first, batch after batch
      host.paused
    ) {
      facts.disturbedAt = host.now();
      return;
    }
    const undisturbed = facts.disturbedAt + 5000 + facts.settings.restartGrace;
    const late = 1000 + disk.slowest * 10 + 50;
    for (const { resources, token, expires, waiters } of disk.tokens()) {
      const due =
        expires === undefined || waiters.length > 0
          ? Number.POSITIVE_INFINITY
          : Math.max(expires, undisturbed, facts.putAt.get(token) ?? 0);
      facts.must(
        host.now() <= due + late,
        "I17",
        () => `${resources.join()} ${token} expired at ${expires} and is there at ${host.now()}`,
      );
    }
    for (const { asked, token, deadline } of disk.queued()) {
      facts.must(
        host.now() <= Math.max(deadline, undisturbed) + late,
        "I26",
        () => `${asked.join()} ${token} queued until ${deadline} and still does at ${host.now()}`,
      );
    }
  });
}
