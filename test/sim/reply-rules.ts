// What must be true, seen from outside, at the moment when a reply leaves the controller; and what the client may rely on from then on.

import type { TokenRecord } from "../../src/core/changes.ts";
import type { OverrideReply, Reply, ReplyTo, TokenReply } from "../../src/core/requests.ts";
import type { AskedOnce, Facts } from "./facts.ts";
import { scopeOf } from "./form.ts";
import { coveredBy, isCycledOff, outletsOf } from "./wanted.ts";

/** A step of the wall clock below 500 ms is taken over without a word; the rest is rounding and a batch's time. */
const wallTolerance = 1500;

export function checkReply(facts: Facts, to: ReplyTo, reply: Reply): void {
  const { must } = facts;
  const known = facts.asked.get(to.id ?? "");
  must(to.topic.startsWith("lastout/reply/"), "I27", () => `a reply goes to ${to.topic}`);
  must(known !== undefined, "I29", () => `a reply to ${to.id}, which nobody asked`);
  if (known === undefined) {
    return;
  }
  known.answers += 1;
  must(
    known.answers <= known.offers,
    "I29",
    () => `${to.id} came ${known.offers} times and was answered ${known.answers} times`,
  );
  checkRights(facts, known, reply.ok);
  if (!reply.ok) {
    checkRefusal(facts, known);
  } else if ("expires" in reply) {
    checkGrant(facts, known, reply);
  } else if ("override" in reply) {
    checkOverride(facts, known, reply);
  } else if ("users" in reply) {
    checkRelease(facts, known, reply.token);
  }
}

/** I32: what only operators, or the owner, may do is done for nobody else. */
function checkRights(facts: Facts, { asked }: AskedOnce, ok: boolean): void {
  const { access, operators } = facts.settings;
  if (!ok || access === "open") {
    return;
  }
  const { must } = facts;
  must(asked.user !== null, "I32", () => `${asked.id} named no user and was carried out`);
  must(
    (asked.verb !== "override" && asked.verb !== "cycle") || operators.has(asked.user ?? ""),
    "I32",
    () => `${asked.verb} was done for ${asked.user}, who is no operator`,
  );
}

/** The stored record of a token, by where it was asked for or where it is held. */
export const recordOf = (facts: Facts, scope: string, token: string): TokenRecord | undefined =>
  [...facts.disk().tokens()].find((record) => isUnder(record, scope, token));

const isUnder = (record: TokenRecord, scope: string, token: string): boolean =>
  record.token === token &&
  (record.several
    ? scope === "controller"
    : record.asked.includes(scope) || record.resources.includes(scope));

/** I26: what failed leaves nothing behind that was not there before. */
function checkRefusal(facts: Facts, { asked, offers }: AskedOnce): void {
  // One that came again after a crash may have been granted the first time; nothing tells it from a second request.
  if (asked.verb !== "acquire" || asked.token === null || offers > 1) {
    return;
  }
  const { token } = asked;
  const scope = scopeOf(asked);
  const alone = facts
    .askedFor(scope, token)
    .every((other) => other.asked.id === asked.id || other.asked.verb !== "acquire");
  const record = recordOf(facts, scope, token);
  facts.must(
    !alone || record === undefined || facts.ledger.get(scope, token).toldAt !== undefined,
    "I26",
    () => `${scope} ${token} failed and is still held`,
  );
  const queued = [...facts.disk().queued()].some((one) => one.token === token && one.asked.includes(scope));
  facts.must(!alone || !queued, "I26", () => `${scope} ${token} failed and still queues`);
}

function checkGrant(facts: Facts, known: AskedOnce, reply: TokenReply): void {
  const { ledger, must } = facts;
  const { asked } = known;
  const { token } = reply;
  const scope = scopeOf(asked);
  const names = reply.resources ?? [reply.resource ?? ""];
  const pledge = ledger.get(scope, token);
  pledge.owner ??= reply.owner;
  if (reply.expires === null) {
    return; // a renewal of what still waits promises nothing
  }
  const record = recordOf(facts, scope, token);
  must(
    record !== undefined || endedMeanwhile(facts, known, scope, token),
    "I25",
    () => `${scope} ${token} is said to be held, and is not on the disk`,
  );
  must(
    record === undefined || names.every((name) => record.resources.includes(name)),
    "I22",
    () => `${scope} ${token} is said to be held on ${names.join()}, and is on ${record?.resources.join()}`,
  );
  if (asked.verb === "acquire") {
    checkAnswered(facts, known, names);
  }
  if (asked.verb === "acquire" && asked.wait !== "granted") {
    checkState(facts, known, reply, names);
  }
  const at = facts.disk().writtenAt;
  const totals = names
    .map((name) => facts.settings.resources.get(name)?.ttl.total ?? 0)
    .filter((total) => total > 0);
  const before = pledge.certain ? pledge.until : 0;
  const wished = asked.ttl === null ? Math.max(before, at + reply.ttl * 1000) : at + asked.ttl;
  const until = totals.length === 0 ? wished : Math.min(wished, (pledge.since ?? at) + Math.min(...totals));
  const shown = Date.parse(reply.expires) - facts.disk().writtenOffset;
  must(
    shown + wallTolerance >= until,
    "I16",
    () => `${scope} ${token} is said to expire at ${shown}, promised was ${until}`,
  );
  if (!endedMeanwhile(facts, known, scope, token)) {
    const lasting = names.filter((name) => facts.expected.resources.has(name));
    if (lasting.length > 0) {
      ledger.promised(pledge, known.order, lasting, until, facts.trueNow());
    }
  }
}

/** I22: as many as were asked for, none twice, each one that may stand for what was asked. */
function checkAnswered(facts: Facts, { asked }: AskedOnce, names: readonly string[]): void {
  if (facts.trueNow() - facts.reloadedAt < 600_000) {
    return; // pools may have changed, and resources left
  }
  const wished = asked.resource === null ? asked.names : [asked.resource];
  const fits = (wish: string, name: string): boolean =>
    wish === name || facts.settings.pools.get(wish)?.members.includes(name) === true;
  facts.must(
    wished.length === names.length &&
      new Set(names).size === names.length &&
      wished.every((wish, place) => fits(wish, names[place] ?? "")),
    "I22",
    () => `${wished.join()} was asked for and ${names.join()} granted`,
  );
}

/** Its end was asked for in the same batch, after the request that is answered. */
const endedMeanwhile = (facts: Facts, known: AskedOnce, scope: string, token: string): boolean =>
  facts
    .askedFor(scope, token)
    .some(({ asked, offeredAt }) => asked.verb === "release" && offeredAt > known.offeredAt) ||
  facts.lockOffers > known.offeredAt ||
  facts.trueNow() - facts.reloadedAt < 1000;

/** I25: `powered` and `available` are said on fresh evidence. */
function checkState(facts: Facts, { asked }: AskedOnce, reply: TokenReply, names: readonly string[]): void {
  const { must, host } = facts;
  const enough = reply.state === "available" || (reply.state === "powered" && asked.wait === "powered");
  must(enough, "I25", () => `${names.join()} is ${reply.state}, waited for was ${asked.wait}`);
  // What was heard over the connection before may be behind an answer that took its time to be written.
  const anew = facts.busAt === undefined || host.now() - facts.busAt < facts.disk().slowest * 3 + 50;
  for (const name of names) {
    must(
      anew || outletsOf(facts, name).every((outlet) => facts.heard.has(outlet)),
      "I25",
      () => `${name} is said to be ${reply.state} and has not been heard`,
    );
    const check = facts.settings.resources.get(name)?.check;
    if (asked.wait === "available" && check !== undefined) {
      const up = facts.upAt.get(name);
      // What could not be checked says nothing, and takes a period each time.
      const oldest =
        (check.fall + 1 + (facts.errors.get(name) ?? 0)) * (Math.max(check.interval, 2000) + check.timeout) +
        3000;
      const late = facts.host.now() - facts.disturbedAt < oldest;
      must(
        late || (up !== undefined && host.now() - up <= oldest),
        "I25",
        () => `${name} is said to be available, and last answered at ${up} (now ${host.now()})`,
      );
    }
  }
}

/** I15 begins, I37: what is said to be released is off the disk. */
function checkRelease(facts: Facts, known: AskedOnce, token: string): void {
  const { asked } = known;
  const scope = scopeOf(asked);
  if (asked.lost) {
    return;
  }
  const again = facts
    .askedFor(scope, token)
    .some((other) => other.asked.verb === "acquire" && other.offeredAt > known.offeredAt);
  if (!again) {
    facts.must(
      recordOf(facts, scope, token) === undefined,
      "I15",
      () => `${scope} ${token} is said to be released and is on the disk`,
    );
    facts.ledger.get(scope, token).released = true;
  }
}

/** I15 begins: a lockout that was answered `ok` stands until somebody asks to lift it, or its time is over. */
function checkOverride(facts: Facts, known: AskedOnce, { resource }: OverrideReply): void {
  const { asked } = known;
  if (asked.verb === "cycle") {
    checkCycleReply(facts, known, resource);
    return;
  }
  const later = facts
    .overridesFor(resource)
    .some((other) => other !== known && (other.order > known.order || other.offeredAt > known.offeredAt));
  if (asked.override !== "off" || later) {
    return;
  }
  const record = [...facts.disk().overrides()].find((one) => one.resource === resource);
  const outlets = outletsOf(facts, resource);
  const over = asked.until !== null && facts.trueNow() - known.offeredTrueAt > asked.until - 500;
  facts.must(
    over ||
      facts.trueNow() - facts.reloadedAt < 1000 ||
      (record?.mode === "off" && outlets.every((outlet) => record.outlets.includes(outlet))),
    "I15",
    () => `${resource} is said to be locked out, and it is not on the disk`,
  );
  if (record?.mode === "off") {
    facts.locks.set(resource, { outlets: record.outlets, until: record.until });
    for (const name of coveredBy(facts, resource)) {
      facts.must(
        facts.tokensOf(name).length === 0,
        "I15",
        () => `${resource} is said to be locked out, and ${name} is still held`,
      );
    }
  }
}

/** A cycle is refused while others hold the resource, unless forced. */
function checkCycleReply(facts: Facts, { asked, offeredTrueAt }: AskedOnce, resource: string): void {
  const owner = asked.user ?? asked.owner ?? undefined;
  const other = facts.ledger
    .heldNow(resource, facts.host.now())
    .find((pledge) => pledge.toldAt !== undefined && pledge.toldAt < offeredTrueAt && pledge.owner !== owner);
  facts.must(
    asked.force || other === undefined,
    "I1",
    () => `${resource} is to be cycled for ${owner}, and ${other?.owner} holds '${other?.token}'`,
  );
  if (isCycledOff(facts, resource)) {
    facts.cycles.set(resource, { owner, force: asked.force });
  }
}
