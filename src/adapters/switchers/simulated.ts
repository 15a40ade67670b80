// Outlets that exist only in this process: for trying a configuration, for demonstrations and tests. They behave like a real
// relay with a readback and forget their position when the program ends, like a socket that lost power.

import { z } from "zod";
import type { Position } from "../../core/settings.ts";
import { between, type Instant } from "../../core/time.ts";
import {
  type Capabilities,
  type Switcher,
  SwitcherError,
  type SwitcherReport,
} from "../../ports/switcher.ts";
import { duration } from "../options.ts";
import { defineSwitcher, outletIds, type SwitcherParts } from "./define.ts";

/** With `watts: 0` there is no meter. */
const capabilities = ({ watts }: { readonly watts: number }): Capabilities => ({
  readback: "hardware",
  push: true,
  meter: watts > 0,
});

const options = z.strictObject({
  type: z.literal("simulated").meta({ description: "Outlets that exist only in this process." }),
  outlets: z.int().min(1).max(64).optional().meta({
    description:
      "How many outlets, 1 to 64: they become a group, `NAME/1` to `NAME/n`. Without it there is one outlet, named by the switcher alone.",
  }),
  delay: duration.prefault("50ms").meta({
    description: "How long a relay takes to move, and a question to be answered; a duration. 0: at once.",
  }),
  watts: z.number().min(0).max(1_000_000).default(0).meta({
    description: "What an outlet draws while it is on, in watts, 0 to 1000000. 0: the outlets have no meter.",
  }),
  initial: z.enum(["on", "off"]).default("off").meta({
    description: "The position of all outlets when the program starts.",
  }),
});

export const simulated = defineSwitcher({
  type: "simulated",
  summary:
    "Outlets that exist only in this process, to try things out; they forget their position when it ends.",
  needs: "Nothing: no device, no broker beyond the one for requests.",
  options,
  outlets: (given) => given.outlets,
  capabilities,
  examples: [
    {
      title: "A strip to play with",
      about: "Four outlets that draw 40 watts each while they are on.",
      name: "strip",
      options: { type: "simulated", outlets: 4, delay: "200ms", watts: 40 },
    },
  ],
  create: createSimulated,
});

type Options = z.output<typeof options>;

function createSimulated(given: Options, { name, clock }: SwitcherParts): Switcher {
  const outlets = outletIds(name, given.outlets);
  const positions = new Map<string, Position>(outlets.map((outlet) => [outlet, given.initial]));
  const closing = new AbortController();
  const moving = new Set<Promise<void>>();
  let running: { readonly since: Instant; readonly report: (report: SwitcherReport) => void } | undefined;

  const started = (signal: AbortSignal): void => {
    if (signal.aborted) {
      throw new SwitcherError("aborted", `${name} was not told: it was no longer wanted`);
    }
    if (running === undefined) {
      throw new SwitcherError("unreachable", `${name} does not run`);
    }
  };

  const tell = (outlet: string): void => {
    const position = positions.get(outlet);
    if (running === undefined || position === undefined) {
      return;
    }
    running.report({ kind: "position", outlet, position, uptime: between(running.since, clock.now()) });
    read(outlet);
  };

  const read = (outlet: string): void => {
    if (given.watts > 0) {
      const watts = positions.get(outlet) === "on" ? given.watts : 0;
      running?.report({ kind: "reading", outlet, watts, kwh: undefined });
    }
  };

  /** Carry on without the caller, who hears of it by a report; `close` wakes and waits for all of these, and nobody hears of them. */
  const later = (act: () => void): void => {
    const move = async (): Promise<void> => {
      await clock.sleep(given.delay, closing.signal);
      act();
    };
    const moved = move().finally(() => moving.delete(moved));
    moving.add(moved);
  };

  return {
    name,
    outlets,
    capabilities: capabilities(given),
    start(report) {
      running = { since: clock.now(), report };
      report({ kind: "connected" });
    },
    async set(outlet, position, signal) {
      started(signal);
      if (!positions.has(outlet)) {
        throw new SwitcherError("refused", `${name} has no outlet ${outlet}`);
      }
      later(() => {
        positions.set(outlet, position);
        tell(outlet);
      });
    },
    async ask(signal) {
      started(signal);
      later(() => {
        for (const outlet of outlets) {
          tell(outlet);
        }
      });
    },
    async measure(signal) {
      started(signal);
      later(() => {
        for (const outlet of outlets) {
          read(outlet);
        }
      });
    },
    async close() {
      running = undefined;
      closing.abort();
      await Promise.all(moving);
    },
  };
}
