// Where requests are sent and replies come in, over two connections that stay up while the controller is killed: one speaks MQTT 3.1.1
// with `replyTo` and `id`, the other MQTT 5 with a response topic where the broker can. Replies are held against each other here.

import type { IPublishPacket } from "mqtt-packet";
import { connectWire, fieldsIn, type Wire } from "../wire.ts";
import type { Controller } from "./controller.ts";
import { base, type Lab } from "./lab.ts";
import { type Fields, note, type Tracked, Violation } from "./model.ts";
import type { Chance } from "./random.ts";

type Verb = "acquire" | "renew" | "release" | "tokens";

export interface Answer {
  readonly ok: boolean;
  readonly fields: Fields;
  /** The controller was killed between the request and its reply: it may have been carried out twice. */
  readonly crossed: boolean;
}

export interface Desk {
  /** Resolves with the first reply, however often the controller dies meanwhile. */
  ask(verb: Verb, resource: string, fields: Record<string, unknown>, token?: Tracked): Promise<Answer>;
  /** Without a reply topic; resolves when the broker has taken it. */
  tell(verb: Verb, resource: string, fields: Record<string, unknown>, token: Tracked): Promise<void>;
  readonly answered: number;
  readonly onlineSaid: number;
  readonly status: string;
  /** Of requests on their way. */
  readonly open: number;
  /** One of those that wait longest, and all others by name. */
  longestOpen(): { readonly sentence: string; readonly token: Tracked | undefined } | undefined;
  close(): Promise<void>;
}

interface Asked {
  readonly verb: Verb;
  readonly resource: string;
  readonly token: Tracked | undefined;
  readonly kills: number;
  first: Fields | undefined;
  readonly resolve: (answer: Answer) => void;
}

const replyTopic = `${base}/reply/crash`;

const topicOf = (verb: Verb, resource: string): string => `${base}/${resource}/${verb}`;

/** @param broken called with every violation */
export async function openDesk(
  lab: Lab,
  controller: Controller,
  chance: Chance,
  broken: (violation: Violation) => void,
): Promise<Desk> {
  const asked = new Map<string, Asked>();
  const unanswered = new Map<string, Asked>();
  let untaken = 0;
  let serial = 0;
  let answered = 0;
  let onlineSaid = 0;
  let status = "offline";

  const plain = await connectWire({ port: lab.port, version: 4, clientId: "crash-plain", heard });
  await plain.subscribe([`${replyTopic}/plain`, `${base}/controller/status`]);
  const other = await connectWire({
    port: lab.port,
    version: lab.broker === "mosquitto" ? 5 : 4,
    clientId: "crash-other",
    heard,
  });
  await other.subscribe([`${replyTopic}/other`]);

  function heard(message: IPublishPacket): void {
    if (message.topic === `${base}/controller/status`) {
      status = message.payload.toString();
      onlineSaid += status === "online" && !message.retain ? 1 : 0;
      return;
    }
    const fields = fieldsIn(message.payload.toString());
    const id = message.properties?.correlationData?.toString() ?? String(fields.get("id"));
    const request = asked.get(id);
    if (request === undefined) {
      broken(new Violation(`a reply to nothing that was asked: ${message.payload.toString()}`));
      return;
    }
    note(request.token, `reply to ${request.verb} ${id}: ${message.payload.toString()}`);
    const crossed = controller.kills > request.kills;
    if (request.first !== undefined) {
      judgeAgain(request, request.first, fields, crossed);
      return;
    }
    request.first = fields;
    unanswered.delete(id);
    answered += 1;
    if (fields.get("resource") !== request.resource) {
      broken(new Violation(`a reply names the wrong resource: ${message.payload.toString()}`, request.token));
    }
    if (request.token !== undefined && fields.get("token") !== request.token.id) {
      broken(new Violation(`a reply names the wrong token: ${message.payload.toString()}`, request.token));
    }
    request.resolve({ ok: fields.get("ok") === true, fields, crossed });
  }

  /** A second reply: only over a crash, and it must not take back what the first one said. */
  function judgeAgain(request: Asked, first: Fields, again: Fields, crossed: boolean): void {
    const { verb, token } = request;
    if (!crossed) {
      broken(new Violation(`${verb} was answered twice, and there was no crash in between`, token));
    } else if (first.get("ok") !== again.get("ok")) {
      const doneBefore = verb === "release" && again.get("error") === "unknown-token";
      if (!doneBefore) {
        const said = JSON.stringify([Object.fromEntries(first), Object.fromEntries(again)]);
        broken(new Violation(`two replies to one ${verb} contradict each other: ${said}`, token));
      }
    }
  }

  return {
    ask: (verb, resource, fields, token) =>
      new Promise((resolve) => {
        serial += 1;
        const id = `q${serial}`;
        const request = { verb, resource, token, kills: controller.kills, first: undefined, resolve };
        asked.set(id, request);
        unanswered.set(id, request);
        note(token, `${verb} ${id} ${JSON.stringify(fields)}`);
        const wire: Wire = chance.yes(0.5) ? plain : other;
        const name = wire === plain ? "plain" : "other";
        if (wire.version === 5) {
          wire.publish(topicOf(verb, resource), JSON.stringify(fields), {
            properties: { responseTopic: `${replyTopic}/${name}`, correlationData: Buffer.from(id) },
          });
        } else {
          const replyTo = `${replyTopic}/${name}`;
          wire.publish(topicOf(verb, resource), JSON.stringify({ ...fields, replyTo, id }));
        }
      }),
    tell: (verb, resource, fields, token) =>
      new Promise((resolve) => {
        note(token, `${verb} without a reply topic ${JSON.stringify(fields)}`);
        untaken += 1;
        const taken = (): void => {
          untaken -= 1;
          note(token, `the broker has taken ${verb}`);
          resolve();
        };
        (chance.yes(0.5) ? plain : other).publish(topicOf(verb, resource), JSON.stringify(fields), { taken });
      }),
    get answered() {
      return answered;
    },
    get onlineSaid() {
      return onlineSaid;
    },
    get status() {
      return status;
    },
    get open() {
      return unanswered.size + untaken;
    },
    longestOpen() {
      const [first] = unanswered.values();
      const all = [...unanswered].map(
        ([id, { verb, resource, token }]) => `${verb} ${id} of ${token?.id ?? "no token"} on ${resource}`,
      );
      return first === undefined ? undefined : { sentence: all.join(", "), token: first.token };
    },
    async close() {
      await Promise.all([plain.close(), other.close()]);
    },
  };
}
