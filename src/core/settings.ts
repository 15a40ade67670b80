// What the core knows of the configuration: plain, frozen data, already checked. Not the file's form: that is src/config.

import type { Millis } from "./time.ts";

export type Position = "on" | "off";
export type CheckLevel = "granted" | "powered" | "available";
export type Mode = "shared" | "exclusive";

export interface Settings {
  readonly resources: ReadonlyMap<string, ResourceSettings>;
  readonly outlets: ReadonlyMap<string, OutletSettings>;
  readonly switchers: ReadonlyMap<string, SwitcherSettings>;
  readonly pools: ReadonlyMap<string, PoolSettings>;
  readonly limits: {
    /** Tokens and queued requests of the whole controller. */
    readonly tokens: number;
    /** How many resources may boot at once; 0: no limit. */
    readonly starting: number;
  };
  /** `users`: every request names its user in its topic, and only `operators` may override, cycle, and end the tokens of others. */
  readonly access: "open" | "users";
  readonly operators: ReadonlySet<string>;
  /** After a (re)connection: nothing expires and nothing is switched off before this has passed. */
  readonly restartGrace: Millis;
  /** How long a token whose client vanished may come back. */
  readonly lostGrace: Millis;
  /** True: decide, publish, log; command nothing. */
  readonly observe: boolean;
}

export interface ResourceSettings {
  readonly name: string;
  /** Outlet ids, at least one: `plug1`, or `strip/3` for an outlet of a group. Several are switched together. */
  readonly outlets: readonly string[];
  /** Resources that must be available before this one is switched on. Without circles. */
  readonly needs: readonly string[];
  /** How many tokens may be held at once; 0: no limit. */
  readonly capacity: number;
  readonly ttl: { readonly default: Millis; readonly max: Millis /** 0: no limit */; readonly total: Millis };
  readonly offDelay: Millis;
  readonly bootTimeout: Millis;
  readonly bootRetries: number;
  readonly minOn: Millis;
  readonly minOff: Millis;
  readonly switchTimeout: Millis;
  readonly onExternalOn: "adopt" | "reclaim" | "ignore";
  readonly onExternalOff: "respect" | "restore";
  /** Absent: available as soon as it is powered. */
  readonly check: CheckSettings | undefined;
  /** Absent: power is cut without asking the machine. */
  readonly shutdown: ShutdownSettings | undefined;
  /** While this check says up, the resource is neither shut down nor cut. */
  readonly keepWhile: CheckSettings | undefined;
}

export interface ShutdownSettings {
  /** From the shutdown command until the machine must be gone. */
  readonly timeout: Millis;
  /** It must have been gone for that long before its power is cut. */
  readonly settle: Millis;
  /** Gone means also: fresh readings are below so many watts. Absent: the meter is not asked. */
  readonly idleBelow: number | undefined;
  readonly onTimeout: "keep" | "cut";
}

export interface PoolSettings {
  readonly name: string;
  /** Resources, at least one. */
  readonly members: readonly string[];
  /** So many members without a token are kept available ahead of any request. */
  readonly warm: number;
}

export interface CheckSettings {
  readonly interval: Millis;
  readonly timeout: Millis;
  /** This many successes in a row make it available. */
  readonly rise: number;
  /** This many failures in a row make it not available. */
  readonly fall: number;
}

export interface OutletSettings {
  readonly id: string;
  readonly switcher: string;
  /** Its name within the switcher: `"1"`, `"2"`, ... */
  readonly outlet: string;
}

export interface SwitcherSettings {
  readonly name: string;
  readonly type: string;
  /** Outlet ids in order. */
  readonly outlets: readonly string[];
  /** No two of its outlets are switched on within this time; 0: no such pause. */
  readonly stagger: Millis;
}
