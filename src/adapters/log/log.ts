// The log: one JSON object a line, or a line for people when they watch. It goes to standard error, so that standard output stays
// free for data. The only file that imports pino and pino-pretty. What may stand in a line is tidy.ts's.

import {
  type DestinationStream,
  destination as openDestination,
  type LoggerOptions,
  pino,
  stdTimeFunctions,
} from "pino";
import { prettyFactory } from "pino-pretty";
import type { Log } from "../../ports/log.ts";
import { tidyFields, tidyText } from "./tidy.ts";

export const logLevels = ["debug", "info", "warn", "error", "fatal"] as const;

export interface LogOptions {
  /** Lines below it are not written. */
  readonly level: (typeof logLevels)[number];
  /** For people instead of for machines; by default if the destination is a terminal. */
  readonly pretty?: boolean | undefined;
  /** By default standard error, written synchronously: nothing is lost when the process ends right after a line. */
  readonly destination?: LogDestination | undefined;
}

export interface LogDestination {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

export interface LevelledLog extends Log {
  setLevel(level: LogOptions["level"]): void;
}

export function createLog(options: LogOptions): LevelledLog {
  const onTerminal = (options.destination ?? process.stderr).isTTY === true;
  const lines = options.destination ?? standardError();
  const sink = (options.pretty ?? onTerminal) ? forPeople(lines, onTerminal && !noColor()) : lines;
  const settings: LoggerOptions = {
    level: options.level,
    base: null, // The system's journal knows process and host.
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  const logger = pino(settings, sink);
  const write =
    (level: LogOptions["level"]): Log["info"] =>
    (fields, sentence) => {
      if (logger.isLevelEnabled(level)) {
        logger[level](tidyFields(fields), tidyText(sentence));
      }
    };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    fatal: write("fatal"),
    setLevel(level) {
      logger.level = level;
    },
  };
}

function standardError(): LogDestination {
  const stream = openDestination({ dest: 2, sync: true });
  // Whoever read it is gone (EPIPE); there is nobody left to tell, and switching outlets goes on.
  stream.on("error", () => undefined);
  return stream;
}

/** pino-pretty as a function, not as its stream: a stream would still hold lines when the process ends. */
function forPeople(lines: LogDestination, colorize: boolean): DestinationStream {
  const prettify = prettyFactory({
    colorize,
    singleLine: true,
    errorLikeObjectKeys: [], // Errors are fields like others here, and stay on the line.
    translateTime: "SYS:yyyy-mm-dd HH:MM:ss.l",
  });
  return { write: (line) => void lines.write(prettify(line) ?? line) };
}

/** https://no-color.org: set to anything but nothing. */
const noColor = (): boolean => (process.env["NO_COLOR"] ?? "") !== "";
