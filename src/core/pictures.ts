// What is published about a resource, a pool and a switcher: the JSON of protocol sections 2 and 3, ready to be printed.
// Only the shapes; view.ts makes them.

import type { Holder, State } from "./requests.ts";
import type { Position } from "./settings.ts";

export type Phase = "idle" | "starting" | "in-use" | "lingering" | "stopping" | "held" | "locked";

/** Protocol section 8.2, in the order in which they are shown when several stand. */
export const problemCodes = [
  "switch-unreachable",
  "switch-mismatch",
  "external-on",
  "external-off",
  "boot-timeout",
  "needs-failed",
  "shutdown-timeout",
  "not-answering",
  "check-error",
] as const;

export type ProblemCode = (typeof problemCodes)[number];

export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
  /** ISO 8601, as all times here. */
  readonly since: string;
}

/** The retained object at `lastout/<r>`; field by field in protocol section 3. */
export interface StateObject {
  readonly state: State;
  readonly level: -1 | 0 | 1 | 2;
  readonly since: string;
  readonly phase: Phase;
  readonly users: number;
  readonly dependents: number;
  readonly queue: number;
  readonly exclusive: boolean;
  readonly override: "auto" | "on" | "off";
  readonly offAt: string | null;
  readonly readyAt: string | null;
  readonly problem: Problem | null;
  readonly watts: number | null;
  readonly kwh: number | null;
  readonly time: string;
}

export interface ResourcePicture {
  readonly name: string;
  readonly object: StateObject;
  /** At most the oldest 20, and how many more there are. */
  readonly holders: { readonly users: number; readonly holders: readonly Holder[]; readonly more: number };
}

/** What a pool publishes at `lastout/<pool>`; protocol section 3. */
export interface PoolPicture {
  readonly name: string;
  readonly object: {
    /** The best of its members: available, powered, unknown, off. */
    readonly state: State;
    readonly level: -1 | 0 | 1 | 2;
    readonly users: number;
    readonly queue: number;
    /** Members with no token. */
    readonly free: number;
    readonly members: number;
    readonly time: string;
  };
  /** A member is available and free to be shared. */
  readonly ready: boolean;
}

export interface SwitcherPicture {
  readonly name: string;
  readonly object: {
    readonly online: boolean;
    readonly type: string;
    readonly outlets: Readonly<Record<string, Position | "unknown">>;
    readonly problem: string | null;
  };
}
