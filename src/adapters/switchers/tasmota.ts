// Tasmota relays over MQTT: what the device's options mean, what is listened to, how it is told and asked. What its messages
// say is in tasmota-messages.ts. Source: Tasmota 15.2.0.2 (xdrv_02_9_mqtt.ino, support_command.ino) and its documentation "MQTT".

import { z } from "zod";
import type { BusMessage, StopListening } from "../../ports/bus.ts";
import {
  type Capabilities,
  type Switcher,
  SwitcherError,
  type SwitcherReport,
} from "../../ports/switcher.ts";
import { defineSwitcher, outletIds, type SwitcherParts } from "./define.ts";
import { send } from "./send.ts";
import * as messages from "./tasmota-messages.ts";
import { deviceTopics, fullTopicProblem, longestTopic } from "./tasmota-topics.ts";

/** The relay's own position is read back from the firmware, which also tells of every change, whoever made it. */
const capabilities: Capabilities = { readback: "hardware", push: true, meter: true };

/** The firmware drives at most 32 relays (MAX_RELAYS_SET). */
const mostRelays = 32;

const topicText = (what: string) =>
  z
    .string()
    .min(1, { error: `is empty: write ${what}`, abort: true })
    .max(100, { error: "is longer than a device takes (100 characters)" })
    .regex(/^[^+#%\p{Cc}]+$/u, {
      error: "has a character that no topic of a device has (`+`, `#`, `%` or a control character)",
    });

const options = z
  .strictObject({
    type: z
      .literal("tasmota")
      .meta({ description: "A device with Tasmota firmware, over the MQTT connection." }),
    topic: topicText("what the device answers to the command Topic").meta({
      description: "The device's topic, as set with its command `Topic`; case counts.",
    }),
    fullTopic: z
      .string()
      .min(1, { error: "is empty: leave it out for %prefix%/%topic%/" })
      .default("%prefix%/%topic%/")
      .meta({
        description:
          "The device's topic template, as set with its command `FullTopic`, with `%prefix%` and `%topic%`. " +
          "Where the device's has `%hostname%` or `%id%`, write here what stands for it.",
      }),
    prefixes: z
      .tuple([topicText("Prefix1"), topicText("Prefix2"), topicText("Prefix3")])
      .default(["cmnd", "stat", "tele"])
      .meta({
        description:
          "The device's prefixes for commands, replies and telemetry, as set with `Prefix1` to `Prefix3`.",
      }),
    outlets: z
      .int()
      .min(1)
      .max(mostRelays)
      .optional()
      .meta({
        description:
          "How many relays the device has, 1 to 32: they become a group, `NAME/1` to `NAME/n`. " +
          "Without it there is one outlet, named by the switcher alone.",
      }),
    outlet: z
      .int()
      .min(1)
      .max(mostRelays)
      .optional()
      .meta({
        description:
          "Which relay this one outlet is, 1 to 32, where the device has several and the others are not switched through here. " +
          "Not together with `outlets`.",
      }),
  })
  .superRefine((given, context) => {
    const refuse = (field: string, message: string): void =>
      context.addIssue({ code: "custom", path: [field], message, input: given });
    const problem = fullTopicProblem(given.fullTopic);
    if (problem !== undefined) {
      refuse("fullTopic", problem);
      return;
    }
    if (given.outlet !== undefined && given.outlets !== undefined) {
      refuse("outlet", "is one relay and `outlets` is all of them: leave one of the two out");
    }
    if (given.prefixes[0] === given.prefixes[1] || given.prefixes[0] === given.prefixes[2]) {
      refuse(
        "prefixes",
        "has the same word for commands as for what the device says: they could not be told apart",
      );
    }
    if (deviceTopics(given).command("POWER32").length > longestTopic) {
      refuse("fullTopic", `makes topics of more than the ${longestTopic} characters that a device can take`);
    }
  });

export const tasmota = defineSwitcher({
  type: "tasmota",
  summary:
    "Sockets and relay boards with Tasmota firmware, over MQTT; also as a group, with meter where the device has one.",
  needs:
    "A device with Tasmota firmware that is connected to the broker that lastout uses; [tasmota.md](tasmota.md) says how it is set up.",
  options,
  outlets: (given) => given.outlets,
  capabilities: () => capabilities,
  examples: [
    {
      title: "A socket",
      about: "`topic` is what its command `Topic` answers; nothing else is needed.",
      name: "build1-plug",
      options: { type: "tasmota", topic: "plug1" },
    },
    {
      title: "A strip, as a group",
      about: "Its outlets are `rack-strip/1` to `rack-strip/4`, and never switched on all at once.",
      name: "rack-strip",
      options: { type: "tasmota", topic: "strip1", outlets: 4 },
    },
    {
      title: "One relay of a bigger device",
      about: "Where the other relays of the device are switched by somebody else.",
      name: "third-relay",
      options: { type: "tasmota", topic: "board1", outlet: 3 },
    },
    {
      title: "A device with other topics",
      about: "Where `FullTopic`, or one of `Prefix1` to `Prefix3`, is set to something else on the device.",
      name: "lab-plug",
      options: { type: "tasmota", topic: "plug2", fullTopic: "lab/%topic%/%prefix%/" },
    },
  ],
  create: createTasmota,
});

type Options = z.output<typeof options>;

function createTasmota(given: Options, { name, bus }: SwitcherParts): Switcher {
  const topics = deviceTopics(given);
  const outlets = outletIds(name, given.outlets);
  const relays = outlets.map((outlet, index) => ({ outlet, relay: given.outlet ?? index + 1 }));
  const layout = meterLayout(given);
  let words = messages.defaultWords;
  let report: (report: SwitcherReport) => void = unheard;
  const warned = new Set<string>();
  let listening: readonly StopListening[] = [];

  /** Replies and telemetry. With SetOption4 a JSON reply stands on the topic that else has the plain word. */
  const read = (said: messages.Said): void => {
    if (said.kind === "text") {
      return;
    }
    const uptime = messages.uptimeIn(said.object);
    for (const { outlet, relay } of relays) {
      const position = messages.positionIn(said.object, relay, words);
      if (position !== undefined) {
        report({ kind: "position", outlet, position, uptime });
      }
      const reading = messages.readingIn(said.object, relay, layout);
      if (reading !== undefined) {
        report({ kind: "reading", outlet, ...reading });
      }
    }
  };

  const readPower =
    (outlet: string) =>
    (said: messages.Said): void => {
      const position = said.kind === "text" ? messages.positionOf(said.text, words) : undefined;
      if (position !== undefined) {
        report({ kind: "position", outlet, position, uptime: undefined });
      }
      read(said);
    };

  /** The last will is worth hearing when it is retained, too: it is a hint either way. */
  const readWill = (message: BusMessage): void => {
    const said = messages.decode(message.payload);
    const online = said?.kind === "text" ? messages.onlineOf(said.text, words) : undefined;
    if (online !== undefined) {
      report({ kind: "hint", online });
    }
  };

  const readBoot = (said: messages.Said): void => {
    if (said.kind === "json" && messages.tellsOfBoot(said.object)) {
      report({ kind: "rebooted" });
    }
  };

  /** Discovery describes every device on the broker; most of it is not ours and is not parsed. */
  const readDiscovery = (message: BusMessage): void => {
    if (!contains(message.payload, JSON.stringify(given.topic))) {
      return;
    }
    const said = messages.decode(message.payload);
    if (said?.kind === "json") {
      words = messages.wordsLearned(words, said.object, topics.stat(""));
    }
  };

  /**
   * All that is heard on the command topics but a retained relay command is none of our business: it is our own commands, those
   * of others, and the empty POWER that the device itself publishes as it connects. A retained one is carried out by the device
   * at each of its connections.
   */
  const readCommand = (message: BusMessage): void => {
    const command = message.topic.slice(topics.command("").length);
    const relay = /^POWER(\d{0,2})$/i.exec(command)?.[1];
    const number = relay === "" ? 1 : Number(relay ?? Number.NaN);
    const ours = number === 0 || relays.some((known) => known.relay === number);
    if (message.retained && message.payload.byteLength > 0 && ours && !warned.has(message.topic)) {
      warned.add(message.topic);
      report({ kind: "retained-command", topic: message.topic });
    }
  };

  const subscribe = (): StopListening[] => {
    const listeners = new Map<string, (message: BusMessage) => void>();
    // STATE is a reply's topic with SetOption4; STATUS8, 10 and 11 answer what somebody else asked.
    for (const reply of ["RESULT", "STATE", "STATUS8", "STATUS10", "STATUS11"]) {
      listeners.set(topics.stat(reply), live(read));
    }
    for (const { outlet, relay } of relays) {
      listeners.set(topics.stat(`POWER${relay}`), live(readPower(outlet)));
      if (relay === 1) {
        listeners.set(topics.stat("POWER"), live(readPower(outlet)));
      }
    }
    listeners.set(topics.tele("STATE"), live(read));
    listeners.set(topics.tele("SENSOR"), live(read));
    listeners.set(topics.tele("INFO3"), live(readBoot));
    listeners.set(topics.tele("LWT"), readWill);
    // The prefix of discovery is fixed in the firmware (xdrv_12_discovery.ino).
    listeners.set("tasmota/discovery/+/config", readDiscovery);
    listeners.set(topics.command("+"), readCommand);
    return [...listeners].map(([filter, listener]) => bus.subscribe(filter, listener));
  };

  return {
    name,
    outlets,
    capabilities,
    start(to) {
      report = to;
      listening = [
        ...subscribe(),
        bus.onConnected(() => report({ kind: "connected" })),
        bus.onLost(() => {
          warned.clear();
          report({ kind: "lost" });
        }),
      ];
    },
    async set(outlet, position, signal) {
      const relay = relays.find((known) => known.outlet === outlet)?.relay;
      if (relay === undefined) {
        throw new SwitcherError("refused", `${name} has no outlet ${outlet}`);
      }
      const command = given.outlets === undefined && given.outlet === undefined ? "POWER" : `POWER${relay}`;
      send(bus, name, topics.command(command), position === "on" ? "ON" : "OFF", signal);
    },
    async ask(signal) {
      // An empty payload asks and changes nothing. STATE answers for all relays at once and with the uptime; POWER0 is
      // answered in plain words, too, for a device whose JSON cannot be read.
      send(bus, name, topics.command("STATE"), "", signal);
      send(bus, name, topics.command("POWER0"), "", signal);
    },
    async measure(signal) {
      // Status 10 has the sensors, and only in its answer are they read at this moment; a device without a meter answers without
      // ENERGY, from which nothing is read.
      send(bus, name, topics.command("STATUS"), "10", signal);
    },
    async close() {
      report = unheard;
      for (const stop of listening) {
        stop();
      }
      listening = [];
    },
  };
}

const unheard = (): void => undefined;

/** The past is no position: retained messages are dropped before they are read. */
const live =
  (read: (said: messages.Said) => void) =>
  (message: BusMessage): void => {
    const said = message.retained ? undefined : messages.decode(message.payload);
    if (said !== undefined) {
      read(said);
    }
  };

function meterLayout({ outlet, outlets }: Options): messages.MeterLayout {
  return outlet === undefined && (outlets === undefined || outlets === 1)
    ? { kind: "whole" }
    : { kind: "channels", count: outlets };
}

const contains = (payload: Uint8Array, text: string): boolean =>
  Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).includes(text);
