// Up when the last message on a topic says so; made for last wills, which a broker keeps and sends in the name of a machine that is
// gone. It listens all the time and believes nothing from before the connection was lost. Silence is no answer, in neither direction.

import { z } from "zod";
import type { BusMessage } from "../../ports/bus.ts";
import type { Checker } from "../../ports/checker.ts";
import { isSame, type JsonPath, jsonPath, jsonValue, printJsonPath, valueIn } from "../json-path.ts";
import { defineChecker, type CheckerParts } from "./define.ts";
import { down, failed, noAnswer, up } from "./outcomes.ts";

/** `/regular expression/`, with `i` behind it where case does not count. */
const patternForm = /^\/(.+)\/(i?)$/su;

const options = z.strictObject({
  type: z.literal("mqtt").meta({ description: "Up when the last message on a topic says so." }),
  topic: z
    .string()
    .min(1, { error: "is empty: write the topic on which the machine tells that it is there", abort: true })
    .refine((topic) => Buffer.byteLength(topic) <= 1024, { error: "is longer than 1024 bytes" })
    .regex(/^[^+#\p{Cc}\p{Cs}]+$/u, {
      error: "has a wildcard (`+`, `#`) or a control character: write the one topic that is meant",
    })
    .meta({
      description:
        "The topic, best one with a last will, such as `tele/plug1/LWT`. The last message on it counts, retained or not, and until the " +
        "connection to the broker is lost. As long as nothing was heard since, or the topic was cleared, the check is an error: that says " +
        "nothing about the resource. A will comes when the broker misses the machine, after one and a half of its keep-alives.",
    }),
  up: jsonValue
    .superRefine((text, context) => {
      const problem =
        text === "" ? "is empty: write what the message says when it is up" : patternProblem(text);
      if (problem !== undefined) {
        context.addIssue({ code: "custom", message: problem, input: text });
      }
    })
    .meta({
      description:
        "What the message, or the value at `path`, is when it is up, for example `Online`: compared exactly, case counts. Between two slashes " +
        "it is a regular expression that has to match somewhere in it: `/^(online|ready)$/`, with an `i` behind it where case does not " +
        "count. Everything else is down.",
    }),
  path: jsonPath.optional().meta({
    description:
      "Where in a JSON message the value stands: keys with dots between them (`state`, `sensors[0].on`), one with other characters in " +
      'double quotes (`params."switch:0".output`). A message that has no text, number or boolean there says nothing and is skipped. ' +
      "Absent: the whole message counts.",
  }),
});

export const mqtt = defineChecker({
  type: "mqtt",
  summary:
    "Up when the last message on a topic says so, for example the last will of a machine, a device or an agent.",
  needs:
    "Somebody who publishes it to the broker that lastout uses; best with a last will, so that its absence is told, too.",
  options,
  examples: [
    {
      title: "The last will of an agent",
      about:
        "The agent on the machine connects with the will `offline` on this topic, retained, and publishes `online` there.",
      name: "build1",
      options: { type: "mqtt", topic: "agents/build1/status", up: "online" },
    },
    {
      title: "A value in JSON",
      about: "A base station that tells how it is: up when `state.mode` is `idle` or `running`.",
      name: "base-station",
      options: { type: "mqtt", topic: "lab/base-station", path: "state.mode", up: "/^(idle|running)$/" },
    },
  ],
  create: createMqtt,
});

type Said = string | number | boolean;

/** What is known of the topic: nothing before the first message of a connection. */
type Heard =
  | { readonly kind: "nothing" }
  | { readonly kind: "cleared" }
  | { readonly kind: "unreadable" }
  | { readonly kind: "said"; readonly value: Said };

function createMqtt({ topic, up: wanted, path }: z.output<typeof options>, { bus }: CheckerParts): Checker {
  const isUp = matcherOf(wanted);
  let connected = false;
  let heard: Heard = { kind: "nothing" };
  /** Checks under way, which wait for a first word. */
  const waiting = new Set<() => void>();

  const wake = (): void => {
    for (const done of waiting) {
      done();
    }
  };

  const firstWord = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      waiting.add(done);
      signal.addEventListener("abort", done, { once: true });
    });

  const listening = [
    bus.subscribe(topic, (message) => {
      heard = next(heard, message, path);
      if (heard.kind === "said") {
        wake();
      }
    }),
    bus.onConnected(() => {
      connected = true;
    }),
    // What is said while we are away is not heard. The broker repeats what it kept when the connection is back.
    bus.onLost(() => {
      connected = false;
      heard = { kind: "nothing" };
    }),
  ];

  return {
    async check(signal) {
      if (signal.aborted) {
        return noAnswer;
      }
      if (heard.kind !== "said") {
        await firstWord(signal);
      }
      return heard.kind === "said"
        ? (isUp(heard.value) ? up : down)(`it says ${shown(heard.value)}`)
        : failed(why(heard, connected, topic, path));
    },
    close() {
      for (const stop of listening) {
        stop();
      }
      wake();
    },
  };
}

function next(before: Heard, { payload }: BusMessage, path: JsonPath | undefined): Heard {
  if (payload.byteLength === 0) {
    return { kind: "cleared" }; // MQTT 5, 3.3.1.3: an empty retained message takes away the one that the broker kept.
  }
  const value = valueIn(payload, path);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return { kind: "said", value };
  }
  return before.kind === "said" ? before : { kind: "unreadable" };
}

function why(
  { kind }: Exclude<Heard, { kind: "said" }>,
  connected: boolean,
  topic: string,
  path: JsonPath | undefined,
): string {
  switch (kind) {
    case "nothing":
      return connected
        ? `nothing is heard on ${topic}, and the broker keeps no message there: is the topic right?`
        : `there is no connection to the broker, so nothing is heard on ${topic}`;
    case "cleared":
      return `the message on ${topic} was taken away`;
    case "unreadable":
      return path === undefined
        ? `what is heard on ${topic} is no text`
        : `what is heard on ${topic} has no text, number or boolean at ${printJsonPath(path)}`;
  }
}

function matcherOf(wanted: string): (value: Said) => boolean {
  const pattern = patternOf(wanted);
  return pattern === undefined ? (value) => isSame(value, wanted) : (value) => pattern.test(String(value));
}

/** @throws SyntaxError for what is no regular expression */
function patternOf(text: string): RegExp | undefined {
  const [, source, flags = ""] = patternForm.exec(text) ?? [];
  return source === undefined ? undefined : new RegExp(source, `${flags}u`);
}

function patternProblem(text: string): string | undefined {
  try {
    patternOf(text);
    return undefined;
  } catch (error) {
    return `is no regular expression (${error instanceof Error ? error.message : String(error)})`;
  }
}

const longestShown = 60;

/** For a person, on one line. */
function shown(value: Said): string {
  const text = JSON.stringify(value);
  const characters = Array.from(text);
  return characters.length > longestShown ? `${characters.slice(0, longestShown - 3).join("")}...` : text;
}
