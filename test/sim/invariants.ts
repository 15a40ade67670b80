// The promises, checked from outside: against what relays did, what is on the disk and what was said to whom, never against the book.
// The numbers I1 to I43 and L1 to L8 are those of README.md, which says what each one is and where it is checked. The first broken one ends the run.

import type { Timestamp } from "../../src/core/changes.ts";
import type { Reply, ReplyTo } from "../../src/core/requests.ts";
import type { Position } from "../../src/core/settings.ts";
import { checkMoved, checkOff, checkOn, checkRepeat, checkShutdown } from "./command-rules.ts";
import { checkBatch } from "./disk-rules.ts";
import type { Facts } from "./facts.ts";
import { base } from "./front.ts";
import { type Asked, parseAsked, scopeOf, verbs } from "./form.ts";
import { checkPicture, checkPool } from "./picture-rules.ts";
import { checkReply, recordOf } from "./reply-rules.ts";
import { coveredBy } from "./wanted.ts";
import type { Watch } from "./watch.ts";

const requestTopics = new RegExp(`/(${verbs.join("|")})$`);

export function createInvariants(facts: Facts): Watch {
  const { host, ledger, trace } = facts;
  const must = facts.must;
  let arrivals = 0;

  /** From now on nothing is promised of what this may end. */
  function asksForEnd(asked: Asked, order: number): void {
    if (asked.verb === "release" && asked.token !== null) {
      ledger.get(scopeOf(asked), asked.token);
      // Also one that it is known by over a member of its pool.
      for (const pledge of ledger.byToken(asked.token)) {
        if (mayEnd(facts, asked, pledge.owner)) {
          ledger.endAsked(pledge, order, host.now(), asked.lost ? facts.settings.lostGrace : 0);
        }
      }
    } else if (asked.verb === "override" && asked.resource !== null) {
      facts.locks.delete(asked.resource);
      forgetOrphans(facts, asked.resource);
      if (asked.override === "off" && mayOperate(facts, asked)) {
        const covered = coveredBy(facts, asked.resource);
        for (const pledge of ledger.all()) {
          if (pledge.scope === asked.resource || pledge.resources.some((one) => covered.has(one))) {
            ledger.endAsked(pledge, order, host.now(), 0);
          }
        }
      }
    }
  }

  return {
    started(settings) {
      facts.process = { startedAt: host.now(), kept: new Set(facts.disk().outboxIds()) };
      facts.heard.clear();
      facts.problems.clear();
      facts.storeRefuses = false; // it does not know yet
      facts.disturbedAt = host.now();
      facts.configure(settings);
    },
    died() {
      facts.process = undefined;
      facts.linkAt = undefined;
      facts.busAt = undefined;
      facts.rival = false;
    },
    reloading(settings) {
      trace.note(`configuration: ${[...settings.resources.keys()].join(" ")}`);
      facts.loosen(settings);
      for (const pledge of ledger.all()) {
        for (const resource of pledge.resources) {
          if (!settings.resources.has(resource)) {
            ledger.leave(pledge, resource, host.now());
          }
        }
      }
    },
    inForce(settings) {
      facts.configure(settings);
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
      facts.queuedBefore = new Set([...facts.disk().queued()].map(({ number }) => number));
      if (before !== undefined && before.boot !== written.boot) {
        facts.shift(shiftBetween(before, written), written.at);
      }
      for (const change of changes) {
        if (change.kind === "override" && change.record?.mode !== "on") {
          const standing = [...facts.disk().overrides()].find(({ resource }) => resource === change.resource);
          if (standing?.mode === "on") {
            facts.keptUntil.set(change.resource, written.at);
          } else if (standing?.mode === "off") {
            for (const name of coveredBy(facts, change.resource)) {
              facts.liftedAt.set(name, written.at);
            }
          }
        }
      }
    },
    applied(changes, written) {
      for (const change of changes) {
        if (change.kind === "token") {
          const { record } = change;
          const until =
            record === undefined ? "gone" : `on ${record.resources.join()} until ${record.expires}`;
          trace.note(`disk: ${change.resource} ${change.token} ${until}`);
          for (const pledge of record === undefined ? ledger.byToken(change.token) : []) {
            pledge.owner = undefined; // the next one who takes that name may be another
          }
        } else if (change.kind === "queued") {
          const { record } = change;
          trace.note(
            `disk: queued ${change.number} ${record === undefined ? "gone" : `${record.token} for ${record.asked.join()}`}`,
          );
        } else if (change.kind === "override") {
          trace.note(`disk: override ${change.resource} ${change.record?.mode ?? "auto"}`);
        } else if (change.kind === "outlet") {
          trace.note(`disk: ${change.record.outlet} is ${change.record.own}`);
        } else if (change.kind === "resource" && change.record.cycle?.stage !== "off") {
          facts.cycles.delete(change.record.resource);
        }
      }
      checkBatch(facts, changes, written.at);
      for (const change of changes) {
        if (change.kind === "token" && change.record !== undefined) {
          facts.granted.add(change.record.number);
        }
      }
    },
    published(clientId, { topic, payload }) {
      if (!topic.startsWith(`${base}/`) || payload === "") {
        return;
      }
      if (requestTopics.test(topic)) {
        const asked = parseAsked(payload);
        arrivals += 1;
        asksForEnd(asked, arrivals);
        facts.ask(asked, arrivals);
        trace.note(`${clientId}: ${asked.verb} ${summary(asked)}`);
      }
    },
    offered({ payload }) {
      const { id, verb, token, ttl, wait } = parseAsked(payload);
      const known = facts.asked.get(id);
      if (known === undefined) {
        return;
      }
      facts.offers += 1;
      known.offers += 1;
      known.offeredAt = facts.offers;
      known.offeredTrueAt = facts.trueNow();
      if (verb === "override" && known.asked.override === "off") {
        facts.lockOffers = facts.offers;
      }
      asksForEnd(known.asked, known.order);
      if (token !== null && (verb === "acquire" || verb === "renew")) {
        const pledge = ledger.get(scopeOf(known.asked), token);
        if (mayEnd(facts, known.asked, pledge.owner)) {
          pledge.until = ttl === null ? pledge.until : Math.min(pledge.until, host.now() + ttl);
        }
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
      const { id, token, wait, resource } = parseAsked(payload);
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
        const scope = scopeOf({ resource });
        const pledge = ledger.get(scope, token);
        const record = recordOf(facts, scope, token);
        if (record !== undefined && record.waiters.length === 0 && record.expires !== undefined) {
          pledge.owner ??= record.owner;
          const until = Math.min(record.expires, host.now() + record.ttl);
          const lasting = record.resources.filter((name) => facts.expected.resources.has(name));
          if (lasting.length > 0) {
            ledger.promised(pledge, known.order, lasting, until, undefined);
          }
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
      noteProblem(facts, event, resource ?? "", fields);
    },
    pictured(picture) {
      checkPicture(facts, picture);
      facts.states.set(picture.name, picture.object.state);
    },
    pooled(picture) {
      checkPool(facts, picture);
    },
    picturePublished(topic, payload) {
      facts.pictures += 1;
      trace.note(`picture: ${topic} ${payload}`);
    },
    commanded(topic, payload) {
      const found = facts.outletOf(topic);
      must(found !== undefined, "I27", () => `${topic} is nobody's`);
      if (payload === "" || found?.relay === undefined) {
        const asks = payload === "" || (payload === "10" && topic.endsWith("/STATUS"));
        must(asks, "I27", () => `${topic} is told ${payload}`);
        facts.questionAt.set(topic.split("/")[1] ?? "", host.now());
        return;
      }
      facts.commands += 1;
      trace.note(`command: ${topic} ${payload}`);
      const { relay } = found;
      if (payload === "OFF") {
        checkOff(facts, relay.outlet);
      } else {
        checkOn(facts, relay.outlet);
      }
      checkRepeat(facts, relay, payload);
    },
    heard(topic, payload, retained) {
      if (!retained) {
        facts.hear(topic, payload);
      }
    },
    checked(resource, outcome) {
      trace.note(`check: ${resource} ${outcome}`);
      if (outcome === "up") {
        facts.upAt.set(resource, host.now());
        facts.errors.delete(resource);
      } else if (outcome === "error") {
        facts.errors.set(resource, (facts.errors.get(resource) ?? 0) + 1);
      }
    },
    guarded(resource, outcome) {
      facts.guards.set(resource, { outcome, at: host.now() });
    },
    shutDown(resource) {
      facts.shutdownsSent += 1;
      trace.note(`shutdown: ${resource}`);
      checkShutdown(facts, resource);
    },
    relayMoved(socket, relay, position: Position, why) {
      const before = facts.outletOf(`cmnd/${socket}/POWER${relay}`)?.relay;
      if (before !== undefined && position === "off" && why === "command") {
        checkMoved(facts, before);
      }
      facts.moved(socket, relay, position, why);
    },
    powered(resource) {
      facts.poweredAt.set(resource, host.now());
    },
  };
}

/** Whether a release, or a shorter renewal, is one that the controller may listen to. */
function mayEnd({ settings }: Facts, { user, owner }: Asked, holder: string | undefined): boolean {
  const who = user ?? owner;
  if (settings.access === "users" && user === null) {
    return false;
  }
  return (
    who === null || holder === undefined || who === holder || (user !== null && settings.operators.has(user))
  );
}

/** `auto` also lifts lockouts of its outlets whose resource has left the configuration: nobody else could. */
function forgetOrphans({ locks, settings, expected }: Facts, resource: string): void {
  const own = settings.resources.get(resource)?.outlets ?? [];
  for (const [name, { outlets }] of locks) {
    const there = settings.resources.has(name) && expected.resources.has(name);
    if (!there && outlets.some((one) => own.includes(one))) {
      locks.delete(name);
    }
  }
}

const mayOperate = ({ settings }: Facts, { user }: Asked): boolean =>
  settings.access === "open" || (user !== null && settings.operators.has(user));

function noteProblem(
  { problems }: Facts,
  event: string,
  resource: string,
  { code }: { readonly code?: unknown },
): void {
  const standing = problems.get(resource) ?? new Set();
  if (event === "problem") {
    problems.set(resource, standing.add(String(code)));
  } else if (event === "recovered") {
    standing.delete(String(code));
  }
}

/** By how much an unexpired token may move when the machine was booted: the wall clock says how long that took, unless it went back. */
const shiftBetween = (before: Timestamp, now: Timestamp): number =>
  now.at - before.at - Math.max(0, now.wall - before.wall);

function summary(asked: Asked): string {
  const { id, resource, names, token, ttl, wait, timeout, mode, priority, override, force } = asked;
  const what =
    asked.verb === "override"
      ? `${override}${force ? " force" : ""} until ${asked.until}`
      : asked.verb === "cycle"
        ? force
          ? "force"
          : ""
        : `${token}, ttl ${ttl}, wait ${wait}, timeout ${timeout}, ${mode} ${priority}`;
  return `${resource ?? names.join()} (${id}, ${what}${asked.lost ? ", lost" : ""}${asked.reply ? "" : ", no reply"})`;
}
