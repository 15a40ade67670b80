// From bytes to requests: what is taken, and the exact words with which the rest is refused. No broker is needed for that.

import { describe, expect, test } from "vitest";
import type { Incoming } from "../../src/adapters/mqtt/connection-port.ts";
import { encodeAnnouncement, encodeReply } from "../../src/adapters/mqtt/encode.ts";
import { readRequest, replyTopicProblem, type RequestRules } from "../../src/adapters/mqtt/requests.ts";
import { parseRequestTopic } from "../../src/adapters/mqtt/topics.ts";
import type { Request } from "../../src/core/requests.ts";

const rules: RequestRules = {
  base: "lastout",
  replyPrefixes: ["lastout/reply", "ci/answers"],
  payloadLimit: 16_384,
};

function read(topic: string, payload: string | Uint8Array, more: Partial<Incoming> = {}): Request {
  const target = parseRequestTopic(rules.base, topic);
  if (target.kind === "none") {
    throw new Error(`${topic} is no request`);
  }
  const message: Incoming = {
    topic,
    payload: Buffer.from(payload),
    qos: 1,
    retain: false,
    responseTopic: undefined,
    correlation: undefined,
    ...more,
  };
  return readRequest(message, target, rules);
}

const acquire = (payload: string | Uint8Array, more: Partial<Incoming> = {}): Request =>
  read("lastout/build1/acquire", payload, more);

/** JSON of exactly this many bytes. */
const fill = (size: number): string => `{"token":"t"${" ".repeat(size - 13)}}`;

const withId = (id: string): Request => acquire(JSON.stringify({ replyTo: "lastout/reply/1", id }));

describe("a request that is right", () => {
  test("acquire in the plain form is a token id, with one trailing newline taken off", () => {
    expect(acquire("job-12\n")).toMatchObject({
      kind: "acquire",
      resource: "build1",
      token: "job-12",
      owner: undefined,
      purpose: undefined,
      ttl: undefined,
      wait: "granted",
      timeout: undefined,
      replyTo: undefined,
    });
  });

  test("acquire with {} gets a made-up token id of 128 bits", () => {
    const first = acquire("{}");
    const second = acquire("{}");
    expect(first).toMatchObject({ kind: "acquire", token: undefined });
    expect(first.kind === "acquire" && first.madeUpToken).toMatch(/^[0-9a-f]{32}$/);
    expect(first).not.toEqual(second);
  });

  test("acquire with all its fields", () => {
    const payload = JSON.stringify({
      token: "job-12",
      owner: "ci",
      purpose: "https://ci/12",
      ttl: "2h",
      mode: "shared",
      wait: "available",
      timeout: 0,
      replyTo: "lastout/reply/12",
      id: "42",
      format: "plain",
    });
    expect(acquire(payload)).toMatchObject({
      kind: "acquire",
      token: "job-12",
      owner: "ci",
      purpose: "https://ci/12",
      ttl: 7_200_000,
      wait: "available",
      timeout: 0,
      replyTo: { topic: "lastout/reply/12", correlation: undefined, id: "42", format: "plain" },
    });
  });

  test("renew, release and tokens", () => {
    expect(read("lastout/b/renew", '{"token":"t","ttl":0.5}')).toMatchObject({
      kind: "renew",
      token: "t",
      ttl: 500,
    });
    expect(read("lastout/b/release", '{"token":"t","lost":true}')).toMatchObject({
      kind: "release",
      lost: true,
    });
    expect(read("lastout/b/release", "t")).toMatchObject({ kind: "release", token: "t", lost: false });
    expect(read("lastout/b/tokens", "")).toMatchObject({ kind: "tokens", offset: 0, limit: 100 });
    expect(read("lastout/b/tokens", '{"offset":5,"limit":1000}')).toMatchObject({ offset: 5, limit: 1000 });
  });

  test("the user in the topic is the owner, whatever the payload says", () => {
    expect(read("lastout/b/acquire/laforge", '{"owner":"root"}')).toMatchObject({ owner: "laforge" });
    expect(read("lastout/b/acquire/laforge", "t")).toMatchObject({ owner: "laforge" });
  });

  test("the Response Topic of MQTT 5 wins over replyTo, and correlation data is kept", () => {
    expect(
      acquire('{"replyTo":"cmnd/plug/POWER"}', {
        responseTopic: "lastout/reply/5",
        correlation: Buffer.from([0, 255]),
      }),
    ).toMatchObject({ kind: "acquire", replyTo: { topic: "lastout/reply/5", correlation: "AP8=" } });
  });

  test("a payload of exactly the limit is read, one byte more is too large", () => {
    expect(acquire(fill(16_384))).toMatchObject({ kind: "acquire", token: "t" });
    expect(acquire(fill(16_385))).toMatchObject({
      kind: "refused",
      error: "too-large",
      message: "the payload has 16385 bytes, the limit is 16384",
    });
  });
});

const durationRule = 'must be a duration of at least 1 ms, such as 90 (seconds), "15m" or "1h30m", not';
const tokenRule = "a token id: 1 to 128 of A-Z a-z 0-9 . _ : @ = % ~ -";

describe("a payload that is wrong is refused in words that tell what would be right", () => {
  const cases: [name: string, payload: string | Uint8Array, message: string][] = [
    ["empty", "", "the payload is empty: give a token id, or {} to have one made up"],
    ["only a newline", "\n", "the payload is empty: give a token id, or {} to have one made up"],
    [
      "blank",
      " ",
      `the payload must be ${tokenRule}, not ' '; a JSON payload is an object and begins with {`,
    ],
    ["an open brace", "{", "the payload is not valid JSON at character 2"],
    [
      "an array",
      "[1]",
      `the payload must be ${tokenRule}, not '[1]'; a JSON payload is an object and begins with {`,
    ],
    ["two newlines", "t\n\n", `the payload must be ${tokenRule}, not 't\\u{A}'`],
    ["not UTF-8", Uint8Array.of(0x7b, 0xff, 0x7d), "the payload is not valid UTF-8"],
    ["a byte order mark", "\uFEFF{}", "the payload begins with a byte order mark; leave it out"],
    ["text behind the object", "{}x", "the payload is not valid JSON at character 3"],
    ["nested too deep", `${'{"a":'.repeat(9)}1${"}".repeat(9)}`, "the JSON is nested deeper than 8 levels"],
    ["a key twice", '{"token":"a","token":"b"}', "the field 'token' stands there twice"],
    ["a key twice, once escaped", '{"ttl":1,"t\\u0074l":2}', "the field 'ttl' stands there twice"],
    [
      "__proto__",
      '{"__proto__":{"x":1}}',
      "acquire has no field '__proto__'; it has token, owner, replyTo, id, format, purpose, ttl, mode, wait, timeout",
    ],
    [
      "constructor",
      '{"constructor":{"prototype":{"x":1}}}',
      "acquire has no field 'constructor'; it has token, owner, replyTo, id, format, purpose, ttl, mode, wait, timeout",
    ],
    ["a typing mistake", '{"tll":60}', "acquire has no field 'tll'; did you mean 'ttl'?"],
    [
      "a field of a later version",
      '{"priority":5}',
      "acquire has no field 'priority'; it has token, owner, replyTo, id, format, purpose, ttl, mode, wait, timeout",
    ],
    [
      "a mode of a later version",
      '{"mode":"exclusive"}',
      `mode must be "shared": this version knows no other mode, not 'exclusive'`,
    ],
    ["ttl 0", '{"ttl":0}', `ttl ${durationRule} 0`],
    ["ttl -5", '{"ttl":-5}', `ttl ${durationRule} -5`],
    ["ttl -0", '{"ttl":-0}', `ttl ${durationRule} 0`],
    ["ttl 1e999", '{"ttl":1e999}', `ttl ${durationRule} Infinity`],
    ["ttl of half a millisecond", '{"ttl":0.0005}', `ttl ${durationRule} 0.0005`],
    ["ttl 1.5ms", '{"ttl":"1.5ms"}', `ttl ${durationRule} '1.5ms'`],
    ["ttl NaN", '{"ttl":"NaN"}', `ttl ${durationRule} 'NaN'`],
    ["ttl true", '{"ttl":true}', `ttl ${durationRule} true`],
    ["ttl empty", '{"ttl":""}', `ttl ${durationRule} ''`],
    ["ttl a list", '{"ttl":[]}', `ttl ${durationRule} []`],
    ["ttl with a blank", '{"ttl":"1h "}', `ttl ${durationRule} '1h '`],
    ["ttl in ISO 8601", '{"ttl":"PT1H"}', `ttl ${durationRule} 'PT1H'`],
    ["ttl 2^53", '{"ttl":9007199254740992}', `ttl ${durationRule} 9007199254740992`],
    [
      "timeout -1",
      '{"timeout":-1}',
      'timeout must be a duration, such as 300 (seconds) or "5m"; 0 never waits, not -1',
    ],
    ["a token with a slash", '{"token":"a/b"}', `token must be ${tokenRule}, not 'a/b'`],
    ["a token with an emoji", '{"token":"😀"}', `token must be ${tokenRule}, not '\\u{1F600}'`],
    ["a token with a direction mark", "a\u202Eb", `the payload must be ${tokenRule}, not 'a\\u{202E}b'`],
    [
      "an owner with a newline",
      '{"owner":"a\\nb"}',
      "owner must be 1 to 128 characters without control characters and / + #, not 'a\\u{A}b'",
    ],
    [
      "a purpose with an escape",
      '{"purpose":"\\u001b[2J"}',
      "purpose must be a text of up to 256 characters without control characters, not '\\u{1B}[2J'",
    ],
    ["a wait that is none", '{"wait":"on"}', `wait must be "granted", "powered" or "available", not 'on'`],
    ["null", '{"ttl":null}', `ttl ${durationRule} null`],
  ];

  test.each(cases)("%s", (_name, payload, message) => {
    expect(acquire(payload)).toMatchObject({
      kind: "refused",
      error: "invalid-request",
      resource: "build1",
      message,
    });
  });

  test("a token id of 128 characters is right, one of 129 is not", () => {
    expect(acquire("x".repeat(128))).toMatchObject({ kind: "acquire" });
    const refused = acquire("x".repeat(129));
    expect(refused).toMatchObject({ kind: "refused" });
    expect(refused.kind === "refused" && refused.message.length).toBeLessThan(250);
  });

  test("renew and release need a token", () => {
    expect(read("lastout/b/renew", "{}")).toMatchObject({ message: "renew needs the field token" });
    expect(read("lastout/b/release", "")).toMatchObject({ message: "the payload is empty: give a token id" });
    expect(read("lastout/b/tokens", "all")).toMatchObject({
      message: "tokens takes an empty payload or a JSON object, not 'all'",
    });
    expect(read("lastout/b/tokens", '{"limit":1001}')).toMatchObject({
      message: "limit must be a whole number from 1 to 1000, not 1001",
    });
  });

  test("eight levels are not too deep, and a million brackets cost nothing", () => {
    expect(acquire(`{"x":${"[".repeat(7)}${"]".repeat(7)}}`)).toMatchObject({
      message: expect.stringContaining("acquire has no field 'x'"),
    });
    const target = parseRequestTopic("lastout", "lastout/b/acquire");
    const message: Incoming = {
      topic: "lastout/b/acquire",
      payload: Buffer.from(`{"x":${"[".repeat(1_000_000)}`),
      qos: 1,
      retain: false,
      responseTopic: undefined,
      correlation: undefined,
    };
    expect(
      target.kind !== "none" && readRequest(message, target, { ...rules, payloadLimit: 10_000_000 }),
    ).toMatchObject({ message: "the JSON is nested deeper than 8 levels" });
  });

  test("nothing of a hostile object reaches other objects", () => {
    acquire('{"__proto__":{"polluted":1},"token":"t"}');
    expect("polluted" in {}).toBe(false);
  });

  test("a mistake is answered where the request says, with its id and token", () => {
    expect(
      acquire('{"token":"t","id":"7","format":"plain","replyTo":"lastout/reply/a","tll":1}'),
    ).toMatchObject({
      kind: "refused",
      token: "t",
      replyTo: { topic: "lastout/reply/a", id: "7", format: "plain" },
    });
  });
});

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
    expect(replyTopicProblem(topic, rules)).toBeUndefined();
  });

  test("257 bytes are too many, however few characters they are", () => {
    expect(replyTopicProblem(`lastout/reply/${"x".repeat(243)}`, rules)).toBeDefined();
    expect(replyTopicProblem(`lastout/reply/${"ä".repeat(122)}`, rules)).toBeDefined();
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

test("a request with the retain flag is refused, and answered", () => {
  expect(acquire('{"replyTo":"lastout/reply/1"}', { retain: true })).toMatchObject({
    kind: "refused",
    error: "retained-request",
    replyTo: { topic: "lastout/reply/1" },
  });
});

test("what this version does not know is refused where somebody listens", () => {
  expect(read("lastout/build1/cycle", '{"replyTo":"lastout/reply/1"}')).toMatchObject({
    kind: "refused",
    error: "invalid-request",
    message: "this version does not know the request 'cycle'",
    replyTo: { topic: "lastout/reply/1" },
  });
});

describe("replies and events as text", () => {
  const ok = {
    ok: true,
    resource: "build1",
    token: "job-12",
    owner: "ci",
    state: "available",
    users: 2,
    ttl: 3600,
    expires: "2026-11-22T09:00:00.000Z",
  } as const;

  test("JSON, with the request's id", () => {
    expect(encodeReply(ok, { id: undefined, format: "json" })).toEqual({
      text: '{"ok":true,"resource":"build1","token":"job-12","owner":"ci","state":"available","users":2,"ttl":3600,"expires":"2026-11-22T09:00:00.000Z"}',
      contentType: "application/json",
    });
    expect(encodeReply(ok, { id: "7", format: "json" }).text).toContain('"id":"7"}');
  });

  test("an error leaves out what is unknown", () => {
    const reply = {
      ok: false,
      resource: undefined,
      token: undefined,
      error: "forbidden",
      message: "no",
    } as const;
    expect(encodeReply(reply, { id: undefined, format: "json" }).text).toBe(
      '{"ok":false,"error":"forbidden","message":"no"}',
    );
  });

  test("plain: one line for a shell", () => {
    const plain = { id: "7", format: "plain" } as const;
    expect(encodeReply(ok, plain)).toEqual({ text: "ok build1 job-12 available", contentType: "text/plain" });
    expect(
      encodeReply({ ok: true, resource: "b", state: "off", total: 0, holders: [], queue: [] }, plain).text,
    ).toBe("ok b - off");
    expect(
      encodeReply(
        {
          ok: false,
          resource: "b",
          token: "t",
          error: "timeout",
          message: "b is still powered\nafter 300 s",
        },
        plain,
      ).text,
    ).toBe("error timeout b is still powered after 300 s");
  });

  test("an event is flat", () => {
    expect(
      encodeAnnouncement({ event: "granted", resource: "b", time: "T", fields: { token: "t", users: 1 } }),
    ).toBe('{"event":"granted","resource":"b","time":"T","token":"t","users":1}');
    expect(encodeAnnouncement({ event: "pong", resource: undefined, time: "T", fields: {} })).toBe(
      '{"event":"pong","time":"T"}',
    );
  });
});
