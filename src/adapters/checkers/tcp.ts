// Up when a TCP connection to a port succeeds. Nothing is sent over it: a service that accepts and then hangs counts as up.

import { connect } from "node:net";
import type { LookupAddress } from "node:dns";
import { z } from "zod";
import type { Checker, CheckResult } from "../../ports/checker.ts";
import { hostName } from "../options.ts";
import { defineChecker } from "./define.ts";
import { lookUpOf } from "./look-up.ts";
import { down, failed, noAnswer, up } from "./outcomes.ts";

const options = z.strictObject({
  type: z.literal("tcp").meta({ description: "Up when a TCP connection to a port succeeds." }),
  host: hostName.meta({ description: "The host's name or address." }),
  port: z
    .int()
    .min(1)
    .max(65_535)
    .meta({ description: "The port to connect to, 1 to 65535, for example 22." }),
});

export const tcp = defineChecker({
  type: "tcp",
  summary: "Up when a TCP connection to a port of the host succeeds, for example to its SSH server.",
  needs: "A host with a service that listens, and no firewall between. Nothing is sent to the service.",
  options,
  examples: [
    {
      title: "A host with SSH",
      about: "Available as soon as somebody could log in.",
      name: "build1",
      options: { type: "tcp", host: "build1.lab", port: 22 },
    },
  ],
  create: createTcp,
});

function createTcp({ host, port }: z.output<typeof options>): Checker {
  const lookUp = lookUpOf(host);
  return {
    async check(signal) {
      const found = await lookUp(signal);
      switch (found.kind) {
        case "aborted":
          return noAnswer;
        case "failed":
          return failed(found.sentence);
        case "found":
          return connecting({ host, port, addresses: found.addresses }, signal);
      }
    },
  };
}

interface Target {
  readonly host: string;
  readonly port: number;
  readonly addresses: readonly LookupAddress[];
}

function connecting({ host, port, addresses }: Target, signal: AbortSignal): Promise<CheckResult> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(noAnswer);
      return;
    }
    // The addresses are tried in turn, so that a host whose IPv6 address leads nowhere is still reached over IPv4.
    const socket = connect({
      host,
      port,
      autoSelectFamily: true,
      lookup: (_host, _options, found) => found(null, [...addresses]),
    });
    const finish = (result: CheckResult): void => {
      signal.removeEventListener("abort", abort);
      socket.destroy();
      resolve(result);
    };
    const abort = (): void => finish(noAnswer);
    signal.addEventListener("abort", abort, { once: true });
    socket.once("connect", () => finish(up(`connected to port ${port}`)));
    socket.on("error", (error) => finish(resultOf(error, host, port)));
  });
}

function resultOf(error: Error, host: string, port: number): CheckResult {
  const code = "code" in error ? error.code : undefined;
  switch (code) {
    case "ECONNREFUSED":
      return down(`connection to port ${port} refused`);
    case "ECONNRESET":
    case "EPIPE":
      return down(`connection to port ${port} broken off`);
    case "ETIMEDOUT":
      return down("no answer");
    case "EHOSTUNREACH":
    case "EHOSTDOWN":
      return down("host unreachable");
    case "ENETUNREACH":
    case "ENETDOWN":
      return down("network unreachable");
    default:
      return failed(
        `no connection to port ${port} of ${host} could be tried (${typeof code === "string" ? code : error.message})`,
      );
  }
}
