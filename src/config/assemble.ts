// Puts a configuration together from values that were found right: defaults of defaults, paths, what the core wants and what
// the adapters want. Nothing can be wrong any more here.

import { resolve } from "node:path";
import type { CheckSettings, ResourceSettings, Settings } from "../core/settings.ts";
import { type Millis } from "../core/time.ts";
import { ownUrl, parseListen } from "./addresses.ts";
import type { BrokerConfig, Config, MqttConfig, SwitcherConfig } from "./config.ts";
import { outletsOf } from "./devices.ts";
import { deepFreeze } from "./freeze.ts";
import {
  type Behaviour,
  behaviourDefaults,
  type CheckEntry,
  checkTimeoutDefault,
  type FileValues,
  type SwitcherEntry,
} from "./schema.ts";

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
    checks: new Map(
      resources.flatMap(([name, { check }]) =>
        check === undefined ? [] : [[name, checkOptionsOf(check)] as const],
      ),
    ),
    descriptions: new Map(resources.map(([name, { description }]) => [name, description ?? ""])),
    settings: settingsOf(values, switchers),
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

function switcherOf(name: string, { timeout, ...options }: SwitcherEntry): SwitcherConfig {
  return { name, options, timeout };
}

function checkOptionsOf({
  interval: _interval,
  timeout: _timeout,
  rise: _rise,
  fall: _fall,
  ...options
}: CheckEntry) {
  return options;
}

function settingsOf(values: FileValues, switchers: ReadonlyMap<string, SwitcherConfig>): Settings {
  const named = [...switchers.values()].map(({ name, options }) => ({
    name,
    type: options.type,
    outlets: outletsOf(name, options),
  }));
  return {
    resources: new Map(
      Object.entries(values.resources).map(([name, entry]) => [
        name,
        {
          name,
          outlet: entry.switcher,
          ...behaviourOf(entry, values.defaults),
          check: entry.check === undefined ? undefined : checkOf(entry.check),
        },
      ]),
    ),
    outlets: new Map(
      named.flatMap(({ name, outlets }) =>
        outlets.map((id, index) => [id, { id, switcher: name, outlet: String(index + 1) }] as const),
      ),
    ),
    switchers: new Map(named.map((switcher) => [switcher.name, switcher])),
    limits: { tokens: values.limits.tokens },
    restartGrace: values.restartGrace,
    lostGrace: values.lostGrace,
    observe: values.observe,
  };
}

/** Each field from the resource, else from `defaults`, else as documented. */
function behaviourOf(own: Behaviour, shared: Behaviour): Omit<ResourceSettings, "name" | "outlet" | "check"> {
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

const checkOf = ({ interval, timeout, rise, fall }: CheckEntry): CheckSettings => ({
  interval,
  timeout: timeout ?? checkTimeoutDefault,
  rise,
  fall,
});
