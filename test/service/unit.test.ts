// Goal: the shipped unit is one that systemd takes and finds well shut in, and what it forbids does not hinder the program. Method: systemd's
// own programs on the shipped file; where a test needs a program that exists, that of ExecStart is replaced by Node.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { root } from "../docs/pages.ts";
import { needing } from "../support/needs.ts";

const shipped = (name: string): string => readFileSync(join(root, "systemd", name), "utf8");
const unit = shipped("lastout.service");

/** All values of a key, in order. */
const valuesOf = (key: string): readonly string[] =>
  [...unit.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value]) => String(value));

/** A folder of units as systemd has one; @returns the unit's file */
function installed(dropIns: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "lastout-unit-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "lastout.service");
  writeFileSync(
    file,
    unit.replace(/^ExecStart=\S+/m, () => `ExecStart=${process.execPath}`),
  );
  mkdirSync(`${file}.d`);
  for (const [name, text] of Object.entries(dropIns)) {
    writeFileSync(join(`${file}.d`, name), text);
  }
  return file;
}

const analyze = (...words: readonly string[]): { readonly status: number | null; readonly said: string } => {
  const { status, stdout, stderr } = spawnSync("systemd-analyze", words, { encoding: "utf8" });
  return { status, said: stdout + stderr };
};

describe("The shipped unit", needing("systemd"), () => {
  test("is taken by systemd without a complaint", () => {
    expect(analyze("verify", installed())).toEqual({ status: 0, said: "" });
  });

  test("is taken with the drop-in for serial and USB devices, too", () => {
    expect(analyze("verify", installed({ "devices.conf": shipped("devices.conf") }))).toEqual({
      status: 0,
      said: "",
    });
  });

  test("exposes little: at most 2.5 of 10 by systemd's own count", () => {
    // 1.9 with systemd 252; other versions count a few things more or less.
    const { status, said } = analyze("security", "--offline=true", "--threshold=25", installed());
    expect(said).toContain("Overall exposure level for lastout.service");
    expect(status, said.split("\n").at(-2)).toBe(0);
  });

  test("lets the system's ping give up its rights, without which it does not ping", () => {
    const allowed = allowedCalls();
    expect(["capset", "setuid", "setgroups", "setresuid"].filter((call) => !allowed.has(call))).toEqual([]);
  });

  test("forbids what no part of the program needs", () => {
    const allowed = allowedCalls();
    const forbidden = [
      "mount",
      "ptrace",
      "bpf",
      "init_module",
      "reboot",
      "clock_settime",
      "chroot",
      "setrlimit",
    ];
    expect(forbidden.filter((call) => allowed.has(call))).toEqual([]);
  });
});

describe("The shipped unit", () => {
  test("waits for the program's word, watches it, and lets systemd-notify speak for it", () => {
    expect(["Type", "NotifyAccess", "WatchdogSec", "Restart"].map((key) => valuesOf(key))).toEqual([
      ["notify"],
      ["all"],
      ["30"],
      ["on-failure"],
    ]);
  });

  test("is not started again for what only a person can settle: a second controller, a mistake in the configuration", () => {
    expect(valuesOf("RestartPreventExitStatus")).toEqual(["75 78"]);
  });

  test("reloads with SIGHUP", () => {
    expect(valuesOf("ExecReload")).toEqual(["/bin/sh -c 'kill -HUP \"$MAINPID\"'"]);
  });

  test("leaves the boot id of the machine readable, by which the store tells a reboot from a restart", () => {
    expect(valuesOf("ProcSubset")).toEqual([]);
  });

  test("allows JavaScript to be compiled while it runs", () => {
    expect(valuesOf("MemoryDenyWriteExecute")).toEqual([]);
  });

  test("is in the package, with its drop-in and the broker's two files", () => {
    expect(packageJson.files).toEqual(expect.arrayContaining(["systemd", "mosquitto.conf", "mosquitto.acl"]));
  });
});

/** The system calls that the unit's filter allows, in systemd's order: later lines add to the first, or take away (`~`). */
function allowedCalls(): ReadonlySet<string> {
  const allowed = new Set<string>();
  for (const line of valuesOf("SystemCallFilter")) {
    const takenAway = line.startsWith("~");
    for (const call of line.replace("~", "").split(" ").flatMap(callsOf)) {
      if (takenAway) {
        allowed.delete(call);
      } else {
        allowed.add(call);
      }
    }
  }
  return allowed;
}

function callsOf(name: string): readonly string[] {
  if (!name.startsWith("@")) {
    return [name];
  }
  const listed = execFileSync("systemd-analyze", ["syscall-filter", name], { encoding: "utf8" });
  return listed
    .split("\n")
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap(callsOf);
}
