// Requests of operators: override and cycle (protocol sections 4.1 and 6).

import { describe, expect, test } from "vitest";
import { isoOf } from "../../src/core/time.ts";
import type { Request } from "../../src/core/requests.ts";
import { read } from "./read.ts";

const override = (payload: string | object, user = ""): Request =>
  read(`lastout/build1/override${user}`, typeof payload === "string" ? payload : JSON.stringify(payload));

const cycle = (payload: string): Request => read("lastout/build1/cycle", payload);

describe("an override that is right", () => {
  test.each(["auto", "on", "off"])("in the plain form is the word alone: %s", (mode) => {
    const request = {
      kind: "override",
      resource: "build1",
      user: undefined,
      owner: undefined,
      replyTo: undefined,
      mode,
      by: undefined,
      reason: undefined,
      until: undefined,
      force: false,
    };
    expect(override(mode)).toEqual(request);
    expect(override(`${mode}\n`)).toEqual(request);
    expect(override({ mode })).toEqual(request);
  });

  test("with all its fields", () => {
    expect(
      override({ mode: "off", by: "Geordi / bridge", reason: "PSU swap", until: "2h", force: true }),
    ).toMatchObject({
      mode: "off",
      by: "Geordi / bridge",
      reason: "PSU swap",
      until: { kind: "after", length: 7_200_000 },
      force: true,
    });
  });

  test("until a point in time, in any zone that it names", () => {
    for (const until of [
      "2026-11-22T08:00:00.000Z",
      "2026-11-22T08:00Z",
      "2026-11-22T09:30:00+01:30",
      "2026-11-22T03:00:00-05:00",
    ]) {
      const request = override({ mode: "on", until });
      const at =
        request.kind === "override" && request.until?.kind === "at" ? isoOf(request.until.wall) : request;
      expect(at, until).toBe("2026-11-22T08:00:00.000Z");
    }
  });

  test("until a duration of at least 1 ms", () => {
    expect(override({ mode: "on", until: 0.001 })).toMatchObject({ until: { kind: "after", length: 1 } });
    expect(override({ mode: "on", until: 0 })).toMatchObject({ kind: "refused" });
  });

  test("says who: the topic's user, else the field by, else the owner", () => {
    const all = { mode: "on", by: "by", owner: "owner" };
    expect(override(all, "/user")).toMatchObject({ by: "user", owner: "user", user: "user" });
    expect(override(all)).toMatchObject({ by: "by", owner: "owner", user: undefined });
    expect(override({ mode: "on", owner: "owner" })).toMatchObject({ by: "owner" });
    expect(override("on")).toMatchObject({ by: undefined });
  });

  test("has a by of 1 to 128 characters and a reason of up to 256", () => {
    expect(override({ mode: "on", by: "x".repeat(128), reason: "😀".repeat(256) })).toMatchObject({
      kind: "override",
    });
    expect(override({ mode: "on", by: "x".repeat(129) })).toMatchObject({ kind: "refused" });
    expect(override({ mode: "on", by: "" })).toMatchObject({ kind: "refused" });
    expect(override({ mode: "on", reason: "x".repeat(257) })).toMatchObject({ kind: "refused" });
    expect(override({ mode: "on", reason: "" })).toMatchObject({ kind: "override", reason: "" });
  });

  test("may say force: false everywhere, because it means nothing", () => {
    expect(override({ mode: "on", force: false })).toMatchObject({ kind: "override", force: false });
  });
});

const untilRule =
  'until must be a duration of at least 1 ms, such as 90 (seconds) or "2h", or a time with its zone, such as "2026-11-22T08:00:00Z", not';

describe("an override that is wrong is refused in words", () => {
  test.each([
    ["empty", "", "the payload is empty: give auto, on or off"],
    ["another word", "ON", "the payload must be auto, on or off, or a JSON object, not 'ON'"],
    [
      "a quoted word",
      '"off"',
      `the payload must be auto, on or off, or a JSON object, not '"off"'; a JSON payload is an object and begins with {`,
    ],
    ["without mode", '{"reason":"PSU swap"}', "override needs the field mode"],
    ["with a mode that is none", '{"mode":"locked"}', `mode must be "auto", "on" or "off", not 'locked'`],
    ["with mode true", '{"mode":true}', 'mode must be "auto", "on" or "off", not true'],
    [
      "with a typing mistake",
      '{"mode":"off","reasn":"x"}',
      "override has no field 'reasn'; did you mean 'reason'?",
    ],
    [
      "with a field of an acquire",
      '{"mode":"off","purpose":"x"}',
      "override has no field 'purpose'; it has token, owner, replyTo, id, format, mode, by, reason, until, force",
    ],
    ["auto with until", '{"mode":"auto","until":"2h"}', 'until goes only with "on" and "off"'],
    [
      "on with force",
      '{"mode":"on","force":true}',
      'force goes only with "off": it cuts the power without a shutdown',
    ],
    [
      "auto with force",
      '{"mode":"auto","force":true}',
      'force goes only with "off": it cuts the power without a shutdown',
    ],
    ["with force in quotes", '{"mode":"off","force":"yes"}', "force must be true or false, not 'yes'"],
    ["until -1", '{"mode":"on","until":-1}', `${untilRule} -1`],
    [
      "until a time without a zone",
      '{"mode":"on","until":"2026-11-22T08:00:00"}',
      `${untilRule} '2026-11-22T08:00:00'`,
    ],
    [
      "until a day that there is not",
      '{"mode":"on","until":"2026-02-29T08:00:00Z"}',
      `${untilRule} '2026-02-29T08:00:00Z'`,
    ],
    [
      "with an escape in its by",
      '{"mode":"on","by":"\\u001b[2J"}',
      "by must be a text of 1 to 128 characters without control characters, not '\\u{1B}[2J'",
    ],
    [
      "with a newline in its reason",
      '{"mode":"on","reason":"a\\nb"}',
      "reason must be a text of up to 256 characters without control characters, not 'a\\u{A}b'",
    ],
  ])("%s", (_name, payload, message) => {
    expect(override(payload)).toMatchObject({
      kind: "refused",
      error: "invalid-request",
      resource: "build1",
      token: undefined,
      message,
    });
  });
});

describe("a power cycle", () => {
  test("has an empty payload, or JSON with force", () => {
    const request = {
      kind: "cycle",
      resource: "build1",
      user: undefined,
      owner: undefined,
      replyTo: undefined,
      force: false,
    };
    expect(cycle("")).toEqual(request);
    expect(cycle("\n")).toEqual(request);
    expect(cycle("{}")).toEqual(request);
    expect(cycle('{"force":false}')).toEqual(request);
    expect(cycle('{"force":true}')).toEqual({ ...request, force: true });
    expect(read("lastout/build1/cycle/laforge", "")).toEqual({
      ...request,
      user: "laforge",
      owner: "laforge",
    });
  });

  test.each([
    ["a word", "force", "cycle takes an empty payload or a JSON object, not 'force'"],
    [
      "a blank",
      " ",
      "cycle takes an empty payload or a JSON object, not ' '; a JSON payload is an object and begins with {",
    ],
    ["force in quotes", '{"force":"true"}', "force must be true or false, not 'true'"],
    [
      "a field of an override",
      '{"reason":"hangs"}',
      "cycle has no field 'reason'; it has token, owner, replyTo, id, format, force",
    ],
  ])("with %s is refused", (_name, payload, message) => {
    expect(cycle(payload)).toMatchObject({
      kind: "refused",
      error: "invalid-request",
      token: undefined,
      message,
    });
  });

  test("that is retained is refused, empty or not", () => {
    expect(read("lastout/build1/cycle", "{}", { retain: true })).toMatchObject({
      kind: "refused",
      error: "retained-request",
    });
  });
});

test("a request of an operator is answered where it says, in the form that it says", () => {
  const payload = '{"mode":"off","replyTo":"lastout/reply/1","id":"7","format":"plain"}';
  expect(override(payload)).toMatchObject({
    kind: "override",
    replyTo: { topic: "lastout/reply/1", id: "7", format: "plain" },
  });
  expect(cycle('{"replyTo":"lastout/reply/1","forse":true}')).toMatchObject({
    kind: "refused",
    message: "cycle has no field 'forse'; did you mean 'force'?",
    replyTo: { topic: "lastout/reply/1" },
  });
});
