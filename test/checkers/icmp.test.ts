// With the system's own ping where it works, and with programs that answer as a ping does on other systems and in other troubles.

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { checkerOptions, createChecker } from "../../src/adapters/checkers/registry.ts";
import { eventually } from "../support/eventually.ts";
import { needing } from "../support/needs.ts";
import { parts } from "./parts.ts";

const checker = (host: string) => createChecker(checkerOptions.parse({ type: "icmp", host }), parts());
const soon = () => AbortSignal.timeout(20_000);

describe("With the system's ping", needing("ping"), () => {
  it("this machine answers, by address and by name", async () => {
    for (const host of ["127.0.0.1", "localhost"]) {
      const result = await checker(host).check(soon());
      expect(result).toMatchObject({ outcome: "up" });
      expect(result.message).toMatch(/^answered in \d+(\.\d+)? ms$/);
    }
  });

  it("can be asked again and again, and at once", async () => {
    const one = checker("127.0.0.1");
    const results = await Promise.all(Array.from({ length: 5 }, () => one.check(soon())));
    expect(results.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 5 }, () => "up"));
  });
});

describe("What the program ping says on Linux", needing("proc"), () => {
  const path = process.env["PATH"];
  const folder = mkdtempSync(join(tmpdir(), "lastout-ping-"));
  afterEach(() => {
    process.env["PATH"] = path;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const pingIs = (script: string): void => {
    writeFileSync(join(folder, "ping"), `#!/bin/sh\nPATH=/bin:/usr/bin\n${script}\n`);
    chmodSync(join(folder, "ping"), 0o755);
    process.env["PATH"] = folder;
  };
  const head = "echo 'PING 10.0.0.7 (10.0.0.7) 56(84) bytes of data.'";
  const tail =
    "echo; echo '--- 10.0.0.7 ping statistics ---'; echo '1 packets transmitted, 0 received, 100% packet loss, time 0ms'";

  it.each([
    [
      `${head}; echo '64 bytes from 10.0.0.7: icmp_seq=1 ttl=64 time=3.21 ms'; exit 0`,
      "up",
      /^answered in 3.21 ms$/,
    ],
    [
      "echo 'PING 10.0.0.7 (10.0.0.7): 56 data bytes'; echo '64 bytes from 10.0.0.7: seq=0 ttl=64 time=0.071 ms'; exit 0",
      "up",
      /^answered in 0.071 ms$/,
    ],
    [`${head}; ${tail}; exit 1`, "down", /^no answer$/],
    [
      `${head}; echo 'From 10.0.0.1 icmp_seq=1 Destination Host Unreachable'; ${tail}; exit 1`,
      "down",
      /^host or network unreachable$/,
    ],
    ["echo 'ping: connect: Network is unreachable' >&2; exit 2", "down", /^host or network unreachable$/],
    [
      "echo 'ping: socket: Operation not permitted' >&2; exit 2",
      "error",
      /^ping is not permitted to this user: set net.ipv4.ping_group_range/,
    ],
    [
      "echo 'ping: permission denied (are you root?)' >&2; exit 1",
      "error",
      /^ping is not permitted to this user/,
    ],
    [
      "echo 'ping: invalid argument' >&2; exit 2",
      "error",
      /^ping ended with status 2: ping: invalid argument$/,
    ],
    ["exit 127", "error", /^ping ended with status 127$/],
    ["echo hm; exit 0", "error", /^ping ended with status 0: hm$/],
    ["echo a=b=c=d; echo a=b=c=d; echo x y z; echo a=b=c=d; exit 0", "error", /^ping ended with status 0/],
    ["kill -KILL $$", "error", /^ping was ended by SIGKILL$/],
  ])("%s: %s", async (script, outcome, message) => {
    pingIs(script);
    const result = await checker("10.0.0.7").check(soon());
    expect(result.outcome).toBe(outcome);
    expect(result.message).toMatch(message);
  });

  it("It is asked for one answer, at an address, in English, and it ends by itself should nobody end it", async () => {
    pingIs('echo "$LANG $LC_ALL $*"; exit 9');
    const result = await checker("fe80::1").check(soon());
    expect(result.message).toBe("ping ended with status 9: C C -n -w 60 -c 1 -s 56 fe80::1");
  });

  it("Where there is no ping, the message says how to get one", async () => {
    process.env["PATH"] = join(folder, "empty");
    const result = await checker("10.0.0.7").check(soon());
    expect(result.outcome).toBe("error");
    expect(result.message).toMatch(/^there is no program ping on this machine: install it/);
  });

  it("A host that does not answer is down at the timeout, and its ping is killed", async () => {
    const file = join(folder, "pid");
    pingIs(`echo $$ > ${file}; exec sleep 300`);
    const time = new AbortController();
    const one = checker("10.0.0.7");
    const checking = one.check(time.signal);
    const pid = Number(
      await eventually("ping runs", () => existsSync(file) && readFileSync(file, "utf8").trim()),
    );
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    time.abort();
    expect(await checking).toEqual({ outcome: "down", message: "no answer within the timeout" });
    await eventually("ping has ended", () => !existsSync(`/proc/${pid}`));
    pingIs(`${head}; echo '64 bytes from 10.0.0.7: icmp_seq=1 ttl=64 time=1 ms'; exit 0`);
    expect(await one.check(soon())).toEqual({ outcome: "up", message: "answered in 1 ms" });
  });
});
