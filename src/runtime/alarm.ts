// The loop's only timer. It is set anew after every turn; a wait longer than a timer can take ends early,
// which is harmless, because whoever wakes up looks at the clock.

/** Node fires a longer timer after 1 ms (2^31-1 ms, documentation of `setTimeout`). */
const longestMs = 2_147_483_647;

export interface Alarm {
  set(inMs: number): void;
  clear(): void;
}

export function createAlarm(ring: () => void): Alarm {
  let timer: NodeJS.Timeout | undefined;
  return {
    set(inMs) {
      clearTimeout(timer);
      timer = setTimeout(ring, Math.min(Math.max(0, inMs), longestMs));
    },
    clear() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
