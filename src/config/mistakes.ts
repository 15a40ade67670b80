// What is wrong with a configuration, and where: the one shape that reading, checking and printing share. How mistakes are
// found is the business of the other files here; how they look on a terminal is print.ts's.

/** From the top of the file to a value: `["resources", "build1", "check", "host"]`. */
export type Path = readonly (string | number)[];

export interface Mistake {
  /** As the user named it. */
  readonly file: string;
  /** From 1; 0 when it concerns the file as a whole. */
  readonly line: number;
  /** From 1, in UTF-16 code units as editors count; 0 when it concerns the file as a whole. */
  readonly column: number;
  /** `resources.build1.check.host`; empty when it concerns the file as a whole. */
  readonly path: string;
  /** What is wrong and what would be right, in one line. Never a text that came from the environment or a secret file. */
  readonly message: string;
  /** The line of the file, for showing; empty when there is none or when it may hold a password. */
  readonly snippet: string;
}

/** More mistakes than this are not helpful at once. */
const mostMistakes = 50;

export const pathText = (path: Path): string => path.join(".");

/** In file order, each once (an alias repeats a mistake for every resource that uses it), and no more than 50. */
export function inFileOrder(mistakes: readonly Mistake[]): readonly Mistake[] {
  const seen = new Set<string>();
  const once = mistakes.filter((mistake) => {
    const key = `${mistake.line}:${mistake.column} ${mistake.message}`;
    const first = !seen.has(key);
    seen.add(key);
    return first;
  });
  const sorted = once.toSorted((a, b) => a.line - b.line || a.column - b.column);
  const last = sorted[mostMistakes - 1];
  if (sorted.length <= mostMistakes || last === undefined) {
    return sorted;
  }
  const more = sorted.length - (mostMistakes - 1);
  return [
    ...sorted.slice(0, mostMistakes - 1),
    {
      ...last,
      line: 0,
      column: 0,
      path: "",
      snippet: "",
      message: `and ${more} more; mend these first`,
    },
  ];
}

/** The same key says what a value is: those whose values are not shown, even when they stand in the file in the clear. */
export const isSecretKey = (key: string | number | undefined): boolean =>
  typeof key === "string" && /password|passphrase|secret|bearer|authorization/i.test(key);

/** A text in quotes for a message: short, on one line, control and direction characters made visible. */
export function quote(text: string): string {
  const characters = Array.from(text);
  const short = characters.length > 80 ? `${characters.slice(0, 77).join("")}...` : text;
  return `'${visible(short)}'`;
}

/** The text with everything that could steer a terminal replaced. */
export const visible = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "\u{FFFD}");
