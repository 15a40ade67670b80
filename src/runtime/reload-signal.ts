// SIGHUP, which asks to read the configuration again. It is heard from the first moment to the last, so that it never ends the process; one
// that comes while an earlier one is worked on is carried out afterwards, once, however many there were.

export interface ReloadSignal {
  /** Resolves when it was asked for since the last call; to `false` after `end`. */
  next(): Promise<boolean>;
  /** Nothing is carried out any more. The signal is still caught. */
  end(): void;
  dispose(): void;
}

export function reloadSignal(): ReloadSignal {
  let asked = false;
  let ended = false;
  let wake: (() => void) | undefined;
  const hear = (): void => {
    asked = true;
    wake?.();
  };
  process.on("SIGHUP", hear);
  return {
    async next() {
      if (!asked && !ended) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      asked = false;
      return !ended;
    },
    end() {
      ended = true;
      wake?.();
    },
    dispose() {
      process.removeListener("SIGHUP", hear);
    },
  };
}
