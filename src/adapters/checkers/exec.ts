// Up when a program of the user says so by its exit status. What it prints is for people only and is not trusted.

import { z } from "zod";
import type { Checker, CheckResult } from "../../ports/checker.ts";
import { fewVariables } from "../environment.ts";
import { argumentList } from "../options.ts";
import { commandRunner, type Ended, firstLine, whyNotStarted } from "../run-command.ts";
import { defineChecker } from "./define.ts";
import { down, failed, noAnswer, up } from "./outcomes.ts";

const options = z.strictObject({
  type: z.literal("exec").meta({ description: "Up when a program ends with status 0." }),
  command: argumentList.meta({
    description:
      "The program and its arguments, as a list; no shell reads them. Best with the program's whole path. " +
      "Exit status 0 is up, 1 is down, anything else an error; the first line it prints is shown to people. " +
      "It runs with little more than PATH, HOME and LANG in its environment, and is killed at the timeout with all that it started.",
  }),
});

export const exec = defineChecker({
  type: "exec",
  summary: "Up when a program of yours ends with status 0, down with 1.",
  needs: "The program, on the machine that lastout runs on, and the right of its user to run it.",
  options,
  examples: [
    {
      title: "A program of your own",
      about: "Anything that can be found out by a program is a check. Here: the disk array is mounted.",
      name: "build1",
      options: { type: "exec", command: ["/usr/local/bin/array-mounted", "build1.lab"] },
    },
  ],
  create: createExec,
});

function createExec({ command }: z.output<typeof options>): Checker {
  const run = commandRunner();
  return {
    async check(signal) {
      return resultOf(await run(command, fewVariables(), signal), command[0]);
    },
  };
}

function resultOf(ended: Ended, program: string): CheckResult {
  switch (ended.kind) {
    case "exited":
      return resultOfStatus(ended.status, firstLine(ended.output), program);
    case "aborted":
      return noAnswer;
    case "killed-by":
      return failed(`${program} was ended by ${ended.name}`);
    case "stuck":
      return failed(`${program} was killed at an earlier check and has still not ended`);
    case "failed":
      return failed(`${program} cannot be started: ${whyNotStarted(ended.code)}`);
  }
}

function resultOfStatus(status: number, line: string, program: string): CheckResult {
  switch (status) {
    case 0:
      return up(line === "" ? "exit status 0" : line);
    case 1:
      return down(line === "" ? "exit status 1" : line);
    default:
      return failed(`${program} ended with status ${status}${line === "" ? "" : `: ${line}`}`);
  }
}
