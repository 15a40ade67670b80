// `lastout run` as a real process with real children: statuses, signals, renewals, broken connections, and its own violent death.

import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { millis } from "../../src/core/time.ts";
import { needing } from "../support/needs.ts";
import { eachWithController } from "./each-with-controller.ts";
import { type HeardRequest, stateObject } from "./fake-controller.ts";
import {
  cleanEnv,
  eventually,
  lastout,
  lastoutHere,
  mainFile,
  start,
  startProgram,
  temporaryDirectory,
} from "./processes.ts";

const lab = eachWithController();

const env = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  LASTOUT_URL: lab.fake.url,
  LASTOUT_USERNAME: "ci",
  ...more,
});
const asked = (verb: string): HeardRequest[] =>
  lab.fake.requests.filter(({ topic }) => topic === `build1/${verb}`);
const isHeld = (): boolean => (lab.fake.held.get("build1")?.size ?? 0) > 0;
const shell = (script: string): string[] => ["--", "sh", "-c", script];

describe("The command", () => {
  test("It runs while the token is held, finds it in its environment, and its output is its own", async () => {
    const words = [
      "run",
      "build1",
      "--token",
      "job-1",
      ...shell("echo $LASTOUT_TOKEN $LASTOUT_RESOURCE; echo problem >&2"),
    ];
    expect(await lastout(words, env())).toEqual({ exit: 0, out: "job-1 build1\n", err: "problem\n" });
    expect(lab.fake.requests.map(({ topic }) => topic)).toEqual(["build1/acquire", "build1/release"]);
    expect(asked("acquire")[0]?.fields).toMatchObject({ token: "job-1", owner: "ci", wait: "available" });
    expect(asked("release")[0]?.fields).toMatchObject({ token: "job-1", owner: "ci" });
  });

  test("It reads from the standard input of run", async () => {
    const run = start(["run", "build1", "--", "cat"], env());
    run.child.stdin?.end("hello");
    expect(await run.ended).toBe(0);
    expect(run.out()).toBe("hello");
  });

  test.each([0, 1, 7, 64, 75, 255])("Its exit status %i is the exit status of run", async (status) => {
    expect((await lastout(["run", "build1", ...shell(`exit ${status}`)], env())).exit).toBe(status);
    expect(isHeld()).toBe(false);
  });

  test.each([
    ["KILL", 137],
    ["TERM", 143],
    ["SEGV", 139],
  ])("When it dies by SIG%s run exits with %i", async (signal, exit) => {
    expect((await lastout(["run", "build1", ...shell(`kill -${signal} $$`)], env())).exit).toBe(exit);
    expect(asked("release")).toHaveLength(1);
  });

  test("A command that is not there is 127, one that cannot be started is 126, and the token is released", async () => {
    const missing = await lastout(["run", "build1", "--", "no-such-command-here", "x"], env());
    expect(missing).toMatchObject({
      exit: 127,
      err: "lastout: no-such-command-here was not found; is it in PATH?\n",
    });
    const file = join(temporaryDirectory(), "not-executable");
    writeFileSync(file, "#!/bin/sh\n");
    chmodSync(file, 0o644);
    const denied = await lastout(["run", "build1", "--", file], env());
    expect(denied.exit).toBe(126);
    expect(denied.err).toContain("could not be started");
    expect(asked("release")).toHaveLength(2);
    expect(isHeld()).toBe(false);
  });

  test.each([
    [["build1", "make"], "the command comes after two dashes: lastout run build1 -- make"],
    [["build1"], "the command comes after two dashes: lastout run build1 -- COMMAND"],
    [["build1", "--"], "no command after the two dashes"],
    [["--", "make"], "no resource is named"],
    [["build1", "build2", "--", "make"], "one word too many: 'build2'"],
    [["build1", "--wait", "powered", "--", "make"], "unknown option --wait"],
  ])("The wrong words %j are exit 64 and run nothing", async (words, text) => {
    const { exit, err } = await lastoutHere(["run", ...words], env());
    expect(exit).toBe(64);
    expect(err).toContain(text);
    expect(lab.fake.requests).toEqual([]);
  });
});

describe("Waiting", () => {
  test.each([
    ["timeout", 75],
    ["busy", 75],
    ["power-failed", 75],
    ["not-owner", 77],
    ["unknown-resource", 65],
  ])("When the answer is %s the exit status is %i and nothing is run", async (error, exit) => {
    lab.fake.answer = () => ({ ok: false, resource: "build1", token: "t", error, message: "it is so" });
    const run = await lastoutHere(["run", "build1", "--timeout", "1", ...shell("echo ran")], env());
    expect(run).toEqual({ exit, out: "", err: `lastout: it is so (${error})\n` });
    expect(asked("release")).toEqual([]);
  });

  test("A signal while it waits takes the request back, and nothing is run", async () => {
    lab.fake.answer = ({ topic }) => (topic.endsWith("acquire") ? "silence" : undefined);
    const run = start(["run", "build1", ...shell("echo ran")], env());
    await eventually("the request has come", () => asked("acquire").length === 1);
    run.child.kill("SIGTERM");
    expect(await run.ended).toBe(143);
    expect(run.out()).toBe("");
    expect(asked("release")).toHaveLength(1);
  });
});

describe("A token that was named", () => {
  test("When run gives up waiting it is not released, because it may be held from before", async () => {
    lab.fake.held.get("build1")?.add("job-1");
    lab.fake.answer = ({ topic }) => (topic.endsWith("acquire") ? "silence" : undefined);
    const run = start(["run", "build1", "--token", "job-1", ...shell("echo ran")], env());
    await eventually("the request has come", () => asked("acquire").length === 1);
    run.child.kill("SIGINT");
    expect(await run.ended).toBe(130);
    expect(run.err()).toContain("job-1 may have been held before");
    await eventually("it has left", () => lab.fake.clients() === 0);
    expect(asked("release")).toEqual([]);
    expect(isHeld()).toBe(true);
  });
});

describe("After nohup", () => {
  test.each([
    ["nohup", "from bash, which names it in the environment", (line: string) => `nohup ${line}`],
    ["trap", "from a script that ignores it", (line: string) => `trap '' HUP; ${line}; exit $?`],
  ])(
    "a hangup ends neither run nor its command: %s, %s",
    needing("bash", "proc"),
    async (_name, _how, command) => {
      const child = `'echo ready $PPID $$; read line; echo "went on"; exit 4'`;
      const words = `${process.execPath} ${mainFile} run build1 -- sh -c ${child}`;
      const run = startProgram("bash", ["-c", command(words)], cleanEnv(env()));
      await eventually("the command runs", () => /ready \d+ \d+\n/.test(run.out()));
      const [, ours, its] = /ready (\d+) (\d+)/.exec(run.out()) ?? [];
      process.kill(Number(ours), "SIGHUP");
      process.kill(Number(its), "SIGHUP");
      run.child.stdin?.write("go\n");
      expect(await run.ended).toBe(4);
      expect(run.out()).toContain("went on");
      expect(asked("release")).toHaveLength(1);
    },
  );

  test.each([
    ["no-such-command-here", 127],
    ["/etc/passwd", 126],
  ])("the command %s, which cannot be started, is %i all the same", needing("bash"), async (file, exit) => {
    const line = `nohup ${process.execPath} ${mainFile} run build1 -- ${file}`;
    const run = startProgram("bash", ["-c", line], cleanEnv(env()));
    expect(await run.ended).toBe(exit);
    expect(run.err()).toContain(file);
  });
});

describe("Signals", () => {
  test.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const)(
    "%s is handed to the command, whose status counts",
    async (signal) => {
      const name = signal.slice(3);
      const run = start(
        [
          "run",
          "build1",
          ...shell(`trap 'echo got ${name}; exit 9' ${name}; echo ready; while :; do sleep 0.05; done`),
        ],
        env(),
      );
      await eventually("the command runs", () => run.out().includes("ready"));
      run.child.kill(signal);
      expect(await run.ended).toBe(9);
      expect(run.out()).toBe(`ready\ngot ${name}\n`);
      expect(asked("release")).toHaveLength(1);
    },
  );

  test("A command that dies by the signal gives 128+n, after the release", async () => {
    const run = start(["run", "build1", "--", "sleep", "600"], env());
    await eventually("the token is held", isHeld);
    await eventually("the command runs", () => childrenOf(run.child.pid).length > 0);
    run.child.kill("SIGTERM");
    expect(await run.ended).toBe(143);
    expect(isHeld()).toBe(false);
  });

  test("A command that goes on after a signal is left to go on", async () => {
    const run = start(
      ["run", "build1", ...shell("trap 'echo no' TERM; echo ready; read line; echo $line")],
      env(),
    );
    await eventually("the command runs", () => run.out().includes("ready"));
    run.child.kill("SIGTERM");
    await eventually("the command has it", () => run.out().includes("no"));
    run.child.stdin?.end("bye\n");
    expect(await run.ended).toBe(0);
  });
});

/** Direct children of a process, from /proc. */
function childrenOf(pid: number | undefined): string[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return text === "" ? [] : text.split(" ");
}

describe("Keeping the token", () => {
  test("It is renewed at a third of its time", async () => {
    lab.fake.ttl = 0.9;
    const run = start(["run", "build1", "--", "cat"], env());
    await eventually("it was renewed three times", () => asked("renew").length >= 3);
    run.child.stdin?.end();
    expect(await run.ended).toBe(0);
    expect(asked("renew")[0]?.fields).toMatchObject({
      token: asked("acquire")[0]?.fields["token"],
      owner: "ci",
    });
    expect(asked("acquire")).toHaveLength(1);
    expect(run.err()).toBe("");
  });

  test("A token that the controller no longer knows is acquired again under its id, with a warning", async () => {
    lab.fake.ttl = 0.6;
    const run = start(["run", "build1", "--ttl", "5m", ...shell("echo ready; cat")], env());
    await eventually("the command runs", () => run.out().includes("ready"));
    lab.fake.held.get("build1")?.clear();
    await eventually("it is held again", isHeld);
    await eventually("that is told", () => run.err().includes("the token is held again"));
    run.child.stdin?.end();
    expect(await run.ended).toBe(0);
    const [first, second] = asked("acquire");
    expect(second?.fields).toMatchObject({
      token: first?.fields["token"],
      owner: "ci",
      ttl: 300,
      wait: "granted",
    });
    expect(run.err()).toContain("build1: the token is lost: ");
  });

  test("While the controller refuses to give a lost token again, it asks on, tells it once, and the command goes on", async () => {
    lab.fake.ttl = 0.6;
    const run = start(["run", "build1", ...shell("echo ready; cat")], env());
    await eventually("the command runs", () => run.out().includes("ready"));
    lab.fake.answer = ({ topic }) =>
      topic.endsWith("acquire") ? { ok: false, error: "token-taken", message: "another has it" } : undefined;
    lab.fake.held.get("build1")?.clear();
    await eventually("it has asked on", () => asked("acquire").length >= 4);
    lab.fake.answer = () => undefined;
    await eventually("it is held again", () => run.err().includes("the token is held again"));
    run.child.stdin?.end();
    expect(await run.ended).toBe(0);
    expect(run.err().match(/another has it \(token-taken\); the command goes on/g)).toHaveLength(1);
  });

  test("After a broken connection it acquires the same id again, although the will was sent", async () => {
    const run = start(["run", "build1", ...shell("echo ready; cat")], env());
    await eventually("the command runs", () => run.out().includes("ready"));
    lab.fake.dropClients();
    await eventually("it was acquired again", () => asked("acquire").length === 2);
    expect(asked("release")[0]?.fields).toEqual({
      token: asked("acquire")[0]?.fields["token"],
      owner: "ci",
      lost: true,
    });
    await eventually("that is told", () => run.err().includes("the token is held again"));
    run.child.stdin?.end();
    expect(await run.ended).toBe(0);
    expect(asked("acquire")[1]?.fields["token"]).toBe(asked("acquire")[0]?.fields["token"]);
    expect(isHeld()).toBe(false);
  });

  test("A release by somebody else is told at once, and the token is not acquired again", async () => {
    lab.fake.ttl = 0.6;
    const run = start(["run", "build1", "--token", "t", ...shell("echo ready; cat")], env());
    await eventually("the command runs", () => run.out().includes("ready"));
    await eventually("its events are heard", () => lab.fake.subscribed.includes("lastout/build1/event"));
    await eventually("it was renewed", () => asked("renew").length > 0);
    lab.fake.held.get("build1")?.clear();
    await lab.fake.publish("build1/event", { event: "released", token: "another", resource: "build1" });
    await lab.fake.publish("build1/event", {
      event: "released",
      resource: "build1",
      token: "t",
      by: "laforge",
    });
    await eventually("that is told", () => run.err().includes("was released by laforge"));
    const { length } = asked("renew");
    // Reconnected, it would acquire it at once; and a third of its time is 0.2 s.
    lab.fake.dropClients();
    await eventually("it is back", () => run.err().includes("connected to"));
    await systemClock.sleep(millis(500));
    expect([asked("acquire").length, asked("renew").length]).toEqual([1, length]);
    run.child.stdin?.end();
    expect(await run.ended).toBe(0);
    expect(run.err()).toContain(
      "lastout: build1: t was released by laforge, and is not acquired again: its power may go off; the command goes on\n",
    );
    expect(run.err()).not.toContain("could not");
  });

  test.each(["lost", "expired"])("After the event %s it is acquired again", async (event) => {
    lab.fake.ttl = 0.6;
    const run = start(["run", "build1", "--token", "t", ...shell("echo ready; cat")], env());
    await eventually("the command runs", () => run.out().includes("ready"));
    lab.fake.held.get("build1")?.clear();
    await lab.fake.publish("build1/event", { event, token: "t", resource: "build1" });
    await eventually("it is held again", () => run.err().includes("the token is held again"));
    run.child.stdin?.end();
    expect(await run.ended).toBe(0);
  });

  test("A resource that leaves the configuration is told at once, and that its token has ended", async () => {
    const run = start(["run", "build1", "--token", "t", ...shell("echo ready; cat")], env());
    await eventually("the command runs", () => run.out().includes("ready"));
    await eventually("its events are heard", () => lab.fake.subscribed.includes("lastout/build1/event"));
    lab.fake.held.delete("build1");
    await eventually("that is told", () => {
      void lab.fake.publish("build1/event", { event: "removed", token: "t", resource: "build1" });
      return run.err().includes("build1: has left the configuration, and the token has ended on it");
    });
    run.child.stdin?.end();
    expect(await run.ended).toBe(0);
    expect(run.err()).toContain("(unknown-resource); it has ended with its resource\n");
    expect(run.err()).not.toContain("when it expires");
  });

  test("A broker that is away does not end the command, and its status still counts", async () => {
    const run = start(["run", "build1", ...shell("echo ready; read line; echo done; exit 4")], env());
    await eventually("the command runs", () => run.out().includes("ready"));
    await lab.fake.goAway();
    await eventually("the loss is told", () => run.err().includes("connecting again"));
    run.child.stdin?.end("go\n");
    await eventually("the command has ended", () => run.out().includes("done"));
    await lab.fake.comeBack();
    expect(await run.ended).toBe(4);
    await eventually("it is released", () => asked("release").some(({ fields }) => !("lost" in fields)));
  });

  test("A release that cannot be confirmed is given up after ten seconds, with a warning", {
    timeout: 20_000,
  }, async () => {
    lab.fake.answer = ({ topic }) => (topic.endsWith("release") ? "silence" : undefined);
    const run = await lastout(["run", "build1", ...shell("exit 5")], env());
    expect(run.exit).toBe(5);
    expect(run.err).toMatch(
      /^lastout: build1: the release of cli-\S+ could not be confirmed: .*[^?.][?.] It ends by this client's will or when it expires\n$/,
    );
    expect(asked("release").map(({ fields }) => fields["lost"])).toEqual([undefined, true]);
  });

  test("Killed, its will releases the token as lost", async () => {
    const run = start(["run", "build1", "--", "cat"], env());
    await eventually("the token is held", isHeld);
    run.child.kill("SIGKILL");
    await eventually("the will has come", () => asked("release").length === 1);
    expect(asked("release")[0]?.fields).toEqual({
      token: asked("acquire")[0]?.fields["token"],
      owner: "ci",
      lost: true,
    });
  });
});

/** util-linux's `script` gives a program a terminal; what is written to its standard input is typed there. */
const onTerminal = (command: string, more: Readonly<Record<string, string>> = {}) =>
  startProgram(
    "script",
    ["-qefc", command, "/dev/null"],
    cleanEnv(env({ SHELL: "/bin/sh", TERM: "xterm", ...more })),
  );
const program = (): string => `exec ${process.execPath} ${mainFile}`;

describe("On a terminal", () => {
  test("^C reaches the command once, since the terminal has sent it already", async () => {
    const run = onTerminal(
      `${program()} run build1 -- sh -c 'n=0; trap "n=\\$((n+1))" INT; echo ready; read line; sleep 0.3; echo count \\$n; exit 6'`.replaceAll(
        "\\$",
        "$",
      ),
    );
    await eventually("the command runs", () => run.out().includes("ready"));
    run.child.stdin?.write("\u0003");
    await eventually("the terminal shows it", () => run.out().includes("^C"));
    run.child.stdin?.write("x\n");
    expect(await run.ended).toBe(6);
    expect(run.out()).toContain("count 1");
    expect(asked("release")).toHaveLength(1);
  });

  test("The waiting is one line that is written over, and gone when the command runs", async () => {
    lab.fake.answer = () => "silence";
    await lab.fake.publish("build1", stateObject({ state: "powered", phase: "starting" }), true);
    const run = onTerminal(`${program()} run build1 -- echo ran`);
    await eventually("two seconds are shown", () => run.out().includes("build1 is starting: powered, 2 s"));
    const [request] = lab.fake.requests;
    lab.fake.answer = () => undefined;
    if (request !== undefined) {
      await lab.fake.reply(request, { ok: true, resource: "build1", token: "t" });
    }
    expect(await run.ended).toBe(0);
    expect(run.out().endsWith("\r\u001B[2Kran\r\n")).toBe(true);
    expect(run.out().match(/\n/g)).toHaveLength(1);
  });

  test("status has colour and ages there, and no colour with NO_COLOR", async () => {
    await lab.fake.publish("build1", stateObject({ state: "available", phase: "in-use", users: 1 }), true);
    const coloured = onTerminal(`${program()} status`);
    expect(await coloured.ended).toBe(0);
    expect(coloured.out()).toContain("\u001B[32mavailable\u001B[0m");
    expect(coloured.out()).toContain(" ago");
    const plain = onTerminal(`${program()} status`, { NO_COLOR: "1" });
    expect(await plain.ended).toBe(0);
    expect(plain.out()).not.toContain("\u001B[");
  });
});
