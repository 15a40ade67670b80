// Asks a switcher that does not tell of changes by itself, one question at a time. What it answers goes the way of all its reports; what
// follows from silence is decided in the core, which then asks on its own account.

import type { Millis } from "../core/time.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Switcher } from "../ports/switcher.ts";

export interface Poll {
  readonly switcher: Switcher;
  readonly every: Millis;
  /** For one question, as the configuration has it at that moment. */
  readonly timeout: () => Millis;
  /** The first question without an answer, after one that had one. */
  readonly failed: () => void;
}

/** Ask until the signal aborts; the first time after `every`, because at its start the core asks. Never rejects. */
export async function polling(
  { switcher, every, timeout, failed }: Poll,
  stop: AbortSignal,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<void> {
  let answering = true;
  for (;;) {
    await clock.sleep(every, stop);
    if (stop.aborted) {
      return;
    }
    const deadline = clock.deadline(timeout(), stop);
    try {
      await switcher.ask(deadline.signal);
      answering = true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.debug({ switcher: switcher.name, reason }, "A switcher was asked in vain");
      if (answering && !stop.aborted) {
        failed();
      }
      answering = false;
    } finally {
      deadline.dispose();
    }
  }
}
