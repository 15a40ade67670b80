// The topic map: from a topic to what it means, and which names are never requests.

import { describe, expect, test } from "vitest";
import { covers, matches } from "../../src/adapters/mqtt/filters.ts";
import { shown } from "../../src/adapters/mqtt/shown.ts";
import { parseRequestTopic, topicMap, topicsOf } from "../../src/adapters/mqtt/topics.ts";

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

  test.each(["acquire", "renew", "release", "override", "cycle", "tokens"])(
    "%s is a request, with and without a user",
    (verb) => {
      expect(parse(`lastout/build1/${verb}`)).toMatchObject({ kind: "request", resource: "build1", verb });
      expect(parse(`lastout/build1/${verb}/laforge`)).toMatchObject({ kind: "request", user: "laforge" });
    },
  );

  test.each(["acquire", "renew", "release"])("controller/%s is about several resources", (verb) => {
    const target = { kind: "request", resource: undefined, verb };
    expect(parse(`lastout/controller/${verb}`)).toEqual({ ...target, user: undefined });
    expect(parse(`lastout/controller/${verb}/laforge`)).toEqual({ ...target, user: "laforge" });
  });

  test.each(
    ["controller", "reply", "switcher"].flatMap((reserved) =>
      ["override", "cycle", "tokens", "state", "acquier"].flatMap((below) => [
        `lastout/${reserved}/${below}`,
        `lastout/${reserved}/${below}/laforge`,
      ]),
    ),
  )("%s is none", (topic) => {
    expect(parse(topic)).toEqual({ kind: "none" });
  });

  test.each(
    ["reply", "switcher"].flatMap((reserved) =>
      ["acquire", "renew/laforge", "release"].map((below) => `lastout/${reserved}/${below}`),
    ),
  )("%s is none either", (topic) => {
    expect(parse(topic)).toEqual({ kind: "none" });
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
    ["what others write in the place of a state", "lastout/no name/state"],
    ["the base alone", "lastout"],
  ])("%s: not a request", (_what, topic) => {
    expect(parse(topic)).toEqual({ kind: "none" });
  });

  test.each([
    [
      "lastout/build1/ACQUIRE",
      "there is no request 'ACQUIRE'; requests are acquire, renew, release, override, cycle, tokens",
    ],
    ["lastout/build1/acquire/", "'' cannot be a user: 1 to 128 characters, no control characters"],
    ["lastout/controller/acquire/", "'' cannot be a user: 1 to 128 characters, no control characters"],
    [
      "lastout/b\u043Eb/acquire",
      "'b\\u{43E}b' cannot be the name of a resource: 1 to 64 of A-Z a-z 0-9 _ . - with a letter or digit first",
    ],
  ])("%s is refused with a reason", (topic, because) => {
    expect(parse(topic)).toMatchObject({ kind: "refused", because });
  });

  test("what is refused still says who asked and for what, as far as it can be known", () => {
    expect(parse("lastout/no name/cycle/laforge")).toMatchObject({
      kind: "refused",
      resource: undefined,
      verb: "cycle",
      user: "laforge",
    });
    expect(parse("lastout/build1/cycle/a\u0007b")).toMatchObject({
      kind: "refused",
      resource: "build1",
      verb: "cycle",
      user: undefined,
    });
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

  test("hear every request of the topic map, with those of the controller among them", () => {
    for (const row of topicMap.filter((one) => one.direction === "requested")) {
      const topic = `lastout/${row.topic.replaceAll(/<\w>/g, "x")}`;
      expect(
        topics.requestFilters.filter((filter) => matches(filter, topic)),
        topic,
      ).toHaveLength(1);
      expect(parse(topic), topic).toMatchObject({ kind: "request" });
    }
  });

  test("of requests are these, also in sessions that a broker keeps from one version to the next", () => {
    const verbs = ["acquire", "renew", "release", "override", "cycle", "tokens"];
    expect([...topics.requestFilters].toSorted()).toEqual(
      verbs.flatMap((verb) => [`lastout/+/${verb}`, `lastout/+/${verb}/+`]).toSorted(),
    );
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
