// From bytes to requests: what is taken, and the exact words with which the rest is refused. No broker is needed for that.

import { describe, expect, test } from "vitest";
import { acquire, read, rules } from "./read.ts";

/** JSON of exactly this many bytes. */
const fill = (size: number): string => `{"token":"t"${" ".repeat(size - 13)}}`;

describe("a request that is right", () => {
  test("acquire in the plain form is a token id, with one trailing newline taken off", () => {
    expect(acquire("job-12\n")).toMatchObject({
      kind: "acquire",
      resource: "build1",
      names: ["build1"],
      token: "job-12",
      user: undefined,
      owner: undefined,
      purpose: undefined,
      ttl: undefined,
      mode: "shared",
      priority: 0,
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
      mode: "exclusive",
      wait: "available",
      timeout: 0,
      priority: -100,
      replyTo: "lastout/reply/12",
      id: "42",
      format: "plain",
    });
    expect(acquire(payload)).toMatchObject({
      kind: "acquire",
      resource: "build1",
      names: ["build1"],
      user: undefined,
      token: "job-12",
      owner: "ci",
      purpose: "https://ci/12",
      ttl: 7_200_000,
      mode: "exclusive",
      priority: -100,
      wait: "available",
      timeout: 0,
      replyTo: { topic: "lastout/reply/12", correlation: undefined, id: "42", format: "plain" },
    });
  });

  test("a purpose of null is the same as none, and null is no value of any other field", () => {
    expect(acquire('{"token":"t","purpose":null}')).toMatchObject({ kind: "acquire", purpose: undefined });
    expect(acquire('{"token":"t","purpose":1}')).toMatchObject({
      kind: "refused",
      message: "purpose must be a text of up to 256 characters without control characters, not 1",
    });
    expect(acquire('{"token":"t","ttl":null}')).toMatchObject({ kind: "refused" });
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
    const laforge = { user: "laforge", owner: "laforge" };
    expect(read("lastout/b/acquire/laforge", '{"owner":"root"}')).toMatchObject(laforge);
    expect(read("lastout/b/acquire/laforge", "t")).toMatchObject(laforge);
    expect(read("lastout/b/cycle/laforge", '{"owner":"root"}')).toMatchObject(laforge);
    expect(read("lastout/controller/renew/laforge", "t")).toMatchObject(laforge);
    expect(read("lastout/b/tokens", '{"owner":"root"}')).toMatchObject({ user: undefined, owner: "root" });
  });

  test("a priority of -100 or 100 is taken", () => {
    expect(acquire('{"priority":-100}')).toMatchObject({ priority: -100 });
    expect(acquire('{"priority":100}')).toMatchObject({ priority: 100 });
    expect(acquire('{"priority":-0}')).toMatchObject({ priority: 0 });
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

  test("what cannot be read as a request is told to its replyTo all the same, where that can be found", () => {
    const aside = '"replyTo":"lastout/reply/7","id":"x","format":"plain"';
    const replyTo = { topic: "lastout/reply/7", id: "x", format: "plain" };
    const wrong: [payload: string, about: object][] = [
      [`{"token":"a",${aside},"purpose":"${"x".repeat(16_384)}"}`, { error: "too-large", token: "a" }],
      [`{"token":"a","token":"b",${aside}}`, { message: "the field 'token' stands there twice" }],
      [
        `{${aside},"x":${"[".repeat(8)}${"]".repeat(8)}}`,
        { message: expect.stringContaining("deeper than 8") },
      ],
    ];
    for (const [payload, about] of wrong) {
      expect(acquire(payload)).toMatchObject({ kind: "refused", replyTo, ...about });
    }
    const twice = acquire(`{"token":"a","replyTo":"lastout/reply/1","replyTo":"lastout/reply/2"}`);
    expect(twice).toMatchObject({ token: "a", replyTo: undefined });
    expect(acquire('{"token":"a","token":"b"}')).toMatchObject({ token: undefined });
    expect(acquire(`{${aside}`)).toMatchObject({ replyTo: undefined }); // no JSON
    expect(acquire(`{${aside},"purpose":"${"x".repeat(1_048_576)}"}`)).toMatchObject({
      error: "too-large",
      replyTo: undefined,
    });
  });
});

const durationRule = 'must be a duration of at least 1 ms, such as 90 (seconds), "15m" or "1h30m", not';
const priorityRule = "priority must be a whole number from -100 to 100; higher is served first, not";
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
      "acquire has no field '__proto__'; it has token, owner, replyTo, id, format, purpose, ttl, mode, wait, timeout, priority",
    ],
    [
      "constructor",
      '{"constructor":{"prototype":{"x":1}}}',
      "acquire has no field 'constructor'; it has token, owner, replyTo, id, format, purpose, ttl, mode, wait, timeout, priority",
    ],
    ["a typing mistake", '{"tll":60}', "acquire has no field 'tll'; did you mean 'ttl'?"],
    [
      "the field of a request for several",
      '{"resources":["a"]}',
      "acquire has no field 'resources'; one token over several resources is acquired over controller/acquire",
    ],
    ["a mode that is none", '{"mode":"private"}', `mode must be "shared" or "exclusive", not 'private'`],
    ["priority -101", '{"priority":-101}', `${priorityRule} -101`],
    ["priority 101", '{"priority":101}', `${priorityRule} 101`],
    ["priority 0.5", '{"priority":0.5}', `${priorityRule} 0.5`],
    ["priority in quotes", '{"priority":"5"}', `${priorityRule} '5'`],
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
    expect(
      acquire(`{"x":${"[".repeat(1_000_000)}`, { under: { ...rules, payloadLimit: 10_000_000 } }),
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

test("a refused request carries the owner that it names, for the event", () => {
  expect(acquire('{"owner":"ann","tll":1}')).toMatchObject({ kind: "refused", owner: "ann" });
  expect(acquire('{"owner":"a/b"}')).toMatchObject({ kind: "refused", owner: undefined });
  expect(acquire("two words")).toMatchObject({ kind: "refused", owner: undefined });
  expect(read("lastout/b/acquire/joe", '{"owner":"ann","tll":1}')).toMatchObject({
    kind: "refused",
    owner: "joe",
  });
});

test("with access: users nobody but the broker says who it was", () => {
  expect(
    read("lastout/b/acquire", '{"owner":"ann"}', { under: { ...rules, access: "users" } }),
  ).toMatchObject({
    kind: "refused",
    error: "forbidden",
    owner: undefined,
  });
});

test("a request with the retain flag is refused, and answered", () => {
  expect(acquire('{"replyTo":"lastout/reply/1"}', { retain: true })).toMatchObject({
    kind: "refused",
    error: "retained-request",
    replyTo: { topic: "lastout/reply/1" },
  });
});
