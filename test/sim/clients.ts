// Simulated jobs: each has a connection and a token, of a resource, a pool, or several at once, which it acquires, renews, uses, releases
// and acquires again, and it insists on an answer. Some forget to release, some die and leave a will, some ask for what makes no sense.
// And operators, who keep on, lock out, and power-cycle, and mostly think of giving back what they took.

import { base } from "./front.ts";
import type { Broker, Connection, Message } from "./broker.ts";
import { type Asked, topicOf } from "./form.ts";
import type { Settings } from "../../src/core/settings.ts";
import type { Random } from "./random.ts";
import { keepConnected, type Line } from "./redial.ts";
import type { Scheduler, Task } from "./scheduler.ts";
import type { Trace } from "./trace.ts";

export interface Client {
  readonly name: string;
  /** Requests that were to be answered and have not been. */
  readonly unanswered: readonly string[];
  /** Breaks its connection; it comes back. */
  cut(): void;
  /** Its machine dies; another job takes its place later. */
  die(): void;
  /** No new work: give back what is held, then rest. */
  retire(): void;
  /** Does this again and again, until it rests. */
  every(ms: number, run: () => void): void;
  rest(): void;
  /** Ask this now; the answer, whenever it comes. */
  ask(asked: Partial<Asked>, answered: (reply: Answer) => void): void;
}

export type ClientKind = "job" | "operator" /** Asks only what it is told to. */ | "prober";

export type Answer = Readonly<Record<string, unknown>>;

interface Parts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly broker: Broker;
  readonly trace: Trace;
  /** As the configuration file has them now. */
  readonly settings: () => Settings;
  readonly kind: ClientKind;
}

interface Pending {
  readonly asked: Asked;
  readonly answered: (reply: Answer) => void;
  again: Task | undefined;
}

export function createClient(
  name: string,
  { scheduler, random, broker, trace, settings, kind }: Parts,
): Client {
  const pending = new Map<string, Pending>();
  /** Published and not yet taken by the broker: published again after a reconnection, in order. */
  let unacknowledged: { readonly message: Message }[] = [];
  const idle = kind !== "job";
  const qos = random.chance(0.8) || idle ? 1 : 0;
  const willing = random.chance(0.6);
  let incarnation = 0;
  let asks = 0;
  let retired = kind === "prober";
  /** What it works with: one resource or pool, or several names at once. */
  let target: { readonly resource: string | null; readonly names: readonly string[] };
  let token = "";
  let ttl: number | null = null;
  /** Where its token is held, as the reply said. */
  let member: string | null = null;
  let holding = false;
  let repeated = false;
  let line: Line | undefined;
  let ready = false;
  let chores: Task[] = [];

  function begin(): void {
    incarnation += 1;
    target = drawTarget();
    token = `${name}-${incarnation}`;
    ttl = random.chance(0.5) ? random.int(5, 60) * 1000 : null;
    member = target.resource;
    holding = false;
    repeated = false;
    const will = {
      topic: `${base}/${target.resource ?? "controller"}/release`,
      payload: JSON.stringify(make({ verb: "release", lost: true, reply: false })),
    };
    line = keepConnected({
      scheduler,
      random,
      broker,
      options: {
        clientId: `${name}-${incarnation}`,
        clean: true,
        will: willing && !idle ? { ...will, qos: 1, retain: false } : undefined,
        delay: 3,
        shuffled: false,
      },
      pause: [500, 5000],
      enter: (run) => run(),
      connected,
      message: ({ payload }, taken) => {
        taken();
        answer(payload);
      },
      lost: () => {
        ready = false;
      },
    });
    if (kind === "job") {
      later(random.wait(30_000), work);
    } else if (kind === "operator") {
      later(random.wait(60_000), operate);
    }
  }

  function drawTarget(): typeof target {
    const { resources, pools } = settings();
    const [first = "", ...others] = resources.keys();
    const some = [first, ...others] as const;
    const names = [...some, ...pools.keys()];
    if (random.chance(0.15) && names.length > 1) {
      const chosen = names.filter(() => random.chance(0.5));
      return { resource: null, names: chosen.length === 0 ? [first] : chosen };
    }
    const [pool, ...more] = pools.keys();
    return {
      resource: pool !== undefined && random.chance(0.25) ? random.pick([pool, ...more]) : random.pick(some),
      names: [],
    };
  }

  function connected(connection: Connection): void {
    connection.subscribe([{ filter: `${base}/reply/${name}`, qos: 1, noLocal: false }], () => {
      ready = true;
      if (unacknowledged.length > 0) {
        repeated = true;
      }
      for (const { message } of unacknowledged) {
        transmit(connection, message);
      }
      if (holding) {
        ask({ verb: "acquire", ttl }, () => undefined); // a will of ours may have been sent
      }
    });
  }

  function make(fields: Partial<Asked>): Asked {
    asks += 1;
    return {
      id: `${name}.${asks}`,
      verb: "acquire",
      ...target,
      token,
      owner: null,
      user: settings().access === "users" ? name : null,
      ttl: null,
      mode: "shared",
      priority: 0,
      wait: "granted",
      timeout: null,
      lost: false,
      override: "auto",
      until: null,
      force: false,
      reply: true,
      replyTo: `${base}/reply/${name}`,
      ...fields,
    };
  }

  function ask(fields: Partial<Asked>, answered: (reply: Answer) => void): void {
    const asked = make(fields);
    if (asked.reply) {
      pending.set(asked.id, { asked, answered, again: undefined });
    }
    send(asked);
  }

  function send(asked: Asked): void {
    const message: Message = {
      topic: topicOf(base, asked),
      payload: JSON.stringify(asked),
      qos,
      retain: false,
    };
    const connection = line?.connection;
    if (qos === 1) {
      unacknowledged.push({ message });
    }
    if (ready && connection !== undefined) {
      transmit(connection, message);
    }
    const waits = pending.get(asked.id);
    if (waits !== undefined) {
      waits.again = scheduler.after((asked.timeout ?? 100_000) + 20_000, () => {
        if (pending.has(asked.id)) {
          repeated = true;
          send(asked);
        }
      });
    }
  }

  function transmit(connection: Connection, message: Message): void {
    connection.publish(message, () => {
      unacknowledged = unacknowledged.filter((other) => other.message !== message);
    });
  }

  function answer(payload: string): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- replies are JSON objects, or the run has failed already
    const reply = JSON.parse(payload) as Answer;
    const waits = pending.get(String(reply["id"]));
    if (waits !== undefined) {
      pending.delete(waits.asked.id);
      waits.again?.cancel();
      waits.answered(reply);
    }
  }

  function later(ms: number, run: () => void): void {
    chores.push(scheduler.after(ms, run));
  }

  function work(): void {
    if (retired || holding) {
      return;
    }
    if (random.chance(0.08)) {
      misbehave();
    }
    const wait = random.pick(["granted", "powered", "available", "available"] as const);
    const timeout = random.pick([null, null, 0, 5000, 30_000, 120_000]);
    const reply = random.chance(0.9);
    holding = true;
    const owner = random.chance(0.3) ? name : null;
    const mode = random.chance(0.12) ? "exclusive" : "shared";
    const priority = random.pick([0, 0, 0, 0, -5, 5, 50]);
    ask({ verb: "acquire", wait, timeout, ttl, reply, owner, mode, priority }, (said) => {
      if (said["ok"] === true) {
        member = typeof said["resource"] === "string" ? said["resource"] : target.resource;
        use();
      } else {
        holding = false;
        later(random.wait(40_000), work);
      }
    });
    if (!reply) {
      use();
    }
  }

  function use(): void {
    const length = random.wait(random.pick([2000, 20_000, 120_000]));
    renewUntil(scheduler.now + length);
    later(length, leave);
  }

  function renewUntil(end: number): void {
    const pause = (ttl ?? 60_000) / random.pick([1, 2, 3]);
    if (scheduler.now + pause < end) {
      later(pause, () => {
        if (holding) {
          const shorter = random.chance(0.1) ? random.int(1, 20) * 1000 : null;
          ask({ ...onceMore(), ttl: shorter, reply: random.chance(0.8) }, () => undefined);
          renewUntil(end);
        }
      });
    }
  }

  /** The same token once more: by renewing it, where it is held or where it was asked for, or by acquiring it again. */
  function onceMore(): Partial<Asked> {
    if (random.chance(0.3)) {
      return { verb: "acquire" };
    }
    return {
      verb: "renew",
      resource: random.chance(0.3) && target.resource !== null ? member : target.resource,
    };
  }

  function leave(): void {
    holding = false;
    if (random.chance(0.1) && !retired) {
      restart(); // it forgets to release
      return;
    }
    giveBack();
  }

  function giveBack(): void {
    ask({ verb: "release" }, () => {
      if (retired) {
        return;
      }
      if (!repeated && unacknowledged.length === 0 && pending.size === 0 && random.chance(0.6)) {
        later(random.wait(random.pick([500, 5000, 60_000])), work); // the same id again, as a job that is run again
      } else {
        restart();
      }
    });
  }

  function misbehave(): void {
    const [first = "", ...others] = settings().resources.keys();
    const one = { resource: random.pick([first, ...others]), names: [] };
    const odd: readonly [Partial<Asked>, ...Partial<Asked>[]] = [
      { verb: "nonsense" },
      { verb: "tokens", ...one },
      { verb: "renew", token: "nobody-has-it" },
      { verb: "release", token: "nobody-has-it" },
      { verb: "acquire", resource: "bild1" },
      { verb: "acquire", ttl: 86_400_000 },
      { verb: "acquire", ...one, token: "shared", owner: name, ttl: 5000 },
      { verb: "release", ...one, token: "shared", owner: name },
      { verb: "release", ...one, token: "shared", owner: "somebody-else" },
      { verb: "acquire", token: null, ttl: 3000, wait: "powered", timeout: 20_000 },
      { verb: "acquire", user: null, token: `${name}-nobody`, ttl: 3000 },
      { verb: "override", ...one, override: "auto" },
      { verb: "cycle", ...one, owner: name },
    ];
    ask(random.pick(odd), () => undefined);
  }

  /** One who goes about the lab with a screwdriver. */
  function operate(): void {
    const [first = "", ...others] = settings().resources.keys();
    const one = { resource: random.pick([first, ...others]), names: [], token: null, owner: name };
    const until = random.chance(0.4) ? random.wait(60_000) + 1 : null;
    const force = random.chance(0.25);
    const does = random.pick(["on", "off", "off", "cycle", "cycle", "auto"] as const);
    if (does === "cycle") {
      ask({ verb: "cycle", ...one, force }, () => undefined);
    } else {
      ask({ verb: "override", ...one, override: does, until, force }, () => undefined);
      if (does !== "auto" && (until === null || random.chance(0.3))) {
        later(random.wait(40_000), () => {
          ask({ verb: "override", ...one, override: "auto" }, () => undefined);
        });
      }
    }
    later(random.wait(90_000), operate);
  }

  function stop(silently: boolean): void {
    for (const chore of chores) {
      chore.cancel();
    }
    chores = [];
    ready = false;
    holding = false;
    line?.end(silently);
    unacknowledged = [];
    for (const { again } of pending.values()) {
      again?.cancel();
    }
    pending.clear();
  }

  /** Another job takes its place. */
  function restart(): void {
    stop(false);
    scheduler.after(random.wait(20_000), () => {
      if (!retired) {
        begin();
      }
    });
  }

  begin();
  return {
    name,
    get unanswered() {
      return [...pending.keys()];
    },
    cut: () => {
      line?.connection?.wire.cut(
        random.chance(0.5)
          ? undefined
          : { end: random.pick(["client", "broker"]), ms: random.int(0, 20_000) },
      );
    },
    die() {
      if (kind !== "job") {
        return;
      }
      trace.note(`${name}: dies`);
      stop(true);
      scheduler.after(random.wait(60_000), () => {
        if (!retired) {
          begin();
        }
      });
    },
    retire() {
      retired = true;
      for (const chore of chores) {
        chore.cancel();
      }
      chores = [];
      if (holding) {
        holding = false;
        giveBack();
      }
    },
    every(ms, run) {
      const turn = (): void =>
        later(ms, () => {
          run();
          turn();
        });
      turn();
    },
    rest() {
      for (const chore of chores) {
        chore.cancel();
      }
      chores = [];
    },
    ask,
  };
}
