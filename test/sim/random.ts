// Random numbers that a seed repeats exactly: the generator sfc32 (C. Doty-Humphrey, "Small Fast Chaotic", from the PractRand
// test suite), seeded by hashing a name. Every part of a run forks its own stream, so that one more draw here moves nothing there.

export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number;
  chance(probability: number): boolean;
  pick<Item>(items: readonly [Item, ...Item[]]): Item;
  /** Waiting times of independent happenings, `mean` apart on average. */
  wait(mean: number): number;
  /** A stream of its own, which depends only on the seed and the names. */
  fork(name: string): Random;
}

export function createRandom(seed: string): Random {
  let a = hash(seed, 0x9e3779b9);
  let b = hash(seed, 0x243f6a88);
  let c = hash(seed, 0xb7e15162);
  let counter = 1;

  function next(): number {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 4_294_967_296;
  }

  const int = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));

  // The first numbers still show the seed; a dozen rounds mix it (as the reference implementation does).
  for (let round = 0; round < 12; round += 1) {
    next();
  }
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (items) => items[int(0, items.length - 1)] ?? items[0],
    wait: (mean) => Math.ceil(-Math.log(1 - next()) * mean),
    fork: (name) => createRandom(`${seed}/${name}`),
  };
}

/** FNV-1a, 32 bits (Fowler, Noll, Vo), begun somewhere else for every use. */
export function hash(text: string, basis: number): number {
  let value = basis | 0;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 16_777_619);
  }
  return value;
}
