// The Front port over the simulated broker, faithful to its contract: requests are acknowledged only when taken, held-back replies are
// sent again until the broker has them, the marker comes back on the same link, the picture is published anew when asked.

import type { Reply, ReplyTo } from "../../src/core/requests.ts";
import type { Front, Inbox } from "../../src/ports/front.ts";
import { encodeAnnouncement, encodeReply } from "../../src/adapters/mqtt/encode.ts";
import type { Broker, Message, Subscription } from "./broker.ts";
import type { Process } from "./clock.ts";
import { clearing, readRequest, verbs } from "./form.ts";
import type { Random } from "./random.ts";
import { keepConnected, type Line } from "./redial.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Watch } from "./watch.ts";

export const base = "lastout";
const frontId = "lastout-front";

const subscriptions: readonly Subscription[] = [
  { filter: `${base}/+/ready`, qos: 0, noLocal: true },
  { filter: `${base}/controller/marker`, qos: 1, noLocal: false },
  ...verbs.map((verb) => ({ filter: `${base}/+/${verb}`, qos: 1, noLocal: true }) as const),
];

interface Parts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly broker: Broker;
  readonly process: Process;
  readonly watch: Watch;
}

/** The port, and what a fault does to it. */
export interface SimulatedFront extends Front {
  rival(there: boolean): void;
}

export function createFront({ scheduler, random, broker, process, watch }: Parts): SimulatedFront {
  const instance = `run-${process.id}`;
  let inbox: Inbox | undefined;
  let line: Line | undefined;
  let announced = false;
  let generation = 0;
  let heldBack: (() => void) | undefined;
  let madeUp = 0;
  /** What came and has not been acknowledged: one at a time is offered, as the client library does it. */
  let incoming: { readonly message: Message; readonly taken: () => void }[] = [];
  let busy = false;
  const outbox = new Map<number, { readonly to: ReplyTo; readonly reply: Reply; sending: boolean }>();
  /** Where an earlier run, or somebody else, left a `1`; cleared when it is not true. */
  const readySeen = new Set<string>();
  const pictures = new Map<string, { readonly payload: string; readonly compared: string }>();

  function publish(
    topic: string,
    payload: string,
    options: { qos: 0 | 1; retain: boolean },
    taken: () => void,
  ): boolean {
    const connection = line?.connection;
    if (connection === undefined) {
      return false;
    }
    connection.publish({ topic, payload, ...options }, () => process.enter(taken));
    return true;
  }

  const retain = (topic: string, payload: string): boolean =>
    publish(`${base}/${topic}`, payload, { qos: 1, retain: true }, () => undefined);

  const publishOwn = (): void => {
    retain("controller/status", "online");
    retain("controller/info", JSON.stringify({ instance }));
  };

  /** @param compared what makes two publications the same */
  function picture(topic: string, payload: string, compared: string): void {
    if (pictures.get(topic)?.compared !== compared && line?.connection !== undefined) {
      pictures.set(topic, { payload, compared });
      watch.picturePublished(topic, payload);
      retain(topic, payload);
    }
  }

  function send(to: ReplyTo, reply: Reply, taken: () => void): boolean {
    return publish(to.topic, encodeReply(reply, to).text, { qos: 1, retain: false }, taken);
  }

  function sendKept(id: number): void {
    const kept = outbox.get(id);
    if (kept !== undefined && announced) {
      send(kept.to, kept.reply, () => {
        if (outbox.delete(id)) {
          inbox?.replied(id);
        }
      });
    }
  }

  function connected(): void {
    generation += 1;
    const mine = generation;
    incoming = [];
    busy = false;
    line?.connection?.subscribe(subscriptions, () =>
      process.enter(() => {
        if (mine === generation && line?.connection !== undefined) {
          publishOwn();
          announced = true;
          for (const id of outbox.keys()) {
            sendKept(id);
          }
          watch.linkConnected();
          inbox?.linkConnected();
        }
      }),
    );
  }

  function lost(): void {
    heldBack = undefined;
    incoming = [];
    busy = false;
    generation += 1;
    if (announced) {
      announced = false;
      watch.linkLost();
      inbox?.linkLost();
    }
  }

  function workOff(): void {
    const next = incoming[0];
    if (busy || next === undefined) {
      return;
    }
    busy = true;
    const mine = generation;
    const done = (): void => {
      if (mine === generation) {
        next.taken();
        incoming.shift();
        busy = false;
        workOff();
      }
    };
    const { topic, payload } = next.message;
    if (topic.endsWith("/ready")) {
      readySeen.add(topic);
      done();
      return;
    }
    if (topic === `${base}/controller/marker`) {
      const [of, attempt] = payload.split(" ");
      if (of === instance) {
        inbox?.linkProved(Number(attempt));
      }
      done();
      return;
    }
    if (clearing(next.message)) {
      done();
      return;
    }
    madeUp += 1;
    const request = readRequest(base, next.message, `made-${process.id}-${madeUp}`);
    const offer = (): void => {
      if (mine !== generation) {
        return;
      }
      watch.offered(next.message, request);
      inbox?.request(request, (taken) => {
        process.act(() => {
          watch.requestTaken(next.message, request, taken);
          if (taken) {
            done();
          } else if (mine === generation) {
            heldBack = offer;
          }
        });
      });
    };
    offer();
  }

  process.onDeath(() => line?.end(true));

  return {
    start(given) {
      inbox = given;
      line = keepConnected({
        scheduler,
        random,
        broker,
        options: {
          clientId: frontId,
          clean: false,
          will: { topic: `${base}/controller/status`, payload: "offline", qos: 1, retain: true },
          delay: 2,
          shuffled: false,
        },
        pause: [500, 3000],
        enter: (run) => process.enter(run),
        connected,
        message(message, taken) {
          incoming.push({ message, taken });
          workOff();
        },
        lost,
      });
      return Promise.resolve();
    },
    prove(attempt) {
      process.act(() => {
        publish(
          `${base}/controller/marker`,
          `${instance} ${attempt}`,
          { qos: 1, retain: false },
          () => undefined,
        );
      });
    },
    reply(to, reply, id) {
      process.act(() => {
        watch.replied(to, reply, id);
        if (id === undefined) {
          send(to, reply, () => undefined);
        } else if (!outbox.has(id)) {
          outbox.set(id, { to, reply, sending: false });
          sendKept(id);
        }
      });
    },
    announce(announcement) {
      process.act(() => {
        watch.announced(announcement);
        const where = announcement.resource ?? "controller";
        publish(
          `${base}/${where}/event`,
          encodeAnnouncement(announcement),
          { qos: 0, retain: false },
          () => undefined,
        );
      });
    },
    publishResource(shown) {
      process.act(() => {
        watch.pictured(shown);
        const { name, object, holders } = shown;
        picture(name, JSON.stringify(object), JSON.stringify({ ...object, time: "" }));
        picture(`${name}/state`, object.state, object.state);
        picture(`${name}/holders`, JSON.stringify(holders), JSON.stringify(holders));
        const ready = object.state === "available" ? "1" : "";
        if (ready === "1" || pictures.has(`${name}/ready`) || readySeen.has(`${base}/${name}/ready`)) {
          picture(`${name}/ready`, ready, ready);
        }
      });
    },
    publishPool(shown) {
      process.act(() => {
        watch.pooled(shown);
        const { name, object } = shown;
        picture(name, JSON.stringify(object), JSON.stringify({ ...object, time: "" }));
        picture(`${name}/state`, object.state, object.state);
        if (shown.ready || pictures.has(`${name}/ready`) || readySeen.has(`${base}/${name}/ready`)) {
          const ready = shown.ready ? "1" : "";
          picture(`${name}/ready`, ready, ready);
        }
      });
    },
    publishSwitcher({ name, object }) {
      process.act(() => {
        const text = JSON.stringify(object);
        picture(`switcher/${name}`, text, text);
      });
    },
    publishController() {
      process.act(() => {
        publishOwn();
        for (const [topic, { payload }] of pictures) {
          retain(topic, payload);
        }
      });
    },
    reconfigure: () => undefined,
    forget(what, name) {
      process.act(() => {
        const parts = what === "switcher" ? [`switcher/${name}`] : ["", "/state", "/holders", "/ready"];
        for (const part of parts) {
          const topic = what === "switcher" ? part : `${name}${part}`;
          pictures.delete(topic);
          retain(topic, "");
        }
      });
    },
    tend() {
      const again = heldBack;
      heldBack = undefined;
      again?.();
    },
    close() {
      retain("controller/status", "offline");
      line?.end(false);
      return Promise.resolve();
    },
    rival(there) {
      process.enter(() => {
        if (inbox === undefined) {
          return; // it does not listen yet
        }
        watch.rival(there);
        if (there) {
          inbox.rivalHeard("stranger");
        } else {
          inbox.rivalGone();
        }
      });
    },
  };
}
