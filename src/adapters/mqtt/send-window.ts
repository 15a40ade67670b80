// How many publications of QoS 1 may be under way at once: what the broker announced, and a part of it kept free for what is urgent. The
// others wait here in their order, for no longer than their connection lives. Not what is sent.

/** QoS 1 publications under way at once, where the broker allows more: a whole picture published again must not swamp it. */
const mostInFlight = 256;
/**
 * Of the broker's Receive Maximum this is kept free for what is urgent: one reply for each request that the broker may have under way to
 * us. mosquitto allows 20 unless it is told otherwise and HiveMQ 10, of which 12 and 2 are left for the rest. Below 9 there is one
 * place that what is not urgent may take as well, and replies can wait: then the acknowledgement of their request waits, too (turns.ts).
 */
export const keptForUrgent = 8;
/** The Receive Maximum of a broker that names none (MQTT 5 section 3.2.2.3.3). */
const unlimited = 65_535;

export interface SendWindow {
  /**
   * Calls `send` when there is room (MQTT 5 section 4.9); `done` is for when the broker has acknowledged it.
   * @param receiveMaximum of the broker; `undefined`: it names none
   */
  send(urgent: boolean, receiveMaximum: number | undefined, send: (done: () => void) => void): void;
  /** Something urgent waits for room. */
  readonly urgentWaits: boolean;
  /** Calls `act` when all that is urgent and waits now has been sent: at once when nothing does. */
  afterUrgent(act: () => void): void;
}

/** One for each connection. */
export function createSendWindow(): SendWindow {
  const waiting: (() => void)[] = [];
  const urgents: (() => void)[] = [];
  let inFlight = 0;
  return {
    send(urgent, receiveMaximum = unlimited, send) {
      const room = Math.max(1, Math.min(receiveMaximum - keptForUrgent, mostInFlight));
      const next = (): (() => void) | undefined =>
        urgents.length > 0
          ? inFlight < receiveMaximum
            ? urgents.shift()
            : undefined
          : inFlight < room
            ? waiting.shift()
            : undefined;
      (urgent ? urgents : waiting).push(() => {
        inFlight += 1;
        send(() => {
          inFlight -= 1;
          next()?.();
        });
      });
      next()?.();
    },
    get urgentWaits() {
      return urgents.length > 0;
    },
    afterUrgent(act) {
      const last = urgents.pop();
      if (last === undefined) {
        act();
      } else {
        urgents.push(() => {
          last();
          act();
        });
      }
    },
  };
}
