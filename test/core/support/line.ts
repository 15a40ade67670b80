// One command line of a transcript taken apart: a verb, plain words and `name=value` options; and readers for the values.
// What the words mean is in commands.ts.

import type { Position } from "../../../src/core/settings.ts";
import type { Millis } from "../../../src/core/time.ts";
import { duration } from "./lab.ts";

export interface Line {
  readonly verb: string;
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

export type Options = Line["options"];

export function parseLine(text: string): Line {
  const [verb = "", ...rest] = text.trim().split(/\s+/);
  return {
    verb,
    words: rest.filter((part) => !isOption(part)),
    options: new Map(rest.filter(isOption).map(optionOf)),
  };
}

const isOption = (part: string): boolean => /^[a-zA-Z]+=/.test(part);

const optionOf = (part: string): [string, string] => {
  const end = part.indexOf("=");
  return [part.slice(0, end), part.slice(end + 1)];
};

export function word(words: readonly string[], index: number): string {
  const found = words[index];
  if (found === undefined) {
    throw new Error(`word ${index + 1} is missing`);
  }
  return found;
}

/** `a,b`; an empty text is an empty list. */
export const listOf = (text: string | undefined): string[] =>
  text === undefined || text === "" ? [] : text.split(",");

export function lengthOf(options: Options, name: string): Millis | undefined {
  const text = options.get(name);
  return text === undefined ? undefined : duration(text);
}

export function numberOf(options: Options, name: string): number | undefined {
  const text = options.get(name);
  return text === undefined ? undefined : Number(text);
}

export function positionOf(text: string | undefined): Position {
  if (text === "on" || text === "off") {
    return text;
  }
  throw new Error(`'${text}' is no position`);
}

/** The first choice where the option is absent. @throws for a value that is no choice, so that no typo passes silently */
export function oneOf<Choice extends string>(
  options: Options,
  name: string,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  const text = options.get(name);
  const found = text === undefined ? choices[0] : choices.find((choice) => choice === text);
  if (found === undefined) {
    throw new Error(`${name}=${text}: not one of ${choices.join(", ")}`);
  }
  return found;
}
