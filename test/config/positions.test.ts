// Where mistakes are said to be: in every style of YAML, and whatever ends the lines.

import { describe, expect, test } from "vitest";
import { readYaml } from "../../src/config/yaml.ts";
import { loadLab } from "./lab.ts";

const at = ({ line, column }: { readonly line: number; readonly column: number }): string =>
  `${line}:${column}`;

function places(text: string) {
  const { document, mistakes } = readYaml(text);
  if (document === undefined) {
    throw new Error(JSON.stringify(mistakes));
  }
  return {
    key: (...path: (string | number)[]): string => at(document.places.key(path)),
    value: (...path: (string | number)[]): string => at(document.places.value(path)),
    read: document.value,
  };
}

describe("A place", () => {
  test("is the key's or the value's in block style, nested", () => {
    const { key, value } = places("a:\n  b:\n    c: 1\n  d:\n  - x\n  - y: 2\n");
    expect([key("a"), value("a"), key("a", "b", "c"), value("a", "b", "c")]).toEqual([
      "1:1",
      "2:3",
      "3:5",
      "3:8",
    ]);
    expect([value("a", "d", 0), key("a", "d", 1, "y"), value("a", "d", 1, "y")]).toEqual([
      "5:5",
      "6:5",
      "6:8",
    ]);
  });

  test("is right in flow style, over several lines", () => {
    const { key, value } = places("{ a: { b: [ 1, 'two',\n  { c: \"x\" } ] } }\n");
    expect([key("a"), value("a"), value("a", "b", 1), value("a", "b", 2, "c")]).toEqual([
      "1:3",
      "1:6",
      "1:16",
      "2:8",
    ]);
    expect(key("a", "b", 2, "c")).toBe("2:5");
  });

  test("counts CRLF, CR and LF as the end of a line each", () => {
    const { value } = places("a: 1\r\nb:\r\n  c: 2\rd: 3\n\ne: 4\n");
    expect([value("b", "c"), value("d"), value("e")]).toEqual(["3:6", "4:4", "6:4"]);
  });

  test("of a quoted key or value is at its quote", () => {
    const { key, value } = places("'a b': \"x\"\n");
    expect([key("a b"), value("a b")]).toEqual(["1:1", "1:8"]);
  });

  test("of an empty value is its key", () => {
    const { value } = places("a:\nb:\n  c:\n");
    expect([value("a"), value("b", "c")]).toEqual(["1:1", "3:3"]);
  });

  test("of something that came over a merge key is where it was written", () => {
    const { key, value, read } = places(
      "base: &base { x: 1, y: 2 }\nmore: &more\n  y: 3\n  z: 4\na:\n  <<: [*base, *more]\n  x: 9\nb:\n  y: 7\n  <<: *base\n",
    );
    expect(read).toMatchObject({ a: { x: 9, y: 2, z: 4 }, b: { x: 1, y: 7 } });
    expect([key("a", "x"), value("a", "y"), value("a", "z")]).toEqual(["7:3", "1:24", "4:6"]);
    expect([value("b", "y"), value("b", "x")]).toEqual(["9:6", "1:18"]);
  });

  test("of an alias is the alias; of what is in it, where that was written", () => {
    const { value } = places("a: &a\n  x: 1\nb: *a\nc: { d: *a }\n");
    expect([value("b"), value("b", "x"), value("c", "d"), value("c", "d", "x")]).toEqual([
      "3:4",
      "2:6",
      "4:9",
      "2:6",
    ]);
  });

  test("of something that is missing is what it is missing in", () => {
    const { key, value } = places("a:\n  b: {}\n");
    expect([key("a", "b", "c"), value("a", "b", "c"), key("nothing")]).toEqual(["2:3", "2:3", "1:1"]);
  });

  test("stays right behind ${...} and beyond, which may stand unquoted even in braces", () => {
    const { value, read } = places("{ a: ${X}, b: ${file:/run/x}/y, c: '${Z:-d}' }\n");
    expect(read).toEqual({ a: "${X}", b: "${file:/run/x}/y", c: "${Z:-d}" });
    expect([value("a"), value("b"), value("c")]).toEqual(["1:6", "1:15", "1:36"]);
  });

  test("of the second of two equal keys is told, for all of them", () => {
    const { mistakes, document } = readYaml("a: 1\nb: { c: 1, c: 2 }\na: 3\n");
    expect(mistakes.map(({ line, column, path }) => `${line}:${column} ${path}`)).toEqual([
      "2:12 b.c",
      "3:1 a",
    ]);
    expect(document?.value).toEqual({ a: 3, b: { c: 2 } });
  });
});

const repeated = (values: number) => `a: &a [${"1,".repeat(values - 1)}]\nb: [${"*a,".repeat(100)}]\n`;

describe("YAML", () => {
  test("is 1.2: yes, on and times of day are texts, 0o17 is a number", () => {
    expect(places("[yes, on, off, 12:30:00, 0o17, 1e3, ~, null]").read).toEqual([
      "yes",
      "on",
      "off",
      "12:30:00",
      15,
      1000,
      null,
      null,
    ]);
  });

  test("may repeat 100000 values by aliases and no more", () => {
    expect(readYaml(repeated(1000)).mistakes).toEqual([]);
    expect(readYaml(repeated(1001)).document).toBeUndefined();
  });

  test("may not be nested without end", () => {
    const { document, mistakes } = readYaml("[".repeat(5000));
    expect(document).toBeUndefined();
    expect(mistakes).toHaveLength(1);
  });

  test("with __proto__ as a key is refused and changes nothing", () => {
    const { mistakes } = readYaml("a: { __proto__: { polluted: true } }\n");
    expect(mistakes.map(({ message }) => message)).toEqual(["is not a possible name"]);
    expect("polluted" in {}).toBe(false);
  });
});

describe("A file of the largest size", () => {
  // Loose on purpose: it is to find work that grows with the square of the file, which would take minutes.
  test.each([
    ["unknown keys", Array.from({ length: 90_000 }, (_, index) => `k${index}: 1`).join("\n")],
    ["the same key over and over", "k: 1\n".repeat(200_000)],
    [
      "resources without a switcher",
      `resources:\n${Array.from({ length: 60_000 }, (_, index) => `  r${index}: {}`).join("\n")}`,
    ],
    [
      "resources on unknown outlets",
      `resources:\n${Array.from({ length: 30_000 }, (_, index) => `  r${index}: { switcher: x }`).join("\n")}`,
    ],
    [
      "resources that need what there is not",
      `resources:\n${Array.from({ length: 15_000 }, (_, index) => `  r${index}: { switcher: x, needs: [need${index}] }`).join("\n")}`,
    ],
    [
      "pools of unknown members",
      `resources: { a: { switcher: x } }\npools:\n${Array.from({ length: 20_000 }, (_, index) => `  p${index}: { members: [p${index + 1}, n${index}] }`).join("\n")}`,
    ],
    [
      "one outlet, and needs in one circle",
      `switchers: { x: { type: simulated } }\nresources:\n${Array.from({ length: 15_000 }, (_, index) => `  r${index}: { switcher: x, needs: [r${(index + 1) % 15_000}] }`).join("\n")}`,
    ],
    ["pairs in a list", `k: [${"a: b, ".repeat(150_000)}]`],
    [
      "merged keys",
      `a: &a { ${Array.from({ length: 90 }, (_, index) => `k${index}: 1`).join(", ")} }\n${Array.from({ length: 1000 }, (_, index) => `m${index}: { <<: *a }`).join("\n")}`,
    ],
    ["unclosed quotes", `k: "${"x\n ".repeat(300_000)}`],
    ["references that are not closed", `k: ${"${".repeat(400_000)}`],
  ])(
    "with nothing but %s is answered in seconds, with 50 mistakes at most",
    (_, text) => {
      expect(text.length).toBeLessThan(1_048_576);
      const loaded = loadLab({ text });
      const count = loaded.ok ? 0 : loaded.mistakes.length;
      expect(count).toBeGreaterThan(0);
      expect(count).toBeLessThanOrEqual(50);
    },
    30_000,
  );
});
