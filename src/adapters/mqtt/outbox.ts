// Replies that somebody waits to know delivered: sent until the broker has taken them, over reconnections. What the store remembers
// of them is the core's; here they live as long as the process.

import type { Reply, ReplyTo } from "../../core/requests.ts";
import type { Log } from "../../ports/log.ts";
import { ConnectionError } from "./connection-port.ts";

export interface Outbox {
  /** @param now false: no connection is ready, it goes out with `sendAll` */
  add(id: number, to: ReplyTo, reply: Reply, now: boolean): void;
  /** After every (re)connection. */
  sendAll(): void;
}

/** Replies that wait for a broker that is away; those beyond are sent once, and by the store's record again after a restart. */
const mostWaiting = 10_000;

interface Waiting {
  readonly to: ReplyTo;
  readonly reply: Reply;
  underWay: boolean;
}

export function createOutbox(parts: {
  readonly log: Log;
  /** Resolves when the broker has taken it. @throws ConnectionError */
  readonly send: (to: ReplyTo, reply: Reply) => Promise<void>;
  readonly replied: (id: number) => void;
}): Outbox {
  const waiting = new Map<number, Waiting>();

  async function send(id: number, one: Waiting): Promise<void> {
    if (one.underWay) {
      return;
    }
    one.underWay = true;
    try {
      await parts.send(one.to, one.reply);
    } catch (error) {
      if (!(error instanceof ConnectionError) || error.code === "closed" || error.code === "unreachable") {
        return; // It goes out again after the next connection.
      }
      // This reply will never be taken; trying for ever would only fill the log.
      parts.log.warn({ topic: one.to.topic, reason: error.message }, "The broker refused a reply");
    } finally {
      one.underWay = false;
    }
    if (waiting.get(id) === one) {
      waiting.delete(id);
    }
    parts.replied(id);
  }

  return {
    add(id, to, reply, now) {
      const one: Waiting = { to, reply, underWay: false };
      if (waiting.size < mostWaiting) {
        waiting.set(id, one);
      } else {
        parts.log.warn({ waiting: waiting.size }, "Too many replies wait for the broker, one is not kept");
      }
      if (now) {
        void send(id, one);
      }
    },
    sendAll() {
      for (const [id, one] of waiting) {
        void send(id, one);
      }
    },
  };
}
