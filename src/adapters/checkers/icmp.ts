// Up when the host answers a ping. The system's ping is used, because sending one oneself takes privileges. The package `ping`
// knows its arguments and its output on each system; it is run from here and not by the package, whose own `probe` cannot be
// stopped at a timeout, keeps the exit status to itself, and brings the process down when the first line has fewer than three words.

import { isIPv6 } from "node:net";
import builders from "ping/lib/builder/factory.js";
import parsers from "ping/lib/parser/factory.js";
import { z } from "zod";
import type { Checker, CheckResult } from "../../ports/checker.ts";
import { hostName } from "../options.ts";
import { commandRunner, type Ended, firstLine, type RunCommand } from "../run-command.ts";
import { defineChecker } from "./define.ts";
import { lookUpOf } from "./look-up.ts";
import { down, failed, noAnswer, up } from "./outcomes.ts";

const options = z.strictObject({
  type: z.literal("icmp").meta({ description: "Up when the host answers a ping." }),
  host: hostName.meta({ description: "The host's name or address." }),
});

export const icmp = defineChecker({
  type: "icmp",
  summary: "Up when the host answers a ping.",
  needs:
    "The program `ping` (Debian: `iputils-ping`), the right of lastout's user to use it, and a host that answers. A machine answers pings " +
    "before its services run; `tcp` waits for one of these.",
  options,
  examples: [
    {
      title: "A host",
      about: "Two answers in a row make it available, three misses end that.",
      name: "build1",
      options: { type: "icmp", host: "build1.lab" },
    },
  ],
  create: createIcmp,
});

/** Ping asks once a second until it is answered or stopped; if this process is killed meanwhile, that ends it. */
const longestPingSeconds = 60;

function createIcmp({ host }: z.output<typeof options>): Checker {
  const lookUp = lookUpOf(host);
  const run = commandRunner();
  return {
    async check(signal) {
      const found = await lookUp(signal);
      switch (found.kind) {
        case "aborted":
          return noAnswer;
        case "failed":
          return failed(found.sentence);
        case "found":
          return ping(found.addresses[0].address, run, signal);
      }
    },
  };
}

async function ping(address: string, run: RunCommand, signal: AbortSignal): Promise<CheckResult> {
  let command: [string, ...string[]];
  try {
    command = pingCommand(address);
  } catch (error) {
    return failed(
      `no ping is known for this system (${error instanceof Error ? error.message : String(error)})`,
    );
  }
  // The output is read by a program, so it must be in one language.
  return resultOf(
    await run(command, { PATH: process.env["PATH"] ?? "", LANG: "C", LC_ALL: "C" }, signal),
    address,
  );
}

function pingCommand(address: string): [string, ...string[]] {
  // On Linux ping itself takes both kinds of addresses, and some distributions have no ping6.
  const six = isIPv6(address) && process.platform !== "linux";
  const config = {
    numeric: true,
    timeout: false,
    deadline: longestPingSeconds,
    min_reply: 1,
    v6: six,
  } as const;
  return [
    builders.getExecutablePath(process.platform, six),
    ...builders.createBuilder(process.platform).getCommandArguments(address, { ...config }),
  ];
}

function resultOf(ended: Ended, address: string): CheckResult {
  switch (ended.kind) {
    case "exited":
      return resultOfOutput(ended.status, ended.output, address);
    case "aborted":
      return noAnswer;
    case "killed-by":
      return failed(`ping was ended by ${ended.name}`);
    case "stuck":
      return failed("an earlier ping was killed and has still not ended");
    case "failed":
      return failed(
        ended.code === "ENOENT"
          ? "there is no program ping on this machine: install it (Debian, Ubuntu: apt install iputils-ping; others: iputils), or check a port with type tcp"
          : `ping cannot be started (${ended.code})`,
      );
  }
}

/**
 * iputils: 0 answered, 1 not answered, 2 something else is wrong. BSD and macOS: 0, 2, above. An answer counts only when it can
 * be read, too; "unreachable" is the network's word that the host is not there, whatever the status.
 */
function resultOfOutput(status: number, output: string, address: string): CheckResult {
  const time = status === 0 ? roundTrip(output, address) : undefined;
  if (time !== undefined) {
    return up(`answered in ${time} ms`);
  }
  if (/unreachable/i.test(output)) {
    return down("host or network unreachable");
  }
  if (/not permitted|permission denied|lacking privilege/i.test(output)) {
    return failed(
      "ping is not permitted to this user: set net.ipv4.ping_group_range with sysctl, or setcap cap_net_raw+ep on the program ping",
    );
  }
  if (status === 1 || (status === 2 && /100(\.0)?% packet loss/.test(output))) {
    return down("no answer");
  }
  const line = firstLine(output);
  return failed(`ping ended with status ${status}${line === "" ? "" : `: ${line}`}`);
}

/** Milliseconds, or `undefined` where the output tells of no answer, or is not the output of a ping. */
function roundTrip(output: string, address: string): number | undefined {
  const parser = parsers.createParser(address, process.platform);
  try {
    for (const line of output.split("\n")) {
      parser.eat(line);
    }
    const { alive, time } = parser.getResult();
    return alive && typeof time === "number" ? time : undefined;
  } catch {
    // The parser trips over lines that no ping prints: then there is nothing to be read from them.
    return undefined;
  }
}
