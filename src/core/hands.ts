// What somebody did at the device itself, and what it means: whose doing a position is, a hand's OFF that is respected and lifted, what is
// found on, and what a reboot brings back (protocol section 5 rules 8 and 9, section 6).

import { callOffCycle, linger, start } from "./activities.ts";
import { announce } from "./announce.ts";
import { type Activity, type Outlet, type Resource, touch, type Turn } from "./book.ts";
import { lockoutOf, needsOf } from "./lockout.ts";
import { setOwn } from "./outlet.ts";
import { after, millis } from "./time.ts";
import { isWanted } from "./wants.ts";
import { isHandOff } from "./wishes.ts";

/**
 * A new want. It lifts a hand's OFF, of the resource and of what it needs: what was confirmed on and is not seen on now may be switched
 * on again (rule 9). And it calls off an operator's power cycle that has not begun.
 */
export function liftHand(turn: Turn, resource: Resource): void {
  for (const one of needsOf(resource)) {
    const wasHandOff = isHandOff(one);
    for (const outlet of one.outlets) {
      if (outlet.own === "confirmed" && (outlet.seen.name !== "on" || outlet.stale)) {
        setOwn(turn, outlet, "commanded");
      }
      outlet.handOff = false;
    }
    if (wasHandOff && one.activity.name === "starting") {
      one.activity = start(turn.at);
    }
    const { cycle } = one.record;
    // Where nothing was shut down, an OFF that was sent is seen through, but not repeated under a new holder.
    const { activity } = one;
    const begun = activity.name === "leaving" || (activity.name === "stopping" && activity.cleared !== "no");
    if (cycle?.stage === "off" && !cycle.force && !begun) {
      callOffCycle(turn, one);
    }
    touch(turn, one);
  }
}

/** On, and nobody wants it: ours, put right after a reboot, or a hand's (rule 8, and section 10 on who was away). */
export function foundOn(turn: Turn, resource: Resource): Activity {
  const on = resource.outlets.filter(({ seen }) => seen.name === "on");
  if (on.some(({ own }) => own === "outside")) {
    return { name: "held", why: "outside" };
  }
  const external = on.find((outlet) => (outlet.own === "none" || outlet.letGo) && !outlet.rebooted);
  if (external === undefined) {
    ownAll(turn, on, "confirmed"); // durable, because the evidence is not
    return linger(turn, resource);
  }
  const { name, onExternalOn } = resource.settings;
  // Whoever switches on what is locked out stands before it: it is left alone, whatever the policy.
  const policy = lockoutOf(turn.book, resource) === undefined ? onExternalOn : "ignore";
  announce(turn, name, "external-on", { outlet: external.settings.id, policy });
  switch (policy) {
    case "adopt":
    case "ignore":
      ownAll(turn, on, "outside");
      return { name: "held", why: "outside" };
    case "reclaim":
      ownAll(turn, on, "confirmed");
      return linger(turn, resource);
  }
}

/**
 * Wanted, confirmed on, and seen off: rebooted into the wrong position, or switched off by a hand (rule 9), of several outlets each for
 * itself. On an outlet that several want, one that respects a hand is enough.
 * @returns whether something was noticed
 */
export function noteHands(turn: Turn, resource: Resource): boolean {
  let noticed = false;
  for (const outlet of resource.outlets) {
    if (outlet.seen.name === "off" && !outlet.stale && !outlet.handOff && outlet.own === "confirmed") {
      noticed = true;
      noteHand(turn, outlet);
    }
  }
  return noticed;
}

/**
 * `restore` is for a hand that slipped. What is switched off again and again is so by somebody who insists, or protects itself: a Tasmota
 * over its MaxPower or too hot goes off within seconds, and a relay that is driven on each time ends in smoke.
 */
const mostRestores = 3;
const insistence = millis(600_000);

/** It went off again each time that it was switched on again, so that it is left alone. */
export const isGivenUp = ({ restores }: Outlet): boolean => restores.length >= mostRestores;

function noteHand(turn: Turn, outlet: Outlet): void {
  if (outlet.rebooted) {
    setOwn(turn, outlet, "none");
    return;
  }
  const wanting = outlet.resources.filter((one) => isWanted(turn.book, one));
  outlet.restores = outlet.restores.filter((at) => after(at, insistence) > turn.at);
  const restores =
    !isGivenUp(outlet) && wanting.every(({ settings }) => settings.onExternalOff === "restore");
  const policy = restores ? "restore" : "respect";
  for (const { settings } of wanting) {
    announce(turn, settings.name, "external-off", { outlet: outlet.settings.id, policy });
  }
  if (restores) {
    outlet.restores = [...outlet.restores, turn.at];
    setOwn(turn, outlet, "none");
  } else {
    outlet.handOff = true;
  }
}

/** Under a lockout: its device has rebooted and switched it on by itself, so that no hand answers for it any more (section 6). */
export function backFromReboot(turn: Turn, resource: Resource): void {
  const back = resource.outlets.filter(
    ({ own, rebooted, stale, seen }) => own === "outside" && rebooted && !stale && seen.name === "on",
  );
  if (back.length > 0 && lockoutOf(turn.book, resource) !== undefined) {
    ownAll(turn, back, "confirmed");
  }
}

/** What was switched on by hand beside the outlets that were adopted is adopted, too. */
export function adoptTheRest(turn: Turn, resource: Resource): void {
  const more = resource.outlets.filter(({ seen, own }) => seen.name === "on" && own === "none");
  if (resource.outlets.some(({ own }) => own === "outside")) {
    ownAll(turn, more, "outside");
  }
}

export function ownAll(turn: Turn, outlets: readonly Outlet[], whose: "confirmed" | "outside"): void {
  for (const outlet of outlets) {
    // Another resource on it is being switched off right now: that is seen through.
    if (outlet.own !== "leaving" || outlet.command?.position !== "off") {
      setOwn(turn, outlet, whose);
    }
  }
}
