// Time on the wire, compared with the language's own calendar over the whole range of the form.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { between, instant, isoOf, later, sooner, soonerOf, wallTime } from "../../src/core/time.ts";

const first = Date.parse("0000-01-01T00:00:00.000Z");
const last = Date.parse("9999-12-31T23:59:59.999Z");

describe("Time on the wire", () => {
  test("is ISO 8601 in UTC with milliseconds, at any moment of the years 0 to 9999", () => {
    fc.assert(
      fc.property(fc.integer({ min: first, max: last }), (ms) => {
        expect(Date.parse(isoOf(wallTime(ms)))).toBe(ms);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    "0000-01-01T00:00:00.000Z",
    "0000-02-29T23:59:59.999Z",
    "1969-12-31T23:59:59.999Z",
    "1970-01-01T00:00:00.000Z",
    "1900-02-28T23:59:59.999Z",
    "1900-03-01T00:00:00.000Z",
    "2000-02-29T12:00:00.001Z",
    "2038-01-19T03:14:08.000Z",
    "2100-02-28T23:59:59.999Z",
    "2400-02-29T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z",
  ])("writes %s as the calendar does", (text) => {
    expect(isoOf(wallTime(Date.parse(text)))).toBe(text);
  });

  test("is clipped to four digits of year, and to whole milliseconds", () => {
    expect(isoOf(wallTime(last + 1))).toBe("9999-12-31T23:59:59.999Z");
    expect(isoOf(wallTime(first - 1))).toBe("0000-01-01T00:00:00.000Z");
    expect(isoOf(wallTime(0.9))).toBe("1970-01-01T00:00:00.000Z");
  });
});

describe("Instants", () => {
  const [early, late] = [instant(1), instant(2)];

  test("are compared, and never is later than any", () => {
    expect([later(early, late), later(late, early)]).toEqual([late, late]);
    expect([sooner(early, late), sooner(late, early)]).toEqual([early, early]);
    expect([soonerOf(undefined, late), soonerOf(early, undefined), soonerOf(late, early)]).toEqual([
      late,
      early,
      early,
    ]);
    expect(soonerOf(undefined, undefined)).toBeUndefined();
    expect(between(early, late)).toBe(1);
  });
});
