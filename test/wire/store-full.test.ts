// The store refuses while the controller runs: files may not grow, or the disk is full. Nothing is granted that is not on disk, nothing is
// switched, a release that nobody can be told about is not lost, and all is well again by itself when the store takes writes.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { needing } from "../support/needs.ts";
import { brokers, inLab, type Lab, patience } from "./lab.ts";

async function refusesAndRecovers(lab: Lab, breakStore: () => void, mendStore: () => void): Promise<void> {
  await lab.ask("used/acquire", { token: "a", wait: "powered" });
  await lab.ask("left/acquire", { token: "a", wait: "powered" });
  breakStore();
  // Space that was taken before may last for a write or two: ask until it refuses. No token is left of what is refused.
  let granted = 0;
  await eventually("the store refuses", async () => {
    const reply = await lab.ask("used/acquire", { token: `more-${granted}`, purpose: "x".repeat(250) });
    if (reply["ok"] === true) {
      granted += 1;
      return false;
    }
    expect(reply).toMatchObject({ error: "unavailable" });
    return true;
  });
  expect(await lab.ask("idle/acquire", { token: "a" })).toMatchObject({ ok: false, error: "unavailable" });
  expect(await lab.ask("used/release", { token: "a" })).toMatchObject({ ok: false, error: "unavailable" });
  expect(lab.socket("used").relay(1).position).toBe("on");
  expect(lab.socket("idle").relay(1).history).toEqual([]);
  expect(lab.controller.running).toBe(true);
  const client = await lab.connect();
  await client.publish("lastout/left/release", "a"); // without a reply topic
  await client.disconnect();
  mendStore();
  await lab.untilObject("left", { users: 0, state: "off" }, 15_000);
  expect(lab.events("left", "released")).toMatchObject([{ token: "a" }]);
  expect(await lab.ask("used/tokens")).toMatchObject({ total: granted + 1 });
  expect(await lab.ask("idle/acquire", { token: "a", wait: "powered" })).toMatchObject({ ok: true });
  expect(await lab.ask("used/release", { token: "a" })).toMatchObject({ ok: true, users: granted });
  for (let number = 0; number < granted; number += 1) {
    await lab.ask("used/release", { token: `more-${number}` });
  }
  await lab.untilObject("used", { state: "off" });
  await lab.crash();
  await lab.settled();
  expect(await lab.ask("idle/tokens")).toMatchObject({ total: 1 });
  expect(await lab.ask("used/tokens")).toMatchObject({ total: 0 });
}

const sockets = { used: {}, left: {}, idle: {} };

describe.concurrent.each(brokers.map((one) => [one.title, one] as const))(
  "8.1 over %s, unavailable:",
  (_title, one) => {
    describe("a store that", one.options, () => {
      it("may not grow refuses, loses nothing, and recovers", {
        ...needing("prlimit"),
        ...patience,
      }, async () => {
        await inLab({ broker: one.broker, sockets }, async (lab) => {
          const limit = (soft: string): void => {
            execFileSync("prlimit", ["--pid", String(lab.controller.pid), `--fsize=${soft}:`]);
          };
          await refusesAndRecovers(
            lab,
            () => limit("1"),
            () => limit("unlimited"),
          );
        });
      });

      it("is on a full disk refuses, loses nothing, and recovers", {
        ...needing("tmpfs"),
        ...patience,
      }, async () => {
        const folder = mkdtempSync(join(tmpdir(), "lastout-disk-"));
        const disk = join(folder, "disk");
        mkdirSync(disk);
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "lastout-test", disk]);
        const ballast = join(disk, "ballast");
        try {
          const fill = (): void => {
            try {
              writeFileSync(ballast, Buffer.alloc(4_000_000));
            } catch {
              // It has taken all there was.
            }
          };
          await inLab({ broker: one.broker, sockets, storeFolder: disk }, (lab) =>
            refusesAndRecovers(lab, fill, () => rmSync(ballast)),
          );
        } finally {
          execFileSync("umount", [disk]);
          rmSync(folder, { recursive: true });
        }
      });
    });
  },
);
