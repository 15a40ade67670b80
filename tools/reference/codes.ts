// The tables of codes, for the regions of docs/errors.md, docs/mqtt.md and docs/command-line.md. The texts are in code-texts.ts and
// event-texts.ts; which codes there are, and which exit status belongs to each, is the program's to say.

import { CommandError, exitOfReply, exits } from "../../src/cli/exit-codes.ts";
import { problemCodes } from "../../src/core/pictures.ts";
import { errorTexts, exitTexts, failureTexts, problemTexts } from "./code-texts.ts";
import { eventTexts } from "./event-texts.ts";
import { code, table } from "./markdown.ts";

export const errorTable = (): string =>
  table(
    ["code", "meaning", "what to do", "exit status"],
    Object.entries(errorTexts).map(([error, { meaning, cure }]) => [
      code(error),
      meaning,
      cure,
      String(exitOfReply(error)),
    ]),
  );

export const problemTable = (): string =>
  table(
    ["code", "meaning", "what to do"],
    problemCodes.map((problem) => [code(problem), problemTexts[problem].meaning, problemTexts[problem].cure]),
  );

export const failureTable = (): string =>
  table(
    ["code", "meaning", "what to do", "exit status"],
    keysOf(failureTexts).map((failure) => [
      code(failure),
      failureTexts[failure].meaning,
      failureTexts[failure].cure,
      failure === "interrupted" ? "128+n" : String(new CommandError(failure, "").exit),
    ]),
  );

export const exitTable = (): string =>
  table(
    ["status", "meaning", "error codes", "what to do"],
    [
      ...keysOf(exits).map((exit) => [
        String(exits[exit]),
        exitTexts[exit].meaning,
        errorsWith(exits[exit]).map(code).join(" "),
        exitTexts[exit].cure,
      ]),
      ["128+n", "ended by signal n (130 by ^C)", "", "nothing"],
    ],
  );

const errorsWith = (status: number): readonly string[] =>
  Object.keys(errorTexts).filter((error) => exitOfReply(error) === status);

export const eventTable = (): string =>
  table(
    ["event", "further fields", "meaning"],
    Object.entries(eventTexts).map(([event, { fields, meaning }]) => [code(event), fields, meaning]),
  );

export const errorList = (): string => Object.keys(errorTexts).map(code).join(" ");

export const problemList = (): string => problemCodes.map(code).join(" ");

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an object literal of this module's imports, whose keys its type names
const keysOf = <Key extends string>(all: Readonly<Record<Key, unknown>>): Key[] => Object.keys(all) as Key[];
