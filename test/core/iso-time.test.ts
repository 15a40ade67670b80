// Reading points in time: the way back from isoOf, and what is no time.

import { assert, integer, property } from "fast-check";
import { expect, test } from "vitest";
import { parseIso } from "../../src/core/iso-time.ts";
import { isoOf, wallTime } from "../../src/core/time.ts";

test("What isoOf writes is read back, over all years of four digits.", () => {
  assert(
    property(integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }), (ms) => {
      expect(parseIso(isoOf(wallTime(ms)))).toBe(ms);
    }),
  );
});

test.each([
  ["1970-01-01T00:00:00Z", 0],
  ["1970-01-01T00:00Z", 0],
  ["1970-01-01t00:00:00z", 0],
  ["1970-01-01T01:00:00+01:00", 0],
  ["1969-12-31T18:30:00-05:30", 0],
  ["1970-01-01T00:00:00.5Z", 500],
  ["1970-01-01T00:00:00.123456789Z", 123],
  ["2024-02-29T00:00:00Z", 1_709_164_800_000],
  ["2000-02-29T23:59:59.999Z", 951_868_799_999],
])("%s is a point in time.", (text, ms) => {
  expect(parseIso(text)).toBe(ms);
});

test.each([
  "",
  "2026-11-22",
  "2026-11-22T08:00:00",
  "2026-11-22 08:00:00Z",
  "2026-11-22T8:00:00Z",
  "2026-11-22T24:00:00Z",
  "2026-11-22T08:60:00Z",
  "2026-11-22T08:00:60Z",
  "2026-13-22T08:00:00Z",
  "2026-00-22T08:00:00Z",
  "2026-11-00T08:00:00Z",
  "2026-11-31T08:00:00Z",
  "2026-02-29T08:00:00Z",
  "1900-02-29T08:00:00Z",
  "2026-11-22T08:00:00+24:00",
  "2026-11-22T08:00:00+01:60",
  "2026-11-22T08:00:00+01",
  "2026-11-22T08:00:00.Z",
  "2026-11-22T08:00:00.1234567890Z",
  "2026-11-22T08:00:00Z\n",
  "+02026-11-22T08:00:00Z",
])("%j is no point in time.", (text) => {
  expect(parseIso(text)).toBeUndefined();
});
