// How effects become deeds: which part is asked, by when it must have answered, and what comes back to the loop as an event.

import { describe, expect, it } from "vitest";
import type { Announcement, Effect } from "../../src/core/effects.ts";
import { watching } from "../../src/core/leaving.ts";
import { openBook } from "../../src/core/restart.ts";
import { millis } from "../../src/core/time.ts";
import type { Checker, CheckResult } from "../../src/ports/checker.ts";
import type { Front } from "../../src/ports/front.ts";
import type { Shutdown, ShutdownResult } from "../../src/ports/shutdown.ts";
import { type Switcher, SwitcherError } from "../../src/ports/switcher.ts";
import { createHands } from "../../src/runtime/carry-out.ts";
import type { Happening } from "../../src/runtime/loop.ts";
import { createDisk } from "../core/support/disk.ts";
import {
  settingsOf,
  unfurnished,
  usualController,
  usualResource,
  usualShutdown,
} from "../core/support/lab.ts";
import { handClock } from "../support/hand-clock.ts";
import { keepingLog } from "../support/silent-log.ts";

/** A machine that obeys when `obey` is called, and notes when its time was up. */
function machine() {
  const { promise, resolve } = Promise.withResolvers<ShutdownResult>();
  const asked: AbortSignal[] = [];
  const shutdown: Shutdown = {
    run(signal) {
      asked.push(signal);
      signal.addEventListener("abort", () => resolve({ outcome: "failed", message: "time was up" }));
      return promise;
    },
  };
  return { shutdown, asked, obey: resolve };
}

const answering = (message: string): Checker => ({
  check: async (): Promise<CheckResult> => ({ outcome: "up", message }),
});

function hands(shutdownTimeout: number | undefined = 120_000, configured = true) {
  const clock = handClock();
  const build1 = { ...usualResource("build1", "plug1"), shutdown: usualShutdown };
  const book = openBook(
    settingsOf([build1], usualController, {
      ...unfurnished,
      pools: [{ name: "builders", members: ["build1"], warm: 0 }],
    }),
    createDisk().snapshot(),
    clock.now(),
    millis(0),
  );
  const resource = book.resources.get("build1");
  const { log, lines } = keepingLog();
  const submitted: Happening[] = [];
  const told: string[] = [];
  const measured: AbortSignal[] = [];
  const switched: string[] = [];
  const build = machine();
  const stopping = new AbortController();
  const front: Front = {
    start: async () => undefined,
    prove: () => undefined,
    reply: () => undefined,
    announce: ({ event }) => told.push(`event ${event}`),
    publishResource: ({ name }) => told.push(`resource ${name}`),
    publishPool: ({ name }) => told.push(`pool ${name}`),
    publishSwitcher: ({ name }) => told.push(`switcher ${name}`),
    publishController: ({ resources, pools }) => told.push(`controller ${resources} ${pools}`),
    reconfigure: () => undefined,
    forget: () => undefined,
    tend: () => undefined,
    close: async () => undefined,
  };
  const plug: Switcher = {
    name: "plug1",
    outlets: ["plug1"],
    capabilities: { readback: "hardware", push: true, meter: true },
    start: () => undefined,
    set: async (outlet, position) => {
      switched.push(`${outlet} ${position}`);
    },
    ask: async () => undefined,
    measure: async (signal) => {
      measured.push(signal);
      throw new SwitcherError("unreachable", "plug1 cannot be reached");
    },
    close: async () => undefined,
  };
  const timeout = millis(2000);
  const carryOut = createHands({
    book,
    front,
    switchers: new Map([["plug1", { device: plug, timeout }]]),
    checkers: new Map([["build1", { device: answering("pong"), timeout }]]),
    guards: new Map([["build1", { device: answering("somebody is logged in"), timeout }]]),
    shutdowns: new Map(
      configured ? [["build1", { device: build.shutdown, timeout: millis(shutdownTimeout) }]] : [],
    ),
    stopping: stopping.signal,
    clock,
    log,
    submit: (happening) => submitted.push(happening),
  });
  return {
    clock,
    build,
    stopping,
    submitted,
    told,
    measured,
    switched,
    lines,
    /** Its shutdown of this attempt is what the core waits for. */
    leave: (attempt: number): void => {
      if (resource !== undefined) {
        resource.activity = { ...watching(clock.now(), usualShutdown), asking: attempt };
      }
    },
    /** It was told this, and nothing has come of it yet. */
    command: (position: "on" | "off", attempt: number): void => {
      const outlet = book.outlets.get("plug1");
      if (resource !== undefined && outlet !== undefined) {
        const at = clock.now();
        resource.activity = { name: "stopping", usedSince: false, cleared: "no" };
        outlet.stale = false;
        outlet.attempt = attempt;
        outlet.command = { position, firstAt: at, sentAt: at, sends: 1, nextAt: at, askedAt: undefined };
      }
    },
    want: (): void => {
      if (resource !== undefined) {
        resource.warm = true;
      }
    },
    carryOut: (...effects: Effect[]) => carryOut(effects, clock.now()),
  };
}

const shutdown = (attempt: number, resource = "build1"): Effect => ({ kind: "shutdown", resource, attempt });

const off = (attempt: number): Effect => ({ kind: "command", outlet: "plug1", position: "off", attempt });

describe("A command", () => {
  it("goes to the switcher of its outlet", () => {
    const { carryOut, command, switched } = hands();
    command("off", 3);
    carryOut(off(3));
    expect(switched).toEqual(["plug1 off"]);
  });

  it("is not sent when the same batch has decided otherwise", () => {
    const { carryOut, command, want, switched } = hands();
    command("off", 3);
    carryOut(off(2)); // told anew since
    want();
    carryOut(off(3)); // a token came
    command("on", 4);
    carryOut(off(4));
    expect(switched).toEqual([]);
  });
});

describe("A shutdown", () => {
  it("is run once, and its outcome comes back with its attempt", async () => {
    const { carryOut, leave, build, clock, submitted } = hands();
    leave(3);
    carryOut(shutdown(3));
    expect(build.asked).toHaveLength(1);
    build.obey({ outcome: "accepted", message: "closed by remote host" });
    await clock.turn(0);
    expect(submitted).toEqual([
      {
        kind: "shutdownEnded",
        resource: "build1",
        attempt: 3,
        outcome: "accepted",
        message: "closed by remote host",
      },
    ]);
  });

  it.each([
    [120_000, 120_000],
    [10_001, 10_001],
    [10_000, 10_000],
    [9999, 10_000],
    [1, 10_000],
  ])("with a timeout of %i ms has %i ms: a login alone takes some seconds", async (timeout, length) => {
    const { carryOut, leave, clock, submitted } = hands(timeout);
    leave(1);
    carryOut(shutdown(1));
    await clock.turn(length - 1);
    expect(submitted).toEqual([]);
    await clock.turn(1);
    expect(submitted).toMatchObject([{ outcome: "failed", message: "time was up" }]);
  });

  it("that the same batch has decided against is not sent", () => {
    const { carryOut, leave, build } = hands();
    carryOut(shutdown(1));
    leave(2);
    carryOut(shutdown(1));
    expect(build.asked).toEqual([]);
  });

  it("is called off when somebody wants the machine again in the same batch, and it is told so", () => {
    const { carryOut, leave, want, build, submitted } = hands();
    leave(1);
    want();
    carryOut(shutdown(1));
    expect(build.asked).toEqual([]);
    expect(submitted).toMatchObject([
      {
        kind: "shutdownEnded",
        attempt: 1,
        outcome: "failed",
        message: expect.stringContaining("called off"),
      },
    ]);
  });

  it("of a machine that is not configured any more is not sent", () => {
    const { carryOut, submitted } = hands();
    carryOut(shutdown(1, "build2"));
    expect(submitted).toEqual([]);
  });

  it("that has left the configuration meanwhile has failed", () => {
    const { carryOut, leave, submitted } = hands(undefined, false);
    leave(1);
    carryOut(shutdown(1));
    expect(submitted).toMatchObject([{ kind: "shutdownEnded", attempt: 1, outcome: "failed" }]);
  });

  it("ends with what the machine was told it for: it must not reach one that is started anew", async () => {
    const { carryOut, leave, command, build, clock, submitted } = hands();
    leave(1);
    carryOut(shutdown(1));
    leave(1);
    carryOut();
    expect(build.asked.map(({ aborted }) => aborted)).toEqual([false]);
    command("off", 1); // the power is cut, or a hand did that
    carryOut(off(1));
    await clock.turn(0);
    expect(build.asked.map(({ aborted }) => aborted)).toEqual([true]);
    // The core hears of it, and knows by the attempt that it is over.
    expect(submitted).toMatchObject([{ kind: "shutdownEnded", attempt: 1, outcome: "failed" }]);
  });

  it("ends when the machine is told once more, which goes on by itself", async () => {
    const { carryOut, leave, build, clock } = hands();
    leave(1);
    carryOut(shutdown(1));
    leave(2);
    carryOut(shutdown(2));
    await clock.turn(0);
    expect(build.asked.map(({ aborted }) => aborted)).toEqual([true, false]);
  });

  it("is cut off when the controller stops, and is neither a failure nor a success then", async () => {
    const { carryOut, leave, build, clock, stopping, submitted } = hands();
    leave(1);
    carryOut(shutdown(1));
    stopping.abort();
    await clock.turn(0);
    expect(build.asked[0]?.aborted).toBe(true);
    expect(submitted).toEqual([]);
  });
});

it("A check asks the checker of the resource, or the one that keeps it on, and its result says which", async () => {
  const { carryOut, clock, submitted } = hands();
  carryOut(
    { kind: "check", resource: "build1", of: "availability", attempt: 4 },
    { kind: "check", resource: "build1", of: "keepWhile", attempt: 5 },
  );
  await clock.turn(0);
  const result = { kind: "checked", resource: "build1", outcome: "up" };
  expect(submitted).toEqual([
    { ...result, of: "availability", attempt: 4, message: "pong" },
    { ...result, of: "keepWhile", attempt: 5, message: "somebody is logged in" },
  ]);
});

it.each(["availability", "keepWhile"] as const)(
  "A check of %s without a checker is an error, and said at once",
  (of) => {
    const { carryOut, submitted } = hands();
    carryOut({ kind: "check", resource: "build2", of, attempt: 6 });
    const message = "there is no such checker";
    expect(submitted).toEqual([
      { kind: "checked", resource: "build2", of, attempt: 6, outcome: "error", message },
    ]);
  },
);

it("A meter that cannot be asked is one that does not answer: that is only noted", async () => {
  const { carryOut, clock, submitted, measured, lines } = hands();
  carryOut({ kind: "measure", switcher: "plug1" }, { kind: "measure", switcher: "plug2" });
  await clock.turn(0);
  expect(measured).toHaveLength(1);
  expect(submitted).toEqual([]);
  expect(lines.map(({ level, fields }) => [level, fields["reason"]])).toEqual([
    ["debug", "there is no such switcher"],
    ["debug", "plug1 cannot be reached"],
  ]);
});

it("Pools are published like resources, once per batch, and counted", () => {
  const { carryOut, told } = hands();
  carryOut(
    { kind: "publish", what: "pool", name: "builders" },
    { kind: "publish", what: "resource", name: "build1" },
    { kind: "publish", what: "pool", name: "builders" },
    { kind: "publish", what: "pool", name: "nobody" },
    { kind: "publishController" },
  );
  expect(told).toEqual(["controller 1 1", "pool builders", "resource build1"]);
});

const announcing = (
  event: Announcement["event"],
  fields: Announcement["fields"] = {},
  to: "users" | "log" = "users",
): Effect => ({
  kind: "announce",
  announcement: { event, resource: "build1", time: "2026-01-01T00:00:00Z", fields },
  to,
});

describe("What happens is logged once, and as a warning where somebody should look", () => {
  it("also what is for the log only, and no user hears of it", () => {
    const { carryOut, lines, told } = hands();
    carryOut(announcing("state", { from: "unknown", to: "off" }, "log"));
    expect(lines).toMatchObject([{ level: "info", fields: { from: "unknown", to: "off" } }]);
    expect(told).toEqual([]);
  });

  it.each([
    ["queued", {}, "info"],
    ["override", {}, "info"],
    ["locked-out", {}, "warn"],
    ["shutdown", { stage: "sent" }, "info"],
    ["shutdown", { stage: "done" }, "info"],
    ["shutdown", { stage: "accepted" }, "info"],
    ["shutdown", { stage: "unsure" }, "info"],
    ["shutdown", { stage: "failed" }, "warn"],
    ["shutdown", { stage: "timeout" }, "warn"],
    ["cycle", { retry: 1, of: 2 }, "warn"],
  ] as const)("%s %j: %s", (event, fields, level) => {
    const { carryOut, lines, told } = hands();
    carryOut(announcing(event, fields));
    expect(lines).toEqual([
      { level, sentence: expect.stringMatching(/^A /), fields: { event, resource: "build1", ...fields } },
    ]);
    expect(told).toEqual([`event ${event}`]);
  });

  it("an operator's cycle is no warning, and not said to be a machine that did not boot", () => {
    const { carryOut, lines } = hands();
    const stages = [{ stage: "begun", by: "laforge" }, { stage: "called off" }];
    carryOut(...stages.map((fields) => announcing("cycle", fields)));
    const facts = { event: "cycle", resource: "build1" };
    expect(lines).toEqual([
      { level: "info", sentence: "An operator's power cycle has begun", fields: { ...facts, ...stages[0] } },
      {
        level: "info",
        sentence: "An operator's power cycle was called off",
        fields: { ...facts, ...stages[1] },
      },
    ]);
  });
});
