// All kinds of checkers. A new kind is its file and one word in the list; the configuration, its JSON Schema, the reference
// and the contract tests follow from the list.

import { z } from "zod";
import type { Checker } from "../../ports/checker.ts";
import type { CheckerParts } from "./define.ts";
import { exec } from "./exec.ts";
import { icmp } from "./icmp.ts";
import { mqtt } from "./mqtt.ts";
import { tcp } from "./tcp.ts";

export const checkerKinds = [exec, icmp, mqtt, tcp] as const;

type Kinds = typeof checkerKinds;
type OptionsOf<List extends Kinds> = { readonly [Index in keyof List]: List[Index]["options"] };

/** Told apart by `type`. To add a field to all of them, extend each kind's `options` with `safeExtend`, which keeps its checks. */
export const checkerOptions = z.discriminatedUnion(
  "type",
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `map` keeps order and length, its type does not say so
  checkerKinds.map((kind) => kind.options) as unknown as OptionsOf<Kinds>,
);
export type CheckerOptions = z.output<typeof checkerOptions>;

export function createChecker(options: CheckerOptions, parts: CheckerParts): Checker {
  const kind = checkerKinds.find((known) => known.type === options.type);
  if (kind === undefined) {
    throw new TypeError(`no kind of checker is named ${options.type}`);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kind was found by the type of these very options
  const create = kind.create as (options: CheckerOptions, parts: CheckerParts) => Checker;
  return create(options, parts);
}
