// Hears everything on a broker, over its restarts too, and tells events, replies and the live picture apart. It has no say in anything.

import { eventually } from "../support/eventually.ts";
import { connectWire, type Heard, type WireClient } from "./client.ts";

export type Fields = Readonly<Record<string, unknown>>;

export interface Observer {
  readonly heard: readonly Heard[];
  /** What was last heard on this topic; an empty message counts as nothing. */
  last(topic: string): string | undefined;
  /** The payloads on a topic that are JSON objects, from this place in `heard` on. */
  objects(topic: string, from?: number): readonly Fields[];
  /** Resolves when it listens. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

export function observe(port: number, listener?: (heard: Heard) => void): Observer {
  const heard: Heard[] = [];
  const latest = new Map<string, string>();
  let stopped = false;
  let client: WireClient | undefined;
  let listening = false;
  const goesOn = (): boolean => !stopped;
  const running = listen();

  async function listen(): Promise<void> {
    while (goesOn()) {
      try {
        client = await connectWire({ port }, (message) => {
          heard.push(message);
          latest.set(message.topic, message.payload);
          listener?.(message);
        });
        await client.subscribe("#");
        listening = true;
        await client.closed;
      } catch {
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
      }
      listening = false;
    }
  }

  return {
    heard,
    last: (topic) => {
      const payload = latest.get(topic);
      return payload === "" ? undefined : payload;
    },
    objects: (topic, from = 0) =>
      heard.slice(from).flatMap((message) => (message.topic === topic ? [objectIn(message.payload)] : [])),
    ready: async () => {
      await eventually("the observer listens", () => listening, 10_000);
    },
    async stop() {
      stopped = true;
      client?.vanish();
      await running;
    },
  };
}

/** The object in a JSON text; one with a single field `unreadable` when it is none. */
export function objectIn(text: string): Fields {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null
      ? Object.fromEntries(Object.entries(parsed))
      : { unreadable: text };
  } catch {
    return { unreadable: text };
  }
}

/** The objects in a list within such an object; none when it is no list. */
export function listIn(list: unknown): readonly Fields[] {
  return Array.isArray(list) ? list.map((entry: object) => Object.fromEntries(Object.entries(entry))) : [];
}
