// Any device that is switched over MQTT: what is listened to, what is believed, how it is told and asked. Where its topics and words come
// from is in mqtt-plan.ts; what is unusual in a family of devices, in mqtt-presets.ts.

import type { Position } from "../../core/settings.ts";
import type { BusMessage, StopListening } from "../../ports/bus.ts";
import { type Switcher, SwitcherError, type SwitcherReport } from "../../ports/switcher.ts";
import { isSame, valueIn } from "../json-path.ts";
import { defineSwitcher, type SwitcherParts } from "./define.ts";
import { examples } from "./mqtt-examples.ts";
import { mistakesIn } from "./mqtt-mistakes.ts";
import { fields, type MqttOptions } from "./mqtt-options.ts";
import { type OutletPlan, planOf } from "./mqtt-plan.ts";
import { fill, freshId, type Meter, type Request, type Wiring } from "./mqtt-wiring.ts";
import { noConnection, send } from "./send.ts";

export const mqtt = defineSwitcher({
  type: "mqtt",
  summary:
    "Any device that is switched over MQTT: Shelly, Zigbee2MQTT and ESPHome by a preset, others by their topics and words. How sure the " +
    "position is depends on the device; see [mqtt-devices.md](mqtt-devices.md).",
  needs: "A device that is connected to the broker that lastout uses, or a bridge that is.",
  options: fields.superRefine((given, context) => {
    for (const { field, message } of mistakesIn(given)) {
      context.addIssue({ code: "custom", path: [field], message, input: given });
    }
  }),
  outlets: (given) => given.outlets,
  capabilities: (given) => planOf(given, "x").capabilities,
  examples,
  create: createMqtt,
});

function createMqtt(given: MqttOptions, { name, bus }: SwitcherParts): Switcher {
  const { outlets, assume, capabilities } = planOf(given, name);
  const wirings = outlets.map(({ wiring }) => wiring);
  const queries = distinct(wirings.map(({ query }) => query));
  const answers = new Set(queries.flatMap(({ answer }) => answer ?? []));
  const availability = distinct(wirings.flatMap((wiring) => wiring.availability));
  const stateTopics = new Set(wirings.flatMap(({ state }) => state.map(({ topic }) => topic)));
  const wills = new Set(availability.map(({ topic }) => topic));

  let report: (report: SwitcherReport) => void = unheard;
  let listening: readonly StopListening[] = [];
  let connected = false;
  let lastId = 0;
  /** What was last said on each topic of its availability, in this connection. */
  const online = new Map<string, boolean>();
  /** It was asked, and has not answered since. */
  let asked = false;
  /** It has answered the last question, so that what it retains is its last word. */
  let vouched = false;
  /** Only where nothing tells the position: what it was last told. */
  const told = new Map<string, Position>();
  const warned = new Set<string>();

  const isOffline = (): boolean => [...online.values()].includes(false);
  const isOnline = (): boolean => wills.size > 0 && [...wills].every((topic) => online.get(topic) === true);

  const forgetTold = (): void => {
    for (const { outlet } of outlets) {
      told.set(outlet, assume ?? "on");
    }
  };
  forgetTold();

  /**
   * A live message is the device's word, unless a bridge says it that calls the device offline. A retained one is of the past: it counts
   * only when the device has shown that it lives, by an answer or, where it cannot be asked, by its availability.
   */
  const isBelieved = (message: BusMessage, wiring: Wiring): boolean =>
    message.retained ? vouched || (queries.length === 0 && isOnline()) : !(wiring.bridged && isOffline());

  const readPosition = (outlet: string, wiring: Wiring, said: unknown): void => {
    const on = isSame(said, wiring.stateOn);
    if (on !== isSame(said, wiring.stateOff)) {
      report({ kind: "position", outlet, position: on ? "on" : "off", uptime: undefined });
    }
  };

  /** Old readings are worth nothing, whoever keeps them. */
  const readMeter =
    (outlet: string, wiring: Wiring, { path, scale }: Meter, kind: "watts" | "kwh") =>
    (message: BusMessage): void => {
      const value = message.retained || !isBelieved(message, wiring) ? undefined : numberIn(message, path);
      if (value !== undefined) {
        report({ kind: "reading", outlet, watts: undefined, kwh: undefined, [kind]: value * scale });
      }
    };

  /**
   * A last will is worth hearing when it is retained, too: it is a hint either way. A word that is neither (`init`, `disconnected`) takes
   * back that it is there; a message that has nothing to say at that path leaves all as it is.
   */
  const readAvailability =
    (topic: string) =>
    (message: BusMessage): void => {
      const said = availability
        .filter((one) => one.topic === topic)
        .map((words) => ({ words, value: valueIn(message.payload, words.path) }))
        .filter(({ value }) => value !== undefined);
      const yes = said.some(({ value, words }) => isSame(value, words.online));
      const no = said.some(({ value, words }) => isSame(value, words.offline));
      const before = online.get(topic);
      const up = yes === no ? undefined : yes;
      if (said.length === 0 || (up === undefined && before !== true) || (message.retained && up === before)) {
        return; // no news
      }
      if (up === undefined) {
        online.delete(topic);
      } else {
        online.set(topic, up);
      }
      if (up !== true) {
        vouched = false;
        forgetTold(); // it may have lost its power, or been switched by hand, and will not tell
      }
      report({ kind: "hint", online: up === true });
    };

  const readAnswer = (message: BusMessage): void => {
    if (asked && !message.retained) {
      asked = false;
      vouched = true;
      readAgain(stateTopics);
    }
  };

  /** A further subscription makes the broker send what it keeps. Which of it is believed is decided when it comes. */
  const readAgain = (topics: Iterable<string>): void => {
    for (const topic of topics) {
      bus.subscribe(topic, unheard)();
    }
  };

  /** Such a command is carried out by the device at each of its connections. Its own ones come back unretained. */
  const readCommand = ({ topic, payload, retained }: BusMessage): void => {
    if (retained && payload.byteLength > 0 && !warned.has(topic)) {
      warned.add(topic);
      report({ kind: "retained-command", topic });
    }
  };

  const listenTo = ({ outlet, wiring }: OutletPlan): StopListening[] => [
    ...wiring.state.map(({ topic, path }) =>
      bus.subscribe(topic, (message) => {
        if (isBelieved(message, wiring)) {
          readPosition(outlet, wiring, valueIn(message.payload, path));
        }
      }),
    ),
    ...wiring.power.map((one) => bus.subscribe(one.topic, readMeter(outlet, wiring, one, "watts"))),
    ...wiring.energy.map((one) => bus.subscribe(one.topic, readMeter(outlet, wiring, one, "kwh"))),
  ];

  const request = ({ topic, payload }: Request, signal: AbortSignal): void => {
    lastId += 1;
    send(bus, name, topic, fill(payload, { [freshId]: String(lastId) }), signal);
  };

  const mayAct = (signal: AbortSignal): void => {
    if (signal.aborted) {
      throw new SwitcherError("aborted", `${name} was not asked: it was no longer wanted`);
    }
    if (!connected) {
      throw new SwitcherError("unreachable", noConnection(name));
    }
  };

  return {
    name,
    outlets: outlets.map(({ outlet }) => outlet),
    capabilities,
    start(to) {
      report = to;
      listening = [
        // First, so that as much as can be is known of whether it is there when its retained state comes.
        ...[...wills].map((topic) => bus.subscribe(topic, readAvailability(topic))),
        ...[...answers].map((topic) => bus.subscribe(topic, readAnswer)),
        ...outlets.flatMap(listenTo),
        ...[...new Set(wirings.map(({ command }) => command.topic))].map((topic) =>
          bus.subscribe(topic, readCommand),
        ),
        bus.onConnected(() => {
          connected = true;
          report({ kind: "connected" });
        }),
        bus.onLost(() => {
          connected = false;
          asked = false;
          vouched = false;
          online.clear();
          warned.clear();
          report({ kind: "lost" });
        }),
      ];
    },
    async set(outlet, position, signal) {
      const plan = outlets.find((known) => known.outlet === outlet);
      if (plan === undefined) {
        throw new SwitcherError("refused", `${name} has no outlet ${outlet}`);
      }
      const { topic, ...payloads } = plan.wiring.command;
      request({ topic, payload: payloads[position] }, signal);
      if (assume !== undefined && !isOffline()) {
        told.set(outlet, position);
        report({ kind: "position", outlet, position, uptime: undefined });
      }
    },
    async ask(signal) {
      mayAct(signal);
      if (assume !== undefined) {
        for (const [outlet, position] of isOffline() ? [] : told) {
          report({ kind: "position", outlet, position, uptime: undefined });
        }
        return;
      }
      asked = true;
      vouched = false;
      if (isOffline()) {
        readAgain(wills); // a broker may have lost the message that it is back; what it keeps tells
      }
      for (const query of queries) {
        request(query, signal);
      }
      if (queries.length === 0) {
        readAgain(stateTopics);
      }
    },
    async measure(signal) {
      mayAct(signal);
      for (const question of distinct(wirings.map(({ measure }) => measure))) {
        request(question, signal);
      }
    },
    async close() {
      report = unheard;
      for (const stop of listening) {
        stop();
      }
      listening = [];
      connected = false;
    },
  };
}

const unheard = (): void => undefined;

/** A number, also one that is written as a text by a device that speaks without JSON. */
function numberIn({ payload }: BusMessage, path: Meter["path"]): number | undefined {
  const said = valueIn(payload, path);
  const number =
    typeof said === "string" && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(said) ? Number(said) : said;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

/** Without those that are there already. */
function distinct<One>(all: readonly (One | undefined)[]): readonly One[] {
  const known = new Map<string, One>();
  for (const one of all) {
    if (one !== undefined) {
      known.set(JSON.stringify(one), one);
    }
  }
  return [...known.values()];
}
