// The MQTT connection that devices are spoken to over, as switchers and checkers see it. Nothing waits in it: what is
// published while there is no connection fails at once, so that no command can reach a device later than it was decided.

/** Listens no more: from this call on the listener is not called. The second call does nothing. */
export type StopListening = () => void;

export interface Bus {
  /** Kept over reconnections. May be called before the connection is up. Several listeners may share a filter. */
  subscribe(filter: string, listener: (message: BusMessage) => void): StopListening;
  /**
   * Publish now, QoS 0, not retained.
   * @throws BusError `disconnected` when there is no connection at this moment; nothing is kept for later
   */
  publish(topic: string, payload: string): void;
  /**
   * Publish now, QoS 1, not retained; resolves when the broker has taken it, which does not say that anybody has heard it.
   * @throws BusError `disconnected` when there is no connection, or it broke before the broker's answer, and nothing is kept or
   * sent again then; `refused` when the broker does not take it
   */
  send(topic: string, payload: string): Promise<void>;
  /** Called once in every connection, when all subscriptions made so far are acknowledged; at once if that is so already. */
  onConnected(listener: () => void): StopListening;
  onLost(listener: () => void): StopListening;
}

export interface BusMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** The message was retained by the broker: it tells of the past, perhaps of a dead device. */
  readonly retained: boolean;
}

export class BusError extends Error {
  readonly code: "disconnected" | "refused";

  constructor(message: string, code: BusError["code"] = "disconnected", options?: ErrorOptions) {
    super(message, options);
    this.name = "BusError";
    this.code = code;
  }
}
