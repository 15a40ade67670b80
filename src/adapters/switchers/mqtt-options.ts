// The options of a generic MQTT switcher as they are written, each described. How they fit together is checked in mqtt-mistakes.ts; what
// they come to is in mqtt-plan.ts.

import { z } from "zod";
import { jsonPath, jsonValue } from "../json-path.ts";
import { presetNames } from "./mqtt-presets.ts";

/** Less than the packets that small devices take. */
const longestPayload = 4096;

/** Longer than the topics of any device; brokers take 65,535 bytes. */
const longestTopic = 256;

const topic = z
  .string()
  .min(1, { error: "is empty: write a topic", abort: true })
  .refine((text) => Buffer.byteLength(text) <= longestTopic, {
    error: `is longer than ${longestTopic} bytes`,
  })
  .regex(/^[^+#]*$/, { error: "has a wildcard (`+` or `#`): write the one topic that is meant" })
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, { error: "has a control character, which no topic can have" })
  .regex(/^[^$]/, { error: "begins with `$`: such topics are the broker's own" });

const payload = z.string().refine((text) => Buffer.byteLength(text) <= longestPayload, {
  error: `is longer than ${longestPayload} bytes`,
});

const value = z
  .union([z.string(), z.number(), z.boolean()], {
    error: "is no text, number or boolean; write JSON as a text, in quotes",
  })
  .transform(String)
  .pipe(payload);

const pathMeaning =
  'Where it stands in a JSON message: keys with dots between them, one with other characters in double quotes (`params."switch:0".output`). A ' +
  "message that has nothing there says nothing.";

const path = jsonPath.optional().meta({ description: `${pathMeaning} Absent: the whole message.` });

const oneOrMore = <One extends z.ZodType>(one: One) => z.union([one, z.array(one).min(1).max(8)]);

const place = z.strictObject({
  topic: topic.meta({ description: "The topic on which it is told." }),
  path,
});

const meter = (unit: string) =>
  place
    .safeExtend({
      scale: z
        .number()
        .gt(0, { error: "is nothing to multiply a reading by; write a number above 0" })
        .default(1)
        .meta({ description: `What the number there is multiplied by to be ${unit}.` }),
    })
    .optional();

const placeholders = "`{{outlet}}` (from 1), `{{index}}` (from 0) and `{{name}}` (of the switcher)";

export const fields = z.strictObject({
  type: z.literal("mqtt").meta({ description: "Any device that is switched over the MQTT connection." }),
  preset: z
    .enum(presetNames)
    .optional()
    .meta({
      description:
        "What family the device is of; it brings all topics and words, and needs `device`. " +
        "`shelly-gen1`, `shelly-gen2` (Plus, Pro, Gen3, Gen4): the position is read back. " +
        "`zigbee2mqtt`: what the bridge holds for true; a switch counts when the radio has acknowledged it. " +
        "`esphome`: what the node last told, believed while it answers a ping; needs `channel`. " +
        "Absent: the device is described by `command`, `state` and the others.",
    }),
  device: topic.optional().meta({
    description:
      "With a preset: the device's name in its topics. `shelly-gen1`: its id, such as shellyplug-s-1A2B3C. `shelly-gen2`: its MQTT prefix, " +
      "such as shellyplus1-a8032abe54dc. `zigbee2mqtt`: its friendly name. `esphome`: the node's name.",
  }),
  base: topic.optional().meta({
    description:
      "With a preset: what stands before `device` in the topics, if it is not the usual `shellies` or `zigbee2mqtt`. `esphome`: the node's " +
      "`topic_prefix`, if it is not its name.",
  }),
  channel: jsonValue
    .pipe(z.string().max(64))
    .optional()
    .meta({
      description:
        "With a preset: which switch of the device. Shelly: a number from 0. `zigbee2mqtt`: l1, left and so on; absent for a device with one. " +
        "`esphome`: the switch's object id, required. For a group it has `{{outlet}}` (from 1) or `{{index}}` (from 0) in it. Default for " +
        "a group: 0, 1, ... (Shelly), l1, l2, ... (`zigbee2mqtt`).",
    }),
  outlets: z.int().min(1).max(64).optional().meta({
    description:
      "How many outlets, 1 to 64: they become a group, `NAME/1` to `NAME/n`. Without it there is one outlet, named by the switcher alone.",
  }),
  command: topic.optional().meta({
    description: `Without a preset, required: the topic that the device is commanded on; never retained. For a group it, or the payloads, have ${placeholders} in them; so may all topics, payloads and paths.`,
  }),
  on: value.optional().meta({
    description:
      "What is published to switch on; JSON in quotes, with `{{id}}` for a number that is new each time. Default `ON`.",
  }),
  off: value.optional().meta({ description: "What is published to switch off. Default `OFF`." }),
  state: z
    .union([topic, z.array(place).min(1).max(8)])
    .optional()
    .meta({
      description:
        "Where the device tells its position: a topic (then `path` says where in it), or a list of `{ topic, path }`. Only live messages count; " +
        "retained ones are of the past and are believed only as `query` says. Absent: it never tells, and `assume` is required.",
    }),
  path: jsonPath
    .optional()
    .meta({ description: `${pathMeaning} Absent: the whole message is the position.` }),
  stateOn: value.optional().meta({
    description:
      "What stands there when it is on; compared exactly, case counts. Default: what `on` is, unless that is JSON. Anything that is neither " +
      "this nor `stateOff` says nothing.",
  }),
  stateOff: value
    .optional()
    .meta({ description: "What stands there when it is off. Default: what `off` is, unless that is JSON." }),
  query: z
    .union([
      z.literal("none"),
      z.strictObject({
        topic: topic.meta({ description: "The topic to publish the question to." }),
        payload: value.prefault("").meta({ description: "What is published there. Default empty." }),
        answer: topic.optional().meta({
          description:
            "For a device that retains its state and answers without telling it: the topic of that answer. After a live one, and only then, what " +
            "is retained as its state is believed.",
        }),
      }),
    ])
    .optional()
    .meta({
      description:
        "How to ask for the position, so that it is told on `state`: `{ topic, payload }`, where `answer` may say that the answer comes " +
        "elsewhere. `none` takes a preset's away. Without it what is retained is believed while `availability` says online, and " +
        "without that, too, the position is known only when the device tells it by itself.",
    }),
  availability: oneOrMore(
    z.strictObject({
      topic: topic.meta({ description: "The topic on which it is told." }),
      path,
      online: value.prefault("online").meta({ description: "What stands there when it is there." }),
      offline: value.prefault("offline").meta({ description: "What stands there when it is gone." }),
    }),
  )
    .optional()
    .meta({
      description:
        "Where the device (or its last will) tells that it is there: `{ topic, path, online, offline }`, or a list of these that all have to " +
        "say online. A hint, upon which it is asked. Default words `online` and `offline`.",
    }),
  power: meter("watts").meta({
    description:
      "Where the device tells what it draws: `{ topic, path, scale }`; `scale` times the number is watts.",
  }),
  energy: meter("kilowatt-hours").meta({
    description:
      "Where the device tells its meter's total: `{ topic, path, scale }`; `scale` times the number is kWh.",
  }),
  assume: z
    .enum(["on", "off"])
    .optional()
    .meta({
      description:
        "Required where nothing tells the position (no `preset`, no `state`), and only there: what lastout takes it for at its start and when " +
        "the device was away; from then on what it last told it. `on` is the careful choice: nothing is called off that was not told off.",
    }),
});

export type MqttOptions = z.output<typeof fields>;
