// What the program needs of anything that switches outlets. Not a place for policy: an adapter reports what its device said
// and does what it is told, once; repeating, waiting and judging are the core's.

import type { Position } from "../core/settings.ts";
import type { Millis } from "../core/time.ts";

export interface Switcher {
  readonly name: string;
  /** Outlet ids, in order: the switcher's name alone for one outlet, else `name/1`, `name/2`, ... */
  readonly outlets: readonly string[];
  readonly capabilities: Capabilities;
  /** It tells nothing unasked: somebody has to `ask` that often, so that a change by hand is noticed. Absent: never. */
  readonly askEvery?: Millis;
  /** Begin to listen. Reports `connected` as soon as (and whenever) the transport is up; never throws for a device that is away. */
  start(report: (report: SwitcherReport) => void): void;
  /**
   * Ask a relay to move. Resolves when the command was handed to the transport, which is not yet when the relay has moved:
   * that arrives as a `position` report. The command is never queued, never retained, never repeated by the adapter.
   * @param signal aborts at the deadline; the adapter starts no timer of its own
   * @throws SwitcherError `unreachable` (no transport), `refused` (the device said no), `aborted`
   */
  set(outlet: string, position: Position, signal: AbortSignal): Promise<void>;
  /** Ask for the real position of all outlets; answers come as reports. Same errors as `set`. */
  ask(signal: AbortSignal): Promise<void>;
  /**
   * Ask for a fresh reading of all meters; answers come as `reading` reports, for every outlet that has a meter of its own. A
   * switcher without a meter does nothing, and reports nothing. Same errors as `set`.
   */
  measure(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface Capabilities {
  /** `hardware`: the device reads its relay; `inferred`: it tells what it last did; `assumed`: it tells nothing. */
  readonly readback: "hardware" | "inferred" | "assumed";
  /** The device tells of changes by itself. */
  readonly push: boolean;
  readonly meter: boolean;
}

export type SwitcherReport =
  | { readonly kind: "connected" }
  | { readonly kind: "lost" }
  /** A last will or birth message: a hint, no proof. */
  | { readonly kind: "hint"; readonly online: boolean }
  | { readonly kind: "rebooted" }
  /** Live from the device (never a retained message). `uptime`: how long it runs, if it said so. */
  | {
      readonly kind: "position";
      readonly outlet: string;
      readonly position: Position;
      readonly uptime: Millis | undefined;
    }
  | {
      readonly kind: "reading";
      readonly outlet: string;
      readonly watts: number | undefined;
      readonly kwh: number | undefined;
    }
  | { readonly kind: "retained-command"; readonly topic: string };

export class SwitcherError extends Error {
  readonly code: "unreachable" | "refused" | "aborted";

  constructor(code: SwitcherError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SwitcherError";
    this.code = code;
  }
}
