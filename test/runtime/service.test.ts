// Goal: systemd is told the truth: ready when it serves, alive only while the loop turns. Method: a clock that is turned by hand, and a
// service manager that keeps what it was told.

import { describe, expect, test } from "vitest";
import { type Millis, millis } from "../../src/core/time.ts";
import { createService, type Service } from "../../src/runtime/service.ts";
import { handClock } from "../support/hand-clock.ts";

interface Stage {
  readonly service: Service;
  /** What was told since the last look, one text for each message. */
  readonly told: () => readonly string[];
  /** So many seconds of a loop that turns. */
  readonly turns: (seconds: number) => Promise<void>;
  /** So many seconds of a loop that hangs. */
  readonly hangs: (seconds: number) => Promise<void>;
}

function stage(watchdog?: Millis): Stage {
  const clock = handClock();
  let heard: string[] = [];
  const service = createService(
    {
      watchdog,
      tell: (variables) => {
        heard.push(
          Object.entries(variables)
            .map(([name, value]) => `${name}=${value}`)
            .join(" "),
        );
      },
      close: () => Promise.resolve(),
    },
    clock,
    { waiting: "Waiting", serving: "Serving" },
  );
  return {
    service,
    told() {
      const since = heard;
      heard = [];
      return since;
    },
    async turns(seconds) {
      for (let second = 0; second < seconds; second += 1) {
        await clock.turn(1000);
        service.tend();
      }
    },
    hangs: (seconds) => clock.turn(seconds * 1000),
  };
}

describe("systemd is told", () => {
  test("at the start what the program waits for", () => {
    expect(stage().told()).toEqual(["STATUS=Waiting"]);
  });

  test("that it is ready, when it serves", async () => {
    const { service, told, turns } = stage();
    await turns(5);
    told();
    service.serving();
    expect(told()).toEqual(["READY=1 STATUS=Serving"]);
  });

  test("after 20 s without a broker that it is ready all the same, and still waits", async () => {
    const { service, told, turns } = stage();
    told();
    await turns(19);
    expect(told()).toEqual([]);
    await turns(2);
    expect(told()).toEqual(["READY=1 STATUS=Waiting"]);
    await turns(60);
    expect(told()).toEqual([]);
    service.serving();
    expect(told()).toEqual(["READY=1 STATUS=Serving"]);
  });

  test("around a reload, with the time of its monotonic clock in microseconds", () => {
    const { service, told } = stage();
    service.serving();
    told();
    service.reloading();
    service.reloaded();
    expect(told()).toEqual([
      "RELOADING=1 MONOTONIC_USEC=1000000 STATUS=Reading the configuration again",
      "READY=1 STATUS=Serving",
    ]);
  });

  test("nothing of a reload before it is ready, and after a reload without a broker that it still waits", async () => {
    const { service, told, turns } = stage();
    told();
    service.reloading();
    service.reloaded();
    expect(told()).toEqual([]);
    await turns(21);
    told();
    service.reloading();
    service.reloaded();
    expect(told().at(-1)).toBe("READY=1 STATUS=Waiting");
    service.stopping();
    told();
    service.reloading();
    service.reloaded();
    expect(told()).toEqual([]);
  });

  test("that it stops, and then never again that it is ready", async () => {
    const { service, told, turns } = stage();
    told();
    service.stopping();
    service.serving();
    await turns(30);
    expect(told()).toEqual(["STOPPING=1 STATUS=Stopping; every outlet stays as it is"]);
  });
});

describe("The watchdog", () => {
  test("hears of a loop that turns at least every half of its time", async () => {
    const { told, turns } = stage(millis(30_000));
    await turns(1);
    expect(told()).toContain("WATCHDOG=1");
    await turns(13);
    expect(told()).toEqual([]);
    await turns(1);
    expect(told()).toContain("WATCHDOG=1");
    await turns(60);
    expect(told().filter((message) => message === "WATCHDOG=1").length).toBeGreaterThanOrEqual(4);
  });

  test("hears nothing of a loop that hangs, however long it takes", async () => {
    const { told, turns, hangs } = stage(millis(30_000));
    await turns(1);
    told();
    await hangs(120);
    expect(told()).toEqual([]);
  });

  test("of a second hears of every turn", async () => {
    const { told, turns } = stage(millis(1000));
    told();
    await turns(5);
    expect(told()).toEqual(Array.from({ length: 5 }, () => "WATCHDOG=1"));
  });

  test("is not told anything where systemd does not watch", async () => {
    const { service, told, turns } = stage();
    service.serving();
    told();
    await turns(120);
    expect(told()).toEqual([]);
  });
});
