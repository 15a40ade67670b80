// Against a real web server: what is sent, and what each answer, and each way of not answering, says about the machine.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { expiredCertificate, loopbackCertificate, otherHostCertificate, testKey } from "../support/tls.ts";
import { made, mistakes, soon } from "./parts.ts";

interface Asked {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const folder = mkdtempSync(join(tmpdir(), "lastout-http-"));
const authority = join(folder, "ca.pem");
writeFileSync(authority, loopbackCertificate);

const asked: Asked[] = [];
const servers: Server[] = [];
const portOf = (server: Server): number => {
  const address: AddressInfo | string | null = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
};
const listening = async (server: Server): Promise<number> => {
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return portOf(server);
};

/** Answers `/<status>` with that status; `/silent` never; `/broken` breaks off. */
const machine = createServer((request, response) => {
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => pieces.push(piece));
  request.on("error", () => undefined);
  request.on("end", () => {
    const { method, url, headers } = request;
    asked.push({ method, path: url, headers, body: Buffer.concat(pieces).toString() });
    if (url === "/broken") {
      request.socket.resetAndDestroy();
    } else if (url === "/endless") {
      response.writeHead(200);
      response.write("going down");
    } else if (url !== "/silent") {
      response.writeHead(Number(url?.slice(1)), { Location: "/500" });
      response.end();
    }
  });
});

let base: string;
beforeAll(async () => {
  base = `http://127.0.0.1:${await listening(machine)}`;
});
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

const run = (options: Readonly<Record<string, unknown>>, signal = soon()) =>
  made({ type: "http", ...options }).run(signal);

describe("The answer decides", () => {
  it.each([
    ["/200", {}, "accepted", "answered 200 OK"],
    ["/202", {}, "accepted", "answered 202 Accepted"],
    ["/302", {}, "accepted", "answered 302 Found"],
    ["/399", {}, "accepted", "answered 399"],
    ["/400", {}, "failed", "answered 400 Bad Request"],
    ["/401", {}, "failed", "answered 401 Unauthorized"],
    ["/503", {}, "failed", "answered 503 Service Unavailable"],
    ["/302", { status: "200-299" }, "failed", "answered 302 Found"],
    ["/202", { status: "202" }, "accepted", "answered 202 Accepted"],
    ["/201", { status: "202" }, "failed", "answered 201 Created"],
    ["/203", { status: "202" }, "failed", "answered 203"],
    ["/409", { status: "200-409" }, "accepted", "answered 409 Conflict"],
  ])("%s with %j is %s", async (path, more, outcome, words) => {
    const result = await run({ url: base + path, ...more });
    expect(result.outcome).toBe(outcome);
    expect(result.message).toContain(words);
    expect(result.message).toContain(base.slice("http://".length));
  });

  it("at its head: nobody waits for the rest of it", async () => {
    expect(await run({ url: `${base}/endless` })).toMatchObject({ outcome: "accepted" });
  });
});

const last = () => asked.at(-1);

describe("The request", () => {
  it("is an empty POST where nothing else is said", async () => {
    await run({ url: `${base}/204` });
    expect(last()).toMatchObject({ method: "POST", path: "/204", body: "" });
    expect(last()?.headers).toMatchObject({ "content-length": "0", connection: "close" });
    expect(last()?.headers.authorization).toBeUndefined();
  });

  it("carries method, headers, and the body with its length in bytes, whatever the method", async () => {
    const headers = { "Content-Type": "application/json" };
    await run({ url: `${base}/204`, method: "DELETE", headers, body: '{"why":"übrig"}' });
    expect(last()).toMatchObject({ method: "DELETE", body: '{"why":"übrig"}' });
    expect(last()?.headers).toMatchObject({ "content-type": "application/json", "content-length": "16" });
  });

  it("carries user and password, or a bearer token", async () => {
    await run({ url: `${base}/204`, username: "admin", password: "hüsh:hush" });
    expect(last()?.headers.authorization).toBe(`Basic ${Buffer.from("admin:hüsh:hush").toString("base64")}`);
    await run({ url: `${base}/204`, bearer: "abc.def" });
    expect(last()?.headers.authorization).toBe("Bearer abc.def");
  });

  it("goes once, and to nobody else: a redirect is not followed", async () => {
    asked.length = 0;
    await run({ url: `${base}/307` });
    expect(asked.map(({ path }) => path)).toEqual(["/307"]);
  });
});

describe("Without an answer", () => {
  it("it is unsure whether the machine is there: nothing listens", async () => {
    const server = createServer();
    const port = await listening(server);
    await new Promise((resolve) => {
      server.close(resolve);
    });
    expect(await run({ url: `http://127.0.0.1:${port}/off` })).toEqual({
      outcome: "unsure",
      message: `127.0.0.1:${port} refuses the connection`,
    });
  });

  it("it is unsure whether it was heard: the connection breaks", async () => {
    const result = await run({ url: `${base}/broken` });
    expect(result.outcome).toBe("unsure");
    expect(result.message).toContain("broke the connection off before it answered");
  });

  it("it is unsure at the deadline", async () => {
    const time = new AbortController();
    asked.length = 0;
    const running = run({ url: `${base}/silent` }, time.signal);
    await eventually("the machine was asked", () => asked.length === 1);
    time.abort();
    const result = await running;
    expect(result.outcome).toBe("unsure");
    expect(result.message).toContain("did not answer in time");
  });

  it("it has failed when the host has no address", async () => {
    expect(await run({ url: "http://nobody.invalid/off" })).toMatchObject({ outcome: "failed" });
  });

  it("a password is in no message", async () => {
    for (const url of [`${base}/401`, `${base}/broken`, "http://nobody.invalid/off"]) {
      const { message } = await run({ url, username: "admin", password: "hush-hush" });
      expect(message).not.toContain("hush");
    }
  });
});

/** Where a machine with this certificate answers. */
const secure = async (cert: string): Promise<string> => {
  const server = createSecureServer({ key: testKey, cert }, (_request, response) => {
    response.writeHead(204);
    response.end();
  });
  return `https://127.0.0.1:${await listening(server)}/off`;
};

describe("Over https", () => {
  it("a machine whose authority is named is told", async () => {
    const url = await secure(loopbackCertificate);
    expect(await run({ url, ca: authority })).toMatchObject({ outcome: "accepted" });
  });

  it("one whose certificate nobody vouches for, or is out of date, or is another's, is not", async () => {
    const untrusted = await run({ url: await secure(loopbackCertificate) });
    expect(untrusted.outcome).toBe("failed");
    expect(untrusted.message).toContain("is not trusted");
    expect(untrusted.message).toContain("as ca");
    for (const cert of [expiredCertificate, otherHostCertificate]) {
      const file = join(folder, "own.pem");
      writeFileSync(file, cert);
      const result = await run({ url: await secure(cert), ca: file });
      expect(result.outcome).toBe("failed");
    }
  });

  it("a file with authorities that cannot be read, or holds none, is named", async () => {
    const url = await secure(loopbackCertificate);
    const nowhere = join(folder, "nowhere.pem");
    expect(await run({ url, ca: nowhere })).toEqual({
      outcome: "failed",
      message: `the file ${nowhere} cannot be read (ENOENT)`,
    });
    const empty = join(folder, "empty.pem");
    writeFileSync(empty, "nothing\n");
    expect(await run({ url, ca: empty })).toMatchObject({ outcome: "failed" });
  });
});

describe("The options of a shutdown over HTTP", () => {
  const url = "http://bmc.lab/off";
  it.each([
    [{ url: "bmc.lab/off" }, /^url: is no URL/],
    [{ url: "ftp://bmc.lab/off" }, /^url: is no URL/],
    [{ url: "http://" }, /^url: is no URL/],
    [{ url: "http://admin:hush@bmc.lab/" }, /^url: has a user or password in it/],
    [{ url, method: "post" }, /^method: is no method/],
    [{ url, method: "CONNECT" }, /^method: is no method/],
    [{ url, headers: { "a b": "x" } }, /headers/],
    [{ url, headers: { a: "x\ny" } }, /has a character that no header can have/],
    [{ url, username: "admin" }, /^username: needs the other/],
    [{ url, password: "hush" }, /^password: needs the other/],
    [{ url, username: "admin", password: "hush", bearer: "x" }, /^bearer: stands beside/],
    [{ url, bearer: "two words" }, /^bearer: has a blank/],
    [{ url, bearer: "x", headers: { AUTHORIZATION: "y" } }, /^headers: names Authorization/],
    [{ url, ca: authority }, /^ca: is of no use with http/],
    [{ url: "https://bmc.lab/", ca: "ca.pem" }, /^ca: is no whole path/],
    [{ url, status: "200-" }, /^status: is no range/],
    [{ url, status: "600" }, /^status: is no range/],
    [{ url, status: "300-200" }, /^status: ends before it begins/],
  ])("do not take %j", (wrong, sentence) => {
    expect(mistakes({ type: "http", ...wrong })).toEqual([expect.stringMatching(sentence)]);
  });
});
