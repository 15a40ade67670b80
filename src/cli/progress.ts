// What a user sees while a request waits: the place in the queue, then how the resource comes up. On a terminal a line that moves with
// time, elsewhere a line for each change. It only shows: what is missed here (events are QoS 0) changes nothing.

import { millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import type { Client } from "./client.ts";
import { changeKey, changeText, progressText, queueText, spoken } from "./describe.ts";
import type { Terminal } from "./terminal.ts";
import { type EventObject, readEvent, readStateObject, type StateObject } from "./wire.ts";
import type { Wish } from "./wish.ts";

export interface Progress {
  /** Topics to listen to from the start. */
  readonly filters: readonly string[];
  /** To listen to more: the events, and the member that a pool has given. */
  follow(client: Listener): void;
  heard(message: { readonly topic: string; readonly payload: string }): void;
  stop(): void;
}

type Listener = Pick<Client, "listen" | "unlisten">;

/** How a resource stands before our request counts; a line about it would only puzzle. */
const restingPhases: ReadonlySet<string> = new Set(["idle", "lingering"]);
/** Members of pools announce their grants themselves, and who they are is not known before. */
const everybodysEvents = "+/event";

const readiness: readonly string[] = ["unknown", "off", "powered", "available"];

export function showProgress(
  { names, token }: Pick<Wish, "names" | "token">,
  parts: { readonly terminal: Terminal; readonly clock: Clock },
): Progress {
  const { terminal, clock } = parts;
  const start = clock.now();
  const stopped = new AbortController();
  const objects = new Map<string, StateObject>();
  /** What was granted without being asked for by name: members of pools. */
  const members = new Set<string>();
  let listener: Listener | undefined;
  let listensToAll = false;
  let queued = false;
  /** How many are served before us. */
  let ahead: number | undefined;
  let lastTold: string | undefined;

  const isPool = (name: string): boolean => objects.get(name)?.members !== undefined;

  /** Of all that we wait for, what is furthest from available; a pool until it has given a member. */
  function slowest(): readonly [name: string, object: StateObject] | undefined {
    const waitedFor = [...names.filter((name) => !isPool(name)), ...members];
    const known = (waitedFor.length === 0 ? names : waitedFor).flatMap((name) => {
      const object = objects.get(name);
      return object === undefined ? [] : [[name, object] as const];
    });
    return known.toSorted(([, a], [, b]) => readiness.indexOf(a.state) - readiness.indexOf(b.state))[0];
  }

  function draw(): void {
    const elapsed = millis(clock.now() - start);
    const [name, object] = slowest() ?? [names.join(","), undefined];
    terminal.progress(
      queued
        ? `${queueText(names.join(","), ahead)}, ${spoken(elapsed)}`
        : progressText(name, object, elapsed, clock.wall()),
    );
  }

  function tell(): void {
    if (terminal.hasProgress) {
      draw();
      return;
    }
    if (queued) {
      const text = queueText(names.join(","), ahead);
      if (text !== lastTold) {
        terminal.say(text);
      }
      lastTold = text;
      return;
    }
    const shown = slowest();
    if (shown !== undefined) {
      const [name, object] = shown;
      const key = `${name} ${changeKey(object)}`;
      if (key !== lastTold && !restingPhases.has(object.phase ?? "") && !isPool(name)) {
        terminal.say(changeText(name, object));
      }
      lastTold = key;
    }
  }

  async function tick(): Promise<void> {
    while (!stopped.signal.aborted) {
      draw();
      await clock.sleep(millis(1000), stopped.signal);
    }
  }

  function listen(filters: readonly string[]): void {
    listener?.listen(filters);
  }

  function state(name: string, payload: string): void {
    const object = readStateObject(payload);
    if (object === undefined || (!names.includes(name) && !members.has(name))) {
      return;
    }
    objects.set(name, object);
    if (isPool(name) && !listensToAll) {
      listensToAll = true;
      listen([everybodysEvents]);
    }
    if (ahead !== undefined && object.queue !== undefined && object.queue > 0) {
      ahead = Math.min(ahead, object.queue - 1);
    }
    tell();
  }

  function event(name: string, read: EventObject): void {
    if (read["token"] === token) {
      ours(name, read);
    } else if (ahead !== undefined && names.includes(name)) {
      // Only the head of a queue is served, so whoever is granted now stood before us; a higher priority comes in before us.
      if (read.event === "granted") {
        ahead = Math.max(0, ahead - 1);
      } else if (read.event === "queued" && Number(read["position"]) <= ahead + 1) {
        ahead += 1;
      }
    }
    tell();
  }

  function ours(name: string, read: EventObject): void {
    switch (read.event) {
      case "queued":
        queued = true;
        members.clear();
        // Of a pool, or of several, others are served on some of the resources and not on all: there is no one number.
        ahead =
          names.length === 1 && !isPool(name) && typeof read["position"] === "number"
            ? Math.max(0, read["position"] - 1)
            : undefined;
        return;
      case "granted":
        queued = false;
        ahead = undefined;
        if (!names.includes(name)) {
          members.add(name);
          listen([name]);
        }
        return;
      case "rejected":
        members.delete(name); // A pool that tries another member; a failed request ends by its reply.
        return;
      default:
        return;
    }
  }

  if (terminal.hasProgress) {
    void tick();
  }
  return {
    filters: names,
    follow: (client) => {
      listener = client;
      listen(names.map((name) => `${name}/event`));
    },
    heard: ({ topic, payload }) => {
      if (stopped.signal.aborted) {
        return;
      }
      const [name = "", below] = topic.split("/");
      if (below === undefined) {
        state(name, payload);
      } else if (below === "event") {
        const read = readEvent(payload);
        if (read !== undefined) {
          event(name, read);
        }
      }
    },
    stop: () => {
      if (listensToAll && !stopped.signal.aborted) {
        listener?.unlisten([everybodysEvents]);
      }
      stopped.abort();
      terminal.progress(undefined);
    },
  };
}
