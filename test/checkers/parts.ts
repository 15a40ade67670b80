// What a checker may use of the program, for tests of kinds that use none of it.

import type { CheckerParts } from "../../src/adapters/checkers/define.ts";
import { handClock } from "../support/hand-clock.ts";
import { memoryBus } from "../support/memory-bus.ts";

export const parts = (): CheckerParts => ({ bus: memoryBus(), clock: handClock() });
