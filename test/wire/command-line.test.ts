// The command line against the real controller: `run` from the acquire to the release, what becomes of its token when it or the broker
// dies, the small commands, and the exit codes of the protocol's section 11. Their details are tested in test/cli.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/mosquitto.ts";
import { lastout, mainFile, startProgram } from "./controller.ts";
import { brokers, type Lab, startLab } from "./lab.ts";
import { objectIn } from "./observer.ts";

/** A command for `run` that ends when the file is there. */
const until = (flag: string): string[] => [
  "--",
  "sh",
  "-c",
  `echo "runs with $LASTOUT_RESOURCE"; while [ ! -e ${flag} ]; do sleep 0.1; done; exit 3`,
];

// One after the other: each test starts programs, which is work, and reads the clock.
describe.each(brokers.map((one) => [one.title, one] as const))("11 over %s:", (_title, one) => {
  describe("lastout", one.options, () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await startLab({
        broker: one.broker,
        sockets: {
          ran: { machine: { bootMs: 500 } },
          killed: {},
          heldKilled: {},
          heldOn: { machine: { bootMs: 500 } },
          taken: {},
          letGo: {},
          awaited: { machine: { bootMs: 500 } },
          asked: {},
          crowd: {},
          watched: {},
          refused: {},
          never: { machine: { bootMs: 600_000 } },
          shared: {},
          member1: {},
          member2: {},
          beside: {},
          locked: {},
          cycled: {},
        },
        settings: { pools: { pooled: { members: ["member1", "member2"] } } },
      });
      return () => lab.stop();
    }, 30_000);

    const on = (...words: readonly string[]): ReturnType<typeof lastout> =>
      lastout(words, { LASTOUT_URL: lab.url });
    const begin = (...words: readonly string[]): ReturnType<typeof startProgram> =>
      startProgram(process.execPath, [mainFile, ...words], { LASTOUT_URL: lab.url });

    it("run waits until the resource is available, runs the command with its token, releases, and exits as it did", async () => {
      const run = await on(
        "run",
        "ran",
        "--token",
        "job-1",
        "--owner",
        "ci",
        "--",
        "sh",
        "-c",
        'echo "$LASTOUT_RESOURCE $LASTOUT_TOKEN"; exit 7',
      );
      expect(run).toMatchObject({ exit: 7, out: "ran job-1\n" });
      expect(lab.machine("ran").boots).toBe(1);
      expect(lab.events("ran", "released")).toMatchObject([{ token: "job-1", owner: "ci" }]);
      expect(lab.events("ran", "state").map(({ to }) => to)).toContain("available");
      await lab.untilObject("ran", { users: 0, state: "off" });
    });

    it("tokens lists a crowd, whose page is longer than a packet usually is", async () => {
      const purpose = "p".repeat(200);
      await Promise.all(
        Array.from({ length: 400 }, (_, index) =>
          lab.publish("lastout/crowd/acquire", { token: `t${index}`, purpose }),
        ),
      );
      await lab.untilObject("crowd", { users: 400 });
      const { exit, out } = await on("tokens", "crowd");
      expect(exit).toBe(0);
      expect(out.length).toBeGreaterThan(65_536);
      expect(out.match(/ t\d+ /g)).toHaveLength(400);
    });

    it("run that is killed loses its token through its will after lostGrace", async () => {
      const run = begin("run", "killed", "--token", "job-2", "--", "sh", "-c", "echo $$; exec sleep 30");
      const child = Number(await eventually("the command runs", () => /^\d+\n/.exec(run.out())?.[0], 10_000));
      await lab.untilObject("killed", { users: 1, state: "available" });
      const killed = performance.now();
      run.child.kill("SIGKILL");
      try {
        expect(await lab.untilEvent("killed", "lost")).toMatchObject({ token: "job-2", users: 0 });
        expect(performance.now() - killed).toBeGreaterThanOrEqual(499);
        await lab.untilObject("killed", { state: "off" });
      } finally {
        process.kill(child, "SIGKILL");
      }
      expect(await run.ended).toBe("SIGKILL");
    });

    it("hold that is killed loses its token through its will after lostGrace", async () => {
      const hold = begin("hold", "heldKilled", "--token", "job-3");
      await eventually("it is held", () => hold.out() === "job-3\n", 10_000);
      const killed = performance.now();
      hold.child.kill("SIGKILL");
      expect(await lab.untilEvent("heldKilled", "lost")).toMatchObject({ token: "job-3", users: 0 });
      expect(performance.now() - killed).toBeGreaterThanOrEqual(499);
      await lab.untilObject("heldKilled", { state: "off" });
      expect(await hold.ended).toBe("SIGKILL");
    });

    it("hold waits until the resource is available, keeps it, and releases it when it is interrupted", async () => {
      const hold = begin("hold", "heldOn", "--token", "job-4", "--ttl", "1s");
      await eventually("it is held", () => hold.out() === "job-4\n", 10_000);
      expect(lab.object("heldOn")).toMatchObject({ users: 1, state: "available" });
      await lab.untilEvent("heldOn", "renewed");
      hold.child.kill("SIGINT");
      expect(await hold.ended).toBe(0);
      expect(lab.events("heldOn", "released")).toMatchObject([{ token: "job-4" }]);
      expect(lab.events("heldOn", "expired")).toEqual([]);
    });

    it("hold takes a token over by its id, and so does run: one token over the steps of a script, released once", async () => {
      expect(await on("acquire", "taken", "--token", "job-5", "--wait", "available")).toMatchObject({
        exit: 0,
      });
      const hold = begin("hold", "taken", "--token", "job-5");
      await eventually("it is held", () => hold.out() === "job-5\n", 10_000);
      expect(lab.object("taken")).toMatchObject({ users: 1 });
      expect(lab.events("taken", "granted")).toHaveLength(1);
      hold.child.kill("SIGTERM");
      expect(await hold.ended).toBe(0);
      expect((await on("acquire", "taken", "--token", "job-6")).exit).toBe(0);
      expect((await on("run", "taken", "--token", "job-6", "--", "true")).exit).toBe(0);
      expect(lab.events("taken", "released").map(({ token }) => token)).toEqual(["job-5", "job-6"]);
      await lab.untilObject("taken", { users: 0 });
    });

    it("an acquire that is interrupted does not take away a token which an earlier one was given under the same id", async () => {
      expect((await on("acquire", "never", "--token", "kept")).exit).toBe(0);
      const again = begin("acquire", "never", "--token", "kept", "--wait", "available");
      await eventually(
        "the request has come",
        () => lab.observer.objects("lastout/never/acquire").some((asked) => asked["wait"] === "available"),
        10_000,
      );
      again.child.kill("SIGINT");
      expect(await again.ended).toBe(130);
      expect(again.err()).toContain("the request is not taken back");
      expect(await lab.ask("never/tokens")).toMatchObject({ total: 1, holders: [{ token: "kept" }] });
      expect((await on("release", "never", "kept")).exit).toBe(0);
      await lab.untilObject("never", { users: 0 });
    });

    it("a release by somebody else is not undone by a run that lives: it warns, and goes on without the token", async () => {
      const flag = join(lab.folder, "let-go");
      const run = begin("run", "letGo", "--token", "gone", "--ttl", "1s", ...until(flag));
      await eventually("the command runs", () => run.out().includes("runs with"), 10_000);
      await lab.untilEvent("letGo", "renewed");
      expect((await on("release", "letGo", "gone")).exit).toBe(0);
      await eventually("it is warned", () => run.err().includes("gone was released by"), 10_000);
      // Several times a third of its time: a run that acquired again had done it by now.
      await lab.untilObject("letGo", { users: 0, state: "off" });
      expect(await on("wait", "letGo", "--for", "available", "--timeout", "1500ms")).toMatchObject({
        exit: 75,
      });
      expect(lab.events("letGo", "granted")).toHaveLength(1);
      writeFileSync(flag, "");
      expect(await run.ended).toBe(3);
    });

    it("wait ends when the resource is in that state, and switches nothing on", async () => {
      expect((await on("wait", "awaited", "--timeout", "0")).exit).toBe(75);
      const wait = begin("wait", "awaited", "--json");
      await lab.ask("awaited/acquire", { token: "another" });
      expect(await wait.ended).toBe(0);
      expect(objectIn(wait.out())).toMatchObject({ name: "awaited", state: "available", users: 1 });
      await lab.ask("awaited/release", { token: "another" });
      expect((await on("wait", "awaited", "--for", "off", "--timeout", "20")).exit).toBe(0);
      expect(lab.object("awaited")).toMatchObject({ state: "off" });
      expect((await on("wait", "awaitde")).err).toContain("did you mean 'awaited'?");
    });

    it("acquire prints the token, tokens and status show it, renew extends it, release gives it back", async () => {
      const acquired = await on("acquire", "asked", "--owner", "ci", "--purpose", "a try", "--ttl", "1h");
      expect(acquired.exit).toBe(0);
      const token = acquired.out.trim();
      expect(token).toMatch(/^[A-Za-z0-9._:@=%~-]{1,128}$/);
      const listed = await on("tokens", "asked", "--json");
      expect(listed.exit).toBe(0);
      expect(listed.out).toContain(token);
      expect(listed.out).toContain("a try");
      const status = await on("status", "asked");
      expect(status.exit).toBe(0);
      expect(status.out).toContain("asked");
      const object = await on("status", "asked", "--json");
      expect(object.out).toContain('"in-use"');
      expect((await on("renew", "asked", token, "--ttl", "2h")).exit).toBe(0);
      expect(lab.events("asked", "renewed")).toHaveLength(1);
      expect((await on("release", "asked", token)).exit).toBe(0);
      await lab.untilObject("asked", { users: 0, state: "off" });
      expect(await on("release", "asked", token)).toMatchObject({ exit: 0 }); // it was given back: done
    });

    it("watch tells what happens, as it happens", async () => {
      const watch = begin("watch", "watched", "--json");
      await eventually("it shows the present", () => watch.out().includes("watched"), 10_000);
      await lab.ask("watched/acquire", { token: "seen-by-watch" });
      await eventually("it tells the grant", () => watch.out().includes("seen-by-watch"), 10_000);
      watch.child.kill("SIGINT");
      await watch.ended;
      expect(
        watch
          .out()
          .trim()
          .split("\n")
          .every((line) => !("unreadable" in objectIn(line))),
      ).toBe(true);
    });

    it("exits with 75 when a resource is not to be had in time", async () => {
      const acquired = await on("acquire", "never", "--wait", "available", "--timeout", "1s");
      expect(acquired).toMatchObject({ exit: 75, out: "" });
      expect(acquired.err.trim().split("\n").at(-1)).toContain("never");
      const run = await on("run", "never", "--timeout", "1s", "--", "true");
      expect(run.exit).toBe(75);
      expect(await lab.ask("never/tokens")).toMatchObject({ total: 0 });
    });

    it("exits with 65 for unknown names and invalid values, 77 for another's token, 64 for a wrong command line", async () => {
      await lab.ask("refused/acquire", { token: "theirs", owner: "them" });
      const lines = [
        ["acquire", "refusde"],
        ["acquire", "refused", "--ttl", "2d"],
        ["renew", "refused", "nobody"],
        ["acquire", "refused", "--token", "theirs", "--owner", "me"],
        ["acquire"],
        ["frobnicate"],
        ["run", "refused", "true"],
      ];
      const exits: Awaited<ReturnType<typeof lastout>>[] = [];
      for (const line of lines) {
        exits.push(await on(...line));
      }
      expect(exits.map(({ exit }) => exit)).toEqual([65, 65, 65, 77, 64, 64, 64]);
      expect(exits[0]?.err).toContain("did you mean 'refused'?");
      expect(exits.every(({ err }) => err.trim() !== "" && !err.includes("    at "))).toBe(true);
      expect(await lab.ask("refused/tokens")).toMatchObject({ total: 1 });
    });

    const runs = (run: ReturnType<typeof begin>): Promise<boolean> =>
      eventually("the command runs", () => run.out().includes("runs with"), 10_000);

    it("run --exclusive waits in the queue, is told where it stands, and status and tokens show it", async () => {
      const [first, second] = [join(lab.folder, "first"), join(lab.folder, "second")];
      const alone = begin("run", "shared", "--exclusive", "--token", "alone", ...until(first));
      await runs(alone);
      expect(await on("acquire", "shared")).toMatchObject({ exit: 75, out: "" });
      const next = begin(
        "run",
        "shared",
        "--timeout",
        "1m",
        "--priority=-5",
        "--token",
        "next",
        ...until(second),
      );
      await eventually(
        "the queue is told",
        () => next.err().includes("waiting in the queue of shared: next"),
        10_000,
      );
      const urgent = begin("acquire", "shared", "--timeout", "1m", "--priority", "5", "--token", "urgent");
      await eventually("so is who comes in before", () => next.err().includes("shared: 1 ahead"), 10_000);
      expect((await on("status", "shared")).out).toMatch(
        /^NAME +STATE +PHASE +USERS +MODE +QUEUE +SINCE +PROBLEM\nshared +available +in-use +1 +exclusive +2 /,
      );
      expect((await on("tokens", "shared")).out).toMatch(
        /\nshared +alone .* exclusive .*\n\nQUEUE .*\nshared +1 +urgent .* shared +5 .*\nshared +2 +next .* shared +-5 /,
      );
      writeFileSync(first, "");
      expect(await alone.ended).toBe(3);
      expect(await urgent.ended).toBe(0);
      expect(urgent.out()).toBe("urgent\n");
      await runs(next);
      writeFileSync(second, "");
      expect(await next.ended).toBe(3);
      expect((await on("release", "shared", "urgent")).exit).toBe(0);
      await lab.untilObject("shared", { users: 0, state: "off" });
    });

    it("run over a pool and a resource tells the command which they are, and gives all back", async () => {
      const script = 'echo "$LASTOUT_RESOURCE $LASTOUT_TOKEN"';
      const run = await on("run", "pooled,beside", "--token", "both", "--", "sh", "-c", script);
      expect(run).toMatchObject({ exit: 0, out: expect.stringMatching(/^member[12],beside both\n$/) });
      expect(lab.events("beside", "released")).toMatchObject([{ token: "both" }]);
      expect((await on("status", "pooled")).out).toMatch(/\npooled +pool +\S+ +- +0 +2\/2 /);
      const member = await on("acquire", "pooled", "--json", "--token", "one");
      expect(member.out).toMatch(/"resource":"member[12]"/);
      expect((await on("renew", "pooled", "one")).exit).toBe(0);
      expect((await on("tokens", "pooled")).out).toMatch(/\nmember[12] +one /);
      expect((await on("release", "pooled", "one")).exit).toBe(0);
      const two = await on("acquire", "member1,member2", "--token", "two");
      expect(two).toMatchObject({ exit: 0, out: "two\n" });
      expect(await on("acquire", "pooled", "--exclusive")).toMatchObject({ exit: 75 });
      expect((await on("renew", "member1,member2", "two")).exit).toBe(0);
      expect((await on("release", "member1,member2", "two")).exit).toBe(0);
      await lab.untilObject("member1", { users: 0, state: "off" });
    });

    it("override off warns who runs and refuses who asks, until override auto", async () => {
      const flag = join(lab.folder, "locked-flag");
      const run = begin("run", "locked", "--token", "cut", ...until(flag));
      await runs(run);
      const locked = await on("override", "locked", "off", "--reason", "PSU swap");
      expect(locked).toMatchObject({ exit: 0, out: expect.stringMatching(/\nlocked +\S+ +off +0\n$/) });
      expect(locked.err).toContain("no safety device");
      await eventually("the run is warned", () => run.err().includes("its power goes off"), 10_000);
      expect(run.err()).toMatch(
        /locked: the token has ended: .*PSU swap; its power goes off; the command goes on/,
      );
      await lab.untilObject("locked", { state: "off", phase: "locked" });
      const late = await on("acquire", "locked");
      expect(late).toMatchObject({ exit: 75, out: "" });
      expect(late.err).toContain("PSU swap (locked-out)");
      expect((await on("cycle", "locked")).exit).toBe(75);
      expect((await on("status", "locked")).out).toMatch(/ OVERRIDE .*\nlocked +off +locked +0 +off /);
      writeFileSync(flag, "");
      expect(await run.ended).toBe(3);
      expect((await on("override", "locked", "auto")).out).toMatch(/\nlocked +off +auto +0\n$/);
      expect((await on("override", "pooled", "on")).exit).toBe(65);
    });

    it("cycle is refused while others hold tokens, and switches off and on otherwise", async () => {
      await lab.ask("cycled/acquire", { token: "theirs", owner: "them", wait: "available" });
      expect(await on("cycle", "cycled")).toMatchObject({ exit: 75, out: "" });
      const from = lab.observer.heard.length;
      expect((await on("cycle", "cycled", "--force")).exit).toBe(0);
      await lab.untilEvent("cycled", "switch-off", from);
      await lab.untilEvent("cycled", "switch-on", from);
      await lab.untilObject("cycled", { state: "available", users: 1 });
    });

    it("exits with 69 where there is no broker", async () => {
      const url = `mqtt://127.0.0.1:${await freePort()}`;
      const nobody = await lastout(["acquire", "asked"], { LASTOUT_URL: url });
      expect(nobody).toMatchObject({ exit: 69, out: "" });
      expect(nobody.err).toContain(url);
    });
  });
});

describe.each(brokers.map((one) => [one.title, one] as const))("11 over %s,", (_title, one) => {
  it("lastout run holds its token over a restart of broker and controller", one.options, async () => {
    const lab = await startLab({
      broker: one.broker,
      sockets: { build1: {} },
      settings: { restartGrace: "3s" },
    });
    try {
      const flag = join(lab.folder, "go-on");
      // Also when the test fails: the folder goes with the lab.
      const script = `while [ -d ${lab.folder} ] && [ ! -e ${flag} ]; do sleep 0.1; done; exit 3`;
      const words = [mainFile, "run", "build1", "--token", "job", "--", "sh", "-c", script];
      const run = startProgram(process.execPath, words, { LASTOUT_URL: lab.url });
      await lab.untilObject("build1", { users: 1, state: "available" }, 10_000);
      if (one.broker === "mosquitto") {
        await lab.restartBroker("SIGKILL");
      } else {
        await lab.crash();
      }
      const from = lab.observer.heard.length;
      await eventually(
        "it says that it holds the token again",
        () => run.err().includes("held again"),
        20_000,
      );
      await lab.untilObject("build1", { users: 1, state: "available", phase: "in-use" });
      expect(await lab.ask("build1/tokens", {}, 10_000)).toMatchObject({
        total: 1,
        holders: [{ token: "job" }],
      });
      writeFileSync(flag, "");
      expect(await run.ended).toBe(3);
      await lab.untilEvent("build1", "released", from);
      await lab.untilObject("build1", { users: 0, state: "off" }, 10_000);
      expect(
        lab
          .socket("build1")
          .relay(1)
          .history.map(({ position }) => position),
      ).toEqual(["on", "off"]);
    } finally {
      await lab.stop();
    }
  });

  it("exits with 69 where there is a broker and no controller", one.options, async () => {
    if (one.broker === "embedded") {
      // Nobody is there at all, because the broker is in the controller; see above. A base that nobody serves is the same to a client.
      const lab = await startLab({ broker: "embedded" });
      const alone = await lastout(["acquire", "build1", "--base", "nowhere"], { LASTOUT_URL: lab.url });
      await lab.stop();
      expect(alone).toMatchObject({ exit: 69, out: "" });
      return;
    }
    const lab = await startLab({ broker: "mosquitto", sockets: { build1: {} } });
    try {
      await lab.controller.stop();
      const alone = await lastout(["acquire", "build1"], { LASTOUT_URL: lab.url });
      expect(alone).toMatchObject({ exit: 69, out: "" });
    } finally {
      await lab.stop();
    }
  });
});
