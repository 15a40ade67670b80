// The energy meter of a simulated Tasmota socket: sampled once a second on the device's clock, as the chip is, and summed up.
// How the values are written stands in tasmota-telemetry.ts.

export interface Meter {
  /** Watts per channel at the last sample. */
  readonly watts: readonly number[];
  readonly totalKwh: readonly number[];
  /** Since the last periodic telemetry. */
  readonly periodWh: readonly number[];
  /** Take a sample, one second after the last. */
  sample(): void;
  endPeriod(): void;
  /** The change in watts that PowerDelta tells of, if it is large enough since the last one told. */
  delta(setting: number): number | undefined;
}

export function createMeter(channels: number, read: (channel: number) => number): Meter {
  const numbers = Array.from({ length: channels }, (_, index) => index);
  let watts = numbers.map(() => 0);
  let totalKwh = numbers.map(() => 0);
  let periodWh = numbers.map(() => 0);
  let told = 0;
  const add = (sums: readonly number[], unit: number): number[] =>
    sums.map((sum, channel) => sum + (watts[channel] ?? 0) / unit);

  return {
    get watts() {
      return watts;
    },
    get totalKwh() {
      return totalKwh;
    },
    get periodWh() {
      return periodWh;
    },
    sample: () => {
      watts = numbers.map((channel) => read(channel));
      totalKwh = add(totalKwh, 3_600_000);
      periodWh = add(periodWh, 3600);
    },
    endPeriod: () => {
      periodWh = numbers.map(() => 0);
    },
    delta: (setting) => {
      const sum = watts.reduce((total, value) => total + value, 0);
      const change = Math.abs(sum - told);
      // 1 to 100 is a percentage of the last value told, from 101 on watts plus 100.
      const limit = setting <= 100 ? (told * setting) / 100 : setting - 100;
      if (setting === 0 || change === 0 || change < limit) {
        return undefined;
      }
      told = sum;
      return Math.round(change);
    },
  };
}
