// What a planted mistake is. The lists, one for each room of promises, are beside this file; run.ts plants them.

export interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Occurs exactly once in its file; as short as that allows, because the code around it moves. */
  readonly find: string;
  readonly replace: string;
  /** What would happen to a user. */
  readonly why: string;
}

/** A promise, and the mistakes that would break it. */
export interface Section {
  readonly promise: string;
  readonly mutants: readonly Mutant[];
}
