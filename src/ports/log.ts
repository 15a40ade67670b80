// The program's log: a fixed sentence, and the facts as fields. Levels as docs/operations describes them.

type Fields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(fields: Fields, sentence: string): void;
  info(fields: Fields, sentence: string): void;
  warn(fields: Fields, sentence: string): void;
  error(fields: Fields, sentence: string): void;
  fatal(fields: Fields, sentence: string): void;
}
