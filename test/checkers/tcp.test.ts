// With real sockets on the loopback interface.

import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { checkerOptions, createChecker } from "../../src/adapters/checkers/registry.ts";
import { eventually } from "../support/eventually.ts";
import { parts } from "./parts.ts";

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(
    servers.splice(0).map(
      (server) =>
        new Promise((resolve) => {
          server.close(resolve);
        }),
    ),
  );
});

function listening(onConnection: () => void = () => undefined): Promise<number> {
  const server = createServer((socket) => {
    onConnection();
    socket.on("error", () => undefined);
    socket.resume();
  });
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

async function freePort(): Promise<number> {
  const port = await listening();
  const server = servers.pop();
  await new Promise((resolve) => {
    server?.close(resolve);
  });
  return port;
}

const checker = (host: string, port: number) =>
  createChecker(checkerOptions.parse({ type: "tcp", host, port }), parts());
const soon = () => AbortSignal.timeout(20_000);

describe("A tcp check", () => {
  it("is up when the port takes the connection, by address and by name", async () => {
    const port = await listening();
    const answer = { outcome: "up", message: `connected to port ${port}` };
    expect(await checker("127.0.0.1", port).check(soon())).toEqual(answer);
    // Where the name has an IPv6 address, too, nobody listens there: the next address is tried.
    expect(await checker("localhost", port).check(soon())).toEqual(answer);
  });

  it("is down when nobody listens", async () => {
    const port = await freePort();
    const refused = { outcome: "down", message: `connection to port ${port} refused` };
    expect(await checker("127.0.0.1", port).check(soon())).toEqual(refused);
    expect(await checker("localhost", port).check(soon())).toEqual(refused);
  });

  it("closes its connection, whatever the server does", async () => {
    let connections = 0;
    const port = await listening(() => {
      connections += 1;
    });
    await checker("127.0.0.1", port).check(soon());
    await eventually("the server has no connection left", async () => {
      const left = await new Promise<number>((resolve) => {
        servers[0]?.getConnections((_error, count) => resolve(count));
      });
      return connections === 1 && left === 0;
    });
  });

  it("is down without an answer when its time is up while it connects", async () => {
    const port = await listening();
    const time = new AbortController();
    const checking = checker("127.0.0.1", port).check(time.signal);
    time.abort();
    expect(await checking).toEqual({ outcome: "down", message: "no answer within the timeout" });
  });

  it("can be asked again and again, and at once", async () => {
    const one = checker("localhost", await listening());
    const results = await Promise.all(Array.from({ length: 50 }, () => one.check(soon())));
    expect(results.filter(({ outcome }) => outcome === "up")).toHaveLength(50);
  });

  it.each([0, 65_536, 1.5, "22"])("has no port %s", (port) => {
    expect(checkerOptions.safeParse({ type: "tcp", host: "h", port }).success).toBe(false);
  });

  it.each([1, 65_535])("may have port %s", (port) => {
    expect(checkerOptions.safeParse({ type: "tcp", host: "h", port }).success).toBe(true);
  });
});
