// `lastout wait` against a controller of the test's own: what it waits for, what it takes for stale, and how it ends.

import { describe, expect, test } from "vitest";
import { eachWithController } from "./each-with-controller.ts";
import { stateObject } from "./fake-controller.ts";
import { eventually, lastoutHere as lastout, start } from "./processes.ts";

const lab = eachWithController();
const { env } = lab;

const is = (state: string, fields: Readonly<Record<string, unknown>> = {}): Promise<void> =>
  lab.fake.publish("build1", stateObject({ state, ...fields }), true);

/** It has found the controller, and asks for the end of what is retained. */
const waits = (): boolean => lab.fake.published.some((topic) => topic.startsWith("lastout/reply/ci/"));

describe("What is waited for", () => {
  test.each([
    ["available", [], true],
    ["powered", [], false],
    ["off", [], false],
    ["unknown", [], false],
    ["available", ["--for", "available"], true],
    ["available", ["--for", "powered"], true],
    ["powered", ["--for", "powered"], true],
    ["off", ["--for", "powered"], false],
    ["off", ["--for", "off"], true],
    ["unknown", ["--for", "off"], false],
    ["powered", ["--for", "off"], false],
  ])("A resource that is %s is it with %j: %s", async (state, words, met) => {
    await is(state);
    const run = await lastout(["wait", "build1", "--timeout", "0", ...words], env());
    expect(run).toMatchObject({ exit: met ? 0 : 75, out: "" });
    expect(lab.fake.requests).toEqual([]);
  });

  test("A pool is as its best member is", async () => {
    await lab.fake.publish(
      "builders",
      { state: "available", users: 1, queue: 0, free: 1, members: 2, time: "2026-11-22T08:00:00.000Z" },
      true,
    );
    expect((await lastout(["wait", "builders", "--timeout", "0"], env())).exit).toBe(0);
  });

  test("It waits for the change, tells how it goes, and prints nothing; with --json the state object", async () => {
    await is("off");
    const run = start(["wait", "build1"], env());
    const json = start(["wait", "build1", "--json", "--quiet"], env());
    await eventually(
      "both listen",
      () => lab.fake.subscribed.filter((topic) => topic === "lastout/+").length === 2,
    );
    await is("powered", { phase: "starting" });
    await eventually("that is told", () => run.err().includes("build1 is starting: powered"));
    await is("available", { phase: "in-use", users: 1 });
    expect(await run.ended).toBe(0);
    expect(run.out()).toBe("");
    expect(run.err()).toContain("lastout: build1 is in-use: available\n");
    expect(await json.ended).toBe(0);
    expect(JSON.parse(json.out())).toMatchObject({ name: "build1", state: "available", users: 1 });
    expect(json.err()).toBe("");
  });
});

describe("The end without it", () => {
  test("A timeout is exit 75 and says how the resource stands; with --json an object", async () => {
    await is("powered", { phase: "starting" });
    const run = await lastout(["wait", "build1", "--timeout", "0.3", "--json"], env());
    expect(run.exit).toBe(75);
    expect(run.err).toContain("build1 is not available within 0.3 s: build1 is starting: powered");
    expect(JSON.parse(run.out)).toMatchObject({ ok: false, error: "timeout" });
  });

  test("An unknown name is exit 65 with a suggestion, once the picture was heard", async () => {
    await is("off");
    expect(await lastout(["wait", "biuld1"], env())).toEqual({
      exit: 65,
      out: "",
      err: "lastout: no resource or pool is named 'biuld1'; did you mean 'build1'? (unknown-resource)\n",
    });
  });

  test("A resource that leaves the configuration meanwhile is exit 65, too", async () => {
    await is("off");
    const run = start(["wait", "build1"], env());
    await eventually("it waits", waits);
    await lab.fake.publish("build1", "", true);
    expect(await run.ended).toBe(65);
  });

  test("Without a controller at the beginning it is exit 69, whatever is retained", async () => {
    await lab.fake.publish("controller/status", "offline", true);
    await is("available");
    const run = await lastout(["wait", "build1"], env());
    expect(run.exit).toBe(69);
    expect(run.err).toContain("no controller answers");
  });

  test("A signal ends it with 128+n", async () => {
    await is("off");
    const run = start(["wait", "build1"], env());
    await eventually("it waits", waits);
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(130);
  });

  test.each([
    [["build1", "--for", "on"], 65, "--for on is nothing to wait for; it is available, powered or off"],
    [["build1", "--timeout", "soon"], 65, "--timeout soon is no duration"],
    [["build1", "build2"], 64, "one word too many: 'build2'"],
    [[], 64, "no resource is named"],
    [["build1", "--", "make"], 64, "wait takes no command; write lastout wait RESOURCE && COMMAND"],
  ])("The words %j are exit %i", async (words, exit, text) => {
    const run = await lastout(["wait", ...words], env());
    expect(run.exit).toBe(exit);
    expect(run.err).toContain(text);
  });
});

describe("A controller that goes away", () => {
  test("What it said does not count until it has said it anew, and the waiting goes on with a message", async () => {
    await is("off");
    const run = start(["wait", "build1"], env());
    await eventually("it waits", waits);
    await lab.fake.publish("controller/status", "offline", true);
    await eventually("that is told", () => run.err().includes("the controller is away"));
    await is("available"); // by nobody who counts
    await lab.fake.publish("controller/status", "online", true);
    await eventually("that is told", () => run.err().includes("the controller is back"));
    expect(run.child.exitCode).toBe(null);
    await is("available");
    expect(await run.ended).toBe(0);
  });

  test("The timeout runs on, and its message names the cause", async () => {
    await is("off");
    const run = start(["wait", "build1", "--timeout", "3"], env());
    await eventually("it waits", waits);
    await lab.fake.publish("controller/status", "offline", true);
    expect(await run.ended).toBe(75);
    expect(run.err()).toContain("build1 is not available within 3 s: the controller is away");
  });

  test("A broken connection is made again, and the waiting goes on", async () => {
    await is("off");
    const run = start(["wait", "build1"], env());
    await eventually("it waits", waits);
    lab.fake.dropClients();
    await eventually("it is back", () => run.err().includes("again"));
    await is("available");
    expect(await run.ended).toBe(0);
  });
});
