// A real clock that runs faster, for tests of waits that would be seconds: 300 ms stand for 3 s at a pace of 10.

import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { instant, millis } from "../../src/core/time.ts";
import type { Clock } from "../../src/ports/clock.ts";

export function fastClock(pace: number): Clock {
  return {
    now: () => instant(systemClock.now() * pace),
    wall: () => systemClock.wall(),
    uptime: () => millis(systemClock.uptime() * pace),
    boot: systemClock.boot,
    sleep: (length, signal) => systemClock.sleep(millis(length / pace), signal),
    deadline: (length, also) => systemClock.deadline(millis(length / pace), also),
  };
}
