// Goal: systemd hears of the real program when it serves, that it lives, and that it stops. Method: the program as a process, told by the
// variables that systemd sets, and a socket in the place of systemd's.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { listenForNotifications } from "../service/systemd.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { mainFile, startProgram } from "./controller.ts";
import { patience } from "./lab.ts";

describe("Under systemd", { ...needing("systemd", "perl"), ...patience }, () => {
  test("the controller says that it waits, serves, lives, reads its configuration again, and stops", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lastout-service-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const systemd = await listenForNotifications();
    onTestFinished(() => systemd.stop());
    const port = await freePort();
    const file = join(folder, "lastout.yaml");
    const config = {
      broker: { listen: `127.0.0.1:${port}` },
      switchers: { trial: { type: "simulated" } },
      resources: { build1: { switcher: "trial" } },
    };
    writeFileSync(file, JSON.stringify(config));
    const controller = startProgram(process.execPath, [mainFile, "serve", "--config", file], {
      NOTIFY_SOCKET: systemd.path,
      WATCHDOG_USEC: "3000000",
    });
    onTestFinished(() => {
      controller.child.kill("SIGKILL");
    });
    const beats = (): number => systemd.heard().filter(([word]) => word === "WATCHDOG=1").length;
    const others = (): readonly (readonly string[])[] =>
      systemd.heard().filter(([word]) => word !== "WATCHDOG=1");

    await eventually("it serves", () => others().some(([word]) => word === "READY=1"), 20_000);
    await eventually("its loop has turned for seconds", () => beats() >= 3, 20_000);
    controller.child.kill("SIGHUP");
    await eventually("it has read its configuration again", () => {
      const words = others().map(([word]) => word);
      return words.lastIndexOf("READY=1") > words.indexOf("RELOADING=1") && words.includes("RELOADING=1");
    });
    controller.child.kill("SIGTERM");
    expect(await controller.ended).toBe(0);
    expect(others()).toEqual([
      [`STATUS=Waiting for the broker at mqtt://127.0.0.1:${port}`],
      ["READY=1", "STATUS=Serving the base topic lastout"],
      [
        "RELOADING=1",
        expect.stringMatching(/^MONOTONIC_USEC=\d+$/),
        "STATUS=Reading the configuration again",
      ],
      ["READY=1", "STATUS=Serving the base topic lastout"],
      ["STOPPING=1", "STATUS=Stopping; every outlet stays as it is"],
    ]);
  });
});
