// What must be true of what is on the disk, seen after every batch: promises that are kept there, and who may hold what together.

import type { Change, QueuedRecord, TokenRecord } from "../../src/core/changes.ts";
import type { Facts } from "./facts.ts";
import { keeps, type Pledge } from "./ledger.ts";

/** @param at when the batch was begun, on the controller's clock */
export function checkBatch(facts: Facts, changes: readonly Change[], at: number): void {
  const touched = new Set<string>();
  for (const change of changes) {
    if (change.kind === "token") {
      touched.add(change.token);
    } else if (change.kind === "override") {
      checkLock(facts, change.resource, change.record?.mode, at);
    }
  }
  for (const token of touched) {
    facts.putAt.set(token, at);
    for (const pledge of facts.ledger.byToken(token)) {
      checkPledge(facts, pledge, at);
    }
  }
  if (touched.size > 0) {
    checkSharing(facts);
    checkOrder(facts, changes);
  }
}

/** I14, I15, I16, I22: what was promised is there, as long and on all of its resources. */
function checkPledge({ disk, ledger, must }: Facts, pledge: Pledge, at: number): void {
  const { scope, token } = pledge;
  const name = `${scope} ${token}`;
  const held = ledger.holds(pledge, at);
  const record = [...disk().tokens()].find(
    (one) =>
      one.token === token &&
      (one.several ? scope === "controller" : one.asked.includes(scope) || one.resources.includes(scope)),
  );
  if (record === undefined) {
    must(!held, "I14/I16", () => `${name} ends at ${at} and was promised until ${pledge.until}`);
    pledge.toldAt = undefined;
    pledge.certain = false;
    return;
  }
  must(
    !held || pledge.resources.every((one) => record.resources.includes(one)),
    "I22",
    () => `${name} was promised on ${pledge.resources.join()} and is on ${record.resources.join()}`,
  );
  must(
    !held || keeps(record, Math.min(pledge.until, at + pledge.waitingTtl) - 2),
    "I16",
    () => `${name} is shortened to ${record.expires} and was promised until ${pledge.until}`,
  );
  pledge.until = Math.min(pledge.until, record.expires ?? Number.POSITIVE_INFINITY);
  must(!pledge.released, "I15", () => `${name} was released, answered ok, and is back`);
}

function checkLock(facts: Facts, resource: string, mode: "on" | "off" | undefined, at: number): void {
  const lock = facts.locks.get(resource);
  if (lock === undefined || mode === "off") {
    return;
  }
  facts.must(
    lock.until !== undefined && lock.until <= at + 1,
    "I15",
    () => `the lockout of ${resource} was answered ok, and is lifted by nobody`,
  );
  facts.locks.delete(resource);
}

/** I21, I23: capacity, exclusive holders, the limit over all. */
function checkSharing(facts: Facts): void {
  const holders = new Map<string, TokenRecord[]>();
  let count = 0;
  for (const record of facts.disk().tokens()) {
    // What is held on nothing but what has left the configuration is about to end.
    count += record.resources.some((name) => facts.settings.resources.has(name)) ? 1 : 0;
    for (const resource of record.resources) {
      const others = holders.get(resource);
      if (others === undefined) {
        holders.set(resource, [record]);
      } else {
        others.push(record);
      }
    }
  }
  for (const [resource, all] of holders) {
    const { capacity } = facts.loosest(resource);
    facts.must(
      capacity === 0 || all.length <= capacity,
      "I23",
      () => `${resource} is held ${all.length} times, its capacity is ${capacity}`,
    );
    facts.must(
      all.length === 1 || all.every(({ mode }) => mode === "shared"),
      "I21",
      () => `${resource} is held exclusively and by others: ${all.map(({ token }) => token).join()}`,
    );
  }
  const limit = facts.settings.limits.tokens;
  const queued = [...facts.disk().queued()].filter(({ asked }) => areKnown(facts, asked)).length;
  facts.must(
    count + queued <= limit,
    "I23",
    () => `${count} tokens and ${queued} queued requests, the limit is ${limit}`,
  );
}

/** I21: nobody is granted what one who came before still waits for. */
function checkOrder(facts: Facts, changes: readonly Change[]): void {
  // Whoever was granted in this batch and came back had not been there for a moment.
  const moved = new Set(changes.flatMap((change) => (change.kind === "queued" ? [change.number] : [])));
  const waiting = [...facts.disk().queued()].filter(
    ({ number, asked }) => facts.queuedBefore.has(number) && !moved.has(number) && areKnown(facts, asked),
  );
  if (waiting.length === 0 || facts.trueNow() - facts.reloadedAt < 5000) {
    return;
  }
  for (const change of changes) {
    const record = change.kind === "token" ? change.record : undefined;
    if (record !== undefined && !facts.granted.has(record.number)) {
      for (const resource of record.resources) {
        const first = waiting.find((queued) => isBefore(queued, record) && standsOn(facts, queued, resource));
        facts.must(
          first === undefined,
          "I21",
          () => `${record.token} is granted on ${resource} before ${first?.token}, which came first`,
        );
      }
    }
  }
}

/** A request for what has left the configuration waits for nothing but its refusal. */
const areKnown = ({ settings }: Facts, asked: readonly string[]): boolean =>
  asked.every((name) => settings.resources.has(name) || settings.pools.has(name));

const isBefore = (a: QueuedRecord, b: TokenRecord): boolean =>
  a.priority > b.priority || (a.priority === b.priority && a.number < b.number);

const standsOn = ({ settings, disk }: Facts, queued: QueuedRecord, resource: string): boolean =>
  queued.asked.includes(resource) ||
  (!queued.tried.includes(resource) &&
    ![...disk().tokens()].some((one) => one.token === queued.token && one.resources.includes(resource)) &&
    queued.asked.some((name) => settings.pools.get(name)?.members.includes(resource) === true));
