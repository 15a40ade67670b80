// The topic map: every topic that the controller reads or writes below its base, as data, and the way from a topic to what it
// means and back. Not for payloads, and not for the topics of devices.

import { isName, isOwner, reservedNames } from "../../core/names.ts";
import { covers, matches } from "./filters.ts";
import { shown } from "./shown.ts";

export interface TopicRow {
  /** Below the base; `<r>` is a resource or a pool, `<s>` a switcher, `<u>` a user. */
  readonly topic: string;
  readonly direction: "published" | "requested" | "both";
  readonly qos: 0 | 1;
  readonly retained: boolean;
  /** What is published there; of a request, what its plain form has. Markdown, for the reference. */
  readonly payload: string;
  /** What a request does; empty for what is published. */
  readonly does: string;
}

/** Protocol sections 2 and 4. Requests may be published with any QoS; theirs is the one they are subscribed with. */
const rows = [
  retained("controller/status", "`online`. The controller's will, and a clean stop, set `offline`"),
  retained(
    "controller/info",
    '`{"version","instance","started","base","resources","pools","observe"}`. `instance` is another one at every start; `resources` and ' +
      "`pools` are counts",
  ),
  passing("controller/event", 0, "both", "events that belong to no one resource (section 7)"),
  passing(
    "controller/ping",
    1,
    "both",
    "a controller's instance, which asks the one that lives here to answer (section 8.3); nothing for others",
  ),
  passing(
    "controller/marker",
    1,
    "both",
    "comes back to the controller itself (section 4.3, rule 10); nothing for others",
  ),
  retained("<r>/state", "the plain word `off`, `powered`, `available` or `unknown`"),
  retained(
    "<r>/ready",
    "`1`, and only while the resource is available; of a pool: while a member is available and free to be shared",
  ),
  retained("<r>", "the state object (section 3)"),
  retained(
    "<r>/holders",
    '`{"users","holders":[...],"more"}`: the oldest 20 holders, and how many more there are. Not of a pool: its members have theirs',
  ),
  passing("<r>/event", 0, "published", "events of the resource or pool (section 7)"),
  retained(
    "switcher/<s>",
    '`{"online":true,"type":"tasmota","outlets":{"1":"on","2":"off"},"problem":null}`; an outlet is `on`, `off` or `unknown`; `problem` is ' +
      "null or a sentence",
  ),
  request("<r>/acquire", "token id", "obtains a token; the same id again renews it"),
  request("<r>/renew", "token id", "extends a token that is held, and only then"),
  request("<r>/release", "token id", "gives a token back, or leaves the queue"),
  request("<r>/override", "`auto`, `on` or `off`", "an operator's hand on the resource (section 6)"),
  request("<r>/cycle", "empty", "an operator's power cycle (section 6)"),
  request("<r>/tokens", "empty", "replies with the holders and the queue, in pages"),
  request(
    "controller/acquire",
    "none, JSON only",
    "obtains one token over several resources or pools, all or nothing",
  ),
  request(
    "controller/renew",
    "token id",
    "extends a token that came from `controller/acquire`, on all its resources",
  ),
  request("controller/release", "token id", "gives such a token back, or leaves all its queues"),
  ofUser("<r>/acquire/<u>"),
  ofUser("<r>/renew/<u>"),
  ofUser("<r>/release/<u>"),
  ofUser("<r>/override/<u>"),
  ofUser("<r>/cycle/<u>"),
  ofUser("<r>/tokens/<u>"),
  ofUser("controller/acquire/<u>"),
  ofUser("controller/renew/<u>"),
  ofUser("controller/release/<u>"),
] as const;

export const topicMap: readonly TopicRow[] = rows;

/** A topic that is not in the list cannot be published to: `topicsOf` takes no other. */
type TopicName = (typeof rows)[number]["topic"];

function retained<const Topic extends string>(topic: Topic, payload: string) {
  return { topic, direction: "published", qos: 1, retained: true, payload, does: "" } as const;
}

function passing<const Topic extends string>(
  topic: Topic,
  qos: TopicRow["qos"],
  direction: "published" | "both",
  payload: string,
) {
  return { topic, direction, qos, retained: false, payload, does: "" } as const;
}

function request<const Topic extends string>(topic: Topic, payload: string, does: string) {
  return { topic, direction: "requested", qos: 1, retained: false, payload, does } as const;
}

/** The same requests, with the user in the topic, where a broker's ACL can bind it. */
function ofUser<const Topic extends string>(topic: Topic) {
  return request(topic, "the same", "the same, as that user");
}

export interface Topics {
  readonly base: string;
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
  /** Of whatever resource or pool. */
  isReady(topic: string): boolean;
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
  const at = (topic: TopicName): string => `${base}/${topic}`;
  /** Taken apart once, for it is put together for every publication. */
  const named = (topic: TopicName): ((name: string) => string) => {
    const [before = "", after = ""] = topic.split(/<[rs]>/);
    const front = `${base}/${before}`;
    return (name) => `${front}${name}${after}`;
  };
  const [object, state, ready] = [named("<r>"), named("<r>/state"), named("<r>/ready")];
  const [holders, event, switcher] = [named("<r>/holders"), named("<r>/event"), named("switcher/<s>")];
  const filter = ({ topic }: Pick<TopicRow, "topic">): string =>
    `${base}/${topic.replaceAll(/<[rsu]>/g, "+")}`;
  const everyReady = ready("+");
  const requests = topicMap.filter((one) => one.direction === "requested").map(filter);
  return {
    base,
    status: at("controller/status"),
    info: at("controller/info"),
    controllerEvent: at("controller/event"),
    ping: at("controller/ping"),
    marker: at("controller/marker"),
    resource: (name) => ({
      object: object(name),
      state: state(name),
      ready: ready(name),
      holders: holders(name),
      event: event(name),
    }),
    switcher,
    isReady: (topic) => matches(everyReady, topic),
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
