// Where a command writes: data to standard output, everything else to standard error; colour and a line that is written over
// only where a terminal can show them. Not what is said: that is the commands'.

import { CommandError } from "./exit-codes.ts";

export interface Terminal {
  /** Data, with a line break added. */
  out(text: string): void;
  /**
   * The same, for data whose loss the user has to hear of.
   * @param lost what to add when it cannot be written
   * @throws CommandError `not-written`
   */
  outSurely(text: string, lost: string): Promise<void>;
  /** A note for a person; silent with `--quiet`. */
  say(text: string): void;
  /** What went wrong, as `lastout: ...`; never silent. */
  fail(text: string): void;
  /** Lines for standard error that are safe to show as they are; never silent. */
  show(text: string): void;
  /** The same; silent with `--quiet`. */
  warn(text: string): void;
  /** Shown in place of the last progress line, where standard error is a terminal; `undefined` takes it away. Elsewhere nothing. */
  progress(text: string | undefined): void;
  /** The text in this colour for standard output, unchanged where there is none. */
  readonly paint: (colour: Colour, text: string) => string;
  /** Standard output goes to a person. */
  readonly outIsTerminal: boolean;
  /** A progress line can be shown. */
  readonly hasProgress: boolean;
}

type Colour = "bold" | "green" | "yellow" | "red" | "grey";

/** ECMA-48 "select graphic rendition". */
const sgr: Readonly<Record<Colour, number>> = { bold: 1, green: 32, yellow: 33, red: 31, grey: 90 };

export interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** @param done only of standard output: whether it was written. Without it the stream itself sees to what could not be. */
  write(text: string, done?: (error?: Error | null) => void): unknown;
}

export function openTerminal(parts: {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly quiet: boolean;
}): Terminal {
  const { stdout, stderr, env, quiet } = parts;
  const dumb = env["TERM"] === "dumb";
  const outIsTerminal = stdout.isTTY === true;
  // https://no-color.org: any text but the empty one.
  const colour = outIsTerminal && !dumb && (env["NO_COLOR"] ?? "") === "";
  const hasProgress = stderr.isTTY === true && !dumb && !quiet;
  let shown = false;

  function clear(): void {
    if (shown) {
      stderr.write("\r\u001B[2K");
      shown = false;
    }
  }
  function show(text: string): void {
    clear();
    stderr.write(`${text}\n`);
  }
  const line = (text: string): void => show(`lastout: ${printable(text)}`);
  return {
    out: (text) => {
      clear();
      stdout.write(`${text}\n`);
    },
    outSurely: (text, lost) =>
      new Promise((resolve, reject) => {
        clear();
        stdout.write(`${text}\n`, (error) => {
          if (error === undefined || error === null) {
            resolve();
          } else {
            reject(new CommandError("not-written", `${notWritten(error)}; ${lost}`, { cause: error }));
          }
        });
      }),
    say: (text) => {
      if (!quiet) {
        line(text);
      }
    },
    fail: line,
    show,
    warn: (text) => {
      if (!quiet) {
        show(text);
      }
    },
    progress: (text) => {
      if (hasProgress) {
        clear();
        if (text !== undefined) {
          // A line that wraps could not be taken away again. A terminal of an unknown size says 0.
          const columns = stderr.columns === undefined || stderr.columns === 0 ? 80 : stderr.columns;
          stderr.write(
            Array.from(printable(text))
              .slice(0, Math.max(10, columns - 1))
              .join(""),
          );
          shown = true;
        }
      }
    },
    paint: (name, text) => (colour ? `\u001B[${sgr[name]}m${text}\u001B[0m` : text),
    outIsTerminal,
    hasProgress,
  };
}

export const notWritten = (error: Error): string => `standard output cannot be written: ${error.message}`;

/** Anybody may publish on a broker: what could steer a terminal or break a line is replaced before it is shown. */
export const printable = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "\u{FFFD}");
