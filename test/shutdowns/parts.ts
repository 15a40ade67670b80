// What a shutdown under test gets of the program: real clocks, and a bus in memory that is not connected.

import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { createShutdown, shutdownOptions } from "../../src/adapters/shutdowns/registry.ts";
import type { ShutdownParts } from "../../src/adapters/shutdowns/define.ts";
import type { Shutdown } from "../../src/ports/shutdown.ts";
import { memoryBus } from "../support/memory-bus.ts";

export const made = (
  options: Readonly<Record<string, unknown>>,
  parts: Partial<ShutdownParts> = {},
): Shutdown =>
  createShutdown(shutdownOptions.parse(options), { bus: memoryBus(), clock: systemClock, ...parts });

/** What is wrong with options, as `field: message`. */
export const mistakes = (options: Readonly<Record<string, unknown>>): readonly string[] =>
  shutdownOptions
    .safeParse(options)
    .error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];

export const soon = (): AbortSignal => AbortSignal.timeout(30_000);
