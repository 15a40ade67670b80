// What people read: sentences about state objects, tables, notes and the progress line.

import { describe, expect, test } from "vitest";
import { commandHelp, generalHelp } from "../../src/cli/help.ts";
import { runCommandLine } from "../../src/cli/command-line.ts";
import { commands } from "../../src/cli/commands.ts";
import { changeText, eventLine, progressText, spoken } from "../../src/cli/describe.ts";
import { tableOf } from "../../src/cli/table.ts";
import { openTerminal } from "../../src/cli/terminal.ts";
import { readEvent, readReply, readStateObject, type StateObject } from "../../src/cli/wire.ts";
import { millis, wallTime } from "../../src/core/time.ts";
import { stateObject } from "./fake-controller.ts";

const wall = wallTime(Date.parse("2026-11-22T08:00:12.000Z"));

function object(fields: Readonly<Record<string, unknown>>): StateObject {
  const read = readStateObject(JSON.stringify(stateObject(fields)));
  if (read === undefined) {
    throw new Error("this is no state object");
  }
  return read;
}

const plain = (_: string, text: string): string => text;

function recorded(
  isTTY: boolean,
  more: { readonly env?: Record<string, string>; readonly quiet?: boolean; readonly columns?: number } = {},
) {
  const text = { out: "", err: "" };
  const terminal = openTerminal({
    stdout: { isTTY, write: (part) => (text.out += part) },
    stderr: { isTTY, columns: more.columns ?? 80, write: (part) => (text.err += part) },
    env: more.env ?? {},
    quiet: more.quiet ?? false,
  });
  return { terminal, text };
}

describe("Sentences", () => {
  test("The progress line has state, elapsed time and the estimate", () => {
    const starting = object({ state: "powered", phase: "starting", readyAt: "2026-11-22T08:00:43.000Z" });
    expect(progressText("build1", starting, millis(12_000), wall)).toBe(
      "build1 is starting: powered, 12 s, ready in about 31 s",
    );
  });

  test("Without an estimate there is none, and one that has passed is told", () => {
    const starting = { state: "powered", phase: "starting" };
    expect(progressText("build1", object(starting), millis(0), wall)).toBe(
      "build1 is starting: powered, 0 s",
    );
    expect(
      progressText(
        "build1",
        object({ ...starting, readyAt: "2026-11-22T08:00:12.000Z" }),
        millis(9000),
        wall,
      ),
    ).toBe("build1 is starting: powered, 9 s, later than usual");
  });

  test("Before anything is known the line says what is waited for", () => {
    expect(progressText("build1", undefined, millis(1000), wall)).toBe("build1: waiting for a token, 1 s");
  });

  test("A problem is part of every sentence", () => {
    const problem = {
      code: "switch-unreachable",
      message: "plug1 does not answer",
      since: "2026-11-22T08:00:00.000Z",
    };
    expect(changeText("build1", object({ state: "unknown", phase: "starting", problem }))).toBe(
      "build1 is starting: unknown; problem switch-unreachable: plug1 does not answer",
    );
  });

  test.each([
    [0, "0 s"],
    [-5000, "0 s"],
    [119_400, "119 s"],
    [119_600, "2 min"],
    [119 * 60_000, "119 min"],
    [120 * 60_000, "2 h"],
    [47 * 3_600_000, "47 h"],
    [48 * 3_600_000, "2 d"],
  ])("%i ms are spoken as %s", (length, text) => {
    expect(spoken(millis(length))).toBe(text);
  });

  test("An event is one line of words, with quotes where a value has blanks", () => {
    const event = {
      event: "granted",
      resource: "build1",
      time: "2026-11-22T08:00:00.000Z",
      token: "job-12",
      users: 1,
      purpose: "a b",
      kwh: null,
    };
    expect(eventLine(readEvent(JSON.stringify(event)) ?? { event: "" })).toBe(
      '2026-11-22T08:00:00.000Z build1 granted token=job-12 users=1 purpose="a b"',
    );
    expect(eventLine({ event: "pong", instance: "x" })).toBe("- controller pong instance=x");
  });
});

describe("Tables", () => {
  test("Columns are aligned, an empty cell is a dash, and no line ends in blanks", () => {
    const rows = [
      [{ text: "a" }, { text: "available" }, { text: "" }],
      [{ text: "build10" }, { text: "off" }, { text: "two words" }],
    ];
    expect(tableOf(["NAME", "STATE", "PROBLEM"], rows, plain)).toEqual([
      "NAME     STATE      PROBLEM",
      "a        available  -",
      "build10  off        two words",
    ]);
  });

  test("Colour does not move the columns", () => {
    const lines = tableOf(
      ["A", "B"],
      [[{ text: "x", colour: "red" }, { text: "y" }]],
      (_, text) => `<${text}>`,
    );
    expect(lines).toEqual(["<A>  <B>", "<x>  y"]);
  });

  test("What could steer the terminal is replaced", () => {
    expect(tableOf(["A"], [[{ text: "\u001B[2Jx\u202E\n" }]], plain)[1]).toBe("\u{FFFD}[2Jx\u{FFFD}\u{FFFD}");
  });
});

describe("Terminal", () => {
  test("The progress line is written over, and taken away before anything else is said", () => {
    const { terminal, text } = recorded(true);
    terminal.progress("one");
    terminal.progress("two");
    terminal.say("done");
    terminal.progress(undefined);
    expect(text.err).toBe("one\r\u001B[2Ktwo\r\u001B[2Klastout: done\n");
  });

  test("A progress line is cut to the width of the terminal, because one that wraps could not be taken away", () => {
    const { terminal, text } = recorded(true, { columns: 20 });
    terminal.progress("x".repeat(50));
    expect(text.err).toBe("x".repeat(19));
  });

  test("Colour needs a terminal, and neither NO_COLOR nor a dumb one", () => {
    expect(recorded(true).terminal.paint("red", "x")).toBe("\u001B[31mx\u001B[0m");
    expect(recorded(true, { env: { NO_COLOR: "" } }).terminal.paint("red", "x")).toBe("\u001B[31mx\u001B[0m");
    expect(recorded(true, { env: { NO_COLOR: "1" } }).terminal.paint("red", "x")).toBe("x");
    expect(recorded(true, { env: { TERM: "dumb" } }).terminal.paint("red", "x")).toBe("x");
    expect(recorded(false).terminal.paint("red", "x")).toBe("x");
  });

  test("With --quiet notes and progress are silent, errors and data are not", () => {
    const { terminal, text } = recorded(true, { quiet: true });
    terminal.progress("p");
    terminal.say("note");
    terminal.fail("broken");
    terminal.out("data");
    expect(text).toEqual({ out: "data\n", err: "lastout: broken\n" });
  });

  test("A message never breaks its line", () => {
    const { terminal, text } = recorded(false);
    terminal.fail("one\ntwo");
    expect(text.err).toBe("lastout: one\u{FFFD}two\n");
  });
});

describe("What comes over the wire", () => {
  test("Fields of a newer controller are kept", () => {
    expect(readStateObject('{"state":"off","colour":"blue"}')).toEqual({ state: "off", colour: "blue" });
    expect(readReply('{"ok":true,"resources":["a"]}')).toEqual({ ok: true, resources: ["a"] });
  });

  test.each(["", "off", "null", "[]", "{}", '{"state":1}', '{"state":"off","since":"yesterday"}'])(
    "%j is no state object and does no harm",
    (payload) => {
      expect(readStateObject(payload)).toBeUndefined();
    },
  );

  test.each(["", "ok", "{}", '{"ok":1}', '{"ok":false}'])("%j is no reply", (payload) => {
    expect(readReply(payload)).toBeUndefined();
  });
});

describe("Help", () => {
  test("The general help names every command", () => {
    const help = generalHelp();
    for (const { name, summary } of commands) {
      expect(help).toContain(`  ${name}`);
      expect(help).toContain(summary);
    }
  });

  test.each(commands.map(({ name }) => name))(
    "%s takes the common options, so that a script may give the same ones to all",
    async (name) => {
      const text = { out: "", err: "" };
      const common = [
        "--url",
        "mqtt://127.0.0.1:1",
        "--username",
        "ci",
        "--password-file",
        "/dev/null",
        "--base",
        "lab",
      ];
      const status = await runCommandLine([name, ...common, "--json", "--quiet", "--help"], {
        stdout: { isTTY: false, write: (part) => (text.out += part) },
        stderr: { isTTY: false, write: (part) => (text.err += part) },
        env: {},
      });
      expect({ status, err: text.err }).toEqual({ status: 0, err: "" });
      expect(text.out).toContain(`Usage: lastout ${name}`);
    },
  );

  test.each(commands.map(({ name }) => name))(
    "The help of %s has its usage, its options and an example, in lines that fit",
    async (name) => {
      const command = await commands.find((entry) => entry.name === name)?.load();
      const help = command === undefined ? "" : commandHelp(name, command);
      expect(help).toContain(`Usage: lastout ${name}`);
      expect(help).toContain("--help");
      expect(help).toMatch(/Examples:\n {2}\S/);
      expect(Math.max(...help.split("\n").map((line) => line.length))).toBeLessThanOrEqual(140);
    },
  );

  test.each(commands.map(({ name }) => name))(
    "On a terminal of 80 columns the help of %s is broken between words, and says the same",
    async (name) => {
      const command = await commands.find((entry) => entry.name === name)?.load();
      const help = (columns?: number): string =>
        command === undefined ? "" : commandHelp(name, command, columns);
      expect(help(80).split(/\s+/)).toEqual(help().split(/\s+/));
      const long = help(80)
        .split("\n")
        .filter((line) => line.length > 80);
      expect(long).toEqual([]);
    },
  );
});
