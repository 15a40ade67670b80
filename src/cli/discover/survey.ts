// All that was heard while listening, sorted by who tells it, and no more of it than any lab has. Pure bookkeeping: no connection.

import type { RetainedCommand } from "./findings.ts";
import { homeAssistantTold } from "./home-assistant.ts";
import { parsed } from "./json.ts";
import type { Sources } from "./merge.ts";
import { type ShellyDevice, shellyFilters, shellySaying, shellyTold, withSaying } from "./shelly.ts";
import { tasmotaTold } from "./tasmota.ts";
import { openTasmotaRecords, type TasmotaRecords } from "./tasmota-records.ts";
import { zigbeeTold } from "./zigbee2mqtt.ts";

export interface Heard {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
}

export interface Survey {
  take(message: Heard): void;
  readonly tasmota: Pick<TasmotaRecords, "unasked" | "asked" | "complete">;
  /** Topics that devices found since the last call take commands on; what is retained there is told from now on. */
  newCommandTopics(): readonly string[];
  /** How many devices and lists of devices have told of themselves. */
  readonly heardOf: number;
  sources(): Sources;
}

/** The filters under which devices tell of themselves, and retained commands to Tasmota sockets, found or not. */
export const discoveryFilters: readonly string[] = [
  "tasmota/discovery/#",
  "+/bridge/devices",
  "+/+/bridge/devices",
  "homeassistant/switch/#",
  "homeassistant/device/#",
  ...shellyFilters,
  "cmnd/#",
];

/** An announcement is some KiB; the list of a big Zigbee network some hundred. */
const mostBytes = 65_536;
export const mostListBytes = 4_194_304;
const mostDevices = 1000;
const mostLists = 16;
const mostRetained = 200;

export function openSurvey(ownBase: string): Survey {
  const tasmota = openTasmotaRecords();
  const zigbee = new Map<string, unknown>();
  const announced = new Map<string, unknown>();
  const shelly = new Map<string, ShellyDevice>();
  const retained = new Map<string, RetainedCommand>();
  const watched = new Set<string>();
  /** Something new has come since the command topics were looked for. */
  let news = false;
  let refused = 0;

  function keep(
    into: Map<string, unknown>,
    key: string,
    payload: Uint8Array,
    most: { readonly bytes: number; readonly entries: number },
  ): void {
    news = true;
    if (payload.byteLength === 0) {
      into.delete(key); // An empty message takes a device away.
      return;
    }
    const value = parsed(payload, most.bytes);
    if (value === undefined || (!into.has(key) && into.size >= most.entries)) {
      refused += 1;
    } else {
      into.set(key, value);
    }
  }

  function takeTasmota(topic: string, payload: Uint8Array): void {
    const [, , mac = "", what, ...rest] = topic.split("/");
    if ((what === "config" || what === "sensors") && rest.length === 0) {
      news = true;
      refused += tasmota.discovered(mac, what, payload) ? 0 : 1;
    }
  }

  function takeShelly(topic: string, payload: Uint8Array): void {
    const said = shellySaying(topic, payload);
    if (said !== undefined && (shelly.has(said.device) || shelly.size < mostDevices)) {
      news = true;
      shelly.set(said.device, withSaying(shelly.get(said.device), said));
    }
  }

  /** On a topic for commands, or below one. */
  function isCommand(topic: string): boolean {
    if (topic.startsWith("cmnd/")) {
      return true;
    }
    for (let end = topic.length; end > 0; end = topic.lastIndexOf("/", end - 1)) {
      if (watched.has(topic.slice(0, end))) {
        return true;
      }
    }
    return false;
  }

  function takeRetained(topic: string, payload: Uint8Array): void {
    if (retained.has(topic) || retained.size < mostRetained) {
      const toRelay = /\/POWER\d*$/i.test(topic) && payload.byteLength <= 16;
      retained.set(topic, { topic, payload: toRelay ? Buffer.from(payload).toString("utf8") : undefined });
    }
  }

  const told = (): Pick<Sources, "native" | "announced"> => ({
    native: [
      ...tasmota.devices().map(tasmotaTold),
      ...[...zigbee].map(([base, devices]) => zigbeeTold(base, devices)),
      ...[...shelly.values()].map(shellyTold),
    ],
    announced: [...announced].map(([topic, config]) => homeAssistantTold(topic, config, ownBase)),
  });

  return {
    take({ topic, payload, retain }) {
      if (topic.startsWith("tasmota/discovery/")) {
        takeTasmota(topic, payload);
      } else if (topic.endsWith("/bridge/devices")) {
        keep(zigbee, topic.slice(0, -"/bridge/devices".length), payload, {
          bytes: mostListBytes,
          entries: mostLists,
        });
      } else if (/^homeassistant\/(switch|device)\/.*config$/.test(topic)) {
        keep(announced, topic, payload, { bytes: mostBytes, entries: mostDevices });
      } else if (isCommand(topic)) {
        if (retain && payload.byteLength > 0) {
          takeRetained(topic, payload);
        }
      } else {
        tasmota.said(topic, payload, retain);
        takeShelly(topic, payload);
      }
    },
    tasmota,
    newCommandTopics() {
      if (!news) {
        return [];
      }
      news = false;
      const { native, announced: others } = told();
      const all = [...native, ...others].flatMap(({ found }) => found).flatMap((one) => one.commandTopics);
      const fresh = [...new Set(all)].filter((topic) => !watched.has(topic));
      for (const topic of fresh) {
        watched.add(topic);
      }
      return fresh;
    },
    get heardOf() {
      return tasmota.count + zigbee.size + shelly.size + announced.size;
    },
    sources: () => ({
      ...told(),
      retained: [...retained.values()].toSorted((a, b) => (a.topic < b.topic ? -1 : 1)),
      notes:
        refused === 0
          ? []
          : [
              `${refused} discovery ${refused === 1 ? "message was" : "messages were"} left out: no JSON, too large, or more than any lab has`,
            ],
    }),
  };
}
