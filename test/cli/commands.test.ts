// The short commands as real processes against a broker with a controller of the test's own: what they send, print and exit with.

import { beforeEach, describe, expect, test } from "vitest";
import { eachWithController } from "./each-with-controller.ts";
import { startFakeController, stateObject } from "./fake-controller.ts";
import {
  cleanEnv,
  eventually,
  lastout as lastoutProcess,
  lastoutHere as lastout,
  mainFile,
  start,
  startProgram,
} from "./processes.ts";

const lab = eachWithController();
const { env } = lab;

const anyText: unknown = expect.any(String);
const json = (text: string): unknown => JSON.parse(text);

describe("lastout", () => {
  test("Without arguments the help goes to standard error, exit 64", async () => {
    const { exit, out, err } = await lastoutProcess([]);
    expect([exit, out]).toEqual([64, ""]);
    expect(err).toContain("Usage: lastout COMMAND");
  });

  test("--help and --version go to standard output, exit 0", async () => {
    const help = await lastoutProcess(["--help"]);
    expect([help.exit, help.err]).toEqual([0, ""]);
    expect(help.out).toContain("  acquire");
    const version = await lastout(["--version"]);
    expect(version).toMatchObject({ exit: 0, err: "" });
    expect(version.out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await lastout(["run", "--help"])).out).toContain("Usage: lastout run RESOURCE");
    expect((await lastout(["help", "status"])).out).toContain("Usage: lastout status");
  });

  test("An unknown command is refused with what was probably meant", async () => {
    expect(await lastout(["stats"])).toEqual({
      exit: 64,
      out: "",
      err: "lastout: there is no command 'stats'; did you mean 'status'?\n",
    });
  });
});

describe("Reaching the controller", () => {
  test("A broker that is not there is exit 69 with its address and a cure", async () => {
    await lab.fake.goAway();
    const { exit, out, err } = await lastout(["acquire", "build1"], env());
    expect([exit, out]).toEqual([69, ""]);
    expect(err).toMatch(
      /^lastout: mqtt:\/\/127\.0\.0\.1:\d+ refuses connections: .*--url or LASTOUT_URL right\?\n$/,
    );
    await lab.fake.comeBack();
  });

  test("A controller that said offline is exit 69, and it is asked for nothing", async () => {
    await lab.fake.publish("controller/status", "offline", true);
    const { exit, err } = await lastout(["acquire", "build1"], env());
    expect(exit).toBe(69);
    expect(err).toContain(
      `no controller answers at ${lab.fake.url} (status: offline at lastout/controller/status)`,
    );
    expect(lab.fake.requests).toEqual([]);
  });

  test("A base topic where no controller ever was is exit 69", async () => {
    const { exit, err } = await lastout(["renew", "build1", "t", "--base", "other"], env());
    expect(exit).toBe(69);
    expect(err).toContain("(status: none at other/controller/status)");
  });

  test("A controller that comes within a moment is waited for", async () => {
    await lab.fake.publish("controller/status", "offline", true);
    const run = start(["acquire", "build1", "--token", "t"], env());
    await eventually("the client is connected", () => lab.fake.clients() > 0);
    await lab.fake.publish("controller/status", "online", true);
    expect(await run.ended).toBe(0);
  });

  test("Wrong credentials are exit 77, and the password is not repeated", async () => {
    const guarded = await startFakeController({ users: { ci: "right" } });
    const wrong = await lastout(["tokens"], {
      ...env(),
      LASTOUT_URL: guarded.url,
      LASTOUT_PASSWORD: "wr0ng",
    });
    expect(wrong.exit).toBe(77);
    expect(wrong.err).toContain("see --username, --password-file");
    expect(wrong.err).not.toContain("wr0ng");
    const right = await lastout(["tokens"], {
      ...env(),
      LASTOUT_URL: guarded.url,
      LASTOUT_PASSWORD: "right",
    });
    expect(right.exit).toBe(0);
    await guarded.close();
  });

  test("The user has a reply space of their own below the base", async () => {
    await lastout(["release", "build1", "t"], env());
    await lastout(["release", "build1", "t"], { LASTOUT_URL: lab.fake.url });
    expect(
      lab.fake.requests.map(({ fields }) => String(fields["replyTo"]).replace(/[0-9a-f]{16}$/, "*")),
    ).toEqual(["lastout/reply/ci/*", "lastout/reply/*"]);
  });

  test("Another answer on the reply topic, or rubbish, is not taken for the reply", async () => {
    lab.fake.answer = (request) => {
      const topic = String(request.fields["replyTo"]).replace("lastout/", "");
      void (async () => {
        await lab.fake.publish(topic, "rubbish");
        await lab.fake.publish(topic, { ok: true, token: "of-another", id: "another" });
        await lab.fake.publish(topic, { ok: true, token: "without-id" });
        await lab.fake.reply(request, { ok: true, resource: "build1", token: "mine" });
      })();
      return "silence";
    };
    expect(await lastout(["acquire", "build1"], env())).toMatchObject({ exit: 0, out: "mine\n" });
  });
});

describe("lastout acquire", () => {
  test("It prints the token's id alone, and the id tells where it came from", async () => {
    const { exit, out, err } = await lastoutProcess(["acquire", "build1"], env());
    expect([exit, err]).toEqual([0, ""]);
    expect(out).toMatch(/^cli-[A-Za-z0-9._-]+-\d+-[0-9a-f]{12}\n$/);
    expect(lab.fake.requests).toEqual([
      {
        topic: "build1/acquire",
        user: "ci",
        fields: { token: out.trim(), owner: "ci", wait: "granted", id: anyText, replyTo: anyText },
      },
    ]);
  });

  test("Options become fields, durations become seconds, and an owner is who it says", async () => {
    const words = [
      "build1",
      "--token",
      "job-1",
      "--ttl",
      "1h30m",
      "--timeout=90",
      "--wait",
      "powered",
      "--purpose",
      "a test",
      "--owner",
      "me",
    ];
    expect(await lastout(["acquire", ...words], env())).toMatchObject({ exit: 0, out: "job-1\n" });
    expect(lab.fake.requests[0]?.fields).toMatchObject({
      token: "job-1",
      ttl: 5400,
      wait: "powered",
      purpose: "a test",
      owner: "me",
    });
    expect(Number(lab.fake.requests[0]?.fields["timeout"])).toBeGreaterThan(85);
    expect(Number(lab.fake.requests[0]?.fields["timeout"])).toBeLessThanOrEqual(90);
  });

  test("An empty purpose, as of a variable that is not set, is none", async () => {
    for (const words of [["--purpose", ""], ["--purpose="]]) {
      expect(await lastout(["acquire", "build1", ...words], env())).toMatchObject({ exit: 0 });
      expect(lab.fake.requests.at(-1)?.fields).not.toHaveProperty("purpose");
    }
    expect(await lastout(["acquire", "build1", "--owner", ""], env())).toMatchObject({ exit: 64 });
  });

  test("With --json it prints the reply, without the id that was its own", async () => {
    const { out } = await lastout(["acquire", "build1", "--token", "job-1", "--json"], env());
    expect(json(out)).toEqual({
      ok: true,
      resource: "build1",
      token: "job-1",
      owner: "ci",
      state: "available",
      users: 1,
      ttl: 3600,
      expires: "2030-01-01T00:00:00.000Z",
    });
  });

  test.each([
    ["busy", 75],
    ["timeout", 75],
    ["power-failed", 75],
    ["locked-out", 75],
    ["token-taken", 77],
    ["forbidden", 77],
    ["unknown-resource", 65],
    ["unavailable", 65],
  ])("The refusal %s is exit %i, one line, and JSON where that is asked for", async (error, exit) => {
    const reply = { ok: false, resource: "build1", token: "t", error, message: "it is so" };
    lab.fake.answer = () => reply;
    const run = await lastout(["acquire", "build1", "--token", "t", "--json"], env());
    expect([run.exit, run.err]).toEqual([exit, `lastout: it is so (${error})\n`]);
    expect(json(run.out)).toEqual(reply);
  });

  test.each([
    [["bad name"], "cannot be the name of a resource"],
    [["#"], "cannot be the name of a resource"],
    [["controller"], "cannot be the name of a resource"],
    [["build1,"], "'' cannot be the name of a resource"],
    [["build1,build1"], "'build1,build1' names 'build1' twice"],
    [["build1,reply"], "'reply' cannot be the name of a resource"],
    [["build1", "--priority", "101"], "--priority 101 is no whole number from -100 to 100"],
    [["build1", "--priority=-101"], "--priority -101 is no whole number"],
    [["build1", "--priority", "0.5"], "--priority 0.5 is no whole number"],
    [["build1", "--ttl", "soon"], "--ttl soon is no duration; write seconds (90) or 90s"],
    [["build1", "--ttl", "0"], "--ttl must be longer than 0"],
    [["build1", "--token", "a b"], "cannot be a token id"],
    [["build1", "--owner", "a/b"], "cannot be an owner"],
    [["build1", "--purpose", "x".repeat(257)], "--purpose may have up to 256 characters"],
    [["build1", "--wait", "ready"], "it is granted, powered or available"],
  ])("The wrong value in %j is exit 65 before anything is sent", async (words, text) => {
    const { exit, err, out } = await lastout(["acquire", ...words, "--json"], env());
    expect(exit).toBe(65);
    expect(err).toContain(text);
    expect(err.split("\n")).toHaveLength(2);
    expect(json(out)).toMatchObject({ ok: false, error: anyText, message: anyText });
    expect(lab.fake.requests).toEqual([]);
  });

  test.each([[[]], [["build1", "build2"]], [["build1", "--", "make"]], [["build1", "--priority", "-5"]]])(
    "The wrong words %j are exit 64",
    async (words) => {
      expect((await lastout(["acquire", ...words], env())).exit).toBe(64);
      expect(lab.fake.requests).toEqual([]);
    },
  );

  test("A request for a token that was named is not taken back, because an earlier call may hold it", async () => {
    lab.fake.held.get("build1")?.add("t");
    lab.fake.answer = ({ topic }) => (topic.endsWith("acquire") ? "silence" : undefined);
    const run = start(["acquire", "build1", "--wait", "available", "--token", "t"], env());
    await eventually("the request has come", () => lab.fake.requests.length === 1);
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(130);
    await eventually("it has left", () => lab.fake.clients() === 0);
    expect(lab.fake.requests).toHaveLength(1);
    expect(run.err()).toContain(
      "lastout: build1: the request is not taken back, because t may have been held before: the controller may still carry it out",
    );
  });

  test("Neither is it when no reply comes in time", { timeout: 30_000 }, async () => {
    lab.fake.held.get("build1")?.add("t");
    lab.fake.answer = ({ topic }) => (topic.endsWith("acquire") ? "silence" : undefined);
    expect((await lastout(["acquire", "build1", "--token", "t"], env())).exit).toBe(69);
    expect(lab.fake.requests).toHaveLength(1);
    expect(lab.fake.held.get("build1")).toEqual(new Set(["t"]));
  });

  test("A standard output that is full is exit 70, one line, and the token stays held", async () => {
    const line = `exec ${process.execPath} ${mainFile} acquire build1 > /dev/full`;
    const run = startProgram("sh", ["-c", line], cleanEnv(env()));
    expect(await run.ended).toBe(70);
    const [token] = lab.fake.held.get("build1") ?? [];
    expect(run.err()).toMatch(/^lastout: standard output cannot be written: ENOSPC[^\n]*\n$/);
    expect(run.err()).toContain(`; the token is held all the same: 'lastout release build1 ${token}' gives`);
    expect(lab.fake.requests).toHaveLength(1);
  });

  test.each([["status"], ["status --json"], ["tokens --json"], ["watch --json"], ["--help"]])(
    "So it is for %s, without an end in the source",
    async (words) => {
      await lab.fake.publish("build1", stateObject(), true);
      const line = `exec ${process.execPath} ${mainFile} ${words} > /dev/full`;
      const run = startProgram("sh", ["-c", line], cleanEnv(env()));
      expect(await run.ended).toBe(70);
      expect(run.err()).toMatch(/^lastout: standard output cannot be written: ENOSPC[^\n]*\n$/);
    },
  );

  test("With --json every failure is an object on standard output, too", async () => {
    const unreachable = await lastout(["acquire", "build1", "--json", "--url", "mqtt://127.0.0.1:1"]);
    expect(unreachable.exit).toBe(69);
    expect(json(unreachable.out)).toEqual({
      ok: false,
      error: "unreachable",
      message: unreachable.err.replace(/^lastout: /, "").trimEnd(),
    });
    const usage = await lastout(["acquire", "--json"], env());
    expect([usage.exit, json(usage.out)]).toMatchObject([64, { ok: false, error: "usage" }]);
  });

  test("While it waits, each change is a line when nobody looks at a terminal", async () => {
    lab.fake.answer = () => "silence";
    await lab.fake.publish("build1", stateObject(), true);
    const run = start(["acquire", "build1", "--wait", "available", "--token", "t"], env());
    await eventually("the request has come", () => lab.fake.requests.length === 1);
    await lab.fake.publish("build1", stateObject({ state: "powered", phase: "starting" }), true);
    await lab.fake.publish("build1", stateObject({ state: "powered", phase: "starting", watts: 5 }), true);
    await eventually("the change is told", () => run.err().includes("powered"));
    const [request] = lab.fake.requests;
    if (request !== undefined) {
      await lab.fake.reply(request, { ok: true, resource: "build1", token: "t" });
    }
    expect(await run.ended).toBe(0);
    expect(run.err()).toBe("lastout: build1 is starting: powered\n");
    expect(run.out()).toBe("t\n");
  });

  test.each([
    ["SIGINT" as const, 130],
    ["SIGTERM" as const, 143],
    ["SIGHUP" as const, 129],
  ])(
    "Interrupted by %s while it waits, it takes the request back and exits with %i",
    async (signal, exit) => {
      lab.fake.answer = ({ topic }) => (topic.endsWith("acquire") ? "silence" : undefined);
      const run = start(["acquire", "build1", "--wait", "available"], env());
      await eventually("the request has come", () => lab.fake.requests.length === 1);
      run.child.kill(signal);
      expect(await run.ended).toBe(exit);
      expect(run.out()).toBe("");
      const token = lab.fake.requests[0]?.fields["token"];
      expect(lab.fake.requests[1]).toEqual({
        topic: "build1/release",
        user: "ci",
        fields: { token, owner: "ci" },
      });
      expect(lab.fake.requests).toHaveLength(2);
    },
  );

  test("Killed while it waits, its will releases a token whose id it made up", async () => {
    lab.fake.answer = () => "silence";
    const run = start(["acquire", "build1", "--wait", "available"], env());
    await eventually("the request has come", () => lab.fake.requests.length === 1);
    run.child.kill("SIGKILL");
    await eventually("the will has come", () => lab.fake.requests.length === 2);
    expect(lab.fake.requests[1]).toEqual({
      topic: "build1/release",
      user: "ci",
      fields: { token: lab.fake.requests[0]?.fields["token"], owner: "ci", lost: true },
    });
  });

  test("When the connection breaks while it waits, it asks again with the same id and what is left of the time", async () => {
    lab.fake.answer = () => (lab.fake.requests.length === 1 ? "silence" : undefined);
    const run = start(["acquire", "build1", "--wait", "available", "--timeout", "60", "--token", "t"], env());
    await eventually("the request has come", () => lab.fake.requests.length === 1);
    lab.fake.dropClients();
    expect(await run.ended).toBe(0);
    const [first, second] = lab.fake.requests;
    expect([first?.topic, second?.topic, second?.fields["token"]]).toEqual([
      "build1/acquire",
      "build1/acquire",
      "t",
    ]);
    expect(Number(second?.fields["timeout"])).toBeLessThan(Number(first?.fields["timeout"]));
  });

  test("When the controller starts anew while it waits, it asks again", async () => {
    lab.fake.answer = () => (lab.fake.requests.length === 1 ? "silence" : undefined);
    const run = start(["acquire", "build1", "--wait", "available", "--token", "t"], env());
    await eventually("the request has come", () => lab.fake.requests.length === 1);
    await lab.fake.publish("controller/status", "offline", true);
    await lab.fake.publish("controller/status", "online", true);
    expect(await run.ended).toBe(0);
    expect(lab.fake.requests.map(({ topic }) => topic)).toEqual(["build1/acquire", "build1/acquire"]);
    expect(run.err()).toContain("the controller is away (status: offline)");
  });
});

describe("lastout renew and release", () => {
  test("renew prints when the token expires", async () => {
    lab.fake.held.get("build1")?.add("t");
    expect(await lastout(["renew", "build1", "t", "--ttl", "2h"], env())).toEqual({
      exit: 0,
      out: "2030-01-01T00:00:00.000Z\n",
      err: "",
    });
    expect(lab.fake.requests[0]).toMatchObject({ topic: "build1/renew", fields: { token: "t", ttl: 7200 } });
    expect(lab.fake.requests[0]?.fields).not.toHaveProperty("owner");
  });

  test("renew of a token that is not held is exit 65", async () => {
    expect(await lastout(["renew", "build1", "--token", "t"], env())).toEqual({
      exit: 65,
      out: "",
      err: "lastout: t expired (unknown-token)\n",
    });
  });

  test("release gives the token back, named as a word or as an option", async () => {
    lab.fake.held.get("build1")?.add("t").add("u");
    expect(await lastout(["release", "build1", "t"], env())).toEqual({
      exit: 0,
      out: "",
      err: "lastout: build1: released t, 1 user left\n",
    });
    expect(await lastout(["release", "build1", "--token", "u", "--quiet"], env())).toEqual({
      exit: 0,
      out: "",
      err: "",
    });
    expect(lab.fake.held.get("build1")?.size).toBe(0);
  });

  test("release of a token that is not held says so and is exit 0", async () => {
    const run = await lastout(["release", "build1", "t", "--json"], env());
    expect([run.exit, run.err]).toEqual([0, "lastout: build1: t was not held: t is not held\n"]);
    expect(json(run.out)).toMatchObject({ ok: false, error: "unknown-token" });
  });

  test("release while the controller is away leaves the request with the broker and is exit 69", async () => {
    await lab.fake.publish("controller/status", "offline", true);
    const { exit, err } = await lastout(["release", "build1", "t"], env());
    expect(exit).toBe(69);
    expect(err).toContain("The broker has the request");
    await eventually("the request has come", () => lab.fake.requests[0]?.topic === "build1/release");
  });

  test.each([
    [["release"]],
    [["release", "build1"]],
    [["renew", "build1"]],
    [["renew", "a", "b", "c"]],
    [["release", "a", "b", "--token", "c"]],
  ])("The wrong words %j are exit 64 with the usage", async (words) => {
    const { exit, err } = await lastout(words, env());
    expect(exit).toBe(64);
    expect(err).toContain("usage: lastout re");
  });
});

describe("lastout status", () => {
  beforeEach(async () => {
    await lab.fake.publish("build10", stateObject({ state: "available", phase: "in-use", users: 2 }), true);
    const problem = {
      code: "switch-unreachable",
      message: "plug9 does not answer",
      since: "2026-11-22T08:00:00.000Z",
    };
    await lab.fake.publish("build9", stateObject({ state: "unknown", problem }), true);
  });

  test("It lists the resources in the order of their names, in plain columns and without colour", async () => {
    expect(await lastout(["status"], env())).toEqual({
      exit: 0,
      err: "",
      out: [
        "NAME     STATE      PHASE   USERS  SINCE                     PROBLEM",
        "build9   unknown    idle    0      2026-11-22T08:00:00.000Z  switch-unreachable: plug9 does not answer",
        "build10  available  in-use  2      2026-11-22T08:00:00.000Z  -",
        "",
      ].join("\n"),
    });
  });

  test("With --json it is an array of the state objects, each with its name, also for one", async () => {
    const { out } = await lastout(["status", "build10", "--json"], env());
    expect(json(out)).toEqual([
      { name: "build10", ...stateObject({ state: "available", phase: "in-use", users: 2 }) },
    ]);
  });

  test("With --json and nothing but unknown resources it is the error, as of all commands", async () => {
    const { exit, out } = await lastout(["status", "biuld9", "--json"], env());
    expect([exit, json(out)]).toMatchObject([65, { ok: false, error: "unknown-resource" }]);
  });

  test("An unknown resource is exit 65 with what was probably meant, and the known ones are shown", async () => {
    const { exit, out, err } = await lastout(["status", "biuld9", "build10"], env());
    expect(exit).toBe(65);
    expect(err).toBe(
      "lastout: no resource or pool is named 'biuld9'; did you mean 'build9'? (unknown-resource)\n",
    );
    expect(out).toContain("build10");
    expect(out).not.toContain("build9 ");
  });

  test("Where nothing is shown yet that is said, instead of an empty table", async () => {
    await lab.fake.publish("build9", "", true);
    await lab.fake.publish("build10", "", true);
    expect(await lastout(["status"], env())).toEqual({
      exit: 0,
      out: "",
      err: "lastout: the controller shows no resources: it has just started, or its configuration has none\n",
    });
  });

  test("While the controller is away its last picture is shown, with a warning and exit 69", async () => {
    await lab.fake.publish("controller/status", "offline", true);
    const { exit, out, err } = await lastout(["status"], env());
    expect(exit).toBe(69);
    expect(out).toContain("build10  available");
    expect(err).toContain("no controller answers");
    expect(err).toContain("What is shown is its last picture");
  });

  test("A lab of a thousand resources is shown whole", async () => {
    for (let i = 0; i < 1000; i += 1) {
      await lab.fake.publish(`r${i}`, stateObject(), true);
    }
    await lab.fake.publish("controller/info", { resources: 1002, pools: 0 }, true);
    const { out } = await lastout(["status", "--json"], env());
    expect(json(out)).toHaveLength(1002);
  });
});

describe("lastout tokens", () => {
  test("It lists the holders of the resources that are named, or of all", async () => {
    await lab.fake.publish("build1", stateObject(), true);
    await lab.fake.publish("build2", stateObject(), true);
    lab.fake.held.get("build1")?.add("t1");
    lab.fake.held.get("build2")?.add("t2");
    expect((await lastout(["tokens"], env())).out).toBe(
      [
        "RESOURCE  TOKEN  OWNER  MODE  SINCE                     EXPIRES  PURPOSE",
        "build1    t1     ci     -     2026-01-01T00:00:00.000Z  -        -",
        "build2    t2     ci     -     2026-01-01T00:00:00.000Z  -        -",
        "",
      ].join("\n"),
    );
    expect(json((await lastout(["tokens", "build2", "--json"], env())).out)).toEqual([
      {
        resource: "build2",
        token: "t2",
        owner: "ci",
        since: "2026-01-01T00:00:00.000Z",
        expires: null,
        purpose: null,
      },
    ]);
  });

  test("It asks for page after page until it has all", async () => {
    lab.fake.answer = ({ fields }) => {
      const offset = Number(fields["offset"]);
      const holders = Array.from({ length: Math.min(1000, 2300 - offset) }, (_, i) => ({
        token: `t${offset + i}`,
      }));
      return { ok: true, resource: "build1", total: 2300, holders, queue: [] };
    };
    const { out } = await lastout(["tokens", "build1", "--json"], env());
    expect(json(out)).toHaveLength(2300);
    expect(lab.fake.requests.map(({ fields }) => [fields["offset"], fields["limit"]])).toEqual([
      [0, 1000],
      [1000, 1000],
      [2000, 1000],
    ]);
  });

  test("No tokens is an empty list, and an unknown resource is exit 65", async () => {
    expect(await lastout(["tokens", "build1", "--json"], env())).toEqual({ exit: 0, out: "[]\n", err: "" });
    expect(await lastout(["tokens", "build1"], env())).toEqual({
      exit: 0,
      out: "",
      err: "lastout: no tokens are held\n",
    });
    expect((await lastout(["tokens", "nope"], env())).exit).toBe(65);
  });
});

describe("lastout watch", () => {
  test("An unknown name is told with the one that may be meant, and watched for", async () => {
    await lab.fake.publish("build1", stateObject(), true);
    const near = start(["watch", "biuld1"], env());
    await eventually("it is told", () => near.err().includes("watching for it all the same"));
    expect(near.err()).toContain("named 'biuld1'; did you mean 'build1'? (unknown-resource)");
    const far = start(["watch", "nope"], env());
    await eventually("it is told", () => far.err().includes("watching for it all the same"));
    expect(far.err()).toContain("named 'nope'; 'lastout status' lists them (unknown-resource)");
    expect(near.out() + far.out()).toBe("");
  });

  test("It tells how things stand, then changes and events, a line each, until it is interrupted", async () => {
    await lab.fake.publish("build1", stateObject(), true);
    const run = start(["watch"], env());
    await eventually("it tells how things stand", () => run.out().includes("build1 is idle: off, 0 users"));
    await lab.fake.publish("build1/event", {
      event: "granted",
      resource: "build1",
      time: "2026-11-22T08:00:00.000Z",
      token: "t",
      owner: "ci",
      users: 1,
    });
    await lab.fake.publish("build1", stateObject({ state: "powered", phase: "starting", users: 1 }), true);
    await lab.fake.publish(
      "build1",
      stateObject({ state: "powered", phase: "starting", users: 1, watts: 4 }),
      true,
    );
    await lab.fake.publish("controller/event", {
      event: "pong",
      resource: null,
      time: "2026-11-22T08:00:01.000Z",
    });
    await eventually("the last event is told", () => run.out().includes("pong"));
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(130);
    expect(run.out().replaceAll(/^\S+ (?=build1 is)/gm, "")).toBe(
      [
        "build1 is idle: off, 0 users",
        "2026-11-22T08:00:00.000Z build1 granted token=t owner=ci users=1",
        "build1 is starting: powered, 1 user",
        "2026-11-22T08:00:01.000Z controller pong",
        "",
      ].join("\n"),
    );
  });

  test("With --json each line is an object as it was published, of the resources that are named", async () => {
    await lab.fake.publish("build1", stateObject(), true);
    await lab.fake.publish("build2", stateObject(), true);
    const run = start(["watch", "build2", "--json"], env());
    await eventually("it tells how things stand", () => run.out().includes("\n"));
    await lab.fake.publish("build1/event", { event: "granted", resource: "build1" });
    await lab.fake.publish("build2/event", { event: "expired", resource: "build2", token: "t" });
    await eventually("the event is told", () => run.out().includes("expired"));
    run.child.kill("SIGTERM");
    expect(await run.ended).toBe(143);
    expect(run.out().trim().split("\n").map(json)).toEqual([
      { name: "build2", ...stateObject() },
      { event: "expired", resource: "build2", token: "t" },
    ]);
  });

  test("It goes on over a broken connection", async () => {
    await lab.fake.publish("build1", stateObject(), true);
    const run = start(["watch"], env());
    await eventually("it tells how things stand", () => run.out().includes("off"));
    lab.fake.dropClients();
    await eventually("it is connected again", () => run.err().includes("again"));
    await lab.fake.publish("build1", stateObject({ state: "powered" }), true);
    await eventually("the change is told", () => run.out().includes("powered"));
  });

  test("When nobody reads any more it ends, as by SIGPIPE", async () => {
    await lab.fake.publish("build1", stateObject(), true);
    const run = start(["watch"], env());
    await eventually("it tells how things stand", () => run.out().includes("off"));
    run.child.stdout?.destroy();
    await lab.fake.publish("build1", stateObject({ state: "powered" }), true);
    expect(await run.ended).toBe(141);
  });
});
