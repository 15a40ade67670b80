// Messages of one connection, handed over one at a time in their order, and acknowledged in it. What answers a message is on its way
// before its acknowledgement is, also when the send window is full: then it is read on, because the room that is missing comes with
// a packet behind these messages. Not what a message says, and not what is sent.

import type { SendWindow } from "./send-window.ts";

/** One message of QoS 0 or 1. */
export interface Arrived {
  /** As long as it waits here. */
  readonly bytes: number;
  /** Write the acknowledgement; what the library would do by itself, where it still waits for us. */
  acknowledge(): void;
}

export interface Turns<Message extends Arrived> {
  /** @param goOn the library waits for this call with the next packet; `false`: it does not acknowledge this one */
  take(message: Message, goOn: (acknowledge: boolean) => void): void;
}

/** Messages that were read on for the sake of what comes behind them. A broker counts up to 65,535 of some hundred bytes. */
const mostAheadBytes = 64 * 1024 * 1024;

interface Turn<Message> {
  readonly message: Message;
  /** Until it is told. Only the youngest has one, since the library waits. */
  goOn: ((acknowledge: boolean) => void) | undefined;
  begun: boolean;
  /** A chain, because taking the first out of a long array costs its length. */
  next: Turn<Message> | undefined;
}

/** One for each connection. */
export function createTurns<Message extends Arrived>(parts: {
  readonly window: SendWindow;
  /** Calls back at most once, when it may be acknowledged; never, when the connection is gone. */
  readonly handOver: (message: Message, done: () => void) => void;
  /** The broker sends without end and acknowledges nothing: the connection has to go. What was not acknowledged comes again. */
  readonly swamped: () => void;
}): Turns<Message> {
  const { window } = parts;
  let first: Turn<Message> | undefined;
  let youngest: Turn<Message> | undefined;
  let aheadBytes = 0;
  let working = false;
  /** The first one's answer waits for room. */
  let stuck = false;

  /** A loop, because thousands may have been read ahead, and most are done at once. */
  function work(): void {
    if (working) {
      return;
    }
    working = true;
    for (let turn = first; turn !== undefined && !turn.begun; turn = first) {
      begin(turn);
    }
    working = false;
  }

  function begin(turn: Turn<Message>): void {
    turn.begun = true;
    parts.handOver(turn.message, () => {
      if (!window.urgentWaits) {
        finish(turn);
        return;
      }
      stuck = true;
      readOn();
      window.afterUrgent(() => {
        stuck = false;
        finish(turn);
      });
    });
  }

  function finish(turn: Turn<Message>): void {
    first = turn.next;
    if (turn.goOn === undefined) {
      aheadBytes -= turn.message.bytes;
      turn.message.acknowledge();
    } else {
      turn.goOn(true);
    }
    work();
  }

  function readOn(): void {
    const goOn = youngest?.goOn;
    if (youngest === undefined || goOn === undefined) {
      return;
    }
    if (aheadBytes + youngest.message.bytes > mostAheadBytes) {
      parts.swamped();
      return;
    }
    youngest.goOn = undefined;
    aheadBytes += youngest.message.bytes;
    goOn(false);
  }

  return {
    take(message, goOn) {
      const turn: Turn<Message> = { message, goOn, begun: false, next: undefined };
      if (first === undefined || youngest === undefined) {
        first = turn;
      } else {
        youngest.next = turn;
      }
      youngest = turn;
      if (stuck) {
        readOn();
      } else {
        work();
      }
    },
  };
}
