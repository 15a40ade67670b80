// Where replies may go (protocol section 4.2), and who must be named for it (section 4, access).

import { describe, expect, test } from "vitest";
import { replyTopicProblem, type ReplyRules } from "../../src/adapters/mqtt/reply-topic.ts";
import type { RequestRules } from "../../src/adapters/mqtt/requests.ts";
import { topicsOf } from "../../src/adapters/mqtt/topics.ts";
import type { Request } from "../../src/core/requests.ts";
import { acquire, read, rules } from "./read.ts";

const cure = (topic: string): string => `a request must name its user, as its topic's last level: ${topic}`;

const withId = (id: string): Request => acquire(JSON.stringify({ replyTo: "lastout/reply/1", id }));

describe("reply topics", () => {
  const bad: [string, string, string][] = [
    [
      "a socket's command",
      "cmnd/p2/POWER",
      "replies do not go to 'cmnd/p2/POWER'; use a topic below lastout/reply/",
    ],
    [
      "a request of our own",
      "lastout/build1/acquire",
      "replies do not go to 'lastout/build1/acquire'; use a topic below lastout/reply/",
    ],
    [
      "our own picture",
      "lastout/build1/state",
      "replies do not go to 'lastout/build1/state'; use a topic below lastout/reply/",
    ],
    ["$SYS", "$SYS/x", "replies do not go to '$SYS/x'; use a topic below lastout/reply/"],
    [
      "the reply space itself",
      "lastout/reply",
      "replies do not go to 'lastout/reply'; use a topic below lastout/reply/",
    ],
    [
      "a look-alike of it",
      "lastout/replyx/a",
      "replies do not go to 'lastout/replyx/a'; use a topic below lastout/reply/",
    ],
    ["empty", "", "the reply topic is empty"],
    ["all topics", "#", "the reply topic '#' has wildcards"],
    ["a wildcard below it", "lastout/reply/+", "the reply topic 'lastout/reply/+' has wildcards"],
    ["an empty level", "lastout/reply//a", "the reply topic 'lastout/reply//a' has an empty level"],
    ["a trailing slash", "lastout/reply/", "the reply topic 'lastout/reply/' has an empty level"],
    [
      "a control character",
      "lastout/reply/a\u0007",
      "the reply topic 'lastout/reply/a\\u{7}' has control characters",
    ],
    ["10 kB", `lastout/reply/${"x".repeat(10_226)}`, "the reply topic has 10240 bytes, the limit is 256"],
  ];

  test.each(bad)("%s: forbidden, nothing granted, no reply anywhere", (_name, topic, message) => {
    const forbidden = { kind: "refused", error: "forbidden", message, replyTo: undefined };
    expect(acquire("{}", { responseTopic: topic })).toMatchObject(forbidden);
    expect(acquire(JSON.stringify({ replyTo: topic }))).toMatchObject(forbidden);
  });

  test.each([
    "lastout/reply/1",
    "lastout/reply/other-user/1",
    "ci/answers/42",
    `lastout/reply/${"x".repeat(242)}`,
  ])("%s is allowed", (topic) => {
    expect(replyTopicProblem(topic, rules, undefined)).toBeUndefined();
  });

  test("257 bytes are too many, however few characters they are", () => {
    expect(replyTopicProblem(`lastout/reply/${"x".repeat(243)}`, rules, undefined)).toBeDefined();
    expect(replyTopicProblem(`lastout/reply/${"ä".repeat(122)}`, rules, undefined)).toBeDefined();
  });

  test("correlation data of 256 bytes is kept, 257 are refused", () => {
    const to = { responseTopic: "lastout/reply/1" };
    expect(acquire("{}", { ...to, correlation: Buffer.alloc(256) })).toMatchObject({ kind: "acquire" });
    expect(acquire("{}", { ...to, correlation: Buffer.alloc(257) })).toMatchObject({
      kind: "refused",
      error: "invalid-request",
      message: "the correlation data has 257 bytes, the limit is 256",
      replyTo: { topic: "lastout/reply/1", correlation: undefined },
    });
  });

  test("an id of 128 characters is echoed, one of 129 refused", () => {
    expect(withId("x".repeat(128))).toMatchObject({ kind: "acquire", replyTo: { id: "x".repeat(128) } });
    expect(withId("x".repeat(129))).toMatchObject({ kind: "refused", replyTo: { id: undefined } });
  });
});

describe("with access: users", () => {
  const users: RequestRules = { ...rules, access: "users" };
  const by = (user: string, replyTo: string): Request =>
    read(`lastout/build1/acquire/${user}`, JSON.stringify({ replyTo }), { under: users });

  test("a request with a user in its topic is taken", () => {
    expect(read("lastout/build1/acquire/laforge", "t", { under: users })).toMatchObject({
      kind: "acquire",
      user: "laforge",
      owner: "laforge",
    });
    expect(by("laforge", "lastout/reply/laforge/1")).toMatchObject({
      kind: "acquire",
      replyTo: { topic: "lastout/reply/laforge/1" },
    });
  });

  test.each([
    ["lastout/build1/acquire", "t", "t", "lastout/build1/acquire/<user>"],
    ["lastout/build1/renew", "t", "t", "lastout/build1/renew/<user>"],
    ["lastout/build1/release", '{"token":"t","lost":true}', "t", "lastout/build1/release/<user>"],
    ["lastout/build1/override", "off", undefined, "lastout/build1/override/<user>"],
    ["lastout/build1/cycle", "", undefined, "lastout/build1/cycle/<user>"],
    ["lastout/build1/tokens", "", undefined, "lastout/build1/tokens/<user>"],
    ["lastout/controller/acquire", '{"resources":["a"]}', undefined, "lastout/controller/acquire/<user>"],
    ["lastout/controller/release", "t", "t", "lastout/controller/release/<user>"],
  ])("%s without one is forbidden, with the cure and no reply", (topic, payload, token, like) => {
    for (const more of [{}, { responseTopic: "lastout/reply/laforge/1" }, { retain: true }]) {
      expect(read(topic, payload, { under: users, ...more })).toMatchObject({
        kind: "refused",
        error: "forbidden",
        token,
        message: cure(like),
        replyTo: undefined,
      });
    }
  });

  test("an owner in the payload is no user", () => {
    expect(acquire('{"owner":"laforge"}', { under: users })).toMatchObject({ error: "forbidden" });
  });

  test("what cannot be a user is none", () => {
    expect(read("lastout/build1/acquire/", '{"replyTo":"lastout/reply/1"}', { under: users })).toMatchObject({
      error: "forbidden",
      message: "'' cannot be a user: 1 to 128 characters, no control characters",
      replyTo: undefined,
    });
  });

  test.each([
    "lastout/reply/1",
    "lastout/reply/laforge",
    "lastout/reply/data/1",
    "lastout/reply/laforge2/1",
    "lastout/reply/Laforge/1",
    "ci/answers/1",
    "ci/answers/data/1",
    "lastout/build1/laforge/1",
    "cmnd/laforge/POWER",
  ])("replies to laforge do not go to %s", (topic) => {
    const forbidden = {
      kind: "refused",
      error: "forbidden",
      message: `replies do not go to '${topic}'; use a topic below lastout/reply/laforge/`,
      replyTo: undefined,
    };
    expect(by("laforge", topic)).toMatchObject(forbidden);
    expect(read("lastout/build1/cycle/laforge", "", { under: users, responseTopic: topic })).toMatchObject(
      forbidden,
    );
  });

  test.each(["lastout/reply/laforge/1", "lastout/reply/laforge/a/b", "ci/answers/laforge/1"])(
    "they go to %s",
    (topic) => {
      expect(replyTopicProblem(topic, users, "laforge")).toBeUndefined();
    },
  );

  test("a prefix inside the reply space opens nobody's part of it", () => {
    const inside: ReplyRules = {
      topics: topicsOf("lastout"),
      replyPrefixes: ["lastout/reply/data"],
      access: "users",
    };
    expect(replyTopicProblem("lastout/reply/data/laforge/1", inside, "laforge")).toBeDefined();
    expect(replyTopicProblem("lastout/reply/data/laforge/1", inside, "data")).toBeUndefined();
  });

  test("a mistake elsewhere is answered to its user, and only there", () => {
    const refused = { kind: "refused", error: "invalid-request" };
    const wrong = '{"tll":1,"replyTo":"lastout/reply/laforge/1"}';
    expect(read("lastout/build1/acquire/laforge", wrong, { under: users })).toMatchObject({
      ...refused,
      replyTo: { topic: "lastout/reply/laforge/1" },
    });
    expect(read("lastout/no name/acquire/laforge", wrong, { under: users })).toMatchObject({
      ...refused,
      replyTo: { topic: "lastout/reply/laforge/1" },
    });
    expect(read("lastout/no name/acquire/data", wrong, { under: users })).toMatchObject({
      error: "forbidden",
      replyTo: undefined,
    });
  });
});
