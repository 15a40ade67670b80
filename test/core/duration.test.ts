// Durations as people write them, and what is none.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDuration, isTooLong, parseDuration } from "../../src/core/duration.ts";
import { millis } from "../../src/core/time.ts";

const longest = 864_000_000_000;

describe("A duration", () => {
  test("that was written is read back as the same length", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: longest }), (ms) => {
        expect(parseDuration(formatDuration(millis(ms)))).toBe(ms);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    [90, 90_000],
    [0.5, 500],
    [0, 0],
    ["0", 0],
    ["90", 90_000],
    ["0.5", 500],
    ["500ms", 500],
    ["90s", 90_000],
    ["15m", 900_000],
    ["2h", 7_200_000],
    ["1h30m", 5_400_000],
    ["1d", 86_400_000],
    ["1.5h", 5_400_000],
    ["1m500ms", 60_500],
    ["1d2h3m4s5ms", 93_784_005],
    ["0.0004s", 0],
    ["0.0005s", 1],
    ["10000d", longest],
    [864_000_000, longest],
  ])("may be written %j, which is %i ms", (written, ms) => {
    expect(parseDuration(written)).toBe(ms);
  });

  test.each(["10000d1ms", "36500d", "864000001", 864_000_001, Infinity])(
    "longer than 10,000 days is none, and is told apart from what has not its form: %j",
    (written) => {
      expect(parseDuration(written)).toBeUndefined();
      expect(isTooLong(written)).toBe(true);
    },
  );

  test.each(["10000d", 864_000_000, "soon", "", -1, Number.NaN, true, undefined])(
    "%j is not too long",
    (written) => {
      expect(isTooLong(written)).toBe(false);
    },
  );

  test.each([
    "",
    " ",
    "1 h",
    "1h ",
    "h",
    "1x",
    "-1",
    "-1s",
    "+1",
    "1e3",
    "1h1h",
    "30m1h",
    "1ms1s",
    "1.h",
    ".5h",
    "PT1H",
    "NaN",
    "Infinity",
    "１h",
    "10000d1ms",
    "864000000.001",
    -1,
    -0.001,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    864_000_000.001,
    2 ** 53,
    null,
    undefined,
    true,
    [],
    {},
    [90],
  ])("is never %j", (written) => {
    expect(parseDuration(written)).toBeUndefined();
  });

  test("is written in the fewest parts, and nothing as 0s", () => {
    expect([0, 0.4, 1, 1000, 61_000, 3_600_000, 90_061_001].map((ms) => formatDuration(millis(ms)))).toEqual([
      "0s",
      "0s",
      "1ms",
      "1s",
      "1m1s",
      "1h",
      "1d1h1m1s1ms",
    ]);
  });
});
