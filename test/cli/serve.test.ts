// The signals of a controller that runs in the foreground, as a terminal or an init system sends them: the process as it is started.

import { execFileSync } from "node:child_process";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { millis } from "../../src/core/time.ts";
import { eventually } from "../support/eventually.ts";
import { cleanEnv, endAll, mainFile, startProgram, temporaryDirectory } from "./processes.ts";

afterEach(endAll);

describe("lastout serve", () => {
  test.each(["SIGHUP", "SIGTERM", "SIGINT"] as const)(
    "the demo leaves nothing behind when its terminal is closed or it is stopped (%s)",
    async (signal) => {
      const folder = temporaryDirectory();
      const demo = startProgram(
        process.execPath,
        [mainFile, "serve", "--demo"],
        cleanEnv({ TMPDIR: folder }),
      );
      await eventually("the demo serves", () => (demo.out() + demo.err()).includes("lastout run"), 15_000);
      expect(readdirSync(folder)).toHaveLength(1);
      demo.child.kill(signal);
      expect(await demo.ended).toBe(0);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  test("a request to read the configuration again does not end one that has not read it yet", async () => {
    const folder = temporaryDirectory();
    const file = join(folder, "lastout.yaml");
    execFileSync("mkfifo", [file]);
    const served = startProgram(
      process.execPath,
      [mainFile, "serve", "--config", file, "--json"],
      cleanEnv(),
    );
    const pipe = await open(file, "w"); // opened when the program opens it, too
    served.child.kill("SIGHUP");
    await systemClock.sleep(millis(300));
    const text =
      "mqtt: { url: mqtt://127.0.0.1:1 }\nswitchers: { s: { type: simulated } }\nresources: { a: { switcher: s } }\n";
    rmSync(file);
    writeFileSync(file, text); // for whoever reads it again
    await pipe.writeFile(text);
    await pipe.close();
    await eventually(
      "it goes on",
      () => (served.out() + served.err()).includes("Cannot reach the broker"),
      15_000,
    );
    served.child.kill("SIGTERM");
    expect(await served.ended).toBe(0);
  });
});
