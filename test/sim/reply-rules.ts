// What must be true, seen from outside, at the moment when a reply leaves the controller; and what the client may rely on from then on.

import type { Reply, ReplyTo, TokenReply } from "../../src/core/requests.ts";
import type { AskedOnce, Facts } from "./facts.ts";

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
  if (!reply.ok) {
    checkRefusal(facts, known);
  } else if ("expires" in reply) {
    checkGrant(facts, known, reply);
  } else if ("users" in reply) {
    checkRelease(facts, known, reply.token);
  }
}

/** I26: what failed leaves nothing behind that was not there before. */
function checkRefusal(facts: Facts, { asked, offers }: AskedOnce): void {
  // One that came again after a crash may have been granted the first time; nothing tells it from a second request.
  if (asked.verb !== "acquire" || asked.token === null || offers > 1) {
    return;
  }
  const { resource, token } = asked;
  const alone = facts
    .askedFor(resource, token)
    .every((other) => other.asked.id === asked.id || other.asked.verb !== "acquire");
  const record = facts.disk().token(resource, token);
  facts.must(
    !alone || record === undefined || facts.ledger.get(resource, token).told,
    "I26",
    () => `${resource} ${token} failed and is still held`,
  );
}

function checkGrant(facts: Facts, known: AskedOnce, reply: TokenReply): void {
  const { ledger, must } = facts;
  const { asked } = known;
  const { resource, token } = reply;
  if (reply.expires === null) {
    return; // a renewal of what still waits promises nothing
  }
  const record = facts.disk().token(resource, token);
  must(
    record !== undefined || endedMeanwhile(facts, known, resource, token),
    "I25",
    () => `${resource} ${token} is said to be held, and is not on the disk`,
  );
  if (asked.verb === "acquire" && asked.wait !== "granted") {
    checkState(facts, known, reply);
  }
  const at = facts.disk().writtenAt;
  const pledge = ledger.get(resource, token);
  const settings = facts.scenario.settings.resources.get(resource);
  const total = settings?.ttl.total ?? 0;
  const before = pledge.certain ? pledge.until : 0;
  const wished = asked.ttl === null ? Math.max(before, at + reply.ttl * 1000) : at + asked.ttl;
  const until = total === 0 ? wished : Math.min(wished, (pledge.since ?? at) + total);
  const shown = Date.parse(reply.expires) - facts.disk().writtenOffset;
  must(
    shown + wallTolerance >= until,
    "I16",
    () => `${resource} ${token} is said to expire at ${shown}, promised was ${until}`,
  );
  ledger.promised(pledge, known.order, until, true);
}

/** An end of this token was asked for in the same batch, after the request that is answered. */
const endedMeanwhile = (facts: Facts, known: AskedOnce, resource: string, token: string): boolean =>
  facts
    .askedFor(resource, token)
    .some(({ asked, offeredAt }) => asked.verb === "release" && offeredAt > known.offeredAt);

/** I25: `powered` and `available` are said on fresh evidence. */
function checkState(facts: Facts, { asked }: AskedOnce, reply: TokenReply): void {
  const { must, host } = facts;
  const settings = facts.scenario.settings.resources.get(reply.resource);
  const enough = reply.state === "available" || (reply.state === "powered" && asked.wait === "powered");
  must(enough, "I25", () => `${reply.resource} is ${reply.state}, waited for was ${asked.wait}`);
  must(
    facts.heard.has(reply.resource),
    "I25",
    () => `${reply.resource} is said to be ${reply.state} and has not been heard`,
  );
  const check = settings?.check;
  if (asked.wait === "available" && check !== undefined) {
    const up = facts.upAt.get(reply.resource);
    // What could not be checked says nothing, and takes a period each time.
    const oldest =
      (check.fall + 1 + (facts.errors.get(reply.resource) ?? 0)) *
        (Math.max(check.interval, 2000) + check.timeout) +
      3000;
    const late = facts.host.now() - facts.disturbedAt < oldest;
    must(
      late || (up !== undefined && host.now() - up <= oldest),
      "I25",
      () => `${reply.resource} is said to be available, and last answered at ${up} (now ${host.now()})`,
    );
  }
}

/** I15 begins, I37: what is said to be released is off the disk. */
function checkRelease(facts: Facts, known: AskedOnce, token: string): void {
  const { asked } = known;
  const { resource } = asked;
  if (asked.lost) {
    return;
  }
  const again = facts
    .askedFor(resource, token)
    .some((other) => other.asked.verb === "acquire" && other.offeredAt > known.offeredAt);
  if (!again) {
    facts.must(
      facts.disk().token(resource, token) === undefined,
      "I15",
      () => `${resource} ${token} is said to be released and is on the disk`,
    );
    facts.ledger.get(resource, token).released = true;
  }
}
