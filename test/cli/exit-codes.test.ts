// The exit status of every error code of the protocol, written down a second time on purpose: a change must be meant.

import { expect, test } from "vitest";
import { CommandError, exitOfReply, exitOfSignal, exits, Interrupted } from "../../src/cli/exit-codes.ts";

test.each([
  ["invalid-request", 65],
  ["unknown-resource", 65],
  ["unknown-token", 65],
  ["token-taken", 77],
  ["not-owner", 77],
  ["ttl-too-long", 65],
  ["busy", 75],
  ["timeout", 75],
  ["locked-out", 75],
  ["power-failed", 75],
  ["released", 65],
  ["forbidden", 77],
  ["retained-request", 65],
  ["too-large", 65],
  ["limit-reached", 65],
  ["unavailable", 65],
  ["a-code-of-a-newer-controller", 65],
  ["constructor", 65],
])("A request that is refused with %s ends with exit status %i", (error, exit) => {
  expect(exitOfReply(error)).toBe(exit);
});

const exitOf = (code: ConstructorParameters<typeof CommandError>[0]): number =>
  new CommandError(code, "").exit;

test("What goes wrong on our own side has the exit statuses of sysexits.h", () => {
  expect(exitOf("usage")).toBe(64);
  expect(exitOf("invalid-request")).toBe(65);
  expect(exitOf("unknown-resource")).toBe(65);
  expect(exitOf("unreachable")).toBe(69);
  expect(exitOf("no-controller")).toBe(69);
  expect(exitOf("no-answer")).toBe(69);
  expect(exitOf("not-authorised")).toBe(77);
  expect(exitOf("configuration")).toBe(78);
  expect(exitOf("not-written")).toBe(70);
  expect([exits.done, exits.internal, exits.cannotExecute, exits.notFound]).toEqual([0, 70, 126, 127]);
});

test("An end by signal n is 128+n", () => {
  expect(exitOfSignal(9)).toBe(137);
  expect(new Interrupted("SIGINT").exit).toBe(130);
  expect(new Interrupted("SIGTERM").exit).toBe(143);
  expect(new Interrupted("SIGHUP").exit).toBe(129);
  expect(new Interrupted("SIGQUIT").exit).toBe(131);
});
