// Words to options, names and a command: what is taken as what, and what each mistake says.

import { describe, expect, test } from "vitest";
import { clientOptions, type Options, readArguments, splitCommand } from "../../src/cli/arguments.ts";
import { CommandError } from "../../src/cli/exit-codes.ts";

const options: Options = {
  ttl: { value: "D", help: "" },
  timeout: { value: "D", help: "" },
  ...clientOptions,
};

function mistake(words: readonly string[]): string {
  try {
    readArguments(words, options);
  } catch (error) {
    if (error instanceof CommandError) {
      return `${error.exit}: ${error.message}`;
    }
    throw error;
  }
  return "none";
}

describe("Arguments", () => {
  test("Options may stand before and after the names, with a blank or an equals sign", () => {
    const args = readArguments(["--ttl", "2h", "build1", "--json", "--timeout=5m", "token"], options);
    expect(args.words).toEqual(["build1", "token"]);
    expect([args.value("ttl"), args.value("timeout"), args.has("json"), args.has("quiet")]).toEqual([
      "2h",
      "5m",
      true,
      false,
    ]);
    expect(args.rest).toBeUndefined();
  });

  test("Everything after two dashes is the command, dashes and all", () => {
    const args = readArguments(
      ["build1", "--ttl", "5", "--", "make", "-j2", "--ttl", "9", "--", "x"],
      options,
    );
    expect(args.words).toEqual(["build1"]);
    expect(args.value("ttl")).toBe("5");
    expect(args.rest).toEqual(["make", "-j2", "--ttl", "9", "--", "x"]);
  });

  test("Nothing after two dashes is an empty command, which is not the same as none", () => {
    expect(readArguments(["build1", "--"], options).rest).toEqual([]);
  });

  test("Of an option that is given twice the last one counts", () => {
    expect(readArguments(["--ttl", "1h", "--ttl", "2h"], options).value("ttl")).toBe("2h");
  });

  test("A misspelt option is refused with what was probably meant", () => {
    expect(mistake(["--tll", "5"])).toBe("64: unknown option --tll; did you mean --ttl?");
    expect(mistake(["--exclusive"])).toBe("64: unknown option --exclusive; --help lists the options");
    expect(mistake(["-x"])).toBe("64: unknown option -x; --help lists the options");
    expect(mistake(["--constructor"])).toBe("64: unknown option --constructor; --help lists the options");
  });

  test("An option without its value is refused, also when another option stands in its place", () => {
    expect(mistake(["--ttl"])).toBe("64: --ttl needs a value: --ttl D");
    expect(mistake(["--ttl="])).toBe("64: --ttl needs a value: --ttl D");
    expect(mistake(["--ttl", "--json"])).toBe(
      "64: --ttl needs a value and '--json' looks like an option; if it is meant, write --ttl=--json",
    );
    expect(mistake(["--ttl", "--", "make"])).toContain("64: --ttl needs a value");
    expect(readArguments(["--ttl=-5"], options).value("ttl")).toBe("-5");
  });

  test("A flag with a value is refused", () => {
    expect(mistake(["--json=yes"])).toBe("64: --json takes no value");
  });

  test("A password on the command line is refused and the message does not repeat it", () => {
    expect(mistake(["--password", "hunter2"])).toContain("64: there is no --password");
    expect(mistake(["--password=hunter2"])).toContain("use --password-file FILE or LASTOUT_PASSWORD");
    expect(mistake(["--password=hunter2"])).not.toContain("hunter2");
  });

  test("The command's name is the first word that is no option and no option's value", () => {
    expect(splitCommand(["--url", "mqtt://x", "status", "build1"])).toEqual({
      name: "status",
      words: ["--url", "mqtt://x", "build1"],
    });
    expect(splitCommand(["run", "run", "--", "run"])).toEqual({ name: "run", words: ["run", "--", "run"] });
    expect(splitCommand(["--version"]).name).toBeUndefined();
    expect(splitCommand(["--", "run"]).name).toBeUndefined();
  });
});
