// An outlet that is switched by programs of the user: whatever has a command line can be switched so. Their exit status counts; what
// they print is for people only. One program at a time, each ended at its timeout.

import { z } from "zod";
import type { Position } from "../../core/settings.ts";
import { millis } from "../../core/time.ts";
import {
  type Capabilities,
  type Switcher,
  SwitcherError,
  type SwitcherReport,
} from "../../ports/switcher.ts";
import { fewVariables } from "../environment.ts";
import { oneAtATime } from "../one-at-a-time.ts";
import { argumentList, duration } from "../options.ts";
import { commandRunner, type Ended, firstLine, whyNotStarted } from "../run-command.ts";
import { defineSwitcher, type SwitcherParts } from "./define.ts";

/** Programs cost more than messages, and somebody at the socket is noticed within that time. */
const pollDefault = millis(30_000);
const shortestPoll = millis(1000);

const options = z
  .strictObject({
    type: z.literal("exec").meta({ description: "An outlet that is switched by programs of yours." }),
    on: argumentList.meta({
      description:
        "The program that switches on, and its arguments, as a list; no shell reads them. Best with the program's whole path. Exit status 0: " +
        "done; anything else: it failed, and the first line it prints is shown to people. It is repeated until the outlet is on, so it " +
        "has to do no harm a second time. It runs with little more than PATH, HOME and LANG in its environment, one at a time for this " +
        "switcher, and is ended at the timeout with all that it started.",
    }),
    off: argumentList.meta({ description: "The program that switches off; as `on`." }),
    read: argumentList.optional().meta({
      description:
        "The program that tells the position: exit status 0 is on, 1 is off, anything else says nothing. It runs after each switching, when " +
        "the controller asks, and every `poll`; it should end within 3 seconds. Absent: the position is assumed, " +
        "nobody is noticed who switches by hand, and `assume` is required.",
    }),
    poll: duration
      .refine((length) => length >= shortestPoll, {
        error: "is shorter than 1s; a program would hardly end before the next one begins",
      })
      .optional()
      .meta({
        description:
          "How often `read` is run, so that a change by hand is noticed; a duration of at least 1s. Default 30s.",
      }),
    assume: z
      .enum(["on", "off"])
      .optional()
      .meta({
        description:
          "Required without `read`, and only there: what lastout takes it for at its start; from then on what the last switching that " +
          "succeeded has left. With `on` nothing is called off that was not switched off, and what is off in truth is not switched on before " +
          "it was switched off once. With `off` it is switched on for the first token, and for those held already at a restart, once more.",
      }),
  })
  .superRefine(({ read, poll, assume }, context) => {
    const refuse = (field: string, message: string): void =>
      context.addIssue({ code: "custom", path: [field], message, input: undefined });
    if (poll !== undefined && read === undefined) {
      refuse("poll", "has nothing to ask: give the program as `read`, or leave `poll` out");
    }
    if (assume === undefined && read === undefined) {
      refuse(
        "assume",
        "is missing: without `read` nothing tells the position; write `read`, or whether it is taken for on or off at a start",
      );
    }
    if (assume !== undefined && read !== undefined) {
      refuse("assume", "is only for what cannot be read: leave it out, or `read`");
    }
  });

type Options = z.output<typeof options>;

const capabilities = ({ read }: Options): Capabilities => ({
  readback: read === undefined ? "assumed" : "hardware",
  push: false,
  meter: false,
});

export const exec = defineSwitcher({
  type: "exec",
  summary: "An outlet that programs of yours switch and read, for whatever has a command line.",
  needs: "The programs, on the machine that lastout runs on, and the right of its user to run them.",
  options,
  outlets: () => undefined,
  capabilities,
  examples: [
    {
      title: "A socket with a command line",
      about:
        "The best case: `read` tells the position, so that every switching is confirmed and a hand at the socket is noticed within `poll`.",
      name: "usb-socket",
      options: {
        type: "exec",
        on: ["/usr/local/bin/socket", "on", "3"],
        off: ["/usr/local/bin/socket", "off", "3"],
        read: ["/usr/local/bin/socket", "is-on", "3"],
        poll: "1m",
      },
    },
    {
      title: "A socket that cannot be read",
      about:
        "Without `read` the position is what the last command left; nobody is noticed who switches by hand. Use it only where that does no harm.",
      name: "blind-socket",
      options: {
        type: "exec",
        on: ["/usr/local/bin/send-433", "3", "on"],
        off: ["/usr/local/bin/send-433", "3", "off"],
        assume: "on",
      },
    },
  ],
  create: createExec,
});

function createExec(given: Options, { name, clock }: SwitcherParts): Switcher {
  const { read } = given;
  const run = commandRunner(clock);
  const inTurn = oneAtATime();
  /** Rises with every command: what was read before one, or while it waited, says nothing about what came of it. */
  let told = 0;
  /** Of what cannot be read: where the last command that succeeded has left it. */
  let assumed: Position = given.assume ?? "off";
  let reading: AbortController | undefined;
  let state: "new" | "running" | "closed" = "new";
  let report: (report: SwitcherReport) => void = unheard;

  const begin = (signal: AbortSignal): void => {
    if (signal.aborted) {
      throw new SwitcherError("aborted", `${name}: nothing was started, it was no longer wanted`);
    }
    if (state !== "running") {
      throw new SwitcherError("unreachable", `${name} does not run`);
    }
  };

  const tell = (position: Position): void =>
    report({ kind: "position", outlet: name, position, uptime: undefined });

  /** Runs a program in its turn; a closed switcher starts none. */
  async function started<Result extends object>(
    sort: "command" | "question",
    signal: AbortSignal,
    start: () => Promise<Result>,
  ): Promise<Result> {
    const ended = await inTurn(sort, signal, async () => (state === "running" ? start() : undefined));
    if (ended === undefined) {
      throw new SwitcherError("aborted", `${name}: its turn did not come in time, nothing was started`);
    }
    return ended;
  }

  async function readBack(
    command: Options["on"],
    sort: "command" | "question",
    signal: AbortSignal,
  ): Promise<void> {
    let before = told;
    const ended = await started(sort, signal, () => {
      before = told;
      return interruptible(command, signal);
    });
    const position = positionOf(ended, name, command[0]);
    if (told === before) {
      tell(position);
    }
  }

  /** Reading may be broken off at any time; a switching is not, but at its own timeout. */
  async function interruptible(command: Options["on"], signal: AbortSignal): Promise<Ended> {
    const ends = new AbortController();
    const abort = (): void => ends.abort();
    signal.addEventListener("abort", abort, { once: true });
    reading = ends;
    if (signal.aborted) {
      abort();
    }
    try {
      return await run(command, fewVariables(), ends.signal);
    } finally {
      reading = undefined;
      signal.removeEventListener("abort", abort);
    }
  }

  return {
    name,
    outlets: [name],
    capabilities: capabilities(given),
    ...(read === undefined ? {} : { askEvery: given.poll ?? pollDefault }),
    start(to) {
      report = to;
      state = "running";
      report({ kind: "connected" });
      if (given.assume === "off") {
        // What it was told before our start is forgotten. That is as after a reboot: nobody's hand has switched it off.
        report({ kind: "rebooted" });
      }
    },
    async set(outlet, position, signal) {
      begin(signal);
      if (outlet !== name) {
        throw new SwitcherError("refused", `${name} has no outlet ${outlet}`);
      }
      told += 1;
      const mine = told;
      const command = given[position];
      const ended = await started("command", signal, async () => {
        const result = await run(command, fewVariables(), signal);
        if (result.kind === "exited" && result.status === 0) {
          assumed = position; // before whoever is next has its turn
        }
        return result;
      });
      succeeded(ended, name, command[0]);
      if (read === undefined) {
        if (told === mine) {
          tell(position);
        }
        return;
      }
      try {
        await readBack(read, "command", signal);
      } catch {
        // The command was carried out. Where that has left the outlet is not known, which nobody is told: it will be asked.
      }
    },
    async ask(signal) {
      begin(signal);
      if (read === undefined) {
        // Not before the command that is under way has ended: what is assumed is about to change.
        const { position } = await started("question", signal, async () => ({ position: assumed }));
        tell(position);
      } else {
        await readBack(read, "question", signal);
      }
    },
    async measure(signal) {
      begin(signal);
    },
    async close() {
      state = "closed";
      report = unheard;
      reading?.abort();
      await inTurn("question", new AbortController().signal, async () => undefined);
    },
  };
}

const unheard = (): void => undefined;

/** @throws SwitcherError */
function succeeded(ended: Ended, name: string, program: string): void {
  if (statusOf(ended, name, program) !== 0) {
    throw new SwitcherError("refused", sentenceOf(ended, name, program));
  }
}

/** @throws SwitcherError */
function positionOf(ended: Ended, name: string, program: string): Position {
  const status = statusOf(ended, name, program);
  if (status !== 0 && status !== 1) {
    throw new SwitcherError("unreachable", sentenceOf(ended, name, program));
  }
  return status === 0 ? "on" : "off";
}

/** @returns `undefined`: it was ended by a signal @throws SwitcherError */
function statusOf(ended: Ended, name: string, program: string): number | undefined {
  switch (ended.kind) {
    case "exited":
      return ended.status;
    case "killed-by":
      return undefined;
    case "aborted":
      throw new SwitcherError("aborted", sentenceOf(ended, name, program));
    case "stuck":
    case "failed":
      throw new SwitcherError("unreachable", sentenceOf(ended, name, program));
  }
}

function sentenceOf(ended: Ended, name: string, program: string): string {
  switch (ended.kind) {
    case "exited": {
      const line = firstLine(ended.output);
      return `${name}: ${program} ended with status ${ended.status}${line === "" ? "" : `: ${line}`}`;
    }
    case "killed-by":
      return `${name}: ${program} was ended by ${ended.name}`;
    case "aborted":
      return `${name}: ${program} did not end in time and was ended`;
    case "stuck":
      return `${name}: a program that was killed earlier has still not ended`;
    case "failed":
      return `${name}: ${program} cannot be started: ${whyNotStarted(ended.code)}`;
  }
}
