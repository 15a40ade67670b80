// What the last message on a topic means, over a bus in memory; and that a real broker's kept messages and wills come through.

import { getEventListeners } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { createBus } from "../../src/adapters/mqtt/bus.ts";
import { checkerOptions, createChecker } from "../../src/adapters/checkers/registry.ts";
import type { CheckResult } from "../../src/ports/checker.ts";
import { startAedes } from "../support/aedes.ts";
import { eventually } from "../support/eventually.ts";
import { handClock } from "../support/hand-clock.ts";
import { memoryBus } from "../support/memory-bus.ts";
import { silentLog } from "../support/silent-log.ts";
import { connectWire } from "../wire/client.ts";

const topic = "tele/plug1/LWT";

function made(options: Readonly<Record<string, unknown>> = {}) {
  const bus = memoryBus();
  const parsed = checkerOptions.parse({ type: "mqtt", topic, up: "Online", ...options });
  const checker = createChecker(parsed, { bus, clock: handClock() });
  /** Asks, and lets the timeout pass where an answer is not there at once. */
  const ask = (): Promise<CheckResult> => {
    const time = new AbortController();
    const checking = checker.check(time.signal);
    time.abort();
    return checking;
  };
  return { bus, checker, ask };
}

const refusal = (options: Readonly<Record<string, unknown>>): string =>
  checkerOptions
    .safeParse({ type: "mqtt", topic, up: "Online", ...options })
    .error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`)
    .join("; ") ?? "";

describe("The last message on the topic decides", () => {
  it("retained or live", async () => {
    const { bus, ask } = made();
    bus.keep(topic, "Online");
    bus.connect();
    expect(await ask()).toEqual({ outcome: "up", message: 'it says "Online"' });
    bus.say(topic, "Offline");
    expect(await ask()).toEqual({ outcome: "down", message: 'it says "Offline"' });
    bus.say(topic, "Online");
    expect((await ask()).outcome).toBe("up");
  });

  it("also when it was heard before anybody asked, and however often it is asked for", async () => {
    const { bus, ask } = made();
    bus.connect();
    bus.say(topic, "Online");
    expect((await ask()).outcome).toBe("up");
    expect((await ask()).outcome).toBe("up");
  });

  it.each([
    ["Online", "Online", "up"],
    ["Online", "online", "down"],
    ["Online", "Online ", "down"],
    ["1", "1.0", "down"],
    ["/on/", "Zone", "up"],
    ["/^on/", "Zone", "down"],
    ["/^(online|ready)$/", "ready", "up"],
    ["/^(online|ready)$/", "Ready", "down"],
    ["/^(online|ready)$/i", "READY", "up"],
    ["/", "/", "up"],
    ["//", "//", "up"],
    [true, "true", "up"],
    [1, "1", "up"],
  ])("up: %j and the message %j is %s... is %s", async (up, message, outcome) => {
    const { bus, ask } = made({ up });
    bus.connect();
    bus.say(topic, message);
    expect((await ask()).outcome).toBe(outcome);
  });

  it.each([
    ["state", '{"state":"on"}', "on", "up"],
    ["state", '{"state":"off"}', "on", "down"],
    ["relays[1].on", '{"relays":[{"on":false},{"on":true}]}', true, "up"],
    ["relays.1.on", '{"relays":[{"on":false},{"on":true}]}', false, "down"],
    ['params."switch:0".output', '{"params":{"switch:0":{"output":true}}}', true, "up"],
    ["n", '{"n":1.0}', 1, "up"],
    ["n", '{"n":10}', "/^1/", "up"],
  ])("path %s in %s with up: %j is %s... is %s", async (path, message, up, outcome) => {
    const { bus, ask } = made({ path, up });
    bus.connect();
    bus.say(topic, message);
    expect((await ask()).outcome).toBe(outcome);
  });
});

describe("What says nothing", () => {
  it.each([
    ["{}"],
    ['{"state":null}'],
    ['{"state":{}}'],
    ['{"state":["on"]}'],
    ["on"],
    ["{"],
    ["[".repeat(60_000)],
    [`{"state":"on","x":"${"y".repeat(65_536)}"}`],
    [new Uint8Array([0xff, 0xfe])],
  ])("leaves the verdict as it was", async (message) => {
    const { bus, ask } = made({ path: "state", up: "on" });
    bus.connect();
    bus.say(topic, message);
    expect(await ask()).toEqual({
      outcome: "error",
      message: `what is heard on ${topic} has no text, number or boolean at state`,
    });
    bus.say(topic, '{"state":"on"}');
    bus.say(topic, message);
    expect((await ask()).outcome).toBe("up");
  });

  it("is an error about the check, and no word about the resource: nothing heard and nothing kept", async () => {
    const { bus, ask } = made();
    bus.connect();
    expect(await ask()).toEqual({
      outcome: "error",
      message: `nothing is heard on ${topic}, and the broker keeps no message there: is the topic right?`,
    });
    bus.say("tele/plug2/LWT", "Online");
    expect((await ask()).outcome).toBe("error");
  });

  it("is likewise a topic that was cleared", async () => {
    const { bus, ask } = made();
    bus.connect();
    bus.say(topic, "Online");
    bus.say(topic, "");
    expect(await ask()).toEqual({ outcome: "error", message: `the message on ${topic} was taken away` });
  });

  it("is likewise what is no text", async () => {
    const { bus, ask } = made();
    bus.connect();
    bus.say(topic, new Uint8Array([0xc3]));
    expect(await ask()).toEqual({ outcome: "error", message: `what is heard on ${topic} is no text` });
  });
});

describe("The connection to the broker", () => {
  it("that is not there is an error", async () => {
    expect(await made().ask()).toEqual({
      outcome: "error",
      message: `there is no connection to the broker, so nothing is heard on ${topic}`,
    });
  });

  it("that was lost takes with it what was heard; what the broker kept counts when it is back", async () => {
    const { bus, ask } = made();
    bus.connect();
    bus.say(topic, "Online");
    bus.lose();
    expect((await ask()).message).toContain("no connection to the broker");
    bus.connect();
    expect((await ask()).outcome).toBe("error");
    bus.lose();
    bus.keep(topic, "Offline");
    bus.connect();
    expect((await ask()).outcome).toBe("down");
  });
});

it("A check waits for a first word until its time is up, and answers as soon as it comes", async () => {
  const { bus, checker } = made();
  const time = new AbortController();
  const checks = [checker.check(time.signal), checker.check(time.signal)];
  bus.connect();
  bus.say(topic, "Online");
  expect((await Promise.all(checks)).map(({ outcome }) => outcome)).toEqual(["up", "up"]);
  expect(getEventListeners(time.signal, "abort")).toEqual([]);
});

it("One that is closed listens no more, and lets go of the check that waits", async () => {
  const { bus, checker } = made();
  bus.connect();
  const checking = checker.check(new AbortController().signal);
  checker.close?.();
  expect((await checking).outcome).toBe("error");
  expect(bus.filters).toEqual([]);
});

it("Long values are cut for people", async () => {
  const { bus, ask } = made();
  bus.connect();
  bus.say(topic, `\u001B[31m${"x".repeat(100)}`);
  const { message } = await ask();
  expect(message).toBe(`it says "\\u001b[31m${"x".repeat(46)}...`);
});

describe("A configuration is refused", () => {
  it.each([
    [{ topic: "" }, "topic is empty"],
    [{ topic: "tele/+/LWT" }, "topic has a wildcard"],
    [{ topic: "tele/#" }, "topic has a wildcard"],
    [{ topic: "x".repeat(1025) }, "topic is longer than 1024 bytes"],
    [{ up: "" }, "up is empty"],
    [{ up: "/(/" }, "up is no regular expression"],
    [{ up: undefined }, "up "],
    [{ path: "" }, "path is no path into JSON"],
    [{ path: "a..b" }, "path is no path into JSON"],
    [{ path: 'a."b' }, "path is no path into JSON"],
  ])("with %j", (options, message) => {
    expect(refusal(options)).toContain(message);
  });

  it("and not with a topic of 1024 bytes", () => {
    expect(refusal({ topic: "x".repeat(1024) })).toBe("");
  });
});

it("A real broker: the kept birth message counts, then the last will of a machine that is gone", async () => {
  const broker = await startAedes();
  onTestFinished(() => broker.stop());
  const machine = await connectWire({ port: broker.port, will: { topic, payload: "Offline" } });
  await machine.publish(topic, "Online", { retain: true });
  const bus = createBus(
    { broker: { url: broker.url }, clientId: "lab" },
    { clock: systemClock, log: silentLog },
  );
  const checker = createChecker(checkerOptions.parse({ type: "mqtt", topic, up: "Online" }), {
    bus,
    clock: systemClock,
  });
  bus.start();
  onTestFinished(() => bus.close());
  const ask = () => checker.check(AbortSignal.timeout(20_000));
  expect(await ask()).toEqual({ outcome: "up", message: 'it says "Online"' });
  machine.vanish();
  await eventually("the will is heard", async () => (await ask()).outcome === "down");
});
