// SIGTERM and SIGINT, once each: the first asks for a clean stop, the second ends the process as the system would. So does SIGHUP, where
// it does not ask to read the configuration again: the terminal is gone.

export function stopSignal(hangUpStops: boolean): { readonly asked: Promise<string>; dispose(): void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  const signals: readonly NodeJS.Signals[] = [
    "SIGTERM",
    "SIGINT",
    ...(hangUpStops ? (["SIGHUP"] as const) : []),
  ];
  const dispose = (): void => {
    for (const signal of signals) {
      process.removeListener(signal, stop);
    }
  };
  const stop = (signal: NodeJS.Signals): void => {
    dispose(); // the next one has its usual effect
    resolve(signal);
  };
  for (const signal of signals) {
    process.on(signal, stop);
  }
  return { asked: promise, dispose };
}
