// The JSON objects that a simulated Tasmota socket publishes about itself: STATE, SENSOR with ENERGY, Status, INFO, discovery. Pure: all
// from a view of the device, nothing is sent from here. Key names and their order as firmware 15.2 has them.

import type { Relays } from "./tasmota-relays.ts";
import { fallbackBase, firmware, type Identity, type Settings, topicBase } from "./tasmota-settings.ts";

export interface DeviceView {
  readonly settings: Settings;
  readonly identity: Identity;
  readonly relays: Relays;
  /** Watts, one number for each channel of the meter; empty without a meter. As sampled last. */
  readonly sampledWatts: readonly number[];
  /** Watt-hours since the last periodic telemetry, per channel. */
  readonly periodWh: readonly number[];
  readonly totalKwh: readonly number[];
  readonly uptimeS: number;
  readonly mqttCount: number;
  readonly restartReason: string;
  readonly broker: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly keepalive: number;
  };
}

type Json = Record<string, unknown>;

/** `POWER` for a single relay (`POWER1` with SetOption26), else always with its number. */
export const powerName = (view: Pick<DeviceView, "settings" | "relays">, relay: number): string =>
  view.relays.count === 1 && !view.settings.options.has(26) ? "POWER" : `POWER${relay}`;

export const powerWord = (view: Pick<DeviceView, "settings" | "relays">, relay: number): string =>
  view.settings.stateText[view.relays.power(relay) ? 1 : 0];

const relayNumbers = (view: DeviceView): number[] =>
  Array.from({ length: view.relays.count }, (_, i) => i + 1);

const two = (value: number): string => String(value).padStart(2, "0");

const uptimeText = (seconds: number): string =>
  `${Math.floor(seconds / 86_400)}T${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;

/** Local time without a zone. */
function localTime(): string {
  const now = new Date();
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  return `${day}T${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
}

export function stateObject(view: DeviceView): Json {
  return {
    Time: localTime(),
    Uptime: uptimeText(view.uptimeS),
    UptimeSec: view.uptimeS,
    Heap: 25,
    SleepMode: "Dynamic",
    Sleep: 50,
    LoadAvg: 19,
    MqttCount: view.mqttCount,
    ...Object.fromEntries(relayNumbers(view).map((n) => [powerName(view, n), powerWord(view, n)])),
    Wifi: {
      AP: 1,
      SSId: "lab",
      BSSId: "02:00:00:00:00:01",
      Channel: 6,
      Mode: "HT20",
      RSSI: 78,
      Signal: -61,
      LinkCount: 1,
      Downtime: "0T00:00:03",
    },
    Hostname: view.identity.hostname,
    IPAddress: "192.0.2.10",
  };
}

/** `undefined` for a device without sensors, which publishes no SENSOR at all. `Period` only in the periodic telemetry. */
export function sensorObject(view: DeviceView, periodic: boolean): Json | undefined {
  return view.sampledWatts.length === 0
    ? undefined
    : { Time: localTime(), ENERGY: energyObject(view, periodic) };
}

const round = (value: number, decimals: number): number => Number(value.toFixed(decimals));

const perChannel = (values: readonly number[]): number | readonly number[] =>
  values.length === 1 ? (values[0] ?? 0) : values;

/** One channel: numbers. Several: arrays for what each channel has of its own; sums stay scalar without SetOption129. */
function energyObject(view: DeviceView, periodic: boolean): Json {
  const anyOn = relayNumbers(view).some((n) => view.relays.power(n));
  const measuring = anyOn || view.settings.options.has(21);
  const watts = view.sampledWatts.map((value) => (measuring ? value : 0));
  const volts = measuring ? 230 : 0;
  const sum = (values: readonly number[]): number | readonly number[] =>
    view.settings.options.has(129) && values.length > 1
      ? values.map((value) => round(value, 3))
      : round(
          values.reduce((total, value) => total + value, 0),
          3,
        );
  return {
    TotalStartTime: "2026-01-01T00:00:00",
    Total: sum(view.totalKwh),
    Yesterday: sum(view.totalKwh.map(() => 0)),
    Today: sum(view.totalKwh),
    ...(periodic ? { Period: perChannel(view.periodWh.map((value) => Math.round(value))) } : {}),
    Power: perChannel(watts.map((value) => Math.round(value))),
    ApparentPower: perChannel(watts.map((value) => Math.round(value * 1.05))),
    ReactivePower: perChannel(watts.map((value) => Math.round(value * 0.32))),
    Factor: perChannel(watts.map((value) => (value === 0 ? 0 : 0.95))),
    Voltage: volts,
    Current: perChannel(watts.map((value) => (volts === 0 ? 0 : round((value * 1.05) / volts, 3)))),
  };
}

export function infoObjects(view: DeviceView): [Json, Json, Json] {
  const { settings, identity } = view;
  return [
    {
      Info1: {
        Module: "Generic",
        Version: firmware,
        FallbackTopic: fallbackBase(identity, "cmnd"),
        GroupTopic: topicBase(settings, identity, "cmnd", settings.groupTopics[0] ?? "tasmotas"),
      },
    },
    { Info2: { WebServerMode: "Admin", Hostname: identity.hostname, IPAddress: "192.0.2.10" } },
    { Info3: { RestartReason: view.restartReason, BootCount: settings.bootCount } },
  ];
}

/** The object of `Status <n>` by number; `undefined` where the device has none. 0 is put together by the caller. */
export function statusObject(view: DeviceView, number: number): Json | undefined {
  switch (number) {
    case 1:
      return {
        StatusPRM: {
          Baudrate: 115_200,
          SerialConfig: "8N1",
          GroupTopic: view.settings.groupTopics[0] ?? "tasmotas",
          OtaUrl: "http://ota.tasmota.com/tasmota/release/tasmota.bin.gz",
          RestartReason: view.restartReason,
          Uptime: uptimeText(view.uptimeS),
          StartupUTC: "2026-01-01T00:00:00",
          Sleep: 50,
          CfgHolder: 4617,
          BootCount: view.settings.bootCount,
        },
      };
    case 2:
      return {
        StatusFWR: {
          Version: firmware,
          BuildDateTime: "2025-12-24T10:00:00",
          Core: "2_7_8",
          SDK: "2.2.2-dev(38a443e)",
          Hardware: "ESP8266EX",
        },
      };
    case 3:
      return {
        StatusLOG: { SerialLog: 2, WebLog: 2, MqttLog: 0, SysLog: 0, TelePeriod: view.settings.telePeriod },
      };
    case 4:
      return { StatusMEM: { ProgramSize: 650, Free: 352, Heap: 25, FlashSize: 1024 } };
    case 5:
      return {
        StatusNET: {
          Hostname: view.identity.hostname,
          IPAddress: "192.0.2.10",
          Gateway: "192.0.2.1",
          Subnetmask: "255.255.255.0",
          DNSServer1: "192.0.2.1",
          DNSServer2: "0.0.0.0",
          Mac: view.identity.mac.replaceAll(/(..)(?=.)/g, "$1:"),
          Webserver: 2,
          HTTP_API: 1,
          WifiConfig: 4,
          WifiPower: 17,
        },
      };
    case 6:
      return {
        StatusMQT: {
          MqttHost: view.broker.host,
          MqttPort: view.broker.port,
          MqttClientMask: "DVES_%06X",
          MqttClient: view.identity.clientId,
          MqttUser: view.broker.user,
          MqttCount: view.mqttCount,
          MqttTLS: 0,
          MAX_PACKET_SIZE: 1200,
          KEEPALIVE: view.broker.keepalive,
          SOCKET_TIMEOUT: 4,
        },
      };
    case 7:
      return { StatusTIM: { UTC: new Date().toISOString().slice(0, 19), Local: localTime() } };
    case 8:
    case 10:
      return { StatusSNS: sensorObject(view, false) ?? { Time: localTime() } };
    case 9:
      return view.sampledWatts.length === 0
        ? undefined
        : { StatusPTH: { PowerDelta: [view.settings.powerDelta, 0, 0], PowerLow: 0, PowerHigh: 0 } };
    case 11:
      return { StatusSTS: stateObject(view) };
    default:
      return undefined;
  }
}

export function statusSummary(view: DeviceView): Json {
  const { settings } = view;
  const numbers = relayNumbers(view);
  const bits = numbers.toReversed().map((n) => (view.relays.power(n) ? "1" : "0"));
  const locks = numbers.toReversed().map((n) => (settings.powerLock[n - 1] === true ? "1" : "0"));
  const flag = (name: string): number => (settings.retain.has(name) ? 1 : 0);
  return {
    Status: {
      Module: 0,
      DeviceName: "Tasmota",
      FriendlyName: numbers.map((n) => (n === 1 ? "Tasmota" : `Tasmota${n}`)),
      Topic: settings.topic,
      ButtonTopic: settings.buttonTopic,
      Power: bits.join(""), // Most significant relay first, a text of binary digits since 13.4.0.4.
      PowerLock: locks.join(""),
      PowerOnState: settings.powerOnState,
      LedState: 1,
      LedMask: "FFFF",
      SaveData: settings.saveData,
      SaveState: settings.options.has(0) ? 1 : 0,
      SwitchTopic: "0",
      SwitchMode: [0],
      ButtonRetain: flag("BUTTON"),
      SwitchRetain: 0,
      SensorRetain: flag("SENSOR"),
      PowerRetain: flag("POWER"),
      InfoRetain: flag("INFO"),
      StateRetain: flag("STATE"),
      StatusRetain: flag("STATUS"),
    },
  };
}

/** What stands, retained, below `tasmota/discovery/<MAC>/`. */
export function discoveryObjects(view: DeviceView): { config: Json; sensors: Json } {
  const { settings, identity } = view;
  const option = (number: number): number => (settings.options.has(number) ? 1 : 0);
  return {
    config: {
      ip: "192.0.2.10",
      dn: "Tasmota",
      fn: Array.from({ length: 8 }, (_, i) =>
        i < view.relays.count ? (i === 0 ? "Tasmota" : `Tasmota${i + 1}`) : null,
      ),
      hn: identity.hostname,
      mac: identity.mac,
      md: "Generic",
      ty: 0,
      if: 0,
      cam: 0,
      ofln: "Offline",
      onln: "Online",
      state: settings.stateText,
      sw: firmware.replace(/\(.*/, ""),
      t: settings.topic,
      ft: settings.fullTopic,
      tp: settings.prefixes,
      rl: Array.from({ length: 32 }, (_, i) => (i < view.relays.count ? 1 : 0)),
      swc: Array.from({ length: 8 }, () => -1),
      swn: Array.from({ length: 8 }, () => null),
      btn: Array.from({ length: 8 }, () => 0),
      so: Object.fromEntries(
        [4, 11, 13, 17, 20, 30, 68, 73, 82, 114, 117].map((n) => [String(n), option(n)]),
      ),
      lk: 1,
      lt_st: 0,
      bat: 0,
      dslp: 0,
      sho: [],
      sht: [],
      ver: 1,
    },
    sensors: { sn: sensorObject(view, false) ?? { Time: localTime() }, ver: 1 },
  };
}
