// Goal: the controller and the command line reach a broker that speaks TLS only and wants certificates, over all their connections; with
// what is wrong there, the log and the error name it. Method: a real mosquitto whose only listener for them is the encrypted one.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Authority, makeAuthority } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { lastout } from "./controller.ts";
import { inLab, type Lab, type LabOptions, patience } from "./lab.ts";

describe("Over TLS", { ...needing("mosquitto", "openssl"), ...patience }, () => {
  const folder = mkdtempSync(join(tmpdir(), "lastout-tls-"));
  let lab: Authority;
  let stranger: Authority;

  beforeAll(() => {
    lab = makeAuthority(folder, "lab");
    stranger = makeAuthority(folder, "stranger");
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  interface Encrypted {
    readonly url: string;
    readonly options: LabOptions;
  }

  /** Sockets and the observer use the lab's plain listener; the controller's own is encrypted. */
  async function encrypted(mutual: boolean): Promise<Encrypted> {
    const port = await freePort();
    const broker = lab.issue("broker", ["IP:127.0.0.1"]);
    const own = lab.issue("lastout");
    const url = `mqtts://127.0.0.1:${port}`;
    return {
      url,
      options: {
        broker: "mosquitto",
        mosquitto: [
          `listener ${port} 127.0.0.1`,
          `certfile ${broker.cert}`,
          `keyfile ${broker.key}`,
          ...(mutual ? [`cafile ${lab.cert}`, "require_certificate true"] : []),
        ],
        sockets: { build1: {} },
        settings: {
          mqtt: { url, clientId: "lastout-test", ca: lab.cert, ...(mutual ? own : {}) },
        },
      },
    };
  }

  test("requests are answered and sockets are switched", async () => {
    const { options } = await encrypted(false);
    await inLab(options, isUsed);
  });

  test("with certificates on both sides, too", async () => {
    const { options } = await encrypted(true);
    await inLab(options, isUsed);
  });

  test("the command line works, with its authority and certificate from the environment", async () => {
    const { url, options } = await encrypted(true);
    const me = lab.issue("ci");
    await inLab(options, async () => {
      const env = { LASTOUT_URL: url, LASTOUT_CA: lab.cert, LASTOUT_CERT: me.cert, LASTOUT_KEY: me.key };
      expect(await lastout(["acquire", "build1", "--token", "t"], env)).toMatchObject({
        exit: 0,
        out: "t\n",
      });
      const { LASTOUT_CERT: _cert, LASTOUT_KEY: _key, ...nameless } = env;
      expect(await lastout(["status"], nameless)).toMatchObject({
        exit: 69,
        err: expect.stringContaining("it wants a TLS certificate from us; give `cert` and `key`"),
      });
      const trusting = { ...env, LASTOUT_CA: stranger.cert };
      expect(await lastout(["status"], trusting)).toMatchObject({
        exit: 69,
        err: expect.stringContaining("signed by nobody that is trusted here; name its authority with `ca`"),
      });
    });
  });

  test("a controller that does not know the broker's authority says so in its log, and goes on trying", async () => {
    const { options } = await encrypted(false);
    await inLab(options, async (at) => {
      await at.controller.stop();
      const before = at.controller.log().length;
      at.configure((config) => {
        config["mqtt"] = { ...Object(config["mqtt"]), ca: stranger.cert };
      });
      at.start();
      await eventually("the log names the cause", () =>
        at.controller
          .log()
          .slice(before)
          .includes("its TLS certificate is signed by nobody that is trusted here"),
      );
      expect(at.controller.running).toBe(true);
    });
  });
});

async function isUsed(at: Lab): Promise<void> {
  expect(await at.ask("build1/acquire", { token: "t", wait: "powered", timeout: 5 })).toMatchObject({
    ok: true,
  });
  expect(await at.ask("build1/release", { token: "t" })).toMatchObject({ ok: true });
  await at.untilState("build1", "off");
}
