// Everything that can happen to the core, as one union. Each event carries its time. Not what follows from it: effects.ts.

import type { Request } from "./requests.ts";
import type { Position, Settings } from "./settings.ts";
import type { Instant, Millis } from "./time.ts";

export type Event = { readonly at: Instant } & (
  | { readonly kind: "requested"; readonly request: Request }
  /** The one timer fired. */
  | { readonly kind: "wokeUp" }
  /** Wall time minus instant, noticed to have changed; moves what is shown and nothing else. */
  | { readonly kind: "wallClockMoved"; readonly offset: Millis }
  /** The configuration was read again: what did not change goes on undisturbed. */
  | {
      readonly kind: "reconfigured";
      readonly settings: Settings;
      /** Switchers that are reached in another way from now on. */
      readonly changed: ReadonlySet<string>;
      /** Resources that are checked in another way from now on, or guarded in another way (`keepWhile`). */
      readonly rechecked: ReadonlySet<string>;
    }
  /** The process stood still (suspend, SIGSTOP): as after a reconnection. */
  | { readonly kind: "stoodStill" }

  // The link that requests come over.
  | { readonly kind: "linkConnected" }
  | { readonly kind: "linkLost" }
  /** The marker of this attempt came back: all that was sent before it has been seen. */
  | { readonly kind: "linkProved"; readonly attempt: number }
  /** A held-back reply was taken by the broker. */
  | { readonly kind: "replied"; readonly outbox: number }
  /** Another controller on this base was heard, or was settled to be gone. */
  | { readonly kind: "rivalHeard"; readonly instance: string }
  | { readonly kind: "rivalGone" }

  // The store.
  | { readonly kind: "storeRefused" }
  | { readonly kind: "storeRecovered" }

  // Switchers. What they say of themselves is the truth; whether they can be heard is judged by the core.
  /** The switcher's transport is up (again): its outlets must be asked. */
  | { readonly kind: "switcherConnected"; readonly switcher: string }
  | { readonly kind: "switcherLost"; readonly switcher: string }
  /** A hint (for example a last will): worth asking, proves nothing. */
  | { readonly kind: "switcherHinted"; readonly switcher: string }
  /** The device says that it has just booted. */
  | { readonly kind: "switcherRebooted"; readonly switcher: string }
  /** The device said live where a relay stands. `uptime`: how long the device runs, if it said so. */
  | {
      readonly kind: "outletReported";
      readonly outlet: string;
      readonly position: Position;
      readonly uptime: Millis | undefined;
    }
  | {
      readonly kind: "metered";
      readonly outlet: string;
      readonly watts: number | undefined;
      readonly kwh: number | undefined;
    }
  | {
      readonly kind: "commandFailed";
      readonly outlet: string;
      readonly attempt: number;
      readonly reason: string;
    }
  /** A retained message stands on the device's command topic: the device obeys it at every connect. */
  | { readonly kind: "retainedCommandFound"; readonly switcher: string; readonly topic: string }

  // Checkers.
  | {
      readonly kind: "checked";
      readonly resource: string;
      readonly of: "availability" | "keepWhile";
      readonly attempt: number;
      readonly outcome: "up" | "down" | "error";
      readonly message: string;
    }
  /**
   * A shutdown command has ended. `done`: it exited with 0; `accepted`: the machine took it, and broke the connection; `failed`: it did not
   * take it; `unsure`: it could not be reached, and is perhaps off already.
   */
  | {
      readonly kind: "shutdownEnded";
      readonly resource: string;
      readonly attempt: number;
      readonly outcome: "done" | "accepted" | "failed" | "unsure";
      readonly message: string;
    }
);
