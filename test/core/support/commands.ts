// What the command lines of a transcript mean; test/transcripts has many of them. One function per verb; settings return
// `undefined`, because there is nothing to tell of them. Requests are in asking.ts.

import { millis } from "../../../src/core/time.ts";
import { acquireOf, asked, cycleOf, overrideOf, refusedOf, releaseOf, renewOf, tokensOf } from "./asking.ts";
import { poolOf, resourceOf } from "./furnish.ts";
import { duration } from "./lab.ts";
import { lengthOf, type Line, listOf, numberOf, parseLine, positionOf, word } from "./line.ts";
import {
  advance,
  checked,
  checkKey,
  happen,
  open,
  reported,
  settings,
  shutdownEnded,
  type ShutdownOutcome,
  type Stage,
  type Verdict,
} from "./stage.ts";
import { objectOf, viewOf } from "./words.ts";

type Command = (stage: Stage, line: Line) => string[] | undefined;

export function runCommand(stage: Stage, text: string): string[] | undefined {
  const line = parseLine(text);
  const command = commands.get(line.verb);
  if (command === undefined) {
    throw new Error(`no command is named '${line.verb}'`);
  }
  return command(stage, line);
}

const commands = new Map<string, Command>(
  Object.entries({
    // The lab.
    resource(stage, line) {
      const name = word(line.words, 0);
      const before = stage.resources.get(name);
      stage.named += before === undefined ? 1 : 0;
      stage.resources.set(name, resourceOf(name, before?.outlets ?? [`plug${stage.named}`], line));
      return undefined;
    },
    pool(stage, line) {
      const pool = poolOf(line);
      stage.pools.set(pool.name, pool);
      return undefined;
    },
    /** A resource or a pool leaves the configuration. */
    without(stage, { words }) {
      stage.resources.delete(word(words, 0));
      stage.pools.delete(word(words, 0));
      return undefined;
    },
    spare(stage, { words }) {
      stage.spareOutlets.add(word(words, 0));
      return undefined;
    },
    /** What a switcher's settings say; it exists by its outlets. */
    switcher(stage, { words, options }) {
      stage.stagger.set(word(words, 0), lengthOf(options, "stagger") ?? millis(0));
      return undefined;
    },
    controller(stage, { words, options }) {
      const { limits, restartGrace, lostGrace, access, operators } = stage.controller;
      stage.controller = {
        limits: {
          tokens: numberOf(options, "tokens") ?? limits.tokens,
          starting: numberOf(options, "starting") ?? limits.starting,
        },
        access: options.has("access") ? accessOf(options.get("access")) : access,
        operators: options.has("operators") ? new Set(listOf(options.get("operators"))) : operators,
        restartGrace: lengthOf(options, "restartGrace") ?? restartGrace,
        lostGrace: lengthOf(options, "lostGrace") ?? lostGrace,
        observe: words.includes("observe"),
      };
      return undefined;
    },

    // Who answers by himself, and what.
    plug(stage, { words }) {
      const id = word(words, 0);
      const position = stage.plugs.get(id)?.position ?? "off";
      stage.plugs.set(id, { position, obeys: words[1] === "obeys" });
      return undefined;
    },
    machine: (stage, { words }) => put(stage.machines, words, verdictOf),
    guard: (stage, { words }) => put(stage.guards, words, verdictOf),
    shutdown: (stage, { words }) => put(stage.shutdowns, words, outcomeOf),
    meter(stage, { words, options }) {
      const outlet = word(words, 0);
      const watts = Number(words[1]);
      if (words[1] === undefined) {
        stage.meters.delete(outlet);
      } else {
        stage.meters.set(outlet, { watts, kwh: numberOf(options, "kwh") });
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
    /** The lab as it was described meanwhile; the words are switchers that are reached, or resources that are checked, in another way now. */
    reconfigure: (stage, { words }) =>
      happen(stage, {
        kind: "reconfigured",
        settings: settings(stage),
        changed: new Set(words),
        rechecked: new Set(words),
      }),
    crash(stage) {
      stage.world.crash();
      return [];
    },
    pass(stage, { words }) {
      stage.world.pass(duration(word(words, 0)));
      return [];
    },
    advance: (stage, { words }) => advance(stage, duration(word(words, 0))),
    // Time passes and nothing that has become due is looked at yet: the machine was busy, or stopped.
    late: (stage, { words }) => {
      stage.world.pass(duration(word(words, 0)));
      return [];
    },
    connect: (stage) => happen(stage, { kind: "linkConnected" }),
    proved: (stage, { words }) =>
      happen(stage, { kind: "linkProved", attempt: Number(words[0] ?? stage.latestMarker) }),
    link: (stage) => happen(stage, { kind: "linkLost" }),
    stood: (stage) => happen(stage, { kind: "stoodStill" }),
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
    renew: (stage, line) => asked(stage, renewOf(line)),
    release: (stage, line) => asked(stage, releaseOf(line)),
    override: (stage, line) => asked(stage, overrideOf(line)),
    cycle: (stage, line) => asked(stage, cycleOf(line)),
    tokens: (stage, line) => asked(stage, tokensOf(line)),
    refused: (stage, line) => asked(stage, refusedOf(line)),

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
    hint: (stage, { words }) => happen(stage, { kind: "switcherHinted", switcher: word(words, 0) }),
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
    check: (stage, { words }) => reportCheck(stage, "availability", words),
    guardcheck: (stage, { words }) => reportCheck(stage, "keepWhile", words),
    /** A shutdown command has ended. */
    ended: (stage, { words }) => {
      const name = word(words, 0);
      const attempt = Number(words[2] ?? stage.latestShutdowns.get(name) ?? 0);
      return happen(stage, shutdownEnded(name, attempt, outcomeOf(words[1]) ?? "unsure"));
    },

    // Looking.
    view: (stage, { words }) => [viewOf(stage.world, word(words, 0))],
    object: (stage, { words }) => objectOf(stage.world, word(words, 0)),
  } satisfies Record<string, Command>),
);

function reportCheck(
  stage: Stage,
  of: "availability" | "keepWhile",
  [name = "", found, attempt]: readonly string[],
): string[] {
  const latest = stage.latestChecks.get(checkKey(name, of)) ?? 0;
  return happen(stage, checked(name, of, Number(attempt ?? latest), verdictOf(found) ?? "error"));
}

/** `machine build1 up` sets it; anything that is no such word takes it away. */
function put<Value>(
  map: Map<string, Value>,
  [name = "", text]: readonly string[],
  read: (text: string | undefined) => Value | undefined,
): undefined {
  const value = read(text);
  if (value === undefined) {
    map.delete(name);
  } else {
    map.set(name, value);
  }
}

const verdictOf = (text: string | undefined): Verdict | undefined =>
  text === "up" || text === "down" || text === "error" ? text : undefined;

const outcomeOf = (text: string | undefined): ShutdownOutcome | undefined =>
  text === "done" || text === "accepted" || text === "failed" || text === "unsure" ? text : undefined;

const accessOf = (text: string | undefined): "open" | "users" => (text === "users" ? "users" : "open");
