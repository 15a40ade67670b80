// The one loop: it takes all events that wait, steps through them, has everything they persist on disk in one transaction, and
// then carries out the rest. Nothing throws across it. What should be done is decided in the core; how, by the adapters.

import type { Change, Snapshot } from "../core/changes.ts";
import type { Book } from "../core/book.ts";
import { type Effect, survivesRefusal } from "../core/effects.ts";
import type { Event } from "../core/events.ts";
import { checkEffects } from "../core/invariants.ts";
import type { Request } from "../core/requests.ts";
import { reloadDurable } from "../core/restart.ts";
import { nextWakeUp, step } from "../core/step.ts";
import { between, type Instant, millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import type { Alarm } from "./alarm.ts";
import { watchClocks } from "./clock-watch.ts";

/** An event without its time, which the loop gives it when its turn comes. */
export type Happening = Event extends infer Each ? (Each extends Event ? Omit<Each, "at"> : never) : never;

export interface LoopParts {
  readonly book: Book;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly createAlarm: (ring: () => void) => Alarm;
  /** Carries out what is left when everything to persist is on disk. */
  readonly carryOut: (effects: readonly Effect[], at: Instant) => void;
  /** Once a second. */
  readonly tend: () => void;
  /** The loop cannot go on; it has stopped. */
  readonly failed: (error: unknown) => void;
}

export interface Loop {
  submit(happening: Happening): void;
  /** @param taken see `Inbox.request` */
  request(request: Request, taken: (taken: boolean) => void): void;
  /**
   * Between two batches: nothing is stepped while `act` runs, and what it gives back is stepped next, before anything that waits.
   * @returns true when that is done; false: the loop was stopped before. Rejects as `act` does, and the loop goes on.
   */
  betweenBatches(act: () => Promise<Happening | undefined>): Promise<boolean>;
  start(): void;
  /** Takes nothing more in; resolves when the batch under way is done. */
  stop(): Promise<void>;
}

interface Waiting {
  readonly happening: Happening;
  readonly taken: ((taken: boolean) => void) | undefined;
}

interface Interlude {
  readonly act: () => Promise<Happening | undefined>;
  readonly done: PromiseWithResolvers<boolean>;
}

/** So that one transaction and one turn stay short, however many requests wait. */
const largestBatch = 1000;

/** A commit takes 0.2 ms on a fast disk and 20 ms on a slow one. */
const commitSlowMs = 5000;

/** Between two looks at the clocks, the retained picture, and a store that refuses. */
const tickMs = 1000;

export function createLoop(parts: LoopParts): Loop {
  const { book, store, clock, log, carryOut } = parts;
  const alarm = parts.createAlarm(wake);
  const clocks = watchClocks(clock, book.wallOffset, log);
  let queue: Waiting[] = [];
  let interludes: Interlude[] = [];
  let running: Promise<void> | undefined;
  let stopped = false;
  let tickedAt = clock.now();

  function submit(happening: Happening): void {
    queue.push({ happening, taken: undefined });
    wake();
  }

  function request(asked: Request, taken: (taken: boolean) => void): void {
    queue.push({ happening: { kind: "requested", request: asked }, taken });
    wake();
  }

  function betweenBatches(act: Interlude["act"]): Promise<boolean> {
    const done = Promise.withResolvers<boolean>();
    if (stopped) {
      done.resolve(false);
    } else {
      interludes.push({ act, done });
      wake();
    }
    return done.promise;
  }

  function wake(): void {
    if (!stopped && running === undefined) {
      running = run().catch(fail);
    }
  }

  async function run(): Promise<void> {
    await Promise.resolve(); // what else arrives in this turn of the process belongs to the batch
    do {
      await tick();
      await playInterlude();
      const batch = takeBatch();
      await work(batch);
    } while (hasWork());
    running = undefined;
    setAlarm();
  }

  async function playInterlude(): Promise<void> {
    const next = goesOn() ? interludes.shift() : undefined;
    if (next === undefined) {
      return;
    }
    let happening: Happening | undefined;
    try {
      happening = await next.act();
    } catch (error) {
      next.done.reject(error);
      return;
    }
    if (happening !== undefined) {
      await work([...clocks.look(), happening].map(aside)); // a gap comes first here, too
    }
    next.done.resolve(true);
  }

  const goesOn = (): boolean => !stopped;

  const hasWork = (): boolean => goesOn() && (queue.length > 0 || interludes.length > 0 || isDue());

  const isDue = (): boolean => (nextWakeUp(book) ?? Number.POSITIVE_INFINITY) <= clock.now();

  function takeBatch(): Waiting[] {
    const batch = queue.slice(0, largestBatch);
    queue = queue.slice(largestBatch);
    const noticed: Happening[] = clocks.look();
    // A gap is noticed first: what waits for us on the link comes before what has become due meanwhile.
    return [...noticed.map(aside), ...batch, ...(isDue() ? [aside({ kind: "wokeUp" })] : [])];
  }

  async function work(batch: readonly Waiting[]): Promise<void> {
    const at = clock.now();
    const effects: Effect[] = [];
    const done: Waiting[] = [];
    for (const waiting of batch) {
      if (mustComeAgain(waiting)) {
        waiting.taken?.(false);
      } else {
        const made = step(book, { ...waiting.happening, at });
        checkEffects(book, at, made);
        effects.push(...made);
        done.push(waiting);
      }
    }
    const changes = effects.flatMap((effect): Change[] => (effect.kind === "persist" ? [effect.change] : []));
    if (changes.length > 0 && !(await commit(changes, at))) {
      await takeBack(done, effects, at);
      return;
    }
    carryOut(effects, at);
    for (const { taken } of done) {
      taken?.(true);
    }
  }

  /** While the store refuses, a request whose refusal nobody would hear stays with the broker. */
  const mustComeAgain = ({ happening, taken }: Waiting): boolean =>
    taken !== undefined && book.store === "refusing" && !canBeTold(happening);

  async function commit(changes: readonly Change[], at: Instant): Promise<boolean> {
    const done = new AbortController();
    void sayThatItTakesLong(done.signal);
    try {
      await store.commit(changes, { at, wall: clock.wall(), boot: clock.boot });
      return true;
    } catch (error) {
      log.error({ err: error, changes: changes.length }, "The store refuses; nothing of this batch was done");
      return false;
    } finally {
      done.abort();
    }
  }

  /**
   * A commit that hangs cannot be given up: whether it will be on disk is not known, so everything waits for it, requests stay
   * unacknowledged at the broker, and no outlet moves. The deadline is for telling, well below the keep-alive of the links.
   */
  async function sayThatItTakesLong(done: AbortSignal): Promise<void> {
    for (let waited = commitSlowMs; ; waited += commitSlowMs) {
      await clock.sleep(millis(commitSlowMs), done);
      if (done.aborted) {
        return;
      }
      log.error(
        { durationMs: waited },
        "The disk takes long for a commit; everything waits for it, and no outlet is moved",
      );
    }
  }

  /** The book must never be ahead of the disk: load the durable part again, and refuse what was asked. */
  async function takeBack(done: readonly Waiting[], effects: readonly Effect[], at: Instant): Promise<void> {
    const told = new Set<Waiting>();
    const snapshot = await loadWhenItCan(done, told);
    if (snapshot === undefined) {
      return;
    }
    reloadDurable(book, snapshot, effects);
    const kept = new Set(snapshot.outbox.map(({ id }) => id));
    const made: Effect[] = [
      ...effects.filter((effect) => survivesRefusal(effect, kept)),
      ...step(book, { kind: "storeRefused", at }),
    ];
    for (const outbox of effects.flatMap(takenReplies)) {
      made.push(...step(book, { kind: "replied", outbox, at })); // the broker says it once
    }
    const asked = done.filter((one) => !told.has(one));
    for (const { happening } of asked) {
      if (canBeTold(happening)) {
        made.push(...step(book, { ...happening, at }));
      }
    }
    carryOut(made, at);
    for (const { happening, taken } of asked) {
      taken?.(canBeTold(happening));
    }
  }

  /**
   * Until the store can be read, the book is ahead of the disk and nothing may follow from it: no outlet moves, nothing is published
   * of it, and what is asked is refused without a look at it. Refused requests are put into `told`.
   * @returns undefined when the loop was stopped meanwhile
   */
  async function loadWhenItCan(done: readonly Waiting[], told: Set<Waiting>): Promise<Snapshot | undefined> {
    for (let failures = 0; goesOn(); failures += 1) {
      try {
        return (await store.load()).snapshot;
      } catch (error) {
        if (failures === 0) {
          log.error(
            { err: error },
            "The store cannot be read either; until it can, requests are refused and no outlet is moved",
          );
        }
      }
      refuseUnseen(
        done.filter((waiting) => !told.has(waiting)),
        told,
      );
      refuseUnseen(queue, told);
      queue = queue.filter((waiting) => !told.has(waiting));
      await clock.sleep(millis(tickMs));
    }
    return undefined;
  }

  function refuseUnseen(waiting: readonly Waiting[], told: Set<Waiting>): void {
    for (const one of waiting) {
      const { happening, taken } = one;
      if (happening.kind === "requested" && canBeTold(happening)) {
        carryOut(refusalUnseen(happening.request), clock.now());
        told.add(one);
        taken?.(true);
      }
    }
  }

  async function tick(): Promise<void> {
    if (between(tickedAt, clock.now()) < tickMs) {
      return;
    }
    tickedAt = clock.now();
    parts.tend();
    if (book.store === "refusing" && (await probe())) {
      log.info({}, "The store takes writes again");
      queue.unshift(aside({ kind: "storeRecovered" }));
    }
  }

  async function probe(): Promise<boolean> {
    try {
      await store.commit([], { at: clock.now(), wall: clock.wall(), boot: clock.boot });
      return true;
    } catch (error) {
      log.debug({ err: error }, "The store still refuses");
      return false;
    }
  }

  function setAlarm(): void {
    if (!stopped) {
      const now = clock.now();
      const tickIn = millis(tickMs - between(tickedAt, now));
      const dueIn = between(now, nextWakeUp(book) ?? now);
      alarm.set(nextWakeUp(book) === undefined ? tickIn : Math.min(tickIn, dueIn));
    }
  }

  function fail(error: unknown): void {
    end();
    parts.failed(error);
  }

  function end(): void {
    stopped = true;
    alarm.clear();
    for (const { done } of interludes) {
      done.resolve(false);
    }
    interludes = [];
  }

  return {
    submit,
    request,
    betweenBatches,
    start: setAlarm,
    async stop() {
      end();
      await running;
    },
  };
}

function refusalUnseen(request: Request): Effect[] {
  const { replyTo, resource } = request;
  const { error, message } =
    request.kind === "refused"
      ? request
      : {
          error: "unavailable" as const,
          message: "the store can be neither written nor read now; nothing was changed",
        };
  const token = "token" in request ? request.token : undefined;
  return replyTo === undefined
    ? []
    : [
        {
          kind: "reply",
          to: replyTo,
          reply: { ok: false, resource, token, error, message },
          outbox: undefined,
        },
      ];
}

const aside = (happening: Happening): Waiting => ({ happening, taken: undefined });

/** The held-back reply that the broker was found to have, if this effect strikes one off. */
const takenReplies = (effect: Effect): number[] =>
  effect.kind === "persist" && effect.change.kind === "outbox" && effect.change.record === undefined
    ? [effect.change.id]
    : [];

const canBeTold = (happening: Happening): boolean =>
  happening.kind === "requested" &&
  (happening.request.kind === "refused" || happening.request.replyTo !== undefined);
