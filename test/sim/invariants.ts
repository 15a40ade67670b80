// The promises, checked from outside: against what relays did, what is on the disk and what was said to whom, never against the book.
// The numbers I1 to I43 are those of the list in docs/reliability.md. The first broken one ends the run.

import type { Change, Timestamp } from "../../src/core/changes.ts";
import type { ResourcePicture } from "../../src/core/pictures.ts";
import type { Reply, ReplyTo } from "../../src/core/requests.ts";
import type { Position } from "../../src/core/settings.ts";
import { checkOff, checkOn, checkRepeat } from "./command-rules.ts";
import type { Facts } from "./facts.ts";
import { base } from "./front.ts";
import { type Asked, parseAsked } from "./form.ts";
import { keeps } from "./ledger.ts";
import { checkReply } from "./reply-rules.ts";
import type { Watch } from "./watch.ts";

export function createInvariants(facts: Facts): Watch {
  const { host, ledger, scenario, trace } = facts;
  const { settings } = scenario;
  const must = facts.must;
  let arrivals = 0;

  function asksForEnd(asked: Asked, order: number): void {
    if (asked.verb === "release" && asked.token !== null) {
      const grace = asked.lost ? settings.lostGrace : 0;
      ledger.endAsked(ledger.get(asked.resource, asked.token), order, host.now(), grace);
    }
  }

  function tokenChanged(change: Extract<Change, { kind: "token" }>, at: number): void {
    const pledge = ledger.find(change.resource, change.token);
    facts.putAt.set(`${change.resource} ${change.token}`, at);
    if (pledge === undefined) {
      return;
    }
    const name = `${change.resource} ${change.token}`;
    const held = ledger.holds(pledge, at);
    if (change.record === undefined) {
      must(!held, "I14/I16", () => `${name} ends at ${at} and was promised until ${pledge.until}`);
      pledge.told = false;
      pledge.certain = false;
    } else {
      const { record } = change;
      must(
        !held || keeps(record, Math.min(pledge.until, at + pledge.waitingTtl) - 2),
        "I16",
        () => `${name} is shortened to ${record.expires} and was promised until ${pledge.until}`,
      );
      pledge.until = Math.min(pledge.until, record.expires ?? Number.POSITIVE_INFINITY);
      must(!pledge.released, "I15", () => `${name} was released, answered ok, and is back`);
    }
  }

  return {
    started() {
      facts.process = { startedAt: host.now(), kept: new Set(facts.disk().outboxIds()) };
      facts.heard.clear();
      facts.disturbedAt = host.now();
    },
    died() {
      facts.process = undefined;
      facts.linkAt = undefined;
      facts.busAt = undefined;
      facts.rival = false;
    },
    linkConnected() {
      facts.linkAt = host.now();
      facts.disturbedAt = host.now();
      trace.note("link: connected");
    },
    linkLost() {
      facts.linkLostAt = host.now();
      facts.linkAt = undefined;
      trace.note("link: lost");
    },
    busConnected() {
      facts.busAt = host.now();
      facts.heard.clear();
    },
    busLost() {
      facts.busAt = undefined;
    },
    rival(there) {
      facts.rival = there;
      facts.rivalAt = host.now();
      trace.note(`rival: ${there ? "heard" : "gone"}`);
    },
    refused() {
      facts.storeRefuses = true;
      facts.disturbedAt = host.now();
    },
    applying(changes, written, before) {
      facts.storeRefuses = false;
      if (before !== undefined && before.boot !== written.boot) {
        ledger.shift(shiftBetween(before, written), written.at);
      }
      for (const change of changes) {
        if (change.kind === "token") {
          trace.note(
            `disk: ${change.resource} ${change.token} ${change.record === undefined ? "gone" : `until ${change.record.expires}`}`,
          );
          tokenChanged(change, written.at);
        } else if (change.kind === "outlet") {
          trace.note(`disk: ${change.record.outlet} is ${change.record.own}`);
        }
      }
    },
    published(clientId, { topic, payload }) {
      if (!topic.startsWith(`${base}/`) || payload === "") {
        return;
      }
      if (/\/(acquire|renew|release|tokens)$/.test(topic)) {
        const asked = parseAsked(payload);
        arrivals += 1;
        asksForEnd(asked, arrivals);
        facts.ask(asked, arrivals);
        trace.note(`${clientId}: ${asked.verb} ${asked.resource} ${asked.token} ${summary(asked)}`);
      }
    },
    offered({ payload }) {
      const { id, verb, resource, token, ttl, wait } = parseAsked(payload);
      const known = facts.asked.get(id);
      if (known === undefined) {
        return;
      }
      facts.offers += 1;
      known.offers += 1;
      known.offeredAt = facts.offers;
      asksForEnd(known.asked, known.order);
      if (token !== null && (verb === "acquire" || verb === "renew")) {
        const pledge = ledger.get(resource, token);
        pledge.until = ttl === null ? pledge.until : Math.min(pledge.until, host.now() + ttl);
        if (verb === "acquire" && wait !== "granted" && ttl !== null) {
          pledge.waitingTtl = Math.min(pledge.waitingTtl, ttl);
        }
        if (verb === "acquire") {
          pledge.since ??= host.now();
          pledge.released = false;
        }
      }
    },
    requestTaken({ payload }, request, taken) {
      const { id, token, wait } = parseAsked(payload);
      const known = facts.asked.get(id);
      // Acknowledged without a reply: it was granted, unless it was refused in silence, which only the disk can tell.
      if (
        taken &&
        known !== undefined &&
        request.kind === "acquire" &&
        request.replyTo === undefined &&
        token !== null &&
        wait === "granted"
      ) {
        const pledge = ledger.get(request.resource, token);
        const record = facts.disk().token(request.resource, token);
        if (record !== undefined && record.waiters.length === 0 && record.expires !== undefined) {
          ledger.promised(pledge, known.order, Math.min(record.expires, host.now() + record.ttl), false);
        }
      }
    },
    replied(to: ReplyTo, reply: Reply, outbox: number | undefined) {
      trace.note(
        `reply: ${to.id} ${reply.ok ? "ok" : reply.error} ${outbox === undefined ? "" : `(outbox ${outbox})`}`,
      );
      const again = outbox !== undefined && facts.process?.kept.has(outbox) === true;
      if (!again) {
        checkReply(facts, to, reply);
      }
    },
    announced({ event, resource, fields }) {
      trace.note(`event: ${event} ${resource} ${JSON.stringify(fields)}`);
    },
    pictured(picture) {
      checkPicture(facts, picture);
    },
    picturePublished(topic) {
      facts.pictures += 1;
      trace.note(`picture: ${topic}`);
    },
    commanded(topic, payload) {
      const found = facts.outletOf(topic);
      must(found !== undefined, "I27", () => `${topic} is nobody's`);
      if (payload === "" || found?.relay === undefined) {
        must(payload === "", "I27", () => `${topic} is told ${payload}`);
        return;
      }
      facts.commands += 1;
      trace.note(`command: ${topic} ${payload}`);
      const { resource } = found.relay;
      checkRepeat(facts, resource, payload);
      if (payload === "OFF") {
        checkOff(facts, resource);
      } else {
        checkOn(facts, resource);
      }
    },
    heard(topic, payload, retained) {
      if (!retained) {
        facts.hear(topic, payload);
      }
    },
    checked(resource, outcome) {
      if (outcome !== "up") {
        trace.note(`check: ${resource} ${outcome}`);
      }
      if (outcome === "up") {
        facts.upAt.set(resource, host.now());
        facts.errors.delete(resource);
      } else if (outcome === "error") {
        facts.errors.set(resource, (facts.errors.get(resource) ?? 0) + 1);
      }
    },
    relayMoved(socket, relay, position: Position, why) {
      facts.moved(socket, relay, position, why);
    },
  };
}

/** By how much an unexpired token may move when the machine was booted: the wall clock says how long that took, unless it went back. */
const shiftBetween = (before: Timestamp, now: Timestamp): number =>
  now.at - before.at - Math.max(0, now.wall - before.wall);

function summary({ id, ttl, wait, timeout, lost, reply }: Asked): string {
  return `(${id}, ttl ${ttl}, wait ${wait}, timeout ${timeout}${lost ? ", lost" : ""}${reply ? "" : ", no reply"})`;
}

function checkPicture(facts: Facts, { name, object }: ResourcePicture): void {
  const { must } = facts;
  const onDisk = facts.tokensOf(name).length;
  must(
    object.users === onDisk,
    "I19",
    () => `${name} shows ${object.users} users, on the disk are ${onDisk}`,
  );
  const level = { unknown: -1, off: 0, powered: 1, available: 2 }[object.state];
  must(object.level === level, "I31", () => `${name} is ${object.state} with level ${object.level}`);
  if (!facts.storeRefuses) {
    // What was seen while the store refused may have to be seen again before anything follows from it.
    const recent = facts.host.now() < facts.disturbedAt + 10_000;
    const wanted = object.phase === "starting" || object.phase === "in-use";
    must(!wanted || object.users > 0, "I31", () => `${name} is ${object.phase} for nobody`);
    const unwanted = object.phase === "idle" || object.phase === "lingering" || object.phase === "held";
    must(
      !unwanted || object.users === 0,
      "I31",
      () => `${name} is ${object.phase} and has ${object.users} users`,
    );
    must(
      recent || object.phase !== "in-use" || object.state !== "off",
      "I31",
      () => `${name} is off and in use`,
    );
    must(
      (object.offAt !== null) === (object.phase === "lingering"),
      "I31",
      () => `${name} is ${object.phase} with offAt ${object.offAt}`,
    );
  }
}
