// What the command lines of a transcript mean. A line is a verb, plain words and `name=value` options; test/transcripts has
// many of them. One function per verb; settings return `undefined`, because there is nothing to tell of them.

import type { AcquireRequest, ErrorCode, ReplyTo, Request } from "../../../src/core/requests.ts";
import type { CheckLevel, Position, ResourceSettings } from "../../../src/core/settings.ts";
import { millis, type Millis } from "../../../src/core/time.ts";
import { duration, usualCheck, usualResource } from "./lab.ts";
import { advance, checked, happen, open, reported, type Stage } from "./stage.ts";
import { objectOf, viewOf } from "./words.ts";

interface Line {
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

type Command = (stage: Stage, line: Line) => string[] | undefined;

export function runCommand(stage: Stage, text: string): string[] | undefined {
  const [verb = "", ...rest] = text.trim().split(/\s+/);
  const command = commands.get(verb);
  if (command === undefined) {
    throw new Error(`no command is named '${verb}'`);
  }
  return command(stage, {
    words: rest.filter((part) => !isOption(part)),
    options: new Map(rest.filter(isOption).map(optionOf)),
  });
}

const isOption = (part: string): boolean => /^[a-zA-Z]+=/.test(part);

const optionOf = (part: string): [string, string] => {
  const end = part.indexOf("=");
  return [part.slice(0, end), part.slice(end + 1)];
};

const commands = new Map<string, Command>(
  Object.entries({
    resource(stage, { words, options }) {
      const name = word(words, 0);
      stage.resources.set(name, resourceOf(name, `plug${stage.resources.size + 1}`, words, options));
      return undefined;
    },
    without(stage, { words }) {
      stage.resources.delete(word(words, 0));
      return undefined;
    },
    spare(stage, { words }) {
      stage.spareOutlets.add(word(words, 0));
      return undefined;
    },
    controller(stage, { words, options }) {
      const { limits, restartGrace, lostGrace } = stage.controller;
      stage.controller = {
        limits: { tokens: Number(options.get("tokens") ?? limits.tokens) },
        restartGrace: lengthOf(options, "restartGrace") ?? restartGrace,
        lostGrace: lengthOf(options, "lostGrace") ?? lostGrace,
        observe: words.includes("observe"),
      };
      return undefined;
    },
    plug(stage, { words }) {
      const id = word(words, 0);
      const position = stage.plugs.get(id)?.position ?? "off";
      stage.plugs.set(id, { position, obeys: words[1] === "obeys" });
      return undefined;
    },
    machine(stage, { words }) {
      const [name = "", found] = words;
      if (found === "up" || found === "down" || found === "error") {
        stage.machines.set(name, found);
      } else {
        stage.machines.delete(name);
      }
      return undefined;
    },
    markers(stage, { words }) {
      stage.markersReturn = words[0] === "return";
      return undefined;
    },

    // The controller's life.
    start(stage) {
      open(stage);
      return [];
    },
    /** Started so long ago that the grace is over; all outlets seen off. The scenario's time begins now. */
    running(stage) {
      stage.world.pass(millis(0 - stage.controller.restartGrace));
      open(stage);
      happen(stage, { kind: "linkConnected" });
      happen(stage, { kind: "linkProved", attempt: stage.latestMarker });
      for (const id of stage.world.book.outlets.keys()) {
        happen(stage, reported(id, "off", undefined));
      }
      advance(stage, stage.controller.restartGrace);
      return undefined;
    },
    crash(stage) {
      stage.world.crash();
      return [];
    },
    pass(stage, { words }) {
      stage.world.pass(duration(word(words, 0)));
      return [];
    },
    advance: (stage, { words }) => advance(stage, duration(word(words, 0))),
    connect: (stage) => happen(stage, { kind: "linkConnected" }),
    proved: (stage, { words }) =>
      happen(stage, { kind: "linkProved", attempt: Number(words[0] ?? stage.latestMarker) }),
    link: (stage) => happen(stage, { kind: "linkLost" }),
    stood: (stage, { words }) => happen(stage, { kind: "stoodStill", length: duration(word(words, 1)) }),
    wall: (stage, { words }) => {
      const by = duration(word(words, 1)) * (words[0] === "back" ? -1 : 1);
      return happen(stage, { kind: "wallClockMoved", offset: millis(stage.world.book.wallOffset + by) });
    },
    rival: (stage, { words }) =>
      happen(
        stage,
        words[0] === "gone" ? { kind: "rivalGone" } : { kind: "rivalHeard", instance: word(words, 0) },
      ),
    taken: (stage, { words }) => happen(stage, { kind: "replied", outbox: Number(word(words, 0)) }),
    store(stage, { words }) {
      stage.world.storeRefuses = words[0] === "refuses";
      return stage.world.storeRefuses ? [] : happen(stage, { kind: "storeRecovered" });
    },

    // Requests.
    acquire: (stage, line) => asked(stage, acquireOf(line)),
    renew: (stage, { words, options }) =>
      asked(stage, {
        kind: "renew",
        ...aboutOf(words, options),
        token: options.get("id") ?? "",
        ttl: lengthOf(options, "ttl"),
      }),
    release: (stage, { words, options }) =>
      asked(stage, {
        kind: "release",
        ...aboutOf(words, options),
        token: options.get("id") ?? "",
        lost: words.includes("lost"),
      }),
    tokens: (stage, { words, options }) =>
      asked(stage, {
        kind: "tokens",
        ...aboutOf(words, options),
        offset: Number(options.get("offset") ?? 0),
        limit: Number(options.get("limit") ?? 100),
      }),
    refused: (stage, { words, options }) =>
      asked(stage, {
        kind: "refused",
        resource: words[0],
        token: options.get("id"),
        error: errorOf(options.get("error")),
        message: "the adapter says why",
        replyTo: replyToOf(options),
      }),

    // Devices.
    report(stage, { words, options }) {
      const [outlet = "", said] = words;
      const position = positionOf(said);
      const plug = stage.plugs.get(outlet);
      if (plug !== undefined) {
        plug.position = position;
      }
      return happen(stage, reported(outlet, position, lengthOf(options, "uptime")));
    },
    connected: (stage, { words }) => happen(stage, { kind: "switcherConnected", switcher: word(words, 0) }),
    lost: (stage, { words }) => happen(stage, { kind: "switcherLost", switcher: word(words, 0) }),
    hint: (stage, { words }) =>
      happen(stage, { kind: "switcherHinted", switcher: word(words, 0), online: words[1] === "online" }),
    rebooted: (stage, { words }) => happen(stage, { kind: "switcherRebooted", switcher: word(words, 0) }),
    metered: (stage, { words, options }) =>
      happen(stage, {
        kind: "metered",
        outlet: word(words, 0),
        watts: numberOf(options, "watts"),
        kwh: numberOf(options, "kwh"),
      }),
    failed: (stage, { words }) =>
      happen(stage, {
        kind: "commandFailed",
        outlet: word(words, 0),
        attempt: Number(words[1]),
        reason: "it is unreachable",
      }),
    retained: (stage, { words }) =>
      happen(stage, { kind: "retainedCommandFound", switcher: word(words, 0), topic: word(words, 1) }),
    check: (stage, { words }) => {
      const [name = "", found] = words;
      const outcome = found === "up" || found === "down" ? found : "error";
      return happen(stage, checked(name, Number(words[2] ?? stage.latestChecks.get(name) ?? 0), outcome));
    },

    // Looking.
    view: (stage, { words }) => [viewOf(stage.world, word(words, 0))],
    object: (stage, { words }) => objectOf(stage.world, word(words, 0)),
  } satisfies Record<string, Command>),
);

function resourceOf(
  name: string,
  plug: string,
  words: readonly string[],
  options: ReadonlyMap<string, string>,
): ResourceSettings {
  const usual = usualResource(name, options.get("outlet") ?? plug);
  return {
    ...usual,
    ttl: {
      default: lengthOf(options, "ttl") ?? usual.ttl.default,
      max: lengthOf(options, "ttlMax") ?? usual.ttl.max,
      total: lengthOf(options, "ttlTotal") ?? usual.ttl.total,
    },
    offDelay: lengthOf(options, "offDelay") ?? usual.offDelay,
    bootTimeout: lengthOf(options, "bootTimeout") ?? usual.bootTimeout,
    bootRetries: Number(options.get("bootRetries") ?? usual.bootRetries),
    minOn: lengthOf(options, "minOn") ?? usual.minOn,
    minOff: lengthOf(options, "minOff") ?? usual.minOff,
    switchTimeout: lengthOf(options, "switchTimeout") ?? usual.switchTimeout,
    onExternalOn: oneOf(options, "onExternalOn", ["adopt", "reclaim", "ignore"]),
    onExternalOff: oneOf(options, "onExternalOff", ["respect", "restore"]),
    check: words.includes("check")
      ? {
          interval: lengthOf(options, "interval") ?? usualCheck.interval,
          timeout: usualCheck.timeout,
          rise: Number(options.get("rise") ?? usualCheck.rise),
          fall: Number(options.get("fall") ?? usualCheck.fall),
        }
      : undefined,
  };
}

function acquireOf({ words, options }: Line): AcquireRequest {
  return {
    kind: "acquire",
    ...aboutOf(words, options),
    token: options.get("id"),
    madeUpToken: "made-up",
    purpose: options.get("purpose"),
    ttl: lengthOf(options, "ttl"),
    wait: levelOf(options.get("wait")),
    timeout: lengthOf(options, "timeout"),
  };
}

const asked = (stage: Stage, request: Request): string[] => happen(stage, { kind: "requested", request });

const aboutOf = (words: readonly string[], options: ReadonlyMap<string, string>) => ({
  resource: word(words, 0),
  owner: options.get("owner"),
  replyTo: replyToOf(options),
});

function replyToOf(options: ReadonlyMap<string, string>): ReplyTo | undefined {
  const topic = options.get("reply");
  return topic === undefined
    ? undefined
    : { topic, correlation: options.get("correlation"), id: options.get("echo"), format: "json" };
}

function word(words: readonly string[], index: number): string {
  const found = words[index];
  if (found === undefined) {
    throw new Error(`word ${index + 1} is missing`);
  }
  return found;
}

function lengthOf(options: ReadonlyMap<string, string>, name: string): Millis | undefined {
  const text = options.get(name);
  return text === undefined ? undefined : duration(text);
}

function numberOf(options: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = options.get(name);
  return text === undefined ? undefined : Number(text);
}

function positionOf(text: string | undefined): Position {
  if (text === "on" || text === "off") {
    return text;
  }
  throw new Error(`'${text}' is no position`);
}

function levelOf(text: string | undefined): CheckLevel {
  return text === "powered" || text === "available" ? text : "granted";
}

function errorOf(text: string | undefined): ErrorCode {
  return text === "too-large" || text === "retained-request" || text === "forbidden"
    ? text
    : "invalid-request";
}

function oneOf<Choice extends string>(
  options: ReadonlyMap<string, string>,
  name: string,
  [first, ...others]: readonly [Choice, ...Choice[]],
): Choice {
  return others.find((choice) => choice === options.get(name)) ?? first;
}
