// Rules for how power is cut: shutdowns that could never be seen to be over, and hosts that would lose their power hard. What is
// told as a warning here may be meant; what is told as a mistake could not work.

import { inTransition } from "../core/availability.ts";
import { formatDuration } from "../core/duration.ts";
import { millis } from "../core/time.ts";
import { checkedHost, hasMeter, outletsNamed, switcherOf, tellsItsEnd, toldHost } from "./devices.ts";
import { atKey, atValue, type Finding } from "./explain.ts";
import { type Path, quote } from "./mistakes.ts";
import type { ResourceEntry } from "./schema.ts";
import { checkTimeoutDefault, type ShutdownEntry } from "./schema-kinds.ts";
import type { Subject } from "./subject.ts";

export const shutdownRules = (subject: Subject): readonly Finding[] =>
  shutdowns(subject).flatMap((one) => unseen(one).concat(unmetered(one, subject)));

export const shutdownWarnings = (subject: Subject): readonly Finding[] => [
  ...hardCuts(subject),
  ...shutdowns(subject).flatMap((one) => onTrust(one).concat(tight(one), hasty(one), cutAnyway(one))),
  ...othersHosts(subject),
  ...sharedMeters(subject),
];

interface Shutdown {
  readonly resource: string;
  readonly entry: ResourceEntry;
  readonly path: Path;
  readonly shutdown: ShutdownEntry;
}

function shutdowns({ values: { resources } }: Subject): readonly Shutdown[] {
  return Object.entries(resources).flatMap(([resource, entry]) =>
    entry.shutdown === undefined || entry.shutdown === "none"
      ? []
      : [{ resource, entry, path: ["resources", resource, "shutdown"], shutdown: entry.shutdown }],
  );
}

/** Without a check only the good end of a command counts as the machine's; that a request was taken does not, whatever a meter shows. */
function unseen({ entry, path, shutdown }: Shutdown): Finding[] {
  return entry.check !== undefined || tellsItsEnd(shutdown)
    ? []
    : [
        atKey(
          path,
          `nothing would show that it is down, and so its power would never be cut: that a request of type ${shutdown.type} was taken ` +
            "does not show it; give the resource a check",
        ),
      ];
}

function unmetered({ entry, path, shutdown: { idleBelow } }: Shutdown, subject: Subject): Finding[] {
  const outlet = outletsNamed(entry.switcher).find((one) => {
    const options = switcherOf(one, subject.values.switchers);
    return options !== undefined && !hasMeter(options);
  });
  return idleBelow === undefined || outlet === undefined
    ? []
    : [
        atKey(
          [...path, "idleBelow"],
          `the outlet ${quote(outlet)} has no meter, so that nothing would ever be below it; take idleBelow out`,
        ),
      ];
}

/** A host whose power goes without its operating system being told. */
function hardCuts({ values: { resources } }: Subject): Finding[] {
  return Object.entries(resources).flatMap(([name, { check, shutdown }]) => {
    const host = shutdown === undefined ? checkedHost(check) : undefined;
    return host === undefined
      ? []
      : [
          atKey(
            ["resources", name],
            `lastout will cut the power of the host ${quote(host)} without shutting it down; give it a shutdown, ` +
              "or write shutdown: none where that is meant",
          ),
        ];
  });
}

function onTrust({ entry, path, shutdown }: Shutdown): Finding[] {
  return entry.check !== undefined || shutdown.idleBelow !== undefined || !tellsItsEnd(shutdown)
    ? []
    : [
        atKey(
          path,
          `power is cut ${formatDuration(shutdown.settle)} after the command ended well, whether the machine is down by then or not; ` +
            "give the resource a check, which shows it",
        ),
      ];
}

/** It would be found overdue, and be told so, before anybody could see that it is gone; with a neighbour on its outlet again and again. */
function tight({ entry: { check }, path, shutdown: { timeout } }: Shutdown): Finding[] {
  if (check === undefined) {
    return [];
  }
  const pause = millis(Math.min(check.interval, inTransition));
  const seen = millis((pause + (check.timeout ?? checkTimeoutDefault)) * check.fall);
  return seen < timeout
    ? []
    : [
        atKey(
          [...path, "timeout"],
          `it takes up to ${formatDuration(seen)} until its check shows that it is gone (fall ${check.fall}, every ${formatDuration(pause)}); ` +
            `${formatDuration(timeout)} end before that, 2m are usual`,
        ),
      ];
}

/** From the last answer to quiet disks; a kernel that still answers pings has not unmounted its file systems for long. */
const leastSettle = millis(1_000);

function hasty({ path, shutdown: { settle, idleBelow } }: Shutdown): Finding[] {
  return settle >= leastSettle || idleBelow !== undefined
    ? []
    : [
        atKey(
          [...path, "settle"],
          `${formatDuration(settle)} after the last answer, disks may still be written to; 10s is usual`,
        ),
      ];
}

function cutAnyway({ path, shutdown: { onTimeout, timeout } }: Shutdown): Finding[] {
  return onTimeout === "keep"
    ? []
    : [
        atValue(
          [...path, "onTimeout"],
          `after ${formatDuration(timeout)} power is cut from a machine that may still be writing to its disks; ` +
            "keep leaves it on and tells the problem shutdown-timeout",
        ),
      ];
}

/** A block that was copied: one machine's end would shut down another, with its users on it. */
function othersHosts(subject: Subject): Finding[] {
  const checked = new Map<string, string>();
  for (const [name, { check }] of Object.entries(subject.values.resources)) {
    const host = checkedHost(check)?.toLowerCase();
    if (host !== undefined && !checked.has(host)) {
      checked.set(host, name);
    }
  }
  return shutdowns(subject).flatMap(({ resource, entry, path, shutdown }) => {
    const host = toldHost(shutdown)?.toLowerCase();
    const owner = host === undefined ? undefined : checked.get(host);
    return host === undefined ||
      owner === undefined ||
      owner === resource ||
      checkedHost(entry.check)?.toLowerCase() === host
      ? []
      : [
          atValue(
            [...path, "host"],
            `this is the host of the resource ${quote(owner)}, which would be shut down when nobody uses ${quote(resource)} any more`,
          ),
        ];
  });
}

/** A meter measures all that hangs on its outlet. */
function sharedMeters(subject: Subject): Finding[] {
  const users = new Map<string, string[]>();
  for (const [name, { switcher }] of Object.entries(subject.values.resources)) {
    for (const outlet of new Set(outletsNamed(switcher))) {
      const known = users.get(outlet);
      if (known === undefined) {
        users.set(outlet, [name]);
      } else {
        known.push(name);
      }
    }
  }
  return shutdowns(subject).flatMap(({ resource, entry, path, shutdown }) => {
    const outlet = outletsNamed(entry.switcher).find((one) => (users.get(one)?.length ?? 0) > 1);
    const other = outlet === undefined ? undefined : users.get(outlet)?.find((name) => name !== resource);
    return shutdown.idleBelow === undefined || outlet === undefined || other === undefined
      ? []
      : [
          atKey(
            [...path, "idleBelow"],
            `the meter of ${quote(outlet)} shows what the resource ${quote(other)} draws, too; idleBelow has to be above that`,
          ),
        ];
  });
}
