// The shape of a switcher kind: its name, its options and how one is made. A kind is one file and one line in registry.ts.

import type { z } from "zod";
import type { Bus } from "../../ports/bus.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Capabilities, Switcher } from "../../ports/switcher.ts";
import type { Example } from "../example.ts";

/** What a kind may use of the program. */
export interface SwitcherParts {
  /** The switcher's name in the configuration. */
  readonly name: string;
  readonly bus: Bus;
  readonly clock: Clock;
}

export interface SwitcherKind<Schema extends z.ZodType> {
  readonly type: string;
  /** One sentence for the reference. */
  readonly summary: string;
  /** What has to be there for it: devices, programs, settings. Markdown, whole sentences. */
  readonly needs: string;
  /** A strict object with the literal `type`, each field with `.meta({ description })`. Defaults are applied by parsing. */
  readonly options: Schema;
  /** Number of outlets; `undefined`: one, named by the switcher alone. */
  readonly outlets: (options: z.output<Schema>) => number | undefined;
  /** What a switcher with these options can do: some of it hangs on them. */
  readonly capabilities: (options: z.output<Schema>) => Capabilities;
  /** At least one; the options of all together are the choices that matter. */
  readonly examples: readonly Example<z.input<Schema>>[];
  readonly create: (options: z.output<Schema>, parts: SwitcherParts) => Switcher;
}

export const defineSwitcher = <Schema extends z.ZodType>(kind: SwitcherKind<Schema>): SwitcherKind<Schema> =>
  kind;

/** Outlet ids of a switcher: its name alone, or `name/1` ... `name/n`. */
export const outletIds = (name: string, outlets: number | undefined): readonly string[] =>
  outlets === undefined ? [name] : Array.from({ length: outlets }, (_, index) => `${name}/${index + 1}`);
