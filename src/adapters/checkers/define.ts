// The shape of a checker kind. A kind is one file and one line in registry.ts.

import type { z } from "zod";
import type { Checker } from "../../ports/checker.ts";

export interface CheckerKind<Schema extends z.ZodType> {
  readonly type: string;
  readonly summary: string;
  /** A strict object with the literal `type` and the kind's own fields; `interval`, `timeout`, `rise`, `fall` are added for all kinds. */
  readonly options: Schema;
  readonly create: (options: z.output<Schema>) => Checker;
}

export const defineChecker = <Schema extends z.ZodType>(kind: CheckerKind<Schema>): CheckerKind<Schema> =>
  kind;
