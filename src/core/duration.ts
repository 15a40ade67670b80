// Durations as people write them: a number of seconds (`90`, `0.5`) or a text `500ms` `90s` `15m` `2h` `1h30m` `1d`.
// One home for requests, configuration and command line. Not for points in time.

import { type Millis, millis } from "./time.ts";

/** Falling, in milliseconds. */
const units: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
];

/** The units falling, each at most once. */
const partsPattern = new RegExp(`^${units.map(([unit]) => `(?:(\\d+(?:\\.\\d+)?)${unit})?`).join("")}$`);

/** Longer than any timer of a lab, short enough that sums stay exact integers: 10,000 days. */
const longestMs = 864_000_000_000;

/**
 * @param value a number of seconds, or text: digits (then seconds, as a shell would pass them) or parts, each a number and a unit,
 *   the units falling and each at most once
 * @returns milliseconds, rounded to whole ones; `undefined` if it is no duration: negative, not finite, over 10,000 days, blanks
 */
export function parseDuration(value: unknown): Millis | undefined {
  const whole = Math.round(lengthOf(value));
  return whole >= 0 && whole <= longestMs ? millis(whole) : undefined;
}

/** It would be a duration if it were not over 10,000 days. */
export const isTooLong = (value: unknown): boolean => Math.round(lengthOf(value)) > longestMs;

/** In milliseconds, of any size; not a number if it has not the form of a duration. */
function lengthOf(value: unknown): number {
  if (typeof value === "number") {
    return value * 1000;
  }
  if (typeof value !== "string" || value === "") {
    return Number.NaN;
  }
  if (/^\d+(\.\d+)?$/.test(value)) {
    return Number(value) * 1000;
  }
  const parts = partsPattern.exec(value);
  return parts === null
    ? Number.NaN
    : units.reduce((sum, [, size], index) => sum + Number(parts[index + 1] ?? 0) * size, 0);
}

/** The shortest text that `parseDuration` reads back as the same length: `1h30m`, `500ms`, `0s`. */
export function formatDuration(length: Millis): string {
  let rest = Math.round(length);
  let text = "";
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    if (count > 0) {
      text += `${count}${unit}`;
      rest -= count * size;
    }
  }
  return text === "" ? "0s" : text;
}
