// Puts a configuration together from values that were found right: defaults of defaults, paths, what the core wants and what
// the adapters want. Nothing can be wrong any more here.

import { resolve } from "node:path";
import { ownUrl } from "../adapters/own-address.ts";
import type {
  CheckSettings,
  ResourceSettings,
  Settings,
  ShutdownSettings,
  SwitcherSettings,
} from "../core/settings.ts";
import { type Millis, millis } from "../core/time.ts";
import { parseListen } from "./addresses.ts";
import type { BrokerConfig, Config, MqttConfig, SwitcherConfig } from "./config.ts";
import { outletsNamed, outletsOf } from "./devices.ts";
import { deepFreeze } from "./freeze.ts";
import type { FileValues, ResourceEntry } from "./schema.ts";
import { type Behaviour, behaviourDefaults } from "./schema-behaviour.ts";
import {
  type CheckEntry,
  checkTimeoutDefault,
  groupStaggerDefault,
  type ShutdownEntry,
  type SwitcherEntry,
} from "./schema-kinds.ts";

/** PEM texts. */
export interface Pems {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface Parts {
  readonly file: string;
  readonly folder: string;
  readonly hostName: string;
  readonly values: FileValues;
  readonly pems: Pems;
  readonly secrets: readonly string[];
}

export function assemble({ file, folder, hostName, values, pems, secrets }: Parts): Config {
  const broker = brokerOf(values.broker, folder);
  const switchers = new Map(
    Object.entries(values.switchers).map(([name, entry]) => [name, switcherOf(name, entry)]),
  );
  const resources = Object.entries(values.resources);
  return deepFreeze({
    file,
    mqtt: mqttOf(values.mqtt, broker, pems, hostName),
    broker,
    store: { path: resolve(folder, values.store.path ?? "lastout.db") },
    limits: { payload: values.limits.payload },
    log: values.log,
    switchers,
    checks: checkersOf(resources, "check"),
    guards: checkersOf(resources, "keepWhile"),
    shutdowns: new Map(
      resources.flatMap(([name, { shutdown }]) =>
        shutdown === undefined || shutdown === "none" ? [] : [[name, shutdownConfigOf(shutdown)] as const],
      ),
    ),
    descriptions: new Map(resources.map(([name, { description }]) => [name, description ?? ""])),
    settings: settingsOf(values),
    secrets: pems.key === undefined ? secrets : [...secrets, pems.key],
  });
}

function mqttOf(
  { url, base, clientId, username, password, sessionExpiry, replyPrefixes }: FileValues["mqtt"],
  broker: BrokerConfig | undefined,
  pems: Pems,
  hostName: string,
): MqttConfig {
  return {
    url: url ?? (broker === undefined ? "" : ownUrl(broker)),
    base,
    clientId: clientId ?? `${base}-${hostName}`,
    username,
    password,
    ...pems,
    sessionExpiry,
    replyPrefixes: [...new Set([`${base}/reply`, ...replyPrefixes])],
  };
}

function brokerOf(broker: FileValues["broker"], folder: string): BrokerConfig | undefined {
  const address = broker === undefined ? undefined : parseListen(broker.listen);
  return broker === undefined || address === undefined
    ? undefined
    : { ...address, users: broker.users === undefined ? undefined : resolve(folder, broker.users) };
}

function switcherOf(name: string, { timeout, stagger: _stagger, ...options }: SwitcherEntry): SwitcherConfig {
  return { name, options, timeout };
}

function checkersOf(
  resources: readonly (readonly [string, ResourceEntry])[],
  field: "check" | "keepWhile",
): Config["checks"] {
  return new Map(
    resources.flatMap(([name, { [field]: check }]) =>
      check === undefined ? [] : [[name, checkConfigOf(check)] as const],
    ),
  );
}

function checkConfigOf({ interval: _interval, timeout, rise: _rise, fall: _fall, ...options }: CheckEntry) {
  return { options, timeout: timeout ?? checkTimeoutDefault };
}

function shutdownConfigOf({
  timeout,
  settle: _settle,
  idleBelow: _idleBelow,
  onTimeout: _onTimeout,
  ...options
}: ShutdownEntry) {
  return { options, timeout };
}

function settingsOf(values: FileValues): Settings {
  const named = Object.entries(values.switchers).map(([name, entry]) => switcherSettingsOf(name, entry));
  return {
    resources: new Map(
      Object.entries(values.resources).map(([name, entry]) => [
        name,
        {
          name,
          outlets: outletsNamed(entry.switcher),
          needs: entry.needs,
          capacity: entry.capacity,
          ...behaviourOf(entry, values.defaults),
          check: checkOf(entry.check),
          shutdown: shutdownOf(entry.shutdown),
          keepWhile: checkOf(entry.keepWhile),
        },
      ]),
    ),
    outlets: new Map(
      named.flatMap(({ name, outlets }) =>
        outlets.map((id, index) => [id, { id, switcher: name, outlet: String(index + 1) }] as const),
      ),
    ),
    switchers: new Map(named.map((switcher) => [switcher.name, switcher])),
    pools: new Map(
      Object.entries(values.pools).map(([name, { members, warm }]) => [name, { name, members, warm }]),
    ),
    limits: { tokens: values.limits.tokens, starting: values.limits.starting },
    access: values.access,
    operators: new Set(values.operators),
    restartGrace: values.restartGrace,
    lostGrace: values.lostGrace,
    observe: values.observe,
  };
}

function switcherSettingsOf(name: string, entry: SwitcherEntry): SwitcherSettings {
  const outlets = outletsOf(name, entry);
  const stagger = outlets.length > 1 ? groupStaggerDefault : millis(0);
  return { name, type: entry.type, outlets, stagger: entry.stagger ?? stagger };
}

/** Each field from the resource, else from `defaults`, else as documented. */
function behaviourOf(own: Behaviour, shared: Behaviour): Pick<ResourceSettings, keyof Behaviour> {
  const pick = <Field extends Exclude<keyof Behaviour, "ttl">>(field: Field) =>
    own[field] ?? shared[field] ?? behaviourDefaults[field];
  const ttl = (field: "default" | "max" | "total"): Millis =>
    own.ttl?.[field] ?? shared.ttl?.[field] ?? behaviourDefaults.ttl[field];
  return {
    ttl: { default: ttl("default"), max: ttl("max"), total: ttl("total") },
    offDelay: pick("offDelay"),
    bootTimeout: pick("bootTimeout"),
    bootRetries: pick("bootRetries"),
    minOn: pick("minOn"),
    minOff: pick("minOff"),
    switchTimeout: pick("switchTimeout"),
    onExternalOn: pick("onExternalOn"),
    onExternalOff: pick("onExternalOff"),
  };
}

const checkOf = (entry: CheckEntry | undefined): CheckSettings | undefined =>
  entry === undefined
    ? undefined
    : {
        interval: entry.interval,
        timeout: entry.timeout ?? checkTimeoutDefault,
        rise: entry.rise,
        fall: entry.fall,
      };

const shutdownOf = (entry: ResourceEntry["shutdown"]): ShutdownSettings | undefined =>
  entry === undefined || entry === "none"
    ? undefined
    : {
        timeout: entry.timeout,
        settle: entry.settle,
        idleBelow: entry.idleBelow,
        onTimeout: entry.onTimeout,
      };
