// From a message on a request topic to a Request for the core, or to one that is refused for its form, with the words that its sender
// hears. Who may do what with whose token is the core's to decide; here only that a user is named where one has to be. Does nothing itself.

import { randomBytes } from "node:crypto";
import { isOwner, isTokenId } from "../../core/names.ts";
import type { AcquireRequest, ErrorCode, RefusedRequest, ReplyTo, Request } from "../../core/requests.ts";
import { type Body, readBody } from "./body.ts";
import type { Incoming } from "./connection-port.ts";
import { type Fields, type Form, readFields, takesPlainToken } from "./payload.ts";
import { readReplyTo, type ReplyRules } from "./reply-topic.ts";
import type { RequestTopic } from "./topics.ts";

export interface RequestRules extends ReplyRules {
  /** Bytes. */
  readonly payloadLimit: number;
}

type Target = Exclude<RequestTopic, { kind: "none" }>;

/** @param target what the message's topic says, not `none` */
export function readRequest(message: Incoming, target: Target, rules: RequestRules): Request {
  const body = readBody(message.payload, rules.payloadLimit);
  const said = body.ok ? body.value : body.salvaged;
  const fields = said.kind === "json" ? said.fields : new Map<string, unknown>();
  const refuse = (error: ErrorCode, because: string, replyTo: ReplyTo | undefined): RefusedRequest => ({
    kind: "refused",
    resource: target.resource,
    token: namedToken(target.verb, said),
    owner: target.user ?? (rules.access === "users" ? undefined : namedOwner(fields)),
    error,
    message: because,
    replyTo,
  });

  if (rules.access === "users" && target.user === undefined) {
    return refuse("forbidden", target.kind === "refused" ? target.because : cureOf(target, rules), undefined);
  }
  const reply = readReplyTo(message, fields, rules, target.user);
  if (!reply.ok) {
    return refuse(reply.error, reply.because, reply.replyTo);
  }
  const { replyTo } = reply;
  if (message.retain) {
    return refuse("retained-request", "a request must not be published with the retain flag", replyTo);
  }
  if (target.kind === "refused") {
    return refuse("invalid-request", target.because, replyTo);
  }
  if (!body.ok) {
    return refuse(body.refusal.error, body.refusal.message, replyTo);
  }

  const { user } = target;
  const called = target.resource === undefined ? `controller/${target.verb}` : target.verb;
  const read = <F extends Form>(form: F, make: (fields: Fields<F>) => Request): Request => {
    const result = readFields(form, body.value, called);
    return result.ok ? make(result.value) : refuse(result.refusal.error, result.refusal.message, replyTo);
  };
  const from = (owner: string | undefined): Pick<AcquireRequest, "user" | "owner" | "replyTo"> => ({
    user,
    owner: user ?? owner,
    replyTo,
  });

  switch (target.verb) {
    case "acquire": {
      const { resource } = target;
      return resource === undefined
        ? read("controller/acquire", (given) => ({
            ...from(given.owner),
            ...acquireOf(given),
            resource,
            names: given.resources,
          }))
        : read("acquire", (given) => ({
            ...from(given.owner),
            ...acquireOf(given),
            resource,
            names: [resource],
          }));
    }
    case "renew": {
      const { resource } = target;
      return read("renew", ({ owner, token, ttl }) => ({
        ...from(owner),
        kind: "renew",
        resource,
        token,
        ttl,
      }));
    }
    case "release": {
      const { resource } = target;
      return read("release", ({ owner, token, lost }) => ({
        ...from(owner),
        kind: "release",
        resource,
        token,
        lost: lost ?? false,
      }));
    }
    case "override": {
      const { resource } = target;
      return read("override", (given) => ({
        ...from(given.owner),
        kind: "override",
        resource,
        mode: given.mode,
        by: user ?? given.by ?? given.owner,
        reason: given.reason,
        until: given.until,
        force: given.force ?? false,
      }));
    }
    case "cycle": {
      const { resource } = target;
      return read("cycle", ({ owner, force }) => ({
        ...from(owner),
        kind: "cycle",
        resource,
        force: force ?? false,
      }));
    }
    case "tokens": {
      const { resource } = target;
      return read("tokens", ({ owner, offset, limit }) => ({
        ...from(owner),
        kind: "tokens",
        resource,
        offset: offset ?? 0,
        limit: limit ?? 100,
      }));
    }
  }
}

const cureOf = ({ resource, verb }: Extract<Target, { kind: "request" }>, { topics }: RequestRules): string =>
  `a request must name its user, as its topic's last level: ${topics.base}/${resource ?? "controller"}/${verb}/<user>`;

/** What an acquire of one resource and one of several have in common. */
function acquireOf(
  fields: Fields<"acquire">,
): Omit<AcquireRequest, "resource" | "names" | "user" | "owner" | "replyTo"> {
  return {
    kind: "acquire",
    token: fields.token,
    madeUpToken: randomBytes(16).toString("hex"),
    purpose: fields.purpose,
    ttl: fields.ttl,
    mode: fields.mode ?? "shared",
    priority: fields.priority ?? 0,
    wait: fields.wait ?? "granted",
    timeout: fields.timeout,
  };
}

/** For the event of a refusal; only what can be an owner is repeated. */
function namedOwner(fields: ReadonlyMap<string, unknown>): string | undefined {
  const owner = fields.get("owner");
  return typeof owner === "string" && isOwner(owner) ? owner : undefined;
}

/** For the reply and the event of a refusal; only what is a token id is repeated. */
function namedToken(verb: Form | undefined, body: Body): string | undefined {
  if (body.kind === "plain" && (verb === undefined || !takesPlainToken(verb))) {
    return undefined;
  }
  const token = body.kind === "json" ? body.fields.get("token") : body.text;
  return typeof token === "string" && isTokenId(token) ? token : undefined;
}
