// What must be true, seen from outside, at the moment when the controller tells a relay to move, or a machine to shut down.

import type { Facts, Relay } from "./facts.ts";
import type { Pledge } from "./ledger.ts";
import {
  dependentsOf,
  isCycledOff,
  isForced,
  isUrgent,
  lockoutOf,
  lockoutOn,
  mayBeWanted,
  outletsOf,
  poweredBy,
  withDependents,
} from "./wanted.ts";

/** Clocks are read in whole milliseconds at both ends of a length. */
const rounding = 2;

/** How long a batch may be on its way to the disk: what came meanwhile is not known to it. */
const writing = (facts: Facts): number => facts.disk().slowest * 3 + 50;

export function checkOff(facts: Facts, outlet: string): void {
  const { must } = facts;
  checkAny(facts, outlet, "OFF");
  const said = facts.heard.get(outlet);
  const justSaid = said !== undefined && said.at + writing(facts) >= facts.host.now();
  must(
    said?.position === "on" || justSaid,
    "I6",
    () => `${outlet} is told OFF, but was last heard ${said?.position}`,
  );
  const all = poweredBy(facts, outlet);
  must(all.length > 0, "I27", () => `${outlet} is told OFF and is nobody's`);
  const forced = all.some((one) => isForced(facts, one));
  for (const name of all) {
    checkHolders(facts, name, forced);
    if (!forced) {
      checkOffOf(facts, name, outlet);
      checkMachine(facts, name, outlet);
      checkDependents(facts, name);
    }
  }
  checkGrace(facts, `${outlet} is told OFF`);
  if (!all.some((one) => isUrgent(facts, one))) {
    checkRest(facts, outlet, Math.max(0, ...all.map((one) => facts.loosest(one).minOn)), "minOn");
  }
}

/** Whether an operator has answered for this OFF: forced, or a cycle whose asker alone holds the machine. */
const isExcused = (facts: Facts, outlet: string): boolean =>
  poweredBy(facts, outlet).some((one) => isForced(facts, one) || facts.cycles.has(one));

/** I1, with the exceptions that the protocol makes: force, one's own cycle, and a machine that was really down. */
function checkHolders(facts: Facts, name: string, forced: boolean): void {
  const told = toldOn(facts, name).find((pledge) => !isAnswered(facts, name, pledge, forced));
  facts.must(
    told === undefined,
    "I1",
    () =>
      `${name} is switched off while '${told?.token}' is held until ${told?.until} (now ${facts.host.now()})`,
  );
}

/** Told that it is theirs: of the resource itself, and of what needs it and is on. */
const toldOn = (facts: Facts, name: string): Pledge[] =>
  withDependents(facts, name)
    .filter((one) => one === name || isOn(facts, [one]))
    .flatMap((one) => facts.ledger.heldNow(one, facts.host.now()))
    .filter(({ toldAt }) => toldAt !== undefined);

function isAnswered(facts: Facts, name: string, { owner, resources }: Pledge, forced: boolean): boolean {
  const cycle = facts.cycles.get(name);
  const own = cycle !== undefined && (cycle.force || (cycle.owner === owner && resources.includes(name)));
  return forced || own || wentDown(facts, name);
}

/**
 * It was told to shut down while it had this power, or an earlier process may have told it, and no more runs. Without a checker its word
 * is taken for it.
 */
function wentDown(facts: Facts, name: string): boolean {
  const machine = facts.machines.get(name);
  const settings = facts.settings.resources.get(name);
  const told = facts.shutdowns.has(name) || facts.disk().resource(name)?.shutdownAt !== undefined;
  return told && (machine?.running === false || settings?.check === undefined || !isPlain(facts, name));
}

function checkOffOf(facts: Facts, name: string, outlet: string): void {
  if (isUrgent(facts, name) || wentDown(facts, name)) {
    return;
  }
  if (withDependents(facts, name).some((one) => facts.tokensOf(one).length > 0)) {
    checkCycle(facts, name, outlet);
    return;
  }
  if (mayBeWanted(facts, name) && mayBeRetried(facts, name)) {
    return;
  }
  const told = facts.relays.get(outlet)?.told;
  const lastHeld = facts.ledger.lastHeld(name, facts.host.now()) ?? Number.NEGATIVE_INFINITY;
  const seenThrough = facts.loosest(name).shutdown !== undefined && facts.shutdowns.has(name);
  if (!seenThrough && (told?.word !== "OFF" || lastHeld > told.at)) {
    checkUnused(facts, name, "is switched off"); // else decided before, under a lockout perhaps, and repeated
  }
  const { keepWhile } = facts.settings.resources.get(name) ?? {};
  if (facts.loosest(name).guarded && keepWhile !== undefined && facts.loosest(name).shutdown === undefined) {
    checkGuard(facts, name, "is switched off");
  }
}

/** Kept on or kept warm, and on for long enough without an answer. */
function mayBeRetried(facts: Facts, name: string): boolean {
  const { bootRetries, bootTimeout } = facts.loosest(name);
  const poweredAt = facts.poweredAt.get(name) ?? 0;
  const upAt = facts.upAt.get(name) ?? Number.NEGATIVE_INFINITY;
  const rise = facts.settings.resources.get(name)?.check?.rise ?? 1;
  const answered = rise === 1 && upAt >= poweredAt; // one good check of several is no answer yet
  return bootRetries > 0 && !answered && facts.host.now() + rounding >= poweredAt + bootTimeout;
}

/** I4: the off delay of its last token, and of the last one of what needs it. */
function checkUnused(facts: Facts, name: string, what: string): void {
  const now = facts.host.now();
  const { offDelay } = facts.loosest(name);
  const lastHeld = Math.max(
    ...withDependents(facts, name).map((one) => facts.ledger.lastHeld(one, now) ?? Number.NEGATIVE_INFINITY),
    facts.keptUntil.get(name) ?? Number.NEGATIVE_INFINITY,
  );
  facts.must(
    now + rounding >= lastHeld + offDelay,
    "I4",
    () => `${name} ${what} ${now - lastHeld} ms after its last token, offDelay is ${offDelay}`,
  );
}

function checkGuard(facts: Facts, name: string, what: string): void {
  const guard = facts.guards.get(name);
  facts.must(
    guard?.outcome === "down",
    "I3",
    () => `${name} ${what}, and its keepWhile last said ${guard?.outcome}`,
  );
}

/** I13: not before what needs it. */
function checkDependents(facts: Facts, name: string): void {
  if (wentDown(facts, name)) {
    return; // what needs it has lost it already
  }
  for (const dependent of dependentsOf(facts, name)) {
    const lit = outletsOf(facts, dependent).find((outlet) => {
      const said = facts.heard.get(outlet);
      return said?.position === "on" && said.at + writing(facts) < facts.host.now();
    });
    facts.must(
      lit === undefined || !facts.loosest(dependent).needs.includes(name),
      "I13",
      () => `${name} is switched off, and ${dependent} on ${lit} needs it and is on`,
    );
  }
}

/**
 * I3, physically: a machine with a shutdown loses no power while it runs. What nobody can see is no fault of the controller: without
 * a meter a machine that does not answer is taken to be gone, without a checker its word is taken for it.
 */
function checkMachine(facts: Facts, name: string, outlet: string): void {
  const { shutdown } = facts.loosest(name);
  const settings = facts.settings.resources.get(name);
  const machine = facts.machines.get(name);
  if (shutdown === undefined || settings === undefined || machine === undefined) {
    return;
  }
  const fedElsewhere = settings.outlets.some((one) => {
    const relay = facts.relays.get(one);
    return one !== outlet && relay?.position === "on" && relay.told?.word !== "OFF";
  });
  if (fedElsewhere && settings.outlets.some((one) => poweredBy(facts, one).length > 1)) {
    return; // another resource keeps it on with the other outlet
  }
  const now = facts.trueNow();
  const toldAt = facts.shutdowns.get(name);
  const cutAnyway =
    settings.shutdown?.onTimeout === "cut" &&
    toldAt !== undefined &&
    now - toldAt + 1000 >= (settings.shutdown?.timeout ?? 0);
  const waitsFor = withDependents(facts, name).some((one) => facts.tokensOf(one).length > 0);
  const retry = toldAt === undefined || mayBeRetried(facts, name);
  if (cutAnyway || ((waitsFor || mayBeWanted(facts, name)) && retry)) {
    return; // a boot retry has its own rule
  }
  const draws = shutdown.idleBelow !== undefined && settings.shutdown?.idleBelow !== undefined;
  const seen = draws ? machine.drawsSince : settings.check === undefined ? undefined : machine.answersSince;
  const noticed = draws
    ? 8000 + writing(facts)
    : (2000 + (settings.check?.timeout ?? 0)) * (settings.check?.rise ?? 1) + writing(facts) + 1000;
  facts.must(
    seen === undefined || now - seen < noticed,
    "I3",
    () => `${name} loses its power, and has been running visibly for ${now - (seen ?? 0)} ms`,
  );
  facts.must(
    settings.check !== undefined || draws || toldAt !== undefined,
    "I3",
    () => `${name} loses its power, and was never told to shut down`,
  );
}

/** Nothing was wrong with its network or its checks for a while. */
function isPlain(facts: Facts, name: string): boolean {
  const machine = facts.machines.get(name);
  const settings = facts.settings.resources.get(name);
  return (
    machine?.answersSince !== undefined &&
    facts.trueNow() - machine.answersSince >
      (2000 + (settings?.check?.timeout ?? 0)) * (settings?.check?.rise ?? 1) + writing(facts) + 1000
  );
}

/** I18: a power cycle of a machine that did not boot, while nobody was told that it is theirs. */
function checkCycle(facts: Facts, name: string, outlet: string): void {
  const { must, host } = facts;
  const { bootRetries, bootTimeout } = facts.loosest(name);
  const settings = facts.settings.resources.get(name);
  const relay = facts.relays.get(outlet);
  must(bootRetries > 0, "I1", () => `${name} is switched off with a token on the disk, and is never cycled`);
  must(
    poweredBy(facts, outlet).length === 1,
    "I2",
    () => `${name} is cycled on ${outlet}, which others are on`,
  );
  const heardSince = (facts.heard.get(outlet)?.at ?? 0) >= (relay?.movedAt ?? 0);
  if (relay === undefined || relay.boot !== host.boot || relay.position === "off" || !heardSince) {
    return; // what is repeated here may have been obeyed already, or it lost its power unseen
  }
  // An answer that came while the batch was being written is not known to it.
  const upAt = facts.upAt.get(name) ?? 0;
  // Nor is one that an earlier process did not live to write down.
  const present =
    upAt > (facts.process?.startedAt ?? 0) || facts.disk().resource(name)?.wasAvailable === true;
  const known = present && upAt > relay.movedAt && upAt + writing(facts) + 50 < host.now();
  const answered = known && (settings?.check?.rise ?? 1) === 1;
  must(!answered, "I18", () => `${name} is cycled, and has answered since it is on`);
  const onFor = host.now() - Math.min(relay.movedAt, facts.poweredAt.get(name) ?? relay.movedAt);
  must(
    onFor + rounding >= bootTimeout || relay.why === "power", // the news of a blackout may have got lost
    "I18",
    () => `${name} is cycled after ${onFor} ms, bootTimeout is ${bootTimeout}`,
  );
}

export function checkOn(facts: Facts, outlet: string): void {
  const { must } = facts;
  checkAny(facts, outlet, "ON");
  const lock = lockoutOn(facts, outlet);
  must(lock === undefined, "I7", () => `${outlet} is told ON and is locked out through ${lock?.resource}`);
  const promised = [...facts.locks].find(([, { outlets }]) => outlets.includes(outlet));
  must(
    promised === undefined,
    "I15",
    () => `${outlet} is told ON, and the lockout of ${promised?.[0]} was answered ok`,
  );
  const wanted = poweredBy(facts, outlet).filter(
    (one) => mayBeWanted(facts, one) && lockoutOf(facts, one) === undefined,
  );
  must(wanted.length > 0, "I8/I9", () => `${outlet} is told ON, and nobody wants what is on it`);
  const missing = wanted.map((one) => missingNeed(facts, one));
  must(
    wanted.length === 0 || missing.includes(undefined) || isOn(facts, wanted),
    "I13",
    () => `${outlet} is told ON, and ${missing.join()} is not available`,
  );
  const all = poweredBy(facts, outlet);
  checkRest(facts, outlet, Math.max(0, ...all.map((one) => facts.loosest(one).minOff)), "minOff");
  checkStagger(facts, outlet);
  checkStarting(facts, wanted);
  for (const one of all) {
    if (outletsOf(facts, one).every((other) => facts.relays.get(other)?.position === "off")) {
      facts.shutdowns.delete(one); // a new life begins
    }
  }
}

/** One of them is on already, with another supply. */
const isOn = (facts: Facts, names: readonly string[]): boolean =>
  names.some((name) => outletsOf(facts, name).some((outlet) => facts.heard.get(outlet)?.position === "on"));

/** What it needs and is, by all that was heard, not available. */
const missingNeed = (facts: Facts, name: string): string | undefined =>
  facts.loosest(name).needs.find((need) => {
    const settings = facts.settings.resources.get(need);
    const on = settings?.outlets.some((outlet) => {
      const said = facts.heard.get(outlet);
      const justNow = said !== undefined && said.since + writing(facts) >= facts.host.now();
      return said?.position === "on" || justNow; // it may have said on when this was decided
    });
    const answered = settings?.check === undefined || facts.upAt.has(need);
    return on !== true || !answered;
  });

/** I12: within one group, as far as one process knows. */
function checkStagger(facts: Facts, outlet: string): void {
  const switcher = facts.settings.outlets.get(outlet)?.switcher ?? "";
  const stagger = facts.settings.switchers.get(switcher)?.stagger ?? 0;
  const process = facts.process?.startedAt ?? 0;
  const now = facts.host.now();
  const last = facts.onAt.get(switcher);
  if (last !== undefined && last.process === process) {
    facts.must(
      now - last.at + rounding >= stagger,
      "I12",
      () => `${outlet} is told ON ${now - last.at} ms after ${last.outlet}, stagger is ${stagger}`,
    );
  }
  // Decided when its batch was begun: how long that took to be written has nothing to do with the pause.
  facts.onAt.set(switcher, { at: Math.min(now, facts.disk().writtenAt), process, outlet });
}

/** I12: `limits.starting`. What was switched on by this process and has surely not arrived, failed or been given up counts. */
function checkStarting(facts: Facts, wanted: readonly string[]): void {
  const { starting } = facts.settings.limits;
  const again = wanted.some((name) =>
    outletsOf(facts, name).some((outlet) => {
      const relay = facts.relays.get(outlet);
      const obeyed = relay?.position === "on" && relay.why === "command"; // and nobody has heard of it
      return relay?.told?.word === "ON" || obeyed;
    }),
  );
  // In use, and perhaps on with its other supply, which does not answer: this one is repaired, and nothing is started.
  const halfSeen = wanted.some((name) => {
    const heard = new Set(outletsOf(facts, name).map((outlet) => facts.heard.has(outlet)));
    return heard.size === 2;
  });
  const reloaded = facts.trueNow() - facts.reloadedAt < 120_000;
  if (starting === 0 || again || halfSeen || isOn(facts, wanted) || reloaded) {
    return;
  }
  // Those on one outlet begin together.
  const own = new Set(wanted.flatMap((name) => outletsOf(facts, name)));
  const booting = [...facts.settings.outlets.keys()].filter(
    (outlet) =>
      !own.has(outlet) &&
      poweredBy(facts, outlet).some(
        (name) => outletsOf(facts, name)[0] === outlet && isSurelyBooting(facts, name),
      ),
  );
  facts.must(
    booting.length < starting,
    "I12",
    () => `${wanted.join()} is switched on while ${booting.join()} boots, limits.starting is ${starting}`,
  );
}

function isSurelyBooting(facts: Facts, name: string): boolean {
  const settings = facts.settings.resources.get(name);
  const now = facts.host.now();
  const upAt = facts.upAt.get(name) ?? Number.NEGATIVE_INFINITY;
  if (settings?.check === undefined || upAt >= (facts.poweredAt.get(name) ?? 0)) {
    return false;
  }
  return (
    !isUrgent(facts, name) &&
    !facts.shutdowns.has(name) && // told to go down before it was up: it boots no more
    facts.states.get(name) === "powered" &&
    facts.tokensOf(name).some(({ waiters, since }) => waiters.length > 0 && since + 100 < now) &&
    settings.outlets.every((outlet) => {
      const relay = facts.relays.get(outlet);
      const said = facts.heard.get(outlet);
      return (
        relay?.why === "command" &&
        relay.position === "on" &&
        relay.told?.word !== "OFF" && // about to go off, and to come back with a place of its own
        relay.boot === facts.host.boot &&
        relay.movedAt > (facts.process?.startedAt ?? 0) &&
        said?.position === "on" &&
        said.since + writing(facts) < now && // else the batch may be older than the news
        said.at >= relay.movedAt &&
        said.at >= (facts.questionAt.get(outlet.split("/")[0] ?? "") ?? 0) &&
        now - relay.movedAt < facts.loosest(name).bootTimeout - writing(facts) - 1000
      );
    })
  );
}

function checkAny(facts: Facts, name: string, word: string): void {
  const { must } = facts;
  checkMayAct(facts, `${name} is told ${word}`);
  const said = facts.heard.get(name);
  must(
    said !== undefined && said.at >= (facts.linkAt ?? 0) && said.at >= (facts.busAt ?? 0),
    "I5",
    () => `${name} is told ${word} before it has said where it stands`,
  );
}

function checkMayAct(facts: Facts, what: string): void {
  const { must } = facts;
  must(!facts.settings.observe, "I8", () => `${what}, but the controller only observes`);
  // A batch may be on its way to the disk when the link is lost, or a rival heard.
  const linked = facts.linkAt !== undefined || facts.host.now() <= facts.linkLostAt + writing(facts);
  must(linked, "I5", () => `${what} without a request link`);
  const heedsRival = facts.rival && facts.host.now() > facts.rivalAt + writing(facts);
  must(!heedsRival, "I40", () => `${what} while another controller may be live`);
  must(!facts.storeRefuses, "I37", () => `${what} while the store refuses`);
}

function checkGrace(facts: Facts, what: string): void {
  const now = facts.host.now();
  const grace = facts.linkAt === undefined ? now : facts.linkAt + facts.settings.restartGrace;
  facts.must(now + rounding >= grace, "I5", () => `${what} ${grace - now} ms before the grace is over`);
}

/** I11, where the controller itself had moved the relay in this boot of its machine. */
function checkRest(facts: Facts, outlet: string, least: number, what: string): void {
  const relay = facts.relays.get(outlet);
  if (
    relay !== undefined &&
    relay.why === "command" &&
    relay.boot === facts.host.boot &&
    relay.told === undefined &&
    relay.position === (what === "minOn" ? "on" : "off")
  ) {
    const since = facts.heard.get(outlet)?.since ?? relay.movedAt;
    const rested = facts.host.now() - Math.min(relay.movedAt, since); // it may have moved to and fro unheard
    facts.must(rested + rounding >= least, "I11", () => `${outlet} rested ${rested} ms, ${what} is ${least}`);
  }
}

/** I10, as far as batches take different times to be written: repeats of one command, by one process, with no movement in between. */
export function checkRepeat(facts: Facts, relay: Relay, word: string): void {
  const now = facts.host.now();
  const process = facts.process?.startedAt ?? 0;
  const last = relay.told;
  if (last !== undefined && last.word === word && last.process === process) {
    facts.must(
      now - last.at + facts.disk().slowest + 50 >= 1000 || now - facts.disturbedAt < 1000,
      "I10",
      () => `${relay.outlet} is told ${word} again after ${now - last.at} ms`,
    );
  }
  const excused = word === "OFF" && isExcused(facts, relay.outlet);
  relay.told = { word, at: now, trueAt: facts.trueNow(), process, excused };
}

/**
 * What the controller's OFF did: whoever was told before it that the machine is theirs, and still holds it, has lost it. The same as I1,
 * seen at the relay and not at the command.
 */
export function checkMoved(facts: Facts, relay: Relay): void {
  const { told } = relay;
  if (told === undefined || told.word !== "OFF" || told.excused) {
    return;
  }
  for (const name of poweredBy(facts, relay.outlet)) {
    const machine = facts.machines.get(name);
    const others = outletsOf(facts, name).filter((one) => one !== relay.outlet);
    const isLast = others.every((one) => facts.relays.get(one)?.position !== "on");
    const victim = facts.ledger
      .heldNow(name, facts.host.now())
      .find(({ toldAt }) => toldAt !== undefined && toldAt < told.trueAt);
    facts.must(
      !isLast || victim === undefined || machine?.running !== true || wentDown(facts, name),
      "I1",
      () => `${name} lost its power under '${victim?.token}' by an OFF of the controller`,
    );
  }
}

/** A machine is told to shut down: as harmful as an OFF to whoever works on it. */
export function checkShutdown(facts: Facts, name: string): void {
  checkMayAct(facts, `${name} is told to shut down`);
  checkGrace(facts, `${name} is told to shut down`);
  const again = facts.shutdowns.has(name);
  facts.must(
    !isForced(facts, name),
    "I3",
    () => `${name} is told to shut down, and an operator wanted it cut`,
  );
  if (!isUrgent(facts, name)) {
    checkHolders(facts, name, false);
    facts.must(
      facts.tokensOf(name).length === 0 || again,
      "I1",
      () => `${name} is told to shut down with a token on the disk`,
    );
    // Locked out and given back in one batch: the shutdown was decided in between, and is seen through.
    const lifted = facts.host.now() - (facts.liftedAt.get(name) ?? Number.NEGATIVE_INFINITY) < writing(facts);
    if (!again && !lifted) {
      checkUnused(facts, name, "is told to shut down");
    }
  } else if (isCycledOff(facts, name)) {
    checkHolders(facts, name, false);
  }
  if (facts.loosest(name).guarded && !again) {
    checkGuard(facts, name, "is told to shut down");
  }
  checkDependents(facts, name);
  facts.shutdowns.set(name, facts.trueNow());
}
