// The client by itself, where waiting is long: its clock can run a hundred times as fast as the real one.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { type Client, type ClientOptions, openClient } from "../../src/cli/client.ts";
import { CommandError } from "../../src/cli/exit-codes.ts";
import { instant, millis } from "../../src/core/time.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { type FakeController, startFakeController } from "./fake-controller.ts";
import { eventually } from "./processes.ts";

// Processes start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 30_000 });

let speed = 1;
let ahead = 0;
const clock: Clock = {
  ...systemClock,
  now: () => instant(systemClock.now() * speed + ahead),
  sleep: (length, signal) => systemClock.sleep(millis(length / speed), signal),
};

function setSpeed(wanted: number): void {
  const now = clock.now();
  speed = wanted;
  ahead += now - clock.now();
}

let fake: FakeController;
let client: Client;
const said: string[] = [];

const settings = (base: string): ClientOptions["settings"] => ({
  url: fake.url,
  username: undefined,
  password: undefined,
  base,
  ca: undefined,
  cert: undefined,
  key: undefined,
});

const open = (more: Partial<ClientOptions> = {}): Promise<Client> =>
  openClient({
    settings: settings("lastout"),
    clock,
    filters: [],
    say: (text) => said.push(text),
    ...more,
  });

beforeEach(async () => {
  said.length = 0;
  setSpeed(1);
  fake = await startFakeController();
  client = await open();
  await client.needController();
});

afterEach(async () => {
  await client.close();
  await fake.close();
});

async function failureOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof CommandError) {
      return `${error.exit} ${error.code}: ${error.message}`;
    }
    throw error;
  }
  return "none";
}

describe("A request", () => {
  test("Without an answer it fails after its patience and says what an access list must allow", async () => {
    fake.answer = () => "silence";
    setSpeed(20);
    const asked = client.request({
      topic: "build1/renew",
      fields: () => ({ token: "t" }),
      patience: millis(10_000),
    });
    expect(await failureOf(asked)).toBe(
      `69 no-answer: the controller at ${fake.url} did not answer within 10 s; ` +
        "does the broker let this user write to lastout/build1/renew and read lastout/reply/#?",
    );
  });

  test("Without patience of its own it bears a controller that is away for two minutes, and no longer", async () => {
    fake.answer = () => "silence";
    const start = clock.now();
    const asked = failureOf(
      client.request({ topic: "build1/acquire", fields: () => ({}), patience: undefined }),
    );
    await eventually("the request has come", () => fake.requests.length === 1);
    setSpeed(100);
    await fake.publish("controller/status", "offline", true);
    expect(await asked).toContain("69 no-controller: no controller answers");
    expect(clock.now() - start).toBeGreaterThanOrEqual(120_000);
    expect(said).toEqual(["the controller is away (status: offline)"]);
  });

  test("After the broker has come back without its memory nothing is asked before the controller is heard again", async () => {
    await fake.goAway();
    await fake.publish("controller/status", "", true); // what was retained is gone
    await fake.comeBack();
    await eventually("it is connected again", () => said.includes(`connected to ${fake.url} again`));
    const asked = client.request({
      topic: "build1/acquire",
      fields: () => ({ token: "t" }),
      patience: millis(10_000),
    });
    await client.tell("build2/event", {}); // has gone its way, and nothing before it
    expect(fake.requests.map(({ topic }) => topic)).not.toContain("build1/acquire");
    await fake.publish("controller/status", "online", true);
    expect(await asked).toMatchObject({ ok: true, token: "t" });
  });

  test("A broker that stays away is told as such", async () => {
    fake.answer = () => "silence";
    const asked = failureOf(
      client.request({ topic: "build1/acquire", fields: () => ({}), patience: undefined }),
    );
    await eventually("the request has come", () => fake.requests.length === 1);
    setSpeed(100);
    await fake.goAway();
    expect(await asked).toBe(
      `69 unreachable: the connection to ${fake.url} broke and is not back; is the broker running?`,
    );
    await fake.comeBack();
  });

  test("It ends with the reason of its signal", async () => {
    fake.answer = () => "silence";
    const stop = new AbortController();
    const asked = client.request({
      topic: "build1/acquire",
      fields: () => ({}),
      patience: undefined,
      signal: stop.signal,
    });
    await eventually("the request has come", () => fake.requests.length === 1);
    stop.abort(new Error("enough"));
    await expect(asked).rejects.toThrow("enough");
  });

  test("Many at once each get their own reply", async () => {
    const tokens = Array.from({ length: 50 }, (_, i) => `t${i}`);
    const replies = await Promise.all(
      tokens.map((token) =>
        client.request({ topic: "build1/acquire", fields: () => ({ token }), patience: millis(100_000) }),
      ),
    );
    expect(replies.map(({ token }) => token)).toEqual(tokens);
  });
});

describe("Connecting", () => {
  test("It ends with the reason of its signal", async () => {
    await fake.goAway();
    await expect(open({ signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
    await fake.comeBack();
  });

  test("A base where nobody is has no controller", async () => {
    const other = await open({
      settings: settings("other"),
    });
    expect(await failureOf(other.needController())).toContain("(status: none at other/controller/status)");
    await other.close();
  });
});
