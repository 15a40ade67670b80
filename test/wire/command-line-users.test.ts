// The command line of people with names: a controller with `access: users` at a mosquitto with the shipped configuration and rules, where
// whatever is asked without the asker's name is dropped. The rules themselves are tested in access-broker.test.ts.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { passwordOf, startGuardedMosquitto, witness } from "../support/guarded-mosquitto.ts";
import type { Mosquitto } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { connectWire, type WireClient } from "./client.ts";
import { type Controller, createController, lastout, mainFile, startProgram } from "./controller.ts";
import { patience } from "./lab.ts";
import { type Fields, objectIn } from "./observer.ts";

describe("lastout with user names, where access is for users", {
  ...needing("mosquitto"),
  ...patience,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), "lastout-users-"));
  let broker: Mosquitto;
  let controller: Controller;
  let ears: WireClient;

  beforeAll(async () => {
    broker = await startGuardedMosquitto({ users: ["lastout", "operator", "alice", "bob"] });
    ears = await connectWire({
      version: 5,
      port: broker.port,
      username: witness,
      password: passwordOf(witness),
    });
    await ears.subscribe("lastout/#");
    const configFile = join(folder, "lastout.yaml");
    writeFileSync(
      configFile,
      JSON.stringify({
        mqtt: { url: broker.url, username: "lastout", password: passwordOf("lastout") },
        store: { path: join(folder, "lastout.db") },
        access: "users",
        operators: ["operator"],
        restartGrace: "500ms",
        lostGrace: "500ms",
        defaults: { offDelay: "300ms", minOn: 0, minOff: 0 },
        switchers: { strip: { type: "simulated", outlets: 3 } },
        resources: {
          build1: { switcher: "strip/1" },
          build2: { switcher: "strip/2" },
          build3: { switcher: "strip/3" },
        },
        pools: { builders: { members: ["build1", "build2"] } },
      }),
    );
    controller = createController(configFile);
    controller.start();
    await eventually(
      "the controller knows its outlets",
      () => {
        if (!controller.running) {
          throw new Error(`the controller has ended: ${controller.log().slice(-2000)}`);
        }
        return ["build1", "build2", "build3"].every((name) => last(name)["state"] === "off");
      },
      15_000,
    );
  }, patience.timeout);

  afterAll(async () => {
    await controller.kill9();
    await ears.disconnect();
    await broker.stop();
    rmSync(folder, { recursive: true });
  });

  const last = (name: string): Fields =>
    objectIn(ears.heard.findLast(({ topic }) => topic === `lastout/${name}`)?.payload ?? "{}");
  const events = (name: string): readonly Fields[] =>
    ears.heard.flatMap(({ topic, payload }) =>
      topic === `lastout/${name}/event` ? [objectIn(payload)] : [],
    );
  const env = (user: string): Record<string, string> => ({
    LASTOUT_URL: broker.url,
    LASTOUT_USERNAME: user,
    LASTOUT_PASSWORD: passwordOf(user),
  });
  const as = (user: string, ...words: readonly string[]): ReturnType<typeof lastout> =>
    lastout(words, env(user));
  const begin = (user: string, ...words: readonly string[]): ReturnType<typeof startProgram> =>
    startProgram(process.execPath, [mainFile, ...words], env(user));

  test("run over a pool and another resource acquires, keeps and releases as the user", async () => {
    const words = ["--ttl", "1s", "--", "sh", "-c", 'echo "$LASTOUT_RESOURCE"; sleep 1.5'];
    const run = await as("alice", "run", "builders,build3", "--token", "t", ...words);
    expect(run).toMatchObject({ exit: 0, out: expect.stringMatching(/^build[12],build3\n$/) });
    expect(events("build3").filter(({ token }) => token === "t")).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ event: "granted", owner: "alice" }),
        expect.objectContaining({ event: "renewed", owner: "alice" }),
        expect.objectContaining({ event: "released", owner: "alice" }),
      ]),
    );
  });

  test("release that the broker refuses is 77, also where no controller answers", async () => {
    const run = await as("alice", "release", "build1", "t", "--base", "elsewhere", "--json");
    expect(run).toMatchObject({ exit: 77, err: expect.stringContaining("refuses") });
    expect(JSON.parse(run.out)).toMatchObject({ ok: false, error: "not-authorised" });
  });

  test("run that is killed loses its token by a will under its name", async () => {
    const run = begin(
      "alice",
      "run",
      "build1",
      "--token",
      "mortal",
      "--",
      "sh",
      "-c",
      "echo $$; exec sleep 30",
    );
    const child = Number(await eventually("the command runs", () => /^\d+\n/.exec(run.out())?.[0], 10_000));
    run.child.kill("SIGKILL");
    try {
      await eventually(
        "the token is lost",
        () => events("build1").some(({ event, token }) => event === "lost" && token === "mortal"),
        10_000,
      );
    } finally {
      process.kill(child, "SIGKILL");
    }
  });

  test("a waiting user hears its place in the queue, and another cannot end the token that is in the way", async () => {
    expect((await as("alice", "acquire", "build1", "--exclusive", "--token", "hers")).exit).toBe(0);
    const waits = begin("bob", "acquire", "build1", "--timeout", "1m", "--token", "his");
    await eventually("the place is told", () => waits.err().includes("queue of build1: next"), 10_000);
    const listed = await as("bob", "tokens", "build1");
    expect(listed.out).toMatch(/\nbuild1 +hers +alice +exclusive .*\n\nQUEUE .*\nbuild1 +1 +his +bob /);
    expect(await as("bob", "release", "build1", "hers")).toMatchObject({ exit: 77, out: "" });
    expect((await as("operator", "release", "build1", "hers")).exit).toBe(0);
    expect(await waits.ended).toBe(0);
    expect((await as("bob", "release", "build1", "his")).exit).toBe(0);
  });

  test("operators override and cycle, under their names; others are refused", async () => {
    expect((await as("alice", "override", "build2", "off")).exit).toBe(77);
    const locked = await as("operator", "override", "build2", "off", "--reason", "PSU swap", "--until", "1h");
    expect(locked).toMatchObject({ exit: 0, out: expect.stringMatching(/\nbuild2 +\S+ +off +0\n$/) });
    expect(events("build2").findLast(({ event }) => event === "override")).toMatchObject({
      mode: "off",
      by: "operator",
      reason: "PSU swap",
    });
    const refused = await as("alice", "acquire", "build2");
    expect(refused).toMatchObject({ exit: 75, out: "" });
    expect(refused.err).toContain("build2 is locked out by operator: PSU swap (locked-out)");
    expect((await as("operator", "override", "build2", "auto")).exit).toBe(0);
    expect((await as("operator", "cycle", "build2")).exit).toBe(0);
  });

  test("who names another owner is refused by the broker, which is told with the topic", async () => {
    const refused = await as("alice", "acquire", "build3", "--owner", "bob");
    expect(refused).toMatchObject({ exit: 77, out: "" });
    expect(refused.err).toContain(
      "refuses a message to 'lastout/build3/acquire': not authorised; with --owner bob it is asked without the user name alice",
    );
  });
});
