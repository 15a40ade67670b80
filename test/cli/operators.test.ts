// `lastout override` and `lastout cycle` against a controller of the test's own: what they send, print and exit with.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { userInfo } from "node:os";
import { type FakeController, startFakeController } from "./fake-controller.ts";
import { lastoutHere as lastout } from "./processes.ts";

// Work on a machine that is busy.
vi.setConfig({ testTimeout: 30_000 });

let fake: FakeController;

beforeEach(async () => {
  fake = await startFakeController();
});
afterEach(() => fake.close());

const env = (): Record<string, string> => ({ LASTOUT_URL: fake.url, LASTOUT_USERNAME: "laforge" });
const json = (text: string): unknown => JSON.parse(text);

/** What was asked, without what belongs to the reply. */
const asked = (): unknown =>
  fake.requests.map(({ topic, user, fields }) => ({
    topic,
    user,
    fields: Object.fromEntries(
      Object.entries(fields).filter(([name]) => name !== "id" && name !== "replyTo"),
    ),
  }));

describe("lastout override", () => {
  test("A lockout is asked for under the user's name, and a line says what it is not and when the power is off", async () => {
    const words = ["override", "build1", "off", "--reason", "PSU swap", "--until", "2h", "--force"];
    expect(await lastout(words, env())).toEqual({
      exit: 0,
      out: "NAME    STATE      OVERRIDE  USERS\nbuild1  available  off       0\n",
      err:
        "lastout: a lockout is software and no safety device: pull the plug before hands go in. The power is off when " +
        "'lastout status build1' shows the state off and the phase locked\n",
    });
    expect(asked()).toEqual([
      {
        topic: "build1/override",
        user: "laforge",
        fields: { mode: "off", owner: "laforge", reason: "PSU swap", until: 7200, force: true },
      },
    ]);
  });

  test.each(["on", "auto"])("%s needs no warning", async (mode) => {
    expect(await lastout(["override", "build1", mode], env())).toMatchObject({ exit: 0, err: "" });
    expect(asked()).toEqual([
      { topic: "build1/override", user: "laforge", fields: { mode, owner: "laforge" } },
    ]);
  });

  test("Without a user name at the broker it is said by the user of this machine, in the payload", async () => {
    await lastout(["override", "build1", "on"], { LASTOUT_URL: fake.url });
    expect(asked()).toEqual([
      {
        topic: "build1/override",
        user: undefined,
        fields: { mode: "on", owner: userInfo().username },
      },
    ]);
  });

  test("--until takes a time, too", async () => {
    await lastout(["override", "build1", "on", "--until", "2030-01-01T18:00:00+01:00"], env());
    expect(fake.requests[0]?.fields["until"]).toBe("2030-01-01T18:00:00+01:00");
  });

  test("With --json it prints the reply, and with --quiet no warning", async () => {
    const { out, err } = await lastout(["override", "build1", "off", "--json", "--quiet"], env());
    expect(err).toBe("");
    expect(json(out)).toEqual({
      ok: true,
      resource: "build1",
      override: "off",
      state: "available",
      users: 0,
    });
  });

  test.each([
    ["locked-out", 75],
    ["forbidden", 77],
    ["invalid-request", 65],
    ["unknown-resource", 65],
  ])("The refusal %s is exit %i and one line, without the words about lockouts", async (error, exit) => {
    fake.answer = () => ({ ok: false, resource: "build1", error, message: "it is so" });
    expect(await lastout(["override", "build1", "off"], env())).toEqual({
      exit,
      out: "",
      err: `lastout: it is so (${error})\n`,
    });
  });

  test.each([
    [["build1", "auto", "--until", "2h"], "--until goes with on and off"],
    [["build1", "on", "--force"], "--force goes only with off"],
    [["build1", "on", "--until", "0"], "--until 0 is neither a duration longer than 0"],
    [["build1", "on", "--until", "tomorrow"], "--until tomorrow is neither"],
    [["build1", "on", "--until", "2030-01-01T18:00:00"], "nor a time with its zone"],
    [["build1", "off", "--reason", "x".repeat(257)], "--reason may have up to 256 characters"],
    [["a/b", "off"], "cannot be the name of a resource"],
    [["build1,build2", "off"], "names several resources; a list with commas is for run"],
  ])("The wrong value in %j is exit 65 before anything is sent", async (words, text) => {
    const { exit, err } = await lastout(["override", ...words], env());
    expect(exit).toBe(65);
    expect(err).toContain(text);
    expect(fake.requests).toEqual([]);
  });

  test.each([
    [[], "no resource is named"],
    [["build1"], "on, off or auto is missing"],
    [["build1", "of"], "'of' is no override; it is on, off or auto"],
    [["build1", "off", "now"], "one word too many: 'now'"],
    [["build1", "off", "--", "x"], "override takes no command"],
  ])("The wrong words %j are exit 64", async (words, text) => {
    const { exit, err } = await lastout(["override", ...words], env());
    expect(exit).toBe(64);
    expect(err).toContain(text);
    expect(fake.requests).toEqual([]);
  });

  test("While the controller is away it is exit 69, and nothing is left with the broker", async () => {
    await fake.publish("controller/status", "offline", true);
    expect((await lastout(["override", "build1", "off"], env())).exit).toBe(69);
    expect(fake.requests).toEqual([]);
  });
});

describe("lastout cycle", () => {
  test("It is asked for under the user's name and prints how the resource stood", async () => {
    expect(await lastout(["cycle", "build1"], env())).toEqual({
      exit: 0,
      out: "NAME    STATE      OVERRIDE  USERS\nbuild1  available  auto      0\n",
      err: "",
    });
    await lastout(["cycle", "build1", "--force"], env());
    expect(asked()).toEqual([
      { topic: "build1/cycle", user: "laforge", fields: { owner: "laforge" } },
      { topic: "build1/cycle", user: "laforge", fields: { owner: "laforge", force: true } },
    ]);
  });

  test.each([
    ["busy", 75],
    ["locked-out", 75],
    ["power-failed", 75],
    ["forbidden", 77],
  ])("The refusal %s is exit %i, and JSON where that is asked for", async (error, exit) => {
    const reply = { ok: false, resource: "build1", error, message: "it is so" };
    fake.answer = () => reply;
    const run = await lastout(["cycle", "build1", "--json"], env());
    expect([run.exit, run.err]).toEqual([exit, `lastout: it is so (${error})\n`]);
    expect(json(run.out)).toEqual(reply);
  });

  test.each([[[]], [["build1", "build2"]], [["build1", "--", "x"]]])(
    "The wrong words %j are exit 64",
    async (words) => {
      expect((await lastout(["cycle", ...words], env())).exit).toBe(64);
    },
  );
});
