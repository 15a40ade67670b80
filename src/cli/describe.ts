// State objects and times in words, for progress lines, tables and `watch`. Pure: the time of day comes in. Not for JSON.

import { type Millis, millis, type WallTime } from "../core/time.ts";
import type { EventObject, StateObject } from "./wire.ts";

/** A length as a person would say it, in one unit: `12 s`, `90 min`, `5 h`, `3 d`. */
export function spoken(length: Millis): string {
  const seconds = Math.max(0, Math.round(length / 1000));
  if (seconds < 120) {
    return `${seconds} s`;
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) {
    return `${minutes} min`;
  }
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

/** `undefined` for no time; negative lengths mean that it has passed. */
export function until(time: string | null | undefined, wall: WallTime): Millis | undefined {
  const at = time === null || time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(at) ? undefined : millis(at - wall);
}

/** `3 s ago`, of a time that has passed; nothing for no time. */
export function ago(time: string, wall: WallTime): string {
  const ahead = until(time, wall);
  return ahead === undefined ? "" : `${spoken(millis(0 - ahead))} ago`;
}

/** `build1 is starting: powered, 12 s, ready in about 31 s` */
export function progressText(
  name: string,
  object: StateObject | undefined,
  elapsed: Millis,
  wall: WallTime,
): string {
  if (object === undefined) {
    return `${name}: waiting for a token, ${spoken(elapsed)}`;
  }
  const ready = until(object.readyAt, wall);
  const estimate =
    ready === undefined ? "" : ready > 0 ? `, ready in about ${spoken(ready)}` : ", later than usual";
  return `${standing(name, object)}, ${spoken(elapsed)}${estimate}${problemText(object)}`;
}

/** `waiting in the queue of build1: 3 ahead`; `ahead` undefined where there is no one number. */
export const queueText = (names: string, ahead: number | undefined): string =>
  `waiting in the queue of ${names}${ahead === undefined ? "" : ahead === 0 ? ": next" : `: ${ahead} ahead`}`;

/** The same for where lines stay: no time in it that would be wrong a moment later. */
export const changeText = (name: string, object: StateObject): string =>
  `${standing(name, object)}${problemText(object)}`;

/** Two objects with the same key have nothing new to tell a person. */
export const changeKey = (object: StateObject): string =>
  [object.state, object.phase ?? "", object.problem?.code ?? "", object.free ?? ""].join(" ");

function standing(name: string, { phase, state, free, members }: StateObject): string {
  if (members !== undefined) {
    return `${name} is ${state}, ${free ?? 0} of ${members} free`;
  }
  return phase === undefined || phase === "" ? `${name} is ${state}` : `${name} is ${phase}: ${state}`;
}

const problemText = ({ problem }: StateObject): string =>
  problem === null || problem === undefined ? "" : `; problem ${problemCell(problem)}`;

export const problemCell = (problem: StateObject["problem"]): string =>
  problem === null || problem === undefined
    ? ""
    : problem.message === undefined
      ? problem.code
      : `${problem.code}: ${problem.message}`;

export const usersText = (users: number): string => (users === 1 ? "1 user" : `${users} users`);

/** `2026-11-22T08:00:00.000Z build1 granted token=job-12 owner=ci users=1` */
export function eventLine(event: EventObject): string {
  const { event: name, resource, time, ...fields } = event;
  const words = Object.entries(fields)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => `${key}=${wordOf(value)}`);
  return [time ?? "-", resource ?? "controller", name, ...words].join(" ");
}

function wordOf(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
