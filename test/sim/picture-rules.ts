// What must be true, seen from outside, of what is published: it is what is on the disk, and does not contradict itself (I19, I31).

import type { PoolPicture, ResourcePicture } from "../../src/core/pictures.ts";
import type { Facts } from "./facts.ts";
import { isCycledOff, lockoutOf, lockoutOn, mayBeWanted, outletsOf } from "./wanted.ts";

const levels = { unknown: -1, off: 0, powered: 1, available: 2 } as const;

export function checkPicture(facts: Facts, { name, object, holders }: ResourcePicture): void {
  const { must } = facts;
  const held = facts.tokensOf(name);
  const { phase, users } = object;
  must(users === held.length, "I19", () => `${name} shows ${users} users, on the disk are ${held.length}`);
  must(
    holders.users === users && holders.holders.length + holders.more === users,
    "I19",
    () => `${name} shows ${users} users and ${holders.holders.length} holders and ${holders.more} more`,
  );
  must(
    object.level === levels[object.state],
    "I31",
    () => `${name} is ${object.state} with level ${object.level}`,
  );
  must(
    object.exclusive === held.some(({ mode }) => mode === "exclusive"),
    "I31",
    () => `${name} shows exclusive ${object.exclusive}`,
  );
  must(
    (object.offAt !== null) === (phase === "lingering") || phase === "stopping",
    "I31",
    () => `${name} is ${phase} with offAt ${object.offAt}`,
  );
  if (facts.storeRefuses) {
    return;
  }
  checkOverride(facts, name, object);
  // What was seen while the store refused may have to be seen again before anything follows from it.
  const recent = facts.host.now() < facts.disturbedAt + 10_000;
  const wanted = phase === "starting" || phase === "in-use";
  must(!wanted || mayBeWanted(facts, name), "I31", () => `${name} is ${phase} for nobody`);
  const unwanted = phase === "idle" || phase === "lingering" || phase === "held";
  must(
    !unwanted || users === 0 || isCycledOff(facts, name),
    "I31",
    () => `${name} is ${phase} and has ${users} users`,
  );
  const asOne = outletsOf(facts, name).length === 1; // of several, one may not have been heard yet
  must(
    recent || !asOne || phase !== "in-use" || object.state !== "off",
    "I31",
    () => `${name} is off and in use`,
  );
}

function checkOverride(facts: Facts, name: string, { override, phase }: ResourcePicture["object"]): void {
  const locked = outletsOf(facts, name).some((outlet) => lockoutOn(facts, outlet) !== undefined);
  const record = [...facts.disk().overrides()].find(({ resource }) => resource === name);
  const truth = locked ? "off" : record?.mode === "on" ? "on" : "auto";
  facts.must(override === truth, "I31", () => `${name} shows override ${override}, on the disk is ${truth}`);
  const held = lockoutOf(facts, name) !== undefined;
  facts.must(
    (phase === "locked" || phase === "stopping") === held || (phase === "stopping" && !held),
    "I31",
    () => `${name} is ${phase}, and is ${held ? "" : "not "}locked out`,
  );
}

export function checkPool(facts: Facts, { name, object }: PoolPicture): void {
  const members = facts.settings.pools.get(name)?.members ?? [];
  const held = members.map((member) => facts.tokensOf(member).length);
  const users = held.reduce((sum, count) => sum + count, 0);
  const free = held.filter((count) => count === 0).length;
  facts.must(
    object.users === users && object.free === free && object.members === members.length,
    "I19",
    () => `${name} shows ${object.users} users and ${object.free} free, on the disk are ${users} and ${free}`,
  );
  facts.must(
    object.level === levels[object.state],
    "I31",
    () => `${name} is ${object.state} with level ${object.level}`,
  );
}
