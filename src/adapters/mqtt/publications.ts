// The retained picture: what the broker should hold for every resource, pool and switcher, what was last sent, and what others wrote there.
// Publishes what changed, everything again when asked, and puts right what was overwritten. Not for what the picture says.

import { type Instant, between } from "../../core/time.ts";
import type { PoolPicture, ResourcePicture, SwitcherPicture } from "../../core/pictures.ts";
import type { State } from "../../core/requests.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Topics } from "./topics.ts";

export interface Publications {
  readonly resource: (picture: ResourcePicture) => void;
  readonly pool: (picture: PoolPicture) => void;
  readonly switcher: (picture: SwitcherPicture) => void;
  /** A retained topic of the controller itself: sent at every call. */
  readonly own: (topic: string, payload: string) => void;
  /** `resource`: a resource or a pool. */
  readonly forget: (what: "resource" | "switcher", name: string) => void;
  /** A new connection: what the broker holds is its old store, and no finding, until `republish`. */
  readonly connected: () => void;
  /** Everything once more, in portions, each after the broker has taken the last one. */
  readonly republish: () => void;
  /** Something came from the broker on one of our retained topics, perhaps our own. */
  readonly received: (topic: string, payload: string) => void;
  /** Once a second. */
  readonly tend: () => void;
}

export interface PublicationParts {
  readonly topics: Topics;
  readonly clock: Clock;
  /**
   * Publish with QoS 1 and the retain flag.
   * @returns resolves to false when the broker did not take it: not connected, refused, or the connection broke
   */
  readonly publish: (topic: string, payload: string) => Promise<boolean>;
  /** Somebody else wrote on this topic, and it was put right. `name`: the resource or pool it belongs to. */
  readonly overwritten: (topic: string, name: string | undefined) => void;
}

/** One retained topic. */
interface Entry {
  readonly topic: string;
  readonly name: string | undefined;
  /** What should stand there; `""`: nothing. */
  payload: string;
  /** What decides whether it changed: the payload without its `time`. */
  meaning: string;
  /** Something that we did not send stands there since then, and when we last heard so. */
  wrong: { readonly since: Instant; readonly heard: Instant; readonly byOthers: boolean } | undefined;
  rightedAt: Instant | undefined;
}

/** Our own messages may still be on their way back (MQTT 3.1.1 has no No Local); after this long without news they are not. */
const quietMs = 1000;
/** A writer that never pauses is answered all the same. */
const patienceMs = 4000;
/** Protocol section 10: at most once per 5 s and topic. */
const rightingMs = 5000;
/** Topics in one portion of a republication: a broker's inbox is not flooded after a reconnection. */
const portion = 200;
/** Retained `1`s of names that are not known yet; more than any lab has resources. */
const mostForeignReady = 10_000;

export function createPublications(parts: PublicationParts): Publications {
  const { topics, clock, publish } = parts;
  const entries = new Map<string, Entry>();
  /** `ready` topics on which a `1` stands that is not from this run: cleared when their resource or pool turns out not to be ready. */
  const foreignReady = new Set<string>();
  /** Topics of names that are gone, until the broker has taken their clearing. */
  const clearing = new Set<string>();
  /** `ready` topics of names that are gone: a `1` that turns up there is cleared. */
  const goneReady = new Set<string>();
  let round = 0;
  let settling = true;

  function put(topic: string, name: string | undefined, payload: string, meaning: string): void {
    const before = entries.get(topic);
    if (before?.meaning === meaning) {
      return;
    }
    const entry = before ?? add(topic, name);
    entry.payload = payload;
    entry.meaning = meaning;
    void send(entry);
  }

  function add(topic: string, name: string | undefined): Entry {
    const entry: Entry = { topic, name, payload: "", meaning: "", wrong: undefined, rightedAt: undefined };
    entries.set(topic, entry);
    clearing.delete(topic);
    goneReady.delete(topic);
    return entry;
  }

  /** Never rejects: what the broker does not take is published again after the next connection. */
  async function send(entry: Entry): Promise<void> {
    entry.wrong = undefined;
    await publish(entry.topic, entry.payload);
  }

  function putReady(name: string, isReady: boolean): void {
    const { ready } = topics.resource(name);
    const known = entries.get(ready);
    if (isReady) {
      foreignReady.delete(ready);
      put(ready, name, "1", "1");
    } else if (known?.payload === "1") {
      put(ready, name, "", "");
    } else if (known === undefined) {
      // Not blindly: an empty message would wake everybody who waits for the first one.
      const entry = add(ready, name);
      if (foreignReady.delete(ready)) {
        void send(entry);
      }
    }
  }

  function resource({ name, object, holders }: ResourcePicture): void {
    putObject(name, object);
    const text = JSON.stringify(holders);
    put(topics.resource(name).holders, name, text, text);
    putState(name, object.state, object.state === "available");
  }

  function pool({ name, object, ready }: PoolPicture): void {
    putObject(name, object);
    putState(name, object.state, ready);
  }

  function putObject(name: string, object: { readonly time: string }): void {
    const { time: _time, ...meaning } = object;
    put(topics.resource(name).object, name, JSON.stringify(object), JSON.stringify(meaning));
  }

  function putState(name: string, state: State, isReady: boolean): void {
    put(topics.resource(name).state, name, state, state);
    // Last: who waits for it finds the rest in place.
    putReady(name, isReady);
  }

  function forget(what: "resource" | "switcher", name: string): void {
    const { object, holders, state, ready } = topics.resource(name);
    if (what === "resource") {
      const stands = entries.get(ready)?.payload === "1" || foreignReady.delete(ready);
      entries.delete(ready);
      goneReady.add(ready);
      if (stands) {
        void clear(ready);
      }
    }
    for (const topic of what === "switcher" ? [topics.switcher(name)] : [object, holders, state]) {
      entries.delete(topic);
      void clear(topic);
    }
  }

  async function clear(topic: string): Promise<void> {
    clearing.add(topic);
    if (await publish(topic, "")) {
      clearing.delete(topic);
    }
  }

  async function republish(): Promise<void> {
    round += 1;
    const mine = round;
    const superseded = (): boolean => mine !== round;
    const all = [...clearing, ...entries.keys()];
    for (let from = 0; from < all.length && !superseded(); from += portion) {
      await Promise.all(all.slice(from, from + portion).map(again));
    }
  }

  async function again(topic: string): Promise<void> {
    const entry = entries.get(topic);
    if (entry === undefined) {
      if (clearing.has(topic)) {
        await clear(topic);
      }
    } else if (entry.payload !== "") {
      // A `ready` that is not there is not cleared again: see putReady.
      await send(entry);
    }
  }

  function received(topic: string, payload: string): void {
    const entry = entries.get(topic);
    if (entry === undefined) {
      if (payload === "1" && goneReady.has(topic)) {
        void clear(topic);
      } else if (payload === "1" && topics.isReady(topic) && foreignReady.size < mostForeignReady) {
        foreignReady.add(topic);
      } else if (payload === "") {
        foreignReady.delete(topic);
      }
      return;
    }
    if (payload === entry.payload) {
      entry.wrong = undefined;
      return;
    }
    if (settling) {
      // All but a `1` is about to be replaced; that is put right now, as at the first start.
      if (entry.payload === "" && payload === "1") {
        void send(entry);
      }
      return;
    }
    const now = clock.now();
    entry.wrong = {
      since: entry.wrong?.since ?? now,
      heard: now,
      // `offline` on our status is our own will, from a connection that the broker has only now given up.
      byOthers: (entry.wrong?.byOthers ?? false) || topic !== topics.status || payload !== "offline",
    };
  }

  function tend(): void {
    const now = clock.now();
    for (const entry of entries.values()) {
      const { wrong } = entry;
      if (wrong === undefined || !isDue(wrong, entry.rightedAt, now)) {
        continue;
      }
      entry.rightedAt = now;
      void send(entry);
      if (wrong.byOthers) {
        parts.overwritten(entry.topic, entry.name);
      }
    }
  }

  return {
    resource,
    pool,
    switcher({ name, object }) {
      const payload = JSON.stringify(object);
      put(topics.switcher(name), undefined, payload, payload);
    },
    own(topic, payload) {
      const entry = entries.get(topic);
      if (entry?.payload === payload) {
        void send(entry);
      } else {
        put(topic, undefined, payload, payload);
      }
    },
    forget,
    connected() {
      settling = true;
    },
    republish() {
      settling = false;
      void republish();
    },
    received,
    tend,
  };
}

function isDue(wrong: NonNullable<Entry["wrong"]>, rightedAt: Instant | undefined, now: Instant): boolean {
  const settled = between(wrong.heard, now) >= quietMs || between(wrong.since, now) >= patienceMs;
  return settled && (rightedAt === undefined || between(rightedAt, now) >= rightingMs);
}
