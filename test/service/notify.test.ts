// Goal: systemd hears what the program tells it, in order, and a program that nobody listens to runs all the same. Method: the real
// systemd-notify and a real datagram socket.

import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock as clock } from "../../src/adapters/clock/system-clock.ts";
import { serviceManager } from "../../src/adapters/service/notify.ts";
import { needing } from "../support/needs.ts";
import { keepingLog, type Line, silentLog } from "../support/silent-log.ts";
import { listenForNotifications, type NotifySocket } from "./systemd.ts";

const path = process.env["PATH"];

async function socket(): Promise<NotifySocket> {
  const listening = await listenForNotifications();
  onTestFinished(() => listening.stop());
  return listening;
}

describe("A program that systemd has started", needing("systemd", "perl"), () => {
  test("tells it variables, all those of one message at once", async () => {
    const systemd = await socket();
    const manager = serviceManager({ NOTIFY_SOCKET: systemd.path, PATH: path }, { clock, log: silentLog });
    manager.tell({ READY: "1", STATUS: "Serving 'lastout': 2 resources" });
    await manager.close();
    expect(systemd.heard()).toEqual([["READY=1", "STATUS=Serving 'lastout': 2 resources"]]);
  });

  test("is heard in the order in which it told", async () => {
    const systemd = await socket();
    const manager = serviceManager({ NOTIFY_SOCKET: systemd.path, PATH: path }, { clock, log: silentLog });
    manager.tell({ STATUS: "one" });
    manager.tell({ STATUS: "two" });
    manager.tell({ STOPPING: "1" });
    await manager.close();
    expect(systemd.heard()).toEqual([["STATUS=one"], ["STATUS=two"], ["STOPPING=1"]]);
  });

  test("may tell a text of several lines, which arrives as one", async () => {
    const systemd = await socket();
    const manager = serviceManager({ NOTIFY_SOCKET: systemd.path, PATH: path }, { clock, log: silentLog });
    manager.tell({ STATUS: "one\nREADY=1" });
    await manager.close();
    expect(systemd.heard()).toEqual([["STATUS=one READY=1"]]);
  });

  test("gives systemd-notify nothing of its environment but what it needs", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lastout-notify-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const program = join(folder, "systemd-notify");
    writeFileSync(program, `#!/bin/sh\nenv > ${folder}/env\n`);
    chmodSync(program, 0o755);
    const manager = serviceManager(
      { NOTIFY_SOCKET: "/somewhere", PATH: `${folder}:/usr/bin:/bin`, LASTOUT_MQTT_PASSWORD: "secret" },
      { clock, log: silentLog },
    );
    manager.tell({ READY: "1" });
    await manager.close();
    const names = readFileSync(join(folder, "env"), "utf8").matchAll(/^([^=]+)=/gm);
    expect([...names].map(([, name]) => String(name)).toSorted()).toEqual(["NOTIFY_SOCKET", "PATH", "PWD"]);
  });

  test("is not held up by a socket on which nobody listens: that is logged, once", async () => {
    const { log, lines } = keepingLog();
    const manager = serviceManager({ NOTIFY_SOCKET: "/nonexistent/notify", PATH: path }, { clock, log });
    manager.tell({ READY: "1" });
    manager.tell({ WATCHDOG: "1" });
    await manager.close();
    expect(warnings(lines)).toHaveLength(1);
    expect(warnings(lines)[0]).toContain("systemd-notify ended with status");
  });
});

test("Where there is no systemd-notify, that is logged with its cure.", async () => {
  const { log, lines } = keepingLog();
  const manager = serviceManager({ NOTIFY_SOCKET: "/somewhere", PATH: "/nonexistent" }, { clock, log });
  manager.tell({ READY: "1" });
  await manager.close();
  expect(warnings(lines)).toEqual(["there is no program systemd-notify (Debian: apt install systemd)"]);
});

test("What is told faster than it is heard does not pile up: the same message waits once, and no more than a few do.", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lastout-notify-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const program = join(folder, "systemd-notify");
  writeFileSync(program, `#!/bin/sh\necho "$*" >> ${folder}/told\n`);
  chmodSync(program, 0o755);
  const env = { NOTIFY_SOCKET: "/somewhere", PATH: `${folder}:/usr/bin:/bin` };
  const manager = serviceManager(env, { clock, log: silentLog });
  for (let count = 0; count < 100; count += 1) {
    manager.tell({ WATCHDOG: "1" });
  }
  for (let count = 0; count < 100; count += 1) {
    manager.tell({ STATUS: String(count) });
  }
  await manager.close();
  const told = readFileSync(join(folder, "told"), "utf8").split("\n").slice(0, -1);
  expect(told.filter((line) => line === "WATCHDOG=1").length).toBeLessThanOrEqual(2);
  expect(told.length).toBeLessThan(20);
});

test("Where nobody asked to be told, nothing is started and nothing is watched.", async () => {
  const { log, lines } = keepingLog();
  const manager = serviceManager({ WATCHDOG_USEC: "30000000", PATH: "/nonexistent" }, { clock, log });
  manager.tell({ READY: "1" });
  await manager.close();
  expect(manager.watchdog).toBeUndefined();
  expect(lines).toEqual([]);
});

const watchdogOf = (env: Readonly<Record<string, string>>): number | undefined =>
  serviceManager({ NOTIFY_SOCKET: "/somewhere", ...env }, { clock, log: silentLog }).watchdog;

describe("The watchdog's time", () => {
  test("is read in microseconds", () => {
    expect(watchdogOf({ WATCHDOG_USEC: "30000000" })).toBe(30_000);
  });

  test("counts when it is meant for this process, and not when it was inherited", () => {
    expect(watchdogOf({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: String(process.pid) })).toBe(30_000);
    expect(watchdogOf({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: String(process.ppid) })).toBeUndefined();
  });

  test("is none where it is no number above 0", () => {
    expect(["0", "", "soon", "-5"].map((length) => watchdogOf({ WATCHDOG_USEC: length }))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

const warnings = (lines: readonly Line[]): readonly string[] =>
  lines.filter(({ level }) => level === "warn").map(({ fields }) => String(fields["reason"]));
