import { describe, expect, it } from "vitest";
import { z } from "zod";
import { duration, hostName } from "../../src/adapters/options.ts";
import { switcherOptions } from "../../src/adapters/switchers/registry.ts";
import { deviceTopics } from "../../src/adapters/switchers/tasmota-topics.ts";

const standard = {
  topic: "plug1",
  fullTopic: "%prefix%/%topic%/",
  prefixes: ["cmnd", "stat", "tele"],
} as const;

describe("The topics of a Tasmota device follow its FullTopic", () => {
  it.each([
    ["the default", {}, "cmnd/plug1/", "stat/plug1/", "tele/plug1/"],
    [
      "without the final slash",
      { fullTopic: "%prefix%/%topic%" },
      "cmnd/plug1/",
      "stat/plug1/",
      "tele/plug1/",
    ],
    ["topic first", { fullTopic: "%topic%/%prefix%/" }, "plug1/cmnd/", "plug1/stat/", "plug1/tele/"],
    [
      "with a place",
      { fullTopic: "lab/%prefix%/r1/%topic%/" },
      "lab/cmnd/r1/plug1/",
      "lab/stat/r1/plug1/",
      "lab/tele/r1/plug1/",
    ],
    ["a topic with levels", { topic: "r1/plug1" }, "cmnd/r1/plug1/", "stat/r1/plug1/", "tele/r1/plug1/"],
    ["other prefixes", { prefixes: ["do", "did", "says"] }, "do/plug1/", "did/plug1/", "says/plug1/"],
    ["without %topic%", { fullTopic: "%prefix%/here" }, "cmnd/here/", "stat/here/", "tele/here/"],
    [
      "without %prefix%: commands get one",
      { fullTopic: "lab/%topic%/" },
      "lab/plug1/cmnd/",
      "lab/plug1/",
      "lab/plug1/",
    ],
    [
      "without %prefix% and slash",
      { fullTopic: "%topic%", prefixes: ["do", "did", "says"] },
      "plug1/do/",
      "plug1/",
      "plug1/",
    ],
    ["# is removed", { fullTopic: "%prefix%/#%topic%/#" }, "cmnd/plug1/", "stat/plug1/", "tele/plug1/"],
    ["// is one slash", { fullTopic: "%prefix%//%topic%//" }, "cmnd/plug1/", "stat/plug1/", "tele/plug1/"],
    ["a dollar is a dollar", { topic: "a$&b" }, "cmnd/a$&b/", "stat/a$&b/", "tele/a$&b/"],
  ] as const)("%s", (_title, given, command, stat, tele) => {
    const topics = deviceTopics({ ...standard, ...given });
    expect([topics.command(""), topics.stat(""), topics.tele("")]).toEqual([command, stat, tele]);
  });
});

const problemsOf = (given: Readonly<Record<string, unknown>>): string[] =>
  (switcherOptions.safeParse({ type: "tasmota", ...given }).error?.issues ?? []).map(
    (issue) => `${issue.path.join(".")} ${issue.message}`,
  );

describe("A Tasmota switcher's options are refused", () => {
  it.each([
    ["without a topic", {}, /^topic /],
    ["with an empty topic", { topic: "" }, /^topic is empty/],
    ["with a wildcard in the topic", { topic: "plug+" }, /^topic has a character that no topic/],
    ["with a topic of 101 characters", { topic: "x".repeat(101) }, /^topic is longer/],
    [
      "with %hostname%, which only the device knows",
      { topic: "p", fullTopic: "%prefix%/%hostname%/" },
      /^fullTopic has %hostname%.*write its host name/,
    ],
    [
      "with %id%, which only the device knows",
      { topic: "p", fullTopic: "%prefix%/%id%/" },
      /^fullTopic has %id%.*MAC address/,
    ],
    [
      "with a misspelt token",
      { topic: "p", fullTopic: "%prefx%/%topic%/" },
      /^fullTopic has %prefx%, which is no token/,
    ],
    [
      "with a plus in the template",
      { topic: "p", fullTopic: "%prefix%/+/%topic%/" },
      /^fullTopic has a character/,
    ],
    ["with an empty template", { topic: "p", fullTopic: "" }, /^fullTopic is empty/],
    [
      "with both outlet and outlets",
      { topic: "p", outlet: 2, outlets: 4 },
      /^outlet is one relay and `outlets` is all/,
    ],
    ["with outlet 0", { topic: "p", outlet: 0 }, /^outlet /],
    ["with outlet 33", { topic: "p", outlet: 33 }, /^outlet /],
    ["with two prefixes", { topic: "p", prefixes: ["a", "b"] }, /^prefixes/],
    [
      "with one prefix for commands and replies",
      { topic: "p", prefixes: ["a", "a", "b"] },
      /^prefixes has the same word/,
    ],
    [
      "with topics longer than a device takes",
      { topic: "p".repeat(100), fullTopic: `%prefix%/${"f".repeat(50)}/%topic%/` },
      /^fullTopic makes topics of more/,
    ],
  ])("%s", (_title, given, problem) => {
    const problems = problemsOf(given);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  it("but not at the ends of what is allowed", () => {
    expect(problemsOf({ topic: "p", outlet: 1 })).toEqual([]);
    expect(problemsOf({ topic: "p", outlet: 32 })).toEqual([]);
    expect(problemsOf({ topic: "p", outlets: 32 })).toEqual([]);
    expect(problemsOf({ topic: "x".repeat(100) })).toEqual([]);
    expect(problemsOf({ topic: "p", prefixes: ["a", "b", "b"] })).toEqual([]);
  });
});

describe("A duration in the options", () => {
  const field = duration.prefault("50ms");

  it.each([
    [undefined, 50],
    [90, 90_000],
    [0, 0],
    [0.25, 250],
    ["90", 90_000],
    ["1h30m", 5_400_000],
    ["500ms", 500],
    [864_000_000, 864_000_000_000],
  ])("%s is read", (given, length) => {
    expect(field.parse(given)).toBe(length);
  });

  it.each([["soon"], [""], [-1], ["5 s"], [true], [null], [["90s"]], [Number.NaN]])(
    "%s is refused with what would be right",
    (given) => {
      const issues = field.safeParse(given).error?.issues.map((issue) => issue.message);
      expect(issues).toEqual(["is no duration: write 90, 90s, 15m, 2h, 1h30m or 500ms"]);
    },
  );

  it.each([[864_000_001], ["10000d1ms"]])("%s is longer than the longest", (given) => {
    const issues = field.safeParse(given).error?.issues.map((issue) => issue.message);
    expect(issues).toEqual([expect.stringContaining("is longer than the longest duration")]);
  });

  it("is described to editors as a number or a text, with the pattern that the parser follows", () => {
    const schema = z.toJSONSchema(field, { io: "input" });
    expect(schema).toMatchObject({ default: "50ms", anyOf: [{ type: "number" }, { type: "string" }] });
    const text = schema.anyOf?.[1];
    const pattern = new RegExp(typeof text === "object" ? (text.pattern ?? "") : "", "u");
    for (const good of ["90", "0.5", "90s", "15m", "2h", "1h30m", "500ms", "1d", "1m500ms"]) {
      expect(`${good} ${pattern.test(good)}`).toBe(`${good} true`);
      expect(duration.safeParse(good).success, good).toBe(true);
    }
    for (const bad of ["", "soon", "5 s", "30m1h", "-1s", "1", ""].filter((text_) => text_ !== "1")) {
      expect(`${bad} ${pattern.test(bad)}`).toBe(`${bad} false`);
      expect(duration.safeParse(bad).success, bad).toBe(false);
    }
  });
});

describe("A host in the options", () => {
  it.each(["build1.lab", "10.0.0.7", "::1", "fe80::1%eth0", "büro-1.lab", "my_host", "x".repeat(253)])(
    "may be %s",
    (host) => {
      expect(hostName.safeParse(host).success).toBe(true);
    },
  );

  it.each(["", "-f", "--help", "a b", "a;b", "a/b", "$(x)", "a\n", "x".repeat(254)])(
    "may not be %j",
    (host) => {
      expect(hostName.safeParse(host).success).toBe(false);
    },
  );
});
