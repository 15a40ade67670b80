// The MQTT connection that devices are spoken to over, as switchers and checkers see it. Nothing waits in it: what is
// published while there is no connection fails at once, so that no command can reach a device later than it was decided.

export interface Bus {
  /** Kept over reconnections. May be called before the connection is up. Several listeners may share a filter. */
  subscribe(filter: string, listener: (message: BusMessage) => void): void;
  /**
   * Publish now, QoS 0, not retained.
   * @throws BusError `disconnected` when there is no connection at this moment; nothing is kept for later
   */
  publish(topic: string, payload: string): void;
  /** Called after every (re)connection, when all subscriptions are acknowledged; and at once if that is so already. */
  onConnected(listener: () => void): void;
  onLost(listener: () => void): void;
}

export interface BusMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** The message was retained by the broker: it tells of the past, perhaps of a dead device. */
  readonly retained: boolean;
}

export class BusError extends Error {
  readonly code = "disconnected";
}
