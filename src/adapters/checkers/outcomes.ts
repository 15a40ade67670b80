// The three outcomes of a check, in the words that all kinds share.

import type { CheckResult } from "../../ports/checker.ts";

export const up = (message: string): CheckResult => ({ outcome: "up", message });
export const down = (message: string): CheckResult => ({ outcome: "down", message });
export const failed = (message: string): CheckResult => ({ outcome: "error", message });

/** For a check that was aborted at its timeout. */
export const noAnswer = down("no answer within the timeout");
