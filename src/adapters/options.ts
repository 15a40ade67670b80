// Fields that options of several kinds share, and the configuration with them: how they are written in YAML, checked and
// described in the JSON Schema. Not a place for the options of one kind: those stand in its own file.

import { z } from "zod";
import { isTooLong, parseDuration } from "../core/duration.ts";

const noDuration = "is no duration: write 90, 90s, 15m, 2h, 1h30m or 500ms";
const tooLong = "is longer than the longest duration: write 10000d (10,000 days) or less";

/** The same form as `parseDuration` takes, for editors; what counts is that function. */
const durationPattern =
  "^(\\d+(\\.\\d+)?|(?=\\d)(\\d+(\\.\\d+)?d)?(\\d+(\\.\\d+)?h)?(\\d+(\\.\\d+)?m(?!s))?(\\d+(\\.\\d+)?s)?(\\d+(\\.\\d+)?ms)?)$";

/**
 * A length of time: a number of seconds or a text such as `1h30m`, 0 to 10,000 days; parsed it is `Millis`.
 * Give a default with `.prefault("30s")`, so that the default is written, checked and shown in the form that people write.
 */
export const duration = z
  .union(
    [z.number().meta({ minimum: 0, maximum: 864_000_000 }), z.string().meta({ pattern: durationPattern })],
    {
      error: noDuration,
    },
  )
  .transform((value, context) => {
    const length = parseDuration(value);
    if (length === undefined) {
      const message = isTooLong(value) ? tooLong : noDuration;
      context.addIssue({ code: "custom", message, input: value });
      return z.NEVER;
    }
    return length;
  });

/**
 * A host name or address for a network check. What begins with `-` is refused, because a program that is started with it
 * would take it for an option; so are characters that no host name or address has.
 */
export const hostName = z
  .string()
  .min(1, { error: "is empty: write a host name or an address", abort: true })
  .max(253, { error: "is longer than any host name can be (253 characters)" }) // RFC 1035 2.3.4, less the length octets
  .regex(/^[A-Za-z0-9_:.%\p{L}\p{N}][A-Za-z0-9_:.%\p{L}\p{N}\p{M}-]*$/u, {
    error: "is no host name or address: letters, digits, `.`, `:`, `_` and `-`, not beginning with `-`",
  });

const word = z.string().refine((text) => !text.includes("\0"), { error: "has a NUL character" });

/** A program and its arguments, to be started without a shell. */
export const argumentList = z.tuple(
  [word.min(1, { error: "is empty: write the program, best with its whole path" })],
  word,
);
