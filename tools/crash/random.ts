// Chance with a seed: the same seed makes the same choices. The moments at which they are asked for depend on the machine.

export interface Chance {
  /** From 0, below 1. */
  readonly next: () => number;
  /** From `low` to `high`, whole numbers, both included. */
  whole(low: number, high: number): number;
  yes(probability: number): boolean;
  /** @throws RangeError on an empty list */
  pick<T>(from: readonly T[]): T;
}

/** Mulberry32, by Tommy Ettinger (public domain): 32 bits of state, enough for choices. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const whole = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    whole,
    yes: (probability) => next() < probability,
    pick: (from) => {
      const [picked] = from.slice(whole(0, from.length - 1));
      if (picked === undefined) {
        throw new RangeError("there is nothing to pick from");
      }
      return picked;
    },
  };
}
