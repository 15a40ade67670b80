// Durations as people write them: a number of seconds (`90`, `0.5`) or a text `500ms` `90s` `15m` `2h` `1h30m` `1d`.
// One home for requests, configuration and command line. Not for points in time.

import { type Millis, millis } from "./time.ts";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Longer than any timer of a lab, short enough that sums stay exact integers: 10,000 days. */
const longestMs = 864_000_000_000;

/**
 * @param value a number of seconds, or text: digits (then seconds, as a shell would pass them) or parts, each a number and a unit,
 *   the units falling and each at most once
 * @returns milliseconds, rounded to whole ones; `undefined` if it is no duration: negative, not finite, over 10,000 days, blanks
 */
export function parseDuration(value: unknown): Millis | undefined {
  if (typeof value === "number") {
    return bounded(value * 1000);
  }
  if (typeof value !== "string") {
    return undefined;
  }
  if (/^\d+(\.\d+)?$/.test(value)) {
    return bounded(Number(value) * 1000);
  }
  if (
    !/^(\d+(\.\d+)?d)?(\d+(\.\d+)?h)?(\d+(\.\d+)?m(?!s))?(\d+(\.\d+)?s)?(\d+(\.\d+)?ms)?$/.test(value) ||
    value === ""
  ) {
    return undefined;
  }
  let sum = 0;
  for (const [, number, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])/g)) {
    sum += Number(number) * (unitMs[String(unit)] ?? Number.NaN);
  }
  return bounded(sum);
}

function bounded(ms: number): Millis | undefined {
  const whole = Math.round(ms);
  return Number.isFinite(ms) && whole >= 0 && whole <= longestMs ? millis(whole) : undefined;
}

/** The shortest text that `parseDuration` reads back as the same length: `1h30m`, `500ms`, `0s`. */
export function formatDuration(length: Millis): string {
  let rest = Math.round(length);
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"]) {
    const size = unitMs[unit] ?? 1;
    const count = Math.floor(rest / size);
    if (count > 0) {
      text += `${count}${unit}`;
      rest -= count * size;
    }
  }
  return text === "" ? "0s" : text;
}
