// The topic map: every topic that the controller reads or writes below its base, as data, and the way from a topic to what it
// means and back. Not for payloads, and not for the topics of devices.

import { isName, isOwner, reservedNames } from "../../core/names.ts";

export interface TopicRow {
  /** Below the base; `<r>` is a resource, `<s>` a switcher, `<u>` a user. */
  readonly topic: string;
  readonly direction: "published" | "requested" | "both";
  readonly qos: 0 | 1;
  readonly retained: boolean;
  readonly summary: string;
}

/** Protocol sections 2 and 4. Requests may be published with any QoS; theirs is the one they are subscribed with. */
export const topicMap: readonly TopicRow[] = [
  row("controller/status", "published", 1, true, "`online`; the will and a clean stop say `offline`"),
  row("controller/info", "published", 1, true, "version, instance and counts, as an object"),
  row("controller/event", "both", 0, false, "events that belong to no one resource; a rival's are heard"),
  row(
    "controller/ping",
    "both",
    1,
    false,
    "asks the controller that lives here to answer with the event `pong`",
  ),
  row(
    "controller/marker",
    "both",
    1,
    false,
    "comes back to its sender: all that was sent before it has been seen",
  ),
  row("<r>/state", "published", 1, true, "`off`, `powered`, `available` or `unknown`"),
  row("<r>/ready", "published", 1, true, "`1`, and only while the resource is available"),
  row("<r>", "published", 1, true, "the state object"),
  row("<r>/holders", "published", 1, true, "the oldest 20 holders, and how many more there are"),
  row("<r>/event", "published", 0, false, "events of the resource"),
  row("switcher/<s>", "published", 1, true, "whether a switcher is online, and its outlets"),
  row("<r>/acquire", "requested", 1, false, "obtain a token, or renew it"),
  row("<r>/renew", "requested", 1, false, "extend a token that is held"),
  row("<r>/release", "requested", 1, false, "give a token back"),
  row("<r>/tokens", "requested", 1, false, "list the holders"),
  row("<r>/override", "requested", 1, false, "an operator's hand: not in this version"),
  row("<r>/cycle", "requested", 1, false, "an operator's power cycle: not in this version"),
  row(
    "<r>/acquire/<u>",
    "requested",
    1,
    false,
    "the same, with the user in the topic, where a broker's ACL can bind it",
  ),
  row("<r>/renew/<u>", "requested", 1, false, "the same, with the user in the topic"),
  row("<r>/release/<u>", "requested", 1, false, "the same, with the user in the topic"),
  row("<r>/tokens/<u>", "requested", 1, false, "the same, with the user in the topic"),
  row("<r>/override/<u>", "requested", 1, false, "the same, with the user in the topic: not in this version"),
  row("<r>/cycle/<u>", "requested", 1, false, "the same, with the user in the topic: not in this version"),
];

function row(
  topic: string,
  direction: TopicRow["direction"],
  qos: 0 | 1,
  retained: boolean,
  summary: string,
): TopicRow {
  return { topic, direction, qos, retained, summary };
}

export interface Topics {
  readonly status: string;
  readonly info: string;
  readonly controllerEvent: string;
  readonly ping: string;
  readonly marker: string;
  resource(name: string): {
    readonly object: string;
    readonly state: string;
    readonly ready: string;
    readonly holders: string;
    readonly event: string;
  };
  switcher(name: string): string;
  /** Where the replies of this base go. */
  readonly replyPrefix: string;
  /** Filters of all requests: disjoint, and disjoint from what the controller publishes retained. */
  readonly requestFilters: readonly string[];
  /** Filters of all retained topics of the controller. */
  readonly retainedFilters: readonly string[];
}

export function topicsOf(base: string): Topics {
  const filter = (one: TopicRow): string => `${base}/${one.topic.replaceAll(/<[rsu]>/g, "+")}`;
  return {
    status: `${base}/controller/status`,
    info: `${base}/controller/info`,
    controllerEvent: `${base}/controller/event`,
    ping: `${base}/controller/ping`,
    marker: `${base}/controller/marker`,
    resource: (name) => ({
      object: `${base}/${name}`,
      state: `${base}/${name}/state`,
      ready: `${base}/${name}/ready`,
      holders: `${base}/${name}/holders`,
      event: `${base}/${name}/event`,
    }),
    switcher: (name) => `${base}/switcher/${name}`,
    replyPrefix: `${base}/reply`,
    requestFilters: topicMap.filter((one) => one.direction === "requested").map(filter),
    retainedFilters: topicMap.filter((one) => one.retained).map(filter),
  };
}

/** Verbs of this version, and those that the protocol knows and this version does not. */
const verbs = ["acquire", "renew", "release", "tokens"] as const;
const laterVerbs: ReadonlySet<string> = new Set(["override", "cycle"]);
const controllerVerbs: ReadonlySet<string> = new Set(["acquire", "renew", "release"]);

/** What the controller itself publishes in the place of a verb: `<r>/state` and its like. */
const publishedNames: ReadonlySet<string> = new Set(
  topicMap
    .filter((one) => one.direction === "published")
    .flatMap((one) => /^<r>\/(\w+)$/.exec(one.topic)?.[1] ?? []),
);

export type Verb = (typeof verbs)[number];

export type RequestTopic =
  | {
      readonly kind: "request";
      readonly resource: string;
      readonly verb: Verb;
      readonly user: string | undefined;
    }
  /** A request by its form that cannot be carried out; `because` is a sentence for its sender. */
  | { readonly kind: "refused"; readonly resource: string | undefined; readonly because: string }
  /** Not a request: no reply, nothing cleared. */
  | { readonly kind: "none" };

/** @param topic compared level by level: a level more or less is no request */
export function parseRequestTopic(base: string, topic: string): RequestTopic {
  if (!topic.startsWith(`${base}/`)) {
    return { kind: "none" };
  }
  const levels = topic.slice(base.length + 1).split("/");
  const [resource = "", verb = "", user] = levels;
  if (levels.length < 2 || levels.length > 3) {
    return { kind: "none" };
  }
  if (resource === "controller" && controllerVerbs.has(verb)) {
    return {
      kind: "refused",
      resource: undefined,
      because: `this version does not know controller/${verb}: acquire one resource at a time`,
    };
  }
  if (reservedNames.includes(resource)) {
    return { kind: "none" };
  }
  if (!isName(resource)) {
    return {
      kind: "refused",
      resource: undefined,
      because: `${shown(resource)} cannot be the name of a resource: 1 to 64 of A-Z a-z 0-9 _ . - with a letter or digit first`,
    };
  }
  if (laterVerbs.has(verb)) {
    return { kind: "refused", resource, because: `this version does not know the request '${verb}'` };
  }
  if (user === undefined && publishedNames.has(verb)) {
    return { kind: "none" };
  }
  const known = verbs.find((one) => one === verb);
  if (known === undefined) {
    return {
      kind: "refused",
      resource,
      because: `there is no request ${shown(verb)}; requests are ${verbs.join(", ")}`,
    };
  }
  if (user !== undefined && !isOwner(user)) {
    return {
      kind: "refused",
      resource,
      because: `${shown(user)} cannot be a user: 1 to 128 characters, no control characters`,
    };
  }
  return { kind: "request", resource, verb: known, user };
}

/**
 * A foreign text or value in a message: quoted, everything but printable ASCII escaped by code point (so that a look-alike letter shows),
 * at most 128 characters.
 */
export function shown(value: unknown): string {
  const quoted =
    typeof value === "string"
      ? `'${value.slice(0, 256)}'`
      : typeof value === "number"
        ? String(value) // JSON would make null of infinity.
        : (JSON.stringify(value) ?? "nothing");
  let text = "";
  for (const character of quoted.slice(0, 512)) {
    const code = character.codePointAt(0) ?? 0;
    text += code >= 0x20 && code < 0x7f ? character : `\\u{${code.toString(16).toUpperCase()}}`;
    if (text.length > 128) {
      return `${text.slice(0, 125)}...`;
    }
  }
  return text;
}
