// What the core knows of the configuration: plain, frozen data, already checked. Not the file's form: that is src/config.

import type { Millis } from "./time.ts";

export type Position = "on" | "off";
export type CheckLevel = "granted" | "powered" | "available";

export interface Settings {
  readonly resources: ReadonlyMap<string, ResourceSettings>;
  readonly outlets: ReadonlyMap<string, OutletSettings>;
  readonly switchers: ReadonlyMap<string, SwitcherSettings>;
  readonly limits: { readonly tokens: number };
  /** After a (re)connection: nothing expires and nothing is switched off before this has passed. */
  readonly restartGrace: Millis;
  /** How long a token whose client vanished may come back. */
  readonly lostGrace: Millis;
  /** True: decide, publish, log; command nothing. */
  readonly observe: boolean;
}

export interface ResourceSettings {
  readonly name: string;
  /** Outlet ids: `plug1`, or `strip/3` for an outlet of a group. */
  readonly outlet: string;
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
}
