// The room of outlets: what a relay is seen to be, what it was told, and what it may be told now. A switch is done when the
// device says so. Why a relay should be on or off is its resources' business (resource.ts); their wishes come together in wishes.ts.

import { announce } from "./announce.ts";
import type { Book, Outlet, Turn } from "./book.ts";
import type { Ownership } from "./changes.ts";
import { setDeadline } from "./deadlines.ts";
import { type Gate, offGate, onGate } from "./gates.ts";
import { lockoutOn } from "./lockout.ts";
import type { Position } from "./settings.ts";
import { ask, heard } from "./switcher.ts";
import { after, before, type Instant, type Millis, millis, soonerOf } from "./time.ts";
import { offIsUrgent, wishFor } from "./wishes.ts";

/**
 * Repeats of a command: 2 s after the first (a Tasmota answers within 0.2 s, and stalls for seconds at worst: its MQTT socket
 * is served every 50 ms and blocks during DNS), then twice as long each time, at most one a minute (protocol 5 rule 5).
 */
const repeatAfter = (sends: number): Millis => millis(Math.min(60_000, 2000 * 2 ** Math.min(sends - 1, 5)));

/** A device's uptime has a resolution of 1 s and its messages take a while: less than this is no evidence of a reboot. */
const uptimeTolerance = millis(10_000);

/** The device said live where a relay stands. What follows from it is decided by `review` of its resources. */
export function hear(turn: Turn, outlet: Outlet, position: Position, uptime: Millis | undefined): void {
  const { at } = turn;
  const earlier = outlet.seen;
  outlet.heardAt = at;
  outlet.stale = false;
  outlet.silent = false;
  if (earlier.name !== position) {
    outlet.seen = { name: position, since: at };
    if (outlet.lastKnown !== position) {
      outlet.movedAt = at; // or earlier, unseen: to be on the safe side it has moved now
    }
    outlet.lastKnown = position;
    outlet.onByCommand =
      position === "on" && outlet.command?.position === "on" && !turn.book.settings.observe;
  }
  if (position === "on") {
    outlet.handOff = false;
  }
  noteUptime(turn, outlet, uptime);
  if (outlet.command?.position === position) {
    outlet.command = undefined;
    outlet.mismatch = false;
  }
  heard(turn, outlet.switcher, earlier.name !== position);
}

/** Between two equal commands, also when it was decided anew in between (protocol 5 rule 5: at least 1 s). */
const equalApart = millis(1000);

/** A device that runs for less long than it did was rebooted meanwhile, whether or not its boot message was heard. */
function noteUptime(turn: Turn, outlet: Outlet, uptime: Millis | undefined): void {
  if (uptime === undefined) {
    return;
  }
  const bootedAt = before(turn.at, uptime);
  if (outlet.bootedAt !== undefined && bootedAt > after(outlet.bootedAt, uptimeTolerance)) {
    outlet.rebooted = true;
    if (outlet.seen.name === "off" && bootedAt <= outlet.seen.since) {
      outlet.handOff = false; // it was no hand: the reboot came before
    }
  }
  outlet.bootedAt = bootedAt;
  const stored = outlet.bootedAtStored;
  if (
    turn.book.store === "writing" &&
    (stored === undefined || Math.abs(bootedAt - stored) > uptimeTolerance)
  ) {
    persistOutlet(turn, outlet);
  }
}

/** Whose doing its position is, from now on; durable before the command that follows. */
export function setOwn(turn: Turn, outlet: Outlet, own: Ownership): void {
  outlet.letGo &&= own === "none";
  if (outlet.own !== own) {
    outlet.own = own;
    persistOutlet(turn, outlet);
  }
}

function persistOutlet(turn: Turn, outlet: Outlet): void {
  const { own, movedAt, bootedAt } = outlet;
  outlet.bootedAtStored = bootedAt;
  turn.effects.push({
    kind: "persist",
    change: { kind: "outlet", record: { outlet: outlet.settings.id, own, movedAt, bootedAt } },
  });
}

/** Bring the relay to where its resources want it, one careful step: nothing if it is there, a command if its gate is open, else a deadline. */
export function settle(turn: Turn, outlet: Outlet): void {
  const wish = wishFor(turn.book, outlet);
  switch (wish) {
    case "on":
    case "off":
      bring(turn, outlet, wish);
      return;
    case "seeThrough":
      seeThrough(turn, outlet);
      return;
    case "keep":
    case "leave":
      rest(turn, outlet);
      return;
  }
}

/** Whatever it was told before stands no longer. */
function rest(turn: Turn, outlet: Outlet): void {
  outlet.command = undefined;
  outlet.mismatch = false;
  setOutletDeadline(turn, outlet, undefined);
}

function bring(turn: Turn, outlet: Outlet, wish: Position): void {
  if (outlet.seen.name === wish) {
    rest(turn, outlet);
    return;
  }
  if (outlet.command !== undefined && outlet.command.position !== wish) {
    outlet.command = undefined;
  }
  const { command } = outlet;
  const mismatchAt = command && after(command.firstAt, patienceOf(outlet));
  if (mismatchAt !== undefined && mismatchAt <= turn.at && !turn.book.settings.observe) {
    outlet.mismatch = true;
  }
  const next = nextSend(turn, outlet, wish, gateFor(turn, outlet, wish));
  if (next !== undefined && next <= turn.at) {
    send(turn, outlet, wish);
  }
  const again = outlet.command === command ? next : outlet.command?.nextAt;
  const pending = outlet.command && after(outlet.command.firstAt, patienceOf(outlet));
  setOutletDeadline(turn, outlet, soonerOf(later(turn, again), later(turn, pending)));
}

/** Of several resources on one outlet, the most patient one rules. */
export const patienceOf = ({ resources }: Outlet): Millis =>
  millis(Math.max(0, ...resources.map(({ settings }) => settings.switchTimeout)));

/** OFF was sent and is wanted no more: it is not repeated, but its outcome is seen through. Asks once the time for an answer is over. */
function seeThrough(turn: Turn, outlet: Outlet): void {
  const { at } = turn;
  if (outlet.seen.name === "off") {
    rest(turn, outlet);
    return;
  }
  // Nothing known to be under way (a store that refused made it forget): ask, as after a command.
  const command = outlet.command ?? { ...noCommand, firstAt: at, sentAt: at, nextAt: at };
  if (command.nextAt <= at) {
    const sends = command.sends + 1;
    outlet.command = { ...command, sends, askedAt: at, nextAt: after(at, repeatAfter(sends)) };
    ask(turn, outlet.switcher, 0);
  }
  setOutletDeadline(turn, outlet, outlet.command?.nextAt);
}

/**
 * A command is sent only if it is still decided so at the end of its batch: a token may have come, or gone, in the same one. An OFF
 * that is not sent after all is taken for one that was ignored.
 */
export function isStillDecided(book: Book, outlet: Outlet, position: Position): boolean {
  if (outlet.command?.position !== position || outlet.stale) {
    return false;
  }
  return position === "off" ? wishFor(book, outlet) === "off" : lockoutOn(book, outlet) === undefined;
}

const noCommand = { position: "off", sends: 1, askedAt: undefined } as const;

const gateFor = (turn: Turn, outlet: Outlet, wish: Position): Gate =>
  wish === "on"
    ? onGate(turn.book, outlet, turn.at)
    : offGate(turn.book, outlet, turn.at, offIsUrgent(turn.book, outlet));

/** When the command goes out (again); `undefined`: not before something happens. */
function nextSend(turn: Turn, outlet: Outlet, wish: Position, gate: Gate): Instant | undefined {
  if (outlet.command !== undefined && turn.book.settings.observe) {
    return undefined; // said once; nothing was sent that could be repeated
  }
  switch (gate.name) {
    case "open":
      return (
        outlet.command?.nextAt ??
        (outlet.lastSent?.position === wish ? after(outlet.lastSent.at, equalApart) : turn.at)
      );
    case "until":
      return soonerOfDue(outlet.command?.nextAt, gate.at);
    case "shut":
      return undefined;
  }
}

/** A gate that opens later holds back a repeat that is due sooner. */
const soonerOfDue = (repeatAt: Instant | undefined, opens: Instant): Instant =>
  repeatAt !== undefined && repeatAt > opens ? repeatAt : opens;

function send(turn: Turn, outlet: Outlet, position: Position): void {
  const { at, book } = turn;
  const earlier = outlet.command;
  const sends = (earlier?.sends ?? 0) + 1;
  if (earlier === undefined) {
    for (const { settings } of outlet.resources) {
      announce(turn, settings.name, position === "on" ? "switch-on" : "switch-off", {
        outlet: outlet.settings.id,
        ...(book.settings.observe ? { observe: true } : {}),
      });
    }
  } else if (outlet.heardAt === undefined || outlet.heardAt < earlier.sentAt) {
    ask(turn, outlet.switcher, 0); // no answer at all: is it there?
  }
  outlet.attempt += 1;
  outlet.lastSent = { position, at };
  if (position === "on") {
    outlet.switcher.lastOnAt = at;
  }
  outlet.command = {
    position,
    firstAt: earlier?.firstAt ?? at,
    sentAt: at,
    sends,
    nextAt: after(at, repeatAfter(sends)),
    askedAt: undefined,
  };
  if (!book.settings.observe) {
    setOwn(turn, outlet, position === "on" ? "commanded" : "leaving");
    turn.effects.push({ kind: "command", outlet: outlet.settings.id, position, attempt: outlet.attempt });
  }
}

const later = (turn: Turn, when: Instant | undefined): Instant | undefined =>
  when !== undefined && when > turn.at ? when : undefined;

function setOutletDeadline(turn: Turn, outlet: Outlet, at: Instant | undefined): void {
  setDeadline(turn.book.deadlines, { kind: "outlet", name: outlet.settings.id }, at);
}
