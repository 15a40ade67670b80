// What must be true, seen from outside, at the moment when the controller tells a relay to move.

import type { ResourceSettings } from "../../src/core/settings.ts";
import type { Facts } from "./facts.ts";

/** Clocks are read in whole milliseconds at both ends of a length. */
const rounding = 2;

export function checkOff(facts: Facts, resource: ResourceSettings): void {
  const { host, ledger, must, scenario } = facts;
  const { name } = resource;
  const now = host.now();
  checkAny(facts, name, "OFF");
  const said = facts.heard.get(name);
  must(said?.position === "on", "I6", () => `${name} is switched off, but was last heard ${said?.position}`);
  const held = ledger.heldNow(name, now);
  const told = held.find((pledge) => pledge.told);
  must(
    told === undefined,
    "I1",
    () => `${name} is switched off while '${told?.token}' is held until ${told?.until} (now ${now})`,
  );
  const wanted = facts.tokensOf(name);
  if (wanted.length > 0) {
    checkCycle(facts, resource);
  } else {
    const lastHeld = ledger.lastHeld(name, now);
    must(
      lastHeld === undefined || now + rounding >= lastHeld + resource.offDelay,
      "I4",
      () =>
        `${name} is switched off ${now - (lastHeld ?? 0)} ms after its last token, offDelay is ${resource.offDelay}`,
    );
  }
  const grace = facts.linkAt === undefined ? now : facts.linkAt + scenario.settings.restartGrace;
  must(
    now + rounding >= grace,
    "I5",
    () => `${name} is switched off ${grace - now} ms before the grace is over`,
  );
  checkRest(facts, resource, resource.minOn, "minOn");
}

/** I18: a power cycle of a machine that did not boot, while nobody was told that it is theirs. */
function checkCycle(facts: Facts, resource: ResourceSettings): void {
  const { name, bootRetries, bootTimeout } = resource;
  const { must, host } = facts;
  const relay = facts.relays.get(name);
  must(bootRetries > 0, "I1", () => `${name} is switched off with a token on the disk, and is never cycled`);
  if (relay === undefined || relay.boot !== host.boot || relay.position === "off") {
    return; // what is repeated here may have been obeyed already
  }
  // An answer that came while the batch was being written is not known to it.
  const upAt = facts.upAt.get(name) ?? 0;
  const known = upAt > relay.movedAt && upAt + facts.disk().slowest * 3 + 100 < host.now();
  const answered = known && (resource.check?.rise ?? 1) === 1;
  must(!answered, "I18", () => `${name} is cycled, and has answered since it is on`);
  const onFor = host.now() - relay.movedAt;
  must(
    onFor + rounding >= bootTimeout,
    "I18",
    () => `${name} is cycled after ${onFor} ms, bootTimeout is ${bootTimeout}`,
  );
}

export function checkOn(facts: Facts, resource: ResourceSettings): void {
  const { name } = resource;
  checkAny(facts, name, "ON");
  facts.must(
    facts.tokensOf(name).length > 0,
    "I8/I9",
    () => `${name} is switched on, and no token is on the disk`,
  );
  checkRest(facts, resource, resource.minOff, "minOff");
}

function checkAny(facts: Facts, name: string, word: string): void {
  const { must, scenario } = facts;
  must(!scenario.settings.observe, "I8", () => `${name} is told ${word}, but the controller only observes`);
  // A batch may be on its way to the disk when the link is lost, or a rival heard.
  const writing = facts.disk().slowest * 3 + 50;
  const linked = facts.linkAt !== undefined || facts.host.now() <= facts.linkLostAt + writing;
  must(linked, "I5", () => `${name} is told ${word} without a request link`);
  const heedsRival = facts.rival && facts.host.now() > facts.rivalAt + writing;
  must(!heedsRival, "I40", () => `${name} is told ${word} while another controller may be live`);
  must(!facts.storeRefuses, "I37", () => `${name} is told ${word} while the store refuses`);
  const said = facts.heard.get(name);
  must(
    said !== undefined && said.at >= (facts.linkAt ?? 0) && said.at >= (facts.busAt ?? 0),
    "I5",
    () => `${name} is told ${word} before it has said where it stands`,
  );
}

/** I11, where the controller itself had moved the relay in this boot of its machine. */
function checkRest(facts: Facts, { name }: ResourceSettings, least: number, what: string): void {
  const relay = facts.relays.get(name);
  if (
    relay !== undefined &&
    relay.why === "command" &&
    relay.boot === facts.host.boot &&
    relay.told === undefined
  ) {
    const rested = facts.host.now() - relay.movedAt;
    facts.must(rested + rounding >= least, "I11", () => `${name} rested ${rested} ms, ${what} is ${least}`);
  }
}

/** I10, as far as batches take different times to be written: repeats of one command, by one process, with no movement in between. */
export function checkRepeat(facts: Facts, { name }: ResourceSettings, word: string): void {
  const relay = facts.relays.get(name);
  if (relay === undefined) {
    return;
  }
  const now = facts.host.now();
  const process = facts.process?.startedAt ?? 0;
  const last = relay.told;
  if (last !== undefined && last.word === word && last.process === process) {
    facts.must(
      now - last.at + facts.disk().slowest + 50 >= 1000,
      "I10",
      () => `${name} is told ${word} again after ${now - last.at} ms`,
    );
  }
  relay.told = { word, at: now, process };
}
