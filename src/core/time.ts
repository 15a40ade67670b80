// Units of time inside the core. An Instant is milliseconds on this boot's monotonic clock (its zero has no meaning),
// so a step of the wall clock moves nothing; a Millis is a length. This file is not for reading clocks: time comes in with the event.

declare const instantBrand: unique symbol;
declare const millisBrand: unique symbol;
declare const wallBrand: unique symbol;

/** A moment on the monotonic clock, in whole milliseconds. Comparable only with other instants of the same boot. */
export type Instant = number & { readonly [instantBrand]: true };

/** A length of time in milliseconds. */
export type Millis = number & { readonly [millisBrand]: true };

/** Milliseconds since 1970-01-01T00:00:00Z on the wall clock. Only for showing to people and for surviving a reboot. */
export type WallTime = number & { readonly [wallBrand]: true };

// The brand constructors are the only casts of the core: a plain number becomes a unit exactly here.
// oxlint-disable typescript/no-unsafe-type-assertion -- brand constructors
export const instant = (ms: number): Instant => ms as Instant;
export const millis = (ms: number): Millis => ms as Millis;
export const wallTime = (ms: number): WallTime => ms as WallTime;
// oxlint-enable typescript/no-unsafe-type-assertion

export const after = (from: Instant, length: Millis): Instant => instant(from + length);
export const before = (from: Instant, length: Millis): Instant => instant(from - length);
export const between = (from: Instant, to: Instant): Millis => millis(to - from);
export const later = (a: Instant, b: Instant): Instant => (a > b ? a : b);
export const sooner = (a: Instant, b: Instant): Instant => (a < b ? a : b);

/** `when`, if it is still to come. */
export const future = (at: Instant, when: Instant | undefined): Instant | undefined =>
  when !== undefined && when > at ? when : undefined;

/** The sooner one, where `undefined` means "never". */
export function soonerOf(a: Instant | undefined, b: Instant): Instant;
export function soonerOf(a: Instant | undefined, b: Instant | undefined): Instant | undefined;
export function soonerOf(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  return a === undefined ? b : b === undefined ? a : sooner(a, b);
}

const dayMs = 86_400_000;

const two = (n: number): string => String(n).padStart(2, "0");

/**
 * ISO 8601 in UTC with milliseconds, the one form of time on the wire: `2026-11-22T08:00:00.000Z`.
 * Years outside 0000 to 9999 are clipped to that range, because the wire form has four digits.
 * Source of the civil calendar from a day number: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
 */
export function isoOf(wall: WallTime): string {
  const clipped = Math.min(Math.max(Math.floor(wall), -62_167_219_200_000), 253_402_300_799_999);
  const days = Math.floor(clipped / dayMs);
  const ofDay = clipped - days * dayMs;
  const shifted = days + 719_468; // days from 0000-03-01, the start of the algorithm's calendar, to 1970-01-01
  const era = Math.floor(shifted / 146_097); // 400 years have 146,097 days
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const dayOfYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const clock = `${two(Math.floor(ofDay / 3_600_000))}:${two(Math.floor(ofDay / 60_000) % 60)}:${two(Math.floor(ofDay / 1000) % 60)}`;
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}T${clock}.${String(ofDay % 1000).padStart(3, "0")}Z`;
}
