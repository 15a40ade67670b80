// All kinds of switchers. A new kind is its file and one word in the list; the configuration, its JSON Schema, the reference
// and the contract tests follow from the list.

import { z } from "zod";
import type { Capabilities, Switcher } from "../../ports/switcher.ts";
import type { SwitcherParts } from "./define.ts";
import { exec } from "./exec.ts";
import { mqtt } from "./mqtt.ts";
import { simulated } from "./simulated.ts";
import { tasmota } from "./tasmota.ts";

export const switcherKinds = [exec, mqtt, simulated, tasmota] as const;

type Kinds = typeof switcherKinds;
type OptionsOf<List extends Kinds> = { readonly [Index in keyof List]: List[Index]["options"] };

/** Told apart by `type`. To add a field to all of them, extend each kind's `options` with `safeExtend`, which keeps its checks. */
export const switcherOptions = z.discriminatedUnion(
  "type",
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `map` keeps order and length, its type does not say so
  switcherKinds.map((kind) => kind.options) as unknown as OptionsOf<Kinds>,
);
export type SwitcherOptions = z.output<typeof switcherOptions>;

export function createSwitcher(options: SwitcherOptions, parts: SwitcherParts): Switcher {
  return kindOf(options).create(options, parts);
}

/** What a switcher with these options can do, before it is made. */
export const capabilitiesOf = (options: SwitcherOptions): Capabilities =>
  kindOf(options).capabilities(options);

interface AnyKind {
  readonly create: (options: SwitcherOptions, parts: SwitcherParts) => Switcher;
  readonly capabilities: (options: SwitcherOptions) => Capabilities;
}

function kindOf({ type }: SwitcherOptions): AnyKind {
  const kind = switcherKinds.find((known) => known.type === type);
  if (kind === undefined) {
    throw new TypeError(`no kind of switcher is named ${type}`);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kind was found by the type of the options that it is given
  return kind as unknown as AnyKind;
}
