// Which topics must not meet: the base topic, where replies and shutdowns go, and where devices listen and speak. A controller that
// publishes below a device's topic could switch it; two names for one relay would fight over it.

import { relaysOf, topicsOf } from "./devices.ts";
import type { Finding } from "./explain.ts";
import { quote } from "./mistakes.ts";
import type { Subject } from "./subject.ts";

export function topicRules(subject: Subject): readonly Finding[] {
  return [
    ...sameRelay(subject),
    ...shutdownTopics(subject),
    ...(subject.broken("mqtt") ? [] : [...base(subject), ...replies(subject)]),
  ];
}

function sameRelay({ values: { switchers } }: Subject): Finding[] {
  const owners = new Map<string, string>();
  return Object.entries(switchers).flatMap(([name, options]) => {
    const relays = relaysOf(options);
    const taken = relays.find(({ key }) => owners.has(key));
    if (taken !== undefined) {
      const message = `relay ${taken.called} of this device is switched by '${String(owners.get(taken.key))}' already; two switchers would fight over it: take one of them out`;
      return [{ path: ["switchers", name], at: "key" as const, message }];
    }
    for (const { key } of relays) {
      owners.set(key, name);
    }
    return [];
  });
}

function base(subject: Subject): Finding[] {
  const topic = subject.values.mqtt.base;
  const problem = topicProblem(topic) ?? devicesProblem(topic, subject);
  return problem === undefined ? [] : [{ path: ["mqtt", "base"], at: "value", message: problem }];
}

function replies(subject: Subject): Finding[] {
  const { base: own, replyPrefixes } = subject.values.mqtt;
  return replyPrefixes.flatMap((prefix, index) => {
    const problem = topicProblem(prefix) ?? ownProblem(prefix, own) ?? devicesProblem(prefix, subject);
    return problem === undefined
      ? []
      : [{ path: ["mqtt", "replyPrefixes", index], at: "value" as const, message: problem }];
  });
}

/** A message there would be taken for a request to lastout, or for a command to a relay or its report. */
function shutdownTopics({ values: { mqtt, switchers, resources }, broken }: Subject): Finding[] {
  return Object.entries(resources).flatMap(([name, { shutdown }]): Finding[] => {
    if (shutdown === undefined || shutdown === "none" || shutdown.type !== "mqtt") {
      return [];
    }
    const { topic } = shutdown;
    const within = (above: string): boolean => topic === above || topic.startsWith(`${above}/`);
    const met = Object.entries(switchers).find(([, options]) => topicsOf(options).some(within));
    const problem =
      !broken("mqtt") && within(mqtt.base)
        ? "is one of the controller's own topics; take one that the machine listens to"
        : met === undefined
          ? undefined
          : `is a topic of the switcher '${met[0]}'; take one that the machine listens to`;
    return problem === undefined
      ? []
      : [
          {
            path: ["resources", name, "shutdown", "topic"],
            at: "value",
            message: `${quote(topic)} ${problem}`,
          },
        ];
  });
}

/** MQTT's own limit is 65,535 bytes; brokers and devices take far less, and names come behind it. */
const longest = 128;

function topicProblem(topic: string): string | undefined {
  if (/[+#]/.test(topic)) {
    return `${quote(topic)} has a wildcard ('+' or '#'); it must be one topic`;
  }
  if (topic.startsWith("$")) {
    return `${quote(topic)} begins with '$', which belongs to the broker; take another word`;
  }
  if (topic.startsWith("/") || topic.endsWith("/") || topic.includes("//")) {
    return `${quote(topic)} has a '/' at an end, or two in a row; write 'lab/lastout', not '/lab//lastout/'`;
  }
  if (/\p{Cc}/u.test(topic)) {
    return `${quote(topic)} has a control character`;
  }
  return topic.length > longest ? `has more than ${longest} characters` : undefined;
}

function ownProblem(prefix: string, own: string): string | undefined {
  const reply = `${own}/reply`;
  return meet(prefix, own) && prefix !== reply && !prefix.startsWith(`${reply}/`)
    ? `${quote(prefix)} meets the controller's own topics; replies go below the base topic's 'reply' or somewhere else altogether`
    : undefined;
}

const devicesWords: ReadonlySet<string> = new Set(["cmnd", "stat", "tele", "tasmota"]);

function devicesProblem(topic: string, { values: { switchers } }: Subject): string | undefined {
  const [first = ""] = topic.split("/");
  if (devicesWords.has(first)) {
    return `${quote(topic)} begins with '${first}', where devices listen and speak; take another word`;
  }
  const met = Object.entries(switchers).find(([, options]) =>
    topicsOf(options).some((one) => meet(topic, one)),
  );
  return met === undefined
    ? undefined
    : `${quote(topic)} meets the topics of the switcher '${met[0]}'; take another topic`;
}

/** The same, or one above the other. */
const meet = (a: string, b: string): boolean => a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
