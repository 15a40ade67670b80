// Whether a switcher can be heard. A last will is a hint and an answer is proof: in doubt it is asked, and whoever does not
// answer in time is silent, which makes its outlets unknown and never off. What its relays should do is not decided here.

import { announce } from "./announce.ts";
import type { Asking, Book, Outlet, SwitcherBook, Turn } from "./book.ts";
import { setDeadline } from "./deadlines.ts";
import { after, type Instant, type Millis, millis } from "./time.ts";
import { isWanted } from "./wants.ts";

/** A Tasmota answers within 0.2 s, but one busy with Wi-Fi or DNS stalls for seconds. */
const answerWithin = millis(3000);

/** Between two questions to a silent switcher: doubling from 2 s to a minute, to 10 s while somebody wants one of its outlets. */
function askAgainAfter(book: Book, switcher: SwitcherBook, tries: number): Millis {
  const wanted = switcher.outlets.some(({ resources }) => resources.some((one) => isWanted(book, one)));
  return millis(Math.min(wanted ? 10_000 : 60_000, 2000 * 2 ** Math.min(tries, 5)));
}

/**
 * Ask all its outlets where they stand. Also asks again while an answer is still due (it may have been deaf until now), which
 * gives it no more time: or one that is asked often would never be found silent.
 */
export function ask(turn: Turn, switcher: SwitcherBook): void {
  if (switcher.asking === undefined || switcher.asking.givenUp) {
    switcher.asking = awaitAnswer(turn.at, 0);
  }
  sendQuestion(turn, switcher);
}

/** It did not answer, and is given its time for an answer once more. */
function askAgain(turn: Turn, switcher: SwitcherBook): void {
  switcher.asking = awaitAnswer(turn.at, (switcher.asking?.tries ?? 0) + 1);
  sendQuestion(turn, switcher);
}

const awaitAnswer = (at: Instant, tries: number): Asking => ({
  since: at,
  tries,
  until: after(at, answerWithin),
  givenUp: false,
});

function sendQuestion(turn: Turn, switcher: SwitcherBook): void {
  turn.effects.push({ kind: "ask", switcher: switcher.settings.name });
  setAskDeadline(turn, switcher);
}

/** Its transport is up, or the link came back: what was seen before is of the past. */
export function askAfresh(turn: Turn, switcher: SwitcherBook): void {
  for (const outlet of switcher.outlets) {
    outlet.stale = true;
  }
  switcher.asking = undefined;
  ask(turn, switcher);
}

/** Its transport is gone. That is no news of its outlets until nothing was heard for as long as an answer may take. */
export function lose(turn: Turn, switcher: SwitcherBook): void {
  for (const outlet of switcher.outlets) {
    outlet.stale = true;
  }
  switcher.asking = awaitAnswer(turn.at, 0);
  setAskDeadline(turn, switcher);
}

/** One of its outlets was heard. */
export function heard(turn: Turn, switcher: SwitcherBook, changed: boolean): void {
  const { asking } = switcher;
  if (asking !== undefined && switcher.outlets.every((outlet) => hasAnswered(outlet, asking.since))) {
    switcher.asking = undefined;
    setAskDeadline(turn, switcher);
  }
  if (changed || switcher.reach !== "answering") {
    switcher.reach = "answering";
    publishSwitcher(turn, switcher);
  }
}

/**
 * The time for an answer, or for another question, has come.
 * @returns the outlets that have become unknown
 */
export function wakeSwitcher(turn: Turn, switcher: SwitcherBook): readonly Outlet[] {
  const { asking } = switcher;
  if (asking === undefined || asking.givenUp) {
    askAgain(turn, switcher);
    return [];
  }
  const mute = switcher.outlets.filter((outlet) => !hasAnswered(outlet, asking.since));
  const news = switcher.reach === "unheard" || mute.some((outlet) => !outlet.silent);
  for (const outlet of mute) {
    outlet.seen = { name: "unknown" };
    outlet.stale = true;
    outlet.silent = true;
  }
  if (mute.length === switcher.outlets.length) {
    switcher.reach = "silent";
  }
  switcher.asking = {
    ...asking,
    until: after(turn.at, askAgainAfter(turn.book, switcher, asking.tries)),
    givenUp: true,
  };
  setAskDeadline(turn, switcher);
  if (news) {
    publishSwitcher(turn, switcher);
  }
  return mute;
}

/** Devices are heard over a connection of their own, at a start before there is one over which to tell what was found. */
export function tellRetainedCommands(turn: Turn, { settings, retainedCommands }: SwitcherBook): void {
  if (turn.book.link.name === "down") {
    return;
  }
  for (const [topic, said] of retainedCommands) {
    if (said === "untold") {
      retainedCommands.set(topic, "told");
      announce(turn, undefined, "retained-command", { switcher: settings.name, topic });
    }
  }
}

export function publishSwitcher(turn: Turn, switcher: SwitcherBook): void {
  if (turn.book.link.name === "up") {
    turn.effects.push({ kind: "publish", what: "switcher", name: switcher.settings.name });
  }
}

/** True when every outlet has said where it stands, or was asked in vain. */
export function allOutletsKnown(book: Book): boolean {
  for (const outlet of book.outlets.values()) {
    if (outlet.stale && !outlet.silent) {
      return false;
    }
  }
  return true;
}

const hasAnswered = (outlet: Outlet, since: Instant): boolean =>
  outlet.heardAt !== undefined && outlet.heardAt >= since;

function setAskDeadline(turn: Turn, switcher: SwitcherBook): void {
  setDeadline(
    turn.book.deadlines,
    { kind: "switcher", name: switcher.settings.name },
    switcher.asking?.until,
  );
}
