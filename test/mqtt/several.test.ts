// Requests over controller/...: one token over several resources (protocol sections 4 and 4.1).

import { describe, expect, test } from "vitest";
import { read } from "./read.ts";

const acquire = (payload: string) => read("lastout/controller/acquire", payload);
const named = (count: number): string =>
  JSON.stringify({ resources: Array.from({ length: count }, (_, n) => `r${n}`) });

describe("one token over several resources", () => {
  test("is acquired with a list of names, and all fields of an acquire", () => {
    expect(
      acquire(
        '{"resources":["build1","builders"],"token":"job-12","owner":"ci","purpose":"p","ttl":"2h","mode":"exclusive","wait":"available","timeout":"5m","priority":7,"id":"1"}',
      ),
    ).toEqual({
      kind: "acquire",
      resource: undefined,
      names: ["build1", "builders"],
      user: undefined,
      owner: "ci",
      replyTo: undefined,
      token: "job-12",
      madeUpToken: expect.stringMatching(/^[0-9a-f]{32}$/),
      purpose: "p",
      ttl: 7_200_000,
      mode: "exclusive",
      priority: 7,
      wait: "available",
      timeout: 300_000,
    });
  });

  test("keeps the order asked for, and names 1 to 64", () => {
    expect(acquire(named(1))).toMatchObject({ kind: "acquire", names: ["r0"] });
    expect(acquire('{"resources":["b","a"]}')).toMatchObject({ names: ["b", "a"] });
    expect(acquire(named(64))).toMatchObject({ kind: "acquire" });
    expect(acquire(named(65))).toMatchObject({ kind: "refused", error: "invalid-request" });
  });

  test("with the user in the topic belongs to them", () => {
    expect(read("lastout/controller/acquire/laforge", named(2))).toMatchObject({
      user: "laforge",
      owner: "laforge",
    });
  });

  test("is renewed and released as a whole, by its id", () => {
    expect(read("lastout/controller/renew", "job-12")).toMatchObject({
      kind: "renew",
      resource: undefined,
      token: "job-12",
    });
    expect(read("lastout/controller/release/laforge", '{"token":"job-12","lost":true}')).toMatchObject({
      kind: "release",
      resource: undefined,
      user: "laforge",
      token: "job-12",
      lost: true,
    });
  });
});

const listRule =
  "resources must be a list of 1 to 64 names of resources or pools, each 1 to 64 of A-Z a-z 0-9 _ . - with a letter or digit first, not";

describe("what is wrong with it is said in words", () => {
  test.each([
    [
      "the plain form",
      "job-12",
      "controller/acquire takes a JSON object with the field resources, not 'job-12'",
    ],
    [
      "an empty payload",
      "",
      "controller/acquire takes a JSON object with the field resources, not an empty payload",
    ],
    [
      "a bare list",
      '["a","b"]',
      `controller/acquire takes a JSON object with the field resources, not '["a","b"]'; a JSON payload is an object and begins with {`,
    ],
    ["no names", "{}", "controller/acquire needs the field resources"],
    ["an empty list", '{"resources":[]}', `${listRule} []`],
    ["one text", '{"resources":"a,b"}', `${listRule} 'a,b'`],
    ["a number among them", '{"resources":["a",1]}', `${listRule} ["a",1]`],
    ["what is no name", '{"resources":["a","b c"]}', `${listRule} ["a","b c"]`],
    ["a name twice", '{"resources":["a","b","a"]}', "resources names 'a' twice"],
    [
      "a typing mistake",
      '{"resource":["a"]}',
      "controller/acquire has no field 'resource'; did you mean 'resources'?",
    ],
  ])("%s", (_name, payload, message) => {
    expect(acquire(payload)).toMatchObject({
      kind: "refused",
      error: "invalid-request",
      resource: undefined,
      message,
    });
  });

  test("of renew and release, too", () => {
    expect(read("lastout/controller/renew", "{}")).toMatchObject({
      message: "controller/renew needs the field token",
    });
    expect(read("lastout/controller/release", '{"resources":["a"],"token":"t"}')).toMatchObject({
      token: "t",
      message: "controller/release has no field 'resources'; it has token, owner, replyTo, id, format, lost",
    });
  });
});
