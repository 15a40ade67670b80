// The service manager that started the program (systemd), where one did and wants to be told what it is doing. What it is told, and
// when, is the runtime's.

import type { Millis } from "../core/time.ts";

export interface ServiceManager {
  /** It restarts a program that has not said `WATCHDOG=1` for so long; `undefined`: it does not watch. */
  readonly watchdog: Millis | undefined;
  /** Tell it these variables (sd_notify(3)), after all that was told before. Never throws; nothing happens where nobody listens. */
  tell(variables: Readonly<Record<string, string>>): void;
  /** Resolves when it has heard everything, or does not listen any more. */
  close(): Promise<void>;
}
