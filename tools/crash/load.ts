// The jobs that use the lab while the controller dies: they acquire, renew, release, get lost and come back, one request at a time each,
// and note in the model what was acknowledged. When the controller is killed is not their business.

import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Desk } from "./desk.ts";
import type { Place } from "./lab.ts";
import { type Model, note, type Tracked, Violation } from "./model.ts";
import type { Hold } from "./power.ts";
import type { Chance } from "./random.ts";

export interface Load {
  /** Let jobs send requests, or not: those that wait for a reply go on waiting. */
  open(): void;
  close(): void;
  /** So many jobs more, at once and whether or not the load is open. */
  burst(jobs: number): void;
  /** No new jobs; resolves when all have ended what they had begun (the load has to be open for that). */
  finish(): Promise<void>;
  /** Give back all tokens that are left, the anchors too. */
  releaseAll(): Promise<void>;
  /** While which time each churning resource was acknowledged to be held. */
  readonly holds: ReadonlyMap<string, readonly Hold[]>;
}

/** So many jobs at a time, each with one request on its way. */
const jobsAtATime = 48;
const churnersPerResource = 2;
/** Tokens that stay: so many for each resource. */
const keptPerResource = 120;
const firstTtlS = 3600;
const renewalS = 600;

export async function startLoad(
  desk: Desk,
  model: Model,
  places: readonly Place[],
  chance: Chance,
  broken: (violation: Violation) => void,
): Promise<Load> {
  const anchored = places.filter(({ kind }) => kind === "anchored").map(({ resource }) => resource);
  const churning = places.filter(({ kind }) => kind === "churning");
  const holds = new Map<string, Hold[]>(churning.map(({ resource }) => [resource, []]));
  const kept: Tracked[] = [];
  const ttls = new Map<Tracked, number>();
  let gate = Promise.withResolvers<void>();
  let isOpen = false;
  const finishing = new AbortController();

  // --- one request each ---

  async function acquire(
    token: Tracked,
    ttlS: number,
    wait: "granted" | "powered" | "available",
  ): Promise<void> {
    ttls.set(token, ttlS);
    model.asked(token);
    const { id, owner, purpose } = token;
    const how = wait === "granted" ? {} : { wait, timeout: 120 };
    accept(
      token,
      "acquire",
      await desk.ask("acquire", token.resource, { token: id, owner, purpose, ttl: ttlS, ...how }, token),
    );
  }

  async function renew(token: Tracked): Promise<void> {
    const ttl = (ttls.get(token) ?? firstTtlS) + renewalS;
    ttls.set(token, ttl);
    accept(token, "renew", await desk.ask("renew", token.resource, { token: token.id, ttl }, token));
  }

  /** The token is there from now on, until at least then. */
  function accept(token: Tracked, verb: string, { ok, fields }: Answer): void {
    const expires = Date.parse(String(fields.get("expires")));
    if (!ok || fields.get("owner") !== token.owner || Number.isNaN(expires)) {
      broken(
        new Violation(`${verb} of ${token.id} failed: ${JSON.stringify(Object.fromEntries(fields))}`, token),
      );
      return;
    }
    token.expected = "there";
    token.expires = expires;
  }

  async function release(token: Tracked, lost = false): Promise<void> {
    token.expected = "either";
    token.expires = 0;
    const fields = { token: token.id, ...(lost ? { lost } : {}) };
    const { ok, crossed, fields: said } = await desk.ask("release", token.resource, fields, token);
    const doneBefore = crossed && said.get("error") === "unknown-token";
    if (!ok && !doneBefore) {
      broken(
        new Violation(`release of ${token.id} failed: ${JSON.stringify(Object.fromEntries(said))}`, token),
      );
    }
    if (!lost) {
      token.expected = "gone";
    }
  }

  // --- jobs ---

  const ownJob = async (): Promise<void> => {
    const token = model.add(chance.pick(anchored));
    await acquire(token, firstTtlS, chance.yes(0.3) ? "available" : "granted");
    for (let renewals = chance.whole(0, 2); renewals > 0; renewals -= 1) {
      await passed();
      await renew(token);
    }
    await passed();
    await release(token);
  };

  const keep = async (): Promise<void> => {
    const token = model.add(chance.pick(anchored));
    await acquire(token, firstTtlS, "granted");
    kept.push(token);
  };

  const takeKept = (): Tracked | undefined =>
    kept.length === 0 ? undefined : kept.splice(chance.whole(0, kept.length - 1), 1)[0];

  const renewKept = async (): Promise<void> => {
    const token = takeKept();
    if (token !== undefined) {
      await renew(token);
      kept.push(token);
    }
  };

  const releaseKept = async (): Promise<void> => {
    const token = takeKept();
    if (token !== undefined) {
      await release(token);
    }
  };

  const keepOrRelease = (): Promise<void> =>
    kept.length < keptPerResource * anchored.length ? keep() : releaseKept();

  /** It expires by itself, and not before. */
  const brief = async (): Promise<void> => {
    await acquire(model.add(chance.pick(anchored)), chance.whole(10, 50) / 10, "granted");
  };

  /** Its will was sent: it comes back in time, or too late, or never. All of it must leave the book whole. */
  const getLost = async (): Promise<void> => {
    const token = model.add(chance.pick(anchored));
    await acquire(token, firstTtlS, "granted");
    await passed();
    await release(token, true);
    if (chance.yes(0.5)) {
      await passed();
      await acquire(token, firstTtlS, "granted");
      kept.push(token);
    }
  };

  /** As `mosquitto_pub` does it: nobody hears how it went, but the broker has taken it, so it will be done. */
  const keepUnheard = async (): Promise<void> => {
    const token = model.add(chance.pick(anchored));
    const { id, owner, purpose } = token;
    const from = Date.now();
    await desk.tell("acquire", token.resource, { token: id, owner, purpose, ttl: firstTtlS }, token);
    ttls.set(token, firstTtlS);
    token.expected = "there";
    token.expires = from + firstTtlS * 1000;
  };

  const releaseUnheard = async (): Promise<void> => {
    const token = takeKept();
    if (token !== undefined) {
      token.expected = "either";
      token.expires = 0;
      await desk.tell("release", token.resource, { token: token.id }, token);
      token.expected = "gone";
    }
  };

  const kinds: readonly (readonly [share: number, job: () => Promise<void>])[] = [
    [40, ownJob],
    [20, keepOrRelease],
    [12, renewKept],
    [8, brief],
    [8, getLost],
    [6, keepUnheard],
    [6, releaseUnheard],
  ];

  function job(): Promise<void> {
    let drawn = chance.whole(1, 100);
    for (const [share, begin] of kinds) {
      drawn -= share;
      if (drawn <= 0) {
        return begin();
      }
    }
    return ownJob();
  }

  async function work(): Promise<void> {
    while (!finishing.signal.aborted) {
      await passed();
      await job();
      await sleep(chance.whole(0, 10));
    }
  }

  /** Power comes and goes with these. */
  async function churn({ resource, socket, relay }: Place): Promise<void> {
    while (!finishing.signal.aborted) {
      await passed();
      const token = model.add(resource);
      const wait = chance.pick(["granted", "powered", "available"] as const);
      await acquire(token, firstTtlS, wait);
      const hold: Hold = { token, from: performance.now(), to: Number.POSITIVE_INFINITY };
      holds.get(resource)?.push(hold);
      note(token, `held, and the relay is ${socket.relay(relay).position}`);
      if (wait !== "granted" && socket.relay(relay).position !== "on") {
        broken(
          new Violation(`${token.id} was told that ${resource} is ${wait}, and its relay is off`, token),
        );
      }
      await sleep(chance.whole(50, 600));
      await passed();
      if (chance.yes(0.3)) {
        await renew(token);
        await passed();
      }
      hold.to = performance.now();
      await release(token);
      await sleep(chance.whole(0, 1500));
    }
  }

  const passed = (): Promise<void> => (isOpen ? Promise.resolve() : gate.promise);

  const anchors = anchored.map((resource) => model.add(resource));
  await Promise.all(anchors.map((token) => acquire(token, 2 * firstTtlS, "available")));

  const working = new Set<Promise<void>>();
  const begin = (task: Promise<void>): void => {
    const watched = task
      .catch((error: unknown) => broken(new Violation(String(error))))
      .finally(() => working.delete(watched));
    working.add(watched);
  };
  for (let count = 0; count < jobsAtATime; count += 1) {
    begin(work());
  }
  for (const place of churning) {
    for (let count = 0; count < churnersPerResource; count += 1) {
      begin(churn(place));
    }
  }

  return {
    holds,
    open() {
      isOpen = true;
      gate.resolve();
    },
    close() {
      isOpen = false;
      gate = Promise.withResolvers<void>();
    },
    burst(jobs) {
      for (let count = 0; count < jobs; count += 1) {
        begin(job());
      }
    },
    async finish() {
      finishing.abort();
      await Promise.all(working);
    },
    async releaseAll() {
      await Promise.all(
        [...model.open].filter(({ expected }) => expected === "there").map((token) => release(token)),
      );
    },
  };
}
