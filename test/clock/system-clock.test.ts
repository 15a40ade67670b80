// The real clocks and timers, tried for real with short lengths.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/adapters/clock/system-clock.ts";
import { millis } from "../../src/core/time.ts";
import { needing } from "../support/needs.ts";

vi.setConfig({ testTimeout: 30_000 }); // The machine may be busy.

const day = 86_400_000;

describe("the system clock", () => {
  it("counts whole milliseconds that never go back", () => {
    const seen = Array.from({ length: 1000 }, () => systemClock.now());
    expect(seen.every((now) => Number.isInteger(now))).toBe(true);
    expect(seen).toEqual([...seen].toSorted((a, b) => a - b));
  });

  it("reads the same in another process of the same boot", () => {
    const file = new URL("../../src/adapters/clock/system-clock.ts", import.meta.url).pathname;
    const script = `const { systemClock } = await import(${JSON.stringify(file)}); console.log(systemClock.now(), systemClock.boot)`;
    const before = systemClock.now();
    const [there, boot] = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
    })
      .trim()
      .split(" ");
    expect(Number(there)).toBeGreaterThanOrEqual(before);
    expect(Number(there)).toBeLessThanOrEqual(systemClock.now());
    expect(boot).toBe(String(systemClock.boot));
  });

  it("names the boot as Linux does", needing("proc"), () => {
    expect(systemClock.boot).toBe(readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  });

  it("knows the date", () => {
    expect(systemClock.wall()).toBeGreaterThan(Date.UTC(2025, 0, 1));
  });
});

describe("sleep", () => {
  it("wakes when the length has passed, and not before", async () => {
    const from = systemClock.now();
    await systemClock.sleep(millis(20));
    expect(systemClock.now() - from).toBeGreaterThanOrEqual(20);
  });

  it("wakes when the signal aborts", async () => {
    const controller = new AbortController();
    const asleep = systemClock.sleep(millis(60_000), controller.signal);
    controller.abort();
    await expect(asleep).resolves.toBeUndefined();
  });

  it("does not begin when the signal has aborted already", async () => {
    await expect(systemClock.sleep(millis(60_000), AbortSignal.abort())).resolves.toBeUndefined();
  });

  it.each([25 * day, 2 ** 31, Number.POSITIVE_INFINITY])(
    "of %d ms, longer than a timer can take, does not end at once",
    async (length) => {
      const controller = new AbortController();
      let woke = false;
      const asleep = systemClock.sleep(millis(length), controller.signal).then(() => {
        woke = true;
        return undefined;
      });
      await systemClock.sleep(millis(30)); // A timer that overflowed would have fired after 1 ms.
      expect(woke).toBe(false);
      controller.abort();
      await asleep;
    },
  );
});

describe("a deadline", () => {
  it("aborts its signal when the length has passed", async () => {
    const deadline = systemClock.deadline(millis(20));
    expect(deadline.signal.aborted).toBe(false);
    await systemClock.sleep(millis(1000), deadline.signal);
    expect(deadline.signal.aborted).toBe(true);
    expect(String(deadline.signal.reason)).toContain("20 ms");
  });

  it("aborts with the other signal, and gives its reason", () => {
    const other = new AbortController();
    const deadline = systemClock.deadline(millis(60_000), other.signal);
    other.abort(new Error("stopping"));
    expect(deadline.signal.aborted).toBe(true);
    expect(String(deadline.signal.reason)).toContain("stopping");
  });

  it("is over from the beginning when the other signal has aborted already", () => {
    const deadline = systemClock.deadline(millis(60_000), AbortSignal.abort());
    expect(deadline.signal.aborted).toBe(true);
    deadline.dispose();
  });

  it("neither fires nor follows the other signal once it is disposed of", async () => {
    const other = new AbortController();
    const deadline = systemClock.deadline(millis(10), other.signal);
    deadline.dispose();
    other.abort();
    await systemClock.sleep(millis(30));
    expect(deadline.signal.aborted).toBe(false);
  });

  it("does not keep the process from ending", () => {
    const file = new URL("../../src/adapters/clock/system-clock.ts", import.meta.url).pathname;
    const script = `const { systemClock } = await import(${JSON.stringify(file)}); systemClock.deadline(3_600_000)`;
    const ended = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 10_000,
    });
    expect(ended).toBe("");
  });
});
