// What the devices of a made-up lab publish of themselves, after the public documentation of their firmware, and a survey that hears it
// without a broker.

import { acceptedBy } from "./discover-accepted.ts";
import { mistakesWith } from "../../src/cli/discover/acceptance.ts";
import type { Findings } from "../../src/cli/discover/findings.ts";
import { merged } from "../../src/cli/discover/merge.ts";
import { printed, type Setting } from "../../src/cli/discover/print.ts";
import { openSurvey } from "../../src/cli/discover/survey.ts";

export type Payload = string | Uint8Array | object;

export interface Said {
  readonly topic: string;
  readonly payload: Payload;
  /** True unless it says otherwise, as discovery messages are. */
  readonly retain?: boolean;
}

const bytesOf = (payload: Payload): Uint8Array =>
  payload instanceof Uint8Array
    ? payload
    : Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload));

/** @param ask the Tasmota devices count as asked before what follows `asked` is said */
export function findingsOf(said: readonly Said[], answers: readonly Said[] = [], ask = false): Findings {
  const survey = openSurvey("lastout");
  const hear = ({ topic, payload, retain = true }: Said): void =>
    survey.take({ topic, payload: bytesOf(payload), retain });
  said.forEach(hear);
  survey.newCommandTopics();
  for (const device of survey.tasmota.unasked()) {
    survey.tasmota.asked(device, ask);
  }
  answers.forEach(hear);
  return merged(survey.sources(), mistakesWith({ base: "lastout" }));
}

export const setting: Setting = {
  time: "2026-11-22T08:00:00.000Z",
  version: "1.2.3",
  url: "mqtt://hub.lab:1883",
  seconds: 10,
  mqtt: [
    { text: "url: mqtt://hub.lab:1883", active: true },
    { text: "username: lastout", active: true },
    { text: "password: ${file:/etc/lastout/mqtt-password}", active: false },
  ],
};

/** The printed configuration, after it has passed the check as it is and with its resources. */
export function checkedText(findings: Findings): string {
  const text = printed(findings, setting);
  acceptedBy(text);
  return text;
}

// --- what devices say ---

export const tasmotaConfig = (
  fields: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> => ({
  ip: "192.0.2.11",
  dn: "Tasmota",
  fn: ["Tasmota", null, null, null, null, null, null, null],
  hn: "plug1-4711",
  mac: "C4DD57000001",
  md: "Nous A1T",
  ty: 0,
  if: 0,
  cam: 0,
  ofln: "Offline",
  onln: "Online",
  state: ["OFF", "ON", "TOGGLE", "HOLD"],
  sw: "15.2.0",
  t: "plug1",
  ft: "%prefix%/%topic%/",
  tp: ["cmnd", "stat", "tele"],
  rl: [1, 0, 0, 0, 0, 0, 0, 0],
  so: { "4": 0 },
  ver: 1,
  ...fields,
});

/** Both discovery messages. */
export const tasmota = (fields: Readonly<Record<string, unknown>>, meter = false): readonly Said[] => {
  const config = tasmotaConfig(fields);
  const base = `tasmota/discovery/${String(config["mac"])}`;
  const sn = { Time: "2026-11-22T08:00:00", ...(meter ? { ENERGY: { Power: 12 } } : {}) };
  return [
    { topic: `${base}/config`, payload: config },
    { topic: `${base}/sensors`, payload: { sn, ver: 1 } },
  ];
};

const stateFeature = (name: string, access = 7): object => ({
  type: "binary",
  name: "state",
  label: "State",
  property: name,
  access,
  value_on: "ON",
  value_off: "OFF",
  value_toggle: "TOGGLE",
});

export const zigbeeDevice = (
  name: string,
  exposes: readonly object[],
  fields: Readonly<Record<string, unknown>> = {},
): object => ({
  ieee_address: "0x000b57fffec6a5b2",
  type: "Router",
  network_address: 4711,
  supported: true,
  disabled: false,
  friendly_name: name,
  power_source: "Mains (single phase)",
  definition: { model: "E1603", vendor: "IKEA", description: "TRADFRI control outlet", exposes },
  ...fields,
});

export const zigbeeSwitch = (...gangs: readonly string[]): readonly object[] =>
  gangs.length === 0
    ? [{ type: "switch", features: [stateFeature("state")] }]
    : gangs.map((gang) => ({ type: "switch", endpoint: gang, features: [stateFeature(`state_${gang}`)] }));

export const zigbeeMuteSwitch: readonly object[] = [{ type: "switch", features: [stateFeature("state", 3)] }];

export const esphome = (node: string, object: string, prefix = node): Said => ({
  topic: `homeassistant/switch/${node}/${object}/config`,
  payload: {
    name: "Amplifier",
    stat_t: `${prefix}/switch/${object}/state`,
    cmd_t: `${prefix}/switch/${object}/command`,
    avty_t: `${prefix}/status`,
    uniq_id: `ESPswitch${object}`,
    dev: { ids: "a0b1c2d3e4f5", name: node, sw: "esphome v2025.9.1", mdl: "esp32dev", mf: "Espressif" },
  },
});
