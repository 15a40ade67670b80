// Paths into JSON, as the configuration writes them, and what stands there in a device's message.

import { describe, expect, it } from "vitest";
import { isSame, parseJsonPath, printJsonPath, valueAt, valueIn } from "../src/adapters/json-path.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("A path", () => {
  it.each([
    ["state", ["state"]],
    ["ENERGY.Power", ["ENERGY", "Power"]],
    ['params."switch:0".output', ["params", "switch:0", "output"]],
    ["switch:0.output", ["switch:0", "output"]],
    ['"a.b".c', ["a.b", "c"]],
    ['"a\\"b\\\\c"', ['a"b\\c']],
    ['""', [""]],
    ["relays[0].state", ["relays", 0, "state"]],
    ["relays[10][2]", ["relays", 10, 2]],
    ["[0].x", [0, "x"]],
    ["relays.0", ["relays", "0"]],
    ["x".repeat(256), ["x".repeat(256)]],
  ])("%s is %j, and is printed so that it is read again", (text, path) => {
    expect(parseJsonPath(text)).toEqual(path);
    expect(parseJsonPath(printJsonPath(path))).toEqual(path);
  });

  it.each([
    "",
    ".",
    "a.",
    ".a",
    "a..b",
    "a b",
    "a[",
    "a[]",
    "a[-1]",
    "a[x]",
    "a]b",
    '"a',
    'a"b"',
    '"a"b',
    '"a\\x"',
    "[0]a",
    "a.[0]",
    "x".repeat(257),
  ])("%j is none", (text) => {
    expect(parseJsonPath(text)).toBeUndefined();
  });
});

describe("What a message has there", () => {
  const message = {
    state: "ON",
    n: 0,
    list: [1, { x: false }],
    none: null,
    "a.b": 1,
    __proto__: { hidden: 1 },
  };

  it.each([
    ["state", "ON"],
    ["n", 0],
    ["list[0]", 1],
    ["list.0", 1],
    ["list[1].x", false],
    ["none", null],
    ['"a.b"', 1],
    ["list[2]", undefined],
    ["list.length", undefined],
    ["list[0].x", undefined],
    ["state.x", undefined],
    ["state[0]", undefined],
    ["none.x", undefined],
    ["missing.x", undefined],
    ["toString", undefined],
    ["hidden", undefined],
    ["constructor.name", undefined],
  ])("at %s is %j", (text, value) => {
    expect(valueAt(message, parseJsonPath(text) ?? [])).toBe(value);
  });

  it("is its text without a path, and nothing when it cannot be read", () => {
    const path = parseJsonPath("a");
    expect(valueIn(bytes(" ON "), undefined)).toBe(" ON ");
    expect(valueIn(bytes('{"a":1}'), path)).toBe(1);
    expect(valueIn(bytes("ON"), path)).toBeUndefined();
    expect(valueIn(bytes(""), path)).toBeUndefined();
    expect(valueIn(new Uint8Array([0xff]), undefined)).toBeUndefined();
    expect(valueIn(bytes("[".repeat(65_536)), path)).toBeUndefined();
    expect(valueIn(bytes("x".repeat(65_536)), undefined)).toHaveLength(65_536);
    expect(valueIn(bytes("x".repeat(65_537)), undefined)).toBeUndefined();
  });
});

describe("The same as a configured text", () => {
  it.each([
    ["ON", "ON", true],
    ["ON", "on", false],
    ["ON ", "ON", false],
    ["", "", true],
    ["1", "1.0", false],
    [1, "1", true],
    [1, "1.0", true],
    [0.5, ".5", true],
    [1000, "1e3", true],
    [-1, "-1", true],
    [16, "0x10", false],
    [0, "", false],
    [0, " ", false],
    [Number.NaN, "NaN", false],
    [true, "true", true],
    [true, "True", false],
    [true, "1", false],
    [false, "false", true],
    [false, "", false],
    [null, "null", false],
    [undefined, "undefined", false],
    [["on"], "on", false],
    [{}, "[object Object]", false],
  ])("%j and %j: %s", (value, wanted, same) => {
    expect(isSame(value, wanted)).toBe(same);
  });
});
