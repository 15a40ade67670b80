// Real programs in temporary folders switch an outlet that is a file: what their exit status means, that they never overlap, that
// none outlives its time, and what is said of an outlet that cannot be read.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { createSwitcher, switcherOptions } from "../../src/adapters/switchers/registry.ts";
import type { SwitcherReport } from "../../src/ports/switcher.ts";
import { eventually } from "../support/eventually.ts";
import { memoryBus } from "../support/memory-bus.ts";

const soon = () => AbortSignal.timeout(20_000);

const refusal = (options: Readonly<Record<string, unknown>>): string =>
  switcherOptions
    .safeParse({ type: "exec", on: ["/bin/true"], off: ["/bin/true"], ...options })
    .error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`)
    .join("; ") ?? "";

interface Scripts {
  readonly on?: string;
  readonly off?: string;
  readonly read?: string;
  readonly assume?: "on" | "off";
}

/** `$1` is the folder; the outlet is on while the file `relay` is there. */
const relay: Required<Omit<Scripts, "assume">> = {
  on: 'touch "$1/relay"',
  off: 'rm -f "$1/relay"',
  read: 'test -e "$1/relay"',
};

function lab(scripts: Scripts) {
  const folder = mkdtempSync(join(tmpdir(), "lastout-exec-switcher-"));
  const command = (script: string) => ["/bin/sh", "-c", script, "sh", folder];
  const parsed = switcherOptions.parse({
    type: "exec",
    on: command(scripts.on ?? relay.on),
    off: command(scripts.off ?? relay.off),
    ...(scripts.read === undefined ? { assume: scripts.assume ?? "off" } : { read: command(scripts.read) }),
  });
  const switcher = createSwitcher(parsed, { name: "lamp", bus: memoryBus(), clock: systemClock });
  const reports: SwitcherReport[] = [];
  switcher.start((report) => reports.push(report));
  onTestFinished(async () => {
    await switcher.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const file = (name: string) => join(folder, name);
  return {
    switcher,
    reports,
    file,
    isOn: () => existsSync(file("relay")),
    positions: () => reports.flatMap((said) => (said.kind === "position" ? [said.position] : [])),
    lines: (name: string) => readFileSync(file(name), "utf8").trim().split("\n"),
    written: (name: string) => eventually(`${name} is written`, () => existsSync(file(name))),
  };
}

const askedEvery = (more: object) =>
  createSwitcher(switcherOptions.parse({ type: "exec", on: ["a"], off: ["a"], read: ["a"], ...more }), {
    name: "lamp",
    bus: memoryBus(),
    clock: systemClock,
  }).askEvery;

describe("With a program that reads the position", () => {
  it("it is told after each switching, and when somebody asks", async () => {
    const { switcher, reports, positions, isOn } = lab(relay);
    expect(reports).toEqual([{ kind: "connected" }]);
    expect(switcher.capabilities).toEqual({ readback: "hardware", push: false, meter: false });
    await switcher.ask(soon());
    await switcher.set("lamp", "on", soon());
    expect(isOn()).toBe(true);
    await switcher.ask(soon());
    await switcher.set("lamp", "off", soon());
    expect(isOn()).toBe(false);
    expect(positions()).toEqual(["off", "on", "on", "off"]);
  });

  it("what it says counts, not what was commanded", async () => {
    const { switcher, positions } = lab({ ...relay, on: "exit 0" });
    await switcher.set("lamp", "on", soon());
    expect(positions()).toEqual(["off"]);
  });

  it.each([
    ["exit 2", "unreachable", "lamp: /bin/sh ended with status 2"],
    ["echo no such device >&2; exit 3", "unreachable", "lamp: /bin/sh ended with status 3: no such device"],
    ["kill -TERM $$", "unreachable", "lamp: /bin/sh was ended by SIGTERM"],
  ])("anything but 0 and 1 says nothing about it: %s", async (read, code, message) => {
    const { switcher, positions } = lab({ ...relay, read });
    await expect(switcher.ask(soon())).rejects.toMatchObject({ code, message });
    await switcher.set("lamp", "on", soon());
    expect(positions()).toEqual([]);
  });

  it("it is asked every 30 seconds where nothing else is configured", () => {
    expect(askedEvery({})).toBe(30_000);
    expect(askedEvery({ poll: "5s" })).toBe(5000);
    expect(askedEvery({ read: undefined, assume: "off" })).toBe(undefined);
  });
});

describe("Without one", () => {
  it("the position is assumed: `off`, with nobody's hand in it, then what the last switching that succeeded has left", async () => {
    const { switcher, reports, positions } = lab({ off: "exit 1" });
    expect(switcher.capabilities.readback).toBe("assumed");
    expect(reports).toEqual([{ kind: "connected" }, { kind: "rebooted" }]);
    await switcher.ask(soon());
    await switcher.set("lamp", "on", soon());
    await expect(switcher.set("lamp", "off", soon())).rejects.toMatchObject({ code: "refused" });
    await switcher.ask(soon());
    expect(positions()).toEqual(["off", "on", "on"]);
  });

  it("and is not told while a command is under way: that is about to change it", async () => {
    const { switcher, positions, written, file } = lab({
      on: 'touch "$1/begun"; while ! test -e "$1/go"; do sleep 0.01; done',
    });
    const setting = switcher.set("lamp", "on", soon());
    await written("begun");
    const asking = switcher.ask(soon());
    writeFileSync(file("go"), "");
    await Promise.all([setting, asking]);
    expect(positions()).toEqual(["on", "on"]);
  });

  it("or it is assumed to be `on`", async () => {
    const { switcher, reports, positions } = lab({ assume: "on" });
    expect(reports).toEqual([{ kind: "connected" }]);
    await switcher.ask(soon());
    await switcher.set("lamp", "off", soon());
    await switcher.ask(soon());
    expect(positions()).toEqual(["on", "off", "off"]);
  });
});

describe("A switching that fails", () => {
  it.each([
    ["echo relay is stuck; exit 1", "refused", "lamp: /bin/sh ended with status 1: relay is stuck"],
    ["exit 7", "refused", "lamp: /bin/sh ended with status 7"],
    ["kill -KILL $$", "refused", "lamp: /bin/sh was ended by SIGKILL"],
  ])("%s is %s with the first line that was printed", async (on, code, message) => {
    const { switcher, positions } = lab({ ...relay, on });
    await expect(switcher.set("lamp", "on", soon())).rejects.toMatchObject({ code, message });
    expect(positions()).toEqual([]);
  });

  it("because there is no such program, says so with the cure", async () => {
    const options = switcherOptions.parse({
      type: "exec",
      on: ["/no/such/program"],
      off: ["/bin/true"],
      assume: "on",
    });
    const switcher = createSwitcher(options, { name: "lamp", bus: memoryBus(), clock: systemClock });
    switcher.start(() => undefined);
    await expect(switcher.set("lamp", "on", soon())).rejects.toMatchObject({
      code: "unreachable",
      message:
        "lamp: /no/such/program cannot be started: there is no such program; write its whole path, and see that the interpreter in its first line exists",
    });
  });
});

describe("Time", () => {
  it("that is up ends a program that hangs, with all that it started", async () => {
    const { switcher, file, written } = lab({ ...relay, on: 'sleep 300 & echo $! > "$1/pid"; wait' });
    const time = new AbortController();
    const setting = switcher.set("lamp", "on", time.signal);
    await written("pid");
    const child = await eventually("a number", () => Number(readFileSync(file("pid"), "utf8")) || undefined);
    time.abort();
    await expect(setting).rejects.toMatchObject({
      code: "aborted",
      message: "lamp: /bin/sh did not end in time and was ended",
    });
    await eventually("what it started has ended", () => !runs(child));
  });

  it("that is up before its turn means that nothing is started", async () => {
    const { switcher, isOn, file, written } = lab({
      ...relay,
      read: 'touch "$1/reads"; while ! test -e "$1/go"; do sleep 0.01; done; exit 1',
    });
    const asking = switcher.ask(soon());
    await written("reads");
    const time = new AbortController();
    const setting = switcher.set("lamp", "on", time.signal);
    time.abort();
    await expect(setting).rejects.toMatchObject({
      code: "aborted",
      message: "lamp: its turn did not come in time, nothing was started",
    });
    writeFileSync(file("go"), "");
    await asking;
    await switcher.ask(soon());
    expect(isOn()).toBe(false);
  });
});

const noted = (name: string, status: number) =>
  `echo in >> "$1/turns"; echo ${name} >> "$1/names"; sleep 0.03; echo out >> "$1/turns"; exit ${status}`;

describe("One program at a time", () => {
  it("however many are called for; commands go before questions that wait", async () => {
    const { switcher, lines, written } = lab({
      on: noted("on", 0),
      off: noted("off", 0),
      read: noted("read", 1),
    });
    const first = switcher.ask(soon());
    await written("turns");
    const rest = [
      switcher.ask(soon()),
      switcher.set("lamp", "on", soon()),
      switcher.set("lamp", "off", soon()),
    ];
    await Promise.all([first, ...rest]);
    const turns = lines("turns");
    expect(turns).toEqual(turns.map((_, index) => (index % 2 === 0 ? "in" : "out")));
    expect(lines("names").slice(0, 3)).toEqual(["read", "on", "off"]);
    expect(lines("names").toSorted()).toEqual(["off", "on", "read", "read", "read", "read"]);
  });

  it("What was read before a command, or while it waited, is not told: it says nothing of what comes of it", async () => {
    const { switcher, file, written, positions } = lab({
      ...relay,
      on: 'touch "$1/relay" "$1/was-on"',
      read: 'test -e "$1/was-on" && { test -e "$1/relay"; exit; }; touch "$1/reads"; while ! test -e "$1/go"; do sleep 0.01; done; exit 1',
    });
    const asking = switcher.ask(soon());
    await written("reads");
    const setting = switcher.set("lamp", "on", soon());
    writeFileSync(file("go"), "");
    await Promise.all([asking, setting]);
    expect(positions()).toEqual(["on"]);
  });
});

describe("Closing", () => {
  it("breaks off a reading, starts nothing that waits, and reports nothing more", async () => {
    const { switcher, reports, isOn, written, file } = lab({
      ...relay,
      read: 'echo $$ > "$1/pid"; exec sleep 300',
    });
    const asking = switcher.ask(soon());
    await written("pid");
    const setting = switcher.set("lamp", "on", soon());
    const outcomes = Promise.allSettled([asking, setting]);
    await switcher.close();
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await eventually("the reading has ended", () => !runs(Number(readFileSync(file("pid"), "utf8"))));
    expect(isOn()).toBe(false);
    expect(reports).toEqual([{ kind: "connected" }]);
    await expect(switcher.set("lamp", "on", soon())).rejects.toMatchObject({ code: "unreachable" });
  });

  it("waits for a switching that is under way, which is not broken off half-way", async () => {
    const { switcher, isOn, written } = lab({
      on: 'touch "$1/begun"; sleep 0.1; touch "$1/relay"',
    });
    const setting = switcher.set("lamp", "on", soon());
    await written("begun");
    await switcher.close();
    await setting;
    expect(isOn()).toBe(true);
  });
});

it("The programs get few variables, and none of the secrets of this process", async () => {
  const { switcher, lines } = lab({
    ...relay,
    on: 'echo "${PATH:+path} ${LASTOUT_TEST_SECRET:-none}" > "$1/env"',
  });
  process.env["LASTOUT_TEST_SECRET"] = "hush";
  await switcher.set("lamp", "on", soon());
  delete process.env["LASTOUT_TEST_SECRET"];
  expect(lines("env")).toEqual(["path none"]);
});

describe("A configuration is refused", () => {
  it.each([
    [{ on: "/bin/true" }, "on "],
    [{ on: [] }, "on.0 "],
    [{ off: [""] }, "off.0 is empty"],
    [{ read: ["x", "a\0b"] }, "read.1 has a NUL character"],
    [{}, "assume is missing"],
    [{ assume: "off", poll: "10s" }, "poll has nothing to ask"],
    [{ assume: "off", read: ["x"] }, "assume is only for what cannot be read"],
    [{ assume: "of" }, "assume "],
    [{ read: ["x"], poll: "999ms" }, "poll is shorter than 1s"],
    [{ read: ["x"], poll: 0 }, "poll is shorter than 1s"],
    [{ outlets: 2 }, "outlets"],
  ])("with %j", (options, message) => {
    expect(refusal(options)).toContain(message);
  });

  it("and not with a poll of one second", () => {
    expect(refusal({ read: ["x"], poll: "1s" })).toBe("");
  });
});

/** A process that was killed may wait a while for its parent to take note: it no longer runs. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, "utf8"));
}
