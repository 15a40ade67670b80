// All kinds of shutdowns. A new kind is its file and one word in the list; the configuration, its JSON Schema, the reference
// and the contract tests follow from the list.

import { z } from "zod";
import type { Shutdown } from "../../ports/shutdown.ts";
import type { ShutdownParts } from "./define.ts";
import { exec } from "./exec.ts";
import { http } from "./http.ts";
import { mqtt } from "./mqtt.ts";
import { ssh } from "./ssh.ts";

export const shutdownKinds = [exec, http, mqtt, ssh] as const;

type Kinds = typeof shutdownKinds;
type OptionsOf<List extends Kinds> = { readonly [Index in keyof List]: List[Index]["options"] };

/** Told apart by `type`. To add a field to all of them, extend each kind's `options` with `safeExtend`, which keeps its checks. */
export const shutdownOptions = z.discriminatedUnion(
  "type",
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `map` keeps order and length, its type does not say so
  shutdownKinds.map((kind) => kind.options) as unknown as OptionsOf<Kinds>,
);
export type ShutdownOptions = z.output<typeof shutdownOptions>;

export function createShutdown(options: ShutdownOptions, parts: ShutdownParts): Shutdown {
  const kind = shutdownKinds.find((known) => known.type === options.type);
  if (kind === undefined) {
    throw new TypeError(`no kind of shutdown is named ${options.type}`);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kind was found by the type of these very options
  const create = kind.create as (options: ShutdownOptions, parts: ShutdownParts) => Shutdown;
  return create(options, parts);
}
