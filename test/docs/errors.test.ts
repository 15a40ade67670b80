// Goal: the pages name every code that there is and none that there is not. The lists here are checked by the compiler against the
// program's types, so that a new code breaks the build of this test until it is documented.

import { expect, test } from "vitest";
import type { AnnouncementName } from "../../src/core/effects.ts";
import { type Phase, problemCodes } from "../../src/core/pictures.ts";
import type { ErrorCode, State } from "../../src/core/requests.ts";
import { firstColumn, page, quoted, section } from "./pages.ts";

const errorCodes = keysOf<ErrorCode>({
  "invalid-request": true,
  "unknown-resource": true,
  "unknown-token": true,
  "token-taken": true,
  "not-owner": true,
  "ttl-too-long": true,
  busy: true,
  timeout: true,
  "locked-out": true,
  "power-failed": true,
  released: true,
  forbidden: true,
  "retained-request": true,
  "too-large": true,
  "limit-reached": true,
  unavailable: true,
});

const announcements = keysOf<AnnouncementName>({
  granted: true,
  renewed: true,
  released: true,
  expiring: true,
  expired: true,
  queued: true,
  rejected: true,
  lost: true,
  "locked-out": true,
  state: true,
  "switch-on": true,
  "switch-off": true,
  "external-on": true,
  "external-off": true,
  shutdown: true,
  override: true,
  problem: true,
  recovered: true,
  cycle: true,
  removed: true,
  "retained-command": true,
  rival: true,
  overwritten: true,
  pong: true,
});

const states = keysOf<State>({ off: true, powered: true, available: true, unknown: true });

const phases = keysOf<Phase>({
  idle: true,
  starting: true,
  "in-use": true,
  lingering: true,
  stopping: true,
  held: true,
  locked: true,
});

const errors = page("docs/errors.md");
const protocol = page("docs/mqtt.md");

test("Every error code is explained in docs/errors.md, and none that does not exist.", () => {
  expect(firstColumn(section(errors, "## Error codes")).toSorted()).toEqual(errorCodes);
});

test("Every problem code is explained in docs/errors.md, in the order in which they are shown.", () => {
  expect(firstColumn(section(errors, "## Problem codes"))).toEqual([...problemCodes]);
});

test("Every code has a meaning and a cure.", () => {
  const rows = errors.text.split("\n").filter((line) => line.startsWith("| `"));
  const empty = rows.filter((row) => {
    const [, , meaning = "", cure = ""] = row.split("|").map((cell) => cell.trim());
    return meaning === "" || cure === "";
  });
  expect(rows.length).toBe(errorCodes.length + problemCodes.length);
  expect(empty).toEqual([]);
});

test("The protocol lists the same codes as docs/errors.md.", () => {
  const [list = ""] = section(protocol, "### 8.1 Errors in replies").trim().split("\n\n");
  expect(quoted(list).toSorted()).toEqual(errorCodes);
  const [problems = ""] = section(protocol, "### 8.2 Problems of a resource").trim().split("\n\n");
  expect(quoted(problems)).toEqual([...problemCodes]);
});

test("Every event is documented, and none that does not exist.", () => {
  expect(firstColumn(section(protocol, "## 7. Events")).toSorted()).toEqual(announcements);
});

test("Every state and every phase is documented.", () => {
  const words = quoted(section(protocol, "## 3. The state object"));
  expect([...states, ...phases].filter((word) => !words.includes(word))).toEqual([]);
});

function keysOf<Key extends string>(all: Readonly<Record<Key, true>>): string[] {
  return Object.keys(all).toSorted();
}
