// What things may be called, at both sides of each limit; and which name was meant.

import { describe, expect, test } from "vitest";
import { isName, isOwner, isPurpose, isTokenId, nearestName, reservedNames } from "../../src/core/names.ts";

const long = (length: number): string => "x".repeat(length);

describe("Names", () => {
  test.each(["a", "0", "build1", "rack-switch", "a.b_c-d", long(64)])("of resources may be %s", (name) => {
    expect(isName(name)).toBe(true);
  });

  test.each(["", "-a", ".a", "_a", "a/b", "a b", "a+", "a#", "ä", "a\n", "bоild", "a\u202e", long(65)])(
    "of resources are never %j",
    (name) => {
      expect(isName(name)).toBe(false);
    },
  );

  test("that are reserved are names all the same, so they are refused by name", () => {
    expect(reservedNames).toEqual(["controller", "reply", "switcher"]);
    expect(reservedNames.every(isName)).toBe(true);
  });

  test.each(["a", "job-12", "jenkins:build=7@lab~1%20", "-", long(128)])("of tokens may be %s", (id) => {
    expect(isTokenId(id)).toBe(true);
  });

  test.each(["", "a/b", "a b", "a+", "#", "ä", "a\n", "\u{1f600}", long(129)])(
    "of tokens are never %j",
    (id) => {
      expect(isTokenId(id)).toBe(false);
    },
  );

  test.each(["a", "La Forge", "Jörg", "用户", long(128), "\u{1f600}".repeat(128)])(
    "of owners may be %s",
    (owner) => {
      expect(isOwner(owner)).toBe(true);
    },
  );

  test.each([
    "",
    "a/b",
    "a+b",
    "#a",
    "a\nb",
    "a\u0000",
    "a\u0085",
    "a\u202eb",
    "a\u200bb",
    "a\u2028",
    "\ud800",
    long(129),
  ])("of owners are never %j", (owner) => {
    expect(isOwner(owner)).toBe(false);
  });

  test("A purpose is free text of up to 256 characters, without control characters", () => {
    expect(["", "https://ci/job/12?a=b#c", long(256), "\u{1f600}".repeat(256)].map(isPurpose)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect([long(257), "a\nb", "a\u001b[31m", "\udfff", "a\u2029"].map(isPurpose)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("The name that was meant", () => {
  const known = ["build1", "build2", "rack-switch", "ab"];

  test.each([
    ["bild1", "build1"],
    ["buidl2", "build2"],
    ["BUILD1", "build1"],
    ["rack-swich", "rack-switch"],
    ["rakswitch", "rack-switch"],
    ["a", "ab"],
    ["ba", "ab"],
  ])("by %s is %s", (wrong, meant) => {
    expect(nearestName(wrong, known)).toBe(meant);
  });

  test.each(["", "buld", "xyz", "lab7", "switch", "cd", "build1build2"])("by %j is none of them", (wrong) => {
    expect(nearestName(wrong, known)).toBeUndefined();
  });

  test("is the first of those that are equally near", () => {
    expect(nearestName("build3", known)).toBe("build1");
  });
});
