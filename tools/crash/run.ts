// Kills the controller with SIGKILL at random moments, under load, and proves after each restart that it kept its word: acknowledged
// tokens, renewals and releases are kept, requests that the broker took are answered, and no relay moved that should not.
//
//   node tools/crash/run.ts [--kills 200] [--operations 10000] [--seed N] [--broker mosquitto|embedded]
//     [--main FILE] [--log FILE]
//
// The real process runs (dist/main.js, so build first) on one store through all kills, with simulated sockets. The broker lives on; the
// embedded one runs in this process. The seed fixes the choices, not the timing: a seed that failed will not always fail again.

import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { must, root } from "../steps.ts";
import { fieldsOf } from "../wire.ts";
import { type Controller, createController } from "./controller.ts";
import { type Desk, openDesk } from "./desk.ts";
import { type Lab, startLab } from "./lab.ts";
import { type Load, startLoad } from "./load.ts";
import { createModel, type Fields, type Model, Violation } from "./model.ts";
import { type Power, watchPower } from "./power.ts";
import { type Chance, createChance } from "./random.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    operations: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    broker: { type: "string" },
    log: { type: "string" },
    main: { type: "string", default: join(root, "dist/main.js") },
  },
});

/** From online to the last reply to what had waited. */
const answersWithinMs = 15_000;
const onlineWithinMs = 15_000;

const mostInOneGo = 4;
const mostWalks = 50;

interface Stage {
  readonly lab: Lab;
  readonly controller: Controller;
  readonly desk: Desk;
  readonly model: Model;
  readonly chance: Chance;
  /** In milliseconds, of all restarts that were let go through. */
  readonly restarts: number[];
}

const seed = wholeNumber("seed", values.seed);
const kills = wholeNumber("kills", values.kills);
const operations = wholeNumber("operations", values.operations);
const wantedBroker = values.broker;
must(
  wantedBroker === undefined || wantedBroker === "mosquitto" || wantedBroker === "embedded",
  `--broker is mosquitto or embedded, not '${wantedBroker}'`,
);
console.log(`seed ${seed}`);

const chance = createChance(seed);
const failure = Promise.withResolvers<never>();
const broken = (violation: Violation): void => failure.reject(violation);
process.once("SIGINT", () => failure.reject(new Error("interrupted")));
process.once("SIGTERM", () => failure.reject(new Error("told to end")));

const lab = await startLab(wantedBroker);
const controller = createController(values.main, lab.configFile, values.log, (sentence) =>
  broken(new Violation(sentence)),
);
try {
  await Promise.race([failure.promise, rehearse()]);
} catch (error) {
  process.exitCode = 1;
  explain(error);
} finally {
  await controller.kill();
  await lab.stop();
}
process.exit(); // Jobs may still wait for replies that will not come.

async function rehearse(): Promise<void> {
  console.log(`${kills} kills, at least ${operations} acknowledged operations, over ${lab.broker}`);
  const desk = await openDesk(lab, controller, chance, broken);
  const stage: Stage = { lab, controller, desk, model: createModel(), chance, restarts: [] };
  await startAndWait(stage);
  const load = await startLoad(desk, stage.model, lab.places, chance, broken);
  const power = watchPower(lab.places, load.holds);
  const began = performance.now();
  let told = 0;

  while (controller.kills < kills || desk.answered < operations) {
    load.open();
    await sleep(chance.yes(0.2) ? chance.whole(500, 1000) : chance.whole(50, 400));
    if (controller.kills < kills) {
      await killSomehow(stage, load);
      await startAndWait(stage);
    }
    load.close();
    await compareAll(stage, power);
    if (Math.floor(controller.kills / 10) > told) {
      told = Math.floor(controller.kills / 10);
      console.log(progress(stage, power, began));
    }
  }
  await endInOrder(stage, load, power);
  console.log(`${progress(stage, power, began)}; violations 0`);
}

/** One of the ways to die: under load, in the start, while the backlog is worked off, or several times in a row. */
async function killSomehow(stage: Stage, load: Load): Promise<void> {
  const { desk } = stage;
  await controller.kill();
  const usual = median(stage.restarts);
  const ways = ["under load", "under load", "in the start", "in the drain", "in a row"] as const;
  switch (kills - controller.kills < mostInOneGo ? "under load" : chance.pick(ways)) {
    case "under load":
      return;
    case "in the start":
      for (let again = chance.whole(1, 3); again > 0; again -= 1) {
        controller.start();
        await sleep(chance.whole(0, Math.round(usual * 1.2)));
        await controller.kill();
      }
      return;
    case "in the drain": {
      load.burst(chance.whole(50, 250));
      const before = desk.answered;
      controller.start();
      await until(() => desk.answered > before, onlineWithinMs, "the first reply to what waited");
      await sleep(chance.whole(0, 60));
      await controller.kill();
      return;
    }
    case "in a row":
      for (let again = chance.whole(2, 3); again > 0; again -= 1) {
        await startAndWait(stage);
        await sleep(chance.whole(0, 100));
        await controller.kill();
      }
  }
}

async function startAndWait({ desk, restarts }: Stage): Promise<void> {
  await until(
    () => desk.status !== "online",
    5000,
    "the broker to tell that the killed controller is offline",
  );
  const before = desk.onlineSaid;
  const from = performance.now();
  controller.start();
  await until(() => desk.onlineSaid > before, onlineWithinMs, "the controller to be online");
  restarts.push(performance.now() - from);
}

/** When every request is answered: the whole list of tokens and all moves of the relays against what was acknowledged. */
async function compareAll({ lab: { places }, desk, model }: Stage, power: Power): Promise<void> {
  await untilAnswered(desk);
  for (const { resource } of places) {
    const listed = await listTokens(desk, resource);
    model.compare(resource, listed, Date.now());
  }
  power.check();
}

async function untilAnswered(desk: Desk): Promise<void> {
  try {
    await until(() => desk.open === 0, answersWithinMs, "all replies");
  } catch (error) {
    const { open } = desk;
    const waiting = desk.longestOpen();
    if (waiting === undefined) {
      throw error;
    }
    const fresh = await Promise.race([desk.ask("tokens", "build1", {}), sleep(3000)]);
    const after =
      fresh === undefined
        ? "a request sent after them is not answered either"
        : `a request sent after them was answered at once, with ${desk.open} of them still open`;
    throw new Violation(
      `${open} requests were not answered within ${answersWithinMs} ms (${after}): ${waiting.sentence}`,
      waiting.token,
    );
  }
  await sleep(0); // The jobs note what they were answered.
}

/** Pages are cut anew at each request: while tokens expire between two of them, one could be missed, and the walk is begun again. */
async function listTokens(desk: Desk, resource: string): Promise<readonly Fields[]> {
  for (let walks = 0; walks < mostWalks; walks += 1) {
    const listed = await walkTokens(desk, resource);
    if (listed !== undefined) {
      return listed;
    }
  }
  throw new Violation(
    `the list of ${resource} changed in each of ${mostWalks} walks, and no request was on its way`,
  );
}

/** @returns undefined when the number of tokens changed on the way */
async function walkTokens(desk: Desk, resource: string): Promise<readonly Fields[] | undefined> {
  const limit = chance.pick([20, 100, 1000]);
  const listed: Fields[] = [];
  let first: number | undefined;
  for (;;) {
    const { ok, fields } = await desk.ask("tokens", resource, { offset: listed.length, limit });
    const holders = fields.get("holders");
    const total = fields.get("total");
    if (!ok || !Array.isArray(holders) || typeof total !== "number") {
      const said = JSON.stringify(Object.fromEntries(fields));
      throw new Violation(`the tokens of ${resource} were not listed: ${said}`);
    }
    first ??= total;
    if (total !== first) {
      return undefined;
    }
    listed.push(...holders.map(fieldsOf));
    if (listed.length >= total) {
      return listed;
    }
    if (holders.length === 0) {
      throw new Violation(`${resource} has ${total} tokens and lists only ${listed.length}`);
    }
  }
}

function position({ socket, relay }: Lab["places"][number]): string {
  return socket.relay(relay).position;
}

/** Without a crash now: lost and expired tokens end, everything is given back, what was held goes off, and the program ends well. */
async function endInOrder(stage: Stage, load: Load, power: Power): Promise<void> {
  const { desk, model } = stage;
  load.open();
  await load.finish();
  const fading = (): readonly string[] =>
    [...model.open]
      .filter(({ expected, expires }) => expected === "either" || expires < Date.now() + 60_000)
      .map(({ id }) => id);
  const giveUp = performance.now() + 10_000;
  do {
    await compareAll(stage, power);
    must(performance.now() < giveUp, `lost or expired tokens do not end: ${fading().join(", ")}`);
  } while (fading().length > 0);
  await load.releaseAll();
  for (const place of lab.places.filter(({ kind }) => kind === "anchored" || kind === "churning")) {
    await until(
      () => position(place) === "off",
      10_000,
      `${place.resource} to be off after the last release`,
    );
  }
  const moves = (): string =>
    lab.places.map(({ socket, relay }) => socket.relay(relay).history.length).join();
  const before = moves();
  const status = await controller.stop();
  if (status !== 0) {
    throw new Violation(`the controller ended with ${status} when it was told to stop`);
  }
  if (moves() !== before) {
    throw new Violation("a relay moved when the controller was told to stop");
  }
  if (desk.status !== "offline") {
    await until(() => desk.status === "offline", 5000, "the status offline");
  }
  const store = new DatabaseSync(lab.storeFile, { readOnly: true });
  const integrity = JSON.stringify(store.prepare("PRAGMA integrity_check").all());
  store.close();
  if (!integrity.includes('"ok"')) {
    throw new Violation(`the store is damaged: ${integrity}`);
  }
  await desk.close();
}

function progress({ desk, model, restarts }: Stage, power: Power, began: number): string {
  const seconds = Math.round((performance.now() - began) / 1000);
  return (
    `${seconds} s: ${controller.kills} kills, ${desk.answered} acknowledged operations, ${model.open.size} tokens held, ` +
    `restart ${Math.round(median(restarts))} ms (median), ${power.offs} switch-offs of churning resources`
  );
}

function explain(error: unknown): void {
  console.error(
    `\nFAILED with seed ${seed}, at kill ${controller.kills}, ${(performance.now() / 1000).toFixed(3)} s`,
  );
  console.error(error instanceof Violation ? error.message : error);
  if (error instanceof Violation && error.token !== undefined) {
    const { id, resource, history } = error.token;
    console.error(`\nthe story of token ${id} on ${resource}:\n  ${history.join("\n  ")}`);
  }
  console.error(`\nthe controller's last lines:\n${controller.lastLines(50).join("\n")}`);
}

async function until(condition: () => boolean, withinMs: number, what: string): Promise<void> {
  const giveUp = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > giveUp) {
      throw new Violation(`waited ${withinMs} ms for ${what}`);
    }
    await sleep(2);
  }
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function wholeNumber(name: string, text: string): number {
  must(/^\d{1,9}$|^\d{10}$/.test(text), `--${name} takes a whole number, not '${text}'`);
  return Number(text);
}
