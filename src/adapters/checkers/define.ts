// The shape of a checker kind. A kind is one file and one line in registry.ts.

import type { z } from "zod";
import type { Bus } from "../../ports/bus.ts";
import type { Checker } from "../../ports/checker.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Example } from "../example.ts";

/** What a kind may use of the program. */
export interface CheckerParts {
  readonly bus: Bus;
  readonly clock: Clock;
}

export interface CheckerKind<Schema extends z.ZodType> {
  readonly type: string;
  readonly summary: string;
  /** What has to be there for it: devices, programs, settings. Markdown, whole sentences. */
  readonly needs: string;
  /** A strict object with the literal `type` and the kind's own fields; `interval`, `timeout`, `rise`, `fall` are added for all kinds. */
  readonly options: Schema;
  /** At least one; the options of all together are the choices that matter. */
  readonly examples: readonly Example<z.input<Schema>>[];
  readonly create: (options: z.output<Schema>, parts: CheckerParts) => Checker;
}

export const defineChecker = <Schema extends z.ZodType>(kind: CheckerKind<Schema>): CheckerKind<Schema> =>
  kind;
