// The topic map: from a topic to what it means, and which names are never requests.

import { describe, expect, test } from "vitest";
import { covers, matches } from "../../src/adapters/mqtt/filters.ts";
import { parseRequestTopic, shown, topicMap, topicsOf } from "../../src/adapters/mqtt/topics.ts";

const parse = (topic: string) => parseRequestTopic("lastout", topic);

describe("request topics", () => {
  test("name a resource, a verb and perhaps a user", () => {
    expect(parse("lastout/build1/acquire")).toEqual({
      kind: "request",
      resource: "build1",
      verb: "acquire",
      user: undefined,
    });
    expect(parse("lastout/build1/release/laforge")).toEqual({
      kind: "request",
      resource: "build1",
      verb: "release",
      user: "laforge",
    });
  });

  test("may lie below a base of several levels", () => {
    expect(parseRequestTopic("lab/power", "lab/power/b/renew")).toMatchObject({
      kind: "request",
      resource: "b",
    });
    expect(parseRequestTopic("lab/power", "lab/b/renew")).toEqual({ kind: "none" });
  });

  test.each([
    ["too few levels", "lastout/acquire"],
    ["too many levels", "lastout/a/acquire/u/x"],
    ["levels in front", "lastout/a/b/c/acquire"],
    ["another base", "lastou/a/acquire"],
    ["a reply", "lastout/reply/acquire"],
    ["a switcher named like a verb", "lastout/switcher/acquire"],
    ["the controller's own", "lastout/controller/status"],
    ["its picture of a resource", "lastout/build1/holders"],
    ["an event of a resource", "lastout/build1/event"],
    ["an unknown verb of the controller", "lastout/controller/cycle"],
    ["the base alone", "lastout"],
  ])("%s: not a request", (_what, topic) => {
    expect(parse(topic)).toEqual({ kind: "none" });
  });

  test.each([
    ["lastout/build1/ACQUIRE", "there is no request 'ACQUIRE'; requests are acquire, renew, release, tokens"],
    ["lastout/build1/acquire/", "'' cannot be a user: 1 to 128 characters, no control characters"],
    ["lastout/build1/override", "this version does not know the request 'override'"],
    ["lastout/build1/cycle/laforge", "this version does not know the request 'cycle'"],
    [
      "lastout/controller/acquire",
      "this version does not know controller/acquire: acquire one resource at a time",
    ],
    [
      "lastout/b\u043Eb/acquire",
      "'b\\u{43E}b' cannot be the name of a resource: 1 to 64 of A-Z a-z 0-9 _ . - with a letter or digit first",
    ],
  ])("%s is refused with a reason", (topic, because) => {
    expect(parse(topic)).toMatchObject({ kind: "refused", because });
  });

  test.each(["__proto__", "constructor", "toString"])("%s is no special name", (name) => {
    expect(["request", "refused"]).toContain(parse(`lastout/${name}/acquire`).kind);
  });
});

describe("filters of the controller", () => {
  const topics = topicsOf("lastout");

  test("of requests overlap neither each other nor what is published retained about resources", () => {
    const samples = topics.requestFilters.map((filter) => filter.replaceAll("+", "x"));
    for (const sample of samples) {
      expect(topics.requestFilters.filter((filter) => matches(filter, sample))).toHaveLength(1);
    }
    for (const row of topicMap.filter((one) => one.retained)) {
      const topic = `lastout/${row.topic.replaceAll(/<\w>/g, "x")}`;
      expect(topics.requestFilters.filter((filter) => matches(filter, topic))).toEqual([]);
    }
  });

  test("+ is one level, # all that follow and the level above, and neither matches $ topics in front", () => {
    expect(matches("a/+/c", "a/b/c")).toBe(true);
    expect(matches("a/+", "a/b/c")).toBe(false);
    expect(matches("a/+", "a")).toBe(false);
    expect(matches("a/#", "a")).toBe(true);
    expect(matches("a/#", "a/b/c")).toBe(true);
    expect(matches("#", "$SYS/x")).toBe(false);
    expect(matches("+/x", "$SYS/x")).toBe(false);
    expect(matches("$SYS/#", "$SYS/x")).toBe(true);
    expect(matches("a/b", "a/b/")).toBe(false);
  });

  test("a filter covers another when it matches all that the other does", () => {
    expect(covers("a/#", "a/+/c")).toBe(true);
    expect(covers("a/+", "a/b")).toBe(true);
    expect(covers("a/b", "a/+")).toBe(false);
    expect(covers("a/+", "a/#")).toBe(false);
    expect(covers("#", "$SYS/#")).toBe(false);
  });
});

test("a foreign text is shown escaped and at most 128 characters long", () => {
  expect(shown("a\u202E\n\u001B[31m")).toBe("'a\\u{202E}\\u{A}\\u{1B}[31m'");
  expect(shown("x".repeat(126))).toHaveLength(128);
  expect(shown("x".repeat(127))).toHaveLength(128);
  expect(shown("\u0001".repeat(10_000)).length).toBeLessThanOrEqual(128);
});
