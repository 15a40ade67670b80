// The shape of a shutdown kind: how one sort of machine is told to shut down. A kind is one file and one line in registry.ts.

import type { z } from "zod";
import type { Bus } from "../../ports/bus.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Shutdown } from "../../ports/shutdown.ts";
import type { Example } from "../example.ts";

/** What a kind may use of the program. */
export interface ShutdownParts {
  readonly bus: Bus;
  readonly clock: Clock;
}

export interface ShutdownKind<Schema extends z.ZodType> {
  readonly type: string;
  /** One sentence for the reference. */
  readonly summary: string;
  /** What has to be there for it: devices, programs, settings. Markdown, whole sentences. */
  readonly needs: string;
  /**
   * A strict object with the literal `type` and the kind's own fields; `timeout`, `settle`, `idleBelow`, `onTimeout` are added for
   * all kinds, so that no kind has fields of these names.
   */
  readonly options: Schema;
  /** At least one; the options of all together are the choices that matter. */
  readonly examples: readonly Example<z.input<Schema>>[];
  readonly create: (options: z.output<Schema>, parts: ShutdownParts) => Shutdown;
}

export const defineShutdown = <Schema extends z.ZodType>(kind: ShutdownKind<Schema>): ShutdownKind<Schema> =>
  kind;
