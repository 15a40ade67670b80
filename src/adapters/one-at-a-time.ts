// Calls to a device that can do only one thing at a time: each waits for its turn, commands before questions, and no longer than its
// signal allows. Nothing is repeated, and a call that is under way is never interrupted from here.

export type OneAtATime = <Value>(
  /** `command`: before all questions that wait. */
  sort: "command" | "question",
  signal: AbortSignal,
  call: () => Promise<Value>,
) => Promise<Value | undefined>;

/** @returns a function that gives what the call gives, or `undefined` when the signal aborts before its turn comes: it was not made then */
export function oneAtATime(): OneAtATime {
  let busy = false;
  const commands: (() => void)[] = [];
  const questions: (() => void)[] = [];

  function turn(waiting: (() => void)[], signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      if (signal.aborted || !busy) {
        busy ||= !signal.aborted;
        resolve(!signal.aborted);
        return;
      }
      const go = (): void => {
        signal.removeEventListener("abort", leave);
        resolve(true);
      };
      const leave = (): void => {
        waiting.splice(waiting.indexOf(go), 1);
        resolve(false);
      };
      signal.addEventListener("abort", leave, { once: true });
      waiting.push(go);
    });
  }

  function next(): void {
    const go = commands.shift() ?? questions.shift();
    if (go === undefined) {
      busy = false;
    } else {
      go();
    }
  }

  return async (sort, signal, call) => {
    if (!(await turn(sort === "command" ? commands : questions, signal))) {
      return undefined;
    }
    try {
      return await call();
    } finally {
      next();
    }
  };
}
