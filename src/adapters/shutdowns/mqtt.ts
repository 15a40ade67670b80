// Tells a machine over the devices' MQTT connection to shut down. The broker's word that it took the message is all that is
// heard: whether anybody listens, and obeys, shows when the machine is gone.

import { z } from "zod";
import type { Shutdown } from "../../ports/shutdown.ts";
import { orAborted } from "../or-aborted.ts";
import { defineShutdown, type ShutdownParts } from "./define.ts";
import { accepted, failed } from "./outcomes.ts";

/** Less than the packets that ordinary brokers take, with room for headers. */
const longestPayload = 16_384;

const options = z.strictObject({
  type: z.literal("mqtt").meta({ description: "Shut down by a message over the MQTT connection." }),
  topic: z
    .string()
    .min(1, { error: "is empty: write the topic that the machine listens to", abort: true })
    .refine((topic) => Buffer.byteLength(topic) <= 1024, { error: "is longer than 1024 bytes" })
    .regex(/^[^+#\p{Cc}\p{Cs}]+$/u, {
      error: "has a character that no topic to publish to can have (`+`, `#` or a control character)",
    })
    .regex(/^[^$]/, { error: "begins with `$`: such topics are the broker's own" })
    .meta({ description: "The topic that the machine listens to." }),
  payload: z
    .string()
    .refine((payload) => Buffer.byteLength(payload) <= longestPayload, {
      error: `is longer than ${longestPayload} bytes`,
    })
    .default("")
    .meta({ description: "What is published there, with QoS 1 and never retained. Default empty." }),
});

export const mqtt = defineShutdown({
  type: "mqtt",
  summary: "Shuts down by publishing a message, for example for an agent on the machine.",
  needs:
    "Somebody who listens to the topic and shuts the machine down, and a `check` at the resource: that the message was sent does not show that " +
    "the machine is down.",
  options,
  examples: [
    {
      title: "An agent on the machine",
      about: "The topic should be writable for lastout alone.",
      name: "build1",
      options: { type: "mqtt", topic: "agents/build1/shutdown", payload: "now" },
    },
  ],
  create: createMqtt,
});

function createMqtt({ topic, payload }: z.output<typeof options>, { bus }: ShutdownParts): Shutdown {
  return {
    async run(signal) {
      if (signal.aborted) {
        return failed(`nothing was published to ${topic}: time was up before`);
      }
      try {
        const taken = await orAborted(
          bus.send(topic, payload).then(() => true),
          signal,
        );
        return taken === true
          ? accepted(`published to ${topic}`)
          : failed(`the broker did not say in time that it took the message to ${topic}`);
      } catch (error) {
        return failed(
          `the message to ${topic} was not taken: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    },
  };
}
