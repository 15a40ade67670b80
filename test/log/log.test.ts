// The log's lines: complete, harmless, without secrets, and written before the process ends.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { createLog, type LogOptions } from "../../src/adapters/log/log.ts";
import { tidyFields, tidyText } from "../../src/adapters/log/tidy.ts";
import type { Log } from "../../src/ports/log.ts";

vi.setConfig({ testTimeout: 30_000 }); // The machine may be busy.

const escape = "\u001b";

describe("the log", () => {
  it("writes one JSON object a line, with level, time in ISO 8601, sentence and facts", () => {
    const { log, lines } = capture({ level: "debug" });
    log.debug({}, "first");
    log.warn({ resource: "build1", users: 2 }, "the resource does not answer");
    expect(lines).toHaveLength(2);
    const { time, ...rest } = parsed(lines[1]);
    expect(rest).toEqual({
      level: "warn",
      resource: "build1",
      users: 2,
      msg: "the resource does not answer",
    });
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(lines.every((line) => line.endsWith("}\n"))).toBe(true);
  });

  it("leaves out what is below its level", () => {
    const { log, lines } = capture({ level: "warn" });
    log.info({}, "no");
    log.warn({}, "yes");
    log.error({}, "yes");
    log.fatal({}, "yes");
    expect(lines).toHaveLength(3);
  });

  it("is for people on a terminal, in colour; without NO_COLOR, and only there", () => {
    const plain = capture({ level: "info", pretty: true });
    plain.log.info({ resource: "build1" }, "switched on");
    expect(plain.lines.join("")).toMatch(
      /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\] INFO: switched on \{"resource":"build1"\}\n$/,
    );

    const coloured = capture({ level: "info" }, true);
    coloured.log.info({ resource: "build1" }, "switched on");
    expect(coloured.lines.join("")).toContain(`${escape}[`);

    const before = process.env["NO_COLOR"];
    try {
      process.env["NO_COLOR"] = "1";
      const without = capture({ level: "info" }, true);
      without.log.info({ resource: "build1" }, "switched on");
      expect(without.lines.join("")).not.toContain(escape);
      expect(without.lines.join("")).toContain("switched on");
    } finally {
      if (before === undefined) {
        delete process.env["NO_COLOR"];
      } else {
        process.env["NO_COLOR"] = before;
      }
    }
  });

  it.each([true, false])(
    "lets nobody move the cursor of who reads it, or fake a line (pretty: %s)",
    (pretty) => {
      const { log, lines } = capture({ level: "info", pretty });
      const evil = `job${escape}[2J\r\nINFO: all is well\u009b\u202e\u2028`;
      log.info({ owner: evil, [evil]: 1, list: [evil], error: new Error(evil) }, `told ${evil}`);
      const text = lines.join("");
      expect(text.replace(/\n$/, "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      expect(text).toContain("u{1b}[2J");
    },
  );

  it("writes to standard error, and all of it, when the process ends right after the line", () => {
    const file = fileURLToPath(new URL("../../src/adapters/log/log.ts", import.meta.url));
    for (const pretty of [true, false]) {
      const script = `const { createLog } = await import(${JSON.stringify(file)});
        const log = createLog({ level: "info", pretty: ${pretty} });
        for (let i = 0; i < 500; i += 1) log.info({ i }, "line");
        log.fatal({}, "the last line");
        process.exit(3);`;
      const ended = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
      expect(ended.status).toBe(3);
      expect(ended.stdout).toBe("");
      expect(ended.stderr.trim().split("\n")).toHaveLength(501);
      expect(ended.stderr).toContain("the last line");
    }
  });

  it("goes on when nobody reads it any more", () => {
    const file = fileURLToPath(new URL("../../src/adapters/log/log.ts", import.meta.url));
    const script = `const { createLog } = await import(${JSON.stringify(file)});
      const log = createLog({ level: "info" });
      for (let i = 0; i < 5000; i += 1) log.info({ i }, "line");
      await new Promise((done) => setImmediate(done));
      process.stdout.write("still here");`;
    const ended = spawnSync(
      "bash",
      [
        "-c",
        `exec 3>&1; "$0" --input-type=module -e "$1" 2>&1 >&3 | head -c 10 >/dev/null`,
        process.execPath,
        script,
      ],
      { encoding: "utf8" },
    );
    expect(ended.stdout).toBe("still here");
  });
});

describe("secrets", () => {
  it.each([
    "password",
    "Password",
    "authorization",
    "Authorization",
    "bearer",
    "key",
    "private_key",
    "api-key",
    "cookie",
    "community",
  ])("under %s are never logged, at any depth", (name) => {
    const { log, lines } = capture({ level: "info" });
    log.info(
      {
        [name]: "s3cret",
        options: { list: [{ [name]: { deep: "s3cret" } }] },
        error: Object.assign(new Error("no"), { [name]: "s3cret" }),
      },
      "connected",
    );
    expect(lines.join("")).not.toContain("s3cret");
    expect(lines.join("")).toContain("[redacted]");
  });

  it("in URLs are never logged", () => {
    expect(tidyText("mqtts://lastout:s3cret@broker.lab:8883/x and http://a:b@c")).toBe(
      "mqtts://***@broker.lab:8883/x and http://***@c",
    );
    expect(tidyText("write to a@b.c about http://pdu1.lab/?q=@")).toBe(
      "write to a@b.c about http://pdu1.lab/?q=@",
    );
  });

  it("are not the ids of usage tokens", () => {
    expect(tidyFields({ token: "job-12", tokens: 3 })).toEqual({ token: "job-12", tokens: 3 });
  });
});

describe("fields of any kind", () => {
  it("are bounded: long texts, long lists, deep and circular objects", () => {
    const circle: Record<string, unknown> = { name: "circle" };
    circle["self"] = circle;
    const tidied = tidyFields({
      atLimit: "x".repeat(1024),
      over: "x".repeat(1025),
      list: Array.from({ length: 51 }, (_, index) => index),
      circle,
      wide: Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, "x".repeat(2000)])),
    });
    expect(tidied["atLimit"]).toBe("x".repeat(1024));
    expect(tidied["over"]).toBe(`${"x".repeat(1024)}... (1025 characters)`);
    expect(tidied["list"]).toHaveLength(51);
    expect(JSON.stringify(tidied["list"])).toContain("... 1 more");
    expect(JSON.stringify(tidied).length).toBeLessThan(100_000);
    expect(JSON.stringify(tidied)).toContain("[deeper]");
  });

  it("are written as something that can be read: errors with code and cause, bytes, big numbers, maps", () => {
    const error = Object.assign(new Error("no route", { cause: new Error("cable") }), {
      code: "EHOSTUNREACH",
    });
    const tidied = tidyFields({
      error,
      bytes: Buffer.from("abc"),
      big: 10n,
      none: undefined,
      nothing: Number.NaN,
      map: new Map([["a", 1]]),
      set: new Set([1]),
      fn: () => 1,
    });
    expect(tidied).toMatchObject({
      error: { type: "Error", message: "no route", code: "EHOSTUNREACH", cause: { message: "cable" } },
      bytes: "[3 bytes]",
      big: "10",
      nothing: "NaN",
      map: { a: 1 },
      set: [1],
      fn: "[function]",
    });
  });

  it("cannot take the place of the line's own, end the program, or reach a prototype", () => {
    const trap = {
      get boom(): string {
        throw new Error("trap");
      },
    };
    const { log, lines } = capture({ level: "info" });
    log.info({ level: "fatal", time: 0, msg: "x" }, "mine");
    log.info(trap, "survived");
    log.info(JSON.parse('{"__proto__": {"polluted": true}}'), "proto"); // oxlint-disable-line typescript/no-unsafe-argument -- the parsed text is the point
    expect(parsed(lines[0])).toMatchObject({ level: "info", level_: "fatal", msg: "mine", msg_: "x" });
    expect(lines[1]).toContain("survived");
    expect("polluted" in {}).toBe(false);
  });
});

function capture(options: LogOptions, isTTY = false): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  return { log: createLog({ ...options, destination: { isTTY, write: (text) => lines.push(text) } }), lines };
}

function parsed(line: string | undefined): Record<string, unknown> {
  const value: unknown = JSON.parse(line ?? "");
  return Object.fromEntries(Object.entries(typeof value === "object" && value !== null ? value : {}));
}
