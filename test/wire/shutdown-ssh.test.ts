// A host that is shut down over ssh, from the release to the click: a real SSH server with a forced command, a machine that goes down by
// it, a real checker. What each end of the SSH client means is in test/shutdowns.

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { needing } from "../support/needs.ts";
import { startSshd } from "../support/sshd.ts";
import { inLab, type Lab, patience } from "./lab.ts";

/** A lab with one host, and the word that its `poweroff` was run: a file. */
async function withHost(
  settings: { readonly forced?: string; readonly timeout: string; readonly knowsKey?: boolean },
  use: (lab: Lab, poweredOff: string) => Promise<void>,
): Promise<void> {
  const sshd = await startSshd();
  const word = join(sshd.folder, "poweroff-was-run");
  const identity = sshd.letIn(`restrict,command="${settings.forced ?? `/usr/bin/touch ${word}`}"`);
  try {
    await inLab(
      {
        broker: "mosquitto",
        sockets: {
          build1: {
            machine: { bootMs: 300, goDownMs: 500 },
            resource: {
              shutdown: {
                type: "ssh",
                host: "127.0.0.1",
                port: sshd.port,
                user: sshd.user,
                identity,
                knownHosts: settings.knowsKey === false ? "/dev/null" : sshd.knownHosts,
                timeout: settings.timeout,
                settle: "1s",
              },
            },
          },
        },
      },
      async (lab) => {
        expect(await lab.ask("build1/acquire", { token: "a", wait: "available" }, 20_000)).toMatchObject({
          ok: true,
        });
        await lab.ask("build1/release", { token: "a" });
        await use(lab, word);
      },
    );
  } finally {
    await sshd.stop();
    rmSync(sshd.folder, { recursive: true, force: true });
  }
}

describe("A host with a shutdown over ssh", { ...needing("sshd", "mosquitto"), ...patience }, () => {
  it("is told over a real connection, goes down, and is cut only then", () =>
    withHost({ timeout: "30s" }, async (lab, word) => {
      await eventually("the command was run", () => existsSync(word), 20_000);
      expect(lab.socket("build1").relay(1).position).toBe("on");
      lab.machine("build1").shutDown();
      await lab.untilObject("build1", { phase: "idle", state: "off" }, 20_000);
      expect(lab.machine("build1").cuts).toBe(0);
    }));

  it("whose command fails is told of at once, and is left on with shutdown-timeout", () =>
    withHost({ timeout: "4s", forced: "/bin/false" }, async (lab) => {
      const told = await eventually(
        "the failure is told",
        () => lab.events("build1", "shutdown").find(({ stage }) => stage === "failed"),
        20_000,
      );
      expect(String(told["message"])).not.toBe("");
      await lab.untilObject("build1", { phase: "held", problem: { code: "shutdown-timeout" } }, 20_000);
      expect(lab.machine("build1").cuts).toBe(0);
    }));

  it("whose host key is not known is not logged in to, and is left on", () =>
    withHost({ timeout: "4s", knowsKey: false }, async (lab, word) => {
      const told = await eventually(
        "the refusal is told",
        () => lab.events("build1", "shutdown").find(({ stage }) => stage === "failed"),
        20_000,
      );
      expect(String(told["message"])).toMatch(/key of 127\.0\.0\.1 is not known/);
      expect(existsSync(word)).toBe(false);
      await lab.untilObject("build1", { phase: "held", problem: { code: "shutdown-timeout" } }, 20_000);
      expect(lab.machine("build1").cuts).toBe(0);
    }));
});
