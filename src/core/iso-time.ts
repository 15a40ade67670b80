// Reading points in time as people and programs write them, ISO 8601 (RFC 3339 section 5.6); the way back from isoOf. Not for lengths
// of time: duration.ts.

import { isoOf, type WallTime, wallTime } from "./time.ts";

const pattern =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * @param text date and time with their zone: `2026-11-22T08:00:00.000Z`, `2026-11-22T09:00+01:00`. Seconds may be missing; what is finer
 *   than a millisecond is dropped
 * @returns `undefined` if it is no such time, has no zone (whose noon would it be?), or names a day or an hour that there is not
 */
export function parseIso(text: string): WallTime | undefined {
  const found = pattern.exec(text);
  if (found === null) {
    return undefined;
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const fraction = Number((found[7] ?? "").padEnd(3, "0").slice(0, 3));
  const offsetHours = Number(found[9] ?? 0);
  const offsetMinutes = Number(found[10] ?? 0);
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) {
    return undefined;
  }
  const local =
    daysOf(year, month, day) * 86_400_000 + ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
  // Back again: a day that there is not, such as 30 February, comes out as another one.
  if (!isoOf(wallTime(local)).startsWith(`${found[1]}-${found[2]}-${found[3]}T`)) {
    return undefined;
  }
  const offset = (offsetHours * 60 + offsetMinutes) * 60_000;
  return wallTime(local + (found[8] === "-" ? offset : -offset));
}

/** Days since 1970-01-01. Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`. */
function daysOf(year: number, month: number, day: number): number {
  const shiftedYear = month <= 2 ? year - 1 : year; // the algorithm's years begin in March
  const era = Math.floor(shiftedYear / 400);
  const ofEra = shiftedYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + dayOfYear - 719_468;
}
