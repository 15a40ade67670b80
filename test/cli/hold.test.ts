// `lastout hold` as a real process: what it prints, keeps and releases, how it ends, the process that it follows, and a token that goes
// over the steps of a script in a real shell.

import { describe, expect, test, vi } from "vitest";
import { eachWithController } from "./each-with-controller.ts";
import { otherProcess } from "../../src/cli/other-process.ts";
import { needing } from "../support/needs.ts";
import type { HeardRequest } from "./fake-controller.ts";
import { cleanEnv, eventually, lastout, lastoutHere, mainFile, start, startProgram } from "./processes.ts";

const lab = eachWithController();
const { env } = lab;

const asked = (verb: string): HeardRequest[] =>
  lab.fake.requests.filter(({ topic }) => topic.endsWith(`/${verb}`));
const isHeld = (): boolean => (lab.fake.held.get("build1")?.size ?? 0) > 0;

describe("Holding", () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "It prints the token's id alone, and %s is its ordinary end: released, exit 0",
    async (signal) => {
      const run = start(["hold", "build1", "--token", "job-1", "--purpose", "debugging"], env());
      await eventually("the token is printed", () => run.out() === "job-1\n");
      await eventually("it says how long", () =>
        run.err().includes("lastout: build1: held until this is interrupted\n"),
      );
      expect(asked("acquire")[0]?.fields).toMatchObject({
        token: "job-1",
        owner: "ci",
        wait: "available",
        purpose: "debugging",
      });
      run.child.kill(signal);
      expect(await run.ended).toBe(0);
      expect(asked("release").map(({ fields }) => fields["lost"])).toEqual([undefined]);
      expect(isHeld()).toBe(false);
    },
  );

  test("With --json the reply is printed, and --quiet leaves only that", async () => {
    const run = start(["hold", "build1", "--json", "--quiet"], env());
    await eventually("the reply is printed", () => run.out().endsWith("\n"));
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(0);
    expect(JSON.parse(run.out())).toMatchObject({ ok: true, resource: "build1", state: "available" });
    expect(run.err()).toBe("");
  });

  test("It passes on the wishes: several resources, exclusive, priority, ttl, timeout", async () => {
    const words = ["hold", "build1,build2", "--exclusive", "--priority=-5", "--ttl", "2h", "--timeout", "1h"];
    lab.fake.answer = () => ({ ok: false, error: "busy", message: "build2 is taken" });
    expect(await lastoutHere(words, env())).toEqual({
      exit: 75,
      out: "",
      err: "lastout: build2 is taken (busy)\n",
    });
    expect(lab.fake.requests[0]).toMatchObject({
      topic: "controller/acquire",
      fields: { resources: ["build1", "build2"], mode: "exclusive", priority: -5, ttl: 7200 },
    });
    // What the way to the broker took is gone from it.
    expect(lab.fake.requests[0]?.fields["timeout"]).toBeCloseTo(3600, -1);
  });

  test("A member of a pool is what is kept and released, and it is named", async () => {
    lab.fake.held.set("builders", new Set());
    lab.fake.answer = ({ topic, fields }) =>
      topic === "builders/acquire"
        ? { ok: true, resource: "build2", token: fields["token"], state: "available", ttl: 3600 }
        : undefined;
    const run = start(["hold", "builders", "--token", "t"], env());
    await eventually("it is held", () => run.err().includes("build2: held until this is interrupted"));
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(0);
    expect(asked("release").map(({ topic }) => topic)).toEqual(["build2/release"]);
  });

  test("The token is renewed, and acquired again when it was lost, with a warning that fits", async () => {
    lab.fake.ttl = 0.6;
    const run = start(["hold", "build1"], env());
    await eventually("it was renewed", () => asked("renew").length >= 2);
    lab.fake.answer = ({ topic }) =>
      topic.endsWith("acquire") ? { ok: false, error: "busy", message: "another has it" } : undefined;
    lab.fake.held.get("build1")?.clear();
    await eventually("the trouble is told", () => run.err().includes("another has it (busy); still trying"));
    lab.fake.answer = () => undefined;
    await eventually("it is held again", () => run.err().includes("the token is held again"));
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(0);
  });

  test("Interrupted while it waits, it takes the request back and exits with 128+n", async () => {
    lab.fake.answer = ({ topic }) => (topic.endsWith("acquire") ? "silence" : undefined);
    const run = start(["hold", "build1"], env());
    await eventually("the request has come", () => asked("acquire").length === 1);
    run.child.kill("SIGTERM");
    expect(await run.ended).toBe(143);
    expect(run.out()).toBe("");
    expect(asked("release")).toHaveLength(1);
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "Interrupted by %s while it waits for a token that was named, it does not release what may be held before",
    async (signal) => {
      lab.fake.held.get("build1")?.add("job-1");
      lab.fake.answer = ({ topic }) => (topic.endsWith("acquire") ? "silence" : undefined);
      const run = start(["hold", "build1", "--token", "job-1"], env());
      await eventually("the request has come", () => asked("acquire").length === 1);
      run.child.kill(signal);
      expect(await run.ended).toBe(signal === "SIGINT" ? 130 : 143);
      await eventually("it has left", () => lab.fake.clients() === 0);
      expect(asked("release")).toEqual([]);
      expect(run.err()).toContain("build1: the request is not taken back, because job-1 may have been held");
    },
  );

  test("Released by somebody else, it says so and holds nothing any more, until it is interrupted", async () => {
    const run = start(["hold", "build1", "--token", "t"], env());
    await eventually("it is held", () => run.out() !== "");
    await eventually("its events are heard", () => lab.fake.subscribed.includes("lastout/build1/event"));
    lab.fake.held.get("build1")?.clear();
    await lab.fake.publish("build1/event", { event: "released", resource: "build1", token: "t" });
    await eventually("that is told", () =>
      run.err().includes("t was released by somebody else, and is not acquired again: its power may go off"),
    );
    expect(run.err()).toContain("; nothing is held any more\n");
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(0);
    expect(asked("acquire")).toHaveLength(1);
  });

  test("After nohup a hangup does not end it", needing("bash"), async () => {
    const line = `nohup ${process.execPath} ${mainFile} hold build1`;
    const run = startProgram("bash", ["-c", `${line} & echo "pid $!"; wait $!`], cleanEnv(env()));
    await eventually("it is held", () => run.err().includes("held until"));
    const pid = Number(/pid (\d+)/.exec(run.out())?.[1]);
    process.kill(pid, "SIGHUP");
    lab.fake.dropClients();
    await eventually("it holds on", () => run.err().includes("the token is held again"));
    process.kill(pid, "SIGTERM");
    expect(await run.ended).toBe(0);
  });

  test("A release that cannot be confirmed is exit 69, and left to its will", {
    timeout: 30_000,
  }, async () => {
    lab.fake.answer = ({ topic }) => (topic.endsWith("release") ? "silence" : undefined);
    const run = start(["hold", "build1"], env());
    await eventually("it is held", () => run.out() !== "");
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(69);
    expect(run.err()).toContain("could not be confirmed");
    await eventually("the will has come", () =>
      asked("release").some(({ fields }) => fields["lost"] === true),
    );
  });

  test("Killed, its will releases the token as lost", async () => {
    const run = start(["hold", "build1"], env());
    await eventually("it is held", () => run.out() !== "");
    run.child.kill("SIGKILL");
    await eventually("the will has come", () => asked("release").length === 1);
    expect(asked("release")[0]?.fields).toEqual({ token: run.out().trim(), owner: "ci", lost: true });
  });

  test.each([
    [[], 64, "no resource is named"],
    [["build1", "--", "make"], 64, "hold takes no command; 'lastout run RESOURCE -- COMMAND' does"],
    [["build1", "--pid", "many"], 65, "--pid many is no number of a process"],
    [["build1", "--pid", "0"], 65, "--pid 0 is no number of a process"],
    [["build1", "--pid=-1"], 65, "--pid -1 is no number of a process"],
    [["build1", "--pid", "999999999"], 65, "--pid 999999999: there is no such process"],
    [["build1", "--ttl", "0"], 65, "--ttl must be longer than 0"],
  ])("The words %j are exit %i, and nothing is asked for", async (words, exit, text) => {
    const run = await lastoutHere(["hold", ...words], env());
    expect(run).toMatchObject({ exit, out: "" });
    expect(run.err).toContain(text);
    expect(lab.fake.requests).toEqual([]);
  });
});

describe("While a process lives", () => {
  test("It ends with that process, releases, and exits with 0", async () => {
    const other = startProgram("sleep", ["60"], cleanEnv());
    const run = start(["hold", "build1", "--pid", String(other.child.pid)], env());
    await eventually("it is held", () => run.err().includes(`held while process ${other.child.pid} lives`));
    other.child.kill("SIGTERM");
    expect(await run.ended).toBe(0);
    expect(asked("release")).toHaveLength(1);
  });

  test("When the process ends before there is a token, the request is taken back and it exits with 75", async () => {
    lab.fake.answer = ({ topic }) => (topic.endsWith("acquire") ? "silence" : undefined);
    const other = startProgram("sleep", ["60"], cleanEnv());
    const run = start(["hold", "build1", "--pid", String(other.child.pid)], env());
    await eventually("the request has come", () => asked("acquire").length === 1);
    other.child.kill("SIGTERM");
    expect(await run.ended).toBe(75);
    expect(run.err()).toContain(`process ${other.child.pid} has ended before the token was to be had`);
    expect(asked("release")).toHaveLength(1);
  });

  test("It can be interrupted before that", async () => {
    const run = start(["hold", "build1", "--pid", String(process.pid)], env());
    await eventually("it is held", () => run.out() !== "");
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(0);
  });

  test.each([
    ["EPERM", true],
    ["ESRCH", undefined],
  ])("A process that may not be signalled, being another user's, lives: %s is %s", (code, lives) => {
    const kill = vi.spyOn(process, "kill").mockImplementation(() => {
      throw Object.assign(new Error(`kill ${code}`), { code });
    });
    expect(otherProcess(process.pid)?.lives()).toBe(lives);
    kill.mockRestore();
  });

  test("One that has ended and was not yet asked for its status has ended", needing("proc"), async () => {
    // The shell starts a child that ends at once, and then becomes a program that never asks for it.
    const parent = startProgram("sh", ["-c", "sleep 0.2 & echo $!; exec sleep 60"], cleanEnv());
    await eventually("the child is named", () => parent.out().endsWith("\n"));
    const child = otherProcess(Number(parent.out()));
    await eventually("it has ended", () => child?.lives() !== true);
    expect(otherProcess(Number(parent.out()))).toBeUndefined();
    parent.child.kill("SIGKILL");
    await parent.ended;
  });
});

const script = (text: string) =>
  startProgram(
    "bash",
    ["-c", `lastout() { ${process.execPath} ${mainFile} "$@"; }\n${text}`],
    cleanEnv(env()),
  );

describe("Over the steps of a script", needing("bash"), () => {
  test("acquire, renew and run go on with one token by its id, and run releases it at the end", async () => {
    const run = script(`
      token=$(lastout acquire build1 --ttl 2h --wait available) || exit
      lastout renew build1 "$token" > /dev/null || exit
      lastout run build1 --token "$token" -- sh -c 'echo "$LASTOUT_TOKEN"' || exit
      echo "$token"`);
    expect(await run.ended).toBe(0);
    const [inside, outside] = run.out().trim().split("\n");
    expect(inside).toBe(outside);
    expect(lab.fake.requests.map(({ topic }) => topic)).toEqual([
      "build1/acquire",
      "build1/renew",
      "build1/acquire",
      "build1/release",
    ]);
    expect(new Set(lab.fake.requests.map(({ fields }) => fields["token"])).size).toBe(1);
    expect(isHeld()).toBe(false);
  });

  test("hold --token --pid $$ takes the token over for the rest of the script, and releases it when that ends", async () => {
    lab.fake.ttl = 0.6;
    const run = script(`
      token=$(lastout acquire build1 --wait available) || exit
      lastout hold build1 --token "$token" --pid $$ > /dev/null &
      echo "$token"
      read line
      exit 3`);
    await eventually("hold renews it", () => asked("renew").length >= 2);
    expect(lab.fake.held.get("build1")).toEqual(new Set([run.out().trim()]));
    run.child.stdin?.write("go\n");
    await eventually("it is released", () => asked("release").length === 1);
    expect(await run.ended).toBe(3);
    expect(isHeld()).toBe(false);
  });

  test("A job's hold in the background ends with kill and wait, and its status is 0", async () => {
    const run = script(`
      ${process.execPath} ${mainFile} hold build1 > /dev/null &
      read line
      kill $!; wait $!; echo "status $?"`);
    await eventually("it is held", () => run.err().includes("held until"));
    run.child.stdin?.write("go\n");
    await eventually("it has ended", () => run.out() !== "");
    expect(run.out()).toBe("status 0\n");
  });
});

test("hold --help tells its form, flags, exit statuses and examples", async () => {
  const { out, exit } = await lastout(["hold", "--help"]);
  expect(exit).toBe(0);
  for (const text of ["Usage: lastout hold RESOURCE[,...]", "--pid N", "Exit status:", "75 ", "Examples:"]) {
    expect(out).toContain(text);
  }
});
