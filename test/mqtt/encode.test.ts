// Replies and events as text: JSON, and the plain line for a shell.

import { describe, expect, test } from "vitest";
import { encodeAnnouncement, encodeReply } from "../../src/adapters/mqtt/encode.ts";
import type { Reply } from "../../src/core/requests.ts";

describe("replies and events as text", () => {
  const ok = {
    ok: true,
    resource: "build1",
    resources: undefined,
    token: "job-12",
    owner: "ci",
    state: "available",
    users: 2,
    ttl: 3600,
    expires: "2026-11-22T09:00:00.000Z",
  } as const satisfies Reply;
  const several = { ...ok, resource: undefined, resources: ["build1", "lamp"] } as const satisfies Reply;
  const overridden = {
    ok: true,
    resource: "build1",
    override: "off",
    state: "powered",
    users: 0,
  } as const satisfies Reply;
  const json = { id: undefined, format: "json" } as const;
  const plain = { id: "7", format: "plain" } as const;

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

  test("of a token over several resources names them all, and no single one", () => {
    expect(encodeReply(several, json).text).toBe(
      '{"ok":true,"resources":["build1","lamp"],"token":"job-12","owner":"ci","state":"available","users":2,"ttl":3600,"expires":"2026-11-22T09:00:00.000Z"}',
    );
    expect(encodeReply(several, plain).text).toBe("ok build1,lamp job-12 available");
    expect(encodeReply({ ...several, resources: ["build1"] }, plain).text).toBe("ok build1 job-12 available");
  });

  test("of a release", () => {
    const released = {
      ok: true,
      resource: "build1",
      resources: undefined,
      token: "job-12",
      state: "available",
      users: 0,
    } as const;
    expect(encodeReply(released, json).text).toBe(
      '{"ok":true,"resource":"build1","token":"job-12","state":"available","users":0}',
    );
    expect(encodeReply(released, plain).text).toBe("ok build1 job-12 available");
    expect(encodeReply({ ...released, resource: undefined, resources: ["build1", "lamp"] }, plain).text).toBe(
      "ok build1,lamp job-12 available",
    );
  });

  test("of an override or a cycle has no token", () => {
    expect(encodeReply(overridden, { id: "7", format: "json" }).text).toBe(
      '{"ok":true,"resource":"build1","override":"off","state":"powered","users":0,"id":"7"}',
    );
    expect(encodeReply(overridden, plain).text).toBe("ok build1 - powered");
  });

  test("of tokens lists holders, on a pool with their member, and the queue", () => {
    const holder = {
      resource: undefined,
      token: "t",
      owner: "ci",
      purpose: null,
      mode: "exclusive",
      since: "T1",
      expires: null,
    } as const;
    const entry = {
      token: "u",
      owner: "data",
      purpose: "p",
      mode: "shared",
      priority: 5,
      since: "T2",
      deadline: "T3",
    } as const;
    const tokens = { ok: true, resource: "build1", state: "powered", total: 1 } as const;
    expect(encodeReply({ ...tokens, holders: [holder], queue: [entry] }, json).text).toBe(
      '{"ok":true,"resource":"build1","state":"powered","total":1,"holders":[{"token":"t","owner":"ci","purpose":null,"mode":"exclusive","since":"T1","expires":null}],"queue":[{"token":"u","owner":"data","purpose":"p","mode":"shared","priority":5,"since":"T2","deadline":"T3"}]}',
    );
    expect(
      encodeReply({ ...tokens, holders: [{ ...holder, resource: "build2" }], queue: [] }, json).text,
    ).toContain('"holders":[{"resource":"build2","token":"t",');
    expect(encodeReply({ ...tokens, holders: [holder], queue: [] }, plain).text).toBe("ok build1 - powered");
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
