// Messages leave the broker in the order in which they came, retained or not. A mend of one fault of the broker library; what it keeps, and
// for how long, is not decided here.

/** The part of the library's persistence in memory that keeps retained messages: https://github.com/moscajs/aedes-persistence. */
export interface Retained {
  storeRetained(packet: object): PromiseLike<void>;
}

/**
 * The library (aedes 1.2.0, aedes.js and lib/client.js) goes on with a retained message only a moment after it was kept, so that a plain one
 * right behind it in the same TCP segment overtakes it; and what comes to a subscriber after a message with a higher number, it takes for
 * a copy and drops. So the retained `Online` of a device that says something else in the same breath was lost to all who listen.
 * Keeping in memory is done when the call returns: to say so at once keeps the order.
 */
export function keepOrder(retained: Retained): void {
  const store = retained.storeRetained.bind(retained);
  retained.storeRetained = (packet) => {
    const stored = store(packet);
    return {
      // oxlint-disable-next-line unicorn/no-thenable -- only a promise that calls back at once keeps the order; its callers use `then` alone
      then: (kept, failed) => {
        kept?.();
        return stored.then(undefined, failed);
      },
    };
  };
}
