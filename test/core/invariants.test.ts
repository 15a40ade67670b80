// A book that contradicts itself is found out: each test breaks one promise by hand. That the core keeps them is shown elsewhere.

import { describe, expect, test } from "vitest";
import { type Book, BrokenInvariant, need } from "../../src/core/book.ts";
import type { Effect } from "../../src/core/effects.ts";
import { checkBook, checkEffects } from "../../src/core/invariants.ts";
import { instant, millis } from "../../src/core/time.ts";
import { runCommand } from "./support/commands.ts";
import { usualShutdown } from "./support/lab.ts";
import { createStage } from "./support/stage.ts";

/** In use, half a minute after the grace. */
function inUse(...more: readonly string[]): Book {
  const stage = createStage();
  const lines = ["resource build1", "plug plug1 obeys", "running", "acquire build1 id=a reply=r", ...more];
  for (const line of lines) {
    runCommand(stage, line);
  }
  return stage.world.book;
}

const at = instant(100_100_000);
/** Has the plug told so in this very step. */
function told(book: Book, position: "on" | "off"): Effect[] {
  const outlet = outletOf(book);
  outlet.attempt = 9;
  outlet.command = { position, firstAt: at, sentAt: at, sends: 1, nextAt: at, askedAt: undefined };
  return [{ kind: "command", outlet: "plug1", position, attempt: 9 }];
}
function stopping(book: Book): void {
  outletOf(book).own = "leaving";
  resourceOf(book).activity = { name: "stopping", usedSince: false, cleared: "forced" };
}

const outletOf = (book: Book) => need(book.outlets, "plug1");
const resourceOf = (book: Book) => need(book.resources, "build1");
const tokenOf = (book: Book) => need(resourceOf(book).tokens, "a");

describe("What a step may never ask for", () => {
  test.each<[string, string, (book: Book) => void]>([
    ["off", "is switched off while build1 is using", (book) => (outletOf(book).own = "leaving")],
    ["off", "is switched off while build1 is wanted", stopping],
    ["off", "without a record of it", (book) => resourceOf(book).tokens.clear()],
    ["on", "on missing information", () => undefined],
    ["off", "on missing information", (book) => (outletOf(book).stale = true)],
    ["off", "before the link and the outlets are known", (book) => (book.link = { name: "down" })],
    ["off", "while another controller may be live", (book) => (book.rival = "other")],
  ])("is %s %s", (position, promise, spoil) => {
    const book = inUse();
    spoil(book);
    const broken = () => checkEffects(book, at, told(book, position === "on" ? "on" : "off"));
    expect(broken).toThrow(BrokenInvariant);
    expect(broken).toThrow(promise);
  });

  test("is judged by what the end of the step has it: a command that it has called off again, or replaced, is not sent", () => {
    const book = inUse();
    const told1 = told(book, "off");
    expect(() => checkEffects(book, at, told1)).toThrow(BrokenInvariant);
    outletOf(book).command = undefined;
    expect(() => checkEffects(book, at, told1)).not.toThrow();
    const told2 = told(book, "off");
    outletOf(book).attempt += 1;
    expect(() => checkEffects(book, at, told2)).not.toThrow();
  });

  test("is OFF within the grace after a reconnection", () => {
    const book = inUse("release build1 id=a");
    stopping(book);
    expect(() => checkEffects(book, at, told(book, "off"))).not.toThrow();
    expect(() => checkEffects(book, instant(99_000_000), told(book, "off"))).toThrow("within the grace");
  });

  test("is OFF before a machine that is to be shut down was seen to be down, or before what needs it is off", () => {
    const book = inUse("release build1 id=a");
    const resource = resourceOf(book);
    stopping(book);
    const broken = () => checkEffects(book, at, told(book, "off"));
    resource.settings = { ...resource.settings, shutdown: usualShutdown };
    expect(broken).toThrow("before build1 was seen to be down");
    resource.activity = { name: "stopping", usedSince: false, cleared: "gone" };
    expect(broken).not.toThrow();
    resource.settings = { ...resource.settings, shutdown: undefined };
    resource.activity = { name: "stopping", usedSince: false, cleared: "no" };
    resource.dependents = [resource];
    expect(broken).toThrow("before what needs build1");
  });

  test("is ON of what is locked out, or of what nobody wants", () => {
    const book = inUse();
    outletOf(book).seen = { name: "off", since: at };
    outletOf(book).own = "commanded";
    expect(() => checkEffects(book, at, told(book, "on"))).not.toThrow();
    resourceOf(book).tokens.clear();
    expect(() => checkEffects(book, at, told(book, "on"))).toThrow("nobody wants it");
    book.overrides.set("build1", {
      resource: "build1",
      mode: "off",
      outlets: ["plug1"],
      by: undefined,
      reason: undefined,
      since: at,
      until: undefined,
      force: false,
    });
    expect(() => checkEffects(book, at, told(book, "on"))).toThrow("is locked out");
  });

  test("is a write while the store refuses, and an ok about a token that is not held", () => {
    const book = inUse();
    const reply = {
      ok: true,
      resource: "build1",
      resources: undefined,
      token: "b",
      owner: "ci",
      state: "available",
      users: 1,
      ttl: 1,
      expires: "2026-11-22T20:00:00.000Z",
    } as const;
    const to = { topic: "r", correlation: undefined, id: undefined, format: "json" } as const;
    const outlet = { outlet: "plug1", own: "none", movedAt: undefined, bootedAt: undefined } as const;
    expect(() => checkEffects(book, at, [{ kind: "reply", to, reply, outbox: undefined }])).toThrow(
      "'b' is held",
    );
    const waits = { ...reply, expires: null }; // promises nothing
    checkEffects(book, at, [{ kind: "reply", to, reply: waits, outbox: undefined }]);
    book.store = "refusing";
    expect(() =>
      checkEffects(book, at, [{ kind: "persist", change: { kind: "outlet", record: outlet } }]),
    ).toThrow("nothing is written");
  });
});

describe("What must be true between two steps", () => {
  test.each<[string, (book: Book) => void]>([
    ["counts 2 tokens and has 1", (book) => (book.tokenCount = 2)],
    ["is resting while it is wanted", (book) => (resourceOf(book).activity = { name: "resting" })],
    ["and nobody wants it", (book) => (resourceOf(book).tokens.clear(), (book.tokenCount = 0))],
    ["more often than bootRetries", (book) => (resourceOf(book).activity = { name: "cycling", retries: 1 })],
    ["among those that wait", (book) => resourceOf(book).waiting.add(tokenOf(book))],
    [
      "'a' is found over its pool",
      (book) => (tokenOf(book).record = { ...tokenOf(book).record, asked: ["p"] }),
    ],
    ["none but tokens that are held are found", (book) => book.fromPools.set("p b", tokenOf(book))],
    ["would never end", (book) => book.deadlines.byKey.delete("token build1 a")],
    ["knows its place", (book) => (need(book.deadlines.byKey, "token build1 a").index = 7)],
  ])("%s: is found out", (promise, spoil) => {
    const book = inUse();
    checkBook(book);
    spoil(book);
    expect(() => checkBook(book)).toThrow(promise);
  });

  test("more ended tokens than allowed are found out", () => {
    const book = inUse();
    for (let index = 0; index <= book.settings.limits.tokens; index += 1) {
      book.ended.set(String(index), { resource: "build1", token: "x", at, reason: "expired" });
    }
    expect(() => checkBook(book)).toThrow("more ended tokens");
  });

  test("an outlet that is commanded though nobody decided so is found out", () => {
    const book = inUse("release build1 id=a");
    outletOf(book).command = {
      position: "off",
      firstAt: at,
      sentAt: at,
      sends: 1,
      nextAt: instant(at + millis(1)),
      askedAt: undefined,
    };
    expect(() => checkBook(book)).toThrow("is being commanded");
  });
});
