// Tasmota devices while they are being discovered: their two discovery messages, their will, and their answers, by MAC address.
// Bounded; what the messages mean is in tasmota.ts and tasmota-settings.ts.

import type { DeviceTopics } from "../../adapters/switchers/tasmota-topics.ts";
import { field, isJson, type Json, parsed } from "./json.ts";
import { hasMeter, type TasmotaDevice, topicsOf } from "./tasmota.ts";
import { answered, type DeviceSettings, fullyKnown, unknownSettings } from "./tasmota-settings.ts";

/** One that can be listened to and asked. */
export interface Reachable {
  readonly mac: string;
  readonly topics: DeviceTopics;
  readonly meter: boolean;
}

export interface TasmotaRecords {
  /** @returns false when it is no discovery message, or there are too many of them */
  discovered(mac: string, what: "config" | "sensors", payload: Uint8Array): boolean;
  /** A message below a device's own topics. */
  said(topic: string, payload: Uint8Array, retained: boolean): void;
  /** Those that were not asked yet, under these topics and with this knowledge of their meter. */
  unasked(): readonly Reachable[];
  /** It is listened to; when it was asked, it is silent until it says something. */
  asked(device: Reachable, question: boolean): void;
  readonly count: number;
  /** Everybody who was asked has told everything. */
  readonly complete: boolean;
  devices(): readonly TasmotaDevice[];
}

/** A discovery message is below 2 KiB. */
const mostBytes = 65_536;
const mostDevices = 1000;

interface Record {
  config: Json | undefined;
  topics: DeviceTopics | undefined;
  meter: boolean;
  settings: DeviceSettings;
  asked: string | undefined;
}

export function openTasmotaRecords(): TasmotaRecords {
  const records = new Map<string, Record>();
  /** By the topics on which they speak, several where several have the same. */
  const speakers = new Map<string, Set<Record>>();

  function listenTo(record: Record): void {
    for (const topic of record.topics === undefined
      ? []
      : [record.topics.stat(""), record.topics.tele("LWT")]) {
      speakers.set(topic, (speakers.get(topic) ?? new Set()).add(record));
    }
  }

  function recordOf(mac: string): Record | undefined {
    const known = records.get(mac);
    if (known !== undefined || records.size >= mostDevices) {
      return known;
    }
    const record = {
      config: undefined,
      topics: undefined,
      meter: false,
      settings: unknownSettings,
      asked: undefined,
    };
    records.set(mac, record);
    return record;
  }

  return {
    discovered(mac, what, payload) {
      if (payload.byteLength === 0) {
        records.delete(mac);
        return true;
      }
      const value = parsed(payload, mostBytes);
      const record = isJson(value) && /^[0-9A-F]{12}$/i.test(mac) ? recordOf(mac) : undefined;
      if (record === undefined || !isJson(value)) {
        return false;
      }
      if (what === "config") {
        record.config = value;
        record.topics = topicsOf(value);
        listenTo(record);
      } else {
        record.meter = hasMeter(value);
      }
      return true;
    },
    said(topic, payload, retained) {
      for (const record of speakers.get(topic) ?? []) {
        record.settings = { ...record.settings, online: onlineSaid(record.config, payload) };
      }
      // A retained answer is from the past.
      const answer = retained ? undefined : parsed(payload, mostBytes);
      for (const record of speakers.get(topic.slice(0, topic.lastIndexOf("/") + 1)) ?? []) {
        record.settings = answered(record.settings, answer);
      }
    },
    unasked: () =>
      [...records].flatMap(([mac, { topics, meter, asked }]) =>
        topics === undefined || asked === keyOf({ topics, meter }) ? [] : [{ mac, topics, meter }],
      ),
    asked(device, question) {
      const record = records.get(device.mac);
      if (record !== undefined) {
        const silent = question && (record.asked === undefined || record.settings.silent);
        record.settings = { ...record.settings, silent };
        record.asked = keyOf(device);
      }
    },
    get count() {
      return records.size;
    },
    get complete() {
      return [...records.values()].every(
        ({ asked, settings, meter }) => asked === undefined || fullyKnown(settings, meter),
      );
    },
    devices: () =>
      [...records].flatMap(([mac, { config, meter, settings }]) =>
        config === undefined ? [] : [{ mac, config, meter, settings }],
      ),
  };
}

const keyOf = ({ topics, meter }: Pick<Reachable, "topics" | "meter">): string =>
  `${topics.command("")} ${meter}`;

/** The words are the device's own. */
function onlineSaid(config: Json | undefined, payload: Uint8Array): boolean | undefined {
  const word = Buffer.from(payload.subarray(0, 64)).toString("utf8");
  return word === (field(config, "onln") ?? "Online")
    ? true
    : word === (field(config, "ofln") ?? "Offline")
      ? false
      : undefined;
}
