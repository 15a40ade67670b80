// A client that keeps its connection and asks many things over it, each reply found by its id (MQTT 3.1.1). It counts the replies, so that
// "exactly once" can be said of hundreds of requests. What is asked, and when, is up to the tests.

import { eventually } from "../support/eventually.ts";
import { connectWire, type WireClient } from "./client.ts";
import type { Lab } from "./lab.ts";
import { type Fields, objectIn } from "./observer.ts";

export interface Asker {
  /** Publishes a request, and resolves to its reply. */
  ask(request: string, fields?: Fields, withinMs?: number): Promise<Fields>;
  /** The same without waiting for the reply; resolves to the id, when the broker has the request. */
  send(request: string, fields?: Fields): Promise<string>;
  /** The replies so far, by the ids of all requests that were sent. */
  readonly replies: ReadonlyMap<string, readonly Fields[]>;
  stop(): Promise<void>;
}

let askers = 0;

export async function createAsker(lab: Lab): Promise<Asker> {
  askers += 1;
  const me = askers;
  const replyTo = `lastout/reply/asker/${me}`;
  const replies = new Map<string, Fields[]>();
  let asked = 0;
  const client: WireClient = await connectWire({ port: lab.port }, ({ topic, payload }) => {
    if (topic === replyTo) {
      const reply = objectIn(payload);
      replies.get(String(reply["id"]))?.push(reply);
    }
  });
  await client.subscribe(replyTo);

  async function send(request: string, fields: Fields = {}): Promise<string> {
    asked += 1;
    const id = `${me}-${asked}`;
    replies.set(id, []);
    await client.publish(`lastout/${request}`, JSON.stringify({ ...fields, replyTo, id }));
    return id;
  }

  return {
    send,
    replies,
    async ask(request, fields = {}, withinMs = 15_000) {
      const id = await send(request, fields);
      const what = `${request} ${JSON.stringify(fields)} is answered`;
      return eventually(what, () => replies.get(id)?.[0], withinMs);
    },
    stop: () => client.disconnect(),
  };
}
