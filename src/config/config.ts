// A checked configuration: what the file says, with everything filled in, resolved and put together. Frozen. Not the form of
// the file, which is schema.ts.

import type { CheckerOptions } from "../adapters/checkers/registry.ts";
import type { ShutdownOptions } from "../adapters/shutdowns/registry.ts";
import type { SwitcherOptions } from "../adapters/switchers/registry.ts";
import type { Settings } from "../core/settings.ts";
import type { Millis } from "../core/time.ts";

export interface Config {
  /** The file it was read from, as the user named it. */
  readonly file: string;
  readonly mqtt: MqttConfig;
  /** `undefined`: no embedded broker. */
  readonly broker: BrokerConfig | undefined;
  readonly store: { readonly path: string };
  readonly limits: { /** Bytes. */ readonly payload: number };
  readonly log: { readonly level: "debug" | "info" | "warn" | "error" | "fatal" };
  readonly switchers: ReadonlyMap<string, SwitcherConfig>;
  /** By resource, with an entry for every resource that has a check. What else it says of the checks is in `settings`. */
  readonly checks: ReadonlyMap<string, KindConfig<CheckerOptions>>;
  /** The same for `keepWhile`. */
  readonly guards: ReadonlyMap<string, KindConfig<CheckerOptions>>;
  /** The same for every resource that is told to shut down. */
  readonly shutdowns: ReadonlyMap<string, KindConfig<ShutdownOptions>>;
  /** By resource; empty where there is none. */
  readonly descriptions: ReadonlyMap<string, string>;
  readonly settings: Settings;
  /** Texts that must never be shown or logged: what was put in for `${...}`, passwords, private keys. */
  readonly secrets: readonly string[];
}

export interface MqttConfig {
  /** The embedded broker's address, where the file names no other. */
  readonly url: string;
  readonly base: string;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** PEM texts. */
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly sessionExpiry: Millis;
  /** `BASE/reply` first; none with `/` at its ends. */
  readonly replyPrefixes: readonly string[];
}

export interface BrokerConfig {
  readonly host: string;
  readonly port: number;
  /** Path of the password file; `undefined`: only loopback, everybody. */
  readonly users: string | undefined;
}

/** Something that comes in kinds. */
export interface KindConfig<Options> {
  readonly options: Options;
  /** For one call to the device. */
  readonly timeout: Millis;
}

export interface SwitcherConfig extends KindConfig<SwitcherOptions> {
  readonly name: string;
}
