// Goal: the pages name every code that there is and none that there is not. That each has a text is the compiler's business
// (tools/reference/code-texts.ts); here the pages are read as their readers do, and compared with the lists of the program.

import { expect, test } from "vitest";
import { exits, exitOfReply } from "../../src/cli/exit-codes.ts";
import { type Phase, problemCodes } from "../../src/core/pictures.ts";
import type { State } from "../../src/core/requests.ts";
import { errorTexts, failureTexts } from "../../tools/reference/code-texts.ts";
import { eventTexts } from "../../tools/reference/event-texts.ts";
import { firstColumn, page, quoted, section } from "./pages.ts";

const errorCodes = keysOf(errorTexts);
const announcements = keysOf(eventTexts);

const states = keysOf<State>({ off: true, powered: true, available: true, unknown: true });

const phases = keysOf<Phase>({
  idle: true,
  starting: true,
  "in-use": true,
  lingering: true,
  stopping: true,
  held: true,
  locked: true,
});

const errors = page("docs/errors.md");
const protocol = page("docs/mqtt.md");

const codeTables = ["## Error codes", "## Problem codes", "## Codes of the command line", "## Exit status"];

/** The cells of the tables in a section, without head and line. */
const rowsOf = (heading: string): readonly (readonly string[])[] =>
  section(errors, heading)
    .split("\n")
    .filter((line) => /^\| (`|\d)/.test(line))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

test("Every error code is explained in docs/errors.md, and none that does not exist.", () => {
  expect(firstColumn(section(errors, "## Error codes")).toSorted()).toEqual(errorCodes);
});

test("Every problem code is explained in docs/errors.md, in the order in which they are shown.", () => {
  expect(firstColumn(section(errors, "## Problem codes"))).toEqual([...problemCodes]);
});

test("Every code of the command line that is no error code is explained in docs/errors.md.", () => {
  expect(firstColumn(section(errors, "## Codes of the command line")).toSorted()).toEqual(
    keysOf(failureTexts),
  );
});

test("Every exit status is explained in docs/errors.md, with the error codes that lead to it.", () => {
  const rows = rowsOf("## Exit status");
  expect(rows.map(([status]) => status)).toEqual([...Object.values(exits).map(String), "128+n"]);
  const told = rows.flatMap(([status, , codes = ""]) => quoted(codes).map((code) => [code, status]));
  expect(Object.fromEntries(told)).toEqual(
    Object.fromEntries(errorCodes.map((code) => [code, String(exitOfReply(code))])),
  );
});

test("Every code and every status has a meaning and a cure.", () => {
  const rows = codeTables.flatMap((heading) =>
    rowsOf(heading).map(([code = "", meaning = "", ...more]) => {
      const cure = heading === "## Exit status" ? more[1] : more[0];
      return { code, meaning, cure };
    }),
  );
  expect(rows.length).toBeGreaterThan(errorCodes.length + problemCodes.length + 10);
  expect(rows.filter(({ meaning, cure = "" }) => meaning === "" || cure === "")).toEqual([]);
});

test("The protocol lists the same codes as docs/errors.md.", () => {
  expect(madeIn("### 8.1 Errors in replies").toSorted()).toEqual(errorCodes);
  expect(madeIn("### 8.2 Problems of a resource")).toEqual([...problemCodes]);
});

test("Every event is documented, and none that does not exist.", () => {
  expect(firstColumn(section(protocol, "## 7. Events")).toSorted()).toEqual(announcements);
});

test("Every state and every phase is documented.", () => {
  const words = quoted(section(protocol, "## 3. The state object"));
  expect([...states, ...phases].filter((word) => !words.includes(word))).toEqual([]);
});

/** The words in backticks that stand in the generated region of a section. */
function madeIn(heading: string): readonly string[] {
  const [, region = ""] = section(protocol, heading).split(/^<!-- (?:begin|end) generated: .*-->$/m);
  return quoted(region);
}

function keysOf<Key extends string>(all: Readonly<Record<Key, unknown>>): string[] {
  return Object.keys(all).toSorted();
}
