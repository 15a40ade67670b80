// The four outcomes of a shutdown, in the words that all kinds share.

import type { ShutdownResult } from "../../ports/shutdown.ts";

export const done = (message: string): ShutdownResult => ({ outcome: "done", message });
export const accepted = (message: string): ShutdownResult => ({ outcome: "accepted", message });
export const failed = (message: string): ShutdownResult => ({ outcome: "failed", message });
export const unsure = (message: string): ShutdownResult => ({ outcome: "unsure", message });
