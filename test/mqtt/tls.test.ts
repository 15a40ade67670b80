// Goal: TLS to the broker, with its authority and with certificates of our own, either works or says why not, in words that lead to the
// cure. Method: a real mosquitto, and certificates of an authority that openssl makes for the test.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock as clock } from "../../src/adapters/clock/system-clock.ts";
import { openConnection } from "../../src/adapters/mqtt/connection.ts";
import type { ConnectionOptions } from "../../src/adapters/mqtt/connection-port.ts";
import { type Authority, type Identity, makeAuthority, pem } from "../support/certificates.ts";
import { freePort, type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { needing } from "../support/needs.ts";
import { silentLog } from "../support/silent-log.ts";

type TlsOptions = Pick<ConnectionOptions, "ca" | "cert" | "key">;

const identity = ({ cert, key }: Identity): TlsOptions => ({ cert: pem(cert), key: pem(key) });

/** `connected`, or the sentence that says why not, with `BROKER` for the address. */
function outcome(url: string, options: TlsOptions): Promise<string> {
  return new Promise((resolve) => {
    const connection = openConnection(
      { ...options, url, clientId: "tls", clean: true, keepalive: 15, reconnect: false },
      {
        connected: () => {
          resolve("connected");
          void connection.close();
        },
        message: (_message, done) => done(),
        lost: ({ sentence, code }) => resolve(`${code}: ${sentence.replace(url, "BROKER")}`),
      },
      { clock, log: silentLog },
    );
  });
}

describe("TLS to mosquitto", needing("mosquitto", "openssl"), () => {
  const folder = mkdtempSync(join(tmpdir(), "lastout-tls-"));
  const brokers: Mosquitto[] = [];
  let lab: Authority;
  let stranger: Authority;

  beforeAll(() => {
    lab = makeAuthority(folder, "lab");
    stranger = makeAuthority(folder, "stranger");
  });

  afterAll(async () => {
    await Promise.all(brokers.map((broker) => broker.stop()));
    rmSync(folder, { recursive: true });
  });

  /** @returns its port for TLS */
  async function brokerWith({ cert, key }: Identity, ...lines: readonly string[]): Promise<number> {
    const port = await freePort();
    const listener = [`listener ${port} 127.0.0.1`, `certfile ${cert}`, `keyfile ${key}`];
    brokers.push(await startMosquitto([...listener, ...lines]));
    return port;
  }

  describe("with a certificate of the broker", () => {
    test("works with the authority that signed it, by address and by name", async () => {
      const port = await brokerWith(lab.issue("broker", ["IP:127.0.0.1", "DNS:localhost"]));
      expect(await outcome(`mqtts://127.0.0.1:${port}`, { ca: pem(lab.cert) })).toBe("connected");
      expect(await outcome(`mqtts://localhost:${port}`, { ca: pem(lab.cert) })).toBe("connected");
    });

    test("is refused with another authority, or with none but the system's", async () => {
      const port = await brokerWith(lab.issue("broker", ["IP:127.0.0.1"]));
      const sentence =
        "protocol: BROKER: its TLS certificate is signed by nobody that is trusted here; name its authority with `ca`";
      expect(await outcome(`mqtts://127.0.0.1:${port}`, { ca: pem(stranger.cert) })).toBe(sentence);
      expect(await outcome(`mqtts://127.0.0.1:${port}`, {})).toBe(sentence);
    });

    test("is refused when it has expired", async () => {
      const port = await brokerWith(lab.issue("broker", ["IP:127.0.0.1"], "expired"));
      expect(await outcome(`mqtts://127.0.0.1:${port}`, { ca: pem(lab.cert) })).toBe(
        "protocol: BROKER: its TLS certificate has expired",
      );
    });

    test("is refused when it is for another host", async () => {
      const port = await brokerWith(lab.issue("broker", ["DNS:broker.lab"]));
      expect(await outcome(`mqtts://127.0.0.1:${port}`, { ca: pem(lab.cert) })).toBe(
        "protocol: BROKER: its TLS certificate is for another host name",
      );
    });

    test("is refused when the port is one without TLS", async () => {
      const plain = await startMosquitto();
      brokers.push(plain);
      // mosquitto takes the greeting for a broken packet and closes; how that arrives is a matter of who is faster.
      expect(await outcome(`mqtts://127.0.0.1:${plain.port}`, { ca: pem(lab.cert) })).toMatch(
        /no TLS is spoken on this port|broke the connection|closed the connection/,
      );
    });
  });

  describe("with certificates on both sides", () => {
    let url: string;
    let ca: string;

    beforeAll(async () => {
      const port = await brokerWith(
        lab.issue("broker", ["IP:127.0.0.1"]),
        `cafile ${lab.cert}`,
        "require_certificate true",
        "use_identity_as_username true",
      );
      url = `mqtts://127.0.0.1:${port}`;
      ca = pem(lab.cert);
    });

    test("works with one that the broker's authority signed", async () => {
      expect(await outcome(url, { ca, ...identity(lab.issue("lastout")) })).toBe("connected");
    });

    test("is refused without one", async () => {
      expect(await outcome(url, { ca })).toBe(
        "protocol: BROKER: it wants a TLS certificate from us; give `cert` and `key`",
      );
    });

    test("is refused with one of another authority", async () => {
      expect(await outcome(url, { ca, ...identity(stranger.issue("lastout")) })).toBe(
        "protocol: BROKER: it did not accept our TLS certificate (`cert`), because it does not know who signed it",
      );
    });

    test("is refused with one that has expired", async () => {
      expect(await outcome(url, { ca, ...identity(lab.issue("lastout", [], "expired")) })).toBe(
        "protocol: BROKER: it did not accept our TLS certificate (`cert`), which has expired",
      );
    });

    test("is refused with a key that belongs to another certificate", async () => {
      const { cert } = lab.issue("lastout");
      const { key } = lab.issue("other");
      expect(await outcome(url, { ca, cert: pem(cert), key: pem(key) })).toBe(
        "protocol: BROKER: our private key (`key`) does not belong to our TLS certificate (`cert`)",
      );
    });

    test("is refused with a key that is none", async () => {
      const { cert } = lab.issue("lastout");
      expect(await outcome(url, { ca, cert: pem(cert), key: "-----BEGIN PRIVATE KEY-----\n" })).toMatch(
        /^protocol: BROKER: our private key \(`key`\) cannot be read/,
      );
    });
  });
});
