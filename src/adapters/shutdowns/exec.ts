// Shuts a machine down with a program of the user, which says by its exit status whether that worked. What it prints is for
// people only and is not trusted.

import { z } from "zod";
import type { Shutdown, ShutdownResult } from "../../ports/shutdown.ts";
import { fewVariables } from "../environment.ts";
import { argumentList } from "../options.ts";
import { commandRunner, type Ended, firstLine, whyNotStarted } from "../run-command.ts";
import { defineShutdown, type ShutdownParts } from "./define.ts";
import { done, failed } from "./outcomes.ts";

const options = z.strictObject({
  type: z.literal("exec").meta({ description: "Shut down by a program of yours." }),
  command: argumentList.meta({
    description:
      "The program and its arguments, as a list; no shell reads them. Best with the program's whole path. " +
      "Exit status 0 says that the machine was told and shuts down, anything else that it was not; the first line it prints is shown " +
      "to people. It runs with little more than PATH, HOME and LANG in its environment, and is ended at the timeout with all that it started.",
  }),
});

export const exec = defineShutdown({
  type: "exec",
  summary: "Shuts down with a program of yours, which ends with status 0 when that worked.",
  needs: "The program, on the machine that lastout runs on, and the right of its user to run it.",
  options,
  examples: [
    {
      title: "A machine with a management controller",
      about: "The program presses the power button softly; the check shows when the machine is down.",
      name: "build1",
      options: {
        type: "exec",
        command: ["/usr/bin/ipmitool", "-H", "build1-bmc.lab", "-f", "/etc/lastout/bmc", "power", "soft"],
      },
    },
  ],
  create: createExec,
});

function createExec({ command }: z.output<typeof options>, { clock }: ShutdownParts): Shutdown {
  const run = commandRunner(clock);
  return {
    async run(signal) {
      return resultOf(await run(command, fewVariables(), signal), command[0]);
    },
  };
}

function resultOf(ended: Ended, program: string): ShutdownResult {
  switch (ended.kind) {
    case "exited": {
      const line = firstLine(ended.output);
      const said = line === "" ? "" : `: ${line}`;
      return ended.status === 0
        ? done(line === "" ? `${program} ended with status 0` : line)
        : failed(`${program} ended with status ${ended.status}${said}`);
    }
    case "aborted":
      return failed(
        `${program} did not end in time and was stopped; whether the machine was told is not known`,
      );
    case "killed-by":
      return failed(`${program} was ended by ${ended.name}`);
    case "stuck":
      return failed(`${program} was killed at an earlier attempt and has still not ended`);
    case "failed":
      return failed(`${program} cannot be started: ${whyNotStarted(ended.code)}`);
  }
}
