// What is remembered of a resource's boots: how long they took, to say when the next one will be ready, and whether it was
// available since its power-on. Only kept here; judged in activity.ts.

import type { Resource, Turn } from "./book.ts";
import type { ResourceRecord } from "./changes.ts";
import { between, type Millis, millis } from "./time.ts";

/** How many boots are remembered; their median forgives one odd boot in three. */
const bootsKept = 5;

export function keepRecord(turn: Turn, resource: Resource, record: ResourceRecord): void {
  resource.record = record;
  turn.effects.push({ kind: "persist", change: { kind: "resource", record } });
}

/** It is available: remember that it was, and learn from a boot that the controller began. */
export function noteBoot(turn: Turn, resource: Resource): void {
  const { record, power } = resource;
  const learnt = power?.ours === true && resource.settings.check !== undefined;
  const boots = learnt ? [...record.boots, between(power.at, turn.at)].slice(-bootsKept) : record.boots;
  keepRecord(turn, resource, { ...record, wasAvailable: true, boots });
}

/** The median of the remembered boots; `undefined` before the first. */
export function usualBoot({ record }: Resource): Millis | undefined {
  const sorted = record.boots.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return middle === undefined ? undefined : millis(middle);
}
