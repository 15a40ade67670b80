// Bounds that the broker library does not have: how large a packet and how long a session's queue may get. Nothing about who may connect.

import type { Socket } from "node:net";

/**
 * The library keeps a packet in memory until it is whole, up to MQTT's 256 MB
 * (MQTT 3.1.1, 2.2.3: https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718023).
 * This reads the lengths of the packets as they pass and calls `tooLarge` once.
 * To be called after the library has put its `readable` listener on the socket: `data` is then emitted for what the library
 * reads, and does not make the socket flow (https://nodejs.org/api/stream.html, "Event: 'readable'").
 */
export function limitPackets(socket: Socket, mostBytes: number, tooLarge: (bytes: number) => void): void {
  /** Of the packet that is passing: bytes of it still to come, once its length is known. */
  let rest = 0;
  /** Bytes of the fixed header seen so far: type, then one to four of the length. */
  let header = 0;
  let length = 0;
  const look = (chunk: Buffer): void => {
    let place = 0;
    while (place < chunk.length) {
      if (rest > 0) {
        const skipped = Math.min(rest, chunk.length - place);
        rest -= skipped;
        place += skipped;
        continue;
      }
      const byte = chunk[place] ?? 0;
      place += 1;
      if (header > 0) {
        length += (byte & 0x7f) * 128 ** (header - 1);
      }
      header += 1;
      const complete = header > 1 && (byte & 0x80) === 0;
      if (length > mostBytes || (!complete && header > 4)) {
        socket.off("data", look);
        tooLarge(length);
        return;
      }
      if (complete) {
        rest = length;
        header = 0;
        length = 0;
      }
    }
  };
  socket.on("data", look);
}

/** The part of the library's persistence that queues: https://github.com/moscajs/aedes-persistence, "outgoing". */
export interface Queues {
  outgoingEnqueueCombi(subscriptions: readonly QueuedFor[], packet: object): Promise<void>;
  outgoingClearMessageId(client: { readonly id: string }, packet: object): Promise<object | undefined>;
}

interface QueuedFor {
  readonly clientId: string;
}

/**
 * Let no session's queue grow beyond `most`: what comes then is dropped for that session, as mosquitto does beyond `max_queued_messages`
 * (https://mosquitto.org/man/mosquitto-conf-5.html). The library has no bound of its own.
 */
export function limitQueues(queues: Queues, most: number, full: (clientId: string) => void): void {
  const queued = new Map<string, number>();
  const enqueue = queues.outgoingEnqueueCombi.bind(queues);
  const clear = queues.outgoingClearMessageId.bind(queues);
  queues.outgoingEnqueueCombi = (subscriptions, packet) => {
    const takers = subscriptions.filter(({ clientId }) => {
      const count = queued.get(clientId) ?? 0;
      if (count === most) {
        queued.set(clientId, count + 1); // Says so once, until there is room again.
        full(clientId);
      }
      return count < most;
    });
    for (const { clientId } of takers) {
      queued.set(clientId, (queued.get(clientId) ?? 0) + 1);
    }
    return enqueue(takers, packet);
  };
  queues.outgoingClearMessageId = async (client, packet) => {
    const cleared = await clear(client, packet);
    if (cleared !== undefined) {
      const count = Math.min(queued.get(client.id) ?? 1, most) - 1;
      if (count === 0) {
        queued.delete(client.id);
      } else {
        queued.set(client.id, count);
      }
    }
    return cleared;
  };
}
