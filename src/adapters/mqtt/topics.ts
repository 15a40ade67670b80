// The topic map: every topic that the controller reads or writes below its base, as data, and the way from a topic to what it
// means and back. Not for payloads, and not for the topics of devices.

import { isName, isOwner, reservedNames } from "../../core/names.ts";
import { covers } from "./filters.ts";

export interface TopicRow {
  /** Below the base; `<r>` is a resource or a pool, `<s>` a switcher, `<u>` a user. */
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
  row(
    "<r>/ready",
    "published",
    1,
    true,
    "`1`, and only while it is available (a pool: and free to be shared)",
  ),
  row("<r>", "published", 1, true, "the state object"),
  row(
    "<r>/holders",
    "published",
    1,
    true,
    "the oldest 20 holders, and how many more there are; not of a pool",
  ),
  row("<r>/event", "published", 0, false, "its events"),
  row("switcher/<s>", "published", 1, true, "whether a switcher is online, and its outlets"),
  request("<r>/acquire", "obtain a token, or renew it"),
  request("<r>/renew", "extend a token that is held"),
  request("<r>/release", "give a token back, or leave the queue"),
  request("<r>/override", "an operator's hand on the resource"),
  request("<r>/cycle", "an operator's power cycle"),
  request("<r>/tokens", "list the holders and the queue"),
  request("controller/acquire", "obtain one token over several resources, all or nothing"),
  request("controller/renew", "extend such a token"),
  request("controller/release", "give such a token back, or leave the queues"),
  request("<r>/acquire/<u>", "the same, with the user in the topic, where a broker's ACL can bind it"),
  request("<r>/renew/<u>", "the same, with the user in the topic"),
  request("<r>/release/<u>", "the same, with the user in the topic"),
  request("<r>/override/<u>", "the same, with the user in the topic"),
  request("<r>/cycle/<u>", "the same, with the user in the topic"),
  request("<r>/tokens/<u>", "the same, with the user in the topic"),
  request("controller/acquire/<u>", "the same, with the user in the topic"),
  request("controller/renew/<u>", "the same, with the user in the topic"),
  request("controller/release/<u>", "the same, with the user in the topic"),
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

function request(topic: string, summary: string): TopicRow {
  return row(topic, "requested", 1, false, summary);
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
  /**
   * Filters of all requests: disjoint, so that no message comes twice (`controller/acquire` comes with `+/acquire`), and disjoint from
   * what the controller publishes retained about resources.
   */
  readonly requestFilters: readonly string[];
  /** Filters of all retained topics of the controller. */
  readonly retainedFilters: readonly string[];
}

export function topicsOf(base: string): Topics {
  const filter = (one: TopicRow): string => `${base}/${one.topic.replaceAll(/<[rsu]>/g, "+")}`;
  const requests = topicMap.filter((one) => one.direction === "requested").map(filter);
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
    requestFilters: requests.filter((one) => !requests.some((other) => other !== one && covers(other, one))),
    retainedFilters: topicMap.filter((one) => one.retained).map(filter),
  };
}

const verbs = ["acquire", "renew", "release", "override", "cycle", "tokens"] as const;
/** Those that `controller/...` has, too, for a token over several resources. */
const severalVerbs = ["acquire", "renew", "release"] as const;

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
  /** It is about a token over several resources. */
  | {
      readonly kind: "request";
      readonly resource: undefined;
      readonly verb: (typeof severalVerbs)[number];
      readonly user: string | undefined;
    }
  /** A request by its form that cannot be carried out; `because` is a sentence for its sender. */
  | {
      readonly kind: "refused";
      readonly resource: string | undefined;
      readonly verb: Verb | undefined;
      readonly user: string | undefined;
      readonly because: string;
    }
  /** Not a request: no reply, nothing cleared. */
  | { readonly kind: "none" };

/** @param topic compared level by level: a level more or less is no request */
export function parseRequestTopic(base: string, topic: string): RequestTopic {
  if (!topic.startsWith(`${base}/`)) {
    return { kind: "none" };
  }
  const levels = topic.slice(base.length + 1).split("/");
  const [first = "", second = "", third] = levels;
  if (levels.length < 2 || levels.length > 3 || (third === undefined && publishedNames.has(second))) {
    return { kind: "none" };
  }
  const resource = first === "controller" ? undefined : first;
  const verb = verbs.find((one) => one === second);
  const user = third !== undefined && isOwner(third) ? third : undefined;
  const refused = (because: string): RequestTopic => ({
    kind: "refused",
    resource: resource !== undefined && isName(resource) ? resource : undefined,
    verb,
    user,
    because,
  });

  const several = severalVerbs.find((one) => one === second);
  // Below the reserved names there are no other requests: replies, switchers, and what the controller says about itself.
  if (reservedNames.includes(first) && (resource !== undefined || several === undefined)) {
    return { kind: "none" };
  }
  if (resource !== undefined && !isName(resource)) {
    return refused(
      `${shown(resource)} cannot be the name of a resource: 1 to 64 of A-Z a-z 0-9 _ . - with a letter or digit first`,
    );
  }
  if (verb === undefined) {
    return refused(`there is no request ${shown(second)}; requests are ${verbs.join(", ")}`);
  }
  if (third !== undefined && user === undefined) {
    return refused(`${shown(third)} cannot be a user: 1 to 128 characters, no control characters`);
  }
  if (resource !== undefined) {
    return { kind: "request", resource, verb, user };
  }
  return several === undefined ? { kind: "none" } : { kind: "request", resource, verb: several, user };
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
