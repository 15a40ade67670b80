// Queues, pools, several resources in one token and user names on the command line, against a controller of the test's own: what is
// asked over which topics, what a waiting user sees, and what a lockout does to `run`.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type FakeController,
  type HeardRequest,
  startFakeController,
  stateObject,
} from "./fake-controller.ts";
import { endAll, eventually, lastoutHere as lastout, start } from "./processes.ts";

// Processes start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 30_000 });

let fake: FakeController;

beforeEach(async () => {
  fake = await startFakeController({ resources: ["build1", "build2", "builders", "build1,build2"] });
});
afterEach(async () => {
  endAll();
  await fake.close();
});

const env = (): Record<string, string> => ({ LASTOUT_URL: fake.url, LASTOUT_USERNAME: "ci" });
const json = (text: string): unknown => JSON.parse(text);
const shell = (script: string): string[] => ["--", "sh", "-c", script];
const asked = (topic: string): HeardRequest[] => fake.requests.filter((request) => request.topic === topic);
const noRenewal = ({ topic }: HeardRequest): "silence" | undefined =>
  topic.endsWith("/acquire") ? "silence" : undefined;

const pool = (fields: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({
  state: "off",
  level: 0,
  users: 0,
  queue: 0,
  free: 2,
  members: 2,
  time: "2026-11-22T08:00:00.000Z",
  ...fields,
});

/** An acquire that waits, until the test answers it. */
async function waiting(...words: readonly string[]): Promise<ReturnType<typeof start>> {
  fake.answer = noRenewal;
  const run = start(["acquire", "--wait", "available", "--timeout", "1h", "--token", "t", ...words], env());
  await eventually("the request has come", () => fake.requests.length === 1);
  return run;
}

async function grant(reply: Readonly<Record<string, unknown>>): Promise<void> {
  const [request] = fake.requests;
  if (request !== undefined) {
    await fake.reply(request, { ok: true, token: "t", ...reply });
  }
}

const told = async (run: ReturnType<typeof start>, text: string): Promise<void> =>
  eventually(`'${text}' is told; it says ${run.err()}`, () => run.err().includes(text));

/** The controller gives build2 of the pool. */
const givesBuild2 = ({ topic, fields }: HeardRequest) => {
  if (topic !== "builders/acquire") {
    return undefined;
  }
  fake.held.get("build2")?.add(String(fields["token"]));
  return {
    ok: true,
    resource: "build2",
    token: fields["token"],
    state: "available",
    users: 1,
    ttl: fake.ttl,
  };
};

describe("What is asked for", () => {
  test("--exclusive and --priority are fields of the request, and no fields without them", async () => {
    await lastout(["acquire", "build1", "--exclusive", "--priority=-100"], env());
    await lastout(["acquire", "build1", "--priority", "100"], env());
    await lastout(["acquire", "build1"], env());
    expect(fake.requests.map(({ fields: { mode, priority } }) => ({ mode, priority }))).toEqual([
      { mode: "exclusive", priority: -100 },
      { mode: undefined, priority: 100 },
      { mode: undefined, priority: undefined },
    ]);
  });

  test("Several resources are one token, over controller/acquire, renew and release", async () => {
    fake.ttl = 0.9;
    const run = start(["run", "build1,build2", ...shell("echo $LASTOUT_RESOURCE; cat")], env());
    await eventually("it is renewed", () => asked("controller/renew").length > 0);
    run.child.stdin?.end();
    expect(await run.ended).toBe(0);
    expect(run.out()).toBe("build1,build2\n");
    expect(new Set(fake.requests.map(({ topic, user }) => `${topic} ${user}`))).toEqual(
      new Set(["controller/acquire ci", "controller/renew ci", "controller/release ci"]),
    );
    expect(fake.requests[0]?.fields["resources"]).toEqual(["build1", "build2"]);
    expect(asked("controller/release")[0]?.fields).not.toHaveProperty("resources");
  });

  test("renew and release of such a token name its resources the same way", async () => {
    fake.answer = ({ fields }) => ({ ok: true, resources: ["build1", "build2"], token: fields["token"] });
    expect((await lastout(["renew", "build1,build2", "t"], env())).exit).toBe(0);
    expect(await lastout(["release", "build1,build2", "t"], env())).toMatchObject({
      exit: 0,
      err: "lastout: build1,build2: released t\n",
    });
    expect(fake.requests.map(({ topic }) => topic)).toEqual(["controller/renew", "controller/release"]);
  });

  test("The will of a token over several goes to controller/release, with the user", async () => {
    const run = start(["run", "build1,build2", "--token", "t", "--", "cat"], env());
    await eventually("the token is held", () => fake.held.get("build1,build2")?.has("t") === true);
    run.child.kill("SIGKILL");
    await eventually("the will has come", () => asked("controller/release").length === 1);
    expect(asked("controller/release")[0]).toEqual({
      topic: "controller/release",
      user: "ci",
      fields: { token: "t", owner: "ci", lost: true },
    });
  });

  test("The command finds the member that a pool gave, which is the one that is renewed, acquired again and released", async () => {
    fake.answer = givesBuild2;
    fake.ttl = 0.6;
    const run = start(["run", "builders", "--token", "t", ...shell("echo $LASTOUT_RESOURCE; cat")], env());
    await eventually("it is renewed", () => asked("build2/renew").length > 0);
    expect(run.out()).toBe("build2\n");
    fake.held.get("build2")?.clear();
    await told(run, "build2: the token is held again");
    fake.dropClients();
    await eventually("it is acquired again", () => asked("build2/acquire").length === 2);
    run.child.stdin?.end();
    expect(await run.ended).toBe(0);
    expect(asked("builders/acquire")).toHaveLength(1);
    expect(asked("build2/release")).toHaveLength(1);
    expect(asked("builders/release").map(({ fields }) => fields["lost"])).toEqual([true]);
  });

  test("A token over several that came from a pool is renewed after a broken connection, and asked for anew only for its members", async () => {
    fake.held.set("builders,build1", new Set());
    fake.answer = ({ topic, fields }) => {
      const isPool = topic === "controller/acquire" && String(fields["resources"]).startsWith("builders");
      return isPool || topic === "controller/renew"
        ? asked("controller/renew").length === 2
          ? { ok: false, error: "unknown-token", message: "it is gone" }
          : { ok: true, resources: ["build2", "build1"], token: "t", state: "available", users: 1, ttl: 3600 }
        : undefined;
    };
    fake.held.set("build2,build1", new Set());
    const run = start(
      ["run", "builders,build1", "--token", "t", ...shell("echo $LASTOUT_RESOURCE; cat")],
      env(),
    );
    await eventually("the command runs", () => run.out() === "build2,build1\n");
    fake.dropClients();
    await eventually("it is renewed", () => asked("controller/renew").length === 1);
    expect(asked("controller/acquire")).toHaveLength(1);
    await eventually("it is connected again", () => run.err().includes("connected to"));
    fake.dropClients();
    await told(run, "build2,build1: the token is held again");
    expect(asked("controller/acquire").map(({ fields }) => fields["resources"])).toEqual([
      ["builders", "build1"],
      ["build2", "build1"],
    ]);
    run.child.stdin?.end();
    expect(await run.ended).toBe(0);
  });

  test("Who names another owner than themselves asks without the user in the topic", async () => {
    await lastout(["acquire", "build1", "--owner", "me"], env());
    await lastout(["acquire", "build1", "--owner", "ci"], env());
    expect(fake.requests.map(({ user, fields: { owner } }) => [user, owner])).toEqual([
      [undefined, "me"],
      ["ci", "ci"],
    ]);
  });

  test("All other commands ask under the user's name", async () => {
    await fake.publish("build1", stateObject(), true);
    for (const words of [
      ["renew", "build1", "t"],
      ["release", "build1", "t"],
      ["tokens"],
      ["cycle", "build1"],
    ]) {
      await lastout(words, env());
    }
    expect(fake.requests.map(({ topic, user }) => `${topic} ${user}`)).toEqual([
      "build1/renew ci",
      "build1/release ci",
      "build1/tokens ci",
      "build1/cycle ci",
    ]);
  });
});

describe("While a request waits", () => {
  test("Its place in the queue is told, each time it changes, and then how the resource comes up", async () => {
    await fake.publish("build1", stateObject({ state: "available", phase: "lingering" }), true);
    const run = await waiting("build1", "--exclusive");
    await eventually("it listens", () => fake.subscribed.includes("lastout/build1/event"));
    await fake.publish("build1/event", { event: "queued", resource: "build1", token: "t", position: 3 });
    await told(run, "waiting in the queue of build1: 2 ahead\n");
    await fake.publish("build1/event", { event: "queued", resource: "build1", token: "behind", position: 4 });
    await fake.publish("build1/event", { event: "queued", resource: "build1", token: "urgent", position: 1 });
    await told(run, "3 ahead\n");
    await fake.publish("build1/event", { event: "granted", resource: "build1", token: "urgent" });
    await fake.publish("build1", stateObject({ state: "available", phase: "in-use", queue: 2 }), true);
    await told(run, ": 1 ahead\n");
    await fake.publish("build1/event", { event: "granted", resource: "build1", token: "another" });
    await told(run, ": next\n");
    await fake.publish("build1/event", { event: "granted", resource: "build1", token: "t" });
    await fake.publish("build1", stateObject({ state: "powered", phase: "starting", users: 1 }), true);
    await told(run, "build1 is starting: powered\n");
    await grant({ resource: "build1" });
    expect(await run.ended).toBe(0);
    expect(run.err()).toBe(
      [
        "waiting in the queue of build1: 2 ahead",
        "waiting in the queue of build1: 3 ahead",
        "waiting in the queue of build1: 2 ahead",
        "waiting in the queue of build1: 1 ahead",
        "waiting in the queue of build1: next",
        "build1 is in-use: available",
        "build1 is starting: powered",
        "",
      ]
        .map((line) => (line === "" ? "" : `lastout: ${line}`))
        .join("\n"),
    );
  });

  test("Of a pool the member is shown as soon as one is granted, and no number before", async () => {
    await fake.publish("builders", pool({ free: 0, queue: 1 }), true);
    await fake.publish("build2", stateObject({ state: "powered", phase: "starting", users: 1 }), true);
    const run = await waiting("builders");
    await eventually("it listens", () => fake.subscribed.includes("lastout/+/event"));
    await fake.publish("builders/event", { event: "queued", resource: "builders", token: "t", position: 5 });
    await told(run, "waiting in the queue of builders\n");
    await fake.publish("build2/event", { event: "granted", resource: "build2", token: "t" });
    await told(run, "build2 is starting: powered\n");
    await grant({ resource: "build2" });
    expect(await run.ended).toBe(0);
    expect(run.err()).toBe(
      "lastout: waiting in the queue of builders\nlastout: build2 is starting: powered\n",
    );
  });

  test("Of several the one that is furthest from available is shown", async () => {
    await fake.publish("build1", stateObject({ state: "powered", phase: "starting" }), true);
    await fake.publish("build2", stateObject({ state: "off", phase: "starting" }), true);
    const run = await waiting("build1,build2");
    await told(run, "build2 is starting: off\n");
    await fake.publish("build2", stateObject({ state: "available", phase: "in-use" }), true);
    await told(run, "build1 is starting: powered\n");
    await grant({ resources: ["build1", "build2"] });
    expect(await run.ended).toBe(0);
  });

  test("A request that is answered at once shows nothing", async () => {
    await fake.publish("build1", stateObject({ state: "powered", phase: "starting" }), true);
    expect(await lastout(["acquire", "build1", "--timeout", "0"], env())).toMatchObject({ exit: 0, err: "" });
  });
});

describe("A lockout while a command runs", () => {
  test("It is warned of at once, the command goes on and its status counts, and the token is asked for again", async () => {
    let locked = false;
    const message = "build1 is locked out by laforge: PSU swap";
    fake.answer = () =>
      locked ? { ok: false, resource: "build1", error: "locked-out", message } : undefined;
    const run = start(["run", "build1", "--token", "t", ...shell("echo ready; read line; exit 6")], env());
    await eventually("the command runs", () => run.out().includes("ready"));
    locked = true;
    await fake.publish("build1/event", {
      event: "locked-out",
      resource: "build1",
      token: "of-another",
      message,
    });
    await fake.publish("build1/event", { event: "locked-out", resource: "build1", token: "t", message });
    await told(run, "its power goes off");
    run.child.stdin?.end("go\n");
    expect(await run.ended).toBe(6);
    expect(run.err().split("\n")[0]).toBe(
      `lastout: build1: the token has ended: ${message}; its power goes off; the command goes on`,
    );
  });

  test("That of the member counts, where the token came from a pool", async () => {
    fake.answer = ({ topic, fields }) =>
      topic === "builders/acquire"
        ? { ok: true, resource: "build2", token: fields["token"], state: "available", users: 1, ttl: 3600 }
        : undefined;
    const run = start(["run", "builders", "--token", "t", ...shell("echo ready; cat")], env());
    await eventually("the command runs", () => run.out().includes("ready"));
    await eventually("it listens", () => fake.subscribed.includes("lastout/build2/event"));
    await fake.publish("build2/event", { event: "locked-out", resource: "build2", token: "t" });
    await told(run, "locked out");
    run.child.stdin?.end();
    expect(await run.ended).toBe(0);
    expect(run.err()).toContain("build2: the token has ended: build2 is locked out");
  });
});

describe("lastout status", () => {
  test("Pools have lines of their own, and columns appear where there is something to say in them", async () => {
    await fake.publish("builders", pool({ state: "available", users: 2, queue: 1, free: 0 }), true);
    await fake.publish(
      "build1",
      stateObject({
        state: "available",
        phase: "in-use",
        users: 1,
        exclusive: true,
        queue: 2,
        dependents: 1,
      }),
      true,
    );
    await fake.publish("build2", stateObject({ phase: "locked", override: "off" }), true);
    expect((await lastout(["status"], env())).out).toBe(
      [
        "NAME      KIND      STATE      PHASE   USERS  MODE       FREE  QUEUE  DEPENDENTS  OVERRIDE  SINCE                     PROBLEM",
        "build1    resource  available  in-use  1      exclusive  -     2      1           -         2026-11-22T08:00:00.000Z  -",
        "build2    resource  off        locked  0      -          -     -      -           off       2026-11-22T08:00:00.000Z  -",
        "builders  pool      available  -       2      -          0/2   1      -           -         -                         -",
        "",
      ].join("\n"),
    );
  });

  test("With --json a pool is its state object with its name", async () => {
    await fake.publish("builders", pool(), true);
    expect(json((await lastout(["status", "--json"], env())).out)).toEqual([{ name: "builders", ...pool() }]);
  });
});

const holder = (token: string, more: Readonly<Record<string, unknown>> = {}) => ({
  token,
  owner: "ci",
  purpose: null,
  mode: "exclusive",
  since: "2026-01-01T00:00:00.000Z",
  expires: null,
  ...more,
});
const entry = (token: string, priority: number) => ({
  token,
  owner: "me",
  purpose: "a test",
  mode: "shared",
  priority,
  since: "2026-01-01T00:00:01.000Z",
  deadline: "2026-01-01T01:00:00.000Z",
});

describe("lastout tokens", () => {
  beforeEach(() => {
    fake.answer = ({ topic }) => {
      const isPool = topic.startsWith("builders");
      return {
        ok: true,
        resource: topic.split("/")[0],
        total: 1,
        holders:
          topic.startsWith("build1") || isPool ? [holder("t1", isPool ? { resource: "build1" } : {})] : [],
        queue: topic.startsWith("build1") ? [entry("q1", 5), entry("q2", 0)] : [],
      };
    };
  });

  test("The queue stands after the holders, in the order of service", async () => {
    expect((await lastout(["tokens", "build1"], env())).out).toBe(
      [
        "RESOURCE  TOKEN  OWNER  MODE       SINCE                     EXPIRES  PURPOSE",
        "build1    t1     ci     exclusive  2026-01-01T00:00:00.000Z  -        -",
        "",
        "QUEUE   POSITION  TOKEN  OWNER  MODE    PRIORITY  SINCE                     DEADLINE                  PURPOSE",
        "build1  1         q1     me     shared  5         2026-01-01T00:00:01.000Z  2026-01-01T01:00:00.000Z  a test",
        "build1  2         q2     me     shared  0         2026-01-01T00:00:01.000Z  2026-01-01T01:00:00.000Z  a test",
        "",
      ].join("\n"),
    );
  });

  test("With --json those who wait have a position, and a pool's holders the member, each once", async () => {
    const { out } = await lastout(["tokens", "build1", "builders", "--json"], env());
    expect(json(out)).toEqual([
      { resource: "build1", ...holder("t1") },
      { resource: "build1", ...entry("q1", 5), position: 1 },
      { resource: "build1", ...entry("q2", 0), position: 2 },
    ]);
  });

  test("All are those of the resources; pools have none of their own", async () => {
    await fake.publish("build1", stateObject(), true);
    await fake.publish("builders", pool(), true);
    await lastout(["tokens"], env());
    expect(fake.requests.map(({ topic }) => topic)).toEqual(["build1/tokens"]);
  });
});

describe("lastout watch", () => {
  test("It tells of pools how many members are free, and events with their words", async () => {
    await fake.publish("builders", pool(), true);
    const run = start(["watch"], env());
    await eventually("it tells how things stand", () =>
      run.out().includes("builders is off, 2 of 2 free, 0 users"),
    );
    await fake.publish("builders", pool({ state: "powered", free: 1, users: 1 }), true);
    await fake.publish("build1/event", {
      event: "override",
      resource: "build1",
      time: "2026-11-22T08:00:00.000Z",
      mode: "off",
      by: "laforge",
      reason: "PSU swap",
    });
    await eventually("the event is told", () => run.out().includes("override"));
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(130);
    expect(run.out()).toContain("builders is powered, 1 of 2 free, 1 user\n");
    expect(run.out()).toContain(
      '2026-11-22T08:00:00.000Z build1 override mode=off by=laforge reason="PSU swap"\n',
    );
  });
});
